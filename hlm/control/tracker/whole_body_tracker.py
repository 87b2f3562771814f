"""The whole-body tracker: plays the 34-D reference stream on a body that stands on its own feet.

A tick reads the joints and the inertial unit, finds where the body is from the feet that stand, places the reference
on the actual feet, asks for accelerations that keep the balance and follow it, and turns them into torques by an
inverse-dynamics program.
"""

from __future__ import annotations

import numpy as np
import pinocchio as pin

from hlm.control.model import BASE_DOFS, GRAVITY_M_S2, BodyModel, Configuration
from hlm.control.tracker.balance import (
    Balance,
    balance_between,
    catchable,
    center_of_mass_acceleration,
    convex_hull,
    resting,
)
from hlm.control.tracker.config import TrackerConfig
from hlm.control.tracker.dynamics import BodyDynamics
from hlm.control.tracker.dynamics_qp import BodyEffort, BodyTask, DynamicsProgram
from hlm.control.tracker.feet import Feet, feet_of
from hlm.control.tracker.footholds import Footholds
from hlm.control.tracker.heading import Heading
from hlm.control.tracker.odometry import LegOdometry
from hlm.control.tracker.placement import PlacedReference, place
from hlm.control.tracker.reference_clock import ReferenceClock
from hlm.control.tracker.reference_motion import ReferenceMotion
from hlm.control.tracker.reference_sample import ReferenceSample
from hlm.control.tracker.reference_stream import ReferenceStream
from hlm.control.tracker.swing import Swing
from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S
from hlm.core.embodiment import Embodiment
from hlm.core.errors import InputError
from hlm.core.layout import JOINTS, pack
from hlm.core.values import JointCommand, Reference, RobotState

_LEGS_AND_WAIST = slice(0, 15)
_ARMS = slice(15, 29)
_WRISTS = (slice(19, 22), slice(26, 29))
_LONGEST_TICK_S = 0.02
_FARTHEST_AHEAD_S = 1.0
_LARGEST_LOAD = 4.0  # on a foot, as a share of the weight
_LEAST_SWING_S = 0.2
_SHORTEST_SWING_S = 0.03


