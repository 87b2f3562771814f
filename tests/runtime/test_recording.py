from dataclasses import replace

import numpy as np
import pytest

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError
from hlm.core.task import Progress, TaskInstance
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


def drawn(station, *seeds):
    return map(station.task.reset, seeds)


def outcomes(seed, step):
    """Even seeds succeed at row 10, odd ones get stuck at the first stage."""
    if seed % 2 == 0:
        return Progress(stage=2, success=True) if step >= 10 else Progress(stage=1)
    return Progress(stage=1)


def test_what_is_read_back_is_what_the_loop_saw(make_station, path):
    station, seen = make_station(steps=25, script=outcomes), []

    def look(scored):
        seen.append((scored, station.task.privileged()))

    with DatasetWriter.open(path, SPEC) as writer:
        (done,) = record(station, writer, drawn(station, 4), "scripted", "nobody", look)
    assert done == RecordedEpisode(seed=4, instruction="take red", steps=25, progress=Progress(stage=2, success=True))
    (episode,) = open_dataset(path).episodes
    assert len(episode) == len(seen) == 25
    observations = [scored.step.observation for scored, _ in seen]
    np.testing.assert_array_equal(episode.stamp_ns, [one.stamp_ns for one in observations])
    np.testing.assert_array_equal(episode.state, np.float32([one.state for one in observations]))
    actions = [scored.step.reference.vector for scored, _ in seen]
    np.testing.assert_array_equal(episode.action, np.float32(actions))
    for name in ("state", "image_head"):
        np.testing.assert_allclose(episode.age_s(name), [scored.step.age_s[name] for scored, _ in seen], atol=1e-9)
    assert set(episode.privileged) == {"candidate_in_hand_m", "goal_in_hand_m"}
    for name in episode.privileged:
        np.testing.assert_array_equal(episode.privileged_quantity(name), [labels[name] for _, labels in seen])
    images = np.array([one.frames["head"].image for one in observations], dtype=int)
    np.testing.assert_allclose(episode.images("head").astype(int), images, atol=3)
    assert verify(path) == []


def test_the_description_says_what_was_asked_how_it_ended_and_who_did_it(make_station, path):
    station = make_station(steps=15, script=outcomes)
    with DatasetWriter.open(path, SPEC) as writer:
        assert [one.seed for one in record(station, writer, drawn(station, 6, 7), "scripted", "replay")] == [6, 7]
    even, odd = (episode.info for episode in open_dataset(path).episodes)
    assert (even.outcome, even.stage, odd.outcome, odd.stage) == ("success", 2, "failure", 1)
    for info, seed, words in ((even, 6, "take red"), (odd, 7, "take blue")):
        assert (info.source, info.operator, info.task, info.seed) == ("scripted", "replay", "fake", seed)
        assert info.instruction == words == info.candidates[info.candidate]
        assert info.stages == ("reach", "place")
        assert info.scene == seed


def test_each_episode_is_safe_before_the_next_begins(make_station, path):
    station = make_station(steps=5)
    with DatasetWriter.open(path, SPEC) as writer:
        for count, _ in enumerate(record(station, writer, drawn(station, 0, 1, 2), "scripted", "nobody"), start=1):
            assert len(open_dataset(path)) == count


def interrupting(seed, step, error):
    """A `before` that raises at one step of one episode."""
    calls = {"episode": -1}

    def before(number):
        calls["episode"] += number == 0
        if (calls["episode"], number) == (seed, step):
            raise error

    return before


def test_ctrl_c_leaves_finished_episodes_and_a_recoverable_one(make_station, path):
    station = make_station(steps=20, before=interrupting(1, 12, KeyboardInterrupt()), script=outcomes)
    with pytest.raises(KeyboardInterrupt), DatasetWriter.open(path, SPEC) as writer:
        list(record(station, writer, drawn(station, 0, 1, 2), "scripted", "nobody"))
    assert station.task.resets == [0, 1]
    assert [episode.number for episode in open_dataset(path).episodes] == [0]
    (recovery,) = recover(path)
    assert (recovery.number, recovery.steps) == (1, 12)
    _, kept = open_dataset(path).episodes
    assert (kept.info.seed, kept.info.instruction, kept.info.outcome) == (1, "take blue", "unlabelled")
    assert len(kept) == 12
    assert verify(path) == []


