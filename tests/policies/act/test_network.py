import math
from dataclasses import replace

import pytest
import torch
import torchvision
from fakes_policies import weighted_mean
from lerobot.policies.act.modeling_act import ACTPolicy

from hlm.core.errors import InputError, MismatchError, MissingFileError
from hlm.policies.act import network as act
from hlm.policies.act.config import ActConfig
from hlm.policies.act.network import build, initialise
from hlm.policies.network import Prefix

NO_NOISE = torch.zeros(4, 0)


def total(losses):
    """What training minimises."""
    terms = [losses.main, *losses.others.values()]
    return sum(term.factor * weighted_mean(term) for term in terms)


def lerobot_batch(network, inputs):
    """What LeRobot's policy sees, pictures normalised as its preprocessor does."""
    pictures = inputs.images * network.image_scale + network.image_shift
    views = {
        f"observation.images.{name}": pictures[:, view]
        for view, name in enumerate(("head", "left_wrist", "right_wrist"))
    }
    return views | {"observation.state": inputs.state}


@pytest.fixture
def network(toy):
    torch.manual_seed(0)
    return build(toy.act, toy.encoding())


def test_loss_falls_on_a_fixed_batch(network, toy):
    batch = toy.batch(toy.inputs())
    total(network(batch, toy.streams(0, 1, 2, 3))).backward()
    assert all(weight.grad is not None for weight in network.parameters())
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    found = []
    for step in range(12):
        losses = network(batch, toy.streams(*range(4 * step, 4 * step + 4)))
        found.append(weighted_mean(losses.main).item())
        optimizer.zero_grad()
        total(losses).backward()
        optimizer.step()
    assert found[-1] < 0.8 * found[0]


def test_training_and_serving_are_lerobots_where_every_view_is_there(network, toy, monkeypatch):
    batch = toy.batch(toy.inputs())
    policy = ACTPolicy(network.config)
    policy.load_state_dict(network.state_dict())
    policy.train()
    latent = toy.streams(0, 1, 2, 3).normal(toy.act.latent_dim)
    monkeypatch.setattr(torch, "randn_like", lambda _: latent)
    theirs, parts = policy(
        lerobot_batch(network, batch.inputs) | {"action": batch.actions, "action_is_pad": batch.action_is_pad}
    )
    ours = network(batch, toy.streams(0, 1, 2, 3))
    assert weighted_mean(ours.main).item() == pytest.approx(parts["l1_loss"], rel=1e-5)
    assert weighted_mean(ours.others["kl"]).item() == pytest.approx(parts["kld_loss"], rel=1e-5)
    assert total(ours).item() == pytest.approx(theirs.item(), rel=1e-5)
    network.eval()
    chunk = policy.predict_action_chunk(lerobot_batch(network, batch.inputs))
    torch.testing.assert_close(network.sample(batch.inputs, NO_NOISE, 1), chunk, atol=1e-5, rtol=1e-5)


def test_each_sample_is_on_its_own(network, toy):
    inputs = toy.inputs()
    inputs.available[2, 1] = False
    batch = toy.batch(inputs)
    together = network(batch, toy.streams(0, 1, 2, 3))
    for sample in range(4):
        alone = network(toy.rows(batch, sample), toy.streams(sample))
        torch.testing.assert_close(alone.main.values[0], together.main.values[sample])
        torch.testing.assert_close(alone.others["kl"].values[0], together.others["kl"].values[sample])


def test_a_view_that_is_absent_cannot_be_seen(network, toy):
    network.eval()
    inputs = toy.inputs()
    inputs.available[1, 2] = False
    before = network.sample(inputs, NO_NOISE, 1)
    inputs.images[1, 2] = math.nan
    torch.testing.assert_close(network.sample(inputs, NO_NOISE, 1), before)
    # No black picture either: that would be something to see.
    there = inputs._replace(available=torch.ones_like(inputs.available))
    there.images[1, 2] = -1.0
    black = network.sample(there, NO_NOISE, 1)
    assert not torch.allclose(black[1], before[1])
    torch.testing.assert_close(black[[0, 2, 3]], before[[0, 2, 3]])


