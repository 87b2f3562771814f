"""The decoupled interface: legs that go with a commanded velocity, under arms and a waist that go where they are told.

It is a front end of `LearnedLegsTracker`: commands become references that stand, and a guide for the legs. So it
stands, squats, falls and takes pushes as that does.
"""

from __future__ import annotations

import numpy as np

from hlm.control.learned_legs.command_guide import CommandGuide
from hlm.control.learned_legs.decoupled_command import HEIGHT_M, STANDING_HEIGHT_M, DecoupledCommand
from hlm.control.learned_legs.decoupled_config import DecoupledConfig, PostureConfig
from hlm.control.learned_legs.learned_legs_tracker import LearnedLegsTracker, Legs
from hlm.control.learned_legs.standing_pose import (
    ARMS,
    GRIPPERS,
    HEIGHT,
    POSTURE,
    WAIST,
    StandingPose,
    pelvis_height_m,
    posture_of,
    reference_vector,
)
from hlm.control.learned_legs.velocity_policy import Network
from hlm.control.model import BodyModel, Configuration
from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S
from hlm.core.embodiment import Embodiment
from hlm.core.errors import InputError
from hlm.core.layout import MOTOR_ARMS, MOTOR_ORDER, MOTOR_WAIST
from hlm.core.values import JointCommand, Reference, RobotState

_MAX_BEYOND_RAD = 0.05  # what measured joints exceed their limits by; more is not meant


class DecoupledTracker:
    """Follows decoupled commands: walks by a learned policy, stands and squats by model.

    Call `step` at 100 to 125 Hz, and `push` at 10 Hz at least: a command's velocity counts for 0.3 s.

    Args:
        embodiment: the robot.
        network: the policy's, see `hlm.control.learned_legs.policy_file`.
        config: speeds, gains and times.
    """

    def __init__(self, embodiment: Embodiment, network: Network, config: DecoupledConfig | None = None) -> None:
        self.config = DecoupledConfig() if config is None else config
        self._embodiment = embodiment
        self._model = BodyModel(embodiment)
        self._guide = CommandGuide(self.config.walk)
        self._tracker = LearnedLegsTracker(embodiment, network, self.config.legs, self._guide)
        self._standing = StandingPose(self._model)
        self._max_speed = _max_speed(self.config.posture)
        self._posture: FloatArray = np.zeros(POSTURE)
        self._pose = Configuration.standing(embodiment)
        self._stamp_ns = 0

    @property
    def legs(self) -> Legs:
        """Who has the legs now."""
        return self._tracker.legs

    @property
    def velocity(self) -> FloatArray:
        """[3] velocity that the legs go with now: forward, leftward (m/s), yaw rate (rad/s)."""
        return self._guide.commanded.now

    @property
    def estimate(self) -> Configuration:
        """Estimated configuration; the world's origin is the middle of the soles at the reset."""
        return self._tracker.estimate

    @property
    def unsolved_ticks(self) -> int:
        """Ticks since the reset in which the model's program was infeasible."""
        return self._tracker.unsolved_ticks

    def reset(self, state: RobotState) -> None:
        """Start in double support by model, from the measured pose."""
        self._tracker.reset(state)
        self._guide.reset(state.stamp_ns)
        height_m = float(np.clip(pelvis_height_m(self._model, state), *HEIGHT_M))
        self._posture = posture_of(height_m, state.joint_position_rad, state.gripper_opening)
        self._pose = self._standing.found(self._posture)
        self._stamp_ns = state.stamp_ns

    def push(self, command: DecoupledCommand) -> None:
        """Add the next command of the stream; one that is refused changes nothing.

        Raises:
            InputError: a joint is outside its limits, the stamp does not increase, or it is too far ahead of the
                robot's.
        """
        wanted = self._wanted(command)
        dt_s = min((command.stamp_ns - self._stamp_ns) / NS_PER_S, self.config.posture.max_gap_s)
        reach = self._max_speed * max(dt_s, 0.0)
        posture = self._posture + np.clip(wanted - self._posture, -reach, reach)
        pose = self._standing.near(posture, self._pose)
        self._tracker.push(Reference(command.stamp_ns, reference_vector(pose, posture[GRIPPERS])))
        self._guide.commanded.push(command.stamp_ns, command.walk)
        self._posture, self._pose, self._stamp_ns = posture, pose, command.stamp_ns

    def step(self, state: RobotState) -> JointCommand:
        """The command for the state measured now.

        Raises:
            TrackingError: the robot has fallen.
        """
        walked = self._tracker.legs is Legs.POLICY
        tall = walked or pelvis_height_m(self._model, state) > self.config.walk.min_height_m
        self._guide.commanded.advance(state.stamp_ns, may_walk=tall)
        return self._tracker.step(state)

    def _wanted(self, command: DecoupledCommand) -> FloatArray:
        """[20] the commanded posture, inside the joints' limits."""
        joints_rad = self._embodiment.default_rad.copy()
        joints_rad[MOTOR_WAIST], joints_rad[MOTOR_ARMS] = command.waist_rad, command.arm_rad
        lower_rad, upper_rad = self._embodiment.lower_rad, self._embodiment.upper_rad
        inside_rad = np.clip(joints_rad, lower_rad, upper_rad)
        beyond_rad = np.abs(joints_rad - inside_rad)
        worst = int(beyond_rad.argmax())
        if beyond_rad[worst] > _MAX_BEYOND_RAD:
            raise InputError(
                f"{MOTOR_ORDER[worst]} was asked to be at {joints_rad[worst]:.4g} rad; "
                f"{lower_rad[worst]:.4g} to {upper_rad[worst]:.4g} rad exists."
            )
        height_m = STANDING_HEIGHT_M if command.pelvis_height_m is None else command.pelvis_height_m
        return posture_of(height_m, inside_rad, command.gripper_opening)


def _max_speed(config: PostureConfig) -> FloatArray:
    """[20] fastest change of a posture, per second."""
    speed = np.zeros(POSTURE)
    speed[HEIGHT], speed[WAIST] = config.max_height_speed_m_s, config.max_waist_speed_rad_s
    speed[ARMS], speed[GRIPPERS] = config.max_arm_speed_rad_s, config.max_gripper_speed_per_s
    return speed
