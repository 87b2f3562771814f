import numpy as np
import pytest

from hlm.core.errors import MismatchError
from hlm.core.layout import JOINT_INDEX, LEFT_GRIPPER, RIGHT_GRIPPER, ROOT
from hlm.datasets.convert.openhlm_layout import from_openhlm


def test_openhlms_body_begins_with_the_root_and_goes_on_in_motor_order():
    vector = from_openhlm(np.arange(32.0), np.array([100.0, 101.0]))
    assert vector[ROOT].tolist() == [0.0, 1.0, 2.0]
    assert vector[JOINT_INDEX].tolist() == list(range(3, 32))
    assert vector[[LEFT_GRIPPER, RIGHT_GRIPPER]].tolist() == [100.0, 101.0]


def test_batches_convert_element_by_element():
    random = np.random.default_rng(1)
    body, hands = random.normal(size=(4, 5, 32)), random.uniform(size=(4, 5, 2))
    vectors = from_openhlm(body, hands)
    assert vectors.shape == (4, 5, 34)
    np.testing.assert_array_equal(from_openhlm(body[2, 3], hands[2, 3]), vectors[2, 3])


def test_another_length_is_refused():
    with pytest.raises(MismatchError, match=r"body vector must have 32 entries, got an array of shape \[31\]"):
        from_openhlm(np.zeros(31), np.ones(2))
    with pytest.raises(MismatchError, match="the last axis must have 2 entries"):
        from_openhlm(np.zeros(32), np.ones(1))
