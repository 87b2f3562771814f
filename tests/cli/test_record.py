import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from fakes import FakePolicy

from hlm.cli.main import main
from hlm.cli.record_arguments import RecordArguments
from hlm.cli.recorded_seeds import recorded_seeds
from hlm.core.seeds import LAST_SEED
from hlm.core.values import ActionChunk
from hlm.datasets.command import in_command
from hlm.datasets.reader import open_dataset
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.store.images import codec_of
from hlm.datasets.verify import verify
from hlm.datasets.writer import DatasetWriter

SMALL = ("--cameras", "head", "--image-size", "16", "24")


def episode_of(path, rate_hz=30.0, **changes):
    """A dataset with one short episode that no simulation made; returns the episode's folder."""
    spec = DatasetSpec(embodiment="unitree_g1", rate_hz=rate_hz, cameras={})
    info = {"instruction": "wave", "source": "scripted", "task": "shelf_cup_transfer", "seed": 2} | changes
    with DatasetWriter.open(path, spec) as writer:
        episode = writer.episode(EpisodeInfo(**info))
        for row in range(3):
            episode.append(Step(row * 33_333_333, np.zeros(34), np.zeros(34), {}, {"state": 0.0}))
        return episode.commit(outcome="success")


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ({}, "scripted"),
        ({"robot": "mujoco"}, "page"),
        ({"instructions": Path("list.txt")}, "page"),
        ({"page": True}, "page"),
        ({"host": "0.0.0.0"}, "page"),
        ({"port": 0}, "page"),
        ({"source": "keyboard", "page": True}, "keyboard"),
    ],
)
def test_what_only_a_person_needs_asks_for_the_page(said, source):
    assert RecordArguments(**said).source == source


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--task", "shelf_cup"], "no task 'shelf_cup'. Known: cola_placement, shelf_cup_transfer. Did you mean"),
        (
            ["--source", "scriptd"],
            "Known: keyboard, motion, page, pico, policy, replay, scripted, webxr. Did you mean 'scripted'?",
        ),
        (["--cameras", "haed"], "no camera 'haed'. Known: head, left_wrist, right_wrist. Did you mean 'head'?"),
        (["--cameras", "head", "head"], "a camera is named twice: head, head."),
        (["--cameras"], "--cameras needs at least one of head, left_wrist, right_wrist."),
        (["--episodes", "0"], "--episodes must be at least 1, got 0."),
        (["--episodes", "1000001"], "--episodes must be at most 1000000, got 1000001."),
        (["--episodes", "-3"], "--episodes must be at least 1, got -3."),
        (["--seed", "-1"], "--seed must not be negative, got -1."),
        (["--seed", str(2**63)], "--seed must be at most 9223372036854775806, got 9223372036854775808."),
        (["--source", "replay", "a.zarr/episode_000000", "--seed", "0"], "--seed does nothing with --source replay"),
        (["--image-quality", "0"], "--image-quality must be from 1 to 100, got 0."),
        (["--image-codec", "gif"], "image-codec"),
        (["--image-size", "8", "8"], "image size (8, 8) must lie between 16 and 480 pixels."),
        (["--image-size", "128", "4000"], "image size (128, 4000) must lie between 16 and 480 pixels."),
        (["--source", "page", "--no-page"], "--source page is the page: leave --no-page away"),
        (["--source", "motion"], "`--source motion` and the file to play go together"),
        (["--source", "motion", "gone.bvh"], "there is no file gone.bvh"),
        (["--source", "scripted", "--instructions", "list.txt"], "--instructions, --page and --robot are a person's"),
        (["--source", "page", "--instructions", "gone.txt"], "there is no file of instructions at gone.txt"),
        (["--source", "page", "--robot", "unitree"], "say what is to be done with --instructions FILE"),
        (["--source", "page", "--robot", "mujco"], "no robot 'mujco'. Known: mujoco, sonic, unitree"),
        (["--source", "page", "--grippers", "none"], "--grippers is of a robot: it goes with --robot unitree or sonic"),
        (["--source", "page", "--start", "hanging"], "--start is of a robot"),
        (["--cameras", "head=opencv:0"], "'head=opencv:0' says where a robot's camera is"),
        (
            ["--source", "page", "--robot", "mujoco", "--cameras", "head=opencv:0"],
            "--cameras says where real cameras are; those of --robot mujoco are simulated.",
        ),
        (["--source", "page", "--robot", "mujoco", "--start", "hanging"], "--start does nothing with --robot mujoco."),
        (
            ["--source", "page", "--robot", "unitree", "--cameras", "head=opencv:0", "left_wrist"],
            "some cameras are and",
        ),
        (["--source", "page", "--robot", "unitree", "--cameras", "hed=opencv:0"], "no camera 'hed'. Known: head, left"),
        (["--source", "page", "--robot", "sonic", "--tracker", "guarded"], "--tracker does nothing with --robot sonic"),
        (["--speed", "2"], "--speed is of a motion; --source scripted has none."),
        (["--source", "page", "--map", "left_hand=Hand"], "--map is of a motion; --source page has none."),
        (["--source", "keyboard", "--unit-m", "0.01"], "--unit-m is of a motion; --source keyboard has none."),
        (["--source", "motion", "a.bvh", "--map", "Hand"], "--map must be KEYPOINT=JOINT, such as left_hand=LeftWrist"),
        (["--source", "motion", "a.bvh", "--up", "top"], "--up must be one of x, y, z"),
        (["--source", "motion", "a.bvh", "--fps", "0"], "--fps must be above 0"),
        (["--countdown", "-1"], "--countdown must be from 0 to 60 s, got -1."),
        (["--source", "replay"], "`--source replay` and the path of an episode go together: --source replay EPISODE."),
        (
            ["a.zarr/episode_000000"],
            "a.zarr/episode_000000 needs another --source: replay for an episode, policy for a checkpoint, motion for",
        ),
        (["--source", "replay", "a.zarr/episode_000000"], "no dataset at a.zarr: there is nothing."),
        (["--source", "policy"], "`--source policy` and the folder of a checkpoint go together"),
        (["--source", "policy", "nowhere"], "no checkpoint at nowhere"),
        (["--source", "policy", "p", "--takeover", "ghost"], "no takeover 'ghost'. Known: keyboard, page, pico"),
        (["--takeover", "scripted"], "--takeover is from a policy: it goes with --source policy, not with scripted."),
        (["--source", "policy", "p", "--takeover", "scripted", "--stall", "0"], "--stall must be more than 0"),
        (["--hand-back", "stage"], "--hand-back is for --takeover scripted; a person hands back with a button."),
        (
            ["--source", "policy", "p", "--takeover", "scripted", "--hand-back", "soon"],
            "no hand back 'soon'. Known: never, stage.",
        ),
        (["--episods", "3"], "Did you mean --episodes?"),
        (
            ["--command-interface", "decupled"],
            "no command interface 'decupled'. Known: decoupled, joints, three",
        ),
        (["--source", "page", "--command-interface", "decoupled"], "--command-interface is for --source scripted"),
        (
            ["--source", "policy", "p", "--takeover", "keyboard", "--command-interface", "decoupled"],
            "--command-interface is for --source scripted and replay, not for policy.",
        ),
        (["--body"], "--body does nothing here: it goes with --source webxr or --takeover webxr."),
        (["--source", "pico", "--headset-port", "0"], "--headset-port does nothing here: it goes with --source webxr"),
        (["--countdown", "5"], "--countdown does nothing here: it goes with a person who records, such as --source"),
        (["--source", "keyboard", "--host", "0.0.0.0"], "--host does nothing here: it goes with the operator's page:"),
        (
            ["--source", "policy", "p", "--takeover", "webxr", "--port", "0"],
            "--port does nothing here: it goes with the",
        ),
        (["--stall", "-3"], "--stall does nothing here: it goes with --takeover scripted."),
        (["--source", "policy", "p", "--takeover", "keyboard", "--stall", "3"], "--stall does nothing here"),
        (["--robot", "unitree", "--seed", "3"], "--seed does nothing here: it goes with a simulated robot."),
        (["--robot", "sonic", "--image-size", "64", "64"], "--image-size does nothing here: it goes with a simulated"),
    ],
)
def test_what_cannot_be_recorded_is_one_line_and_writes_nothing(words, text, refused):
    assert text in refused("record", *words)


