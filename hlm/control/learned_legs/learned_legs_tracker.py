"""The tracker with learned legs: stands and squats by model, walks and takes pushes by a learned policy.

Arms and grippers follow the reference while the policy walks too, the waist as far as the policy can bear. While the
policy has the legs it is told the velocity that the reference's feet imply, and what brings the robot back to the
reference's place by leg odometry. With `SwitchConfig.model_walks` the model walks too, and the policy only catches
what it loses.
"""

from __future__ import annotations

from enum import Enum

import numpy as np

from hlm.control.learned_legs.balance_tilt import BalanceTilt
from hlm.control.learned_legs.blending import blend
from hlm.control.learned_legs.config import LearnedLegsConfig
from hlm.control.learned_legs.course import Course
from hlm.control.learned_legs.guide import Guide, ReferenceGuide
from hlm.control.learned_legs.poise import Poise, poise_of
from hlm.control.learned_legs.policy_command import PolicyCommander
from hlm.control.learned_legs.settling import Settling
from hlm.control.learned_legs.sole_odometry import SoleOdometry
from hlm.control.learned_legs.velocity_policy import POLICY_HZ, Network, UpperBody, VelocityPolicy
from hlm.control.model import BASE_DOFS, Configuration
from hlm.control.tracker.config import TrackerConfig
from hlm.control.tracker.contact_state import ContactState
from hlm.control.tracker.reference_sample import ReferenceSample
from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S
from hlm.core.embodiment import Embodiment
from hlm.core.errors import TrackingError
from hlm.core.layout import JOINTS, MOTOR_ARMS, MOTOR_WAIST
from hlm.core.values import JointCommand, Reference, RobotState

_TICK_TOLERANCE_NS = 4_000_000
_POLICY_NS = round(NS_PER_S / POLICY_HZ)
_FLAT_M = 0.01  # difference in the soles' heights from which on the lower one carries all
_MIN_UPRIGHTNESS = 0.5
_WAIST_TIME_CONSTANT_S = 0.2
_STEP_IN_PLACE_M_S = 0.011


class Legs(Enum):
    """Who has the legs."""

    MODEL = "model"
    POLICY = "policy"


