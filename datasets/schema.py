"""What a dataset holds: its specification, the description of an episode, and a time step; with their JSON forms."""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from hlm.core.arrays import ByteArray, FloatArray, frozen
from hlm.core.errors import CorruptError, InputError, MismatchError, UnknownNameError
from hlm.core.layout import DIMENSIONS, NAMES, UNITS
from hlm.datasets.store.naming import PRIVILEGED, checked_name
from hlm.datasets.store.version import SCHEMA_VERSION

type Json = bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None

SOURCES = ("teleop", "stationary", "humi", "scripted", "policy")
OUTCOMES = ("success", "failure", "unlabelled")
# In `EpisodeInfo.extra`: what the episode is a piece of. Training holds out all pieces of a recording together.
RECORDING = "recording"
# In `EpisodeInfo.extra`: last and first instants around each pause that the operator made, ns.
PAUSES_NS = "pauses_ns"
# Height and width are 16-bit numbers in a JPEG file (ITU-T T.81, B.2.2).
JPEG_LIMIT_PX = 65_535


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetSpec:
    """What all episodes of a dataset have in common.

    Attributes:
        embodiment: name of the robot.
        rate_hz: steps per second.
        cameras: (height, width) in pixels by camera name. An episode may lack a camera, but never has another one.
    """

    embodiment: str
    rate_hz: float
    cameras: Mapping[str, tuple[int, int]]

    def __post_init__(self) -> None:
        """Check and copy."""
        if not 0.0 < self.rate_hz < math.inf:
            raise InputError(f"rate_hz must be positive, got {self.rate_hz}.")
        sizes = {
            name: (operator.index(height), operator.index(width)) for name, (height, width) in self.cameras.items()
        }
        for name, size in sizes.items():
            checked_name("camera", name)
            if not (min(size) >= 1 and max(size) <= JPEG_LIMIT_PX):
                raise InputError(f"camera '{name}' needs a height and width from 1 to {JPEG_LIMIT_PX}, got {size}.")
        object.__setattr__(self, "rate_hz", float(self.rate_hz))
        object.__setattr__(self, "cameras", sizes)

    def check_cameras(self, sizes: Mapping[str, tuple[int, int]]) -> None:
        """Check that the dataset has these cameras, with these sizes.

        Args:
            sizes: (height, width) in pixels by camera name.

        Raises:
            MismatchError: a camera that the dataset lacks, or another size.
        """
        for name, size in sizes.items():
            if self.cameras.get(name) != size:
                known = ", ".join(f"{n} {h}x{w}" for n, (h, w) in self.cameras.items()) or "none"
                raise MismatchError(f"camera '{name}' gives {size[0]}x{size[1]} images; the dataset has: {known}.")

    def to_attributes(self) -> dict[str, Any]:
        """JSON-able attributes of the dataset's Zarr group; inverse of `from_attributes`."""
        return {
            "format": "hlm",
            "schema_version": SCHEMA_VERSION,
            "embodiment": self.embodiment,
            "rate_hz": self.rate_hz,
            "cameras": {name: {"height": height, "width": width} for name, (height, width) in self.cameras.items()},
            "dimensions": list(NAMES),
            "units": list(UNITS),
        }

    @classmethod
    def from_attributes(cls, attributes: Mapping[str, Any]) -> DatasetSpec:
        """The specification in a dataset's attributes.

        Raises:
            CorruptError: an attribute is missing or has the wrong type.
        """
        try:
            cameras = {name: (size["height"], size["width"]) for name, size in attributes["cameras"].items()}
            return cls(embodiment=str(attributes["embodiment"]), rate_hz=float(attributes["rate_hz"]), cameras=cameras)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CorruptError(f"the dataset's attributes cannot be read ({error!r}).") from error


