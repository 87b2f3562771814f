import pytest

from hlm.cli.rendering import load_simulator
from hlm.cli.stations import StationConfig, open_station
from hlm.core.body import BodyState
from hlm.evaluation.rollouts import rollout
from hlm.runtime.station import episode


@pytest.fixture(scope="module")
def stationed():
    load_simulator()
    with open_station(StationConfig(task="shelf_cup_transfer", cameras=("head",), image_size=(16, 16))) as stationed:
        yield stationed


def test_a_simulation_that_blows_up_ends_the_episode_with_its_reason(stationed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    station, task = stationed
    times_ns = []
    for scored in episode(station, task.reset(0)):
        times_ns.append(scored.step.observation.stamp_ns)
        if len(times_ns) == 5:
            task.world.data.qvel[0] = 1e12
    assert len(times_ns) == 5
    assert station.body.status.state is BodyState.FAULT
    assert station.body.status.fault.startswith("the robot cannot be read: the simulation blew up after 0.7")
    assert task.world.now_ns() > times_ns[-1]
    assert not list(tmp_path.iterdir())


def test_its_rollout_is_a_failure_and_the_next_one_is_not_touched_by_it(stationed, monkeypatch):
    station, task = stationed
    update, calls = task.update, []

    def blow_up():
        calls.append(0)
        if len(calls) == 3:
            task.world.data.qvel[0] = 1e12
        return update()

    monkeypatch.setattr(task, "update", blow_up)
    monkeypatch.setattr(task, "time_limit_s", 0.3)
    broken, sound = (rollout(station, seed, None, None) for seed in (0, 1))
    assert (broken.success, broken.steps) == (False, 3)
    assert "blew up" in broken.fault
    assert (sound.fault, sound.steps) == ("", 10)
