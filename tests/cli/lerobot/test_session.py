"""What LeRobot paces is what hlm's own loop does with the same references."""

import numpy as np
import pytest

from hlm.cli.lerobot.session import newest_session, open_session
from hlm.cli.rendering import load_simulator
from hlm.cli.sources import scripted_source
from hlm.cli.stations import StationConfig, open_station
from hlm.core.errors import TrackingError
from hlm.core.task import Progress
from hlm.runtime.station import episode

BLIND = StationConfig(task="shelf_cup_transfer", cameras=())
STEPS = 25


@pytest.fixture(scope="module")
def looped():
    """States and references of the first steps of an episode of hlm's loop."""
    load_simulator()
    with open_station(BLIND) as (station, task):
        steps = [scored.step for scored, _ in zip(episode(station, task.reset(1)), range(STEPS), strict=False)]
    return [step.observation.state for step in steps], [step.reference.vector for step in steps]


def test_steps_are_those_of_the_loop(looped):
    states, references = looped
    with open_session(BLIND, 1) as session:
        source = scripted_source(session.task, session.instance)
        source.reset(session.observation())
        for state, reference in zip(states, references, strict=True):
            seen = session.observation()
            np.testing.assert_array_equal(seen.state, state)
            allowed = session.allowed(source.reference(seen).vector)
            np.testing.assert_array_equal(allowed, reference)
            np.testing.assert_array_equal(session.act(allowed), reference)


def test_time_stands_still_between_two_actions():
    with open_session(BLIND, 1) as session:
        before = session.observation()
        assert session.observation() is before
        session.act(before.state)
        after = session.observation()
        assert after.stamp_ns - before.stamp_ns == pytest.approx(1e9 / 30, abs=1)


def test_what_is_sent_is_limited_and_what_was_limited_is_sent_as_it_is():
    with open_session(BLIND, 1) as session:
        far = session.observation().state.copy()
        far[0] += 1.0
        allowed = session.allowed(far)
        assert 0.0 < abs(far[0] - allowed[0]) < 1.0
        np.testing.assert_array_equal(session.act(far), allowed)


def test_a_reference_that_is_no_number_ends_the_session():
    with open_session(BLIND, 1) as session:
        bad = session.observation().state.copy()
        bad[3] = np.nan
        with pytest.raises(
            TrackingError, match=r"the robot no longer follows: the reference is not a number in left_elbow"
        ):
            session.act(bad)
        with pytest.raises(TrackingError, match="no longer follows"):
            session.observation()


def test_a_robot_that_fell_is_not_recorded_on_though_its_body_follows(monkeypatch):
    with open_session(BLIND, 1) as session:
        standing = session.observation().state
        session.act(standing)
        monkeypatch.setattr(session.task, "update", lambda: Progress(fell=True))
        with pytest.raises(TrackingError, match=r"the robot has fallen\."):
            session.act(standing)


def test_the_newest_session_is_known_until_it_is_left():
    with open_session(BLIND, 1) as session:
        assert newest_session() is session
    assert newest_session() is None
