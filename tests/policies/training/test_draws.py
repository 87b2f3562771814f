import numpy as np
import pytest
import torch

from hlm.policies.augmentation import augment
from hlm.policies.augmentation_config import AugmentationConfig
from hlm.policies.training.draws import SampleDraws


def test_a_samples_numbers_do_not_depend_on_its_batch():
    together = SampleDraws(3, [5, 6, 7])
    alone = [SampleDraws(3, [number]) for number in (5, 6, 7)]
    for kind in ("normal", "uniform", "normal"):
        for shape in ((), (4,), (2, 3)):
            batch = getattr(together, kind)(*shape)
            assert batch.shape == (3, *shape)
            assert batch.dtype == torch.float32
            assert torch.equal(batch, torch.cat([getattr(draws, kind)(*shape) for draws in alone]))


def test_two_processes_draw_what_one_would():
    whole = SampleDraws(0, range(8)).normal(5)
    halves = [SampleDraws(0, range(rank, 8, 2)).normal(5) for rank in (0, 1)]
    assert torch.equal(torch.stack(halves, 1).flatten(0, 1), whole)


@pytest.mark.parametrize("config", [AugmentationConfig.paper(), AugmentationConfig.compact()])
def test_how_a_sample_is_augmented_depends_on_its_draw_alone(config):
    images = torch.randint(0, 256, (3, 2, 16, 16, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    together = augment(images, ("head", "wrist"), config, SampleDraws(3, [5, 6, 7]))
    alone = [
        augment(images[sample : sample + 1], ("head", "wrist"), config, SampleDraws(3, [5 + sample]))
        for sample in (2, 0, 1)
    ]
    torch.testing.assert_close(together[[2, 0, 1]], torch.cat(alone), rtol=0.0, atol=1e-6)
    equal = augment(images[:1].expand(2, -1, -1, -1, -1), ("head", "wrist"), config, SampleDraws(3, [5, 6]))
    assert (equal[0] - equal[1]).abs().amax((1, 2, 3)).min() > 0.0


def test_a_second_call_goes_on():
    draws = SampleDraws(0, [1, 2])
    first, second = draws.uniform(3), draws.uniform(3)
    assert not torch.equal(first, second)
    again = SampleDraws(0, [1, 2])
    assert torch.equal(again.uniform(3), first)
    assert torch.equal(again.uniform(3), second)


@pytest.mark.parametrize("other", [SampleDraws(1, [1]), SampleDraws(0, [2]), SampleDraws(1, [0])])
def test_other_seeds_and_draws_give_other_numbers(other):
    assert (SampleDraws(0, [1]).normal(100) - other.normal(100)).abs().min() > 0.0


def test_numbers_are_what_they_are_called():
    draws = SampleDraws(0, range(200))
    normal, uniform = draws.normal(100), draws.uniform(100)
    assert float(normal.mean()) == pytest.approx(0.0, abs=0.03)
    assert float(normal.std()) == pytest.approx(1.0, abs=0.03)
    assert float(uniform.mean()) == pytest.approx(0.5, abs=0.01)
    assert 0.0 <= uniform.min() <= uniform.max() < 1.0
    # First numbers of neighbouring streams have nothing to do with each other.
    assert abs(np.corrcoef(normal[:-1, 0], normal[1:, 0])[0, 1]) < 0.25
