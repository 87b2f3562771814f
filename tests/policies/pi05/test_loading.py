import json
import shutil
from dataclasses import fields

import pytest
import safetensors.torch
import torch
from fakes_policies import weighted_mean

from hlm.core.errors import CorruptError, InputError, MismatchError, MissingFileError
from hlm.policies.network import Batch
from hlm.policies.pi05.build import build
from hlm.policies.pi05.config import Pi05Config
from hlm.policies.pi05.loading import initialise
from hlm.policies.pi05.lora import ADAPTER, merge_adapters
from hlm.policies.pi05.surgery import PROJECTIONS
from hlm.policies.pretrained.weights import locate

from .conftest import HORIZON, TOY, FixedDraws, encoding, noise_of

PALIGEMMA = "model.paligemma_with_expert.paligemma."
WORDS = f"{PALIGEMMA}model.language_model.embed_tokens.weight"
HEAD = f"{PALIGEMMA}lm_head.weight"
EXPERT_HEAD = "model.paligemma_with_expert.gemma_expert.lm_head.weight"


def settings_of(**changes):
    chosen = {item.name: getattr(TOY, item.name) for item in fields(TOY)} | {"init": "robot"}
    return Pi05Config(**(chosen | changes))


def loaded(folder, seed=0, **changes):
    config = settings_of(pretrained=str(folder), **changes)
    network = build(config, encoding(), draw=False)
    return network, initialise(network, config, seed=seed)


@pytest.fixture
def change(lerobot_folder, tmp_path):
    """A copy of the pretrained folder with other tensors in it."""

    def make(edit):
        folder = tmp_path / "changed"
        shutil.copytree(lerobot_folder, folder)
        file = folder / "model.safetensors"
        tensors = safetensors.torch.load_file(file)
        safetensors.torch.save_file(edit(dict(tensors)), file)
        return folder

    return make


@pytest.fixture
def in_file(lerobot_folder):
    return safetensors.torch.load_file(lerobot_folder / "model.safetensors")


def test_every_tensor_is_loaded_or_resized(lerobot_folder, in_file, capfd, caplog):
    network, report = loaded(lerobot_folder)
    own = network.state_dict()
    assert set(report.loaded) | set(report.resized) == own.keys()
    assert set(report.resized) == set(PROJECTIONS)
    assert not report.random
    assert set(report.ignored) == {HEAD, EXPERT_HEAD}
    assert report.origin == str(lerobot_folder)
    for name in report.loaded:
        assert torch.equal(own[name], in_file[name]), name
    assert capfd.readouterr() == ("", "")
    assert caplog.text == ""


def test_surgery_keeps_the_first_32_dimensions(lerobot_folder, in_file):
    network, report = loaded(lerobot_folder)
    own = network.state_dict()
    taken, given = own["model.action_in_proj.weight"], own["model.action_out_proj.weight"]
    assert torch.equal(taken[:, :32], in_file["model.action_in_proj.weight"])
    assert torch.equal(given[:32], in_file["model.action_out_proj.weight"])
    assert torch.equal(own["model.action_in_proj.bias"], in_file["model.action_in_proj.bias"])
    bias = own["model.action_out_proj.bias"]
    assert torch.equal(bias[:32], in_file["model.action_out_proj.bias"])
    assert torch.equal(bias[32:], torch.zeros(2))
    # Xavier's: standard deviation sqrt(2 / (2 + width)), uniform within sqrt(3) of it.
    new = torch.cat([taken[:, 32:].flatten(), given[32:].flatten()])
    deviation = (2.0 / (2 + 32)) ** 0.5
    assert new.abs().max() <= 3**0.5 * deviation
    assert 0.8 < new.std() / deviation < 1.2
    assert report.resized["model.action_in_proj.weight"] == "first 32 of 34 action dimensions; random in the others"
    assert report.resized["model.action_out_proj.bias"] == "first 32 of 34 action dimensions; 0 in the others"


def test_new_weights_depend_on_the_seed_alone(lerobot_folder):
    first, same, other = (loaded(lerobot_folder, seed=seed)[0].model.action_in_proj.weight for seed in (0, 0, 1))
    assert torch.equal(first, same)
    assert torch.equal(first[:, :32], other[:, :32])
    assert not torch.equal(first[:, 32:], other[:, 32:])


