import json
import math
from dataclasses import replace
from unittest.mock import patch

import pytest
import safetensors.torch
import torch
from fakes_policies import weighted_mean
from lerobot.policies.smolvla.modeling_smolvla import SmolVLAPolicy

from hlm.core.errors import CorruptError, InputError, MismatchError, MissingFileError
from hlm.policies.checkpoint import read_checkpoint
from hlm.policies.network import Prefix
from hlm.policies.smolvla.config import SmolVLAConfig
from hlm.policies.smolvla.loading import initialise
from hlm.policies.smolvla.network import build
from hlm.policies.smolvla.tokenizer import InstructionTokenizer
from hlm.policies.trained import build_network

DIMENSIONS = 34


def lerobot_batch(inputs, cameras):
    """What LeRobot's policy sees."""
    batch = {"observation.state": inputs.state}
    for view, name in enumerate(cameras):
        batch[f"observation.images.{name}"] = inputs.images[:, view] * 0.5 + 0.5
        batch[f"observation.images.{name}_padding_mask"] = inputs.available[:, view]
    batch["observation.language.tokens"] = inputs.tokens
    batch["observation.language.attention_mask"] = inputs.token_mask
    return batch


def drawn(config, encoding):
    """A network with random weights."""
    torch.manual_seed(0)
    network = build(config, encoding)
    initialise(network, config)
    return network


@pytest.fixture
def network(toy, smolvla_config, words):
    return drawn(smolvla_config, toy.encoding(words))


@pytest.fixture
def inputs(toy):
    return toy.inputs(slots=toy.slots)


def noise_of(network, batch=4):
    return torch.randn((batch, *network.noise_shape), generator=torch.Generator().manual_seed(7))


def save_policy(folder, network, **changes):
    """A policy as LeRobot saves it."""
    folder.mkdir()
    policy = SmolVLAPolicy(network.config)
    policy.load_state_dict(network.state_dict())
    policy.save_pretrained(folder)
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    return str(folder)


def test_loss_falls_on_a_fixed_batch(network, inputs, toy):
    batch = toy.batch(inputs)
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], 3e-3)
    found = []
    for _ in range(25):
        loss = weighted_mean(network(batch, toy.streams(0, 1, 2, 3)).main)
        found.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert found[-1] < 0.8 * found[0]
    assert all((weight.grad is None) != weight.requires_grad for weight in network.parameters())
    frozen = {name.split(".")[2] for name, weight in network.named_parameters() if not weight.requires_grad}
    assert frozen == {"vlm"}


def test_every_weight_that_is_to_learn_is_reached(toy, inputs, smolvla_config, words):
    config = replace(smolvla_config, train_expert_only=False, freeze_vision_encoder=False)
    network = drawn(config, toy.encoding(words))
    weighted_mean(network(toy.batch(inputs), toy.streams(0, 1, 2, 3)).main).backward()
    trained = [name for name, weight in network.named_parameters() if weight.requires_grad]
    assert any(".vision_model." in name for name in trained)
    assert [name for name in trained if network.get_parameter(name).grad is None] == []


def test_training_and_serving_are_lerobots(network, inputs, toy):
    inputs.available[1, 2] = False
    batch = toy.batch(inputs)
    policy = SmolVLAPolicy(network.config)
    policy.load_state_dict(network.state_dict())
    seen = lerobot_batch(inputs, toy.cameras)
    draws = toy.streams(0, 1, 2, 3)
    noise, uniform = draws.normal(*network.noise_shape), draws.uniform()
    theirs, _ = policy.forward(
        seen | {"action": batch.actions, "action_is_pad": batch.action_is_pad},
        noise=noise,
        time=0.001 + 0.999 * uniform ** (2 / 3),
    )
    ours = network(batch, toy.streams(0, 1, 2, 3))
    assert weighted_mean(ours.main).item() == pytest.approx(theirs.item(), rel=1e-5)
    network.eval()
    noise = noise_of(network)
    with torch.no_grad():
        chunk = network.sample(inputs, noise, 10)
    torch.testing.assert_close(chunk, policy.predict_action_chunk(seen, noise=noise), atol=1e-5, rtol=1e-5)


