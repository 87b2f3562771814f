"""The compact policy as whoever runs it sees it: observations in, action chunks out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch

from hlm.core.errors import CorruptError, InputError, MismatchError
from hlm.core.values import ActionChunk, Observation
from hlm.policies.checkpoint import Checkpoint
from hlm.policies.compact.flow import integrate
from hlm.policies.compact.model import CompactModel, Inputs
from hlm.policies.compact.pixels import scale_pixels


class CompactPolicy:
    """A trained compact policy; implements `hlm.core.protocols.Policy`.

    How many threads it computes with is the caller's business (`torch.set_num_threads`); one is best for one chunk.

    Attributes:
        cameras: that an observation must have.
        image_size: height and width of their pictures, px.
        rate_hz: actions per second.
        horizon: actions of a chunk.
        execute: actions of a chunk that are best played before the next one.
        euler_steps: flow steps per chunk.
        embodiment: robot that it was trained for.
        info: what there is to tell about it, by name.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        path: Path | None = None,
        euler_steps: int | None = None,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        config = checkpoint.config
        self.cameras = config.cameras
        self.image_size = config.recorded_size
        self.rate_hz = config.rate_hz
        self.horizon = config.network.size.horizon
        self.execute = config.sampling.execute
        self.euler_steps = config.sampling.euler_steps if euler_steps is None else euler_steps
        self.embodiment = config.embodiment
        if self.euler_steps < 1:
            raise InputError(f"euler_steps must be at least 1, got {self.euler_steps}.")
        self._device = torch.device(device)
        self._optional = config.optional_cameras
        self._encoding = config.encoding(checkpoint.statistics)
        self._model = _build(checkpoint).to(self._device)
        self._active = torch.from_numpy(self._encoding.action.active.astype(np.float32)).to(self._device)
        self._noise_shape = (1, config.network.size.coefficients, config.network.dimensions)
        self._generator = torch.Generator()
        self.info = self._describe(checkpoint, path)
        self.reset(seed)

    def reset(self, seed: int) -> None:
        """Start the noise that chunks are made from anew; the same seed gives the same chunks."""
        self._generator.manual_seed(seed)

    def inputs(self, observation: Observation) -> Inputs:
        """What the network sees of an observation, a batch of one.

        Raises:
            MismatchError: a camera is missing, or delivers another size.
            InputError: the instruction has an unknown word.
        """
        missing = [name for name in self.cameras if name not in observation.frames]
        if any(name not in self._optional for name in missing) or len(missing) == len(self.cameras):
            has = ", ".join(observation.frames) or "none"
            raise MismatchError(f"the policy needs cameras {', '.join(self.cameras)}; the observation has {has}.")
        black = np.zeros((*self._encoding.image_size, 3), np.uint8)
        pictures = [
            black if name in missing else self._encoding.picture(observation.frames[name].image, name)
            for name in self.cameras
        ]
        images = scale_pixels(torch.from_numpy(np.stack(pictures)[None]).to(self._device))
        available = torch.tensor([[name not in missing for name in self.cameras]]) if missing else None
        return Inputs(
            images=images,
            available=None if available is None else available.to(self._device),
            words=torch.from_numpy(self._encoding.vocabulary.encode(observation.instruction)[None]).to(self._device),
            state=torch.from_numpy(self._encoding.proprioception(observation.state)[None]).to(self._device),
        )

    @torch.inference_mode()
    def chunk(self, observation: Observation) -> ActionChunk:
        """Actions from `observation.stamp_ns` on; implements the protocol.

        Raises:
            MismatchError: a camera is missing, or delivers another size.
            InputError: the instruction has an unknown word.
        """
        prefix = self._model.encode(self.inputs(observation))
        noise = torch.randn(self._noise_shape, generator=self._generator).to(self._device)
        coefficients = integrate(partial(self._model.denoise, prefix), noise, self._active, self.euler_steps)
        actions = self._encoding.actions(coefficients[0].cpu().numpy())
        return ActionChunk(observation.stamp_ns, self.rate_hz, actions)

    def _describe(self, checkpoint: Checkpoint, path: Path | None) -> Mapping[str, object]:
        config = checkpoint.config
        return {
            "path": None if path is None else str(path),
            "policy": config.policy,
            "parameters": sum(tensor.numel() for tensor in checkpoint.weights.values()),
            "step": checkpoint.step,
            "embodiment": config.embodiment,
            "rate_hz": config.rate_hz,
            "cameras": list(config.cameras),
            "image_size": list(config.recorded_size),
            "network_image_size": list(config.network.image_size),
            "words": list(config.vocabulary.words),
            "horizon": self.horizon,
            "execute": self.execute,
            "euler_steps": self.euler_steps,
            "training": dict(config.training),
        }


def _build(checkpoint: Checkpoint) -> CompactModel:
    """The network with the checkpoint's weights.

    Raises:
        CorruptError: the weights belong to another network.
    """
    model = CompactModel(checkpoint.config.network)
    try:
        model.load_state_dict(dict(checkpoint.weights))
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise CorruptError(f"the weights do not fit the network that config.yaml describes: {reason}") from error
    return model.eval().requires_grad_(False)  # noqa: FBT003
