"""Episodes of a session: recorded one after the other, and edited between."""

from dataclasses import replace

import numpy as np
import pytest
from fakes_recording import SPEC, step

from hlm.core.errors import HlmError, InputError, MismatchError
from hlm.datasets.edits.versions import undo
from hlm.datasets.reader import open_dataset
from hlm.datasets.schema import EpisodeInfo
from hlm.datasets.store.images import ImageFormat
from hlm.datasets.store.lock import LockedError
from hlm.datasets.verify import verify
from hlm.teleop.session.session import Verdict
from hlm.teleop.session.takes import Ending, Takes

PERIOD_NS = 33_333_333


def info(seed=0):
    return EpisodeInfo(instruction="lift the cup", source="teleop", operator="page", seed=seed)


def timed(number):
    """A step of a robot that stands, on the grid."""
    state = np.full(34, 0.001 * number)
    return step(number, stamp_ns=number * PERIOD_NS, state=state, action=state)


@pytest.fixture
def takes(tmp_path):
    takes = Takes(tmp_path / "demos.zarr", SPEC, ImageFormat())
    yield takes
    takes.close()


def record(takes, steps=5, verdict=Verdict.SUCCESS, seed=0, **ending):
    takes.begin(info(seed))
    for number in range(steps):
        takes.append(timed(number))
    return takes.end(verdict, Ending(**ending))


def test_what_was_recorded_is_in_the_dataset(takes):
    path = record(takes, 5, Verdict.FAILURE, stage=1, scored=True, note="slipped")
    (episode,) = open_dataset(takes.path)
    assert episode.path == path
    assert (len(episode), episode.info.outcome, episode.info.stage) == (5, "failure", 1)
    assert episode.info.extra == {"scored": "success", "note": "slipped"}
    np.testing.assert_array_equal(episode.stamp_ns, np.arange(5) * PERIOD_NS)


def test_what_is_discarded_leaves_nothing(takes):
    assert record(takes, 3, Verdict.DISCARDED) is None
    assert record(takes, 0, Verdict.SUCCESS) is None
    assert takes.kept() == ()
    assert record(takes, 2).name == "episode_000000"


def test_a_pause_is_no_gap_and_a_gap_is_one(takes):
    takes.begin(info())
    for number in [0, 1, 2]:
        takes.append(timed(number))
    takes.pause()
    for number in [60, 61, 62]:
        takes.append(timed(number))
    takes.end(Verdict.SUCCESS, Ending())
    (episode,) = open_dataset(takes.path)
    assert episode.info.extra["pauses_ns"] == [[2 * PERIOD_NS, 60 * PERIOD_NS]]
    assert episode.end_of_piece(0) == 3, "training does not learn across it"
    assert not [problem for problem in verify(takes.path) if problem.array == "stamp_ns"]
    takes.begin(info())
    for number in [0, 1, 60]:
        takes.append(timed(number))
    takes.end(Verdict.SUCCESS, Ending())
    (gap,) = [problem for problem in verify(takes.path) if problem.array == "stamp_ns"]
    assert "gap of 1.967 s" in gap.text


def test_a_pause_at_an_end_is_none(takes):
    takes.begin(info())
    takes.pause()
    takes.append(timed(0))
    takes.append(timed(1))
    takes.pause()
    takes.end(Verdict.SUCCESS, Ending())
    assert "pauses_ns" not in open_dataset(takes.path).episodes[0].info.extra


def test_kept_episodes_can_be_relabelled_and_deleted_and_that_undone(takes):
    for seed in range(3):
        record(takes, seed=seed)
    takes.relabel("episode_000001", instruction="lift the box", outcome="failure")
    takes.relabel("episode_000002", instruction=None, outcome=None, note=" slipped ")
    takes.delete(["episode_000000"])
    assert [(one.name, one.info.instruction, one.info.outcome, one.info.extra.get("note")) for one in takes.kept()] == [
        ("episode_000001", "lift the box", "failure", None),
        ("episode_000002", "lift the cup", "success", "slipped"),
    ]
    undo(takes.path)
    assert [episode.path.name for episode in open_dataset(takes.path)] == [
        "episode_000000",
        "episode_000001",
        "episode_000002",
    ]


def test_the_only_episode_can_be_deleted_and_recording_goes_on(takes):
    record(takes)
    takes.delete(["episode_000000"])
    assert takes.kept() == ()
    record(takes)
    assert len(takes.kept()) == 1


def test_an_open_episode_is_neither_begun_again_nor_edited(takes):
    record(takes)
    takes.begin(info())
    for wrong in (
        lambda: takes.begin(info()),
        lambda: takes.delete(["episode_000000"]),
        lambda: takes.relabel("episode_000000", instruction="x", outcome=None),
    ):
        with pytest.raises(InputError, match="an episode is being recorded; end it first"):
            wrong()


def test_what_is_not_there_is_named(takes):
    with pytest.raises(InputError, match="no episode is being recorded"):
        takes.append(timed(0))
    record(takes)
    with pytest.raises(InputError, match=r"no episode 'episode_000007' in .* It has: episode_000000"):
        takes.delete(["episode_000007"])


def test_what_cannot_be_added_to_is_said_before_anything_is_recorded(takes, tmp_path):
    takes.must_fit()
    assert not takes.path.exists(), "it is made with the first episode"
    record(takes)
    takes.must_fit()
    other = Takes(takes.path, replace(SPEC, rate_hz=15.0), ImageFormat())
    with pytest.raises(MismatchError, match="has rate_hz 30, asked for 15"):
        other.must_fit()
    (tmp_path / "notes.txt").write_text("nothing")
    for stranger in (tmp_path / "notes.txt", tmp_path):
        with pytest.raises(HlmError):
            Takes(stranger, SPEC, ImageFormat()).must_fit()
    takes.begin(info())
    with pytest.raises(LockedError, match="is being written by process"):
        Takes(takes.path, SPEC, ImageFormat()).must_fit()


def test_an_episode_that_is_left_open_can_be_recovered(takes, caplog):
    takes.begin(info())
    takes.append(timed(0))
    takes.close()
    assert "hlm data recover" in caplog.text
    assert takes.kept() == ()
    assert [path.name for path in takes.path.glob("*.partial")] == ["episode_000000.partial"]
