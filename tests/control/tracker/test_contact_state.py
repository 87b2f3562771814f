import numpy as np

from hlm.control.tracker.contact_state import DOUBLE_SUPPORT, LEFT, RIGHT, ContactState


def test_a_mask_and_its_state_are_inverse():
    for state in (ContactState(left=True, right=False), ContactState(left=False, right=True), DOUBLE_SUPPORT):
        assert ContactState.of(state.mask) == state
        assert state.mask.dtype == np.bool_


def test_the_swing_foot_is_the_one_in_the_air():
    assert DOUBLE_SUPPORT.double_support
    left_stance = ContactState(left=True, right=False)
    assert not left_stance.double_support
    assert left_stance.swing_foot == RIGHT
    assert ContactState(left=False, right=True).swing_foot == LEFT
    assert left_stance[LEFT]
    assert not left_stance[RIGHT]
