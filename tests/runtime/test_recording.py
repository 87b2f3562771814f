from dataclasses import replace

import numpy as np
import pytest

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError
from hlm.core.task import Progress
from hlm.datasets.reader import open_dataset
from hlm.datasets.recover import recover
from hlm.datasets.schema import DatasetSpec
from hlm.datasets.verify import verify
from hlm.datasets.writer import DatasetWriter
from hlm.runtime.recording import RecordedEpisode, record

SPEC = DatasetSpec(embodiment=UNITREE_G1.name, rate_hz=30.0, cameras={"head": (16, 24)})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "demos.zarr"


def outcomes(seed, row):
    """Even seeds succeed at row 10, odd ones get stuck at the first stage."""
    if seed % 2 == 0:
        return Progress(stage=2, success=True) if row >= 10 else Progress(stage=1)
    return Progress(stage=1)


def test_what_is_read_back_is_what_the_loop_saw(make_station, path):
    station, seen = make_station(rows=25, script=outcomes), []

    def look(scored):
        seen.append((scored, station.task.privileged()))

    with DatasetWriter.open(path, SPEC) as writer:
        (done,) = record(station, writer, [4], "scripted", "nobody", look)
    assert done == RecordedEpisode(seed=4, instruction="take red", rows=25, progress=Progress(stage=2, success=True))
    (episode,) = open_dataset(path).episodes
    assert len(episode) == len(seen) == 25
    observations = [scored.row.observation for scored, _ in seen]
    np.testing.assert_array_equal(episode.stamp_ns, [one.stamp_ns for one in observations])
    np.testing.assert_array_equal(episode.state, np.float32([one.state for one in observations]))
    actions = [scored.row.reference.vector for scored, _ in seen]
    np.testing.assert_array_equal(episode.action, np.float32(actions))
    for name in ("state", "image_head"):
        np.testing.assert_allclose(episode.age_s(name), [scored.row.age_s[name] for scored, _ in seen], atol=1e-9)
    assert set(episode.privileged) == {"candidate_in_hand_m", "goal_in_hand_m"}
    for name in episode.privileged:
        np.testing.assert_array_equal(episode.privileged_quantity(name), [labels[name] for _, labels in seen])
    images = np.array([one.frames["head"].image for one in observations], dtype=int)
    np.testing.assert_allclose(episode.images("head").astype(int), images, atol=3)
    assert verify(path) == []


def test_the_description_says_what_was_asked_how_it_ended_and_who_did_it(make_station, path):
    station = make_station(rows=15, script=outcomes)
    with DatasetWriter.open(path, SPEC) as writer:
        assert [one.seed for one in record(station, writer, [6, 7], "scripted", "replay")] == [6, 7]
    even, odd = (episode.info for episode in open_dataset(path).episodes)
    assert (even.outcome, even.stage, odd.outcome, odd.stage) == ("success", 2, "failure", 1)
    for info, seed, words in ((even, 6, "take red"), (odd, 7, "take blue")):
        assert (info.source, info.operator, info.task, info.seed) == ("scripted", "replay", "fake", seed)
        assert info.instruction == words == info.candidates[info.candidate]
        assert info.stages == ("reach", "place")
        assert info.scene == seed


def test_each_episode_is_safe_before_the_next_begins(make_station, path):
    with DatasetWriter.open(path, SPEC) as writer:
        for count, _ in enumerate(record(make_station(rows=5), writer, [0, 1, 2], "scripted", "nobody"), start=1):
            assert len(open_dataset(path)) == count


def interrupting(seed, row, error):
    """A `before` that raises at one row of one episode."""
    calls = {"episode": -1}

    def before(number):
        calls["episode"] += number == 0
        if (calls["episode"], number) == (seed, row):
            raise error

    return before


def test_ctrl_c_leaves_finished_episodes_and_a_recoverable_one(make_station, path):
    station = make_station(rows=20, before=interrupting(1, 12, KeyboardInterrupt()), script=outcomes)
    with pytest.raises(KeyboardInterrupt), DatasetWriter.open(path, SPEC) as writer:
        list(record(station, writer, [0, 1, 2], "scripted", "nobody"))
    assert station.task.resets == [0, 1]
    assert [episode.number for episode in open_dataset(path).episodes] == [0]
    (recovery,) = recover(path)
    assert (recovery.number, recovery.steps) == (1, 12)
    _, kept = open_dataset(path).episodes
    assert (kept.info.seed, kept.info.instruction, kept.info.outcome) == (1, "take blue", "unlabelled")
    assert len(kept) == 12
    assert verify(path) == []


def test_an_error_of_the_rig_keeps_what_there_is_as_a_failure(make_station, path):
    station = make_station(rows=20, before=interrupting(0, 12, InputError("the source is gone")), script=outcomes)
    with pytest.raises(InputError, match="the source is gone"), DatasetWriter.open(path, SPEC) as writer:
        list(record(station, writer, [1], "scripted", "nobody"))
    (episode,) = open_dataset(path).episodes
    assert (len(episode), episode.info.outcome, episode.info.stage) == (12, "failure", 1)
    assert recover(path) == []


@pytest.mark.parametrize("error", [InputError("no signal"), KeyboardInterrupt(), RuntimeError("a bug")])
def test_an_episode_without_rows_leaves_nothing(make_station, path, error):
    station = make_station(before=interrupting(0, 0, error))
    with pytest.raises(type(error)), DatasetWriter.open(path, SPEC) as writer:
        list(record(station, writer, [0], "scripted", "nobody"))
    assert not list(path.glob("episode*"))


def test_a_bug_in_a_source_leaves_a_recoverable_episode(make_station, path):
    station = make_station(before=interrupting(0, 9, RuntimeError("a bug")))
    with pytest.raises(RuntimeError, match="a bug"), DatasetWriter.open(path, SPEC) as writer:
        list(record(station, writer, [0], "scripted", "nobody"))
    (recovery,) = recover(path)
    assert recovery.steps == 9


def test_pictures_of_another_size_than_the_datasets_are_refused(make_station, path):
    spec = replace(SPEC, cameras={"head": (8, 8)})
    with pytest.raises(Exception, match="head"), DatasetWriter.open(path, spec) as writer:
        list(record(make_station(), writer, [0], "scripted", "nobody"))
