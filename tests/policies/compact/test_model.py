import pytest
import torch

from hlm.core.errors import InputError
from hlm.policies.compact.config import ArchitectureConfig
from hlm.policies.compact.model import CompactModel
from hlm.policies.compact.network_config import CompactNetworkConfig
from hlm.policies.network import Inputs

SIZE = ArchitectureConfig(
    width=32, heads=2, prefix_layers=2, expert_layers=2, channels=(8, 8), keypoints=8, tokens_per_view=2
)
CONFIG = CompactNetworkConfig(views=2, image_size=(32, 48), vocabulary_size=9, word_slots=4, architecture=SIZE)


@pytest.fixture
def model():
    torch.manual_seed(3)
    network = CompactModel(CONFIG).eval()
    # Zero-initialised modulations would hide what flows through them.
    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.3)
    return network


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(0)
    return Inputs(
        images=torch.rand(3, 2, 3, 32, 48, generator=generator) * 2 - 1,
        available=torch.ones(3, 2, dtype=torch.bool),
        state=torch.randn(3, 34, generator=generator),
        tokens=torch.randint(1, 9, (3, 4), generator=generator),
        token_mask=torch.ones(3, 4, dtype=torch.bool),
    )


def outputs(model, inputs, hidden=None):
    generator = torch.Generator().manual_seed(1)
    noisy = torch.randn(3, 12, 34, generator=generator)
    with torch.inference_mode():
        prefix = model.encode(inputs, hidden)
        return model.denoise(prefix, noisy, torch.tensor([0.1, 0.5, 0.9])), prefix.auxiliary_m


def test_pixels_of_a_masked_view_cannot_change_anything(model, inputs):
    available = torch.tensor([[True, True], [True, False], [False, True]])
    masked = inputs._replace(available=available)
    images = inputs.images.clone()
    images[~available] = 1e3
    for before, after in zip(outputs(model, masked), outputs(model, masked._replace(images=images)), strict=True):
        torch.testing.assert_close(after, before, rtol=0.0, atol=0.0)


def test_a_view_that_is_there_does_change_the_output(model, inputs):
    images = inputs.images.clone()
    images[0, 1] = images[0, 1].flip(-1)
    before, after = outputs(model, inputs)[0], outputs(model, inputs._replace(images=images))[0]
    assert (before[0] - after[0]).abs().max() > 1e-6
    torch.testing.assert_close(before[1:], after[1:])


def test_an_observation_with_all_views_is_the_same_beside_one_that_lacks_some(model, inputs):
    lacking = inputs._replace(available=torch.tensor([[True, True], [True, True], [True, False]]))
    for before, after in zip(outputs(model, inputs), outputs(model, lacking), strict=True):
        torch.testing.assert_close(after[:2], before[:2], rtol=1e-4, atol=1e-5)
        assert (after[2] - before[2]).abs().max() > 1e-6


def test_a_hidden_state_cannot_change_anything(model, inputs):
    hidden = torch.tensor([True, True, False])
    other = inputs._replace(state=inputs.state + 1.0)
    for before, after in zip(outputs(model, inputs, hidden), outputs(model, other, hidden), strict=True):
        torch.testing.assert_close(after[:2], before[:2], rtol=0.0, atol=0.0)
        assert (after[2] - before[2]).abs().max() > 1e-6


def test_without_proprioception_the_state_is_hidden_from_all(model, inputs):
    blind = outputs(model, inputs._replace(state=None))
    hidden = outputs(model, inputs, torch.ones(3, dtype=torch.bool))
    for before, after in zip(hidden, blind, strict=True):
        torch.testing.assert_close(after, before, rtol=0.0, atol=0.0)


def test_word_order_matters(model, inputs):
    turned = inputs._replace(tokens=inputs.tokens.flip(1))
    assert (outputs(model, inputs)[1] - outputs(model, turned)[1]).abs().max() > 1e-6


def test_a_repeated_prefix_gives_what_each_alone_gives(model, inputs):
    generator = torch.Generator().manual_seed(1)
    noisy = torch.randn(4, 12, 34, generator=generator)
    time = torch.tensor([0.1, 0.3, 0.5, 0.7])
    prefix = model.encode(inputs)
    together = model.denoise(prefix.repeat(2, 2), noisy, time)
    alone = [
        model.denoise(
            model.encode(Inputs(*(part if part is None else part[i // 2 : i // 2 + 1] for part in inputs))),
            noisy[i : i + 1],
            time[i : i + 1],
        )
        for i in range(4)
    ]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)


def test_the_default_network_has_about_four_million_parameters():
    config = CompactNetworkConfig(views=2, image_size=(96, 96), vocabulary_size=20, word_slots=8)
    assert 3.5e6 < sum(weight.numel() for weight in CompactModel(config).parameters()) < 4.5e6


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ({"views": 0}, "at least one camera"),
        ({"image_size": (96, 100)}, r"multiples of 8 from 16 px on, got \[96, 100\]"),
    ],
)
def test_a_network_that_cannot_be_built_is_refused(what, text):
    settings = {"views": 1, "image_size": (32, 32), "vocabulary_size": 3, "word_slots": 2}
    with pytest.raises(InputError, match=text):
        CompactNetworkConfig(**(settings | what))


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ({"width": 50}, "multiple of the 6 heads"),
        ({"width": 0}, "width must be at least 1, got 0"),
        ({"heads": 0}, "heads must be at least 1, got 0"),
        ({"tokens_per_view": 0}, "tokens_per_view must be at least 1, got 0"),
        ({"expert_layers": 0}, "expert_layers must be at least 1, got 0"),
        ({"channels": (12, 64)}, "channels must be multiples of 8"),
        ({"keypoints": 30}, "multiple of 4 tokens per view"),
    ],
)
def test_a_size_that_cannot_be_built_is_refused(what, text):
    with pytest.raises(InputError, match=text):
        ArchitectureConfig(**what)
