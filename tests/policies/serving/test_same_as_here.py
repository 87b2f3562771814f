"""A served policy and the same one in this process, from the same seed."""

import threading

import numpy as np
import pytest

from hlm.core.values import CameraFrame, Observation
from hlm.datasets.reader import open_dataset
from hlm.policies.trained import load_policy
from hlm.runtime.chunks.schedulers import ChunkConfig
from hlm.runtime.policy_source import PolicySource

STEPS, RATE_HZ = 40, 30.0


@pytest.fixture
def seen_at(dataset_path):
    """What a robot sees at a step, in a state."""
    episode = open_dataset(dataset_path).episodes[0]
    images = {name: episode.images(name, range(5)) for name in episode.cameras}

    def make(step, state=None):
        stamp_ns = round(step * 1e9 / RATE_HZ)
        frames = {name: CameraFrame(stamp_ns, recorded[step % 5]) for name, recorded in images.items()}
        return Observation(stamp_ns, episode.state[0] if state is None else state, frames, episode.info.instruction)

    return make


@pytest.fixture
def served(serve, trained_path):
    """The address of the trained policy."""
    policy = load_policy(trained_path)
    policy.entered = policy.gate = threading.Event()  # `serve` is made for fakes
    return serve(policy).url


def references(policy, seen_at, seed, between=lambda: None):
    """[step, 34] what a policy asks of a robot that does exactly that."""
    policy.reset(seed)
    source, asked = PolicySource(policy, ChunkConfig(execution_horizon=3, blend=2)), []
    for step in range(STEPS):
        asked.append(source.reference(seen_at(step, asked[-1] if asked else None)).vector)
        between()
    return np.array(asked)


def test_the_rollout_is_the_same_to_the_last_bit(served, connect, seen_at, trained_path):
    here, client, other = load_policy(trained_path), connect(served, timeout_s=10.0), connect(served, timeout_s=10.0)
    assert client.spec == here.spec
    expected = references(here, seen_at, seed=11)
    np.testing.assert_array_equal(references(client, seen_at, seed=11), expected)
    other.reset(5)
    interrupted = references(client, seen_at, seed=11, between=lambda: other.chunk(seen_at(0)))
    np.testing.assert_array_equal(interrupted, expected)
    assert not np.array_equal(references(client, seen_at, seed=12), expected)