class LearnedLegsTracker:
    """Follows references like `WholeBodyTracker`, with legs that a learned policy takes over to walk.

    Call `step` at 100 to 125 Hz.

    Args:
        embodiment: the robot.
        network: the policy's, see `hlm.control.learned_legs.policy_file`.
        config: gains and times.
        guide: says where the legs go; None means where the reference's feet do.
    """

    def __init__(
        self,
        embodiment: Embodiment,
        network: Network,
        config: LearnedLegsConfig | None = None,
        guide: Guide | None = None,
    ) -> None:
        self._own = LearnedLegsConfig() if config is None else config
        self._guide: Guide = ReferenceGuide(self._own.switch.lift_ahead_s) if guide is None else guide
        self._model = WholeBodyTracker(embodiment, self._own.model)
        self._embodiment = embodiment
        self._policy = VelocityPolicy(network)
        self._tilt = BalanceTilt(self._model.model)
        self._odometry = SoleOdometry()
        self._course = Course(self._own.course)
        self._settling = Settling(self._own.switch)
        self._commander = PolicyCommander(embodiment, self._own.model.command)
        self._legs = Legs.MODEL
        self._stamp_ns = self._due_ns = 0
        self._before: JointCommand | None = None
        self._sent: JointCommand | None = None
        self._since_switch_s = 0.0
        self._target_rad: FloatArray = np.zeros(JOINTS)
        self._waist_rad: FloatArray = np.zeros(3)
        self._refused = False

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
    def refusal(self) -> str:
        """Why the reference is not followed, but a pose held; empty while it is."""
        return self._model.refusal

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
        self._refused = bool(self.refusal)
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
            InputError: the measurement cannot be one; nothing has changed.
            TrackingError: the robot has fallen.
        """
        self._model.must_follow(state)
        dt_s = max((state.stamp_ns - self._stamp_ns) / NS_PER_S, 0.0)
        self._stamp_ns = state.stamp_ns
        command = self._by_model(state, dt_s) if self._legs is Legs.MODEL else self._by_policy(state, dt_s)
        self._since_switch_s += dt_s
        weight = self._since_switch_s / self._own.switch.blend_s
        if self._before is not None and weight < 1.0:
            command = blend(self._before, command, weight)
        self._sent = command
        return command

    def _by_model(self, state: RobotState, dt_s: float) -> JointCommand:
        """The model's command, or the policy's first one when the model should not go on."""
        if self._walks_soon and not self._own.switch.model_walks:
            return self._give_to_policy(state, walks=True)
        try:
            command = self._model.step(state)
        except TrackingError:
            return self._give_to_policy(state, walks=self._walks_soon)
        self._follow_course(dt_s)
        walks = self._walks_soon or not self._model.contact.double_support
        return self._give_to_policy(state, walks=walks) if self._is_lost(walks=walks) else command

    def _is_lost(self, *, walks: bool) -> bool:
        """Whether the model is about to lose the balance."""
        if walks:
            return float(np.linalg.norm(self._model.dcm_error_m)) > self._own.switch.max_dcm_error_m
        return self._poise.outside_m > self._own.switch.max_capture_m

    def _by_policy(self, state: RobotState, dt_s: float) -> JointCommand:
        """The policy's command, or the model's first one when the policy has settled."""
        self._model.watch(state, self._foot_load)
        if self._model.body.rotation_world_from_pelvis[2, 2] < _MIN_UPRIGHTNESS:
            raise TrackingError("the robot has fallen: its pelvis is tilted by more than 60 degrees.")
        self._follow_course(dt_s)
        if self._walks_soon:
            self._settling.walk(dt_s, self._poise)
        else:
            self._settling.stand(dt_s, self._course.error, self._poise)
        if self._settling.done:
            return self._give_to_model(state)
        sample = self._model.sample
        if state.stamp_ns >= self._due_ns - _TICK_TOLERANCE_NS:
            self._due_ns = max(self._due_ns + _POLICY_NS, state.stamp_ns)
            velocity = None if self._settling.stopped else self._velocity()
            self._target_rad = self._policy.step(state, velocity, self._upper_body(state, sample))
        arm_torque_nm = self._model.body.bias[BASE_DOFS:][MOTOR_ARMS]
        return self._commander.command(state.stamp_ns, sample, self._target_rad, arm_torque_nm)

    def _give_to_policy(self, state: RobotState, *, walks: bool) -> JointCommand:
        self._switch(Legs.POLICY)
        self._course.start()
        self._settling.restart(stopped=not walks)
        lifting = self._lifted_foot if walks else None
        self._waist_rad = self._model.sample.joint_position_rad[MOTOR_WAIST]
        self._policy.reset(state.joint_position_rad, lifting)
        self._due_ns = state.stamp_ns
        return self._by_policy(state, 0.0)

    @property
    def _lifted_foot(self) -> int:
        """Index of the foot that is in the air, or else of the one that the reference lifts."""
        contact = self._model.contact
        return int(np.argmin(self._model.sample.load_fraction)) if contact.double_support else contact.swing_foot

    def _give_to_model(self, state: RobotState) -> JointCommand:
        self._switch(Legs.MODEL)
        self._model.take_over(state)
        return self._model.step(state)

    def _switch(self, legs: Legs) -> None:
        self._legs = legs
        self._before = self._sent
        self._since_switch_s = 0.0

    @property
    def _walks_soon(self) -> bool:
        """Whether the legs should walk, or begin to soon."""
        return self._guide.walks_soon(self._model.sample)

    @property
    def _poise(self) -> Poise:
        return poise_of(self._model.body, self._model.feet, self._own.switch)

    @property
    def _foot_load(self) -> FloatArray:
        """[foot] load of each foot, by which sole is lower; 0 for one that is higher by a centimetre."""
        height_m = self._model.body.sole_position_m[:, 2]
        right = min(max(0.5 + 0.5 * float(height_m[0] - height_m[1]) / _FLAT_M, 0.0), 1.0)
        return np.array([1.0 - right, right])

    def _upper_body(self, state: RobotState, sample: ReferenceSample) -> UpperBody:
        """What the policy is told of arms and waist; its bend is smoothed, because what shakes it shakes the walk."""
        limit_rad = np.array(self._own.max_waist_rad)
        wanted_rad = np.clip(sample.joint_position_rad[MOTOR_WAIST], -limit_rad, limit_rad)
        waist_rad_s = (wanted_rad - self._waist_rad) / _WAIST_TIME_CONSTANT_S
        self._waist_rad = self._waist_rad + waist_rad_s / POLICY_HZ
        return UpperBody(self._tilt.of(state.joint_position_rad, self._waist_rad), self._waist_rad, waist_rad_s)

    def _velocity(self) -> FloatArray:
        """[3] wanted velocity; where it is none, the policy steps in place."""
        velocity = self._guide.velocity(self._course, stopping=self._settling.reference_stands)
        return velocity if float(np.abs(velocity).max()) > _STEP_IN_PLACE_M_S else np.array([_STEP_IN_PLACE_M_S, 0, 0])

    def _follow_course(self, dt_s: float) -> None:
        """Tell the course where reference and robot are; what was refused has not moved the reference."""
        if bool(self.refusal) != self._refused:
            self._refused = not self._refused
            self._course.forget()
        body = self._model.body
        pelvis_m = self._model.estimate.position_pelvis_in_world_m
        self._odometry.update(self._model.feet.corner_position_m.reshape(-1, 3) - pelvis_m)
        middle_m = self._odometry.position_m + (body.sole_position_m.mean(axis=0) - pelvis_m)[:2]
        rotation = body.rotation_world_from_pelvis
        robot = np.array([*middle_m, np.arctan2(rotation[1, 0], rotation[0, 0])])
        self._guide.advance(self._course, self._model.sample, robot, dt_s)
