"""The whole-body tracker: follows the 34-D reference stream on a free-standing humanoid.

A tick estimates the pelvis from joints, inertial unit and stance feet, anchors the reference to the measured feet,
computes desired accelerations that keep the balance and follow the reference, and solves for the torques by inverse
dynamics.
"""

from __future__ import annotations

import numpy as np
import pinocchio as pin

from hlm.control.model import BASE_DOFS, GRAVITY_M_S2, BodyModel, Configuration, pendulum_frequency, rotation_from_quat
from hlm.control.tracker.admission import Admission
from hlm.control.tracker.anchoring import AnchoredReference, anchor
from hlm.control.tracker.balance import (
    Balance,
    ComMotion,
    balance_of,
    desired_com_acceleration,
    limit_to_stance_foot,
    limit_to_support,
)
from hlm.control.tracker.body_dynamics import BodyDynamics
from hlm.control.tracker.command import JointCommander
from hlm.control.tracker.config import TrackerConfig
from hlm.control.tracker.contact_state import ContactState
from hlm.control.tracker.contact_state_machine import ContactStateMachine
from hlm.control.tracker.easing import Easing
from hlm.control.tracker.feet import Feet, feet_of
from hlm.control.tracker.heading import Heading
from hlm.control.tracker.leg_odometry import LegOdometry
from hlm.control.tracker.reference_clock import ReferenceClock
from hlm.control.tracker.reference_motion import ReferenceMotion
from hlm.control.tracker.reference_sample import ReferenceSample
from hlm.control.tracker.reference_stream import ReferenceStream
from hlm.control.tracker.refusal import Refusal
from hlm.control.tracker.support_polygon import convex_hull
from hlm.control.tracker.swing_foot import SwingFoot
from hlm.control.tracker.upper_body_limits import UpperBodyLimits
from hlm.control.tracker.whole_body_qp import WholeBodyQP, WholeBodySolution, WholeBodyTask
from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S
from hlm.core.embodiment import Embodiment
from hlm.core.errors import TrackingError
from hlm.core.layout import pack
from hlm.core.values import JointCommand, Reference, RobotState

_MAX_TICK_S = 0.02
_MAX_UNSOLVED_IN_A_ROW = 10  # 0.1 s: a body that falls does not get far
_MAX_LOAD_FRACTION = 4.0  # on one foot; a landing exceeds the weight
_MIN_STANCE_WEIGHT = 0.1  # of a foot in contact, in odometry
_STANCE_LOAD_FRACTION = 0.5  # a foot with more than this carries the body
_MIN_GUESSED_SWING_S = 0.2
_MIN_TIME_TO_TOUCHDOWN_S = 0.03


