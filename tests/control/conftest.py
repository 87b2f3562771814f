"""A robot on a bare floor, and the motions that tests play on it."""

from collections.abc import Callable

import mujoco
import numpy as np
import pytest

from hlm.control.inverse_kinematics import BodyTargets, PoseTarget, WholeBodyIK
from hlm.control.model import BodyModel, Configuration
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.sim.robot import SimulatedRobot
from hlm.sim.robot_model import add_robot
from hlm.sim.world import World, set_physics_options

LEVEL = np.array([1.0, 0.0, 0.0, 0.0])


@pytest.fixture(scope="session")
def model() -> BodyModel:
    return BodyModel(UNITREE_G1)


@pytest.fixture
def world() -> World:
    spec = mujoco.MjSpec()
    set_physics_options(spec)
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[5, 5, 1], contype=7, conaffinity=7)
    add_robot(spec, UNITREE_G1)
    return World(spec.compile())


@pytest.fixture
def robot(world: World) -> SimulatedRobot:
    return SimulatedRobot(world, UNITREE_G1)


@pytest.fixture(scope="session")
def stance(model: BodyModel) -> Callable[..., BodyTargets]:
    """Targets with both soles flat on the ground and the centre of mass between them."""

    def targets(pelvis_height_m: float = 0.74, **others: object) -> BodyTargets:
        soles = [
            PoseTarget(position_in_world_m=np.array([0.0, y, 0.0]), quat_world_from_frame_wxyz=LEVEL)
            for y in (0.118, -0.118)
        ]
        return BodyTargets(
            soles=(soles[0], soles[1]),
            pelvis_height_m=pelvis_height_m,
            quat_world_from_pelvis_wxyz=LEVEL,
            com_position_in_world_m=np.zeros(2),
            **others,
        )

    return targets


@pytest.fixture(scope="session")
def standing(model: BodyModel, stance: Callable[..., BodyTargets]) -> Configuration:
    return WholeBodyIK(model).solve(stance(), Configuration.standing(UNITREE_G1), 60)
