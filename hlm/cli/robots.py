"""What can be deployed on: one function a robot, which plugs body, cameras and task together in real time."""

from __future__ import annotations

from contextlib import AbstractContextManager

from hlm.cli.deployed_robot import DeployedRobot, RobotConfig


def open_robot(config: RobotConfig) -> AbstractContextManager[DeployedRobot]:
    """The robot, connected as far as that moves nothing; leaving disconnects it.

    Raises:
        HlmError: it cannot be had.
    """
    match config.name:
        case "mujoco":
            from hlm.cli.robots_mujoco import open_mujoco

            return open_mujoco(config)
        case "unitree":
            from hlm.cli.robots_unitree import open_unitree

            return open_unitree(config)
        case "sonic":
            from hlm.cli.robots_sonic import open_sonic

            return open_sonic(config)
