"""`--tracker`: which there are, and what is said when one cannot be had."""

import pickle

import pytest

from hlm.cli.stations import StationConfig
from hlm.cli.trackers import LEARNED_LEGS, TRACKERS, WHOLE_BODY, tracker_maker
from hlm.control.learned_legs import policy_file
from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
from hlm.core.errors import MissingDependencyError, UnknownNameError
from hlm.evaluation.results import USUAL_TRACKER

LINES = (
    ("eval", "--source", "scripted", "--rollouts", "1"),
    ("record", "--out", "demos.zarr"),
    ("deploy", "--source", "scripted"),
)


@pytest.fixture
def without_the_policy(monkeypatch):
    def missing(_):
        raise policy_file.PackageNotFoundError

    monkeypatch.setattr(policy_file, "distribution", missing)


def test_the_usual_one_is_the_first():
    assert USUAL_TRACKER == WHOLE_BODY == StationConfig(task="shelf_cup_transfer").tracker
    assert isinstance(tracker_maker(WHOLE_BODY)(), WholeBodyTracker)


def test_a_maker_can_be_sent_to_another_process():
    for name in TRACKERS:
        try:
            maker = tracker_maker(name)
        except MissingDependencyError as error:
            pytest.skip(str(error))
        assert pickle.loads(pickle.dumps(maker))().lag_s == pytest.approx(0.2)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_a_tracker_that_there_is_not_is_one_line(line, refused):
    assert "no tracker 'learned_leg'. Known: learned_legs, whole_body. Did you mean" in refused(
        *line, "--tracker", "learned_leg"
    )


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_without_its_extra_the_mend_is_one_line(line, refused, without_the_policy):
    text = refused(*line, "--tracker", LEARNED_LEGS)
    assert text.endswith("pip install 'hlm[learned]' && pip install --no-deps holosoma-inference==0.1.3")


def test_a_robot_that_tracks_itself_takes_none(refused):
    text = refused("deploy", "--robot", "sonic", "--source", "replay", "episode", "--tracker", LEARNED_LEGS)
    assert "--tracker does nothing with --robot sonic" in text


def test_a_station_refuses_what_there_is_not():
    with pytest.raises(UnknownNameError):
        StationConfig(task="shelf_cup_transfer", tracker="legs")
