"""Who may ask for what; pages are not trusted."""

import numpy as np
import pytest

from hlm.core.errors import InputError
from hlm.teleop.devices.device import Button
from hlm.teleop.page import asked
from hlm.teleop.page.capture_clock import CaptureClock
from hlm.teleop.page.command_seat import CommandSeat
from hlm.teleop.page.page_desk import PageDesk
from hlm.teleop.page.page_event import ButtonPressed, InstructionChosen
from hlm.teleop.page.part_poses import Part, PartPose
from hlm.teleop.web.messages import Message
from hlm.teleop.web.numbers import LARGEST

MS = 1_000_000


def message(kind, client=1, stamp_ns=0, **content):
    return Message(client=client, stamp_ns=stamp_ns, type=kind, content={"type": kind, **content})


@pytest.fixture
def desk():
    desk = PageDesk()
    desk.meet([1, 2])
    desk.events.clear()
    desk.parts = {part: PartPose(np.array([0.2, 0.2, 0.8]), np.array([1.0, 0.0, 0.0, 0.0])) for part in Part}
    return desk


def test_the_first_page_commands_and_the_next_one_does_not_inherit():
    seat = CommandSeat()
    assert seat.update({1})
    assert not seat.update({1, 2})
    assert seat.holder == 1
    assert not seat.update({2})
    assert seat.holder is None
    assert seat.update({2, 3})
    assert seat.holder == 3
    assert seat.take(2)
    assert not seat.take(2)
    assert not seat.take(9)
    assert seat.holder == 2


def test_a_page_that_watches_may_only_stop_and_take_over(desk):
    desk.take(message("press", client=2, button="record"))
    desk.take(message("slide", client=2, name="pelvis_height_m", value=0.6))
    assert desk.events == []
    assert desk.controls.pelvis_height_m is None
    desk.take(message("press", client=2, stamp_ns=7, button="stop"))
    assert desk.events == [ButtonPressed(Button.STOP, 7)]
    desk.take(message("take", client=2))
    assert desk.seat.holder == 2
    desk.take(message("instruction", client=2, text="lift  it "))
    assert desk.events[-1] == InstructionChosen("lift it")


def test_who_takes_over_finds_handles_where_they_were_and_a_stick_at_rest(desk):
    desk.take(message("slide", name="pelvis_height_m", value=0.6))
    desk.take(message("input", stick=[1, 0, 0], time_ms=5.0))
    desk.take(message("take", client=2))
    command = desk.sample()["command"]
    assert command["pelvis_height_m"] == 0.6
    assert command["velocity_m_s"] == [0.0, 0.0]


def test_a_sample_carries_the_instant_of_capture(desk):
    assert desk.sample() is None
    desk.take(message("input", stamp_ns=100 * MS, stick=[0, 0, 0], time_ms=10.0))
    desk.take(message("input", stamp_ns=150 * MS, stick=[0, 0, 1], time_ms=43.0))
    assert desk.sample()["stamp_ns"] == 133 * MS
    assert desk.sample()["command"]["turn_rate_rad_s"] > 0.0


def test_captures_are_never_later_than_their_arrival():
    clock = CaptureClock()
    delays = np.random.default_rng(0).integers(1, 50, 300) * MS
    for number, delay in enumerate(delays):
        written = 1000 * MS + 33 * number * MS
        capture = clock.capture_ns(33.0 * number, written + delay)
        assert capture <= written + delay
    assert capture - written == delays[100:].min()


def test_a_page_with_a_clock_of_another_age_sends_stamps_of_64_bits(desk):
    desk.take(message("input", stamp_ns=100 * MS, stick=[0, 0, 0], time_ms=LARGEST))
    desk.take(message("input", stamp_ns=133 * MS, stick=[0, 0, 0], time_ms=-LARGEST))
    assert abs(desk.sample()["stamp_ns"]) < 2**63


def test_a_dragged_handle_is_newer_than_the_last_message(desk):
    desk.take(message("input", stamp_ns=100, stick=[0, 0, 0], time_ms=0.0))
    desk.drag({Part.LEFT_HAND: PartPose(np.array([0.3, 0.2, 0.9]), np.array([1.0, 0.0, 0.0, 0.0]))}, 200)
    assert desk.sample()["stamp_ns"] == 200
    assert desk.sample()["command"]["grips"][0]["position_m"] == [0.3, 0.2, 0.9]


def test_keys_move_a_part_no_farther_than_a_step(desk):
    desk.take(message("nudge", part="left_hand", move_m=[50, 0, 0], turn_rad=[0, 0, 0]))
    assert desk.controls.grips[0].position_in_world_m[0] == pytest.approx(0.3)
    desk.take(message("free", part="left_hand"))
    assert desk.controls.grips[0] is None


