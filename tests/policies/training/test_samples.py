import itertools

import numpy as np
import pytest
import torch
from fakes_policies import said

from hlm.core.errors import CorruptError, InputError
from hlm.policies.training.loading import read_batches
from hlm.policies.training.samples import collate, encoded_samples


@pytest.fixture
def run(prepared):
    return prepared(batch_size=8)


@pytest.mark.parametrize(("episode", "step"), [(0, 0), (1, 13), (2, 23)])
def test_samples_hold_what_their_step_recorded(run, episode, step):
    recorded = run.data.episodes[episode]
    number = sum(len(before) for before in run.data.episodes[:episode]) + step
    assert run.samples.locate(number) == (recorded, step)
    sample = run.samples[number]
    assert sample.number == number
    assert said(run.encoding.text, sample.observation.tokens) == recorded.info.instruction
    for view, name in enumerate(("head", "wrist")):
        np.testing.assert_array_equal(sample.observation.images[view], recorded.images(name, [step])[0])
    moving = run.encoding.state.active
    state = run.encoding.state.undo(sample.observation.state)
    np.testing.assert_allclose(state[moving], recorded.state[step][moving], atol=1e-6)
    due = [min(step + i, 23) for i in range(16)]
    moving = run.encoding.action.active
    played = run.encoding.undo_chunk(sample.actions, recorded.state[step])
    np.testing.assert_allclose(played[:, moving], recorded.action[due][:, moving], atol=1e-6)
    assert sample.action_is_pad.tolist() == [step + i > 23 for i in range(16)]
    np.testing.assert_array_equal(sample.privileged["goal_m"], recorded.privileged_quantity("goal_in_hand_m")[step])


def test_there_are_as_many_samples_as_steps(run):
    assert len(run.samples) == sum(map(len, run.data.episodes)) == 96
    for number in (-1, 96):
        with pytest.raises(IndexError, match=f"no sample {number}; there are 96"):
            run.samples.locate(number)


def test_missing_views_are_marked(make_dataset, prepared):
    run = prepared(datasets=(make_dataset(lacking=(0, 1)),), validation_fraction=0.0)
    lacking = [episode for episode in run.data.episodes if "wrist" not in episode.cameras]
    assert len(lacking) == 2
    for number in range(0, len(run.samples), 6):
        sample, (episode, _) = run.samples[number], run.samples.locate(number)
        assert sample.observation.available.tolist() == [True, episode not in lacking]
        assert sample.observation.images[1].any() == (episode not in lacking)


@pytest.mark.parametrize("name", ["state", "action"])
def test_a_step_that_holds_no_numbers_is_named(run, name):
    episode, step = run.samples.locate(30)
    broken = getattr(episode, name).copy()
    broken[step, 3] = np.nan
    object.__setattr__(episode, name, broken)
    with pytest.raises(
        InputError, match=rf"{episode.path.name} step {step} holds nan or infinity in its {name}; leave the episode"
    ):
        run.samples[30]


def test_privileged_quantities_that_are_not_finite_are_named(run):
    broken = {"goal_m": np.array([0.0, np.inf, 0.0])}
    samples = encoded_samples(run.data.episodes, run.encoding, lambda episode, step: broken)
    with pytest.raises(InputError, match="step 6 holds nan or infinity in its goal_m"):
        samples[30]


def test_a_batch_is_its_samples(run):
    numbers = [3, 90, 41]
    batch = collate([run.samples[number] for number in numbers])
    assert batch.numbers.tolist() == numbers
    for place, number in enumerate(numbers):
        sample = run.samples[number]
        np.testing.assert_array_equal(batch.observations.images[place], sample.observation.images)
        np.testing.assert_array_equal(batch.actions[place], sample.actions)
        np.testing.assert_array_equal(batch.action_is_pad[place], sample.action_is_pad)
        assert batch.privileged.keys() == sample.privileged.keys()
        for name, value in sample.privileged.items():
            np.testing.assert_array_equal(batch.privileged[name][place], value)


def batches_of(run, workers, count=5):
    sampler = run.data.sampler(0, rank=0, world_size=1, position=16)
    batches = read_batches(run.samples, sampler, 8, workers)
    try:
        return list(itertools.islice(batches, count))
    finally:
        batches.close()


def test_the_number_of_workers_changes_nothing(run):
    for alone, together in zip(batches_of(run, 0), batches_of(run, 2), strict=True):
        assert torch.equal(alone.numbers, together.numbers)
        assert all(map(torch.equal, alone.observations, together.observations))
        assert torch.equal(alone.actions, together.actions)
        assert all(torch.equal(alone.privileged[name], together.privileged[name]) for name in alone.privileged)


def test_batches_come_in_the_samplers_order(run):
    sampler = run.data.sampler(0, rank=0, world_size=1, position=16)
    numbers = torch.cat([batch.numbers for batch in batches_of(run, 0)])
    assert numbers.tolist() == list(itertools.islice(sampler, 40))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_step_that_cannot_be_read_is_the_trainers_to_hear_of(run, monkeypatch, workers):
    def broken(number):
        raise CorruptError(f"step {number} is damaged")

    monkeypatch.setattr(type(run.samples), "__getitem__", lambda samples, number: broken(number))
    with pytest.raises(CorruptError, match=r"step \d+ is damaged") as error:
        batches_of(run, workers)
    assert "\n" not in str(error.value)
