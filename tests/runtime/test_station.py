"""Episodes of a fake task, then a second of the real one."""

from itertools import islice

import numpy as np
import pytest

from hlm.cli.stations import StationConfig, make_station
from hlm.core.task import Progress
from hlm.runtime.station import AFTER_SUCCESS_S, episode


def run(station, seed=0, **options):
    return list(episode(station, station.task.reset(seed), **options))


def test_every_row_is_scored_in_turn(make_station):
    station = make_station(rows=5, script=lambda seed, row: Progress(stage=row // 2 % 3))
    scored = run(station)
    assert [one.row.index for one in scored] == list(range(5))
    assert [one.progress.stage for one in scored] == [0, 0, 1, 1, 2]


def test_the_source_is_made_for_the_scene_and_told_its_instruction(make_station):
    station = make_station(rows=2)
    for seed, words in ((0, "take red"), (1, "take blue")):
        scored = run(station, seed)
        assert {one.row.observation.instruction for one in scored} == {words}


def test_a_fall_ends_it(make_station):
    scored = run(make_station(rows=20, script=lambda seed, row: Progress(fell=row >= 7)))
    assert len(scored) == 8
    assert scored[-1].progress.fell


def test_the_tasks_time_limit_ends_it(make_station):
    scored = run(make_station(rows=60, time_limit_s=1.0))
    assert len(scored) == 31


def succeeding(seed, row):
    return Progress(stage=2, success=True) if row >= 10 else Progress()


def test_a_demonstration_goes_on_after_success(make_station):
    assert len(run(make_station(rows=60, script=succeeding))) == 60


def test_a_policys_episode_ends_a_while_after_success(make_station):
    scored = run(make_station(rows=60, script=succeeding), until_success=True)
    assert len(scored) == 10 + 1 + round(AFTER_SUCCESS_S * 30)
    assert scored[-1].progress.success


def test_what_falls_over_in_that_while_was_no_success(make_station):
    def toppling(seed, row):
        return Progress(stage=2, success=10 <= row < 20)

    scored = run(make_station(rows=60, script=toppling), until_success=True)
    assert len(scored) == 41
    assert not scored[-1].progress.success


@pytest.fixture(scope="module")
def simulated():
    return make_station(StationConfig(task="shelf_cup_transfer", cameras=("head",), image_size=(24, 32)))


def begun(station, seed, rows=12):
    """The first rows of a scripted episode, as numbers."""
    found = []
    for scored in islice(episode(station, station.task.reset(seed)), rows):
        observation, labels = scored.row.observation, station.task.privileged()
        numbers = np.concatenate([observation.state, scored.row.reference.vector, *labels["candidate_in_hand_m"]])
        found.append((observation.stamp_ns, numbers, observation.frames["head"].image, dict(scored.row.age_s)))
    return found


def test_a_real_episode_is_the_same_in_every_bit_when_it_is_run_again(simulated):
    first = begun(simulated, 2)
    begun(simulated, 5, rows=3)
    again = begun(simulated, 2)
    for (stamp_ns, numbers, image, ages), (other_ns, others, picture, old) in zip(first, again, strict=True):
        assert stamp_ns == other_ns
        assert ages == old
        np.testing.assert_array_equal(numbers, others)
        np.testing.assert_array_equal(image, picture)


def test_real_rows_are_fresh_and_on_the_grid(simulated):
    rows = begun(simulated, 2)
    start_ns = rows[0][0]
    assert start_ns == 590_000_000
    for number, (stamp_ns, _, _, ages) in enumerate(rows):
        assert stamp_ns == start_ns + round(number * 1e9 / 30)
        # The world moves in steps of 2 ms: a measurement is younger than one.
        assert ages.keys() == {"state", "image_head"}
        assert all(0.0 <= age_s < 0.002 for age_s in ages.values())


def test_a_real_robot_moves_as_it_is_told(simulated):
    rows = begun(simulated, 2, rows=20)
    states, actions = np.array([one[1][:34] for one in rows]), np.array([one[1][34:68] for one in rows])
    assert np.abs(actions[-1] - actions[0]).max() > 0.1
    # What was asked for 0.2 s, six rows, ago.
    assert np.abs(states[-1] - actions[-7]).max() < 0.1
    assert simulated.task.robot.pelvis_uprightness() > 0.95