def test_an_error_of_the_rig_keeps_what_there_is_as_a_failure(make_station, path):
    station = make_station(steps=20, before=interrupting(0, 12, InputError("the source is gone")), script=outcomes)
    with pytest.raises(InputError, match="the source is gone"), DatasetWriter.open(path, SPEC) as writer:
        list(record(station, writer, drawn(station, 1), "scripted", "nobody"))
    (episode,) = open_dataset(path).episodes
    assert (len(episode), episode.info.outcome, episode.info.stage) == (12, "failure", 1)
    assert recover(path) == []


@pytest.mark.parametrize("error", [InputError("no signal"), KeyboardInterrupt(), RuntimeError("a bug")])
def test_an_episode_without_rows_leaves_nothing(make_station, path, error):
    station = make_station(before=interrupting(0, 0, error))
    with pytest.raises(type(error)), DatasetWriter.open(path, SPEC) as writer:
        list(record(station, writer, drawn(station, 0), "scripted", "nobody"))
    assert not list(path.glob("episode*"))


def test_a_bug_in_a_source_leaves_a_recoverable_episode(make_station, path):
    station = make_station(before=interrupting(0, 9, RuntimeError("a bug")))
    with pytest.raises(RuntimeError, match="a bug"), DatasetWriter.open(path, SPEC) as writer:
        list(record(station, writer, drawn(station, 0), "scripted", "nobody"))
    (recovery,) = recover(path)
    assert recovery.steps == 9


def test_pictures_of_another_size_than_the_datasets_are_refused(make_station, path):
    spec, station = replace(SPEC, cameras={"head": (8, 8)}), make_station()
    with pytest.raises(Exception, match="head"), DatasetWriter.open(path, spec) as writer:
        list(record(station, writer, drawn(station, 0), "scripted", "nobody"))


def test_a_body_that_stops_following_makes_the_episode_a_failure_and_the_next_one_goes_on(make_station, make_rig, path):
    rig = make_rig()

    def before(step):
        rig.cameras.dead = station.task.resets == [0] and step == 12

    def drawn_anew():
        for seed in (0, 2):
            rig.cameras.dead = False
            yield station.task.reset(seed)

    station = make_station(steps=25, before=before, rig=rig, script=outcomes)
    with DatasetWriter.open(path, SPEC) as writer:
        first, second = record(station, writer, drawn_anew(), "scripted", "nobody")
    fault = "camera 'head' stopped delivering images"
    assert (first.steps, first.success, first.fault) == (13, False, fault)
    assert first.progress.success
    assert (second.steps, second.success, second.fault) == (25, True, "")
    infos = [episode.info for episode in open_dataset(path).episodes]
    assert [(info.outcome, info.fault) for info in infos] == [("failure", fault), ("success", "")]
    assert [info.preview_s for info in infos] == [0.2, 0.2]


def test_without_a_task_episodes_are_unlabelled_and_end_with_the_source(make_station, path):
    station = make_station(steps=12, task=None)
    instances = [TaskInstance(seed=None, candidates=(words,), candidate=0) for words in ("wave", "bow")]
    with DatasetWriter.open(path, SPEC) as writer:
        done = list(record(station, writer, instances, "teleop", "somebody"))
    assert [(one.instruction, one.steps, one.progress, one.success) for one in done] == [
        ("wave", 12, None, False),
        ("bow", 12, None, False),
    ]
    for episode, words in zip(open_dataset(path).episodes, ("wave", "bow"), strict=True):
        info = episode.info
        assert (info.instruction, info.source, info.outcome, info.task, info.seed) == (
            words,
            "teleop",
            "unlabelled",
            "",
            None,
        )
    assert verify(path) == []
