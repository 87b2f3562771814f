"""Held-out samples, and the scores of a network on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import torch

from hlm.core.arrays import FloatArray
from hlm.core.wording import counted
from hlm.datasets.loader import Samples
from hlm.datasets.reader import Episode
from hlm.policies.encoding import Encoding
from hlm.policies.network import Network
from hlm.policies.policy_type import PolicyType
from hlm.policies.training.batches import plain_batch
from hlm.policies.training.config import TrainConfig
from hlm.policies.training.draws import SampleDraws
from hlm.policies.training.samples import EncodedSample, collate, encoded_samples
from hlm.policies.training.tally import Tally
from hlm.policies.training.training_data import TrainingData
from hlm.policies.training.validation import Validation, chunk_errors
from hlm.policies.transforms.text import NoText, Text
from hlm.policies.transforms.vocabulary import Vocabulary

SAMPLES = 256


class HeldOut:
    """Evenly spaced samples of held-out episodes; the same samples and the same noise every time.

    Attributes:
        episodes: number of the episodes.

    Args:
        samples: samples to choose from.
        encoding: encoding of the samples.
        batch_size: samples to evaluate at once.
        seed: seed of the noise.
    """

    def __init__(self, samples: Samples[EncodedSample], encoding: Encoding, batch_size: int, seed: int) -> None:
        self.episodes = len(samples.episodes)
        numbers = np.linspace(0, len(samples) - 1, min(SAMPLES, len(samples))).round().astype(int).tolist()
        self._encoding = encoding
        self._seed = seed
        self._batches = [
            collate([samples[number] for number in numbers[first : first + batch_size]])
            for first in range(0, len(numbers), batch_size)
        ]

    @torch.inference_mode()
    def score(self, network: Network, euler_steps: Sequence[int], device: torch.device, step: int) -> Validation:
        """Losses and chunk errors of a network.

        Args:
            network: in evaluation mode.
            euler_steps: numbers of Euler steps to sample chunks with.
            device: where the network is.
            step: updates that made the network.
        """
        tally, sampled = Tally(()), dict[int, list[FloatArray]]((steps, []) for steps in euler_steps)
        for raw in self._batches:
            batch = plain_batch(raw, self._encoding, device)
            draws = SampleDraws(self._seed, raw.numbers.tolist(), device)
            losses = network(batch, draws)
            tally.add({"loss": losses.main, **losses.others}, torch.zeros(len(raw.numbers), device=device))
            noise = draws.normal(*network.noise_shape)
            for steps, chunks in sampled.items():
                chunks.append(network.sample(batch.inputs, noise, steps).float().cpu().numpy())
        truth = np.concatenate([raw.actions.numpy() for raw in self._batches])
        errors = tuple(
            chunk_errors(np.concatenate(chunks), truth, self._encoding, steps) for steps, chunks in sampled.items()
        )
        return Validation(step=step, terms=tally.take(lambda sums: sums), chunks=errors)


def open_held_out(
    config: TrainConfig, data: TrainingData, policy_type: PolicyType, encoding: Encoding, say: Callable[[str], None]
) -> HeldOut | None:
    """The held-out samples of a run; None if there are none.

    Episodes that show what no training episode has (a camera, an image size, a word) are left out.

    Args:
        config: of the run.
        data: its episodes.
        policy_type: its policy type.
        encoding: encoding fitted to the training episodes.
        say: tells a person how many episodes are left out, and why.
    """
    told = [ep for ep in data.validation if ep.info.instruction.strip() or isinstance(encoding.text, NoText)]
    visible = [episode for episode in told if _is_visible(episode, data)]
    known = [episode for episode in visible if _is_readable(episode, config, policy_type, encoding.text)]
    for skipped, why in (
        (len(data.validation) - len(told), "no instruction"),
        (len(told) - len(visible), "cameras that no training episode has"),
        (len(visible) - len(known), "words that no training episode has"),
    ):
        if skipped:
            say(f"{counted(skipped, 'held-out episode')} skipped, with {why}")
    if not known:
        if data.validation:
            say("no held-out episode is left: the run has no validation")
        return None
    samples = encoded_samples(known, encoding, policy_type.privileged(known, encoding))
    return HeldOut(samples, encoding, config.batch_size, config.seed)


def _is_visible(episode: Episode, data: TrainingData) -> bool:
    """Whether an episode has the cameras that every training episode has, with images in sizes that they have."""
    cameras = [name for name in data.cameras if name in episode.cameras]
    needed = set(data.cameras) - set(data.optional_cameras)
    return needed <= set(cameras) and all(episode.image_size(name) in data.recorded_sizes for name in cameras)


def _is_readable(episode: Episode, config: TrainConfig, policy_type: PolicyType, text: Text) -> bool:
    """Whether the vocabulary covers an episode's instructions; tokenizers know any words."""
    if not isinstance(text, Vocabulary):
        return True
    own = cast(Vocabulary, policy_type.new_text(config.policy_config, [episode]))
    return set(own.words) <= set(text.words) and own.slots <= text.slots