def test_pictures_are_brought_to_the_size_of_the_vision_encoder_as_lerobot_does(
    network, inputs, toy, smolvla_config, words
):
    larger = build(replace(smolvla_config, resize_px=48), toy.encoding(words)).eval()
    larger.load_state_dict(network.state_dict())
    policy = SmolVLAPolicy(larger.config)
    policy.load_state_dict(network.state_dict())
    noise = noise_of(network)
    with torch.no_grad():
        chunk = larger.sample(inputs, noise, 2)
        policy.config.num_steps = 2
        theirs = policy.predict_action_chunk(lerobot_batch(inputs, toy.cameras), noise=noise)
        torch.testing.assert_close(chunk, theirs, atol=1e-5, rtol=1e-5)
        assert not torch.allclose(chunk, network.eval().sample(inputs, noise, 2))


def test_each_sample_is_on_its_own(network, inputs, toy):
    inputs.available[2, 1] = False
    batch = toy.batch(inputs)
    together = network(batch, toy.streams(0, 1, 2, 3)).main
    for sample in range(4):
        alone = network(toy.rows(batch, sample), toy.streams(sample)).main
        torch.testing.assert_close(alone.values[0], together.values[sample])


def test_a_view_that_is_absent_cannot_be_seen(network, inputs):
    network.eval()
    inputs.available[1, 2] = False
    noise = noise_of(network)
    with torch.no_grad():
        before = network.sample(inputs, noise, 2)
        inputs.images[1, 2] = math.nan
        assert torch.equal(network.sample(inputs, noise, 2), before)
        inputs.images[1, 2] = -1.0
        there = inputs._replace(available=torch.ones_like(inputs.available))
        assert not torch.allclose(network.sample(there, noise, 2)[1], before[1])


def test_without_proprioception_the_state_is_nowhere(toy, inputs, smolvla_config, words):
    network = drawn(smolvla_config, toy.encoding(words, proprioception=False)).eval()
    with torch.no_grad():
        chunk = network.sample(inputs._replace(state=None), noise_of(network), 2)
    assert chunk.shape == (4, toy.horizon, DIMENSIONS)
    assert "observation.state" not in network.config.input_features


def test_continues_what_is_being_played(network, inputs, toy):
    network.eval()
    noise = noise_of(network)
    old = 0.3 * torch.randn((4, 6, DIMENSIONS), generator=torch.Generator().manual_seed(8))
    with torch.inference_mode():
        free = network.sample(inputs, noise, 5)
        chunk = network.sample(inputs, noise, 5, Prefix(old, delay=2, execution_horizon=5))
    assert torch.equal(chunk[:, :2], old[:, :2])
    near = (chunk[:, 2:5] - old[:, 2:5]).abs().mean((0, 2))
    far = (free[:, 2:5] - old[:, 2:5]).abs().mean((0, 2))
    assert (near < 0.7 * far).all()
    assert (near.diff() > 0).all()


def test_a_prefix_that_is_all_played_and_one_of_nothing(network, inputs, toy):
    network.eval()
    noise = noise_of(network)
    old = torch.zeros(4, toy.horizon, DIMENSIONS)
    with torch.no_grad():
        whole = network.sample(inputs, noise, 3, Prefix(old, delay=toy.horizon, execution_horizon=toy.horizon))
        assert torch.equal(whole, old)
        none = network.sample(inputs, noise, 3, Prefix(old, delay=0, execution_horizon=0))
        torch.testing.assert_close(none, network.sample(inputs, noise, 3))


def test_starts_from_a_policy_of_32_dimensions(network, toy, smolvla_config, tmp_path, words):
    base = build(smolvla_config, toy.encoding(words))
    small = base.config
    small.max_state_dim = small.max_action_dim = 32
    base = type(base)(small)
    initialise(base, smolvla_config)
    source = save_policy(tmp_path / "base", base)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    report = initialise(network, replace(smolvla_config, pretrained=source))
    assert sorted(report.resized) == [
        "model.action_in_proj.weight",
        "model.action_out_proj.bias",
        "model.action_out_proj.weight",
        "model.state_proj.weight",
    ]
    assert report.resized["model.action_out_proj.weight"] == "32x24 into 34x24, the rest random"
    assert set(report.loaded) | report.resized.keys() == before.keys()
    assert not report.random
    assert not report.ignored
    now, old = network.state_dict(), base.state_dict()
    assert all(torch.equal(now[name], old[name]) for name in report.loaded)
    assert torch.equal(now["model.action_in_proj.weight"][:, :32], old["model.action_in_proj.weight"])
    assert torch.equal(now["model.action_in_proj.weight"][:, 32:], before["model.action_in_proj.weight"][:, 32:])
    assert torch.equal(now["model.action_out_proj.bias"][:32], old["model.action_out_proj.bias"])


