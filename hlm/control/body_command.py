"""Sparse commands of a whole body: what a page, a stick, a keyboard or a headset with two controllers can say."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hlm.control.inverse_kinematics import PoseTarget
from hlm.core.arrays import FloatArray, frozen
from hlm.core.errors import MismatchError


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BodyCommand:
    """Where parts of the body should be, and how it should walk; what is None is left to the body.

    Poses are in the stance frame: on the floor midway between the feet, x ahead, y to the left, z up. It walks along
    with the feet, so that a hand that is held still stays beside a body that walks.

    Attributes:
        velocity_m_s: [2] walking velocity ahead and to the left.
        turn_rate_rad_s: walking turn to the left.
        pelvis_height_m: of the pelvis above the floor; None for that of standing upright.
        pelvis_roll_rad: lean of the pelvis to the right.
        pelvis_pitch_rad: lean of the pelvis ahead.
        waist_rad: [3] yaw, roll and pitch of the torso against the pelvis; None leaves the waist to the hands.
        grips: targets of the frames `left_grip` and `right_grip`; an arm without one hangs.
        soles: targets of the frames `left_sole` and `right_sole`; a foot without one stands where its steps put it.
        gripper_opening: [2] left, right; 1 = open, 0 = closed.
        head: where the head should be (frame `head_camera`), for devices that know no pelvis; it moves nothing by
            itself, see `hlm.control.commanded_body.body_following`.
    """

    velocity_m_s: FloatArray = field(default_factory=lambda: np.zeros(2))
    turn_rate_rad_s: float = 0.0
    pelvis_height_m: float | None = None
    pelvis_roll_rad: float = 0.0
    pelvis_pitch_rad: float = 0.0
    waist_rad: FloatArray | None = None
    grips: tuple[PoseTarget | None, PoseTarget | None] = (None, None)
    soles: tuple[PoseTarget | None, PoseTarget | None] = (None, None)
    gripper_opening: FloatArray = field(default_factory=lambda: np.ones(2))
    head: PoseTarget | None = None

    def __post_init__(self) -> None:
        """Check shapes and numbers, and make the arrays read-only copies.

        Raises:
            MismatchError: an array of another shape, or a number that is none.
        """
        for name, size in (("velocity_m_s", 2), ("waist_rad", 3), ("gripper_opening", 2)):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, frozen(getattr(self, name), (size,), name))
        numbers = [*self.velocity_m_s, self.turn_rate_rad_s, self.pelvis_roll_rad, self.pelvis_pitch_rad]
        numbers += [*self.gripper_opening, *([] if self.waist_rad is None else self.waist_rad)]
        numbers += [] if self.pelvis_height_m is None else [self.pelvis_height_m]
        numbers += [
            one for target in (*self.grips, *self.soles, self.head) if target for one in target.position_in_world_m
        ]
        if not np.all(np.isfinite(numbers)):
            raise MismatchError("a command of the body has a number that is none.")
