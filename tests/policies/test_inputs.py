import numpy as np
import pytest
import torch

from hlm.policies.encoding import Encoded
from hlm.policies.inputs import inputs, stack
from hlm.policies.pixels import scale_pixels


def encoded(seed, slots=5):
    rng = np.random.default_rng(seed)
    return Encoded(
        rng.integers(0, 256, (2, 8, 12, 3), dtype=np.uint8),
        np.array([True, seed % 2 == 0]),
        rng.normal(size=34).astype(np.float32),
        rng.integers(0, 9, slots),
        np.arange(slots) < 3,
    )


def test_a_batch_is_its_samples_one_by_one():
    samples = [encoded(seed) for seed in range(3)]
    raw = stack(samples)
    for tensor, arrays in zip(raw, zip(*samples, strict=True), strict=True):
        for row, array in zip(tensor, arrays, strict=True):
            np.testing.assert_array_equal(row, array)
    assert [tensor.dtype for tensor in raw] == [torch.uint8, torch.bool, torch.float32, torch.int64, torch.bool]


def test_networks_see_scaled_pictures_and_the_rest_as_it_is():
    raw = stack([encoded(0), encoded(1)])
    seen = inputs(raw, proprioception=True, device="cpu")
    assert seen.images.shape == (2, 2, 3, 8, 12)
    torch.testing.assert_close(seen.images, scale_pixels(raw.images), rtol=0.0, atol=0.0)
    for name in ("available", "state", "tokens", "token_mask"):
        assert torch.equal(getattr(seen, name), getattr(raw, name))


@pytest.mark.parametrize("proprioception", [True, False])
def test_the_state_is_told_or_not(proprioception):
    seen = inputs(stack([encoded(0)]), proprioception=proprioception, device="cpu")
    assert (seen.state is None) == (not proprioception)


def test_augmented_pictures_take_the_place_of_the_observations():
    augmented = torch.rand(1, 2, 3, 8, 12)
    seen = inputs(stack([encoded(0)]), proprioception=True, device="cpu", augmented=augmented)
    assert torch.equal(seen.images, augmented)


def test_without_language_there_are_no_slots():
    seen = inputs(stack([encoded(0, slots=0)]), proprioception=True, device="cpu")
    assert seen.tokens.shape == seen.token_mask.shape == (1, 0)
