import pytest

from hlm.teleop.devices.device import Button
from hlm.teleop.devices.headset_buttons import session_buttons


@pytest.mark.parametrize(
    ("left", "right", "asked"),
    [
        ((), ("primary",), {Button.ENGAGE}),
        ((), ("secondary",), {Button.RECORD}),
        (("primary",), (), {Button.SUCCESS}),
        (("secondary",), ("primary",), {Button.DISCARD, Button.ENGAGE}),
        (("stick",), (), {Button.FAILURE}),
        ((), ("stick",), set()),
        (("stick", "secondary"), ("stick", "secondary"), {Button.STOP}),
    ],
)
def test_buttons_of_the_session(left, right, asked):
    assert session_buttons(set(left), set(right)) == asked