def test_random_projections_are_drawn_whole(lerobot_folder, in_file):
    network, report = loaded(lerobot_folder, action_projection="random")
    drawn = {*PROJECTIONS, "model.action_in_proj.bias"}
    assert report.random == dict.fromkeys(drawn, "action_projection=random")
    assert not report.resized
    assert drawn < set(report.ignored)
    assert not torch.equal(network.model.action_in_proj.weight[:, :32], in_file["model.action_in_proj.weight"])
    assert all(weight.isfinite().all() for weight in network.parameters())


def test_vision_language_takes_that_alone(lerobot_folder, in_file):
    network, report = loaded(lerobot_folder, init="vision_language")
    own = network.state_dict()
    assert all(name.startswith(PALIGEMMA) for name in report.loaded)
    assert all(torch.equal(own[name], in_file[name]) for name in report.loaded)
    assert own.keys() == set(report.loaded) | set(report.random)
    for name in report.random:
        assert own[name].isfinite().all()
        assert name not in in_file or not torch.equal(own[name], in_file[name])
    # A new expert begins as if it had no layers.
    layer = network.model.expert.layers[0]
    assert not layer.input_layernorm.dense.weight.any()
    assert layer.self_attn.q_proj.weight.std().item() == pytest.approx(32**-0.5, rel=0.1)


@pytest.mark.parametrize("old", [True, False])
def test_paligemma_itself_can_be_the_vision_language_model(in_file, tmp_path, old):
    names = {
        "model.language_model.": "language_model.model." if old else "model.language_model.",
        "model.vision_tower.": "vision_tower." if old else "model.vision_tower.",
        "model.multi_modal_projector.": "multi_modal_projector." if old else "model.multi_modal_projector.",
    }
    tensors = {}
    for name, tensor in in_file.items():
        for start, theirs in names.items():
            if name.startswith(PALIGEMMA + start):
                tensors[theirs + name.removeprefix(PALIGEMMA + start)] = tensor
    words = f"{names['model.language_model.']}embed_tokens.weight"
    tensors[words] = torch.cat([tensors[words], torch.full((64, 64), 9.0)])
    safetensors.torch.save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "paligemma"}))
    network, report = loaded(tmp_path, init="vision_language")
    assert report.resized == {WORDS: "first 1024 of 1088 tokens; the others stand for images"}
    assert not report.ignored
    assert len(report.loaded) + 1 == len(tensors)
    assert torch.equal(network.model.language.embed_tokens.weight, in_file[WORDS])
    with pytest.raises(MismatchError, match="holds a 'paligemma' model; init needs pi05"):
        loaded(tmp_path)


def test_random_takes_no_file():
    config = settings_of(init="random")
    networks = [build(config, encoding(), draw=False) for _ in range(3)]
    reports = [initialise(network, config, seed=seed) for network, seed in zip(networks, (0, 0, 1), strict=True)]
    states = [network.state_dict() for network in networks]
    assert reports[0].random.keys() == states[0].keys()
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())
    assert not torch.equal(states[0][WORDS], states[2][WORDS])
    assert all(tensor.isfinite().all() for tensor in states[0].values())


def test_words_may_go_by_the_name_of_the_head(change, in_file):
    def edit(tensors):
        tensors[HEAD] = tensors.pop(WORDS)
        return tensors

    network, report = loaded(change(edit))
    assert torch.equal(network.model.language.embed_tokens.weight, in_file[WORDS])
    assert WORDS in report.loaded
    assert set(report.ignored) == {EXPERT_HEAD}


def test_openpis_names_and_precision_are_understood(change, in_file):
    def edit(tensors):
        tensors = {name.removeprefix("model."): tensor.bfloat16() for name, tensor in tensors.items()}
        for part in ("in", "out"):
            for kind in ("weight", "bias"):
                tensors[f"action_time_mlp_{part}.{kind}"] = tensors.pop(f"time_mlp_{part}.{kind}")
        return tensors

    network, report = loaded(change(edit))
    assert torch.equal(network.model.time_mlp_in.weight, in_file["model.time_mlp_in.weight"].bfloat16().float())
    assert not report.random


def test_as_many_dimensions_need_no_surgery(change, in_file):
    def edit(tensors):
        for name, axis in PROJECTIONS.items():
            tensors[name] = torch.cat([tensors[name], tensors[name].narrow(axis, 0, 2)], axis)
        return tensors

    network, report = loaded(change(edit))
    assert not report.resized
    assert torch.equal(network.model.action_in_proj.weight[:, 32:], in_file["model.action_in_proj.weight"][:, :2])


