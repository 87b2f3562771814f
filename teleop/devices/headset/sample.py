"""What a headset says at one instant, in a world whose z axis points up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from hlm.core.arrays import FloatArray, frozen


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class HandSample:
    """A controller, or a bare hand.

    Axes of a wrist: x along the fingers, z out of the back of the hand. The handle of a controller has axes of its own.

    Attributes:
        pose_world_from_wrist: [4, 4] of the wrist, or of the controller's handle.
        bare: a hand without a controller: it has no buttons and no stick.
        trigger: 0 = released, 1 = pulled; of a bare hand, 1 = thumb and index finger touch.
        squeeze: the same of the button under the middle finger.
        stick: [2] to the right and ahead, -1 to 1.
        pressed: buttons that are held: `primary` (A, X), `secondary` (B, Y), `stick`.
    """

    pose_world_from_wrist: FloatArray
    bare: bool = False
    trigger: float = 0.0
    squeeze: float = 0.0
    stick: FloatArray = field(default_factory=lambda: np.zeros(2))
    pressed: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Check shapes and make the arrays read-only copies."""
        object.__setattr__(self, "pose_world_from_wrist", frozen(self.pose_world_from_wrist, (4, 4), "wrist"))
        object.__setattr__(self, "stick", frozen(self.stick, (2,), "stick"))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class HeadsetSample:
    """What a headset says at one instant; what it does not see is None.

    Attributes:
        stamp_ns: instant of the capture.
        pose_world_from_head: [4, 4]; x where the head looks, y to the left, z up; the origin is between the eyes.
        hands: left and right.
        joints: [4, 4] pose of each joint of the body by name; empty where the headset does not see the body.
    """

    stamp_ns: int
    pose_world_from_head: FloatArray | None
    hands: tuple[HandSample | None, HandSample | None]
    joints: Mapping[str, FloatArray] = field(default_factory=dict)
