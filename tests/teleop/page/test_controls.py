"""What is set on the page is what is commanded, and what was not touched stays free."""

import numpy as np
import pytest

from hlm.control.commanded_body.config import CommandedBodyConfig
from hlm.control.model import BodyModel, Configuration
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import pack
from hlm.core.rotations import quat_from_roll_pitch_yaw, roll_pitch_yaw_from_quat
from hlm.teleop.page.controls import (
    Controls,
    Slider,
    body_command,
    controls_of,
    dragged,
    freed,
    nudged,
    slid,
    unreached_m,
    waist_from_poses,
)
from hlm.teleop.page.documents import command_document
from hlm.teleop.page.page_view import ShownRobot
from hlm.teleop.page.part_poses import Part, PartPose, drawn_robot

REST = np.zeros(3)
MODEL = BodyModel(UNITREE_G1)
STANDING = pack(UNITREE_G1.default_rad, np.ones(2), np.zeros(3))
PARTS = drawn_robot(MODEL, ShownRobot(vector=STANDING), np.eye(4)).parts
LIMBS = [Part.LEFT_HAND, Part.RIGHT_HAND, Part.LEFT_FOOT, Part.RIGHT_FOOT]


def moved(part, shift_m=(0.0, 0.0, 0.0), turn_rad=(0.0, 0.0, 0.0)):
    there = PARTS[part]
    return PartPose(there.position_m + shift_m, quat_from_roll_pitch_yaw(np.array(turn_rad)))


def targets(command):
    return dict(zip(LIMBS, (*command.grips, *command.soles), strict=True))


def test_untouched_controls_command_nothing():
    command = body_command(Controls(), REST)
    assert all(target is None for target in targets(command).values())
    assert command.pelvis_height_m is None
    assert command.waist_rad is None
    assert not any(Controls().holds(part) for part in Part)


@pytest.mark.parametrize("part", LIMBS)
def test_a_dragged_limb_is_held_alone_until_it_is_freed(part):
    handle = moved(part, (0.1, 0.0, 0.2), (0.0, 0.0, 0.3))
    controls = dragged(Controls(), part, handle, PARTS[Part.PELVIS])
    found = targets(body_command(controls, REST))
    assert np.allclose(found[part].position_in_world_m, handle.position_m)
    assert np.allclose(found[part].quat_world_from_frame_wxyz, handle.quat_wxyz)
    assert [other for other in LIMBS if found[other] is not None] == [part]
    assert controls.holds(part)
    assert not freed(controls, part).holds(part)


def test_a_pelvis_is_lowered_and_leaned_and_not_moved():
    controls = dragged(
        Controls(), Part.PELVIS, moved(Part.PELVIS, (0.3, 0.3, -0.2), (0.0, 0.2, 0.5)), PARTS[Part.PELVIS]
    )
    command = body_command(controls, REST)
    assert command.pelvis_height_m == pytest.approx(PARTS[Part.PELVIS].position_m[2] - 0.2)
    assert (command.pelvis_roll_rad, command.pelvis_pitch_rad) == pytest.approx((0.0, 0.2), abs=1e-9)
    handle = controls.handle(Part.PELVIS, PARTS[Part.PELVIS])
    assert np.allclose(handle.position_m[:2], PARTS[Part.PELVIS].position_m[:2])
    assert roll_pitch_yaw_from_quat(handle.quat_wxyz)[1] == pytest.approx(0.2)


@pytest.mark.parametrize("waist_rad", [(0.4, 0.0, 0.0), (0.0, 0.2, 0.0), (0.0, 0.0, -0.3), (0.5, -0.2, 0.3)])
def test_a_waist_is_read_off_its_own_kinematics(waist_rad):
    joints = UNITREE_G1.default_rad.copy()
    joints[12:15] = waist_rad
    lean = np.array([0.1, 0.2, 0.3])
    robot = drawn_robot(MODEL, ShownRobot(vector=pack(joints, np.ones(2), lean), heading_rad=0.3), np.eye(4))
    pelvis, torso = robot.parts[Part.PELVIS], robot.parts[Part.TORSO]
    assert np.allclose(waist_from_poses(pelvis.quat_wxyz, torso.quat_wxyz), waist_rad)
    controls = dragged(Controls(), Part.TORSO, torso, pelvis)
    assert np.allclose(body_command(controls, REST).waist_rad, waist_rad)


def test_keys_move_a_hand_from_where_it_is_and_turn_it():
    there = PARTS[Part.LEFT_HAND]
    once = nudged(Controls(), Part.LEFT_HAND, there, np.array([0.02, 0.0, 0.0]), np.zeros(3))
    assert np.allclose(once.grips[0].position_in_world_m - there.position_m, [0.02, 0.0, 0.0])
    back = nudged(once, Part.LEFT_HAND, there, np.array([-0.02, 0.0, 0.0]), np.array([0.0, 0.0, 0.1]))
    assert np.allclose(back.grips[0].position_in_world_m, there.position_m)
    turned = roll_pitch_yaw_from_quat(back.grips[0].quat_world_from_frame_wxyz)
    assert turned[2] == pytest.approx(roll_pitch_yaw_from_quat(there.quat_wxyz)[2] + 0.1, abs=0.02)


