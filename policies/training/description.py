"""What describes a run's policy in its checkpoint: config, statistics, and the run's own config."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hlm.core.documents import to_document
from hlm.core.errors import UnknownNameError
from hlm.datasets.statistics import Statistics
from hlm.datasets.statistics_cache import cached_statistics
from hlm.policies.augmentation_config import AugmentationConfig
from hlm.policies.checkpoint_config import CheckpointConfig, Sampling
from hlm.policies.encoding import EncodingConfig
from hlm.policies.training.config import TrainConfig
from hlm.policies.training.training_data import TrainingData
from hlm.policies.transforms.relative import relative_statistics
from hlm.policies.transforms.text import Text
from hlm.policies.transforms.vocabulary import Vocabulary


def new_checkpoint_config(config: TrainConfig, data: TrainingData, text: Text) -> CheckpointConfig:
    """Everything that will build the policy, apart from weights and statistics."""
    sizes = data.recorded_sizes
    return CheckpointConfig(
        policy=config.policy,
        embodiment=data.embodiment,
        rate_hz=data.rate_hz,
        encoding=EncodingConfig(
            cameras=data.cameras,
            optional_cameras=data.optional_cameras,
            recorded_sizes=sizes,
            image_size=config.image_size or sizes[0],
            horizon=config.horizon,
            order=config.order,
            actions=config.actions,
            proprioception=config.proprioception,
            # Relative to the state, a joint that is held where it was would drift away from there.
            small_ranges=config.policy_config.small_ranges if config.actions == "absolute" else "widen",
        ),
        policy_config=to_document(config.policy_config),
        vocabulary=text if isinstance(text, Vocabulary) else None,
        sampling=Sampling(euler_steps=config.euler_steps, execution_horizon=config.execution_horizon),
        training=run_document(config),
        mixture=to_document(data.mixture),
        training_seeds=data.seeds,
    )


def run_document(config: TrainConfig) -> dict[str, Any]:
    """The config that resuming starts from."""
    return replace(config, resume=None).to_document()


def training_statistics(config: TrainConfig, data: TrainingData) -> Statistics:
    """Statistics of the training steps; those of the actions are of relative actions where the config says so."""
    statistics = cached_statistics(data.episodes, data.step_weights)
    if config.actions == "absolute":
        return statistics
    return replace(statistics, action=relative_statistics(data.episodes, config.horizon, data.step_weights))


def usable_augmentation(config: TrainConfig, cameras: Sequence[str]) -> AugmentationConfig:
    """The augmentation, for cameras that there are; the policy type's default may name others.

    Raises:
        UnknownNameError: the user named a camera that does not exist.
    """
    given, default = config.augmentation, TrainConfig.for_policy(config.policy).augmentation
    for name in given.geometric:
        if name not in cameras and given.geometric != default.geometric:
            raise UnknownNameError("camera", name, cameras)
    return replace(given, geometric=tuple(name for name in given.geometric if name in cameras))