def test_starts_from_the_vision_language_model(network, vlm, smolvla_config):
    report = initialise(network, replace(smolvla_config, load_vlm_weights=True))
    assert report.origin == str(vlm)
    assert all(name.startswith("model.vlm_with_expert.vlm.") for name in report.loaded)
    assert any(".lm_expert." in name for name in report.random)
    assert report.ignored
    assert all(".layers.2." in name for name in report.ignored)
    saved = safetensors.torch.load_file(vlm / "model.safetensors")
    found = network.state_dict()["model.vlm_with_expert.vlm.model.text_model.layers.1.mlp.up_proj.weight"]
    assert torch.equal(found, saved["model.text_model.layers.1.mlp.up_proj.weight"])


def test_starts_from_nothing_if_asked_to(network, smolvla_config):
    report = initialise(network, smolvla_config)
    assert report.random.keys() == network.state_dict().keys()


@pytest.mark.parametrize("start", ["nothing", "vlm", "policy", "smaller"])
def test_every_weight_is_set_once_and_none_is_drawn_for_a_file_to_replace(
    network, toy, smolvla_config, tmp_path, words, start
):
    config, made = smolvla_config, build(smolvla_config, toy.encoding(words))
    assert all(tensor.isnan().all() for tensor in made.state_dict().values() if tensor.is_floating_point())
    if start == "vlm":
        config = replace(smolvla_config, load_vlm_weights=True)
    elif start != "nothing":
        network.config.max_state_dim = network.config.max_action_dim = 34 if start == "policy" else 32
        base = type(network)(network.config)
        initialise(base, smolvla_config)
        config = replace(smolvla_config, pretrained=save_policy(tmp_path / start, base))
    before = torch.get_rng_state()
    initialise(made, config)
    assert all(tensor.isfinite().all() for tensor in made.state_dict().values())
    assert torch.equal(before, torch.get_rng_state()) == (start == "policy")


def test_a_checkpoint_is_loaded_without_a_draw(network, toy, smolvla_config, tmp_path):
    path = toy.write(tmp_path / "ours", "smolvla", smolvla_config)
    with (
        patch.object(torch.Tensor, "normal_", side_effect=AssertionError),
        patch.object(torch.Tensor, "uniform_", side_effect=AssertionError),
    ):
        found = build_network(read_checkpoint(path)).state_dict()
    expected = read_checkpoint(path).weights
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_random_weights_are_distributed_as_lerobots(network):
    torch.manual_seed(1)
    theirs = SmolVLAPolicy(network.config).state_dict()
    for name, ours in network.state_dict().items():
        if ours.numel() >= 256:  # Few numbers may differ by chance.
            found, expected = (weight.float().std(correction=0).item() for weight in (ours, theirs[name]))
            assert found == pytest.approx(expected, rel=0.2, abs=1e-6), name


