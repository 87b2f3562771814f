import pytest
import torch
from fakes_policies import weighted_mean

from hlm.core.layout import DIMENSIONS
from hlm.policies.compact.config import ArchitectureConfig, ObjectiveConfig
from hlm.policies.compact.network import AUXILIARY_KNEE_M, CompactNetwork, auxiliary_loss, prefix_weights
from hlm.policies.compact.network_config import CompactNetworkConfig
from hlm.policies.network import Batch, Inputs, Prefix
from hlm.policies.training.draws import SampleDraws
from hlm.policies.transforms.spline import SplineBasis

SIZE = ArchitectureConfig(
    width=32, heads=2, prefix_layers=1, expert_layers=1, channels=(8, 8), keypoints=8, tokens_per_view=2, coefficients=6
)
HORIZON = 12
BATCH = 5
ACTIVE = torch.arange(DIMENSIONS) % 3 > 0
# Which candidate each sample is about, of how many; the last one is not located.
ASKED, CANDIDATES = [0, 1, 2, 0, 0], [2, 3, 3, 2, 1]
UNDECIDED = [True, True, True, False, False]


@pytest.fixture
def make():
    def network(**objective):
        torch.manual_seed(3)
        config = CompactNetworkConfig(views=2, image_size=(16, 16), vocabulary_size=9, word_slots=2, architecture=SIZE)
        made = CompactNetwork(config, ObjectiveConfig(**objective), SplineBasis(HORIZON, 6), ACTIVE, ACTIVE)
        # Zero-initialised modulations would hide what flows through them.
        for parameter in made.parameters():
            if not parameter.any():
                torch.nn.init.normal_(parameter, std=0.3)
        return made

    return network


@pytest.fixture
def batch():
    numbers = torch.Generator().manual_seed(0)
    tokens = torch.arange(1, 7).view(1, 3, 2).expand(BATCH, -1, -1) + torch.arange(BATCH).view(-1, 1, 1) % 3
    asked = torch.tensor(ASKED)
    inputs = Inputs(
        images=2.0 * torch.rand(BATCH, 2, 3, 16, 16, generator=numbers) - 1.0,
        available=torch.ones(BATCH, 2, dtype=torch.bool),
        state=torch.randn(BATCH, DIMENSIONS, generator=numbers) * ACTIVE,
        tokens=tokens[torch.arange(BATCH), asked],
        token_mask=torch.ones(BATCH, 2, dtype=torch.bool),
    )
    privileged = {
        "candidate_tokens": tokens,
        "candidate_m": torch.rand(BATCH, 3, 3, generator=numbers),
        "goal_m": torch.rand(BATCH, 3, generator=numbers),
        "candidate": asked,
        "candidate_count": torch.tensor(CANDIDATES),
        "located": torch.tensor([True] * 4 + [False]),
        "undecided": torch.tensor(UNDECIDED),
        "deciding": torch.tensor([True, True, False, False, False]),
    }
    actions = torch.randn(BATCH, HORIZON, DIMENSIONS, generator=numbers) * ACTIVE
    return Batch(inputs, actions, torch.zeros(BATCH, HORIZON, dtype=torch.bool), privileged)


def draws(seed=0, samples=range(BATCH)):
    return SampleDraws(seed, list(samples))


def rows(batch, *numbers):
    """Some samples of a batch."""
    chosen = list(numbers)
    inputs = Inputs(*(part[chosen] for part in batch.inputs))
    privileged = {name: values[chosen] for name, values in batch.privileged.items()}
    return Batch(inputs, batch.actions[chosen], batch.action_is_pad[chosen], privileged)


def encoded(network, batch, monkeypatch, seed=0):
    """The observations that a loss is computed of."""
    seen, encode = [], network.encode
    monkeypatch.setattr(network, "encode", lambda inputs, hidden=None: seen.append(inputs) or encode(inputs, hidden))
    network(batch, draws(seed))
    return seen[0]


def candidates_in(seen, batch, sample):
    """Which candidates of a sample are asked for beyond the demonstrated one."""
    same = (seen.images[BATCH:] == batch.inputs.images[sample]).flatten(1).all(1)
    tokens = batch.privileged["candidate_tokens"][sample]
    return [int((tokens == asked).all(1).nonzero()) for asked in seen.tokens[BATCH:][same]]


