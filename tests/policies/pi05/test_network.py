import itertools

import pytest
import torch
from fakes_policies import weighted_mean
from lerobot.policies.pi05 import modeling_pi05
from lerobot.policies.pi05.configuration_pi05 import PI05Config

from hlm.core.errors import InputError, MismatchError
from hlm.policies.network import Batch, Prefix
from hlm.policies.pi05 import sizes
from hlm.policies.pi05.core import Core
from hlm.policies.pi05.sizes import size_of
from hlm.policies.pretrained.empty_network import without_weights

from .conftest import CAMERAS, HORIZON, FixedDraws, as_lerobot, encoding, lerobot_policy, noise_of

UNIFORM = torch.tensor([0.1, 0.5, 0.9])


def batch_of(inputs, action_is_pad=None):
    action_is_pad = torch.zeros(3, HORIZON, dtype=torch.bool) if action_is_pad is None else action_is_pad
    return Batch(inputs, noise_of(seed=7), action_is_pad, {})


def flow_time(uniform):
    return 0.001 + 0.999 * uniform ** (2 / 3)


def test_the_loss_is_lerobots(make_network, inputs):
    network, policy = make_network(), lerobot_policy(34)
    policy.model.load_state_dict(network.model.state_dict(), strict=False)
    policy.model.sample_noise = lambda shape, device: noise_of()
    policy.model.sample_time = lambda count, device: flow_time(UNIFORM)
    pictures = {f"observation.images.{name}": inputs.images[:, i] / 2 + 0.5 for i, name in enumerate(CAMERAS)}
    words = {"observation.language.tokens": inputs.tokens, "observation.language.attention_mask": inputs.token_mask}
    expected, _ = policy.forward({**pictures, **words, "action": noise_of(seed=7)}, reduction="none")
    everything = inputs._replace(available=torch.ones(3, 3, dtype=torch.bool))
    losses = network(batch_of(everything), FixedDraws(noise_of(), UNIFORM))
    torch.testing.assert_close(losses.main.values, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(losses.main.weights, torch.ones(3))
    assert not losses.others


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("steps", [1, 10])
def test_chunks_are_lerobots_prepared_or_not(make_network, inputs, count, steps):
    network = make_network()
    some = type(inputs)(*(None if tensor is None else tensor[:count] for tensor in inputs))
    expected = network.model.sample_actions(*as_lerobot(some), noise=noise_of(count), num_steps=steps)
    assert expected.abs().max() > 0.5
    torch.testing.assert_close(network.sample(some, noise_of(count), steps), expected, rtol=1e-4, atol=1e-5)
    network.prepare_sampling(torch.device("cpu"))
    assert network.sampling_info["sampling"] == "step by step"
    torch.testing.assert_close(network.sample(some, noise_of(count), steps), expected, rtol=1e-4, atol=1e-5)


def test_bfloat16_is_near_float32(make_network, inputs):
    network = make_network(dtype="bfloat16")
    exact = make_network()
    exact.load_state_dict(network.state_dict())
    expected = exact.sample(inputs, noise_of(), 4)
    for _ in range(2):
        found = network.sample(inputs, noise_of(), 4)
        assert found.dtype == torch.float32
        assert 0.0 < (found - expected).abs().max() < 0.05 * expected.abs().max()
        network.prepare_sampling(torch.device("cpu"))
    assert network.sampling_info["dtype"] == "bfloat16"


@pytest.mark.parametrize("prepared", [False, True])
def test_a_masked_view_cannot_change_its_sample_and_an_available_one_changes_that_alone(make_network, inputs, prepared):
    network = make_network()
    if prepared:
        network.prepare_sampling(torch.device("cpu"))
    before = network.sample(inputs, noise_of(), 2)
    hidden = inputs.images.clone()
    hidden[1, 0] = torch.nan
    hidden[2, 2] = 1e3
    assert torch.equal(network.sample(inputs._replace(images=hidden), noise_of(), 2), before)
    seen = inputs.images.clone()
    seen[0, 0] = seen[0, 0].flip(-1)
    after = network.sample(inputs._replace(images=seen), noise_of(), 2)
    assert not torch.allclose(after[0], before[0], atol=1e-4)
    torch.testing.assert_close(after[1:], before[1:])


def test_what_follows_the_prompt_cannot_change_anything(make_network, inputs):
    network = make_network()
    tokens = torch.where(inputs.token_mask, inputs.tokens, 3)
    after = network.sample(inputs._replace(tokens=tokens), noise_of(), 2)
    torch.testing.assert_close(after, network.sample(inputs, noise_of(), 2), rtol=0.0, atol=0.0)


def test_views_are_told_by_their_place(make_network, inputs):
    network = make_network()
    swapped = inputs._replace(images=inputs.images.flip(1), available=inputs.available.flip(1))
    assert (network.sample(swapped, noise_of(), 2) - network.sample(inputs, noise_of(), 2)).abs().max() > 1e-4


def test_actions_beyond_the_end_count_for_nothing(make_network, inputs):
    network = make_network()
    action_is_pad = torch.arange(HORIZON) >= torch.tensor([[HORIZON], [2], [1]])
    draws = FixedDraws(noise_of(), UNIFORM)
    main = network(batch_of(inputs, action_is_pad), draws).main
    torch.testing.assert_close(main.weights, torch.tensor([1.0, 2 / HORIZON, 1 / HORIZON]))
    batch = batch_of(inputs, action_is_pad)
    # Noisy actions are looked at, so only what is learnt may be told apart here.
    time = flow_time(UNIFORM)[:, None, None]
    noisy = time * draws.noise + (1 - time) * batch.actions
    error = (network.velocity(network.observe(inputs), noisy, flow_time(UNIFORM)) - draws.noise + batch.actions) ** 2
    torch.testing.assert_close(main.values[1], error[1, :2].mean())
    torch.testing.assert_close(weighted_mean(main), error[~action_is_pad].mean())


def test_flow_times_prefer_noise_as_the_paper_draws_them(make_network, inputs):
    network = make_network()
    seen = []
    network.velocity = lambda context, noisy, time: seen.append(time) or torch.zeros_like(noisy)
    many = torch.rand(3, generator=torch.Generator().manual_seed(0))
    network(batch_of(inputs), FixedDraws(noise_of(), many))
    torch.testing.assert_close(seen[0], 0.001 + 0.999 * many ** (1 / 1.5))
    # Its distribution function is that of Beta(1.5, 1).
    torch.testing.assert_close(((seen[0] - 0.001) / 0.999) ** 1.5, many)


@pytest.mark.parametrize(("checkpointing", "dtype"), list(itertools.product([False, True], ["float32", "bfloat16"])))
def test_every_weight_that_trains_gets_a_gradient(make_network, inputs, checkpointing, dtype):
    network = make_network(gradient_checkpointing=checkpointing, dtype=dtype).train()
    weighted_mean(network(batch_of(inputs), FixedDraws(noise_of(), UNIFORM)).main).backward()
    trained = {name: weight.grad for name, weight in network.named_parameters() if weight.requires_grad}
    assert [name for name, gradient in trained.items() if gradient is None or not gradient.any()] == []
    frozen = [name for name, weight in network.named_parameters() if not weight.requires_grad]
    assert all("language_model.layers.1." in name or "language_model.norm" in name for name in frozen)
    assert len(frozen) == 7


def test_gradients_do_not_depend_on_checkpointing(make_network, inputs):
    gradients = []
    for checkpointing in (False, True):
        network = make_network(gradient_checkpointing=checkpointing).train()
        weighted_mean(network(batch_of(inputs), FixedDraws(noise_of(), UNIFORM)).main).backward()
        gradients.append([weight.grad for weight in network.parameters() if weight.grad is not None])
    for plain, checkpointed in zip(*gradients, strict=True):
        torch.testing.assert_close(checkpointed, plain)


def test_a_frozen_vision_encoder_stays_as_it_is(make_network):
    network = make_network(freeze_vision=True).train()
    vision = network.model.paligemma.vision_tower
    assert not any(weight.requires_grad for weight in vision.parameters())
    assert not vision.training
    assert network.model.paligemma.multi_modal_projector.linear.weight.requires_grad


@pytest.mark.parametrize("prepared", [False, True])
@pytest.mark.parametrize("steps", [2, 10, 20])
def test_a_chunk_continues_the_one_before(make_network, inputs, prepared, steps):
    network = make_network()
    if prepared:
        network.prepare_sampling(torch.device("cpu"))
    prefix = Prefix(actions=noise_of(seed=9)[:, :5], delay=2, execution_horizon=5)
    # Whoever serves has gradients switched off for good.
    with torch.inference_mode():
        free = network.sample(inputs, noise_of(), steps)
        bound = network.sample(inputs, noise_of(), steps, prefix)
    torch.testing.assert_close(bound[:, :2], prefix.actions[:, :2])
    distance_free, distance_bound = ((chunk[:, :5] - prefix.actions).abs().mean((0, 2)) for chunk in (free, bound))
    assert (distance_bound < distance_free).all()
    assert (distance_bound.diff() >= 0).all()
    assert bound.isfinite().all()


def test_a_prefix_of_which_nothing_counts_changes_nothing(make_network, inputs):
    network = make_network()
    prefix = Prefix(actions=noise_of(seed=9), delay=0, execution_horizon=0)
    torch.testing.assert_close(network.sample(inputs, noise_of(), 3, prefix), network.sample(inputs, noise_of(), 3))


def test_a_network_prepared_for_sampling_keeps_its_weights(make_network, inputs):
    network = make_network()
    weights = network.state_dict()
    network.prepare_sampling(torch.device("cpu"))
    for change in (
        lambda: network(batch_of(inputs), FixedDraws(noise_of(), UNIFORM)),
        lambda: network.load_state_dict(weights),
    ):
        with pytest.raises(InputError, match="was prepared for sampling; load it again"):
            change()


def test_wrong_calls_are_refused(make_network, inputs):
    network = make_network()
    with pytest.raises(InputError, match="steps must be at least 1, got 0"):
        network.sample(inputs, noise_of(), 0)
    with pytest.raises(MismatchError, match=r"must be \(6, 34\), got \(6, 33\)"):
        network.sample(inputs, noise_of()[..., 1:], 1)
    with pytest.raises(MismatchError, match="3 x at most 6 x 34, got 3 x 7 x 34"):
        network.sample(inputs, noise_of(), 1, Prefix(torch.zeros(3, 7, 34), 0, 1))


def test_the_published_size_is_lerobots_without_its_language_heads(monkeypatch):
    # Two layers of eighteen show all that there is to see, in a tenth of the time.
    for module in (modeling_pi05, sizes):
        monkeypatch.setattr(module, "get_gemma_config", shallow(module.get_gemma_config))
    config = PI05Config(device="cpu", dtype="bfloat16", max_action_dim=34)
    with without_weights():
        core = Core(config, size_of("gemma_2b", "gemma_300m", (224, 224)))
        theirs = modeling_pi05.PI05Pytorch(config).state_dict()
    ours = {name: (tensor.shape, tensor.dtype) for name, tensor in core.state_dict().items()}
    heads = {name for name in theirs if "lm_head" in name}
    assert ours == {name: (tensor.shape, tensor.dtype) for name, tensor in theirs.items() if name not in heads}
    assert len(heads) == 2
    assert core.language.rotary_emb.inv_freq.dtype == torch.float32


def shallow(config_of):
    def config(variant):
        made = config_of(variant)
        made.depth = 2
        return made

    return config


@pytest.mark.parametrize(
    ("variants", "size", "text"),
    [
        (("gemma_2b", "gemma_toy"), (28, 28), "a gemma_toy action expert cannot read a gemma_2b"),
        (("gemma_toy", "gemma_toy"), (28, 42), "squares of 14 px patches, such as 224 x 224, not 28 x 42"),
        (("gemma_toy", "gemma_toy"), (30, 30), "not 30 x 30"),
    ],
)
def test_a_size_that_cannot_be_built_is_refused(variants, size, text):
    with pytest.raises(InputError, match=text):
        size_of(*variants, size)


def test_the_encoding_has_the_last_word_on_shapes(make_network):
    assert make_network().noise_shape == (HORIZON, encoding().dimensions)