def test_every_tensor_of_a_policy_must_have_its_place(network, smolvla_config, tmp_path):
    source = save_policy(tmp_path / "policy", network)
    file = tmp_path / "policy" / "model.safetensors"
    whole = safetensors.torch.load_file(file)
    config = replace(smolvla_config, pretrained=source)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    def refused(tensors, text):
        safetensors.torch.save_file(tensors, file)
        with pytest.raises(MismatchError, match=text):
            initialise(network, config)

    lacking = {name: tensor for name, tensor in whole.items() if name != "model.state_proj.bias"}
    refused(lacking, r"do not fit the network: 1 missing \(model\.state_proj\.bias")
    refused(whole | {"model.extra": torch.zeros(3)}, r"1 that the network does not have \(model\.extra")
    refused(
        whole | {"model.state_proj.bias": torch.zeros(31)},
        r"1 of another shape \(model\.state_proj\.bias is 31, not 32\)",
    )
    refused(
        whole | {"model.state_proj.weight": torch.zeros(32, 40)},
        r"1 of another shape \(model\.state_proj\.weight is 32x40, not 32x34\)",
    )
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    # Older versions of LeRobot kept the data's normalisation among the weights.
    old = "normalize_inputs.buffer_observation_state.mean"
    safetensors.torch.save_file(whole | {old: torch.zeros(34)}, file)
    assert initialise(network, config).ignored == {old: "normalisation of the data that it was trained on"}
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(CorruptError, match="damaged"):
        initialise(network, config)


def test_only_networks_of_the_same_make_are_taken(network, smolvla_config, tmp_path):
    for number, (changes, text) in enumerate(
        [
            ({"attention_mode": "self_attn"}, "has attention_mode = 'self_attn'; hlm supports only 'cross_attn'"),
            ({"type": "act"}, "holds a policy of type 'act', not 'smolvla'"),
        ]
    ):
        source = save_policy(tmp_path / str(number), network, **changes)
        with pytest.raises(MismatchError, match=text):
            initialise(network, replace(smolvla_config, pretrained=source))


def test_what_is_not_there(network, toy, smolvla_config, tmp_path, words):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorruptError, match=r"config\.json is missing"):
        initialise(network, replace(smolvla_config, pretrained=str(tmp_path / "empty")))
    with pytest.raises(MissingFileError, match="it is not a Hugging Face name"):
        initialise(network, replace(smolvla_config, pretrained="no folder here"))
    with pytest.raises(MissingFileError, match="no usable vision-language model in"):
        build(smolvla_config, toy.encoding(replace(words, folder=str(tmp_path / "empty"))))
    with pytest.raises(MissingFileError, match="no usable tokenizer in"):
        InstructionTokenizer.load(str(tmp_path / "empty"), 8)
    with pytest.raises(MismatchError, match="has 3 layers; vlm_layers asks for 5"):
        build(replace(smolvla_config, vlm_layers=5), toy.encoding(words))
    with pytest.raises(InputError, match="sides that are multiples of 16 px, not 40 x 40"):
        build(replace(smolvla_config, resize_px=40), toy.encoding(words))


def test_instructions_end_with_a_line_break(vlm):
    from lerobot.processor import NewLineTaskProcessorStep, TokenizerProcessorStep
    from lerobot.processor.converters import create_transition

    words = "put the red cup"
    step = TokenizerProcessorStep(tokenizer_name=str(vlm), padding="max_length", max_length=40)
    task = NewLineTaskProcessorStep()(create_transition(observation={}, complementary_data={"task": words}))
    theirs = step(task)["observation"]
    ours = InstructionTokenizer.load(str(vlm), 40).encode(words)
    mask = theirs["observation.language.attention_mask"][0].numpy()
    assert (ours.mask == mask).all()
    assert (ours.numbers[mask] == theirs["observation.language.tokens"][0].numpy()[mask]).all()
    assert not ours.numbers[~mask].any()
    again = InstructionTokenizer.load(str(vlm), 40).encode(f"{words}\n")
    assert (again.numbers == ours.numbers).all()


def test_an_empty_instruction_is_refused(vlm):
    with pytest.raises(InputError, match="the instruction is empty"):
        InstructionTokenizer.load(str(vlm), 12).encode(" ")


def test_instructions_that_are_too_long_are_not_cut(vlm):
    with pytest.raises(InputError, match=r"the instruction has \d+ tokens; the policy reads at most 4"):
        InstructionTokenizer.load(str(vlm), 4).encode("fetch the large yellow bowl")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"vlm_layers": 0}, "vlm_layers must be at least 1, got 0"),
        ({"expert_width": 0.0}, "expert_width must be positive, got 0"),
        ({"resize_px": 0}, "resize_px must be at least 1, got 0"),
    ],
)
def test_settings_that_cannot_be(changes, text):
    with pytest.raises(InputError, match=text):
        replace(SmolVLAConfig(), **changes)
