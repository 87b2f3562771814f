"""OpenHLM's own LeRobot datasets: robots and HuMI mixed, black images where HuMI has no head camera."""

import json
import math

import numpy as np
import pytest

from hlm.core.errors import InputError
from hlm.core.layout import GRIPPERS, ROOT_YAW_RATE
from hlm.core.yaw_rate import filter_yaw_rate
from hlm.datasets.convert.convert import Request, convert
from hlm.datasets.convert.lerobot_openhlm import BLACK_LEVEL, is_black
from hlm.datasets.convert.openhlm import HUMI_HZ
from hlm.datasets.reader import open_dataset

from .lerobot_sets import COLOURS, write

KEYS = ("head_image_left", "wrist_image_left", "wrist_image_right")
TURN_RAD_S = math.pi * HUMI_HZ
SIZE = (32, 32, 3)


def openhlm_set(path, *, keys=KEYS, dtype="image", gripper=1.0, rows=20, humi=1, yaw_rates=None):
    """An episode of a robot whose head camera starts late, and one of HuMI, with a turn in its yaw rate.

    `yaw_rates`: [episode][row] instead of 0.25.
    """
    features = {name: {"dtype": "float32", "shape": (34,), "names": ["state"]} for name in ("state", "actions")}
    features |= {key: {"dtype": dtype, "shape": SIZE, "names": COLOURS} for key in keys}

    def frame(episode, row):
        state = np.linspace(0.0, 0.9, 34).astype(np.float32)
        turn = TURN_RAD_S if episode == humi and row in (4, 5) else 0.0
        state[ROOT_YAW_RATE] = (yaw_rates[episode][row] if yaw_rates else 0.25) - turn
        state[list(GRIPPERS)] = 0.0 if row < 2 else 1.0 if episode == humi else gripper
        action = state.copy()
        action[list(GRIPPERS)] = 1.0
        images = {key: np.full(SIZE, 50 + 40 * place + row, np.uint8) for place, key in enumerate(keys)}
        if episode == humi or row == 0:
            images[keys[0]][:] = 0
        return {"state": state, "actions": action, **images}

    episodes = [[frame(episode, row) for row in range(rows)] for episode in range(2)]
    return write(path, features, episodes, ["pour", "wipe"])


def imported(path, **changes):
    target = path.with_name("mine.zarr")
    report = convert(Request(path=path, target=target, **changes))
    return report, open_dataset(target)


@pytest.mark.parametrize("dtype", ["image", "video"])
def test_a_black_head_is_absent_and_means_humi(tmp_path, dtype):
    report, dataset = imported(openhlm_set(tmp_path / "set", dtype=dtype))
    robot, humi = dataset
    assert dataset.spec.cameras == {"head": (32, 32), "left_wrist": (32, 32), "right_wrist": (32, 32)}
    assert (robot.cameras, robot.info.source) == (("head", "left_wrist", "right_wrist"), "teleop")
    assert (humi.cameras, humi.info.source) == (("left_wrist", "right_wrist"), "humi")
    assert [episode.info.instruction for episode in dataset] == ["pour", "wipe"]
    assert abs(int(robot.images("left_wrist")[7, 9, 9, 0]) - 97) <= 3
    assert "head is black throughout episode 1: absent there" in report.notes
    assert "1 image of head in episode 0 black, kept between others that are not" in report.notes


def test_whole_turns_of_humi_are_removed_and_nothing_else(tmp_path):
    report, dataset = imported(openhlm_set(tmp_path / "set"))
    wanted = np.linspace(0.0, 0.9, 34).astype(np.float32)
    for episode in dataset:
        np.testing.assert_allclose(episode.state[:, ROOT_YAW_RATE], 0.25, atol=1e-5)
        np.testing.assert_array_equal(episode.state[:, :7], np.tile(wanted[:7], (20, 1)))
        np.testing.assert_array_equal(episode.state[:, 16:33], np.tile(wanted[16:33], (20, 1)))
    assert any(note.startswith("whole turns removed from 4 yaw rates in episode 1") for note in report.notes)