class WholeBodyTracker:
    """Follows references that stand, squat, reach and walk on level ground.

    Call `step` at 100 to 125 Hz; the motors close their own loops around its commands at 500 Hz.

    Args:
        embodiment: the robot.
        config: gains, limits and times.
    """

    def __init__(self, embodiment: Embodiment, config: TrackerConfig | None = None) -> None:
        self.config = TrackerConfig() if config is None else config
        self.model = BodyModel(embodiment)
        self._embodiment = embodiment
        self._admission = Admission(embodiment)
        self._stream = ReferenceStream(self.config.stream.rate_hz, self.config.stream.ease_in_s)
        self._motion = ReferenceMotion(self.model, self.config.stream, self.config.contact, self.config.pendulum)
        self._clock = ReferenceClock(self.config.stream.latency_s, self.config.clock)
        self._odometry = LegOdometry(self.model)
        self._contacts = ContactStateMachine(self.config.transition)
        self._body = BodyDynamics(self.model)
        self._qp = WholeBodyQP(self.model, self.config.qp)
        self._commander = JointCommander(embodiment, self.config.command)
        self._weight_n = self.model.mass_kg * GRAVITY_M_S2
        self._solution: WholeBodySolution | None = None
        self._heading = Heading()
        self._swing: SwingFoot | None = None
        self._easing = Easing()
        self._refusal = Refusal(self.config.refusal)
        self._upper = UpperBodyLimits(self.config.upper_body)
        self._unsolved_ticks = self._unsolved_in_a_row = 0
        self._stamp_ns = 0
        self._dcm_error_m: FloatArray = np.zeros(2)

    @property
    def dcm_error_m(self) -> FloatArray:
        """[2] measured minus reference DCM at the last `step`."""
        return self._dcm_error_m

    @property
    def unsolved_ticks(self) -> int:
        """Ticks since the reset in which the QP was infeasible and the last torques were repeated."""
        return self._unsolved_ticks

    @property
    def estimate(self) -> Configuration:
        """Estimated configuration; the world's origin is the middle of the soles at the reset."""
        return Configuration.from_vector(self._odometry.position)

    @property
    def contact(self) -> ContactState:
        """Contact of the robot's feet."""
        return self._contacts.contact

    @property
    def lag_s(self) -> float:
        """Time from a reference's stamp to its playback; longer while the body waits to lift a foot off."""
        return self._clock.lag_s

    @property
    def refusal(self) -> str:
        """Why the reference is not followed, but a pose held; empty while it is."""
        return self._refusal.reason

    @property
    def sample(self) -> ReferenceSample:
        """The reference that is played now."""
        return self._sample

    @property
    def feet(self) -> Feet:
        """The feet at the last measurement."""
        return self._feet

    @property
    def body(self) -> BodyDynamics:
        """Dynamics at the last measurement, in the world of `estimate`; overwritten by the next one."""
        return self._body

    def reset(self, state: RobotState) -> None:
        """Start in double support, with the measured pose as the first reference.

        Raises:
            InputError: the measurement cannot be one.
        """
        self._admission.must_be_measurement(state)
        self._odometry.reset(state)
        self._contacts.reset()
        self._clock.reset()
        self._forget()
        self._easing.stop()
        self._upper.reset()
        self._unsolved_ticks = 0
        self._stamp_ns = state.stamp_ns
        roll_rad, pitch_rad, _ = pin.rpy.matrixToRpy(rotation_from_quat(state.quat_world_from_pelvis_wxyz))
        root = np.array([roll_rad, pitch_rad, 0.0])
        vector = pack(state.joint_position_rad, state.gripper_opening, root)
        self._stream.start(state.stamp_ns, vector)
        self._motion.start(state.stamp_ns, vector)
        self._sample = self._motion.sample(self._played_ns)
        self._refusal.start(self._sample)

    def push(self, reference: Reference) -> None:
        """Add the next reference of the stream.

        Raises:
            InputError: an entry is not finite or far out of range, the stamp does not increase, or it is too far ahead
                of the robot's.
        """
        self._admission.must_be_reference(reference, self._stamp_ns)
        self._motion.extend(self._stream.push(reference), self._played_ns)

    def must_follow(self, state: RobotState) -> None:
        """Refuse a measurement that cannot be the next one.

        Raises:
            InputError: a number in it is none or impossible, or its stamp is far from that of the one before.
        """
        self._admission.must_follow(state, self._stamp_ns)

    def step(self, state: RobotState) -> JointCommand:
        """The command for the state measured now.

        Raises:
            InputError: the measurement cannot be one, see `must_follow`; nothing has changed.
            TrackingError: the robot has fallen, or the QP was infeasible for so many ticks in a row that its last
                torques mean nothing any more.
        """
        self.must_follow(state)
        self._admission.must_stand(state)
        dt_s = self._pass_time(state)
        self._measure(state, self._foot_weights())
        sample, feet = self._sample, self._feet
        self._contacts.update(dt_s, sample, feet)
        anchored = anchor(sample, self._body, self._contacts.contact)
        self._heading.update(dt_s, sample, anchored, resting=self._rests(sample))
        balance = self._balance(sample, anchored, feet)
        self._dcm_error_m = balance.dcm_error_m
        soles = self._sole_accelerations(sample, anchored, balance, feet, dt_s)
        solution = self._qp.solve(self._body, self._task(sample, anchored, balance, soles))
        if self.refusal:
            self._clock.relax(dt_s)
        else:
            self._clock.update(dt_s, sample, balance, self._contacts, feet)
        if solution is None:
            self._unsolved_ticks += 1
            self._unsolved_in_a_row += 1
            if self._unsolved_in_a_row > _MAX_UNSOLVED_IN_A_ROW:
                raise TrackingError(f"no torques keep the balance: {self._unsolved_in_a_row} ticks without a solution")
            return self._commander.command(state, sample, self._solution, None)
        self._unsolved_in_a_row = 0
        self._solution = solution
        return self._commander.command(state, sample, solution, dt_s)

    def watch(self, state: RobotState, foot_load: FloatArray) -> None:
        """Play the reference and follow the body without commanding it, while somebody else does; `take_over` ends it.

        Args:
            state: the measurement.
            foot_load: [foot] load of each foot, for odometry; >= 0 and not all 0.

        Raises:
            InputError: as by `step`.
        """
        self.must_follow(state)
        self._clock.relax(self._pass_time(state))
        self._easing.stop()
        self._measure(state, foot_load)

    def take_over(self, state: RobotState) -> None:
        """Command again, after `watch`, from double support where the feet stand.

        The reference goes on; the measured pose fades into it.
        """
        self._contacts.reset()
        self._forget()
        self._easing.start(self._sample, self._body, state.joint_position_rad)

    def _forget(self) -> None:
        """Forget what was commanded."""
        self._solution = None
        self._swing = None
        self._heading.reset()
        self._unsolved_in_a_row = 0

    def _pass_time(self, state: RobotState) -> float:
        """Play the reference until a measurement; the time since the one before, s."""
        dt_s = min(max((state.stamp_ns - self._stamp_ns) / NS_PER_S, 0.0), _MAX_TICK_S)
        self._stamp_ns = state.stamp_ns
        sample, changed = self._refusal.followed(self._next_sample(dt_s), dt_s)
        sample = self._upper.limited(sample, dt_s)
        if changed:
            self._easing.start(sample, self._body, state.joint_position_rad, arms=True)
        self._sample = self._easing.eased(sample, dt_s)
        return dt_s

    def _measure(self, state: RobotState, foot_load: FloatArray) -> None:
        """Update odometry, dynamics and feet."""
        self._odometry.update(state, foot_load)
        self._body.update(self._odometry.position, self._odometry.velocity)
        self._feet = feet_of(self._body, self.model.sole_corners_m)

    @property
    def _played_ns(self) -> int:
        return self._stamp_ns - round(self._clock.lag_s * NS_PER_S)

    @property
    def _com(self) -> ComMotion:
        return ComMotion(self._body.com_position_m, self._body.com_velocity_m_s)

    def _foot_weights(self) -> FloatArray:
        """[foot] weights for odometry: load at the last tick, 0 in the air."""
        contact = self._contacts.contact.mask
        if self._solution is None:
            return 0.5 * contact
        load_n = self._solution.load_n
        fraction = load_n / max(float(load_n.sum()), 1.0)
        return np.where(contact, np.clip(fraction, _MIN_STANCE_WEIGHT, 1.0), 0.0)

    def _next_sample(self, dt_s: float) -> ReferenceSample:
        """The reference played now; a stream that has stopped is held."""
        self._clock.advance(dt_s)
        if self._played_ns >= self._motion.newest_ns:
            until_ns = self._played_ns + round(NS_PER_S / self.config.stream.rate_hz)
            self._motion.extend(self._stream.hold_until(until_ns), self._played_ns)
        return self._motion.sample(self._played_ns).at_rate(self._clock.rate)

    def _rests(self, sample: ReferenceSample) -> bool:
        """Whether robot and reference have long been in double support, with no lift-off in the preview."""
        standing = sample.double_support_s > self.config.pendulum.max_double_support_s
        return standing and bool(np.isinf(sample.time_to_lift_off_s).all()) and self._contacts.contact.double_support

    def _balance(self, sample: ReferenceSample, anchored: AnchoredReference, feet: Feet) -> Balance:
        config, contact = self.config.balance, self._contacts.contact.mask
        balance = balance_of(
            self._com,
            anchored.com,
            anchored.zmp_m,
            pendulum_frequency(anchored.com_height_m),
            convex_hull(feet.corner_position_m[contact, :, :2].reshape(-1, 2)),
            config,
        )
        if self._rests(sample):
            return limit_to_support(balance, config)
        for foot in np.flatnonzero(contact & (anchored.load_fraction > _STANCE_LOAD_FRACTION)):
            sole_m = self._body.sole_position_m[foot, :2]
            balance = limit_to_stance_foot(balance, sole_m, feet.outward[foot], config)
        return balance

    def _sole_accelerations(
        self, sample: ReferenceSample, anchored: AnchoredReference, balance: Balance, feet: Feet, dt_s: float
    ) -> FloatArray:
        """[foot, 6] desired accelerations: a stance foot stays and lies flat, a swing foot follows its reference."""
        body, config, contacts = self._body, self.config.qp, self._contacts
        soles = -config.stance_foot_damping_per_s * body.sole_velocity
        up = body.rotation_world_from_sole[:, :, 2]
        soles[:, 3] += config.stance_foot_levelling_per_s2 * up[:, 1]
        soles[:, 4] -= config.stance_foot_levelling_per_s2 * up[:, 0]
        if contacts.contact.double_support:
            self._swing = None
            return soles
        foot = contacts.contact.swing_foot
        if self._swing is None:
            self._swing = SwingFoot(foot, self.config.swing, self.config.transition.late_descent_speed_m_s)
        swing_time_s = contacts.swing_time_s(foot)
        remaining_s = max(contacts.time_to_touchdown_s(sample, foot, _MIN_GUESSED_SWING_S), _MIN_TIME_TO_TOUCHDOWN_S)
        self._swing.adjust_placement(balance.touchdown_dcm_error(remaining_s), feet.outward[foot], swing_time_s, dt_s)
        late_descent_m = float(contacts.late_descent_m[foot])
        soles[foot] = self._swing.acceleration(anchored, body, late_descent_m, self._heading.error_rad, swing_time_s)
        return soles

    def _task(
        self, sample: ReferenceSample, anchored: AnchoredReference, balance: Balance, soles: FloatArray
    ) -> WholeBodyTask:
        body, config, velocity = self._body, self.config.qp, self._odometry.velocity
        feedforward = config.acceleration_feedforward
        com = desired_com_acceleration(
            balance,
            self._clock.rate,
            self._com,
            anchored.com,
            feedforward * sample.com_vertical_acceleration_m_s2,
            self.config.balance,
        )
        error_rad = pin.log3(body.rotation_world_from_pelvis.T @ anchored.rotation_world_from_pelvis)
        pelvis = feedforward * sample.pelvis_roll_pitch_yaw_acceleration_rad_s2
        pelvis += config.pelvis_stiffness_per_s2 * error_rad + config.pelvis_damping_per_s * (
            sample.pelvis_roll_pitch_yaw_rate_rad_s - velocity[3:BASE_DOFS]
        )
        position_rad = np.clip(sample.joint_position_rad, self._embodiment.lower_rad, self._embodiment.upper_rad)
        joints = feedforward * sample.joint_acceleration_rad_s2
        joints += config.posture_stiffness_per_s2 * (position_rad - self._odometry.position[7:])
        joints += config.posture_damping_per_s * (sample.joint_velocity_rad_s - velocity[BASE_DOFS:])
        max_load = np.minimum(self._contacts.max_load_fraction(sample.time_to_lift_off_s), _MAX_LOAD_FRACTION)
        return WholeBodyTask(com, pelvis, soles, joints, self._weight_n * max_load)
