"""A motion file that takes an operator's place, and what is said about it on a command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hlm.core.errors import InputError

if TYPE_CHECKING:
    from hlm.teleop.motion.motion_reader import MotionOptions


@dataclass(frozen=True, kw_only=True, slots=True)
class PlayedMotion:
    """A motion file, and how to read it; what is None is found in it.

    Attributes:
        path: of the file.
        speed: 1 for its own.
        joints: texts such as `left_hand=LeftWrist`, where its names are not known.
        unit_m: length of its unit.
        up: its upward axis.
        fps: its frames per second.
    """

    path: Path
    speed: float = 1.0
    joints: tuple[str, ...] = ()
    unit_m: float | None = None
    up: str | None = None
    fps: float | None = None

    @property
    def options(self) -> MotionOptions:
        """What is said about it, checked.

        Raises:
            HlmError: it makes no sense.
        """
        from hlm.teleop.motion.joint_names import parse_mapping
        from hlm.teleop.motion.motion_reader import MotionOptions

        return MotionOptions(joints=parse_mapping(self.joints), unit_m=self.unit_m, up=self.up, fps=self.fps)


def played_motion(
    path: Path | None,
    joints: Sequence[str],
    *,
    speed: float = 1.0,
    unit_m: float | None = None,
    up: str | None = None,
    fps: float | None = None,
) -> PlayedMotion | None:
    """A motion file with what is said about it, see `PlayedMotion`; None without a file.

    Raises:
        HlmError: what is said makes no sense.
    """
    if path is None:
        return None
    played = PlayedMotion(path=path, speed=speed, joints=tuple(joints), unit_m=unit_m, up=up, fps=fps)
    _ = played.options
    return played


def must_play_for(source: str, **given: object) -> None:
    """Check that nothing is said about a motion where none is played.

    Args:
        source: who commands.
        given: values by option, in the way of Python; what is empty was not given.

    Raises:
        InputError: something is.
    """
    said = next((name for name, value in given.items() if value not in (None, ())), None)
    if said is not None and source != "motion":
        raise InputError(f"--{said.replace('_', '-')} is of a motion; --source {source} has none.")
