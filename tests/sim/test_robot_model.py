"""The compiled model against the embodiment that it was built from."""

import mujoco
import numpy as np
import pytest

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.sim.robot_model import OBJECT_BIT


@pytest.fixture(scope="module")
def model(task):
    return task.world.model


def test_masses_and_inertias_are_the_tables(model):
    for link in UNITREE_G1.links:
        body = model.body(link.name)
        assert body.mass[0] == pytest.approx(link.mass_kg)
        np.testing.assert_allclose(body.ipos, link.com_position_m, atol=1e-12)
        xx, yy, zz, xy, xz, yz = link.inertia_kg_m2
        turn = np.empty(9)
        mujoco.mju_quat2Mat(turn, body.iquat)
        turn = turn.reshape(3, 3)
        np.testing.assert_allclose(
            turn @ np.diag(body.inertia) @ turn.T, [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]], atol=1e-9
        )


def test_joints_have_the_tables_ranges_in_radians_and_its_rotors(model):
    for joint in UNITREE_G1.joints:
        compiled = model.joint(joint.name)
        assert compiled.type[0] == mujoco.mjtJoint.mjJNT_HINGE
        assert compiled.limited[0] == 1
        np.testing.assert_allclose(compiled.range, (joint.lower_rad, joint.upper_rad), atol=1e-12)
        assert compiled.armature[0] == pytest.approx(joint.motor.armature_kg_m2)
        np.testing.assert_array_equal(compiled.axis, [float(joint.axis == axis) for axis in "xyz"])


def test_motors_are_pure_torques_within_the_tables_effort(model):
    for joint in UNITREE_G1.joints:
        motor = model.actuator(joint.name)
        assert (motor.trntype[0], motor.trnid[0]) == (mujoco.mjtTrn.mjTRN_JOINT, model.joint(joint.name).id)
        np.testing.assert_array_equal(motor.gear, [1, 0, 0, 0, 0, 0])
        assert (motor.gainprm[0], motor.biastype[0]) == (1.0, mujoco.mjtBias.mjBIAS_NONE)
        np.testing.assert_allclose(motor.forcerange, [-joint.motor.effort_nm, joint.motor.effort_nm])


@pytest.mark.parametrize("link", [link.name for link in UNITREE_G1.links if link.name.startswith("left_")])
def test_limbs_are_mirror_images(model, link):
    left, right = model.body(link), model.body(link.replace("left_", "right_"))
    np.testing.assert_allclose(right.pos, left.pos * [1, -1, 1], atol=1e-12)
    np.testing.assert_allclose(right.ipos, left.ipos * [1, -1, 1], atol=1e-12)
    np.testing.assert_allclose(right.quat, left.quat * [1, -1, 1, -1], atol=1e-12)
    assert right.mass[0] == left.mass[0]
    shapes = [[model.geom(number).size.tolist() for number in geoms(model, body)] for body in (left, right)]
    assert shapes[0] == shapes[1]


def geoms(model, body):
    return range(int(body.geomadr[0]), int(body.geomadr[0]) + int(body.geomnum[0])) if body.geomnum[0] else range(0)


def test_nothing_but_motors_and_grippers_drives_the_robot(model):
    driven = [model.actuator(number).name for number in range(model.nu)]
    assert sorted(driven) == sorted([*(joint.name for joint in UNITREE_G1.joints), "left_gripper", "right_gripper"])
    base = model.joint("base").id
    for number in range(model.nu):
        actuator = model.actuator(number)
        if actuator.trntype[0] == mujoco.mjtTrn.mjTRN_JOINT:
            assert actuator.trnid[0] != base
    # No spring, tendon or damper holds the base either.
    dofs = model.joint("base").dofadr[0] + np.arange(6)
    assert not model.dof_damping[dofs].any()
    assert not model.dof_frictionloss[dofs].any()
    assert model.jnt_stiffness[base] == 0.0
    assert set(model.wrap_type.tolist()) == {mujoco.mjtWrap.mjWRAP_JOINT}
    sides = ("left", "right")
    assert set(model.wrap_objid.tolist()) == {model.joint(f"{side}_finger_{one}").id for side in sides for one in sides}


def test_nothing_but_the_fingers_gear_is_tied_to_anything(model):
    """A grasp is friction: no weld, no connection, no adhesion between robot and objects."""
    gears = {model.equality(number).name for number in range(model.neq)}
    assert gears == {"left_gear", "right_gear"}
    assert set(model.eq_type.tolist()) == {mujoco.mjtEq.mjEQ_JOINT}
    assert not (model.actuator_trntype == mujoco.mjtTrn.mjTRN_BODY).any()
    assert model.nflex == 0


def test_no_force_from_outside_acts(task):
    task.reset(0)
    task.world.wait_until(20_000_000)
    assert not task.world.data.xfrc_applied.any()
    assert not task.world.data.qfrc_applied.any()
    assert not task.world.model.opt.wind.any()
    np.testing.assert_array_equal(task.world.model.opt.gravity, [0.0, 0.0, -9.81])
    assert not task.world.model.body_gravcomp.any()


def test_fingers_touch_objects_with_friction_and_cannot_pass_through(model):
    for finger in ("right_finger_left", "right_finger_right"):
        geom = model.geom(finger)
        for cup in ("red", "blue"):
            other = model.geom(cup)
            assert (geom.contype[0] & other.conaffinity[0]) or (geom.conaffinity[0] & other.contype[0])
        assert 0.5 <= geom.friction[0] <= 1.2
    assert model.geom("red").contype[0] == OBJECT_BIT


def test_cameras_are_the_tables_and_one_for_people(model):
    names = [model.camera(number).name for number in range(model.ncam)]
    assert sorted(names) == ["head", "left_wrist", "right_wrist", "spectator"]
    for mount in UNITREE_G1.cameras:
        camera = model.camera(mount.name)
        assert camera.fovy[0] == pytest.approx(np.degrees(mount.field_of_view_rad))
        assert model.body(camera.bodyid[0]).name == mount.link


def test_cameras_look_ahead_and_down(task):
    task.reset(0)
    data = task.world.data
    for mount in UNITREE_G1.cameras:
        optical = -data.camera(mount.name).xmat.reshape(3, 3)[:, 2]
        link = data.body(mount.link).xmat.reshape(3, 3)
        expected = link @ [np.cos(mount.pitch_down_rad), 0.0, -np.sin(mount.pitch_down_rad)]
        np.testing.assert_allclose(optical, expected, atol=1e-9)
        across = data.camera(mount.name).xmat.reshape(3, 3)[:, 0]
        np.testing.assert_allclose(across, link @ [0.0, -1.0, 0.0], atol=1e-9)
