import numpy as np
import pytest

from hlm.core.errors import MismatchError
from hlm.core.values import Observation
from hlm.teleop.replay import ReplaySource

ACTIONS = np.arange(3.0)[:, None] + np.zeros(34)


def seen(stamp_ns):
    return Observation(stamp_ns, np.zeros(34), {}, "wave")


def test_it_plays_each_action_once_at_the_rows_instant_and_ends():
    source = ReplaySource(ACTIONS)
    source.reset(seen(0))
    for row in range(3):
        reference = source.reference(seen(1000 * row))
        assert reference.stamp_ns == 1000 * row
        np.testing.assert_array_equal(reference.vector, ACTIONS[row])
    assert source.reference(seen(3000)) is None
    assert source.reference(seen(4000)) is None


def test_a_reset_starts_from_the_first_action():
    source = ReplaySource(ACTIONS)
    source.reference(seen(0))
    source.reset(seen(0))
    np.testing.assert_array_equal(source.reference(seen(0)).vector, ACTIONS[0])


@pytest.mark.parametrize("shape", [(0, 34), (3, 33), (34,)])
def test_what_is_no_list_of_actions_is_refused(shape):
    with pytest.raises(MismatchError, match=r"actions to replay must have shape \[time > 0, 34\], got \["):
        ReplaySource(np.zeros(shape))