def test_a_dataset_whose_edit_was_killed_between_two_names_is_there(folder, capsys):
    """As left behind where folders cannot be exchanged at once, after the first of three renames."""
    (folder / ".mine.zarr.aside").mkdir()
    (folder / ".mine.zarr.edit").mkdir()
    (folder / ".mine.zarr.swap").write_text(".mine.zarr.edit")
    assert main(["record", "--out", "mine.zarr"]) == 2
    assert capsys.readouterr().err.startswith("hlm: mine.zarr is already there.")
    assert sorted(entry.name for entry in folder.iterdir()) == [".mine.zarr.edit", "mine.zarr"]


def test_what_is_there_is_not_overwritten(refused, folder):
    (folder / "mine.zarr").write_text("precious")
    line = refused("record", "--out", "mine.zarr")
    assert line == "hlm: mine.zarr is already there. Name another --out, or add to it with --append."
    assert (folder / "mine.zarr").read_text() == "precious"


def test_without_a_library_to_draw_with_it_says_what_to_install(refused, monkeypatch):
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    assert "neither is installed. Run: sudo apt-get install" in refused("record")


@pytest.mark.parametrize("choice", ["nonsense", "disabled"])
def test_a_choice_that_cannot_draw_is_one_line_too(choice, folder):
    done = subprocess.run(
        [sys.executable, "-m", "hlm.cli.main", "record", *SMALL, "--out", "x.zarr"],
        env=os.environ | {"MUJOCO_GL": choice},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"MUJOCO_GL={choice} " in done.stderr
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"task": "pour"}, "was not recorded on task 'shelf_cup_transfer'; it cannot be replayed there."),
        ({"seed": None}, "was not recorded on task 'shelf_cup_transfer'; it cannot be replayed there."),
        ({"rate_hz": 50.0}, "was recorded on 'unitree_g1' at 50 Hz; a replay needs 'unitree_g1' at 30 Hz."),
    ],
)
def test_an_episode_that_does_not_fit_is_not_replayed(changes, text, refused, folder):
    episode = episode_of(folder / "a.zarr", **changes)
    assert text in refused("record", "--source", "replay", str(episode))


