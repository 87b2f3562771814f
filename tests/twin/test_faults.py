import numpy as np
import pytest

from hlm.core.errors import HlmError, InputError, UnknownNameError
from hlm.core.layout import MOTOR_ORDER
from hlm.robots.unitree_remote import pressed
from hlm.twin.control import Planned
from hlm.twin.faults import CAMERAS, COOL_C, HELP, MODE_MACHINE, CameraFault, StateFault, no_faults, switched

LINES = (
    "state frozen",
    "state stopped",
    "motor left_knee dead",
    "hot waist_yaw 95",
    "motor left_knee fault 4",
    "imu pelvis tilted 20",
    "imu torso tilted -20",
    "imu torso silent",
    "mode 6",
    "commands cut",
    "remote L1 A",
    "push 0 60 0",
    "push 0 -60 0 0.5",
    "camera head gone",
    "camera left_wrist black",
    "camera right_wrist frozen",
    "camera swapped",
    "grippers silent",
    "rope 0.3",
    "rope off",
)


@pytest.mark.parametrize("line", LINES)
def test_a_line_changes_a_copy_and_says_it_again_changes_nothing_but_pushes(line):
    before = no_faults()
    after = switched(before, line)
    assert before.tobytes() == no_faults().tobytes()
    assert after.tobytes() != before.tobytes()
    again = switched(after, line)
    again["pushes"] = after["pushes"]
    assert again.tobytes() == after.tobytes()


@pytest.mark.parametrize("line", LINES)
def test_ok_mends_everything_that_is_not_past(line):
    mended = switched(switched(no_faults(), line), "ok")
    for name in ("pushes", "lowered_m", "slack"):
        mended[name] = no_faults()[name]
    assert mended.tobytes() == no_faults().tobytes()


def test_every_line_of_the_help_is_one():
    words = {row.split()[0] for row in HELP.splitlines()}
    assert words == {line.split()[0] for line in LINES} | {"ok"}


def test_lines_say_what_they_mean():
    assert switched(no_faults(), "state stopped")["state"] == StateFault.STOPPED
    assert pressed(int(switched(no_faults(), "remote L1 A")["keys"])) == {"L1", "A"}
    assert int(switched(switched(no_faults(), "remote L1 A"), "remote")["keys"]) == 0
    hot = switched(no_faults(), "hot waist_yaw 95")["temperature_c"]
    assert hot[MOTOR_ORDER.index("waist_yaw")] == 95.0
    assert np.sum(hot == COOL_C) == 28
    assert switched(no_faults(), "camera left_wrist black")["camera"][CAMERAS.index("left_wrist")] == CameraFault.BLACK
    assert int(switched(no_faults(), "mode 0")["mode_machine"]) == 0
    assert int(no_faults()["mode_machine"]) == MODE_MACHINE
    pushed = switched(no_faults(), "push 1 -2 3 0.5")
    assert (*pushed["push_n"], pushed["push_s"], pushed["pushes"]) == (1.0, -2.0, 3.0, 0.5, 1)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("", "no fault ''"),
        ("stat frozen", "Did you mean 'state'"),
        ("state", "state frozen|stopped|ok"),
        ("state broken", "As in: state"),
        ("motor left_knee", "motor NAME dead"),
        ("motor left_kne dead", "Did you mean 'left_knee'"),
        ("motor left_knee fault", "motor NAME fault CODE"),
        ("motor left_knee fault 0", "motor NAME fault CODE"),
        ("imu head silent", "imu torso silent"),
        ("imu pelvis silent", "imu torso silent"),
        ("imu torso tilted", "imu pelvis|torso tilted DEGREES"),
        ("hot left_knee warm", "hot NAME CELSIUS"),
        ("hot left_knee 900", "hot NAME CELSIUS"),
        ("push 1 2", "push X Y Z"),
        ("push nan 0 0", "push X Y Z"),
        ("camera tail gone", "Known: head"),
        ("camera head", "camera NAME"),
        ("remote Z", "no button 'Z'"),
        ("rope 9", "rope METRES"),
        ("ok ok", "no fault 'ok'"),
    ],
)
def test_what_is_no_line_is_refused_with_those_that_are(line, error):
    with pytest.raises((InputError, UnknownNameError), match=error.replace("|", r"\|")):
        switched(no_faults(), line)


def test_a_rope_that_was_let_go_is_not_let_down():
    with pytest.raises(InputError, match="the rope was let go"):
        switched(switched(no_faults(), "rope off"), "rope 0.3")


def test_a_line_may_have_its_time():
    assert Planned.parse("push 0 60 0 at 2.5") == Planned("push 0 60 0", 2.5)
    assert Planned.parse("state frozen") == Planned("state frozen", 0.0)
    with pytest.raises(HlmError, match="number of seconds"):
        Planned.parse("state frozen at noon")
    for never in ("nan", "inf", "-1"):
        with pytest.raises(HlmError, match="does not end with a time after the start"):
            Planned.parse(f"state frozen at {never}")
    with pytest.raises(HlmError, match="no fault 'stat'"):
        Planned.parse("stat frozen at 3")
