import mujoco
import numpy as np
import pinocchio as pin
import pytest

from hlm.control.model import DOFS, BodyModel, Configuration
from hlm.control.tracker.body_dynamics import BodyDynamics
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import MismatchError
from hlm.sim.robot import SimulatedRobot
from hlm.sim.world import World


def random_state(model: BodyModel, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    start = Configuration.standing(UNITREE_G1).vector
    return pin.integrate(model.pin_model, start, 0.4 * random.normal(size=DOFS)), random.normal(size=DOFS)


class MujocoBody:
    """MuJoCo's model in Pinocchio's coordinates, fingers half open and held still."""

    def __init__(self, model: BodyModel, world: World, position: np.ndarray, velocity: np.ndarray) -> None:
        self.mujoco, self.data = world.model, world.data
        joints = [self.mujoco.joint(joint.name) for joint in UNITREE_G1.joints]
        base = self.mujoco.joint("base")
        self.data.qpos[base.qposadr[0] : base.qposadr[0] + 7] = position[[0, 1, 2, 6, 3, 4, 5]]
        self.data.qpos[[joint.qposadr[0] for joint in joints]] = position[7:]
        for number in range(self.mujoco.njnt):
            if self.mujoco.joint(number).type[0] == mujoco.mjtJoint.mjJNT_SLIDE:
                self.data.qpos[self.mujoco.jnt_qposadr[number]] = UNITREE_G1.grippers[0].finger_stroke_m / 2
        rotation = pin.XYZQUATToSE3(position[:7]).rotation
        self.dofs = np.concatenate([base.dofadr[0] + np.arange(6), [joint.dofadr[0] for joint in joints]]).astype(int)
        self.turn = np.eye(DOFS)
        self.turn[:3, :3] = rotation
        self.data.qvel[:] = 0.0
        self.data.qvel[self.dofs] = self.turn @ velocity
        mujoco.mj_forward(self.mujoco, self.data)

    def inertia(self) -> np.ndarray:
        full = np.zeros((self.mujoco.nv, self.mujoco.nv))
        mujoco.mj_fullM(self.mujoco, self.data, full)
        return self.turn.T @ full[np.ix_(self.dofs, self.dofs)] @ self.turn

    def bias(self, velocity: np.ndarray) -> np.ndarray:
        """MuJoCo's base speed is in world axes, Pinocchio's in the pelvis': its rate of turning is added."""
        spin = np.zeros(DOFS)
        spin[:3] = np.cross(velocity[3:6], velocity[:3])
        return self.turn.T @ self.data.qfrc_bias[self.dofs] + self.inertia() @ spin


@pytest.mark.parametrize("seed", range(5))
def test_it_has_the_dynamics_of_the_simulators_model(model: BodyModel, world: World, seed: int) -> None:
    position, velocity = random_state(model, seed)
    other = MujocoBody(model, world, position, velocity)
    body = BodyDynamics(model)
    body.update(position, velocity)
    pelvis = other.mujoco.body("pelvis").id
    np.testing.assert_allclose(model.mass_kg, other.mujoco.body_subtreemass[pelvis], rtol=1e-12)
    np.testing.assert_allclose(body.com_position_m, other.data.subtree_com[pelvis], atol=1e-9)
    np.testing.assert_allclose(body.inertia, other.inertia(), atol=1e-9)
    np.testing.assert_allclose(body.bias, other.bias(velocity), atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_its_frames_are_where_the_simulators_bodies_are(model: BodyModel, world: World, seed: int) -> None:
    position, velocity = random_state(model, seed)
    other = MujocoBody(model, world, position, velocity)
    configuration = Configuration.from_vector(position)
    for link in UNITREE_G1.links:
        pose = model.pose_world_from(link.name, configuration)
        np.testing.assert_allclose(pose[:3, 3], other.data.body(link.name).xpos, atol=1e-9)
        np.testing.assert_allclose(pose[:3, :3].ravel(), other.data.body(link.name).xmat, atol=1e-9)
    for side in ("left", "right"):
        grip = model.pose_world_from(f"{side}_grip", configuration)
        np.testing.assert_allclose(grip[:3, 3], other.data.site(f"{side}_grip").xpos, atol=1e-9)


def test_sole_velocity_and_drift_are_time_derivatives(model: BodyModel) -> None:
    position, velocity = random_state(model, 7)
    body, later = BodyDynamics(model), BodyDynamics(model)
    dt_s = 1e-6
    body.update(position, velocity)
    later.update(pin.integrate(model.pin_model, position, dt_s * velocity), velocity)
    np.testing.assert_allclose(
        (later.sole_position_m - body.sole_position_m) / dt_s, body.sole_velocity[:, :3], atol=1e-4
    )
    np.testing.assert_allclose((later.sole_velocity - body.sole_velocity) / dt_s, body.sole_drift, atol=1e-4)
    np.testing.assert_allclose(body.sole_jacobian @ velocity, body.sole_velocity, atol=1e-10)


def test_configuration_vectors_round_trip(model: BodyModel) -> None:
    position, _ = random_state(model, 3)
    np.testing.assert_array_equal(Configuration.from_vector(position).vector, position)


def test_the_torso_carries_both_arms(model: BodyModel) -> None:
    standing = Configuration.standing(UNITREE_G1)
    np.testing.assert_array_equal(
        model.pose_world_from("torso", standing), model.pose_world_from("waist_pitch", standing)
    )


def test_an_unknown_frame_is_named_with_the_known_ones(model: BodyModel) -> None:
    with pytest.raises(MismatchError, match=r"no frame 'tail' in embodiment 'unitree_g1'\. Known: .*left_sole"):
        model.frame("tail")


def test_the_simulated_robot_measures_what_was_placed(
    robot: SimulatedRobot, world: World, standing: Configuration
) -> None:
    robot.place(standing.position_pelvis_in_world_m, standing.quat_world_from_pelvis_wxyz, standing.joint_position_rad)
    world.forward()
    np.testing.assert_array_equal(robot.read().joint_position_rad, standing.joint_position_rad)
