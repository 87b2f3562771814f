import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from hypothesis.strategies import floats

from hlm.core.errors import MismatchError
from hlm.core.layout import (
    DIMENSIONS,
    GRIPPERS,
    GROUPS,
    ISAACLAB_FROM_MOTOR,
    JOINT_INDEX,
    JOINTS,
    LEFT_ARM,
    LEFT_GRIPPER,
    LEFT_LEG,
    MOTOR_FROM_ISAACLAB,
    MOTOR_ORDER,
    NAMES,
    RIGHT_ARM,
    RIGHT_GRIPPER,
    RIGHT_LEG,
    ROOT,
    ROOT_PITCH,
    ROOT_ROLL,
    ROOT_YAW_RATE,
    UNITS,
    WAIST,
    from_openhlm,
    pack,
    to_openhlm,
    unpack,
)

vectors = arrays(np.float64, (DIMENSIONS,), elements=floats(-10.0, 10.0))


@given(vectors)
def test_pack_undoes_unpack(vector):
    np.testing.assert_array_equal(pack(*unpack(vector)), vector)


def test_unpack_undoes_pack():
    joints, grippers, root = np.arange(58.0).reshape(2, 29), np.array([[0.1, 0.2], [0.3, 0.4]]), np.ones((2, 3))
    for got, wanted in zip(unpack(pack(joints, grippers, root)), (joints, grippers, root), strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_every_name_stands_where_the_contract_puts_it():
    places = np.arange(DIMENSIONS)
    joints, grippers, root = unpack(places)
    assert [NAMES[place] for place in joints] == list(MOTOR_ORDER)
    assert [NAMES[place] for place in grippers] == ["left_gripper", "right_gripper"]
    assert [NAMES[place] for place in root] == ["root_roll", "root_pitch", "root_yaw_rate"]
    assert NAMES[LEFT_ARM] == MOTOR_ORDER[15:22]
    assert NAMES[RIGHT_ARM] == MOTOR_ORDER[22:29]
    assert NAMES[LEFT_LEG] == MOTOR_ORDER[0:6]
    assert NAMES[RIGHT_LEG] == MOTOR_ORDER[6:12]
    assert NAMES[WAIST] == ("waist_yaw", "waist_roll", "waist_pitch")
    assert (NAMES[LEFT_GRIPPER], NAMES[RIGHT_GRIPPER]) == ("left_gripper", "right_gripper")
    assert (NAMES[ROOT_ROLL], NAMES[ROOT_PITCH], NAMES[ROOT_YAW_RATE]) == NAMES[ROOT]


def test_names_are_unique_and_each_has_a_unit():
    assert len(set(NAMES)) == len(NAMES) == len(UNITS) == DIMENSIONS
    assert len(set(MOTOR_ORDER)) == len(MOTOR_ORDER) == JOINTS
    assert [name for name, unit in zip(NAMES, UNITS, strict=True) if unit == "1"] == ["left_gripper", "right_gripper"]
    assert [name for name, unit in zip(NAMES, UNITS, strict=True) if unit == "rad/s"] == ["root_yaw_rate"]
    assert UNITS.count("rad") == DIMENSIONS - 3


def test_joint_index_is_a_bijection_onto_what_is_no_root_and_no_gripper():
    others = {*GRIPPERS, *range(ROOT.start, ROOT.stop)}
    assert sorted(JOINT_INDEX) == sorted(set(range(DIMENSIONS)) - others)


def test_groups_cover_the_vector_in_its_order():
    covered = [place for part in GROUPS.values() for place in range(part.start, part.stop)]
    assert covered == list(range(DIMENSIONS))


# OpenHLM's release converts with these gather indices, MuJoCo's joint order being Unitree's motor order.
ISAACLAB = [0, 6, 12, 1, 7, 13, 2, 8, 14, 3, 9, 15, 22, 4, 10, 16, 23, 5, 11, 17, 24, 18, 25, 19, 26, 20, 27, 21, 28]
MOTOR = [0, 3, 6, 9, 13, 17, 1, 4, 7, 10, 14, 18, 2, 5, 8, 11, 15, 19, 21, 23, 25, 27, 12, 16, 20, 22, 24, 26, 28]


def test_isaac_lab_order_is_the_published_one():
    assert ISAACLAB_FROM_MOTOR.tolist() == ISAACLAB
    assert MOTOR_FROM_ISAACLAB.tolist() == MOTOR


def test_isaac_lab_order_lists_joints_by_their_depth_in_the_tree():
    names = [MOTOR_ORDER[index] for index in ISAACLAB_FROM_MOTOR]
    assert names[:3] == ["left_hip_pitch", "right_hip_pitch", "waist_yaw"]
    assert names[-2:] == ["left_wrist_yaw", "right_wrist_yaw"]


def test_isaac_lab_orders_are_inverse():
    joints = np.random.default_rng(0).normal(size=JOINTS)
    np.testing.assert_array_equal(joints[ISAACLAB_FROM_MOTOR][MOTOR_FROM_ISAACLAB], joints)
    np.testing.assert_array_equal(joints[MOTOR_FROM_ISAACLAB][ISAACLAB_FROM_MOTOR], joints)


@given(vectors)
def test_openhlms_body_and_hands_round_trip(vector):
    np.testing.assert_array_equal(from_openhlm(*to_openhlm(vector)), vector)


def test_openhlms_body_begins_with_the_root_and_goes_on_in_motor_order():
    vector = from_openhlm(np.arange(32.0), np.array([100.0, 101.0]))
    assert vector[ROOT].tolist() == [0.0, 1.0, 2.0]
    assert vector[JOINT_INDEX].tolist() == list(range(3, 32))
    assert vector[[LEFT_GRIPPER, RIGHT_GRIPPER]].tolist() == [100.0, 101.0]


def test_batches_convert_row_by_row():
    rows = np.random.default_rng(1).normal(size=(4, 5, DIMENSIONS))
    body, hands = to_openhlm(rows)
    assert body.shape == (4, 5, 32)
    np.testing.assert_array_equal(from_openhlm(body[2, 3], hands[2, 3]), rows[2, 3])


@pytest.mark.parametrize(
    ("call", "size"),
    [
        (lambda: unpack(np.zeros(33)), 34),
        (lambda: from_openhlm(np.zeros(31), np.ones(2)), 32),
        (lambda: pack(np.zeros(28), np.ones(2), np.zeros(3)), 29),
        # One number would be spread over both grippers, or over the whole root.
        (lambda: pack(np.zeros(29), np.ones(1), np.zeros(3)), 2),
        (lambda: pack(np.zeros(29), np.ones(2), np.zeros(1)), 3),
    ],
)
def test_another_length_is_refused(call, size):
    with pytest.raises(MismatchError, match=f"the last axis must have {size} entries, got an array of shape"):
        call()


@pytest.mark.parametrize("order", [JOINT_INDEX, ISAACLAB_FROM_MOTOR, MOTOR_FROM_ISAACLAB])
def test_orders_cannot_be_changed(order):
    with pytest.raises(ValueError, match="read-only"):
        order[0] = 1
