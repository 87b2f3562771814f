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
    JOINT_INDEX,
    JOINTS,
    LEFT_ARM,
    LEFT_GRIPPER,
    LEFT_LEG,
    MOTOR_ARMS,
    MOTOR_LEFT_ARM,
    MOTOR_LEFT_LEG,
    MOTOR_LEFT_WRIST,
    MOTOR_LEGS,
    MOTOR_LEGS_AND_WAIST,
    MOTOR_ORDER,
    MOTOR_RIGHT_ARM,
    MOTOR_RIGHT_LEG,
    MOTOR_RIGHT_WRIST,
    MOTOR_WAIST,
    MOTOR_WAIST_PITCH,
    MOTOR_WAIST_ROLL,
    MOTOR_WAIST_YAW,
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
    pack,
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
    assert NAMES[LEFT_ARM] == MOTOR_ORDER[MOTOR_LEFT_ARM]
    assert NAMES[RIGHT_ARM] == MOTOR_ORDER[MOTOR_RIGHT_ARM]
    assert NAMES[LEFT_LEG] == MOTOR_ORDER[MOTOR_LEFT_LEG]
    assert NAMES[RIGHT_LEG] == MOTOR_ORDER[MOTOR_RIGHT_LEG]
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


def test_motor_slices_name_their_limbs():
    assert MOTOR_ORDER[MOTOR_LEGS] == MOTOR_ORDER[MOTOR_LEFT_LEG] + MOTOR_ORDER[MOTOR_RIGHT_LEG]
    assert MOTOR_ORDER[MOTOR_LEGS_AND_WAIST] == MOTOR_ORDER[MOTOR_LEGS] + MOTOR_ORDER[MOTOR_WAIST]
    assert MOTOR_ORDER[MOTOR_ARMS] == MOTOR_ORDER[MOTOR_LEFT_ARM] + MOTOR_ORDER[MOTOR_RIGHT_ARM]
    assert MOTOR_ORDER[MOTOR_LEGS_AND_WAIST] + MOTOR_ORDER[MOTOR_ARMS] == MOTOR_ORDER
    for side, leg, arm, wrist in (
        ("left", MOTOR_LEFT_LEG, MOTOR_LEFT_ARM, MOTOR_LEFT_WRIST),
        ("right", MOTOR_RIGHT_LEG, MOTOR_RIGHT_ARM, MOTOR_RIGHT_WRIST),
    ):
        assert MOTOR_ORDER[leg][0] == f"{side}_hip_pitch"
        assert MOTOR_ORDER[leg][-1] == f"{side}_ankle_roll"
        assert MOTOR_ORDER[arm][0] == f"{side}_shoulder_pitch"
        assert MOTOR_ORDER[arm][-1] == f"{side}_wrist_yaw"
        assert MOTOR_ORDER[wrist] == tuple(f"{side}_wrist_{axis}" for axis in ("roll", "pitch", "yaw"))
    waist = (MOTOR_WAIST_YAW, MOTOR_WAIST_ROLL, MOTOR_WAIST_PITCH)
    assert [MOTOR_ORDER[joint] for joint in waist] == ["waist_yaw", "waist_roll", "waist_pitch"]


@pytest.mark.parametrize(
    ("call", "size"),
    [
        (lambda: unpack(np.zeros(33)), 34),
        (lambda: pack(np.zeros(28), np.ones(2), np.zeros(3)), 29),
        # One number would be spread over both grippers, or over the whole root.
        (lambda: pack(np.zeros(29), np.ones(1), np.zeros(3)), 2),
        (lambda: pack(np.zeros(29), np.ones(2), np.zeros(1)), 3),
    ],
)
def test_another_length_is_refused(call, size):
    with pytest.raises(MismatchError, match=f"the last axis must have {size} entries, got an array of shape"):
        call()


def test_the_joint_index_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        JOINT_INDEX[0] = 1
