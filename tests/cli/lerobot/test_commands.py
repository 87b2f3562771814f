"""LeRobot has no other console scripts, with the robot and the teleoperator of hlm."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hlm.cli.main import main
from hlm.datasets.reader import open_dataset

pytest.importorskip("lerobot", reason="needs the extra `lerobot`")

ROOT = Path(__file__).resolve().parents[3]
DISCOVER = "--robot.discover_packages_path=hlm.cli.lerobot"
SMALL = ("--robot.image_height=32", "--robot.image_width=48")
pytestmark = pytest.mark.slow


@pytest.fixture
def lerobot(tmp_path):
    """Runs one of LeRobot's commands offline, with a home of its own; returns its exit code and what it said."""

    def run(command, *words, path=()):
        script = Path(sys.executable).with_name(command)
        if not script.exists():
            pytest.skip(f"{command} is not installed")
        home = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}
        search = os.pathsep.join(map(str, [*path, ROOT]))
        done = subprocess.run(
            [script, *words],
            env={**os.environ, **home, "PYTHONPATH": search},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.fixture
def plugin(tmp_path):
    """A folder in which the distribution that LeRobot finds by its name is installed."""
    shutil.copytree(ROOT / "lerobot_plugin", tmp_path / "source")
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    words = [*pip, "--target", tmp_path / "plugin", tmp_path / "source"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"the distribution cannot be built without the network: {done.stderr[-200:]}")
    return tmp_path / "plugin"


def test_what_lerobot_records_is_what_hlm_records(tmp_path, lerobot, plugin):
    code, said = lerobot(
        "lerobot-record",
        "--robot.type=hlm_g1",
        "--robot.seed=3",
        *SMALL,
        "--teleop.type=hlm",
        "--dataset.repo_id=local/cups",
        f"--dataset.root={tmp_path / 'recorded'}",
        "--dataset.single_task=put the cup on the other shelf",
        "--dataset.num_episodes=1",
        "--dataset.episode_time_s=3",
        "--dataset.push_to_hub=false",
        "--play_sounds=false",
        path=[plugin],
    )
    assert code == 0, said[-3000:]
    folders = (str(tmp_path / "recorded"), str(tmp_path / "theirs.zarr"))
    assert main(["data", "convert", *folders, "--source", "scripted"]) == 0
    small = ("--cameras", "head", "--image-size", "16", "16")
    assert main(["record", "--seed", "3", *small, "--out", str(tmp_path / "ours.zarr")]) == 0
    (theirs,) = open_dataset(tmp_path / "theirs.zarr").episodes
    (ours,) = open_dataset(tmp_path / "ours.zarr").episodes
    rows = len(theirs.state)
    assert 10 < rows <= 91  # LeRobot's loop asks for 30 a second, as far as the machine keeps up
    np.testing.assert_array_equal(theirs.state, ours.state[:rows])
    np.testing.assert_array_equal(theirs.action, ours.action[:rows])
    assert theirs.info.instruction == "put the cup on the other shelf"
    assert set(theirs.cameras) == {"head", "left_wrist", "right_wrist"}


def test_lerobot_teleoperates(lerobot):
    words = ("--robot.type=hlm_g1", *SMALL, "--teleop.type=hlm", "--fps=30", "--teleop_time_s=1")
    code, said = lerobot("lerobot-teleoperate", DISCOVER, *words)
    assert code == 0, said[-3000:]
    assert "task shelf_cup_transfer: reached nothing" in said


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--robot.task=shelf_cup",), "no task 'shelf_cup'. Known: cola_placement, shelf_cup_transfer. Did you mean"),
        (("--teleop.source=scriptd",), "no source 'scriptd'. Known: replay, scripted. Did you mean 'scripted'?"),
    ],
)
def test_what_lerobot_cannot_be_given_is_said(words, text, lerobot):
    code, said = lerobot("lerobot-teleoperate", DISCOVER, "--robot.type=hlm_g1", "--teleop.type=hlm", *words)
    assert code == 1  # LeRobot has no other
    assert text in said
    assert "Traceback" not in said
