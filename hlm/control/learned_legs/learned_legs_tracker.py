"""The tracker with learned legs: stands and squats by model, walks and takes pushes by a learned policy.

Arms, waist and grippers follow the reference throughout. While the policy has the legs it is told the velocity that
the reference's feet imply, and what brings the robot back to the reference's place by leg odometry.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import numpy as np

from hlm.control.learned_legs.balance_tilt import BalanceTilt
from hlm.control.learned_legs.blending import blend
from hlm.control.learned_legs.config import LearnedLegsConfig
from hlm.control.learned_legs.course import Course
from hlm.control.learned_legs.sole_odometry import SoleOdometry
from hlm.control.learned_legs.velocity_policy import POLICY_HZ, Network, UpperBody, VelocityPolicy
from hlm.control.model import Configuration, pendulum_frequency
from hlm.control.tracker.config import TrackerConfig
from hlm.control.tracker.contact_state import ContactState
from hlm.control.tracker.feet import feet_of
from hlm.control.tracker.reference_sample import ReferenceSample
from hlm.control.tracker.support_polygon import convex_hull, project_onto_polygon, scaled_polygon
from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S
from hlm.core.embodiment import Embodiment
from hlm.core.errors import TrackingError
from hlm.core.layout import JOINTS, MOTOR_ARMS, MOTOR_LEFT_WRIST, MOTOR_LEGS_AND_WAIST, MOTOR_RIGHT_WRIST, MOTOR_WAIST
from hlm.core.values import JointCommand, Reference, RobotState

_TICK_TOLERANCE_NS = 4_000_000
_POLICY_NS = round(NS_PER_S / POLICY_HZ)
_FLAT_M = 0.01  # difference in the soles' heights from which on the lower one carries all
_MIN_UPRIGHTNESS = 0.5
_STEP_IN_PLACE_M_S = 0.011


class Legs(Enum):
    """Who has the legs."""

    MODEL = "model"
    POLICY = "policy"


class _Poise(NamedTuple):
    """How the body stands.

    Attributes:
        capture_m: distance of the capture point outside the soles' hull.
        steady: whether the capture point is well inside, and the body slow.
    """

    capture_m: float
    steady: bool


class LearnedLegsTracker:
    """Follows references like `WholeBodyTracker`, with legs that a learned policy takes over to walk.

    Call `step` at 100 to 125 Hz.

    Args:
        embodiment: the robot.
        network: the policy's, see `hlm.control.learned_legs.policy_file`.
        config: gains and times.
    """

    def __init__(self, embodiment: Embodiment, network: Network, config: LearnedLegsConfig | None = None) -> None:
        self._own = LearnedLegsConfig() if config is None else config
        self._model = WholeBodyTracker(embodiment, self._own.model)
        self._embodiment = embodiment
        self._policy = VelocityPolicy(network)
        self._tilt = BalanceTilt(self._model.model)
        self._odometry = SoleOdometry()
        self._course = Course(self._own.course)
        self._kp, self._kd = self._gains()
        self._legs = Legs.MODEL
        self._stamp_ns = self._due_ns = 0
        self._before: JointCommand | None = None
        self._sent: JointCommand | None = None
        self._since_switch_s = 0.0
        self._target_rad: FloatArray = np.zeros(JOINTS)
        self._standing_s = self._calm_s = self._settling_s = 0.0
        self._stopped = False

    @property
    def config(self) -> TrackerConfig:
        """Configuration of the reference stream, among others."""
        return self._own.model

    @property
    def legs(self) -> Legs:
        """Who has the legs now."""
        return self._legs

    @property
    def unsolved_ticks(self) -> int:
        """Ticks since the reset in which the model's program was infeasible."""
        return self._model.unsolved_ticks

    @property
    def estimate(self) -> Configuration:
        """Estimated configuration; the world's origin is the middle of the soles at the reset."""
        return self._model.estimate

    @property
    def contact(self) -> ContactState:
        """Contact of the robot's feet, as the model sees it."""
        return self._model.contact

    @property
    def lag_s(self) -> float:
        """Time from a reference's stamp to its playback."""
        return self._model.lag_s

    def reset(self, state: RobotState) -> None:
        """Start in double support by model, with the measured pose as the first reference."""
        self._model.reset(state)
        self._legs, self._before, self._sent = Legs.MODEL, None, None
        self._stamp_ns = self._due_ns = state.stamp_ns
        self._course.forget()
        self._odometry.reset()

    def push(self, reference: Reference) -> None:
        """Add the next reference of the stream.

        Raises:
            InputError: an entry is not finite, the stamp does not increase, or it is too far ahead of the robot's.
        """
        self._model.push(reference)

    def step(self, state: RobotState) -> JointCommand:
        """The command for the state measured now.

        Raises:
            TrackingError: nothing keeps the balance any more.
        """
        dt_s = max((state.stamp_ns - self._stamp_ns) / NS_PER_S, 0.0)
        self._stamp_ns = state.stamp_ns
        command = self._by_model(state, dt_s) if self._legs is Legs.MODEL else self._by_policy(state, dt_s)
        self._since_switch_s += dt_s
        weight = self._since_switch_s / self._own.switch.blend_s
        if self._before is not None and weight < 1.0:
            command = blend(self._before, command, weight)
        self._sent = command
        return command

    def _gains(self) -> tuple[FloatArray, FloatArray]:
        """[joint] stiffness and damping while the policy walks: its own, except for the arms."""
        kp = np.array([joint.kp_nm_rad for joint in self._embodiment.joints])
        kd = np.array([joint.kd_nm_s_rad for joint in self._embodiment.joints])
        arm = self._own.model.command
        kp[MOTOR_ARMS], kd[MOTOR_ARMS] = arm.arm_kp_nm_rad, arm.arm_kd_nm_s_rad
        for wrist in (MOTOR_LEFT_WRIST, MOTOR_RIGHT_WRIST):
            kp[wrist], kd[wrist] = arm.wrist_kp_nm_rad, arm.wrist_kd_nm_s_rad
        return kp, kd

    def _by_model(self, state: RobotState, dt_s: float) -> JointCommand:
        """The model's command, or the policy's first one when the model should not go on."""
        if self._walks_soon(self._model.sample):
            return self._give_to_policy(state)
        try:
            command = self._model.step(state)
        except TrackingError:
            return self._give_to_policy(state)
        self._follow_course(dt_s)
        height_m = float(self._model.estimate.position_pelvis_in_world_m[2])
        if self._poise().capture_m > self._own.switch.max_capture_m and height_m > self._own.switch.min_height_m:
            return self._give_to_policy(state)
        return command

    def _walks_soon(self, sample: ReferenceSample) -> bool:
        lifts = float(sample.time_to_lift_off_s.min()) < self._own.switch.lift_ahead_s
        return lifts or not sample.contact.double_support

    def _give_to_policy(self, state: RobotState) -> JointCommand:
        self._switch(Legs.POLICY)
        self._course.start()
        sample = self._model.sample
        lifting = None if not self._walks_soon(sample) else int(np.argmin(sample.load_fraction))
        self._policy.reset(state.joint_position_rad, lifting)
        self._due_ns = state.stamp_ns
        self._standing_s = self._calm_s = self._settling_s = 0.0
        self._stopped = not self._walks_soon(self._model.sample)
        return self._by_policy(state, 0.0)

    def _switch(self, legs: Legs) -> None:
        self._legs = legs
        self._before = self._sent
        self._since_switch_s = 0.0

    def _by_policy(self, state: RobotState, dt_s: float) -> JointCommand:
        self._model.watch(state, self._foot_load())
        sample = self._model.sample
        if self._model.body.rotation_world_from_pelvis[2, 2] < _MIN_UPRIGHTNESS:
            raise TrackingError("the robot has fallen: its pelvis is tilted by more than 60 degrees.")
        self._follow_course(dt_s)
        self._decide(sample, dt_s)
        if self._calm_s > self._own.switch.calm_s:
            self._switch(Legs.MODEL)
            self._model.take_over()
            return self._model.step(state)
        if state.stamp_ns >= self._due_ns - _TICK_TOLERANCE_NS:
            self._due_ns = max(self._due_ns + _POLICY_NS, state.stamp_ns)
            velocity = None if self._stopped else self._velocity()
            self._target_rad = self._policy.step(state, velocity, self._upper_body(state, sample))
        return self._command(state, sample)

    def _upper_body(self, state: RobotState, sample: ReferenceSample) -> UpperBody:
        waist_rad = sample.joint_position_rad[MOTOR_WAIST]
        tilt = self._tilt.of(state.joint_position_rad, waist_rad)
        return UpperBody(tilt, waist_rad, sample.joint_velocity_rad_s[MOTOR_WAIST])

    def _velocity(self) -> FloatArray:
        velocity = self._course.wanted_velocity(stopping=self._standing_s > self._own.switch.quiet_s)
        if float(np.abs(velocity).max()) < _STEP_IN_PLACE_M_S:
            velocity = np.array([_STEP_IN_PLACE_M_S, 0.0, 0.0])
        return velocity

    def _decide(self, sample: ReferenceSample, dt_s: float) -> None:
        """Whether the policy walks or stands, and for how long all has been calm."""
        switch = self._own.switch
        if self._walks_soon(sample):
            self._standing_s = self._settling_s = self._calm_s = 0.0
            self._stopped = False
            return
        self._standing_s += dt_s
        if self._standing_s < switch.quiet_s:
            return
        error = self._course.error
        near = float(np.hypot(*error[:2])) < switch.near_m and abs(error[2]) < switch.near_rad
        far = float(np.hypot(*error[:2])) > 2.0 * switch.near_m or abs(error[2]) > 2.0 * switch.near_rad
        self._settling_s += dt_s
        poise = self._poise()
        if near or self._settling_s > switch.max_settling_s:
            self._stopped = True
        elif far and poise.steady:
            self._stopped = False
        self._calm_s = self._calm_s + dt_s if self._stopped and poise.steady else 0.0

    def _poise(self) -> _Poise:
        body = self._model.body
        feet = feet_of(body, self._model.model.sole_corners_m)
        hull_m = convex_hull(feet.corner_position_m[:, :, :2].reshape(-1, 2))
        height_m = float(body.com_position_m[2] - body.sole_position_m[:, 2].min())
        capture_m = body.com_position_m[:2] + body.com_velocity_m_s[:2] / pendulum_frequency(height_m)
        outside_m = float(np.linalg.norm(capture_m - project_onto_polygon(hull_m, capture_m)))
        inner_m = scaled_polygon(hull_m, self._own.switch.support_scale)
        inside = bool(np.all(project_onto_polygon(inner_m, capture_m) == capture_m))
        slow = float(np.linalg.norm(body.com_velocity_m_s)) < self._own.switch.calm_speed_m_s
        return _Poise(outside_m, inside and slow)

    def _foot_load(self) -> FloatArray:
        """[foot] load of each foot, by which sole is lower; 0 for one that is higher by a centimetre."""
        height_m = self._model.body.sole_position_m[:, 2]
        right = np.clip(0.5 + 0.5 * (height_m[0] - height_m[1]) / _FLAT_M, 0.0, 1.0)
        return np.array([1.0 - right, right])

    def _follow_course(self, dt_s: float) -> None:
        """Tell the course where reference and robot are."""
        sample, body = self._model.sample, self._model.body
        rotation = body.rotation_world_from_pelvis
        yaw_rad = float(np.arctan2(rotation[1, 0], rotation[0, 0]))
        reference = np.array([*sample.sole_position_m.mean(axis=0)[:2], sample.pelvis_roll_pitch_yaw_rad[2]])
        pelvis_m = self._model.estimate.position_pelvis_in_world_m
        corners_m = feet_of(body, self._model.model.sole_corners_m).corner_position_m.reshape(-1, 3)
        self._odometry.update(corners_m - pelvis_m)
        middle_m = (body.sole_position_m.mean(axis=0) - pelvis_m)[:2]
        robot = np.array([*(self._odometry.position_m + middle_m), yaw_rad])
        self._course.advance(reference, sample.yaw_rate_rad_s * dt_s, robot, dt_s)

    def _command(self, state: RobotState, sample: ReferenceSample) -> JointCommand:
        lower_rad, upper_rad = self._embodiment.lower_rad, self._embodiment.upper_rad
        policys = MOTOR_LEGS_AND_WAIST
        wanted_rad, velocity_rad_s = sample.joint_position_rad.copy(), sample.joint_velocity_rad_s.copy()
        wanted_rad[policys] = self._target_rad[policys]
        velocity_rad_s[policys] = 0.0
        position_rad: FloatArray = np.clip(wanted_rad, lower_rad, upper_rad)
        torque_nm = self._model.body.bias[-JOINTS:].copy()
        # A target beyond a limit is how the policy asks for torque there.
        torque_nm[policys] = (self._kp * (wanted_rad - position_rad))[policys]
        limit_nm = self._embodiment.effort_nm
        return JointCommand(
            stamp_ns=state.stamp_ns,
            joint_position_rad=position_rad,
            joint_velocity_rad_s=velocity_rad_s,
            kp_nm_rad=self._kp,
            kd_nm_s_rad=self._kd,
            torque_nm=np.clip(torque_nm, -limit_nm, limit_nm),
            gripper_opening=np.clip(sample.gripper_opening, 0.0, 1.0),
        )
