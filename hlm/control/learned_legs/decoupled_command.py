"""The decoupled command: a velocity for the legs, joints for everything above them.

It is the contract of decoupled whole-body controllers (OpenHLM, section 3.1: 14 arm joints, 3 of the waist, base
velocity and height) with two grippers.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hlm.core.arrays import FloatArray, frozen
from hlm.core.errors import InputError
from hlm.core.layout import MOTOR_ARMS, MOTOR_ORDER, MOTOR_WAIST

STANDING_HEIGHT_M = 0.74
"""Height of the pelvis above the soles when none is asked for."""

# What the walking policy reaches, and the heights at which the model balances with any arms.
FORWARD_M_S = (-0.35, 0.5)
LEFTWARD_M_S = (-0.25, 0.25)
YAW_RATE_RAD_S = (-0.7, 0.7)
HEIGHT_M = (0.5, 0.76)

_NAMES = (
    "forward velocity",
    "leftward velocity",
    "yaw rate",
    "pelvis height",
    *MOTOR_ORDER[MOTOR_WAIST],
    *MOTOR_ORDER[MOTOR_ARMS],
    "left gripper",
    "right gripper",
)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DecoupledCommand:
    """What the legs should do, and where the joints above them should be.

    Attributes:
        stamp_ns: instant that it is for.
        velocity_in_heading_m_s: [2] forward and leftward; (0, 0) with no yaw rate stands.
        yaw_rate_rad_s: positive to the left.
        pelvis_height_m: above the soles, for legs that stand; None is `STANDING_HEIGHT_M`. Legs that walk have their
            own height, which nobody can command.
        waist_rad: [3] yaw, roll, pitch.
        arm_rad: [14] left, right, motor order.
        gripper_opening: [2] left, right; 1 = open, 0 = closed.
    """

    stamp_ns: int
    velocity_in_heading_m_s: FloatArray = field(default_factory=lambda: np.zeros(2))
    yaw_rate_rad_s: float = 0.0
    pelvis_height_m: float | None = None
    waist_rad: FloatArray = field(default_factory=lambda: np.zeros(3))
    arm_rad: FloatArray
    gripper_opening: FloatArray = field(default_factory=lambda: np.ones(2))

    def __post_init__(self) -> None:
        """Check shapes and ranges, and make the arrays read-only copies.

        Raises:
            MismatchError: an array has another shape.
            InputError: a number is not finite or outside its range, or a height is asked of a walk.
        """
        for name, size in (("velocity_in_heading_m_s", 2), ("waist_rad", 3), ("arm_rad", 14), ("gripper_opening", 2)):
            object.__setattr__(self, name, frozen(getattr(self, name), (size,), name))
        self._must_be_finite()
        forward, leftward = self.velocity_in_heading_m_s.tolist()
        _must_be_within("forward velocity", forward, "m/s", FORWARD_M_S)
        _must_be_within("leftward velocity", leftward, "m/s", LEFTWARD_M_S)
        _must_be_within("yaw rate", self.yaw_rate_rad_s, "rad/s", YAW_RATE_RAD_S)
        for side, opening in zip(("left", "right"), self.gripper_opening.tolist(), strict=True):
            _must_be_within(f"{side} gripper's opening", opening, "", (0.0, 1.0))
        if self.pelvis_height_m is None:
            return
        _must_be_within("pelvis height", self.pelvis_height_m, "m", HEIGHT_M)
        if self.walks:
            raise InputError(
                f"a pelvis height of {self.pelvis_height_m:.3g} m was asked of legs that walk ({forward:.3g} and "
                f"{leftward:.3g} m/s, {self.yaw_rate_rad_s:.3g} rad/s), which know none: ask for None, or stand."
            )

    @property
    def walk(self) -> FloatArray:
        """[3] forward and leftward velocity (m/s) and yaw rate (rad/s)."""
        return np.array([*self.velocity_in_heading_m_s, self.yaw_rate_rad_s])

    @property
    def walks(self) -> bool:
        """Whether a velocity is asked for."""
        return bool(self.walk.any())

    def _must_be_finite(self) -> None:
        height_m = 0.0 if self.pelvis_height_m is None else self.pelvis_height_m
        values = np.array([*self.walk, height_m, *self.waist_rad, *self.arm_rad, *self.gripper_opening])
        bad = ", ".join(name for name, value in zip(_NAMES, values, strict=True) if not np.isfinite(value))
        if bad:
            raise InputError(f"the decoupled command at {self.stamp_ns} ns is not finite in {bad}; it was refused.")


def _must_be_within(name: str, value: float, unit: str, bounds: tuple[float, float]) -> None:
    lower, upper = bounds
    if not lower <= value <= upper:
        raise InputError(f"a {name} of {_text(value, unit)} was asked; {lower:.4g} to {_text(upper, unit)} exists.")


def _text(value: float, unit: str) -> str:
    return f"{value:.4g} {unit}".rstrip()
