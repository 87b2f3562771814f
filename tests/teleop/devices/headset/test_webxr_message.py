import numpy as np
import pytest

from hlm.core.errors import CorruptError
from hlm.teleop.devices.headset.webxr_message import sample_from_message, stamp_of

POSE = [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]
CONTROLLER = {"wrist": POSE, "buttons": [0.25, 0.75, 0, 1, 0, 1], "axes": [0, 0, 0.5, -1.0]}


def test_a_controller():
    hand = sample_from_message({"left": CONTROLLER}, 5).hands[0]
    assert (hand.trigger, hand.squeeze, hand.pressed) == (0.25, 0.75, {"stick", "secondary"})
    np.testing.assert_array_equal(hand.stick, (0.5, 1.0))  # to the right, and ahead
    assert not hand.bare


@pytest.mark.parametrize(("pinch_m", "trigger"), [(0.2, 0.0), (0.08, 0.0), (0.0475, 0.5), (0.015, 1.0), (0.0, 1.0)])
def test_a_bare_hand_pinches(pinch_m, trigger):
    hand = sample_from_message({"right": {"wrist": POSE, "pinch_m": pinch_m}}, 5).hands[1]
    assert hand.bare
    assert hand.trigger == pytest.approx(trigger)


def test_what_is_not_seen_is_none():
    sample = sample_from_message({"head": None, "left": None}, 5)
    assert (sample.pose_world_from_head, sample.hands, dict(sample.joints)) == (None, (None, None), {})


def test_a_plain_controller_has_fewer_buttons():
    hand = sample_from_message({"left": {"wrist": POSE, "buttons": [1.0], "axes": []}}, 5).hands[0]
    assert (hand.trigger, hand.squeeze, hand.pressed) == (1.0, 0.0, frozenset())


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"left": []}, "must be an object"),
        ({"left": {}}, "seven numbers"),
        ({"left": {"wrist": POSE}}, "lists of numbers"),
        ({"left": {**CONTROLLER, "axes": ["0"]}}, "instead of a number"),
        ({"left": {"wrist": POSE, "pinch_m": True}}, "True instead of a number"),
        ({"head": [0.0] * 7}, "unit quaternion"),
        ({"joints": []}, None),
        ({"joints": [1]}, "joints must be poses by name"),
        ({"joints": {"hips": None}}, "seven numbers"),
        ({"joints": {str(index): POSE for index in range(200)}}, "joints must be"),
    ],
)
def test_pages_are_not_trusted(content, text):
    if text is None:
        assert sample_from_message(content, 5).joints == {}
        return
    with pytest.raises(CorruptError, match=text):
        sample_from_message(content, 5)


@pytest.mark.parametrize(
    "stamp_ms", [None, True, "1", 1e305, -1e305, pytest.param(10**400, id="400 digits"), float("nan")]
)
def test_what_is_no_instant_is_refused(stamp_ms):
    with pytest.raises(CorruptError, match="instead of a number"):
        stamp_of({"stamp_ms": stamp_ms})


def test_stamps():
    assert stamp_of({"stamp_ms": 1234.5}) == 1_234_500_000
    with pytest.raises(CorruptError, match="None instead of a number"):
        stamp_of({})