def test_weights_may_lie_in_several_files(lerobot_folder, in_file, tmp_path):
    names = sorted(in_file)
    shards = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, part in shards.items():
        safetensors.torch.save_file({name: in_file[name] for name in part}, tmp_path / file)
    index = {"weight_map": {name: file for file, part in shards.items() for name in part}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    network, report = loaded(tmp_path)
    reference, _ = loaded(lerobot_folder)
    for name, tensor in reference.state_dict().items():
        assert torch.equal(network.state_dict()[name], tensor)
    assert not report.random
    (tmp_path / "b.safetensors").unlink()
    with pytest.raises(CorruptError, match=r"b\.safetensors is missing\. Copy or download it again"):
        loaded(tmp_path)


def without(name):
    return lambda tensors: {key: tensor for key, tensor in tensors.items() if key != name}


TIME = "model.time_mlp_in.weight"


@pytest.mark.parametrize(
    ("edit", "error", "text"),
    [
        (without(TIME), MismatchError, rf"tensors 1 missing \({TIME}\)\.$"),
        (lambda t: t | {"model.odd": torch.zeros(2)}, MismatchError, r"1 that pi0\.5 does not have \(model\.odd\)"),
        (lambda t: t | {TIME: torch.zeros(32, 31)}, MismatchError, r"time_mlp_in\.weight is 32 x 31, not 32 x 32"),
        (lambda t: t | {TIME: t[TIME].to(torch.int8)}, MismatchError, "is I8, not one of F32, BF16, F16"),
        (lambda t: t | {TIME: t[TIME] / 0.0}, CorruptError, "holds values that are not finite"),
        (lambda t: t | {WORDS: t[WORDS][:-1]}, MismatchError, "is 1023 x 64, not 1024 x 64"),
        (without(WORDS), MismatchError, None),
    ],
)
def test_damage_is_an_error_of_one_line(change, edit, error, text, capfd):
    if text is None:  # the head takes its place, so both have to go
        folder, text = change(lambda tensors: without(WORDS)(without(HEAD)(tensors))), f"1 missing \\({WORDS}\\)"
    else:
        folder = change(edit)
    with pytest.raises(error, match=text) as caught:
        loaded(folder)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_what_does_not_fit_changes_nothing(change):
    config = settings_of(pretrained=str(change(without(TIME))))
    network = build(config, encoding())
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(MismatchError):
        initialise(network, config, seed=3)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize("kept", [0, 4, 100, -1000])
def test_a_truncated_file_is_an_error(lerobot_folder, tmp_path, kept):
    folder = tmp_path / "cut"
    shutil.copytree(lerobot_folder, folder)
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[:kept])
    with pytest.raises(CorruptError, match=r"model\.safetensors is damaged: .*\. Copy or download it again"):
        loaded(folder)


@pytest.mark.parametrize("file", ["../model.safetensors", "/etc/passwd", "x.bin", 3])
def test_an_index_cannot_lead_elsewhere(tmp_path, file):
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": file}}))
    with pytest.raises(CorruptError, match="which is not a file next to it"):
        loaded(tmp_path)


@pytest.mark.parametrize(
    ("content", "error", "text"),
    [
        ('{"type": "pi0"}', MismatchError, "holds a 'pi0' model; init needs pi05"),
        ("{", CorruptError, "is not valid JSON"),
        ("[1]", CorruptError, "holds no JSON object"),
    ],
)
def test_another_kind_of_model_is_refused(lerobot_folder, tmp_path, content, error, text):
    folder = tmp_path / "other"
    shutil.copytree(lerobot_folder, folder)
    (folder / "config.json").write_text(content)
    with pytest.raises(error, match=text):
        loaded(folder)


def test_weights_that_are_nowhere_are_named(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(MissingFileError, match=r"file is a file; pretrained weights must be a folder"):
        loaded(tmp_path / "file")
    with pytest.raises(MissingFileError, match=r"no folder .*nothing.* and it is not a Hugging Face name"):
        loaded(tmp_path / "nothing")
    with pytest.raises(MissingFileError, match=r"has neither model\.safetensors nor model\.safetensors\.index\.json"):
        loaded(tmp_path)

    def refuse(*_, **__):
        raise OSError("no network\nat all")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    with pytest.raises(MissingFileError, match=r"\(no network\)\. Fetch .*: hf download lerobot/pi05_base"):
        locate("lerobot/pi05_base")


def test_a_model_of_hugging_face_is_a_folder_once_fetched(lerobot_folder, monkeypatch):
    asked = []
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **_: asked.append(name) or lerobot_folder)
    _, report = loaded("lerobot/pi05_base")
    assert asked == ["lerobot/pi05_base"]
    assert report.origin == "lerobot/pi05_base"