def test_absent_is_the_same_as_never_there(network, toy):
    network.eval()
    inputs = toy.inputs()
    inputs.available[:, 1:] = False
    alone = build(toy.act, toy.encoding(cameras=("head",))).eval()
    alone.load_state_dict(network.state_dict())
    one = inputs._replace(images=inputs.images[:, :1], available=inputs.available[:, :1])
    torch.testing.assert_close(network.sample(inputs, NO_NOISE, 1), alone.sample(one, NO_NOISE, 1))


def test_padded_and_still_actions_do_not_count(toy):
    network = build(toy.act, toy.encoding(still=(3,))).eval()
    batch = toy.batch(toy.inputs())
    draws = toy.streams(0, 1, 2, 3)
    before = network(batch, draws)
    batch.actions[1, 3:] += 5.0
    batch.actions[:, :, 3] += 5.0
    after = network(batch, draws)
    assert torch.equal(before.main.values, after.main.values)
    torch.testing.assert_close(before.main.weights, torch.tensor([1.0, 3 / 8, 1.0, 1.0]))
    assert not before.others


def test_without_proprioception_and_latent(toy):
    network = build(replace(toy.act, use_vae=False), toy.encoding(proprioception=False))
    batch = toy.batch(toy.inputs(state=False))
    losses = network(batch, toy.streams(0, 1, 2, 3))
    assert not losses.others
    assert losses.main.values.shape == (4,)
    assert not any("robot_state" in name for name in network.state_dict())
    assert network.sample(batch.inputs, NO_NOISE, 1).shape == (4, toy.horizon, 34)


def test_a_chunk_is_the_same_whatever_the_noise_and_steps(network, toy):
    network.eval()
    inputs = toy.inputs()
    assert network.noise_shape == (0,)
    first = network.sample(inputs, NO_NOISE, 1)
    assert first.shape == (4, toy.horizon, 34)
    assert torch.equal(first, network.sample(inputs, NO_NOISE, 10))


def test_cannot_continue(network, toy):
    prefix = Prefix(torch.zeros(4, 5, 34), delay=1, execution_horizon=2)
    with pytest.raises(MismatchError, match="ACT cannot continue a chunk"):
        network.sample(toy.inputs(), NO_NOISE, 1, prefix)


def test_starts_from_nothing_unless_asked(network):
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    report = initialise(network, ActConfig())
    assert report.random.keys() == before.keys()
    assert not report.loaded
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_starts_from_imagenet(network, toy, monkeypatch):
    pretrained = torchvision.models.resnet18(weights=None).state_dict()
    weights = torchvision.models.ResNet18_Weights
    monkeypatch.setattr(weights, "get_state_dict", lambda *_, **__: pretrained)
    report = initialise(network, replace(toy.act, weights="imagenet"))
    assert torch.equal(network.state_dict()["model.backbone.conv1.weight"], pretrained["conv1.weight"])
    assert report.origin == "torchvision's ResNet18_Weights.IMAGENET1K_V1"
    assert set(report.loaded) | report.random.keys() == network.state_dict().keys()
    assert all(name.startswith(act.BACKBONE) for name in report.loaded)
    assert {"model.backbone.fc.weight", "model.backbone.fc.bias", "model.backbone.bn1.num_batches_tracked"} <= set(
        report.ignored
    )


def test_without_network_there_is_no_imagenet(network, toy, monkeypatch):
    def offline(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr(torchvision.models.ResNet18_Weights, "get_state_dict", offline)
    with pytest.raises(MissingFileError, match=r"resnet18-.*\.pth cannot be fetched: no route to host"):
        initialise(network, replace(toy.act, weights="imagenet"))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"dim_model": 18}, "dim_model must be a multiple of 4 and of 2 heads, got 18"),
        ({"heads": 3}, "dim_model must be a multiple of 4 and of 3 heads, got 16"),
        ({"latent_dim": 0}, "latent_dim must be at least 1, got 0"),
        ({"dropout": 1.0}, r"dropout in \[0, 1\), got 10 and 1"),
    ],
)
def test_settings_that_cannot_be(toy, changes, text):
    with pytest.raises(InputError, match=text):
        replace(toy.act, **changes)


def test_no_weight_is_left_unset(toy):
    network = build(toy.act, toy.encoding())
    initialise(network, toy.act)
    assert all(tensor.isfinite().all() for tensor in network.state_dict().values())
