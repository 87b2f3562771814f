"""`hlm deploy`: what is refused before anything moves, and a short episode in real time."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from hlm.cli.deploy_arguments import DeployArguments
from hlm.cli.deploy_plan import planned
from hlm.cli.deployed_robot import RobotConfig
from hlm.cli.main import main
from hlm.cli.robots import open_robot
from hlm.core.layout import DIMENSIONS
from hlm.datasets.reader import open_dataset
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.writer import DatasetWriter

SHIPPED = Path(__file__).resolve().parents[2] / "policies" / "shipped" / "shelf_cup_transfer"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((), "give a CHECKPOINT, --server URL, --source replay EPISODE or --source scripted; exactly one of them."),
        (("--source", "scripted", "somewhere"), "--source scripted takes neither a checkpoint nor a server."),
        (("--source", "teleop"), "no source 'teleop'. Known: policy, replay, scripted."),
        (("--source", "replay"), "`--source replay` and the path of an episode go together"),
        (("p", "--port", "0"), "--port does nothing here: it goes with --takeover page."),
        (("p", "--takeover", "webxr", "--host", "0.0.0.0"), "--host does nothing here: it goes with --takeover page."),
        (("p", "--takeover", "page", "--body"), "--body does nothing here: it goes with --takeover webxr."),
        (
            ("p", "--takeover", "page", "--headset-port", "0"),
            "--headset-port does nothing here: it goes with --takeover",
        ),
        (("--source", "scripted", "--robot", "mujco"), "no robot 'mujco'. Known: mujoco, sonic, unitree."),
        (("--source", "scripted", "--task", "cups"), "no task 'cups'."),
        (("--source", "scripted", "--seconds", "0"), "--seconds must be more than 0 and at most 86400, got 0."),
        (("--source", "scripted", "--seconds", "nan"), "--seconds must be more than 0"),
        (("--source", "scripted", "--seed", "-1"), "--seed must be from 0 to"),
        (("--source", "scripted", "--execution-horizon", "5"), "does nothing with --source scripted"),
        (("--source", "scripted", "--robot", "unitree"), "--source scripted needs to know where everything is"),
        ((str(SHIPPED), "--robot", "sonic", "--interface", "lo"), "--interface does nothing with --robot sonic."),
        (("--source", "scripted", "--sonic", "tcp://127.0.0.1:5556"), "--sonic does nothing with --robot mujoco"),
        (("--source", "scripted", "--record", "."), "--record is the folder that you are in, or empty."),
        (("--source", "scripted", "--instruction", "dance"), "task 'shelf_cup_transfer' cannot score 'dance'."),
        ((str(SHIPPED), "--scheduler", "later"), "no scheduler 'later'. Known: asynchronous, ensemble, synchronous."),
        ((str(SHIPPED), "--execution-horizon", "51"), "--execution-horizon 51 is more than a chunk has"),
        (
            (str(SHIPPED), "--robot", "unitree", "--instruction", "lift the hat"),
            "the policy does not know 'lift', 'hat'.",
        ),
        ((str(SHIPPED), "--robot", "unitree"), "say what is to be done: --instruction TEXT, or --task NAME"),
        ((str(SHIPPED), "--task", "cola_placement"), "the policy does not know 'can', 'mat'."),
        (("runs/none",), "no checkpoint"),
        ((str(SHIPPED), "--takeover", "keybord"), "no takeover 'keybord'. Known: keyboard, page, pico, webxr."),
        (
            ("--source", "scripted", "--takeover", "keyboard"),
            "--takeover is from a policy; --source scripted",
        ),
        ((str(SHIPPED), "--takeover", "keyboard"), "source 'keyboard' needs a terminal, and standard input is none"),
        (("--server", "ws://127.0.0.1:9"), "ws://127.0.0.1:9"),
    ],
)
def test_bad_input_is_one_line_before_anything_moves(refused, words, text):
    assert text in refused("deploy", *words)


@pytest.mark.parametrize("body", [False, True])
def test_who_takes_over_with_a_headset_is_followed_by_head_and_hands_or_by_all_joints(body):
    plan = planned(DeployArguments(what=SHIPPED, takeover="webxr", body=body))
    assert plan.takeover.person.body is body


@pytest.mark.parametrize(("grippers", "watched"), [((), set()), (("tcp://127.0.0.1:5558",), {"grippers"})])
def test_under_sonic_grippers_that_have_a_state_are_watched(grippers, watched):
    with open_robot(RobotConfig(name="sonic", grippers=grippers)) as robot:
        assert set(robot.watches) == watched
        assert not any(watch() for watch in robot.watches.values())


def test_what_is_there_already_is_refused(refused, folder):
    (folder / "demos.zarr").mkdir()
    (folder / "result.json").write_text("mine")
    for option, name in (("--record", "demos.zarr"), ("--json", "result.json")):
        assert f"{name} is already there. Name another {option}." in refused(
            "deploy", "--source", "scripted", option, name
        )


def test_a_place_to_record_to_is_refused_through_links(refused, folder):
    (folder / "demos.zarr").mkdir()
    (folder / "there.zarr").symlink_to("demos.zarr")
    (folder / "nowhere.zarr").symlink_to("gone.zarr")
    (folder / "circle.zarr").symlink_to("circle.zarr")
    for name in ("there.zarr", "nowhere.zarr", "circle.zarr"):
        for option in ("--record", "--json"):
            assert f"{name} is already there." in refused("deploy", "--source", "scripted", option, name)


def test_a_place_that_is_read_only_is_refused(refused, folder, unwritable):
    (folder / "shelf").mkdir()
    with unwritable(folder / "shelf"):
        for option, name in (("--record", "shelf/demos.zarr"), ("--json", "shelf/result.json")):
            assert "no permission for" in refused("deploy", "--source", "scripted", option, name)


def test_an_episode_of_another_robot_or_task_is_refused(refused, folder):
    step = Step(1, np.zeros(DIMENSIONS), np.zeros(DIMENSIONS), {}, {})
    for name, robot, task in (("other.zarr", "atlas", "shelf_cup_transfer"), ("mine.zarr", "unitree_g1", "dance")):
        spec = DatasetSpec(embodiment=robot, rate_hz=30.0, cameras={})
        with DatasetWriter.open(folder / name, spec) as writer:
            episode = writer.episode(EpisodeInfo(instruction="go", source="scripted", task=task, seed=3))
            episode.append(step)
            episode.commit()
    told = refused("deploy", "--source", "replay", "other.zarr/episode_000000")
    assert "was recorded on 'atlas' at 30 Hz; a replay needs 'unitree_g1' at 30 Hz." in told
    told = refused("deploy", "--source", "replay", "mine.zarr/episode_000000")
    assert "was not recorded on task 'shelf_cup_transfer'; it cannot be replayed there." in told


def left_behind():
    """Processes of this user that a deployment has started and not ended."""
    listed = subprocess.run(["ps", "-eo", "ppid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if line.split()[0] == str(os.getpid()) and "spawn_main" in line]


@pytest.mark.slow
def test_an_episode_in_real_time_is_scored_recorded_and_leaves_nothing_behind(folder, capsys):
    shared = sorted(Path("/dev/shm").iterdir())
    code = main(["deploy", "--source", "scripted", "--seed", "100003", "--json", "f.json", "--record", "d.zarr"])
    told = capsys.readouterr()
    result = json.loads((folder / "f.json").read_text())
    assert (code, result["success"], result["ended"]) == (0, True, "done"), told
    assert result["instruction"] == "put the blue cup on the high shelf"
    assert result["realtime"]["body"]["rate_hz"] == pytest.approx(100.0, abs=1.0)
    states = [event["state"] for event in result["safety_events"]]
    assert states[-3:] == ["holding", "crouching", "damping"]
    (episode,) = open_dataset(folder / "d.zarr").episodes
    assert (len(episode), episode.info.outcome, episode.info.source) == (result["steps"], "success", "scripted")
    assert "success, " in told.out
    assert left_behind() == []
    assert sorted(Path("/dev/shm").iterdir()) == shared


@pytest.mark.slow
def test_a_dry_run_runs_everything_in_a_world_that_stands_still(folder, capsys):
    assert main(["deploy", str(SHIPPED), "--dry-run", "--seconds", "2", "--json", "f.json", "--record", "d.zarr"]) == 1
    result = json.loads((folder / "f.json").read_text())
    assert (result["ended"], result["fault"], result["dry_run"]) == ("time", "", True)
    (episode,) = open_dataset(folder / "d.zarr").episodes
    assert len(episode) == result["steps"] > 40
    assert np.ptp(episode.state[:, :29], axis=0).max() == 0.0


@pytest.mark.slow
def test_seconds_end_an_episode_that_has_not_succeeded(folder, capsys):
    assert main(["deploy", "--source", "scripted", "--seconds", "1.5", "--json", "f.json"]) == 1
    result = json.loads((folder / "f.json").read_text())
    assert (result["success"], result["ended"], result["fault"]) == (False, "time", "")
    assert 1.4 < result["duration_s"] < 2.5
    assert "failure after nothing" in capsys.readouterr().out