def test_every_sample_is_demonstrated_and_undecided_ones_are_counterfactual_too(make, batch, monkeypatch):
    seen = encoded(make(counterfactual=1.0).train(), batch, monkeypatch)
    assert torch.equal(seen.tokens[:BATCH], batch.inputs.tokens)
    assert torch.equal(seen.images[:BATCH], batch.inputs.images)
    for sample in range(BATCH):
        others = candidates_in(seen, batch, sample)
        assert len(others) == UNDECIDED[sample]
        assert all(other != ASKED[sample] and other < CANDIDATES[sample] for other in others)


def test_every_other_candidate_is_asked_for_equally_often(make, batch, monkeypatch):
    network, counts = make(counterfactual=1.0).eval(), torch.zeros(3)
    for seed in range(60):
        with monkeypatch.context() as patch, torch.inference_mode():
            for other in candidates_in(encoded(network, batch, patch, seed), batch, 2):
                counts[other] += 1
    # A fair coin that is thrown 60 times shows a side 30 times, give or take 4.
    assert counts[2] == 0
    assert counts.sum() == 60
    assert 15 < counts[0] < 45


def test_counterfactual_samples_are_as_many_as_the_objective_says(make, batch):
    network, counts = make(counterfactual=0.75).train(), 0
    with torch.inference_mode():
        for seed in range(60):
            counts += len(network(batch, draws(seed)).others["other_error_cm"].values)
    # Of 180 undecided samples, 135 give or take 6.
    assert 110 < counts < 160
    assert not len(make(counterfactual=0.0).train()(batch, draws()).others["other_error_cm"].values)


def test_counterfactual_samples_train_only_the_head_that_says_where_the_target_is(make, batch):
    plain, swapped = (make(counterfactual=share).train()(batch, draws()) for share in (0.0, 1.0))
    torch.testing.assert_close(plain.main.values, swapped.main.values, rtol=1e-5, atol=1e-6)
    assert len(plain.main.values) == len(swapped.main.values) == BATCH
    assert len(plain.others["auxiliary"].values) == BATCH
    assert len(swapped.others["auxiliary"].values) == BATCH + sum(UNDECIDED)


def test_the_head_learns_where_the_candidate_of_the_words_is(make, batch, monkeypatch):
    network = make(counterfactual=1.0).train()
    seen = encoded(network, batch, monkeypatch)
    others = [candidates_in(seen, batch, sample)[0] for sample in range(3)]
    asked = torch.tensor([*ASKED, *others])
    samples = torch.tensor([*range(BATCH), 0, 1, 2])
    target_m = torch.cat([batch.privileged["candidate_m"][samples, asked], batch.privileged["goal_m"][samples]], 1)
    monkeypatch.undo()

    def encode(inputs, hidden=None):
        known = CompactNetwork.encode(network, inputs, hidden)
        return known._replace(auxiliary_m=target_m + 0.01)

    monkeypatch.setattr(network, "encode", encode)
    losses = network(batch, draws())
    for name in ("asked_error_cm", "other_error_cm"):
        torch.testing.assert_close(losses.others[name].values, torch.ones_like(losses.others[name].values))
    assert float(weighted_mean(losses.others["auxiliary"])) == pytest.approx(
        float(auxiliary_loss(target_m[:1] + 0.01, target_m[:1])[0]), rel=1e-4
    )


def test_steps_that_decide_count_more_while_training(make, batch):
    network = make(deciding_weight=5.0).train()
    losses = network(batch, draws())
    assert losses.main.weights.tolist() == [5.0, 5.0, 1.0, 1.0, 1.0]
    # Where nothing is located, there is nothing to learn about targets.
    assert losses.others["auxiliary"].weights[:BATCH].tolist() == [5.0, 5.0, 1.0, 1.0, 0.0]
    # Counterfactual samples count as their rows do.
    assert losses.others["auxiliary"].weights[BATCH:].tolist() == [5.0, 5.0, 1.0]
    assert losses.others["auxiliary"].factor == 0.5
    assert network.eval()(batch, draws()).main.weights.tolist() == [1.0] * 5