def test_an_episode_that_is_not_there_names_those_that_are(refused, folder):
    episode = episode_of(folder / "a.zarr")
    line = refused("record", "--source", "replay", str(episode.with_name("episode_000007")))
    assert "no episode 'episode_000007' in " in line
    assert line.endswith("a.zarr. It begins with: episode_000000.")


@pytest.mark.usefixtures("brief")
def test_episodes_are_recorded_and_added_to(folder, capsys):
    assert main(["record", *SMALL, "--episodes", "2", "--seed", "4", "--out", "a.zarr"]) == 0
    text = capsys.readouterr().out
    assert "seed 4: failure after nothing, 0.3 s, 'put the red cup on the high shelf'\n" in text
    assert "2 episodes, 0 successful, 0.7 s in a.zarr\n" in text
    assert main(["record", *SMALL, "--seed", "6", "--out", "a.zarr", "--append"]) == 0
    dataset = open_dataset("a.zarr")
    assert [episode.info.seed for episode in dataset] == [4, 5, 6]
    assert dataset.spec == DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras={"head": (16, 24)})
    for episode in dataset:
        assert len(episode) == 10
        assert (episode.info.source, episode.info.operator) == ("scripted", "scripted")
        assert episode.info.outcome == "failure"
    assert [episode.info.instruction.split()[2] for episode in dataset] == ["red", "blue", "red"]
    assert verify("a.zarr") == []
    # Other cameras do not fit into the same dataset.
    assert main(["record", "--cameras", "left_wrist", "--image-size", "16", "24", "--out", "a.zarr", "--append"]) == 2
    assert "a.zarr has cameras head 16x24, asked for left_wrist 16x24." in capsys.readouterr().err
    assert len(open_dataset("a.zarr")) == 3


@pytest.mark.usefixtures("brief")
def test_images_in_a_format_of_choice(folder):
    for name, words in (("jpeg", []), ("low", ["--image-quality", "20"]), ("avif", ["--image-codec", "avif"])):
        assert main(["record", *SMALL, *words, "--out", f"{name}.zarr"]) == 0
        assert verify(f"{name}.zarr") == []
    files = {}
    for name in ("jpeg", "low", "avif"):
        with open_dataset(f"{name}.zarr").episodes[0].frames("head") as frames:
            files[name] = frames.file(0)
    assert [codec_of(data) for data in files.values()] == ["jpeg", "jpeg", "avif"]
    assert len(files["low"]) < len(files["jpeg"])


