import numpy as np
import pytest
import torch

from hlm.core.errors import InputError, MismatchError
from hlm.core.layout import RIGHT_ARM
from hlm.core.values import CameraFrame
from hlm.datasets.reader import open_dataset
from hlm.policies.registry import load_policy
from hlm.policies.training.batches import plain_batch
from hlm.policies.training.trainer import train


@pytest.fixture
def policy(trained_path):
    torch.set_num_threads(1)
    return load_policy(trained_path)


def test_a_chunk_starts_at_the_observation_and_has_the_horizon(policy, observe):
    observation = observe(row=5)
    chunk = policy.chunk(observation)
    assert chunk.stamp_ns == observation.stamp_ns
    assert chunk.rate_hz == policy.rate_hz == 30.0
    assert chunk.actions.shape == (policy.horizon, 34)
    assert np.isfinite(chunk.actions).all()


def test_the_same_seed_gives_the_same_chunks(trained_path, observe):
    first, second = load_policy(trained_path, seed=4), load_policy(trained_path)
    second.reset(4)
    for row in (0, 3):
        np.testing.assert_array_equal(first.chunk(observe(row)).actions, second.chunk(observe(row)).actions)


def test_noise_differs_from_chunk_to_chunk_and_seed_to_seed(trained_path, observe):
    policy = load_policy(trained_path, seed=0)
    first, second = policy.chunk(observe()).actions, policy.chunk(observe()).actions
    policy.reset(1)
    third = policy.chunk(observe()).actions
    assert np.abs(first - second).max() > 0.0
    assert np.abs(first - third).max() > 0.0


def test_inactive_dimensions_are_constant_in_every_chunk(policy, observe):
    moving = np.zeros(34, bool)
    moving[[RIGHT_ARM.start, RIGHT_ARM.start + 1]] = True
    actions = policy.chunk(observe()).actions
    assert not actions[:, ~moving].any()
    assert actions[:, moving].std(axis=0).min() > 0.0


def test_serving_and_training_build_the_same_tensors_from_a_row(prepared, trained_path, observe):
    run = prepared()
    policy = load_policy(trained_path)
    recorded = run.sources.training[0]
    number = [episode.number for episode in open_dataset(run.config.datasets[0])].index(recorded.number)
    served = policy.inputs(observe(row=7, episode=number))
    trained = plain_batch(run.data, torch.tensor([7])).inputs
    for name in ("images", "words", "state"):
        torch.testing.assert_close(getattr(served, name), getattr(trained, name), rtol=0.0, atol=0.0)
    assert served.available is trained.available is None


def test_serving_and_training_agree_when_pictures_are_resized(tiny_config, prepared, observe):
    run = prepared(image_size=(16, 16))
    policy = load_policy(train(tiny_config(image_size=(16, 16), steps=1)))
    number = run.sources.training[0].number
    served = policy.inputs(observe(row=2, episode=number)).images
    assert served.shape == (1, 2, 3, 16, 16)
    torch.testing.assert_close(served, plain_batch(run.data, torch.tensor([2])).inputs.images, rtol=0.0, atol=0.0)
    assert policy.image_size == (32, 32)


def test_an_unknown_word_is_refused(policy, observe):
    with pytest.raises(InputError, match="does not know 'green'"):
        policy.chunk(observe(instruction="put the green cup on the shelf"))


def test_a_missing_camera_is_refused(policy, observe):
    with pytest.raises(MismatchError, match="needs cameras head, wrist; the observation has head"):
        policy.chunk(observe(wrist=None))


def test_another_picture_size_is_refused(policy, observe):
    small = CameraFrame(0, np.zeros((16, 24, 3), np.uint8))
    with pytest.raises(MismatchError, match=r"camera 'head' delivers 16x24 px .* needs 32x32"):
        policy.chunk(observe(head=small))


def test_a_camera_that_the_policy_does_not_know_changes_nothing(policy, observe):
    extra = CameraFrame(0, np.zeros((8, 8, 3), np.uint8))
    before = policy.chunk(observe()).actions
    policy.reset(0)
    np.testing.assert_array_equal(policy.chunk(observe(third=extra)).actions, before)


def test_a_camera_that_training_sometimes_lacked_may_be_missing(make_dataset, tiny_config, observe):
    path = make_dataset(lacking=(0, 1))
    policy = load_policy(train(tiny_config(datasets=(path,), steps=2, seed=2)))
    assert policy.chunk(observe(wrist=None)).actions.shape == (16, 34)
    with pytest.raises(MismatchError, match="the observation has none"):
        policy.chunk(observe(wrist=None, head=None))


def test_no_euler_step_is_refused(trained_path):
    with pytest.raises(InputError, match="euler_steps must be at least 1"):
        load_policy(trained_path, euler_steps=0)