def test_figures_are_not_minimised(make, batch):
    losses = make().train()(batch, draws())
    assert losses.main.factor == 1.0
    for name in ("data_error", "asked_error_cm", "other_error_cm"):
        assert losses.others[name].factor == 0.0
        assert not losses.others[name].values.requires_grad


def test_every_weight_learns(make, batch):
    network = make().train()
    losses = network(batch, draws())
    sum(weighted_mean(term) * term.factor for term in (losses.main, *losses.others.values())).backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0.0, name


def test_a_sample_of_a_loss_does_not_depend_on_the_others(make, batch):
    network = make().train()
    together = network(batch, draws()).main.values
    alone = [network(rows(batch, sample), draws(samples=[sample])).main.values for sample in range(BATCH)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)


def test_a_withheld_state_cannot_change_the_loss(make, batch):
    other = batch._replace(inputs=batch.inputs._replace(state=batch.inputs.state + 1.0))
    blind, seeing = make(state_dropout=1.0).train(), make(state_dropout=0.0).train()
    assert torch.equal(blind(batch, draws()).main.values, blind(other, draws()).main.values)
    assert (seeing(batch, draws()).main.values - seeing(other, draws()).main.values).abs().max() > 1e-6


def test_the_state_is_withheld_as_often_as_the_objective_says(make, batch, monkeypatch):
    network, hidden = make(state_dropout=0.3, counterfactual=0.0).train(), []
    encode = network.encode
    monkeypatch.setattr(network, "encode", lambda inputs, off=None: hidden.append(off) or encode(inputs, off))
    with torch.inference_mode():
        for seed in range(60):
            network(batch, draws(seed))
    # Of 300 samples, 90 give or take 8.
    assert 60 < int(torch.cat(hidden).sum()) < 120


def test_noise_spares_parts_of_the_state_that_do_not_move(make, batch, monkeypatch):
    seen = encoded(make(state_noise=1.0, counterfactual=0.0).train(), batch, monkeypatch)
    assert not seen.state[:, ~ACTIVE].any()
    noise = (seen.state - batch.inputs.state)[:, ACTIVE]
    assert noise.std() == pytest.approx(1.0, abs=0.2)


def test_nothing_is_perturbed_in_evaluation_and_all_that_is_undecided_is_counterfactual(make, batch, monkeypatch):
    seen = encoded(make(state_noise=1.0, state_dropout=1.0, counterfactual=0.0).eval(), batch, monkeypatch)
    assert torch.equal(seen.state[:BATCH], batch.inputs.state)
    assert len(seen.tokens) == BATCH + sum(UNDECIDED)


def test_without_proprioception_there_is_no_state_to_perturb(make, batch, monkeypatch):
    blind = batch._replace(inputs=batch.inputs._replace(state=None))
    network = make(state_noise=1.0, state_dropout=1.0).train()
    calls, encode = [], network.encode
    monkeypatch.setattr(network, "encode", lambda *given: calls.append(given) or encode(*given))
    assert torch.isfinite(network(blind, draws()).main.values).all()
    ((inputs, hidden),) = calls
    assert (inputs.state, hidden) == (None, None)


def test_a_perfect_prediction_costs_nothing(make, batch, monkeypatch):
    network = make(flow_draws=3).train()
    data = (network.projection @ batch.actions).repeat_interleave(3, 0)
    monkeypatch.setattr(network, "denoise", lambda prefix, noisy, time: data)
    losses = network(batch, draws())
    assert not losses.main.values.any()
    assert not losses.others["data_error"].values.any()


def test_the_loss_of_several_flow_draws_is_their_mean(make, batch, monkeypatch):
    network = make(flow_draws=4).train()
    monkeypatch.setattr(network, "denoise", lambda prefix, noisy, time: noisy)
    told = []
    monkeypatch.setattr("hlm.policies.compact.network.flow_weights", lambda time: told.append(time) or time)
    assert len(network(batch, draws()).main.values) == BATCH
    assert told[0].shape == (4 * BATCH,)
    assert len(set(told[0].tolist())) == 4 * BATCH