@pytest.mark.usefixtures("brief")
def test_a_replay_does_the_same_again_and_says_where_it_comes_from(folder, capsys):
    assert main(["record", *SMALL, "--seed", "3", "--out", "a.zarr"]) == 0
    assert main(["record", *SMALL, "--source", "replay", "a.zarr/episode_000000", "--out", "b.zarr"]) == 0
    (first,), (again,) = open_dataset("a.zarr"), open_dataset("b.zarr")
    assert (again.info.seed, again.info.source, again.info.operator) == (3, "scripted", "replay")
    np.testing.assert_array_equal(again.stamp_ns, first.stamp_ns)
    np.testing.assert_allclose(again.action, first.action, atol=1e-6)
    np.testing.assert_allclose(again.state, first.state, atol=1e-3)


@pytest.mark.usefixtures("brief")
def test_appending_goes_on_with_the_seed_after_the_highest(folder, capsys):
    assert main(["record", *SMALL, "--out", "b.zarr", "--append", "--episodes", "2"]) == 0
    assert "goes on" not in capsys.readouterr().out
    assert main(["record", *SMALL, "--out", "b.zarr", "--append", "--seed", "9"]) == 0
    assert main(["record", *SMALL, "--out", "b.zarr", "--append", "--episodes", "2"]) == 0
    said = "goes on with seeds 10-11; the highest of shelf_cup_transfer in b.zarr is 9\n"
    assert said in capsys.readouterr().out
    assert [episode.info.seed for episode in open_dataset("b.zarr")] == [0, 1, 9, 10, 11]
    assert main(["record", "--task", "cola_placement", *SMALL, "--out", "b.zarr", "--append"]) == 0
    assert [episode.info.seed for episode in open_dataset("b.zarr")][5:] == [0]


@pytest.mark.usefixtures("brief")
def test_a_seed_that_is_there_already_is_recorded_again_and_says_so(folder, capsys):
    assert main(["record", *SMALL, "--out", "b.zarr", "--episodes", "2"]) == 0
    assert main(["record", *SMALL, "--out", "b.zarr", "--append", "--seed", "1", "--episodes", "2"]) == 0
    assert "in b.zarr already, and recorded again: seeds 1 of shelf_cup_transfer\n" in capsys.readouterr().out
    assert [episode.info.seed for episode in open_dataset("b.zarr")] == [0, 1, 1, 2]


def test_unfinished_episodes_count_and_may_be_all_that_there_is(tmp_path):
    spec = DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras={})
    with DatasetWriter.open(tmp_path / "a.zarr", spec) as writer:
        for seed, task in ((4, "shelf_cup_transfer"), (7, "shelf_cup_transfer"), (20, "another")):
            episode = writer.episode(EpisodeInfo(instruction="wave", source="scripted", task=task, seed=seed))
            episode.append(Step(0, np.zeros(34), np.zeros(34), {}, {"state": 0.0}))
    assert recorded_seeds(tmp_path / "a.zarr", "shelf_cup_transfer") == {4, 7}
    assert recorded_seeds(tmp_path / "none", "shelf_cup_transfer") == set()


def test_after_the_last_seed_there_is_no_next_one(refused, folder):
    episode_of(folder / "a.zarr", seed=LAST_SEED - 1)
    assert "no seeds are left after" in refused("record", "--out", "a.zarr", "--append")


def wait_for(condition, process, seconds=120.0):
    end_s = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end_s
        time.sleep(0.02)  # noqa: TID251 - another process is being waited for


