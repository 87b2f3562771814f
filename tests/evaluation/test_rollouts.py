import errno
import logging

import numpy as np
import pytest

from hlm.core.errors import InputError, LostError
from hlm.core.task import Progress
from hlm.evaluation.results import RolloutResult
from hlm.evaluation.rollouts import rollout
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


def failing(step, error):
    def fail(now):
        if now == step:
            raise error

    return fail


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (InputError("the policy\nsaid nothing"), "the policy said nothing"),
        (FloatingPointError("overflow"), "FloatingPointError: overflow"),
    ],
)
def test_an_episode_that_breaks_is_a_failure_with_its_reason_and_film(make_station, tmp_path, error, fault):
    station = make_station(before=failing(7, error), script=lambda seed, step: Progress(stage=2, success=True))
    result = rollout(station, 4, tmp_path / "a.mp4", picture)
    assert (result.seed, result.success, result.fault, result.steps, result.stage) == (4, False, fault, 7, 2)
    assert result.progress < 1.0
    assert read_video(tmp_path / result.video).shape[0] == 4
    assert rollout(make_station(steps=60, script=outcomes), 0).success


def test_an_episode_that_breaks_before_its_first_step_is_a_failure_too(make_station):
    result = rollout(make_station(before=failing(0, InputError("no chunk"))), 4)
    assert (result.steps, result.fault, result.duration_s, result.progress) == (0, "no chunk", 0.0, 0.0)


@pytest.mark.parametrize("error", [LostError("the server is gone"), OSError(errno.ENOSPC, "full"), MemoryError()])
def test_what_the_next_rollout_would_meet_too_comes_out_and_leaves_no_film(make_station, tmp_path, error):
    with pytest.raises(type(error)):
        rollout(make_station(before=failing(7, error)), 0, tmp_path / "a.mp4", picture)
    assert list(tmp_path.iterdir()) == []


def breaking(picture_number, error):
    taken = []

    def look(observation):
        taken.append(None)
        if len(taken) == picture_number:
            raise error
        return picture(observation)

    return look


@pytest.mark.parametrize("picture_number", [1, 5])
def test_a_film_that_breaks_costs_the_film_alone(make_station, tmp_path, caplog, picture_number):
    plain = rollout(make_station(steps=21, script=outcomes), 0)
    look = breaking(picture_number, OSError(errno.ENOSPC, "No space left on device"))
    with caplog.at_level(logging.WARNING):
        filmed = rollout(make_station(steps=21, script=outcomes), 0, tmp_path / "a.mp4", look)
    assert filmed == plain
    assert list(tmp_path.iterdir()) == []
    assert [record.getMessage() for record in caplog.records] == [f"no film {tmp_path}/a.mp4: No space left on device"]


def test_a_film_on_a_full_disk_leaves_nothing_there(make_station, small_disk, caplog):
    noise = np.random.default_rng(0)
    look = lambda observation: noise.integers(0, 255, (480, 640, 3), np.uint8)  # noqa: E731
    result = rollout(make_station(steps=60, script=outcomes), 0, small_disk / "a.mp4", look)
    assert (result.video, result.success) == (None, True)
    assert list(small_disk.iterdir()) == []
    assert len(caplog.records) == 1


def test_all_stages_without_success_are_not_all_of_the_progress(make_station):
    script = lambda seed, step: Progress(stage=2, wrong_object=True)  # noqa: E731
    result = rollout(make_station(steps=5, script=script), 0)
    assert (result.success, result.stage, result.progress) == (False, 2, 0.5)


def test_an_episode_without_steps_has_no_film(make_station, tmp_path):
    result = rollout(make_station(steps=0), 0, tmp_path / "a.mp4", picture)
    assert (result.video, result.steps, result.duration_s) == (None, 0, 0.0)
    assert list(tmp_path.iterdir()) == []
