"""The body of a scripted operator: commanded as a person commands it, by a script that sees where it stands."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hlm.control.body_command import BodyCommand
from hlm.control.commanded_body.commanded_body import CommandedBody
from hlm.control.commanded_body.config import CommandedBodyConfig
from hlm.control.commanded_body.velocity import walking_velocity
from hlm.control.model import BodyModel, Configuration
from hlm.control.operator import OperatorPose
from hlm.control.walking_pattern import middle
from hlm.core.arrays import FloatArray
from hlm.core.clock import STEP_HZ
from hlm.core.rotations import planar_from_pose, pose_from_planar
from hlm.sim.operators.stance import sole_poses, true_configuration
from hlm.sim.robot import SimulatedRobot

# A walk slows down by this towards its goal; a step that is decided now is not taken before the next touchdown.
_GAIN_PER_S = 0.6
_LONGEST_WALK_S, _LONGEST_SWAY_S = 30.0, 5.0
# A robot that moves slower than this for so long stands at rest.
_REST_M_S, _REST_S = 0.04, 0.5


class ScriptedBody:
    """A `CommandedBody` on the true robot of a simulation.

    A walk does not end exactly where it was commanded to. The stance frame, in which commands are, is therefore always
    that of the true feet. Where one foot is from the other stays as it was commanded.

    Args:
        robot: whose true feet are seen.
        config: of the commanded body.
    """

    def __init__(self, robot: SimulatedRobot, config: CommandedBodyConfig | None = None) -> None:
        self._robot = robot
        self._config = CommandedBodyConfig() if config is None else config
        self._model = BodyModel(robot.embodiment)
        self._body = CommandedBody(robot.embodiment, self._config)

    def reset(self) -> Configuration:
        """Start from the robot's true configuration, which is returned."""
        start = true_configuration(self._robot)
        self._body.reset(start)
        return start

    def pose(self, command: BodyCommand) -> OperatorPose:
        """The body one step later."""
        return self._body.pose(command, 1.0 / STEP_HZ)

    def in_stance_m(self, point_in_world_m: FloatArray) -> FloatArray:
        """[3] point of the world in the stance frame."""
        pose = self._pose_stance_from_world()
        point_m: FloatArray = pose[:3, :3] @ point_in_world_m + pose[:3, 3]
        return point_m

    def distance_to(self, goal: FloatArray) -> tuple[float, float]:
        """Distance (m) and absolute turn (rad) from the stance to [3] x, y and yaw in the world."""
        x_m, y_m, yaw_rad = planar_from_pose(self._pose_stance_from_world() @ pose_from_planar(goal))
        return float(np.hypot(x_m, y_m)), float(abs(yaw_rad))

    def walk_to(self, goal: FloatArray) -> Iterator[BodyCommand]:
        """The commands of a walk to [3] x, y and yaw in the world, until it stands at rest."""
        body = self._body
        pose_operator_from_goal = body.pose_world_from_stance @ self._pose_stance_from_world() @ pose_from_planar(goal)
        for _ in range(round(_LONGEST_WALK_S * STEP_HZ)):
            ahead = planar_from_pose(np.linalg.inv(body.pose_world_from_stance) @ pose_operator_from_goal)
            command = BodyCommand(velocity_m_s=_GAIN_PER_S * ahead[:2], turn_rate_rad_s=float(_GAIN_PER_S * ahead[2]))
            if not walking_velocity(command, self._config).any():
                break
            yield command
        while body.walking:
            yield BodyCommand()
        yield from self._swayed_out()

    def _swayed_out(self) -> Iterator[BodyCommand]:
        """Stand until the robot, which is late, stands at rest too."""
        still, before_m = 0, self._robot.true_base()[0]
        for _ in range(round(_LONGEST_SWAY_S * STEP_HZ)):
            if still >= _REST_S * STEP_HZ:
                return
            yield BodyCommand()
            here_m = self._robot.true_base()[0]
            still = still + 1 if np.linalg.norm(here_m - before_m) < _REST_M_S / STEP_HZ else 0
            before_m = here_m

    def _pose_stance_from_world(self) -> FloatArray:
        """[4, 4] the world where the feet truly are."""
        soles = sole_poses(self._model, true_configuration(self._robot))
        pose_world_from_stance = pose_from_planar(middle(np.array([planar_from_pose(sole) for sole in soles])))
        pose_world_from_stance[2, 3] = np.min(soles[:, 2, 3])
        pose: FloatArray = np.linalg.inv(pose_world_from_stance)
        return pose
