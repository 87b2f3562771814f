import numpy as np
import pytest

from hlm.core.errors import InputError
from hlm.core.layout import DIMENSIONS, MOTOR_ORDER, NAMES, unpack
from hlm.policies.transforms.ordering import ORDERINGS, Ordering


@pytest.mark.parametrize("order", ORDERINGS)
def test_undo_gives_the_vectors_back(order):
    vectors = np.random.default_rng(0).normal(size=(3, 5, DIMENSIONS))
    before = vectors.copy()
    there = ORDERINGS[order].apply(vectors)
    np.testing.assert_array_equal(ORDERINGS[order].undo(there), vectors)
    np.testing.assert_array_equal(ORDERINGS[order].apply(ORDERINGS[order].undo(vectors)), vectors)
    np.testing.assert_array_equal(vectors, before)


def test_bimanual_is_the_contract():
    assert ORDERINGS["bimanual"].indices.tolist() == list(range(DIMENSIONS))


def test_humanoid_names_root_legs_waist_arms_and_grippers():
    names = [NAMES[index] for index in ORDERINGS["humanoid"].indices]
    assert names[:3] == ["root_roll", "root_pitch", "root_yaw_rate"]
    # Both legs, the waist, both arms: that is how Unitree numbers its motors.
    assert names[3:32] == list(MOTOR_ORDER)
    assert names[32:] == ["left_gripper", "right_gripper"]


def test_humanoid_is_the_order_in_which_openhlm_records():
    vector = np.random.default_rng(0).normal(size=DIMENSIONS)
    joints, grippers, root = unpack(vector)
    np.testing.assert_array_equal(ORDERINGS["humanoid"].apply(vector), np.concatenate([root, joints, grippers]))


def test_an_order_needs_each_dimension_once():
    with pytest.raises(InputError, match="each of the 34 dimensions once"):
        Ordering(np.zeros(DIMENSIONS, np.int64))
