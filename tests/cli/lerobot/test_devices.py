"""LeRobot's robot and teleoperator of hlm, in this process."""

import numpy as np
import pytest

pytest.importorskip("lerobot", reason="needs the extra `lerobot`")

from lerobot.robots.utils import make_robot_from_config
from lerobot.teleoperators.utils import make_teleoperator_from_config
from lerobot.utils.errors import DeviceAlreadyConnectedError, DeviceNotConnectedError

from hlm.cli.lerobot import HlmConfig, HlmG1Config
from hlm.cli.lerobot.vectors import named, vector_of
from hlm.core.errors import InputError, MismatchError, UnknownNameError
from hlm.core.layout import NAMES
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.writer import DatasetWriter


@pytest.fixture
def robot(tmp_path):
    made = make_robot_from_config(
        HlmG1Config(views=["head"], image_height=16, image_width=24, calibration_dir=tmp_path)
    )
    yield made
    if made.is_connected:
        made.disconnect()


@pytest.fixture
def teleoperator(tmp_path):
    return make_teleoperator_from_config(HlmConfig(calibration_dir=tmp_path))


def test_numbers_by_name_round_trip():
    vector = np.linspace(-1.0, 1.0, len(NAMES))
    np.testing.assert_array_equal(vector_of(named(vector)), vector)


def test_numbers_that_do_not_fit_are_named():
    numbers = named(np.zeros(len(NAMES)))
    del numbers["left_elbow"]
    with pytest.raises(MismatchError, match="needs 34 numbers; 'left_elbow' is missing"):
        vector_of(numbers)
    with pytest.raises(MismatchError, match="robot 'hlm_g1' has no 'third_arm'"):
        vector_of({**named(np.zeros(len(NAMES))), "third_arm": 0.0})


def test_observations_and_actions_are_as_described(robot, teleoperator):
    assert robot.action_features == teleoperator.action_features == dict.fromkeys(NAMES, float)
    teleoperator.connect()
    robot.connect()
    seen = robot.get_observation()
    assert list(seen) == list(robot.observation_features)
    assert seen["head"].shape == robot.observation_features["head"] == (16, 24, 3)
    assert all(isinstance(seen[name], float) for name in NAMES)
    action = teleoperator.get_action()
    assert list(action) == list(NAMES)
    assert robot.send_action(action) == action


def test_use_before_connecting_is_refused(robot, teleoperator):
    with pytest.raises(DeviceNotConnectedError, match=r"call connect\(\) first"):
        robot.get_observation()
    with pytest.raises(DeviceNotConnectedError, match=r"call connect\(\) first"):
        teleoperator.get_action()
    teleoperator.connect()
    with pytest.raises(DeviceNotConnectedError, match=r"moves a robot of --robot\.type=hlm_g1; none is connected"):
        teleoperator.get_action()
    with pytest.raises(DeviceAlreadyConnectedError, match="already connected"):
        teleoperator.connect()


@pytest.mark.parametrize(
    ("config", "given", "error", "text"),
    [
        (HlmG1Config, {"task": "shelf_cup"}, UnknownNameError, "no task 'shelf_cup'. Known: .* Did you mean"),
        (HlmG1Config, {"seed": -1}, InputError, "--robot.seed must be from 0 to"),
        (HlmG1Config, {"views": ["haed"]}, UnknownNameError, "no camera 'haed'. Known: .* Did you mean 'head'"),
        (HlmG1Config, {"image_height": 4}, InputError, "image size .* must lie between 16 and 480 pixels"),
        (HlmG1Config, {"tracker": "legs"}, UnknownNameError, "no tracker 'legs'"),
        (HlmConfig, {"source": "scriptd"}, UnknownNameError, "no source 'scriptd'. Known: .* Did you mean 'scripted'"),
        (HlmConfig, {"command_interface": "three"}, UnknownNameError, "no command interface 'three'. Known: "),
        (HlmConfig, {"source": "replay"}, InputError, "--teleop.source=replay and the path of an episode"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_starts(config, given, error, text):
    with pytest.raises(error, match=text):
        config(**given)


@pytest.mark.parametrize(
    ("scene", "text"),
    [
        ({"task": "shelf_cup_transfer", "seed": 0}, None),
        (
            {"task": "shelf_cup_transfer", "seed": 3},
            "was recorded with --robot.task=shelf_cup_transfer --robot.seed=3; the robot stands in seed 0 of shelf_cup",
        ),
        ({"task": "cola_placement", "seed": 0}, "was recorded with --robot.task=cola_placement --robot.seed=0;"),
        ({}, "names no scene of a task; it cannot be replayed in one"),
    ],
)
def test_an_episode_is_replayed_in_its_own_scene_alone(robot, tmp_path, scene, text):
    path = tmp_path / "d.zarr"
    with DatasetWriter.open(path, DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras={})) as writer:
        episode = writer.episode(EpisodeInfo(instruction="wave", source="teleop", **scene))
        for row in range(3):
            episode.append(Step(row * 33_333_333, np.zeros(34), np.zeros(34), {}, {"state": 0.0}))
        folder = episode.commit(outcome="success")
    player = make_teleoperator_from_config(HlmConfig(source="replay", episode=folder, calibration_dir=tmp_path))
    player.connect()
    robot.connect()
    if text is None:
        assert list(player.get_action()) == list(NAMES)
    else:
        with pytest.raises(MismatchError, match=text):
            player.get_action()