@pytest.mark.parametrize(
    ("number", "code", "why"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "stopped by SIGTERM")]
)
def test_ctrl_c_and_kill_end_it_in_one_line_and_lose_nothing(number, code, why, folder, brief_program, capsys):
    dataset = folder / "a.zarr"
    process = subprocess.Popen(
        [*brief_program, "record", *SMALL, "--episodes", "1000", "--out", "a.zarr"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # In the middle of the third episode, when some of its rows are on the disk.
    wait_for(lambda: any(dataset.glob("episode_000002.partial/image_*/*")), process)
    process.send_signal(number)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == code
    assert complaint.count("\n") == 1
    finished = len(open_dataset(dataset))
    assert finished >= 2
    open_ones = list(dataset.glob("episode_*.partial"))
    kept = "; `hlm data recover a.zarr` keeps the open one" if open_ones else ""
    assert complaint == f"hlm: {why}; {finished} finished episodes in a.zarr{kept}\n"
    assert main(["data", "recover", "a.zarr"]) == 0
    assert len(open_dataset(dataset)) == finished + len(open_ones)
    assert verify(dataset) == []


def test_kill_gives_back_what_a_person_who_takes_over_has_entered(folder, monkeypatch, capsys):
    """Such as the terminal, whose keys are heard without an echo."""
    left = []

    @contextmanager
    def seated(config):
        try:
            yield None
        finally:
            left.append("the keyboard")

    def killed(config):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)  # noqa: TID251 - the signal interrupts it

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("hlm.cli.record._seated", seated)
    monkeypatch.setattr("hlm.cli.record.open_station", killed)
    assert main(["record", *SMALL, "--out", "a.zarr"]) == 143
    assert left == ["the keyboard"]
    assert capsys.readouterr().err == "hlm: stopped by SIGTERM; 0 finished episodes in a.zarr\n"
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.slow
def test_a_whole_demonstration_succeeds_and_so_does_its_replay(folder, capsys):
    assert main(["record", *SMALL, "--out", "a.zarr"]) == 0
    assert main(["record", *SMALL, "--source", "replay", "a.zarr/episode_000000", "--out", "b.zarr"]) == 0
    (first,), (again,) = open_dataset("a.zarr"), open_dataset("b.zarr")
    for episode in (first, again):
        assert (episode.info.outcome, episode.info.stage) == ("success", 5)
    assert len(again) == len(first)
    np.testing.assert_allclose(again.action, first.action, atol=1e-6)
    # The cup ends where it ended: the same motion, to what single precision leaves of it.
    np.testing.assert_allclose(
        again.privileged_quantity("candidate_in_hand_m")[-1],
        first.privileged_quantity("candidate_in_hand_m")[-1],
        atol=0.01,
    )
    assert verify("a.zarr") == verify("b.zarr") == []


@pytest.fixture
def still_policy(monkeypatch):
    """A policy in the place of every checkpoint's that understands all words, and stays as it is."""

    class StillPolicy(FakePolicy):
        def chunk(self, observation, prefix=None):
            return ActionChunk(observation.stamp_ns, 30.0, np.tile(observation.state, (6, 1)))

    @contextmanager
    def opened(config):
        yield StillPolicy(cameras=("head",), optional_cameras=())

    monkeypatch.setattr("hlm.cli.sources.open_policy", opened)


@pytest.mark.usefixtures("brief", "still_policy")
def test_a_policy_is_recorded_alone(folder, capsys, checkpoint):
    assert main(["record", *SMALL, "--source", "policy", str(checkpoint), "--seed", "4", "--out", "a.zarr"]) == 0
    assert "seed 4: failure after nothing, 0.3 s" in capsys.readouterr().out
    (episode,) = open_dataset("a.zarr")
    assert (episode.info.source, episode.info.operator, episode.info.outcome) == ("policy", "policy", "failure")
    assert "in_command" not in episode.info.extra


@pytest.mark.usefixtures("brief", "still_policy")
def test_who_takes_over_from_a_policy_has_the_time_of_the_task_anew(folder, capsys, checkpoint):
    takeover = ["--takeover", "scripted", "--stall", "0.2"]
    assert main(["record", *SMALL, "--source", "policy", str(checkpoint), *takeover, "--out", "a.zarr"]) == 0
    assert "seed 0: failure after nothing, taken over, 0.5 s" in capsys.readouterr().out
    (episode,) = open_dataset("a.zarr")
    assert in_command(episode) == ["policy"] * 6 + ["scripted"] * 10
    assert verify("a.zarr") == []
    # Both are there, and who takes over does so without a jump.
    limit_rad = 0.05
    assert np.abs(np.diff(episode.action[5:, :29], axis=0)).max() < limit_rad


def test_a_policy_that_needs_a_camera_that_is_not_recorded_is_refused(refused, checkpoint):
    line = refused("record", "--source", "policy", str(checkpoint), "--cameras", "left_wrist")
    assert "needs camera 'head'; --cameras has left_wrist." in line
