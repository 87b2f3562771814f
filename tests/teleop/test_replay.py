import numpy as np
import pytest

from hlm.core.clock import STEP_HZ, due_ns
from hlm.core.errors import MismatchError
from hlm.core.values import Observation
from hlm.teleop.replay import ReplaySource

ACTIONS = np.arange(3.0)[:, None] + np.zeros(34)


def observation(stamp_ns):
    return Observation(stamp_ns, np.zeros(34), {}, "wave")


def at(step):
    return observation(due_ns(7, step, STEP_HZ))


def test_each_action_is_played_once_at_the_instant_of_its_observation():
    source = ReplaySource(ACTIONS)
    source.reset(observation(0))
    for step in range(3):
        reference = source.reference(at(step))
        assert reference.stamp_ns == at(step).stamp_ns
        np.testing.assert_array_equal(reference.vector, ACTIONS[step])
    assert source.reference(at(3)) is None
    assert source.reference(at(4)) is None


def test_a_step_that_is_missed_costs_its_action_alone():
    source = ReplaySource(ACTIONS)
    source.reset(observation(0))
    source.reference(at(0))
    np.testing.assert_array_equal(source.reference(at(2)).vector, ACTIONS[2])
    assert source.reference(at(3)) is None


def test_a_reset_starts_from_the_first_action():
    source = ReplaySource(ACTIONS)
    source.reference(at(0))
    source.reset(at(30))
    np.testing.assert_array_equal(source.reference(at(31)).vector, ACTIONS[0])


@pytest.mark.parametrize("shape", [(0, 34), (3, 33), (34,)])
def test_arrays_of_other_shapes_are_refused(shape):
    with pytest.raises(MismatchError, match=r"actions to replay must have shape \[time > 0, 34\], got \["):
        ReplaySource(np.zeros(shape))