def test_samples_are_smooth_chunks_that_stay_still_where_actions_do(make, batch):
    network = make().eval()
    noise = torch.randn(BATCH, *network.noise_shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        chunks = network.sample(batch.inputs, noise, 3)
        alone = network.sample(rows(batch, 2).inputs, noise[2:3], 3)
    assert chunks.shape == (BATCH, HORIZON, DIMENSIONS)
    assert not chunks[..., ~ACTIVE].any()
    assert chunks[..., ACTIVE].abs().min() > 0.0
    torch.testing.assert_close(network.spline @ (network.projection @ chunks), chunks, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(alone[0], chunks[2], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("steps", [1, 4])
def test_samples_come_from_the_network_that_is_trained(make, batch, steps):
    network = make().eval()
    noise = torch.randn(BATCH, *network.noise_shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        sampled = network.sample(batch.inputs, noise, steps)
        known, point = network.encode(batch.inputs), noise * ACTIVE
        for step in range(steps):
            data = network.denoise(known, point, torch.full((BATCH,), step / steps)) * ACTIVE
            point = point + (data - point) / (steps - step)
    torch.testing.assert_close(sampled, network.spline @ point, rtol=1e-4, atol=1e-5)


def test_a_prefix_of_no_weight_changes_nothing(make, batch):
    network = make().eval()
    noise = torch.randn(BATCH, *network.noise_shape)
    actions = torch.ones(BATCH, HORIZON, DIMENSIONS)
    with torch.inference_mode():
        free = network.sample(batch.inputs, noise, 3)
        held = network.sample(batch.inputs, noise, 3, Prefix(actions, 0, 0))
    torch.testing.assert_close(held, free, rtol=0.0, atol=0.0)


def test_the_first_actions_are_drawn_to_the_prefix(make, batch):
    network = make().eval()
    noise = torch.randn(BATCH, *network.noise_shape, generator=torch.Generator().manual_seed(0))
    old = torch.full((BATCH, 8, DIMENSIONS), 3.0)
    with torch.inference_mode():
        free = network.sample(batch.inputs, noise, 3)[..., ACTIVE]
        held = network.sample(batch.inputs, noise, 3, Prefix(old, 6, 8))[..., ACTIVE]
    assert ((held - 3.0).abs().mean(-1) < 0.3 * (free - 3.0).abs().mean(-1))[:, :5].all()
    # The further into the chunk, the less it resembles the old one.
    away = (held - 3.0).abs().mean((0, 2))
    assert away[-1] > 3.0 * away[:5].max()


@pytest.mark.parametrize(("length", "delay", "execute"), [(12, 0, 8), (12, 3, 8), (12, 8, 8), (5, 3, 9), (12, 0, 0)])
def test_prefix_weights_are_one_during_the_delay_and_fall_to_zero(length, delay, execute):
    weights = prefix_weights(length, delay, execute)
    assert weights.shape == (length,)
    assert (weights[:delay] == 1.0).all()
    assert (weights[delay:execute] < 1.0).all()
    assert (weights[delay:execute] > 0.0).all()
    assert (weights[max(delay, execute) :] == 0.0).all()
    assert (weights.diff() <= 0.0).all()


def test_prefix_weights_are_those_of_the_paper():
    # Black, Galliker, Levine 2025, equation 5, with d = 2 and an end at 6.
    left = (6.0 - torch.arange(2.0, 6.0)) / 5.0
    expected = left * (left.exp() - 1.0) / (torch.e - 1.0)
    torch.testing.assert_close(prefix_weights(8, 2, 6)[2:6], expected)


def test_the_auxiliary_loss_is_quadratic_within_two_centimetres_and_linear_beyond():
    def loss(wrong_m):
        return float(auxiliary_loss(torch.full((1, 6), wrong_m), torch.zeros(1, 6))[0])

    assert loss(AUXILIARY_KNEE_M / 2) == pytest.approx(loss(AUXILIARY_KNEE_M) / 4)
    assert loss(0.3) - loss(0.2) == pytest.approx(loss(0.2) - loss(0.1))