def test_presses_do_not_add_up_where_no_hand_follows():
    there, controls = PARTS[Part.RIGHT_HAND], Controls()
    for _ in range(50):
        controls = nudged(controls, Part.RIGHT_HAND, there, np.array([0.01, 0.0, 0.0]), np.array([0.0, 0.0, 0.01]))
    position_m, quat_wxyz = controls.handle(Part.RIGHT_HAND, there)
    assert np.allclose(position_m - there.position_m, [0.3, 0.0, 0.0], atol=0.011)
    assert roll_pitch_yaw_from_quat(quat_wxyz)[2] == pytest.approx(
        roll_pitch_yaw_from_quat(there.quat_wxyz)[2] + 0.5, abs=0.1
    )
    far = dragged(
        Controls(), Part.RIGHT_HAND, PartPose(there.position_m + np.array([0.6, 0.0, 0.0]), there.quat_wxyz), there
    )
    nearer = nudged(far, Part.RIGHT_HAND, there, np.array([-0.01, 0.0, 0.0]), np.zeros(3))
    assert np.allclose(nearer.handle(Part.RIGHT_HAND, there).position_m - there.position_m, [0.59, 0.0, 0.0])


def test_keys_turn_the_waist():
    controls = nudged(Controls(), Part.TORSO, PARTS[Part.TORSO], np.zeros(3), np.array([0.0, 0.1, 0.2]))
    assert np.allclose(controls.waist_rad, [0.2, 0.0, 0.1])


@pytest.mark.parametrize("slider", Slider)
def test_sliders_stop_where_the_body_does(slider):
    command = body_command(slid(Controls(), slider, 99.0), REST)
    assert command.gripper_opening.max() <= 1.0
    assert command.pelvis_height_m is None or command.pelvis_height_m < 0.8
    assert max(command.pelvis_roll_rad, command.pelvis_pitch_rad) < 1.0
    assert command.waist_rad is None or command.waist_rad.max() <= 1.0


def test_a_full_stick_walks_no_faster_than_the_body_does():
    command = body_command(Controls(), np.array([5.0, -5.0, 5.0]), np.array([1.0, -1.0, 1.0]))
    body = CommandedBodyConfig()
    assert command.velocity_m_s.tolist() == [body.max_ahead_m_s, -body.max_sideways_m_s]
    assert command.turn_rate_rad_s == body.max_turn_rad_s


def test_a_commands_controls_give_the_command_back():
    controls = slid(slid(Controls(), Slider.HEIGHT, 0.6), Slider.WAIST_YAW, 0.3)
    controls = dragged(controls, Part.RIGHT_HAND, moved(Part.RIGHT_HAND, (0.1, 0.0, 0.0)), PARTS[Part.PELVIS])
    command = body_command(controls, REST)
    assert command_document(body_command(controls_of(command), REST)) == command_document(command)


def test_what_is_out_of_reach_is_told_by_how_far():
    controls = dragged(Controls(), Part.LEFT_HAND, moved(Part.LEFT_HAND, (0.0, 0.0, 0.5)), PARTS[Part.PELVIS])
    assert unreached_m(controls, PARTS) == {Part.LEFT_HAND: pytest.approx(0.5)}


def test_a_robot_is_drawn_in_the_stance_frame():
    configuration = Configuration.standing(UNITREE_G1)
    here = drawn_robot(MODEL, ShownRobot(vector=STANDING), np.eye(4))
    soles = [here.parts[part].position_m for part in (Part.LEFT_FOOT, Part.RIGHT_FOOT)]
    assert np.allclose(np.mean(soles, axis=0), 0.0, atol=2e-3)
    pose = np.eye(4)
    pose[:2, :2], pose[:2, 3] = [[0.0, -1.0], [1.0, 0.0]], [3.0, 4.0]
    elsewhere = drawn_robot(MODEL, ShownRobot(vector=STANDING, heading_rad=np.pi / 2), pose)
    unknown = drawn_robot(MODEL, ShownRobot(vector=STANDING), pose)
    np.testing.assert_allclose(unknown.position_m, elsewhere.position_m, atol=1e-9)
    assert np.allclose(elsewhere.position_m, here.position_m)
    position = np.array([3.0, 4.0, configuration.position_pelvis_in_world_m[2]])
    known = drawn_robot(
        MODEL, ShownRobot(vector=STANDING, heading_rad=np.pi / 2, position_pelvis_in_world_m=position), pose
    )
    assert np.allclose(known.parts[Part.PELVIS].position_m, [0.0, 0.0, position[2]])


def test_a_body_whose_heading_is_not_known_stands_on_its_own_feet():
    joints = np.array(UNITREE_G1.default_rad)
    joints[2] += 0.3  # yaw of the left hip
    joints[8] += 0.1  # and of the right one
    drawn = drawn_robot(MODEL, ShownRobot(vector=pack(joints, np.ones(2), np.zeros(3))), np.eye(4))
    yaws = {part: roll_pitch_yaw_from_quat(pose.quat_wxyz)[2] for part, pose in drawn.parts.items()}
    assert yaws[Part.LEFT_FOOT] == pytest.approx(-yaws[Part.RIGHT_FOOT], abs=1e-6)
    assert yaws[Part.LEFT_FOOT] - yaws[Part.RIGHT_FOOT] == pytest.approx(0.2, abs=0.03)
    assert yaws[Part.PELVIS] == pytest.approx(-0.2, abs=0.03)
