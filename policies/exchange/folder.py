"""A folder in which LeRobot saved a policy, read without running any code of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from lerobot.configs.types import NormalizationMode
from lerobot.utils.constants import (
    ACTION,
    OBS_IMAGES,
    OBS_STATE,
    POLICY_POSTPROCESSOR_DEFAULT_NAME,
    POLICY_PREPROCESSOR_DEFAULT_NAME,
)
from safetensors import SafetensorError
from safetensors.numpy import load_file

from hlm.core.arrays import FloatArray
from hlm.core.documents import from_document
from hlm.core.errors import CorruptError, HlmError, MismatchError, MissingFileError
from hlm.core.layout import DIMENSIONS
from hlm.core.serialization import read_json

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
IMAGES = f"{OBS_IMAGES}."
EMPTY_CAMERA = "empty_camera_"
NORMALISER, UNNORMALISER = "normalizer_processor", "unnormalizer_processor"
# Steps that change nothing, or that hlm's encoding does too.
KNOWN = (
    "to_batch_processor",
    "device_processor",
    "smolvla_new_line_processor",
    NORMALISER,
    UNNORMALISER,
    "rename_observations_processor",
    "image_crop_resize_processor",
    "tokenizer_processor",
    "relative_actions_processor",
    "absolute_actions_processor",
    "pi05_prepare_state_tokenizer_processor_step",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A step of LeRobot's pre- or postprocessor.

    Attributes:
        name: LeRobot's name of the step.
        config: its options.
        state_file: file with its statistics, or None.
    """

    name: str
    config: Mapping[str, Any]
    state_file: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyFolder:
    """A policy that LeRobot saved.

    Attributes:
        path: the folder.
        config: its config.json.
        steps: steps of the pre- and the postprocessor by name; no name occurs twice.
    """

    path: Path
    config: Mapping[str, Any]
    steps: Mapping[str, Step]

    @classmethod
    def read(cls, path: Path) -> Self:
        """The policy in a folder.

        Raises:
            MissingFileError: no policy, or one saved by an old LeRobot.
            CorruptError: a file is damaged.
            MismatchError: a step that hlm does not support.
        """
        for name in (CONFIG_FILE, WEIGHTS_FILE):
            if not (path / name).is_file():
                raise MissingFileError(f"no LeRobot policy at {path}: it has no {name}.")
        steps: dict[str, Step] = {}
        for name in (POLICY_PREPROCESSOR_DEFAULT_NAME, POLICY_POSTPROCESSOR_DEFAULT_NAME):
            file = path / f"{name}.json"
            if not file.is_file():
                raise MissingFileError(
                    f"{path} has no {file.name}: an old LeRobot saved it. Migrate it with LeRobot: python -m "
                    f"lerobot.processor.migrate_policy_normalization --pretrained-path {path}"
                )
            steps |= {step.name: step for step in _steps(file)}
        return cls(path=path, config=read_json(path / CONFIG_FILE), steps=steps)

    @property
    def cameras(self) -> dict[str, tuple[int, int]]:
        """Height and width of the images by camera, px, in the network's order.

        Raises:
            MismatchError: the policy has an input besides images and state.
        """
        return {self._renamed().get(key, key).removeprefix(IMAGES): size for key, size in self._images().items()}

    @property
    def image_figures(self) -> list[dict[str, FloatArray]]:
        """[colour] statistics by name that LeRobot normalises the images with, per camera.

        Raises:
            MismatchError: the policy has an input besides images and state.
            CorruptError: the file is damaged.
        """
        return [self.figures(key) for key in self._images()]

    @property
    def proprioception(self) -> bool:
        """Whether it sees the state."""
        return OBS_STATE in self._features("input_features")

    def check_dimensions(self) -> None:
        """Check that state and action have the contract's dimensions.

        Raises:
            MismatchError: they have others.
        """
        found = {**self._features("output_features"), **self._features("input_features")}
        for key in (ACTION, OBS_STATE):
            if (key == ACTION or key in found) and found.get(key) != (DIMENSIONS,):
                raise MismatchError(
                    f"{self.path} has {key} {list(found.get(key, ()))}; hlm's has {DIMENSIONS} dimensions. Only "
                    "policies trained on datasets in hlm's layout can be imported."
                )

    def check_raw_images(self) -> None:
        """Check that LeRobot does not normalise images.

        Raises:
            MismatchError: it does.
        """
        if (mode := self.mode("VISUAL")) is not NormalizationMode.IDENTITY:
            raise MismatchError(f"{self.path} normalises images by {mode.value}; hlm does not normalise them.")

    def check_padding(self, *fields: str) -> None:
        """Check that LeRobot pads vectors to no more than the contract's dimensions.

        Args:
            *fields: fields of the configuration with padded lengths.

        Raises:
            MismatchError: it pads to another length.
        """
        for field in fields:
            if self.config[field] != DIMENSIONS:
                raise MismatchError(
                    f"{self.path} has {field} = {self.config[field]}, and hlm's networks have {DIMENSIONS} dimensions. "
                    f"Train it with --policy.{field}={DIMENSIONS}."
                )

    def options[Options](self, options: type[Options], names: Mapping[str, str], **more: Any) -> Options:
        """Options of a policy type, from LeRobot's configuration.

        Args:
            options: class of the options.
            names: LeRobot's name of each option.
            **more: other options.

        Raises:
            MismatchError: hlm does not support one of the values.
        """
        try:
            document = {ours: self.config[theirs] for ours, theirs in names.items()}
            return from_document(options, document | more, "config.json")
        except HlmError as error:
            raise MismatchError(f"{self.path} cannot be imported: {error}") from error

    def mode(self, part: str) -> NormalizationMode:
        """How LeRobot normalises "STATE", "ACTION" or "VISUAL".

        Raises:
            CorruptError: the normaliser's configuration is damaged.
        """
        step = self._step(UNNORMALISER if part == "ACTION" else NORMALISER)
        try:
            return NormalizationMode(step.config["norm_map"].get(part, "IDENTITY"))
        except (KeyError, AttributeError, ValueError) as error:
            raise CorruptError(f"{self.path}: the normaliser's norm_map cannot be read ({error!r}).") from error

    def figures(self, key: str) -> dict[str, FloatArray]:
        """[dimension] statistics by name that LeRobot normalises a feature with.

        Raises:
            CorruptError: the file is damaged.
        """
        step = self._step(UNNORMALISER if key == ACTION else NORMALISER)
        if step.state_file is None:
            return {}
        file = self.path / Path(step.state_file).name
        try:
            found = load_file(file)
        except (SafetensorError, OSError) as error:
            raise CorruptError(f"{file} is damaged: {error}. Copy or download it again.") from error
        start = f"{key}."
        figures = {name.removeprefix(start): value for name, value in found.items() if name.startswith(start)}
        return {name: np.float64(value).reshape(-1) for name, value in figures.items() if "." not in name}

    def _images(self) -> dict[str, tuple[int, int]]:
        """Height and width by LeRobot's name."""
        sizes = {}
        for key, feature in self._features("input_features").items():
            if key == OBS_STATE or key.startswith(f"{IMAGES}{EMPTY_CAMERA}"):
                continue
            if not key.startswith(IMAGES) or len(feature) != 3 or feature[0] != 3:
                raise MismatchError(
                    f"{self.path} has an input {key} {list(feature)}; hlm's policies see images and state alone."
                )
            sizes[key] = (feature[1], feature[2])
        return sizes

    def _step(self, name: str) -> Step:
        if name not in self.steps:
            raise CorruptError(f"{self.path} has no {name} among its steps.")
        return self.steps[name]

    def _features(self, field: str) -> dict[str, tuple[int, ...]]:
        """Shapes by name."""
        try:
            return {key: tuple(map(int, value["shape"])) for key, value in self.config[field].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CorruptError(f"{self.path / CONFIG_FILE}: {field} cannot be read ({error!r}).") from error

    def _renamed(self) -> dict[str, str]:
        """The robot's name of each observation by the policy's."""
        step = self.steps.get("rename_observations_processor")
        return {} if step is None else {new: old for old, new in step.config.get("rename_map", {}).items()}


def _steps(file: Path) -> list[Step]:
    document = read_json(file)
    try:
        steps = [_step(item) for item in document["steps"]]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CorruptError(f"{file}: the steps cannot be read ({error!r}).") from error
    for step in steps:
        if step.name not in KNOWN or step.config.get("enabled") or step.config.get("crop_params_dict"):
            raise MismatchError(f"{file} has a step {step.name} {step.config}, which hlm does not support.")
    return steps


def _step(item: Mapping[str, Any]) -> Step:
    name = str(item.get("registry_name", item.get("class")))
    return Step(name=name, config=dict(item.get("config", {})), state_file=item.get("state_file"))