def test_a_gamepad_presses_its_triggers_and_lets_go(desk):
    pad = {"axes": [0, 0, 0, 0], "buttons": [0.0] * 17}
    desk.take(message("input", stick=[0, 0, 0], time_ms=0.0, gamepad=pad))
    closed = {**pad, "buttons": [0.0] * 7 + [1.0] + [0.0] * 9}
    desk.take(message("input", stick=[0, 0, 0], time_ms=33.0, gamepad=closed))
    assert desk.sample()["command"]["gripper_opening"] == [1.0, 0.0]
    desk.take(message("input", stick=[0, 0, 0], time_ms=66.0, gamepad=None))
    assert desk.sample()["command"]["gripper_opening"] == [1.0, 0.0]


@pytest.mark.parametrize(
    ("kind", "content", "text"),
    [
        ("press", {"button": "self-destruct"}, "no button 'self-destruct'. Known: engage, record"),
        ("press", {}, "no button 'None'"),
        ("instruction", {"text": " "}, "1 to 500 characters"),
        ("instruction", {"text": "x" * 501}, "1 to 500 characters"),
        ("instruction", {"text": 3}, "1 to 500 characters"),
        ("delete", {"name": None}, "needs a text 'name'"),
        ("relabel", {"name": "episode_000000", "outcome": "great"}, "no outcome 'great'. Known: success, failure"),
    ],
)
def test_what_there_is_not_is_refused(kind, content, text):
    with pytest.raises(InputError, match=text):
        asked.event_in(kind, content, 0)


@pytest.mark.parametrize(
    "value", [None, "1", True, float("nan"), float("inf"), [1], 1e305, pytest.param(10**400, id="400 digits")]
)
def test_what_is_no_number_is_refused(value):
    with pytest.raises(InputError, match="no number 'value'"):
        asked.number_in({"value": value}, "value")


@pytest.mark.parametrize("pad", [{"axes": [0] * 99, "buttons": []}, {"axes": "left", "buttons": []}, {"axes": [None]}])
def test_what_is_no_gamepad_is_refused(pad):
    with pytest.raises(InputError, match=r"no more than|no number"):
        asked.gamepad_in({"gamepad": pad})


def test_nonsense_changes_nothing(desk, caplog):
    before = desk.controls
    for kind, content in [
        ("slide", {"name": "speed", "value": 1}),
        ("slide", {"name": "pelvis_height_m", "value": "low"}),
        ("nudge", {"part": "tail", "move_m": [0, 0, 0], "turn_rad": [0, 0, 0]}),
        ("nudge", {"part": "left_hand", "move_m": [0, 0], "turn_rad": [0, 0, 0]}),
        ("input", {"stick": [1, 2], "time_ms": 0}),
        ("input", {"stick": [0, 0, 10**400], "time_ms": 0}),
        ("input", {"stick": [0, 0, 0], "time_ms": 1e14}),
        ("unheard", {}),
    ]:
        desk.take(message(kind, **content))
    assert desk.controls is before
    assert desk.events == []
    assert desk.sample() is None
    assert "no part 'tail'" in caplog.text


def test_a_click_shows_or_hides_arrows_and_a_double_click_frees_the_part(desk):
    put = PartPose(np.array([0.3, 0.2, 0.9]), np.array([1.0, 0.0, 0.0, 0.0]))
    desk.drag({Part.LEFT_HAND: put}, 0)
    desk.click(Part.LEFT_HAND, 1000 * MS)
    assert Part.LEFT_HAND not in desk.shown
    desk.click(Part.LEFT_HAND, 2000 * MS)
    assert Part.LEFT_HAND in desk.shown
    assert desk.controls.holds(Part.LEFT_HAND), "two slow clicks are no double one"
    desk.click(Part.RIGHT_HAND, 2100 * MS)
    desk.click(Part.LEFT_HAND, 2200 * MS)
    desk.click(Part.LEFT_HAND, 2600 * MS)
    assert not desk.controls.holds(Part.LEFT_HAND)
    assert Part.LEFT_HAND in desk.shown


def test_what_was_set_is_set_again_and_the_sticks_rest(desk):
    put = PartPose(np.array([0.3, 0.2, 0.9]), np.array([1.0, 0.0, 0.0, 0.0]))
    desk.take(message("input", stick=[1, 0, 0], time_ms=0, gamepad=None))
    desk.take(message("slide", name="waist_yaw_rad", value=0.4))
    desk.drag({Part.LEFT_FOOT: put, Part.PELVIS: put}, 0)
    desk.show(Part.LEFT_FOOT, shown=True)
    again = PageDesk()
    again.restore(desk.sample())
    assert again.sample() is None, "nothing is commanded before a page says so"
    assert again.shown == desk.shown
    again.meet([5])
    again.take(message("input", client=5, stick=[0, 0, 0], time_ms=0, gamepad=None))
    before, after = desk.sample()["command"], again.sample()["command"]
    assert before.pop("velocity_m_s") != after.pop("velocity_m_s") == [0.0, 0.0]
    assert before == after