def test_without_a_name_the_published_weights_of_the_init_are_taken(lerobot_folder, monkeypatch):
    asked = []
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **_: asked.append(name) or lerobot_folder)
    for init in ("robot", "vision_language", "random"):
        config = settings_of(pretrained=None, init=init)
        initialise(build(config, encoding(), draw=False), config)
    # No robot ever moved what the latter learnt from.
    assert asked == ["lerobot/pi05_base", "google/paligemma-3b-pt-224"]


def train_a_little(network, inputs):
    batch = Batch(inputs, noise_of(seed=7), torch.zeros(3, HORIZON, dtype=torch.bool), {})
    optimizer = torch.optim.AdamW([weight for weight in network.parameters() if weight.requires_grad], lr=0.01)
    for _ in range(2):
        optimizer.zero_grad()
        loss = weighted_mean(network(batch, FixedDraws(noise_of(), torch.tensor([0.1, 0.5, 0.9]))).main)
        loss.backward()
        optimizer.step()


def test_adapters_and_projections_alone_are_trained(lerobot_folder, inputs):
    network, report = loaded(lerobot_folder, tuning="lora", lora_rank=4)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    adapters = {name for name in before if ".lora_" in name}
    # Query and value of each layer of the expert, two factors each.
    assert len(adapters) == 2 * 2 * 2
    assert set(report.random) == adapters
    train_a_little(network, inputs)
    changed = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == adapters | {*PROJECTIONS, "model.action_in_proj.bias"}
    assert changed == {name for name, weight in network.named_parameters() if weight.requires_grad}


def test_adapters_of_half_precision_weights_are_learnt_in_full(lerobot_folder, inputs):
    network, _ = loaded(lerobot_folder, tuning="lora", dtype="bfloat16")
    sorts = {ADAPTER in name: weight.dtype for name, weight in network.named_parameters() if "q_proj" in name}
    assert sorts == {True: torch.float32, False: torch.bfloat16}
    train_a_little(network.train(), inputs)
    expected = network.eval().sample(inputs, noise_of(), 2)
    merge_adapters(network)
    torch.testing.assert_close(network.sample(inputs, noise_of(), 2), expected, rtol=0.0, atol=0.05)


def test_new_adapters_change_nothing(lerobot_folder, inputs):
    adapted, plain = loaded(lerobot_folder, tuning="lora")[0], loaded(lerobot_folder)[0]
    torch.testing.assert_close(adapted.sample(inputs, noise_of(), 2), plain.sample(inputs, noise_of(), 2))


def test_adapters_can_be_merged(lerobot_folder, inputs):
    network, _ = loaded(lerobot_folder, tuning="lora")
    train_a_little(network.train(), inputs)
    expected = network.eval().sample(inputs, noise_of(), 2)
    again, _ = loaded(lerobot_folder, tuning="lora", seed=0)
    again.load_state_dict(network.state_dict())
    torch.testing.assert_close(again.eval().sample(inputs, noise_of(), 2), expected, rtol=0.0, atol=0.0)
    merge_adapters(again)
    assert again.state_dict().keys() == loaded(lerobot_folder)[0].state_dict().keys()
    torch.testing.assert_close(again.sample(inputs, noise_of(), 2), expected, rtol=1e-4, atol=1e-5)
    network.prepare_sampling(torch.device("cpu"))
    torch.testing.assert_close(network.sample(inputs, noise_of(), 2), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("what", "text"),
    [
        (
            {"tuning": "lora", "init": "random"},
            "lora needs a pretrained action expert, and init=random initialises it at random",
        ),
        ({"tuning": "lora", "init": "vision_language"}, "and init=vision_language initialises it at random"),
        ({"lora_rank": 0}, "lora_rank must be at least 1, got 0"),
        ({"token_limit": 0}, "token_limit must be at least 1, got 0"),
    ],
)
def test_settings_that_cannot_be_had_are_refused(what, text):
    with pytest.raises(InputError, match=text):
        Pi05Config(**what)
