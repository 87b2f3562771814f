"""What a body notices in its measurements: that it falls, flails, hangs, gets too hot, or contradicts itself."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S
from hlm.core.embodiment import Embodiment
from hlm.core.errors import InputError
from hlm.core.layout import MOTOR_ORDER
from hlm.core.values import RobotState
from hlm.runtime.safety.inertial_units import InertialUnits
from hlm.runtime.safety.transitions import Event

_KNEES = [MOTOR_ORDER.index("left_knee"), MOTOR_ORDER.index("right_knee")]


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchConfig:
    """What is too much; "worst" as in `hlm.runtime.safety.command_limits.CommandLimitConfig`.

    Attributes:
        tilt_rad: of the pelvis. Worst 0.62 in a bend, 0.31 by the policy; references may ask for 0.9. Unitree's own
            protection of a robot on four legs is at 0.9 to 1.3.
        flailing_share: of the motors' top speed, for several joints at once. Worst 0.27 of a single one in walks.
        flailing_joints: how many.
        too_fast_share: the same for any joint. SONIC stops at 35 rad/s, which is 0.95 of the arms' motors.
        lifted_rad: by which both knees are straighter than commanded when something else carries the robot: torques
            that carry it stretch legs that nothing loads. Worst 0.09 in walks; it is 0.35 with half the weight lifted,
            0.47 with nine tenths.
        lifted_s: for how long.
        temperature_c: of a motor. SONIC's robots warn at 90.
        disagreement_rad: angle between the verticals that the inertial units of pelvis and torso measure, where the
            robot has both. Worst 0.003 on a twin with its noise, by the policy; waists of robots have play.
        disagreement_s: for how long.
    """

    tilt_rad: float = 1.05
    flailing_share: float = 0.35
    flailing_joints: int = 3
    too_fast_share: float = 0.9
    lifted_rad: float = 0.3
    lifted_s: float = 0.2
    temperature_c: float = 90.0
    disagreement_rad: float = 0.2
    disagreement_s: float = 0.1

    def __post_init__(self) -> None:
        """Check ranges."""
        for item in fields(self):
            if not getattr(self, item.name) > 0:
                raise InputError(f"{item.name} must be positive, got {getattr(self, item.name)}.")


class StateWatch:
    """Looks at each measurement.

    Args:
        embodiment: the robot's table.
        config: what is too much.
    """

    def __init__(self, embodiment: Embodiment, config: WatchConfig) -> None:
        self._config = config
        self._top_rad_s = embodiment.velocity_rad_s
        self._least_upright = float(np.cos(config.tilt_rad))
        self._units = InertialUnits(embodiment)
        self._lifted_ns: int | None = None
        self._disagreed_ns: int | None = None

    def reset(self) -> None:
        """Forget what was."""
        self._lifted_ns = self._disagreed_ns = None

    def look(self, state: RobotState, commanded_rad: FloatArray | None) -> tuple[Event, str] | None:
        """What is wrong with a measurement, and in words; None when nothing is.

        Args:
            state: finite.
            commanded_rad: [joint] position targets of the last command; None before the first.
        """
        return (
            self._tilted(state)
            or self._flailing(state)
            or self._lifted(state, commanded_rad)
            or self._hot(state)
            or self._disagreeing(state)
        )

    def _tilted(self, state: RobotState) -> tuple[Event, str] | None:
        _, x, y, _ = state.quat_world_from_pelvis_wxyz
        upright = 1.0 - 2.0 * (x * x + y * y)
        if upright >= self._least_upright:
            return None
        tilt_rad = float(np.arccos(max(upright, -1.0)))
        return Event.TILTED, f"the pelvis is tilted by {tilt_rad:.3f} rad, more than {self._config.tilt_rad:g} rad"

    def _flailing(self, state: RobotState) -> tuple[Event, str] | None:
        share = np.abs(state.joint_velocity_rad_s) / self._top_rad_s
        fast = share > self._config.flailing_share
        if np.count_nonzero(fast) < self._config.flailing_joints and share.max() <= self._config.too_fast_share:
            return None
        names = [MOTOR_ORDER[index] for index in np.argsort(-share)[: max(1, min(3, np.count_nonzero(fast)))]]
        fastest = float(np.abs(state.joint_velocity_rad_s).max())
        return Event.FLAILING, f"limbs flail: {', '.join(names)} move at up to {fastest:.1f} rad/s"

    def _lifted(self, state: RobotState, commanded_rad: FloatArray | None) -> tuple[Event, str] | None:
        if commanded_rad is None:
            return None
        straighter_rad = commanded_rad[_KNEES] - state.joint_position_rad[_KNEES]
        if straighter_rad.min() < self._config.lifted_rad:
            self._lifted_ns = None
            return None
        self._lifted_ns = state.stamp_ns if self._lifted_ns is None else self._lifted_ns
        for_s = (state.stamp_ns - self._lifted_ns) / NS_PER_S
        if for_s < self._config.lifted_s:
            return None
        return Event.LIFTED, f"both feet have lost the ground: for {for_s:.2f} s nothing has loaded the legs"

    def _hot(self, state: RobotState) -> tuple[Event, str] | None:
        """Robots that do not measure it give no numbers, which are never more."""
        hot = state.motor_temperature_c > self._config.temperature_c
        if hot.any():
            hottest = int(np.nanargmax(state.motor_temperature_c))
            what = f"the motor of {MOTOR_ORDER[hottest]} has {state.motor_temperature_c[hottest]:.0f} C"
            return Event.HOT, f"{what}, more than {self._config.temperature_c:g} C"
        broken = np.nan_to_num(state.motor_fault) != 0.0
        if broken.any():
            first = int(np.argmax(broken))
            code = state.motor_fault[first]
            what = "has no supply voltage" if code < 0.0 else f"reports fault {code:g}"
            return Event.MOTOR_FAULT, f"the motor of {MOTOR_ORDER[first]} {what}"
        return None

    def _disagreeing(self, state: RobotState) -> tuple[Event, str] | None:
        """Without a unit in the torso there is no number, which is never more."""
        angle_rad = self._units.disagreement_rad(state)
        if not angle_rad > self._config.disagreement_rad:
            self._disagreed_ns = None
            return None
        self._disagreed_ns = state.stamp_ns if self._disagreed_ns is None else self._disagreed_ns
        if (state.stamp_ns - self._disagreed_ns) / NS_PER_S < self._config.disagreement_s:
            return None
        more = f"more than {self._config.disagreement_rad:g} rad"
        what = f"the inertial units of pelvis and torso disagree by {angle_rad:.2f} rad about the vertical, {more}"
        return Event.DISAGREEING, what