class WholeBodyTracker:
    """Follows references that stand, squat, reach and walk on level ground.

    Call `step` at 100 to 125 Hz; the motors close a loop of their own around its commands at 500 Hz.

    Args:
        embodiment: the robot.
        config: settings.
    """

    def __init__(self, embodiment: Embodiment, config: TrackerConfig | None = None) -> None:
        self.config = TrackerConfig() if config is None else config
        self.model = BodyModel(embodiment)
        self._embodiment = embodiment
        self._stream = ReferenceStream(self.config.stream.rate_hz, self.config.stream.ease_in_s)
        self._motion = ReferenceMotion(self.model, self.config.stream, self.config.contact, self.config.pendulum)
        self._clock = ReferenceClock(self.config.stream.latency_s, self.config.clock)
        self._odometry = LegOdometry(self.model)
        self._footholds = Footholds(self.config.step)
        self._body = BodyDynamics(self.model)
        self._program = DynamicsProgram(self.model, self.config.dynamics)
        self._kp, self._kd = _command_gains(self.config)
        self._weight_n = self.model.mass_kg * GRAVITY_M_S2
        self._effort: BodyEffort | None = None
        self._heading = Heading()
        self._swing: Swing | None = None
        self._unsolved = 0
        self._stamp_ns = 0

    @property
    def unsolved_ticks(self) -> int:
        """Ticks since the reset whose program had no solution and repeated the last torques instead."""
        return self._unsolved

    @property
    def estimate(self) -> Configuration:
        """Where the tracker thinks the body is; the middle of the soles was the origin at the reset."""
        return Configuration.from_vector(self._odometry.position)

    def reset(self, state: RobotState) -> None:
        """Start from the pose that is measured now; that pose is the first reference."""
        self._odometry.reset(state)
        self._footholds.reset()
        self._clock.reset()
        self._effort = None
        self._swing = None
        self._heading.reset()
        self._unsolved = 0
        self._stamp_ns = state.stamp_ns
        roll, pitch, _ = pin.rpy.matrixToRpy(_rotation(state.quat_world_from_pelvis_wxyz))
        vector = pack(state.joint_position_rad, state.gripper_opening, np.array([roll, pitch, 0.0]))
        self._stream.start(state.stamp_ns, vector)
        self._motion.start(state.stamp_ns, vector)

    def push(self, reference: Reference) -> None:
        """Take the next reference of the stream; stamps increase.

        Raises:
            InputError: an entry is not finite, the stamp does not increase, or it is far ahead of the robot's.
        """
        ahead_s = (reference.stamp_ns - self._stamp_ns) / NS_PER_S
        if ahead_s > _FARTHEST_AHEAD_S:
            raise InputError(
                f"reference is {ahead_s:.2f} s ahead of the robot's last state; at most {_FARTHEST_AHEAD_S:.0f} s "
                "can be kept. Stamp both on the same clock."
            )
        self._motion.extend(self._stream.push(reference), self._played_ns)

    @property
    def standing(self) -> tuple[bool, bool]:
        """Whether the left and the right foot stand."""
        left, right = self._footholds.standing
        return bool(left), bool(right)

    @property
    def lag_s(self) -> float:
        """How long after its stamp a reference is played now; longer while the body waits to lift a foot."""
        return self._clock.lag_s

    @property
    def _played_ns(self) -> int:
        return self._stamp_ns - round(self._clock.lag_s * NS_PER_S)

    def step(self, state: RobotState) -> JointCommand:
        """The command for the state that is measured now."""
        dt_s = min(max((state.stamp_ns - self._stamp_ns) / NS_PER_S, 0.0), _LONGEST_TICK_S)
        self._stamp_ns = state.stamp_ns
        self._odometry.update(state, self._loads())
        self._body.update(self._odometry.position, self._odometry.velocity)
        sample = self._sample(dt_s)
        feet = feet_of(self._body, self.model.sole_corners_m)
        self._footholds.update(dt_s, sample, feet)
        placed = place(sample, self._body, self._footholds.standing)
        self._heading.update(dt_s, sample, placed, resting=self._rests(sample))
        balance = self._balance(sample, placed, feet)
        soles = self._soles(sample, placed, balance, feet, dt_s)
        effort = self._program.solve(self._body, self._task(sample, placed, balance, soles))
        self._clock.update(dt_s, sample, balance, self._footholds, feet)
        solved = effort is not None
        if solved:
            self._effort = effort
        else:
            self._unsolved += 1
        return self._command(state, sample, dt_s if solved else None)

    def _loads(self) -> FloatArray:
        """[2] how much odometry trusts each foot: its load at the last tick, at least a little when it stands."""
        standing = self._footholds.standing
        if self._effort is None:
            return 0.5 * standing
        share = self._effort.load_n / max(float(self._effort.load_n.sum()), 1.0)
        return np.where(standing, np.clip(share, 0.1, 1.0), 0.0)

    def _sample(self, dt_s: float) -> ReferenceSample:
        """The reference of now; a stream that stopped is held."""
        self._clock.advance(dt_s)
        if self._played_ns >= self._motion.newest_ns:
            until_ns = self._played_ns + round(NS_PER_S / self.config.stream.rate_hz)
            self._motion.extend(self._stream.hold_until(until_ns), self._played_ns)
        return self._motion.sample(self._played_ns).at_rate(self._clock.rate)

    def _rests(self, sample: ReferenceSample) -> bool:
        """Whether both feet stand and have for long, with no step in sight."""
        rested = sample.stood_s > self.config.pendulum.longest_shift_s and bool(np.isinf(sample.lift_s).all())
        return rested and bool(self._footholds.standing.all())

    def _balance(self, sample: ReferenceSample, placed: PlacedReference, feet: Feet) -> Balance:
        body, config, standing = self._body, self.config.balance, self._footholds.standing
        balance = balance_between(
            (body.center_of_mass_m, body.center_of_mass_m_s),
            (placed.center_of_mass_m, placed.center_of_mass_m_s),
            placed.pressure_m,
            float(np.sqrt(GRAVITY_M_S2 / placed.height_m)),
            convex_hull(feet.corners_m[standing, :, :2].reshape(-1, 2)),
            config,
        )
        if self._rests(sample):
            return resting(balance, config)
        for foot in np.flatnonzero(standing & (placed.load_share > 0.5)):
            balance = catchable(balance, body.sole_m[foot, :2], feet.outward[foot], config)
        return balance

    def _soles(
        self, sample: ReferenceSample, placed: PlacedReference, balance: Balance, feet: Feet, dt_s: float
    ) -> FloatArray:
        """[foot, 6] accelerations: feet that stand stay and lie flat, one in the air swings."""
        body, config = self._body, self.config.dynamics
        soles = -config.sole_damping_per_s * body.sole_velocity
        up = body.rotation_world_from_sole[:, :, 2]
        soles[:, 3] += config.sole_levelling_per_s2 * up[:, 1]
        soles[:, 4] -= config.sole_levelling_per_s2 * up[:, 0]
        if self._footholds.standing.all():
            self._swing = None
            return soles
        foot = int(np.argmin(self._footholds.standing))
        if self._swing is None:
            self._swing = Swing(foot, self.config.swing, self.config.step.descent_m_s)
        age_s, most_rad = self._footholds.air_s(foot), self.config.step.largest_turn_rad
        remaining_s = max(self._footholds.remaining_s(sample, foot, _LEAST_SWING_S), _SHORTEST_SWING_S)
        self._swing.shift(balance.landing_error(remaining_s), feet.outward[foot], age_s, dt_s)
        turned_rad = min(max(self._heading.error_rad, -most_rad), most_rad)
        soles[foot] = self._swing.acceleration(placed, body, float(self._footholds.lowered_m[foot]), turned_rad, age_s)
        return soles

    def _task(self, sample: ReferenceSample, placed: PlacedReference, balance: Balance, soles: FloatArray) -> BodyTask:
        body, config = self._body, self.config.dynamics
        share = config.reference_acceleration_share
        velocity = self._odometry.velocity
        com = center_of_mass_acceleration(
            balance,
            self._clock.rate,
            (body.center_of_mass_m, body.center_of_mass_m_s),
            (placed.center_of_mass_m, placed.center_of_mass_m_s),
            share * sample.height_m_s2,
            self.config.balance,
        )
        turn = pin.log3(body.rotation_world_from_pelvis.T @ placed.rotation_world_from_pelvis)
        pelvis = share * sample.roll_pitch_yaw_rad_s2
        pelvis += config.pelvis_stiffness_per_s2 * turn + config.pelvis_damping_per_s * (
            sample.roll_pitch_yaw_rad_s - velocity[3:BASE_DOFS]
        )
        position = np.clip(sample.joint_position_rad, self._embodiment.lower_rad, self._embodiment.upper_rad)
        joints = share * sample.joint_acceleration_rad_s2
        joints += config.posture_stiffness_per_s2 * (position - self._odometry.position[7:])
        joints += config.posture_damping_per_s * (sample.joint_velocity_rad_s - velocity[BASE_DOFS:])
        largest_n = self._weight_n * np.minimum(self._footholds.largest_load(sample.lift_s), _LARGEST_LOAD)
        return BodyTask(com, pelvis, soles, joints, largest_n)

    def _command(self, state: RobotState, sample: ReferenceSample, dt_s: float | None) -> JointCommand:
        """Torques of the last effort that was found; legs and waist move as it means, or are damped without `dt_s`."""
        limit = self._embodiment.effort_nm
        velocity = sample.joint_velocity_rad_s.copy()
        velocity[_LEGS_AND_WAIST] = 0.0
        torque: FloatArray = np.zeros(JOINTS)
        if self._effort is not None:
            torque = np.clip(self._effort.torque_nm, -limit, limit)
            if dt_s is not None:
                ahead = state.joint_velocity_rad_s + self._effort.joint_rad_s2 * dt_s
                velocity[_LEGS_AND_WAIST] = ahead[_LEGS_AND_WAIST]
        return JointCommand(
            stamp_ns=state.stamp_ns,
            joint_position_rad=np.clip(
                sample.joint_position_rad, self._embodiment.lower_rad, self._embodiment.upper_rad
            ),
            joint_velocity_rad_s=velocity,
            kp_nm_rad=self._kp,
            kd_nm_s_rad=self._kd,
            torque_nm=torque,
            gripper_opening=np.clip(sample.gripper_opening, 0.0, 1.0),
        )


def _command_gains(config: TrackerConfig) -> tuple[FloatArray, FloatArray]:
    """[joint] stiffness and damping of the motors' own loops."""
    gains = config.command
    kp, kd = np.zeros(JOINTS), np.full(JOINTS, gains.leg_kd_nm_s_rad)
    kp[_ARMS], kd[_ARMS] = gains.arm_kp_nm_rad, gains.arm_kd_nm_s_rad
    for wrist in _WRISTS:
        kp[wrist], kd[wrist] = gains.wrist_kp_nm_rad, gains.wrist_kd_nm_s_rad
    return kp, kd


def _rotation(quat_wxyz: FloatArray) -> FloatArray:
    w, x, y, z = quat_wxyz
    return pin.Quaternion(w, x, y, z).normalized().toRotationMatrix()
