"""Laws of `hlm.core.policy.Policy`."""

from dataclasses import replace

import numpy as np
import pytest

from hlm.core.errors import HlmError
from hlm.core.policy import ActionPrefix, PolicySpec
from hlm.core.values import CameraFrame, Observation

INSTRUCTION = "put the red cup on the high shelf"


def observation_for(spec, stamp_ns=7_000_000_000, instruction=INSTRUCTION):
    """What a robot in front of a grey wall sees with the policy's cameras."""
    image = np.full((*spec.image_size, 3), 120, np.uint8)
    words = " ".join(spec.vocabulary[:3]) or instruction
    return Observation(stamp_ns, np.zeros(34), {name: CameraFrame(stamp_ns, image) for name in spec.cameras}, words)


class PolicyConformance:
    """What every policy does; a subclass gives the fixture `policy`."""

    @pytest.fixture
    def policy(self):
        raise NotImplementedError

    def test_its_spec_is_complete_and_stays(self, policy):
        before = policy.spec
        assert isinstance(before, PolicySpec)
        assert before.policy_type
        assert before.embodiment
        assert before.cameras
        policy.chunk(observation_for(before))
        assert policy.spec == before

    def test_a_chunk_is_as_its_spec_says_and_starts_at_the_observation(self, policy):
        chunk = policy.chunk(observation_for(policy.spec))
        assert chunk.stamp_ns == 7_000_000_000
        assert chunk.rate_hz == policy.spec.rate_hz
        assert chunk.actions.shape == (policy.spec.horizon, 34)
        assert np.isfinite(chunk.actions).all()

    def test_the_same_seed_gives_the_same_chunks(self, policy):
        chunks = []
        for _ in range(2):
            policy.reset(5)
            chunks.append([policy.chunk(observation_for(policy.spec, stamp_ns)).actions for stamp_ns in (0, 1)])
        np.testing.assert_array_equal(*chunks)

    def test_the_noise_of_a_later_chunk_can_be_had_at_once(self, policy):
        """So that a server can go on with anybody's noise."""
        observation = observation_for(policy.spec)
        policy.reset(5)
        first, second, third = (policy.chunk(observation).actions for _ in range(3))
        for chunks, expected in ((2, third), (0, first), (1, second)):
            policy.reset(5, chunks)
            np.testing.assert_array_equal(policy.chunk(observation).actions, expected)

    def test_a_camera_that_it_needs_must_be_there_and_an_optional_one_need_not(self, policy):
        whole = observation_for(policy.spec)
        for name in policy.spec.cameras:
            frames = {camera: frame for camera, frame in whole.frames.items() if camera != name}
            without = replace(whole, frames=frames)
            if name in policy.spec.optional_cameras:
                assert np.isfinite(policy.chunk(without).actions).all()
            else:
                with pytest.raises(HlmError, match=name):
                    policy.chunk(without)

    def test_a_prefix_is_continued_or_refused(self, policy):
        observation = observation_for(policy.spec)
        policy.reset(5)
        free = policy.chunk(observation).actions
        delay = max(1, policy.spec.horizon // 4)
        old = free + 0.3
        prefix = ActionPrefix(old, delay, 2 * delay)
        policy.reset(5)
        if policy.spec.continues_chunks:
            begun = policy.chunk(observation, prefix).actions[:delay]
            # Dimensions that never move stay where they are.
            moving = np.abs(begun - free[:delay]).max(axis=0) > 1e-6
            assert moving.any()
            assert np.abs(begun - old[:delay])[:, moving].mean() < np.abs(free - old)[:delay, moving].mean()
        else:
            with pytest.raises(HlmError, match="continue"):
                policy.chunk(observation, prefix)
