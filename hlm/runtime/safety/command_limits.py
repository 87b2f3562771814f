"""Limits of the joint commands that leave a body: targets, gains, torques, power, and distance to itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from hlm.control.model import BodyModel
from hlm.control.self_distance import SelfDistance
from hlm.core.arrays import FloatArray
from hlm.core.errors import InputError
from hlm.core.values import JointCommand, RobotState

_ROUNDING = 1e-9
_REACH_M = 1.0  # from a joint to the farthest point that it moves
_FIRST_STEP_S, _SHORTEST_STEP_S, _LONGEST_STEP_S = 0.01, 0.002, 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandLimitConfig:
    """Limits of joint commands; torques, powers and loads are those of the motors' law at the measured state.

    "Worst" is the largest in 33,000 control steps of good motion in simulation: 6 rollouts of the shipped policy, 8 of
    scripted operators, 8 noisy motions in place and 7 noisy walks.

    Attributes:
        speed_share: of the motors' top speed, for targets. Worst 0.29 in walks, 0.06 by the policy.
        acceleration_rad_s2: of targets. Worst 430 in walks, 120 by the policy; without load, a motor of the embodiment
            reaches thousands.
        stop_inside_rad: distance from a joint's limit at which torque towards it begins to fade.
        stop_outside_rad: distance beyond a joint's limit at which none of it is left. Worst 0.016 beyond in walks,
            0.016 inside by the policy.
        torque_share: of the motors' largest torque. Worst 1.02 (a hip at a touchdown), 0.30 by the policy.
        power_w: mechanical power that motors give, summed. Worst 640 in walks, 54 by the policy. 20 A of the G1's
            battery (46.8 V, 9 Ah, by its manual, which states no limit) are 940 W.
        first_power_w: the same when control is taken over, from where it may rise while the body is arming: robots
            switch off with a red battery when a policy that is far from their pose takes over. Worst 50, 15 by the
            policy.
        load: sum over the motors of (torque / largest torque)^2, which their currents and their heat grow with. Worst
            3.9 in walks, 0.3 by the policy.
        first_load: the same when control is taken over. Worst 1.7 in place.
        gain_share: of the embodiment's reference gains. The tracker's largest is 2.8.
        overlap_m: how deep forearms and grippers may be commanded into trunk, legs and each other. The shipped skill
            was taught with a hand that rests on the hip, commanded 0.05 m deep; at the arms' stiffness of 40 Nm/rad and
            0.3 m of forearm, 0.08 m press with 35 N.
    """

    speed_share: float = 0.4
    acceleration_rad_s2: float = 1000.0
    stop_inside_rad: float = 0.01
    stop_outside_rad: float = 0.05
    torque_share: float = 1.0
    power_w: float = 900.0
    first_power_w: float = 200.0
    load: float = 8.0
    first_load: float = 4.0
    gain_share: float = 5.0
    overlap_m: float = 0.08

    def __post_init__(self) -> None:
        """Check ranges."""
        for item in fields(self):
            if not getattr(self, item.name) > 0.0:
                raise InputError(f"{item.name} must be positive, got {getattr(self, item.name)}.")


class CommandLimits:
    """Brings joint commands inside their limits; those that are inside pass as they are.

    Args:
        model: the robot.
        config: the limits.
    """

    def __init__(self, model: BodyModel, config: CommandLimitConfig) -> None:
        self._config, embodiment = config, model.embodiment
        self._lower_rad, self._upper_rad = embodiment.lower_rad, embodiment.upper_rad
        self._speed_rad_s = config.speed_share * embodiment.velocity_rad_s
        self._effort_nm = config.torque_share * embodiment.effort_nm
        self._max_kp_nm_rad = config.gain_share * embodiment.kp_nm_rad
        self._max_kd_nm_s_rad = config.gain_share * embodiment.kd_nm_s_rad
        self._distance = SelfDistance(model)
        self._counts: Counter[str] = Counter()

    @property
    def counts(self) -> Mapping[str, int]:
        """Commands since the reset that each limit has changed, by its name."""
        return self._counts

    def reset(self, state: RobotState) -> None:
        """Start at a measured pose."""
        self._counts.clear()
        self._position_rad: FloatArray = np.clip(state.joint_position_rad, self._lower_rad, self._upper_rad)
        self._target_rad_s: FloatArray = np.zeros_like(self._position_rad)
        self._velocity_rad_s: FloatArray = np.clip(state.joint_velocity_rad_s, -self._speed_rad_s, self._speed_rad_s)
        self._clear_at_rad: FloatArray = self._position_rad
        self._clear_m = self._distance.smallest_m(self._position_rad) + self._config.overlap_m
        self._stamp_ns: int | None = None

    def limited(self, command: JointCommand, state: RobotState, ramp: float) -> JointCommand:
        """The nearest command that may be sent.

        Args:
            command: finite.
            state: the measurement that it answers.
            ramp: from 0 when control is taken over to 1, and beyond.
        """
        step_s = _FIRST_STEP_S if self._stamp_ns is None else (command.stamp_ns - self._stamp_ns) * 1e-9
        step_s = min(max(step_s, _SHORTEST_STEP_S), _LONGEST_STEP_S)
        self._stamp_ns = command.stamp_ns
        before = self._counts.total()
        position_rad = self._position(command.joint_position_rad, step_s)
        velocity_rad_s = self._velocity(command.joint_velocity_rad_s, step_s)
        kp = self._clipped(command.kp_nm_rad, 0.0, self._max_kp_nm_rad, "gains")
        kd = self._clipped(command.kd_nm_s_rad, 0.0, self._max_kd_nm_s_rad, "gains")
        torque_nm = self._clipped(command.torque_nm, -self._effort_nm, self._effort_nm, "torque")
        opening = self._clipped(command.gripper_opening, 0.0, 1.0, "grippers")
        total_nm = (
            torque_nm
            + kp * (position_rad - state.joint_position_rad)
            + kd * (velocity_rad_s - state.joint_velocity_rad_s)
        )
        share = self._share(total_nm, state, ramp)
        if self._counts.total() == before:
            return command
        return replace(
            command,
            joint_position_rad=position_rad,
            joint_velocity_rad_s=velocity_rad_s,
            kp_nm_rad=share * kp,
            kd_nm_s_rad=share * kd,
            torque_nm=share * torque_nm,
            gripper_opening=opening,
        )

    def _position(self, wanted_rad: FloatArray, step_s: float) -> FloatArray:
        """[joint] position targets that can be reached, and from which targets can come to rest before the limits."""
        acceleration = self._config.acceleration_rad_s2
        wanted_rad = self._clipped(wanted_rad, self._lower_rad, self._upper_rad, "position")
        wanted_rad_s = (wanted_rad - self._position_rad) / step_s
        slowest = np.maximum(self._target_rad_s - acceleration * step_s, -self._speed_rad_s)
        fastest = np.minimum(self._target_rad_s + acceleration * step_s, self._speed_rad_s)
        slowest = np.maximum(slowest, -self._stoppable(self._position_rad - self._lower_rad, step_s))
        fastest = np.minimum(fastest, self._stoppable(self._upper_rad - self._position_rad, step_s))
        inside = (wanted_rad_s >= slowest - _ROUNDING) & (wanted_rad_s <= fastest + _ROUNDING)
        position_rad = wanted_rad
        if not inside.all():
            too_fast = np.abs(wanted_rad_s) > self._speed_rad_s
            self._counts["speed" if too_fast.any() else "acceleration"] += 1
            reached_rad = self._position_rad + step_s * np.minimum(np.maximum(wanted_rad_s, slowest), fastest)
            position_rad = np.clip(np.where(inside, wanted_rad, reached_rad), self._lower_rad, self._upper_rad)
        if self._collides(position_rad):
            self._counts["self-collision"] += 1
            position_rad = self._position_rad
        self._target_rad_s = (position_rad - self._position_rad) / step_s
        self._position_rad = position_rad
        return position_rad

    def _collides(self, position_rad: FloatArray) -> bool:
        """Whether a pose overlaps too deeply, and more deeply than the last one.

        Distances cost the most of all limits, and no joint moves a shape farther than its reach: they are measured
        again only where the pose may have come too close since they were.
        """
        moved_m = _REACH_M * float(np.abs(position_rad - self._clear_at_rad).sum())
        if moved_m < self._clear_m:
            return False
        clear_m = self._distance.smallest_m(position_rad) + self._config.overlap_m
        if clear_m < 0.0 and clear_m < self._distance.smallest_m(self._position_rad) + self._config.overlap_m:
            return True
        self._clear_at_rad, self._clear_m = position_rad, clear_m
        return False

    def _stoppable(self, room_rad: FloatArray, step_s: float) -> FloatArray:
        """[joint] largest speeds from which a target still stops within some room, slowing down once a step."""
        change_rad_s = self._config.acceleration_rad_s2 * step_s
        room = np.maximum(room_rad, 0.0) / step_s
        # A target of n changes goes n + (n - 1) + ... + 1 of them before it rests.
        changes = np.floor(np.sqrt(0.25 + 2.0 * room / change_rad_s) - 0.5)
        stoppable: FloatArray = room / (changes + 1.0) + 0.5 * changes * change_rad_s
        return stoppable

    def _velocity(self, wanted_rad_s: FloatArray, step_s: float) -> FloatArray:
        """[joint] velocity targets."""
        change = self._config.acceleration_rad_s2 * step_s
        slow_rad_s = self._clipped(wanted_rad_s, -self._speed_rad_s, self._speed_rad_s, "speed")
        lower, upper = self._velocity_rad_s - change, self._velocity_rad_s + change
        self._velocity_rad_s = self._clipped(slow_rad_s, lower, upper, "acceleration")
        return self._velocity_rad_s

    def _clipped(
        self, wanted: FloatArray, lower: FloatArray | float, upper: FloatArray | float, name: str
    ) -> FloatArray:
        """Values inside a range; counted when that changes any."""
        clipped: FloatArray = np.minimum(np.maximum(wanted, lower), upper)
        if (clipped == wanted).all():
            return wanted
        self._counts[name] += 1
        return clipped

    def _share(self, total_nm: FloatArray, state: RobotState, ramp: float) -> FloatArray:
        """[joint] share, 0 to 1, that stiffness, damping and torque may have."""
        config = self._config
        band_rad = config.stop_inside_rad + config.stop_outside_rad
        up = (self._upper_rad + config.stop_outside_rad - state.joint_position_rad) / band_rad
        down = (state.joint_position_rad - self._lower_rad + config.stop_outside_rad) / band_rad
        allowed_nm = self._effort_nm * np.clip(np.where(total_nm > 0.0, up, down), 0.0, 1.0)
        over = np.abs(total_nm) > allowed_nm
        share: FloatArray = np.ones_like(total_nm)
        if over.any():
            self._counts["torque"] += 1
            share[over] = allowed_nm[over] / np.abs(total_nm[over])
        limit = config.first_load + min(ramp, 1.0) * (config.load - config.first_load)
        load = float(np.sum((share * total_nm / self._effort_nm) ** 2))
        if load > limit:
            self._counts["load"] += 1
            share *= np.sqrt(limit / load)
        limit = config.first_power_w + min(ramp, 1.0) * (config.power_w - config.first_power_w)
        power_w = share * total_nm * state.joint_velocity_rad_s
        given_w = float(np.maximum(power_w, 0.0).sum())
        if given_w > limit:
            self._counts["power"] += 1
            share[power_w > 0.0] *= limit / given_w
        return share
