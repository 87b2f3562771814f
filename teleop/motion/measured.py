"""The size of the person whom a motion shows."""

from __future__ import annotations

from contextlib import suppress

from hlm.core.embodiment import Embodiment
from hlm.core.errors import InputError
from hlm.teleop.keypoints.body_keypoints import BodyKeypoints
from hlm.teleop.keypoints.calibration import Calibration
from hlm.teleop.motion.motion import Motion
from hlm.teleop.motion.standing import standing_window

# Frames of a long motion that a person is measured by, at most.
_MEASURED_FRAMES = 2000


def calibration_of(motion: Motion, embodiment: Embodiment) -> Calibration:
    """Measure the person where they stand still, or else wherever they are upright.

    Args:
        motion: of the person.
        embodiment: the robot that will follow.

    Raises:
        InputError: a keypoint is missing, or the person never stands upright.
    """
    window = standing_window(motion.position_in_world_m, motion.frame_time_s)
    if window is not None:
        with suppress(InputError):  # on their feet, and busy with their arms
            return Calibration.from_standing(_frames(motion, range(window.start, window.stop)), embodiment)
    step = -(-motion.frames // _MEASURED_FRAMES)
    return Calibration.from_motion(_frames(motion, range(0, motion.frames, step)), embodiment)


def _frames(motion: Motion, numbers: range) -> list[BodyKeypoints]:
    return [motion.frame(index, int(motion.stamp_ns[index])) for index in numbers]
