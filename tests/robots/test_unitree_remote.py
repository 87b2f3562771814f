import pytest

from hlm.robots.unitree_remote import BUTTONS, STOPS, key_field, pressed, stop_in


def test_every_key_field_is_a_set_of_buttons_and_back():
    for keys in (0, 1, 0b1000, 0xFFFF, 0x0102):
        assert key_field(pressed(keys)) == keys
        assert key_field([*pressed(keys), *pressed(keys)]) == keys
    assert len(set(BUTTONS)) == 16


def test_the_keys_stand_where_unitree_put_them():
    assert pressed(0x0102) == {"L1", "A"}
    assert pressed(0x0220) == {"L2", "B"}
    assert pressed(0x0008) == {"Select"}
    assert pressed(0x8004) == {"Left", "Start"}


@pytest.mark.parametrize("stop", STOPS)
def test_a_stop_counts_whatever_else_is_pressed(stop):
    assert stop_in(key_field(stop)) == f"{' + '.join(stop)} on the remote"
    assert stop_in(key_field(stop) | key_field(("Right",)))


def test_half_a_stop_is_none():
    assert stop_in(0) == stop_in(key_field(("A",))) == stop_in(key_field(("L1", "B"))) == ""