@dataclass(frozen=True, kw_only=True, slots=True)
class EpisodeInfo:
    """Description of an episode.

    Attributes:
        instruction: the instruction that was given. It may be empty, which `verify` reports.
        source: where the references came from, one of `SOURCES`.
        task: name of the task; empty without one.
        seed: seed of the task's random choices; None without one.
        operator: who or what gave the references.
        outcome: one of `OUTCOMES`.
        stage: number of task stages reached; None without stages.
        candidates: instructions that could have been given in this scene; empty when unknown.
        candidate: index in `candidates` of the instruction that was given; None when unknown.
        scene: number of the scene. Episodes of one task that share it differ only in their instruction. None: the scene
            is that of `seed` alone.
        stages: names of the task's stages, in order; empty when unknown.
        fault: why the robot's body stopped following references during the episode; empty if it never did.
        preview_s: how long after its stamp an action is tracked nominally, so how far ahead the tracker sees; None when
            unknown.
        extra: anything else that fits into JSON.
    """

    instruction: str
    source: str
    task: str = ""
    seed: int | None = None
    operator: str = ""
    outcome: str = "unlabelled"
    stage: int | None = None
    candidates: tuple[str, ...] = ()
    candidate: int | None = None
    scene: int | None = None
    stages: tuple[str, ...] = ()
    fault: str = ""
    preview_s: float | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check, and copy `extra` through JSON.

        Raises:
            InputError: a value of the wrong type, or a candidate that contradicts the instruction.
            UnknownNameError: an unknown source or outcome.
        """
        for name in ("instruction", "source", "task", "operator", "outcome", "fault"):
            if not isinstance(getattr(self, name), str):
                raise InputError(f"the {name} of an episode must be text, got {getattr(self, name)!r}.")
        for name in ("candidates", "stages"):
            object.__setattr__(self, name, _texts(name, getattr(self, name)))
        for kind, value, known in (("source", self.source, SOURCES), ("outcome", self.outcome, OUTCOMES)):
            if value not in known:
                raise UnknownNameError(kind, value, known)
        try:
            words = [self.instruction, self.task, self.operator, self.candidates, self.stages, self.fault]
            # Encoded too: half a surrogate pair, from a badly decoded command line, fits into JSON but into no file.
            text = json.dumps([*words, dict(self.extra)], allow_nan=False, ensure_ascii=False).encode()
            object.__setattr__(self, "extra", json.loads(text)[-1])
            for name in ("seed", "stage", "candidate", "scene"):
                number = getattr(self, name)
                object.__setattr__(self, name, None if number is None else operator.index(number))
            object.__setattr__(self, "preview_s", None if self.preview_s is None else float(self.preview_s))
        except (TypeError, ValueError) as error:
            raise InputError(f"an episode's description must fit into JSON, without nan or arrays: {error}.") from error
        if self.preview_s is not None and not 0.0 <= self.preview_s < math.inf:
            raise InputError(f"the preview_s of an episode must be at least 0, got {self.preview_s}.")
        self._check_candidate()

    def with_instruction(self, instruction: str) -> Self:
        """The description with another instruction, its candidates kept consistent, for relabelling and for prompts.

        Where the candidates of the scene are known, the new instruction either is one of them, which then becomes the
        one that was given, or rewords the one that was given. Candidates without a known choice are dropped.
        """
        if instruction == self.instruction:
            return self
        if self.candidate is None:
            return replace(self, instruction=instruction, candidates=())
        if instruction in self.candidates:
            return replace(self, instruction=instruction, candidate=self.candidates.index(instruction))
        told = tuple(instruction if place == self.candidate else known for place, known in enumerate(self.candidates))
        return replace(self, instruction=instruction, candidates=told)

    def to_attributes(self) -> dict[str, Any]:
        """JSON-able attributes; inverse of `from_attributes`."""
        return asdict(self)

    @classmethod
    def from_attributes(cls, attributes: Mapping[str, Any]) -> EpisodeInfo:
        """The description in an episode's attributes; other attributes are ignored.

        Raises:
            CorruptError: an attribute is missing or has the wrong type.
        """
        names = [item.name for item in fields(cls)]
        try:
            return cls(**{name: attributes[name] for name in names if name in attributes})
        except (TypeError, InputError, UnknownNameError) as error:
            raise CorruptError(f"the episode's attributes cannot be read: {error}") from error

    def _check_candidate(self) -> None:
        if self.candidate is None:
            return
        if not 0 <= self.candidate < len(self.candidates):
            raise InputError(f"candidate {self.candidate} is not among the {len(self.candidates)} candidates.")
        if self.candidates[self.candidate] != self.instruction:
            raise InputError(
                f"candidate {self.candidate} is '{self.candidates[self.candidate]}', but the instruction is "
                f"'{self.instruction}'; make them equal."
            )


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One time step of an episode, on the recording grid; arrays are checked read-only copies.

    Images that are read-only and own their memory, like those of a `CameraFrame`, are not copied.

    Attributes:
        stamp_ns: instant of the step on the session's clock.
        state: [34] measured, float32, see `hlm.core.layout`.
        action: [34] reference, float32.
        images: [height, width, 3] uint8 RGB by camera. A missing camera is absent, never black.
        age_s: age of each input at `stamp_ns`, by input.
        privileged: privileged quantities of the simulation by name, float32; for auxiliary losses, never for a policy.
        in_command: name of who gave the reference; empty where one source gives all of them.
    """

    stamp_ns: int
    state: FloatArray
    action: FloatArray
    images: Mapping[str, ByteArray]
    age_s: Mapping[str, float]
    privileged: Mapping[str, FloatArray] = field(default_factory=dict)
    in_command: str = ""

    def __post_init__(self) -> None:
        """Check names, shapes and types, and copy.

        Raises:
            InputError: a name that cannot be part of an array's name.
            MismatchError: an array of the wrong shape or type.
        """
        for name in ("state", "action"):
            object.__setattr__(self, name, frozen(getattr(self, name), (DIMENSIONS,), name, np.float32))
        object.__setattr__(self, "images", {name: _image(name, image) for name, image in self.images.items()})
        object.__setattr__(self, "age_s", {checked_name("input", n): float(age) for n, age in self.age_s.items()})
        quantities = {
            checked_name("privileged quantity", name): np.array(value, np.float32)
            for name, value in self.privileged.items()
        }
        object.__setattr__(self, "privileged", quantities)

    def values(self) -> dict[str, npt.ArrayLike]:
        """Every number but images', by the array that it belongs to, see `hlm.datasets.store.naming.array_names`."""
        return {
            "stamp_ns": self.stamp_ns,
            "state": self.state,
            "action": self.action,
            **{f"age_{name}_s": age_s for name, age_s in self.age_s.items()},
            **{f"{PRIVILEGED}/{name}": value for name, value in self.privileged.items()},
        }


def _image(camera: str, image: ByteArray) -> ByteArray:
    dtype = np.asarray(image).dtype
    if dtype != np.uint8:
        raise MismatchError(f"the image of camera '{camera}' must be uint8 RGB, got {dtype}.")
    if isinstance(image, np.ndarray) and image.flags.owndata and not image.flags.writeable and image.shape[2:] == (3,):
        return image
    copied: ByteArray = frozen(image, (None, None, 3), f"the image of camera '{camera}'", np.uint8)
    return copied


def _texts(name: str, values: Sequence[str]) -> tuple[str, ...]:
    if not isinstance(values, list | tuple) or not all(isinstance(value, str) for value in values):
        raise InputError(f"the {name} of an episode must be a list of texts, got {values!r}.")
    return tuple(values)
