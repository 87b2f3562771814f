import os
import signal
from contextlib import nullcontext
from functools import partial

import numpy as np
import pytest
from fakes import fail_at_first

from hlm.core.errors import InputError, WorkerDiedError
from hlm.core.task import Progress
from hlm.evaluation.results import RolloutResult
from hlm.evaluation.rollouts import in_parallel, rollout
from hlm.evaluation.video import read_video


def outcomes(seed, step):
    """Seed 0 succeeds, seed 1 takes the wrong object, seed 2 falls."""
    match seed % 3:
        case 0:
            return Progress(stage=2, success=True) if step >= 10 else Progress(stage=1)
        case 1:
            return Progress(stage=1, wrong_object=step > 5)
        case _:
            return Progress(fell=step >= 8)


def picture(observation):
    assert observation.frames
    return np.full((32, 48, 3), 90, np.uint8)


def test_a_rollout_says_how_it_went(make_station):
    station = make_station(steps=60, script=outcomes)
    results = [rollout(station, seed) for seed in (0, 1, 2)]
    assert [one.success for one in results] == [True, False, False]
    assert [one.stage for one in results] == [2, 1, 0]
    assert [one.progress for one in results] == [1.0, 0.5, 0.0]
    assert [one.wrong_object for one in results] == [False, True, False]
    assert [one.fell for one in results] == [False, False, True]
    assert [one.instruction for one in results] == ["take red", "take blue", "take red"]
    # A second after the success; the end of the source; the fall.
    assert [one.steps for one in results] == [41, 60, 9]
    for one in results:
        assert one.duration_s == pytest.approx((one.steps - 1) / 30)
        assert one.stages == ("reach", "place")
        assert one.video is None


def test_a_body_that_stops_following_is_a_failure_with_its_reason(make_station, make_rig):
    rig = make_rig()

    def before(step):
        rig.cameras.dead = step == 15

    station = make_station(steps=60, before=before, rig=rig, script=outcomes)
    result = rollout(station, 0)
    assert (result.success, result.stage, result.steps) == (False, 2, 16)
    assert result.fault == "camera 'head' stopped delivering images"
    rig.cameras.dead = False
    assert rollout(make_station(steps=60, script=outcomes), 0).fault == ""


def test_a_station_without_a_task_cannot_be_scored(make_station):
    with pytest.raises(InputError, match="a rollout is scored by a task"):
        rollout(make_station(task=None), 0)


def test_the_same_seed_gives_the_same_result(make_station):
    station = make_station(steps=30, script=outcomes)
    first = [rollout(station, seed) for seed in (0, 1, 2)]
    assert [rollout(station, seed) for seed in (2, 0, 1)] == [first[2], first[0], first[1]]
    assert rollout(make_station(steps=30, script=outcomes), 1) == first[1]


def test_a_film_shows_every_second_step(make_station, tmp_path):
    result = rollout(make_station(steps=21), 0, tmp_path / "seed_0.mp4", picture)
    assert result.video == "seed_0.mp4"
    assert read_video(tmp_path / "seed_0.mp4").shape == (11, 32, 48, 3)


def test_a_film_is_made_of_what_the_source_saw(make_station, tmp_path):
    filmed = []

    def look(observation):
        filmed.append((observation.stamp_ns, observation.instruction))
        return picture(observation)

    station = make_station(steps=9)
    result = rollout(station, 0, tmp_path / "seed_0.mp4", look)
    assert {instruction for _, instruction in filmed} == {result.instruction}
    first_ns = filmed[0][0]
    assert [round((stamp_ns - first_ns) * 30e-9) for stamp_ns, _ in filmed] == [0, 2, 4, 6, 8]


def test_filming_changes_nothing_else(make_station, tmp_path):
    plain = rollout(make_station(steps=12, script=outcomes), 1)
    filmed = rollout(make_station(steps=12, script=outcomes), 1, tmp_path / "a.mp4", picture)
    for name in RolloutResult.__slots__:
        assert name == "video" or getattr(filmed, name) == getattr(plain, name)


def test_an_error_leaves_no_film(make_station, tmp_path):
    def fail(step):
        if step == 7:
            raise InputError("the source is gone")

    with pytest.raises(InputError, match="the source is gone"):
        rollout(make_station(before=fail), 0, tmp_path / "a.mp4", picture)
    assert list(tmp_path.iterdir()) == []


def test_an_episode_without_steps_has_no_film(make_station, tmp_path):
    result = rollout(make_station(steps=0), 0, tmp_path / "a.mp4", picture)
    assert (result.video, result.steps, result.duration_s) == (None, 0, 0.0)
    assert list(tmp_path.iterdir()) == []


def result_of(seed):
    return RolloutResult(
        seed=seed,
        instruction="wave",
        success=seed % 3 == 0,
        stage=0,
        stages=("reach",),
        progress=0.0,
        wrong_object=False,
        fell=False,
        duration_s=0.1 * seed,
        steps=seed,
    )


def opened(run):
    """Opens `run`; travels to other processes if `run` does."""
    return partial(nullcontext, run)


# A method of a dict travels to other processes, which could not import a function of this module.
TABLE = {seed: result_of(seed) for seed in range(5)}


@pytest.mark.parametrize("workers", [1, 2])
def test_every_seed_is_run_once_however_many_work(workers):
    found = list(in_parallel(opened(TABLE.__getitem__), list(TABLE), workers))
    assert sorted(found, key=lambda one: one.seed) == list(TABLE.values())


def test_one_worker_runs_here_and_in_order():
    order = []
    found = in_parallel(opened(lambda seed: order.append(seed) or result_of(seed)), [3, 1, 2], 1)
    assert [next(found).seed, order] == [3, [3]]
    assert [one.seed for one in found] == [1, 2]


def test_an_error_of_a_worker_comes_out():
    with pytest.raises(KeyError, match="99"):
        list(in_parallel(opened(TABLE.__getitem__), [0, 99], 2))


def test_a_worker_that_dies_is_no_endless_wait():
    with pytest.raises(WorkerDiedError, match="a worker process was killed"):
        list(in_parallel(opened(os._exit), [3, 4], 2))


def test_workers_end_at_ctrl_c_without_a_word(capfd):
    with pytest.raises(WorkerDiedError, match="a worker process was killed"):
        list(in_parallel(opened(signal.raise_signal), [signal.SIGINT], 2))
    assert "KeyboardInterrupt" not in capfd.readouterr().err


def test_whoever_has_seen_enough_may_stop():
    found = in_parallel(opened(TABLE.__getitem__), list(TABLE), 2)
    assert next(found) in TABLE.values()
    found.close()


def test_after_an_error_the_rollouts_that_have_not_begun_are_not_run(tmp_path):
    run = partial(fail_at_first, tmp_path)
    with pytest.raises(InputError, match="seed 0"):
        list(in_parallel(partial(nullcontext, run), range(40), 2))
    assert len(list(tmp_path.iterdir())) < 10
