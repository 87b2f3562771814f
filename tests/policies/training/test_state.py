import pytest
import torch
from torch import nn

from hlm.core.errors import CorruptError
from hlm.policies.network import Losses, Term
from hlm.policies.training.processes import join_processes
from hlm.policies.training.state import TrainState, learning_rate, served_weights

DECAY = 0.9


class Line(nn.Module):
    """Learns to give what it is asked for; one weight has two names, another one is frozen."""

    def __init__(self, factor=1.0):
        super().__init__()
        self.first = nn.Linear(3, 3, bias=False)
        self.second = nn.Linear(3, 3, bias=False)
        self.second.weight = self.first.weight
        self.slope = nn.Parameter(torch.ones(3))
        self.frozen = nn.Parameter(torch.full((3,), 0.5), requires_grad=False)
        self.factor = factor

    def forward(self, batch, draws):
        square = (self.second(self.first(batch)) * self.slope + self.frozen - 1.0).square().mean(-1)
        others = {
            "size": Term(self.slope.abs(), torch.ones(3), self.factor),
            "figure": Term(self.slope.square(), torch.ones(3), 0.0),
        }
        return Losses(Term(square, 1.0 + torch.arange(len(batch)) % 2), others)


@pytest.fixture
def start(tiny_config):
    def make(factor=0.1, **changes):
        config = tiny_config(**{"ema_decay": DECAY, "learning_rate": 1e-2} | changes)
        torch.manual_seed(0)
        return TrainState.start(Line(factor), config, join_processes(config), bfloat16=False), config

    return make


def batch(step):
    return torch.rand(4, 3, generator=torch.Generator().manual_seed(step))


def live(state):
    return {name: weight.detach().clone() for name, weight in state.bare.state_dict().items()}


def equal(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_what_is_served_is_the_moving_average(start):
    state, config = start()
    average = live(state)
    for step in range(6):
        state.update(batch(step), None, config)
        decay = min(DECAY, (2.0 + step) / (11.0 + step))
        for name, weight in live(state).items():
            average[name] = decay * average[name] + (1.0 - decay) * weight
    served = served_weights(state.to_document())
    assert served.keys() == average.keys()
    for name, weight in served.items():
        torch.testing.assert_close(weight, average[name], rtol=1e-5, atol=1e-6, msg=name)
        if name != "frozen":
            assert not torch.equal(weight, live(state)[name]), name
    assert torch.equal(served["first.weight"], served["second.weight"])
    assert torch.equal(served["frozen"], torch.full((3,), 0.5))


def test_without_averaging_the_weights_themselves_are_served(start):
    state, config = start(ema_decay=0.0)
    state.update(batch(0), None, config)
    assert equal(served_weights(state.to_document()), live(state))


def test_the_average_is_in_the_network_while_it_is_asked_for(start):
    state, config = start()
    state.update(batch(0), None, config)
    before, served = live(state), served_weights(state.to_document())
    with state.ema_applied() as network:
        assert not network.training
        assert equal(dict(network.state_dict()), served)
    assert equal(live(state), before)
    with pytest.raises(ZeroDivisionError), state.ema_applied():
        1 / 0  # noqa: B018
    assert equal(live(state), before)


@pytest.mark.parametrize("stop", [0, 1, 4])
def test_a_state_goes_on_where_its_document_was_made(start, stop, tmp_path):
    whole, config = start()
    half, _ = start()
    for step in range(stop):
        half.update(batch(step), None, config)
    half.record({"loss": 1.5})
    torch.save(half.to_document(), tmp_path / "state.pt")
    rest, _ = start()
    rest.restore(torch.load(tmp_path / "state.pt", weights_only=True))
    assert rest.history == {"loss": [1.5]}
    for step in range(7):
        whole.update(batch(step), None, config)
    for step in range(stop, 7):
        rest.update(batch(step), None, config)
    first, second = whole.to_document(), rest.to_document()
    assert equal(first["model"], second["model"])
    assert equal(first["ema"], second["ema"])
    for name, moments in first["optimizer"]["state"].items():
        assert equal(moments, second["optimizer"]["state"][name])
    assert rest.step == 7


def test_making_a_document_changes_nothing(start):
    asked, config = start()
    alone, _ = start()
    for step in range(4):
        asked.to_document()
        asked.update(batch(step), None, config)
        alone.update(batch(step), None, config)
    assert equal(live(asked), live(alone))


def test_the_loss_is_the_sum_of_weighted_means(start):
    state, config = start(factor=0.1, ema_decay=0.0, max_grad_norm=1e9)
    state.update(batch(0), None, config)
    reference = Line(0.1)
    torch.manual_seed(0)
    reference.load_state_dict(Line(0.1).state_dict())
    terms = reference(batch(0), None)
    weights = torch.tensor([1.0, 2.0, 1.0, 2.0])
    ((terms.main.values * weights).sum() / 6.0 + 0.1 * terms.others["size"].values.mean()).backward()
    trained = dict(state.bare.named_parameters())
    for name, weight in reference.named_parameters():
        if weight.requires_grad:
            torch.testing.assert_close(trained[name].grad, weight.grad)
    assert trained["frozen"].grad is None


def test_long_gradients_are_cut(start):
    state, config = start(max_grad_norm=1e-3)
    state.update(batch(0), None, config)
    grads = [weight.grad for weight in state.bare.parameters() if weight.grad is not None]
    assert float(torch.cat([grad.flatten() for grad in grads]).norm()) == pytest.approx(1e-3, rel=1e-3)


def test_an_update_tells_its_terms(start):
    state, config = start()
    terms = state.update(batch(0), None, config)
    assert terms.keys() == {"loss", "size", "figure"}
    assert not any(term.values.requires_grad for term in terms.values())
    assert state.step == 1


@pytest.mark.parametrize("lost", ["model", "ema", "step", "history"])
def test_a_document_that_does_not_fit_is_refused(start, lost):
    state, config = start()
    state.update(batch(0), None, config)
    document = state.to_document()
    del document[lost]
    with pytest.raises(CorruptError, match="the training state does not fit this run"):
        start()[0].restore(document)


def test_a_document_of_another_network_is_refused(start):
    state, config = start()
    state.update(batch(0), None, config)
    document = state.to_document()
    document["model"] = {"other": torch.ones(2)}
    with pytest.raises(CorruptError, match="the training state does not fit this run"):
        start()[0].restore(document)


def test_the_learning_rate_warms_up_and_falls_to_its_last_share(tiny_config):
    config = tiny_config(learning_rate=2.0, warmup_steps=10, steps=100, final_learning_rate_ratio=0.03)
    assert learning_rate(0, 100, config) == pytest.approx(0.2, rel=1e-3)
    assert learning_rate(10, None, config) == 2.0
    assert learning_rate(50, 100, config) == pytest.approx(0.5 * (1.0 + 0.03) * 2.0)
    assert learning_rate(100, 100, config) == pytest.approx(0.06)
    assert learning_rate(130, 100, config) == pytest.approx(0.06)
    falling = [learning_rate(step, 100, config) for step in range(10, 100)]
    assert falling == sorted(falling, reverse=True)
    rising = [learning_rate(step, None, config) for step in range(10)]
    assert rising == sorted(rising)


def test_a_last_rate_of_one_keeps_the_learning_rate(tiny_config):
    config = tiny_config(learning_rate=2.0, warmup_steps=0, final_learning_rate_ratio=1.0)
    assert {learning_rate(step, 100, config) for step in range(100)} == {2.0}
