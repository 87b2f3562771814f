"""Episodes in which a policy is taken over from; every number of a step names it."""

import numpy as np
import pytest

from hlm.cli.main import main
from hlm.core.errors import ExistsError, InputError, UnknownNameError
from hlm.datasets.command import CommandLog, commanders, in_command
from hlm.datasets.edits.corrections import Wanted, corrections
from hlm.datasets.mixture import Mixture, MixtureConfig, MixtureEntry
from hlm.datasets.reader import open_dataset
from hlm.datasets.schema import RECORDING
from hlm.datasets.verify import verify
from hlm.datasets.writer import DatasetWriter

# Outcome and who was in command at each step, by episode.
EPISODES = (
    ("success", ["policy"] * 5 + ["scripted"] * 7),
    ("success", ["policy"] * 6),
    ("failure", ["policy"] * 4 + ["scripted"] * 3),
    ("success", ["policy"] * 2 + ["keyboard"] * 3 + ["policy"] * 2 + ["scripted"] * 4),
)


def record(maker, path, episodes=EPISODES):
    with DatasetWriter.open(path, maker.spec) as writer:
        for number, (outcome, names) in enumerate(episodes):
            episode, log = writer.episode(maker.info(number, source="policy", operator="policy")), CommandLog()
            for step, name in enumerate(names):
                taken = maker.step(number, step)
                episode.append(taken)
                log.note(taken.stamp_ns, name)
            episode.commit(outcome=outcome, extra=log.extra)
    return path


def first_and_last(episode):
    """The numbers that the first and the last step have named themselves by."""
    values = episode.privileged_quantity("goal_in_hand_m")[:, 0]
    return int(values[0]), int(values[-1])


def test_each_correction_becomes_an_episode(maker, path, tmp_path):
    record(maker, path)
    into = tmp_path / "corrections.zarr"
    version = corrections(path, into)
    assert version.did == f"copy 3 corrections into {into}"
    assert version.details[0] == "episode 0: scripted, steps 5 to 11, 0.2 s"
    found = list(open_dataset(into))
    assert [first_and_last(episode) for episode in found] == [(5, 11), (3002, 3004), (3007, 3010)]
    assert [in_command(episode) for episode in found] == [["scripted"] * 7, ["keyboard"] * 3, ["scripted"] * 4]
    assert [commanders(one.info) for one in found] == [("scripted",), ("keyboard",), ("scripted",)]
    assert [one.info.source for one in found] == ["scripted", "teleop", "scripted"]
    assert [one.info.operator for one in found] == ["scripted", "keyboard", "scripted"]
    assert [one.info.outcome for one in found] == ["success"] * 3
    assert {problem.text for problem in verify(into)} <= {problem.text for problem in verify(path)}


def test_images_and_actions_are_those_of_the_recording(maker, path, tmp_path):
    record(maker, path)
    corrections(path, tmp_path / "c.zarr")
    whole, cut = open_dataset(path).episodes[0], open_dataset(tmp_path / "c.zarr").episodes[0]
    np.testing.assert_array_equal(cut.action, whole.action[5:])
    np.testing.assert_array_equal(cut.stamp_ns, whole.stamp_ns[5:])
    np.testing.assert_array_equal(cut.images("head"), whole.images("head")[5:])
    assert cut.info.extra["trimmed"] == {"steps_before": 5, "steps_after": 0}
    assert cut.info.extra[RECORDING] == str(whole.path)


def test_the_dataset_stays_as_it_is(maker, path, tmp_path):
    record(maker, path)
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    corrections(path, tmp_path / "c.zarr", dry_run=True)
    assert not (tmp_path / "c.zarr").exists()
    corrections(path, tmp_path / "c.zarr")
    assert {file: file.read_bytes() for file in before} == before


def test_one_by_name_and_failures_too(maker, path, tmp_path):
    record(maker, path)
    version = corrections(path, tmp_path / "a.zarr", Wanted(by=("scripted",), failures=True))
    assert [line.split(",")[0] for line in version.details] == [f"episode {n}: scripted" for n in (0, 2, 3)]
    version = corrections(path, tmp_path / "b.zarr", Wanted(by=("policy",)))
    assert len(version.drafts) == 4
    assert {one.info.source for one in open_dataset(tmp_path / "b.zarr")} == {"policy"}


def test_a_mixture_weights_them(maker, path, tmp_path):
    record(maker, path)
    corrections(path, tmp_path / "c.zarr")
    demos = maker.dataset(tmp_path / "demos.zarr", (20, 30))
    entries = (MixtureEntry(path=demos, weight=1.0), MixtureEntry(path=tmp_path / "c.zarr", weight=3.0))
    mixture = Mixture.open(MixtureConfig(datasets=entries))
    drawn = [next(stream) for stream in [iter(mixture.sampler())] for _ in range(2000)]
    assert np.mean(np.array(drawn) >= 50) == pytest.approx(0.75, abs=0.05)


def test_what_has_no_corrections_is_one_line(maker, path, tmp_path):
    into = tmp_path / "c.zarr"
    plain = maker.dataset(tmp_path / "plain.zarr")
    with pytest.raises(InputError, match=r"no episode of .*plain.zarr says who was in command"):
        corrections(plain, into)
    record(maker, path, EPISODES[1:3])
    with pytest.raises(InputError, match=r"none is a success \(1 failure\)\. `--all` takes them too"):
        corrections(path, into)
    with pytest.raises(UnknownNameError, match=r"no one in command 'skripted'\. Known: policy, scripted\."):
        corrections(path, into, Wanted(by=("skripted",)))
    alone = record(maker, tmp_path / "alone.zarr", EPISODES[1:2])
    with pytest.raises(InputError, match="nobody took over in 1 episode"):
        corrections(alone, into)
    assert not into.exists()


def test_a_target_that_is_there_is_left_alone(maker, path, tmp_path):
    record(maker, path)
    (tmp_path / "c.zarr").mkdir()
    with pytest.raises(ExistsError, match="is already there"):
        corrections(path, tmp_path / "c.zarr")
    assert list((tmp_path / "c.zarr").iterdir()) == []


def test_what_is_shown_of_a_dataset_says_who_took_over(maker, path, tmp_path, capsys):
    record(maker, path)
    assert main(["data", "info", str(path), "--episodes"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "taken over by scripted in 3 episodes, by keyboard in 1 episode" in shown
    assert main(["data", "plot", str(path), "--save", str(tmp_path / "plot.png")]) == 0
    assert (tmp_path / "plot.png").stat().st_size > 0


def test_the_command_says_what_it_did(maker, path, tmp_path, capsys):
    record(maker, path)
    assert main(["data", "corrections", str(path), str(tmp_path / "c.zarr"), "--by", "keyboard", "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["episode 3: keyboard, steps 2 to 4, 0.1 s", f"would copy 1 correction into {tmp_path / 'c.zarr'}"]
    assert main(["data", "corrections", str(path), str(tmp_path / "c.zarr")]) == 0
    assert len(open_dataset(tmp_path / "c.zarr")) == 3
    assert main(["data", "corrections", str(path), str(tmp_path / "c.zarr")]) == 2
    assert "is already there" in capsys.readouterr().err
