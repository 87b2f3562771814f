"""For devices that know head and hands alone: pelvis height and lean that follow them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hlm.control.body_command import BodyCommand
from hlm.control.checks import require_positive
from hlm.control.commanded_body.config import CommandedBodyConfig
from hlm.core.arrays import FloatArray

_SHARES = 65


@dataclass(frozen=True, kw_only=True, slots=True)
class BodyReach:
    """What a body that stands upright reaches. The defaults are those of a Unitree G1.

    Attributes:
        pelvis_height_m: of the pelvis above the floor.
        head_m: the head above the pelvis.
        head_ahead_m: the head before the middle of the feet.
        shoulder_m: the shoulders above the pelvis.
        shoulder_y_m: a shoulder beside the pelvis.
        arm_m: from a shoulder to where the hand works with ease.
        hip_back_m: how far the pelvis moves back in a lean of 1 rad, so that the weight stays over the feet.
        lowest_m: pelvis height of the deepest reach.
        deepest_pitch_rad: lean of the deepest reach.
    """

    pelvis_height_m: float = 0.74
    head_m: float = 0.47
    head_ahead_m: float = 0.065
    shoulder_m: float = 0.29
    shoulder_y_m: float = 0.14
    arm_m: float = 0.45
    hip_back_m: float = 0.08
    lowest_m: float = 0.47
    deepest_pitch_rad: float = 0.5

    def __post_init__(self) -> None:
        """Check ranges."""
        require_positive(self, *self.__slots__)


def with_body_following(command: BodyCommand, reach: BodyReach | None = None) -> BodyCommand:
    """The command with pelvis height and lean that suit its head and hands.

    The head sets height and lean where there is one. Then the body goes as far down and ahead as the lower hand needs,
    and no farther. A height that the command itself asks for stays.

    Args:
        command: what the device says; heads and hands are in the stance frame.
        reach: the body's; a G1's when None.
    """
    if command.pelvis_height_m is not None:
        return command
    reach = BodyReach() if reach is None else reach
    height_m, pitch_rad = _of_head(command, reach)
    hands = [(side, target.position_in_world_m) for side, target in enumerate(command.grips) if target is not None]
    shares = np.linspace(0.0, 1.0, _SHARES)
    heights_m = height_m + shares * min(0.0, reach.lowest_m - height_m)
    pitches_rad = pitch_rad + shares * max(0.0, reach.deepest_pitch_rad - pitch_rad)
    needed = max((_share(shares, heights_m, pitches_rad, side, place_m, reach) for side, place_m in hands), default=0.0)
    return replace(
        command,
        pelvis_height_m=float(np.interp(needed, shares, heights_m)),
        pelvis_pitch_rad=float(np.interp(needed, shares, pitches_rad)),
    )


def _of_head(command: BodyCommand, reach: BodyReach) -> tuple[float, float]:
    """Height and pitch that put the head where it should be; upright without a head."""
    if command.head is None:
        return reach.pelvis_height_m, command.pelvis_pitch_rad
    limits = CommandedBodyConfig().standing
    ahead_m, _, up_m = command.head.position_in_world_m
    # A small lean moves the head by this much for each rad: the pelvis gives way.
    pitch_rad = float(np.clip((ahead_m - reach.head_ahead_m) / (reach.head_m - reach.hip_back_m), *limits.pitch_rad))
    height_m = float(np.clip(up_m - reach.head_m * np.cos(pitch_rad), *limits.height_m))
    return height_m, pitch_rad


def _share(
    shares: FloatArray,
    heights_m: FloatArray,
    pitches_rad: FloatArray,
    side: int,
    hand_m: FloatArray,
    reach: BodyReach,
) -> float:
    """Smallest share of the way down from which a hand below the shoulder is in reach; the nearest one if none is."""
    ahead_m = reach.shoulder_m * np.sin(pitches_rad) - reach.hip_back_m * pitches_rad
    up_m = heights_m + reach.shoulder_m * np.cos(pitches_rad)
    beside_m = reach.shoulder_y_m * (1.0 if side == 0 else -1.0)
    distance_m = np.sqrt((hand_m[0] - ahead_m) ** 2 + (hand_m[1] - beside_m) ** 2 + (hand_m[2] - up_m) ** 2)
    beyond_m = distance_m - reach.arm_m
    if beyond_m[0] <= 0.0 or hand_m[2] > up_m[0]:
        return 0.0
    within = np.flatnonzero(beyond_m <= 0.0)
    if not len(within):
        return float(shares[int(distance_m.argmin())])
    after = int(within[0])
    crossing = beyond_m[after - 1] / (beyond_m[after - 1] - beyond_m[after])
    return float(shares[after - 1] + crossing * (shares[after] - shares[after - 1]))