def test_yaw_rates_of_robots_and_of_humi_become_those_of_the_live_filter(tmp_path):
    """The recorder smooths those of robots with a weight of 0.1 at each step, HuMI's exporter not at all."""
    stamp_ns = np.round(np.arange(60) * 1e9 / 30).astype(np.int64)
    yaw_rad = 0.5 * np.sin(np.pi * stamp_ns * 1e-9)
    raw = np.diff(yaw_rad, prepend=yaw_rad[0]) * 30
    smoothed, measured, wanted = [0.0], None, []
    for rate in raw[1:]:
        smoothed.append(smoothed[-1] + 0.1 * (rate - smoothed[-1]))
    for stamp, yaw in zip(stamp_ns.tolist(), yaw_rad.tolist(), strict=True):
        measured = filter_yaw_rate(measured, stamp, yaw)
        wanted.append(measured.rate_rad_s)
    _, dataset = imported(openhlm_set(tmp_path / "set", rows=60, yaw_rates=[smoothed, raw]))
    for episode in dataset:
        np.testing.assert_allclose(episode.state[:, ROOT_YAW_RATE], wanted, atol=1e-4)
        np.testing.assert_allclose(episode.action[:, ROOT_YAW_RATE], wanted, atol=1e-4)


def test_humi_is_known_without_its_head_being_asked_for(tmp_path):
    report, dataset = imported(openhlm_set(tmp_path / "set"), cameras=("wrist_image_left=left_wrist",))
    assert [episode.info.source for episode in dataset] == ["teleop", "humi"]
    assert [episode.cameras for episode in dataset] == [("left_wrist",)] * 2
    assert set(report.left_out) == {"head_image_left", "wrist_image_right"}


def test_the_converters_own_names_and_a_given_source(tmp_path):
    path = openhlm_set(tmp_path / "set", keys=("head_image_left", "left_wrist_image", "right_wrist_image"))
    _, dataset = imported(path, source="stationary")
    assert [episode.info.source for episode in dataset] == ["stationary"] * 2
    assert set(dataset.spec.cameras) == {"head", "left_wrist", "right_wrist"}


def test_the_robot_need_not_be_named(tmp_path):
    path = openhlm_set(tmp_path / "set")
    info = json.loads((path / "meta/info.json").read_text())
    (path / "meta/info.json").write_text(json.dumps(info | {"robot_type": None}))
    assert imported(path)[1].spec.embodiment == "unitree_g1"


def test_repairs_of_an_interrupted_conversion_are_said_when_it_goes_on(tmp_path):
    path = openhlm_set(tmp_path / "set", humi=0)
    steps = []

    def interrupt(done, total):
        steps.append(done)
        if done > 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(Request(path=path, target=tmp_path / "mine.zarr"), interrupt)
    assert steps[-1] == 21
    resumed, dataset = imported(path)
    assert [episode.info.source for episode in dataset] == ["humi", "teleop"]
    assert "head is black throughout episode 0: absent there" in resumed.notes
    assert any(note.startswith("whole turns removed from 4 yaw rates in episode 0") for note in resumed.notes)


def test_without_a_head_camera_the_source_must_be_said(tmp_path):
    path = openhlm_set(tmp_path / "set", keys=KEYS[1:])
    with pytest.raises(InputError, match="does not name the source of its references"):
        imported(path)


def test_grippers_of_robots_in_other_units_are_scaled_and_humis_are_openings(tmp_path):
    path = openhlm_set(tmp_path / "set", gripper=85.0, rows=40)
    report, dataset = imported(path)
    for episode in dataset:
        np.testing.assert_allclose(episode.state[5:, GRIPPERS], 1.0)
        np.testing.assert_array_equal(episode.action[:, GRIPPERS], np.ones((40, 2)))
    assert any("the grippers' state is" in note for note in report.notes)


def test_grippers_that_may_be_openings_are_kept_and_noted(tmp_path):
    report, dataset = imported(openhlm_set(tmp_path / "set", gripper=0.2, rows=40))
    assert any(note.startswith("grippers are kept as openings from 0 to 1.") for note in report.notes)
    np.testing.assert_allclose(dataset.episodes[0].state[5:, GRIPPERS], 0.2)


def test_the_range_of_grippers_is_for_openhlm(tmp_path):
    path = openhlm_set(tmp_path / "set", gripper=30.0)
    _, dataset = imported(path, gripper_range=(0.0, 60.0))
    np.testing.assert_allclose(dataset.episodes[0].state[5:, GRIPPERS], 0.5)
    with pytest.raises(InputError, match="read different numbers"):
        convert(Request(path=path, target=tmp_path / "b.zarr", episodes=("1",), gripper_range=(1.0, 1.0)))


def test_black_is_what_codecs_make_of_zero():
    black = np.zeros((4, 4, 3), np.uint8)
    assert is_black([black, black + BLACK_LEVEL])
    dim = black.copy()
    dim[1, 2, 0] = BLACK_LEVEL + 1
    assert not is_black([black, dim])
    seen = []
    assert not is_black(seen.append(1) or image for image in (dim, black, black))
    assert seen == [1]
