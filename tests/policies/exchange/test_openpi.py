"""Folders as openpi's `train_pytorch.py` writes them, of a toy that LeRobot's own network computes."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from lerobot.policies.pi05.configuration_pi05 import PI05Config
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import nn
from transformers import PreTrainedTokenizerFast

from hlm.cli.main import main
from hlm.core.errors import CorruptError, InputError, MismatchError, MissingFileError
from hlm.core.layout import DIMENSIONS, GRIPPERS, NAMES, ROOT
from hlm.core.values import CameraFrame, Observation
from hlm.policies.checkpoint import read_checkpoint
from hlm.policies.exchange.opening import open_policy
from hlm.policies.exchange.openpi import import_openpi, open_openpi
from hlm.policies.exchange.openpi_folder import OpenpiOptions, is_openpi, read_statistics
from hlm.policies.pi05.core import Core, make_core
from hlm.policies.pi05.sizes import size_of
from hlm.policies.trained import TrainedPolicy, load_policy

SIDE, HORIZON, WORDS = 28, 6, 1024
ROBOT = {"embodiment": "unitree_g1", "rate_hz": 30.0}
CAMERAS = ("head", "left_wrist", "right_wrist")
TASK = "put the red cup on the high shelf"
# The last one moved less than 0.04 in training: OpenHLM's statistics say 0 and 1 there.
STILL = NAMES.index("root_yaw_rate")


@dataclass(frozen=True)
class Theirs:
    """A folder of openpi, and what is in it.

    Attributes:
        folder: the folder.
        core: the network, which LeRobot computes.
        stats: openpi's statistics.
        tokenizer: the tokenizer.
    """

    folder: Path
    core: Core
    stats: dict
    tokenizer: PreTrainedTokenizerFast

    def actions(self, observation, noise, steps):
        """[time, 34] actions as openpi computes them: its transforms, by its formulas, around LeRobot's network."""
        state, actions = (self.stats[name] for name in ("state", "actions"))
        low, high = np.asarray(state["q01"]), np.asarray(state["q99"])
        normalised = (observation.state - low) / (high - low + 1e-6) * 2.0 - 1.0
        bins = np.digitize(normalised, np.linspace(-1, 1, 257)[:-1]) - 1
        prompt = f"Task: {observation.instruction}, State: {' '.join(map(str, bins))};\nAction: "
        tokens = torch.tensor([self.tokenizer(prompt)["input_ids"]])
        views, present = [], []
        for camera in CAMERAS:
            image = observation.frames[camera].image if camera in observation.frames else np.zeros((SIDE, SIDE, 3))
            views.append(torch.tensor(image / 255.0 * 2.0 - 1.0, dtype=torch.float32).permute(2, 0, 1)[None])
            present.append(torch.tensor([camera != "head" or bool(np.any(image > 0))]))
        seen = torch.ones(tokens.shape, dtype=torch.bool)
        sampled = self.core.sample_actions(views, present, tokens, seen, noise=noise, num_steps=steps)[0].numpy()
        low, high = np.asarray(actions["q01"]), np.asarray(actions["q99"])
        return (sampled + 1.0) / 2.0 * (high - low + 1e-6) + low


def network(dimensions):
    config = PI05Config(
        device="cpu",
        chunk_size=HORIZON,
        n_action_steps=HORIZON,
        max_action_dim=dimensions,
        image_resolution=(SIDE, SIDE),
    )
    core = make_core(config, size_of("gemma_toy", "gemma_toy", (SIDE, SIDE)))
    both = core.paligemma_with_expert
    both.paligemma.lm_head = nn.Linear(64, WORDS, bias=False)
    both.paligemma.lm_head.weight = core.language.embed_tokens.weight
    both.gemma_expert.lm_head = nn.Linear(32, WORDS, bias=False)
    random = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in core.parameters():
            weight.copy_(0.15 * torch.randn(weight.shape, generator=random))
    return core.eval()


def statistics(seed):
    rng = np.random.default_rng(seed)
    middle = np.linspace(-0.8, 0.8, DIMENSIONS)
    low, high = middle - rng.uniform(0.1, 0.6, DIMENSIONS), middle + rng.uniform(0.1, 0.6, DIMENSIONS)
    low[STILL], high[STILL] = 0.0, 1.0
    figures = {"mean": middle, "std": (high - low) / 4, "q01": low, "q99": high}
    return {name: values.tolist() for name, values in figures.items()}


def make_tokenizer():
    """A token a word and a token a number, as many as PaliGemma's prompts may have."""
    marks = ["<pad>", "<eos>", "<bos>", "<unk>"]
    words = [*TASK.split(), *["Task", "State", "Action", ":", ",", ";"], *map(str, range(-1, 256))]
    vocabulary = {word: number for number, word in enumerate(dict.fromkeys(marks + words))}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), *(pre_tokenizers.Split(mark, "isolated") for mark in ":,;")]
    )
    inner.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 2)])
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", eos_token="<eos>", bos_token="<bos>", unk_token="<unk>"
    )


def write_stats(folder, stats, asset="OpenHLM/example"):
    file = folder / "assets" / asset / "norm_stats.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"norm_stats": stats}))


@pytest.fixture(scope="module")
def made():
    return network(DIMENSIONS), make_tokenizer()


@pytest.fixture
def theirs(tmp_path, made):
    """A folder like `checkpoints/openhlm_example/EXPERIMENT/STEP`, and a tokenizer in it."""
    core, tokenizer = made
    folder = tmp_path / "30000"
    folder.mkdir()
    # openpi's own call: of the tied embedding and language head it keeps one.
    safetensors.torch.save_model(core, str(folder / "model.safetensors"))
    (folder / "metadata.pt").write_bytes(b"a pickle, which nobody reads")
    stats = {"state": statistics(1), "actions": statistics(2)}
    write_stats(folder, stats)
    tokenizer.save_pretrained(folder / "tokenizer")
    return Theirs(folder, core, stats, tokenizer)


@pytest.fixture
def edited(theirs):
    """The folder with other tensors in it."""

    def make(edit):
        file = theirs.folder / "model.safetensors"
        safetensors.torch.save_file(edit(dict(safetensors.torch.load_file(file))), file)
        return theirs.folder

    return make


def observe(cameras=CAMERAS, seed=0):
    rng = np.random.default_rng(seed)
    frames = {name: CameraFrame(0, rng.integers(1, 256, (SIDE, SIDE, 3), dtype=np.uint8)) for name in cameras}
    state = np.linspace(-0.8, 0.8, DIMENSIONS) + rng.uniform(-0.5, 0.5, DIMENSIONS)
    return Observation(0, state.astype(np.float32), frames, TASK)


def noise_of(seed):
    return torch.randn((1, HORIZON, DIMENSIONS), generator=torch.Generator().manual_seed(seed))


OPTIONS = OpenpiOptions(horizon=HORIZON)


@pytest.mark.parametrize("cameras", [CAMERAS, CAMERAS[1:]], ids=["all", "no-head"])
def test_a_policy_of_openpi_does_here_what_it_does_there(theirs, tmp_path, cameras):
    opened = import_openpi(theirs.folder, tmp_path / "ours", OPTIONS, **ROBOT)
    policy = load_policy(tmp_path / "ours", seed=4)
    assert (policy.euler_steps, policy.spec.horizon, policy.spec.execution_horizon) == (10, HORIZON, HORIZON)
    assert (policy.spec.cameras, policy.spec.optional_cameras) == (CAMERAS, ("head",))
    for seed in range(3):
        observation = observe(cameras, seed)
        policy.reset(seed)
        expected = theirs.actions(observation, noise_of(seed), 10)
        assert np.ptp(expected, axis=0).max() > 0.1
        np.testing.assert_allclose(policy.chunk(observation).actions, expected, atol=2e-5)
    assert set(opened.report.loaded) == read_checkpoint(tmp_path / "ours").weights.keys()
    assert set(opened.report.ignored) == {"paligemma_with_expert.gemma_expert.lm_head.weight"}


def test_relative_actions_start_from_the_state(theirs, tmp_path):
    stats = theirs.stats | {"actions": theirs.stats["actions"] | {"mean": [0.0] * DIMENSIONS}}
    write_stats(theirs.folder, stats)
    options = OpenpiOptions(horizon=HORIZON, actions="relative")
    import_openpi(theirs.folder, tmp_path / "ours", options, **ROBOT)
    observation = observe()
    # OpenHLM's mask: 7 joints, a gripper, 7 joints, a gripper, 15 joints, and the root stays absolute.
    origin = observation.state.copy()
    origin[[*GRIPPERS, *range(DIMENSIONS)[ROOT]]] = 0.0
    expected = theirs.actions(observation, noise_of(4), 10) + origin
    np.testing.assert_allclose(load_policy(tmp_path / "ours", seed=4).chunk(observation).actions, expected, atol=2e-5)


@pytest.mark.parametrize("kind", ["absolute", "relative"])
def test_actions_of_the_other_kind_are_refused(theirs, tmp_path, kind):
    other = "relative" if kind == "absolute" else "absolute"
    if other == "relative":
        write_stats(theirs.folder, theirs.stats | {"actions": theirs.stats["actions"] | {"mean": [0.01] * DIMENSIONS}})
    with pytest.raises(MismatchError, match=rf"are {other}, not {kind}: .* Set --actions {other}\.$"):
        import_openpi(theirs.folder, tmp_path / "ours", OpenpiOptions(actions=kind), **ROBOT)
    assert not (tmp_path / "ours").exists()


def test_a_folder_of_openpi_can_be_served_as_it_is(theirs):
    assert is_openpi(theirs.folder)
    policy, notes = open_policy(theirs.folder, euler_steps=3, device="cpu")
    assert policy.spec.origin == str(theirs.folder)
    assert policy.spec.horizon == 50
    assert policy.chunk(observe()).actions.shape == (50, DIMENSIONS)
    assert any("absolute actions, 50 in a chunk" in note for note in notes)
    same = TrainedPolicy(open_openpi(theirs.folder, OpenpiOptions(), **ROBOT).checkpoint, euler_steps=3)
    assert same.spec.digest == policy.spec.digest
    # Wherever it lies.
    moved = theirs.folder.rename(theirs.folder.with_name("moved"))
    assert open_policy(moved, euler_steps=3, device="cpu").policy.spec.digest == policy.spec.digest


def test_what_takes_checkpoints_of_hlm_alone_says_how_to_make_one(theirs):
    with pytest.raises(
        MissingFileError, match=r"is a checkpoint of openpi; import it: hlm policy import .*30000 TARGET"
    ):
        read_checkpoint(theirs.folder)


def test_a_checkpoint_of_hlm_is_opened_as_ever(theirs, tmp_path):
    import_openpi(theirs.folder, tmp_path / "ours", OPTIONS, **ROBOT)
    assert not is_openpi(tmp_path / "ours")
    policy, notes = open_policy(tmp_path / "ours", euler_steps=None, device="cpu")
    assert (policy.spec.digest, notes) == (load_policy(tmp_path / "ours").spec.digest, ())


def test_half_precision_is_kept(edited, tmp_path):
    folder = edited(lambda tensors: {name: tensor.bfloat16() for name, tensor in tensors.items()})
    import_openpi(folder, tmp_path / "ours", OPTIONS, **ROBOT)
    checkpoint = read_checkpoint(tmp_path / "ours")
    assert checkpoint.config.options().dtype == "bfloat16"
    assert {weight.dtype for name, weight in checkpoint.weights.items() if "q_proj" in name} >= {torch.bfloat16}


LAYER = "paligemma_with_expert.gemma_expert.model.layers.0.mlp.up_proj.weight"


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        (lambda t: {name: v for name, v in t.items() if name != LAYER}, rf"tensors 1 missing \(model\.{LAYER}\)"),
        (
            lambda t: t | {"state_proj.weight": torch.zeros(32, 32)},
            r"1 that pi0\.5 does not have \(state_proj\.weight\)",
        ),
        (lambda t: t | {LAYER: torch.zeros(64, 31)}, rf"that do not fit \(model\.{LAYER} is 64 x 31, not 64 x 32\)"),
        (lambda t: {"action_in_proj.weight": torch.zeros(32, 34)}, "they have no language_model.layers.0"),
        (lambda t: {"lm_head.weight": torch.zeros(32, 34)}, "they have no action_in_proj.weight"),
        (
            lambda t: t | {"action_in_proj.weight": torch.zeros(32, 32)},
            r"32 action dimensions, and hlm drives 34\. .* hlm train --policy pi05 --pi05\.pretrained",
        ),
        (lambda t: t | {"action_in_proj.weight": torch.zeros(48, 34)}, "has a model of width 48; known are gemma_300m"),
    ],
)
def test_weights_of_another_network_are_told_by_name(edited, tmp_path, edit, text):
    with pytest.raises(MismatchError, match=text) as told:
        import_openpi(edited(edit), tmp_path / "ours", OPTIONS, **ROBOT)
    assert "\n" not in str(told.value)
    assert not (tmp_path / "ours").exists()


@pytest.mark.parametrize("part", ["action_out_proj.weight", "action_out_proj.bias"])
def test_a_policy_with_fewer_outputs_than_inputs_is_not_completed_at_random(edited, tmp_path, part):
    with pytest.raises(MismatchError, match=rf"has no 34 dimensions in model\.{part}; it is not a whole policy"):
        import_openpi(edited(lambda t: t | {part: t[part][:32].clone()}), tmp_path / "ours", OPTIONS, **ROBOT)
    assert not (tmp_path / "ours").exists()


def with_figure(stats, part, figure, value):
    return stats | {part: stats[part] | {figure: value}}


@pytest.mark.parametrize(
    ("edit", "error", "text"),
    [
        (lambda s: {"state": s["state"]}, CorruptError, r"mean of 'actions' cannot be read \(KeyError\('actions'\)\)"),
        (lambda s: with_figure(s, "state", "q99", None), MismatchError, "no q99 of 'state'.* normalised by quantiles"),
        (
            lambda s: with_figure(s, "state", "q01", [0.0] * 32),
            MismatchError,
            r"shape \[32\], and OpenHLM's layout has 34",
        ),
        (
            lambda s: with_figure(s, "actions", "q01", [9.0] * 34),
            CorruptError,
            "actions q01 of left_shoulder_pitch is 9",
        ),
        (
            lambda s: with_figure(s, "state", "std", [np.nan] * 34),
            CorruptError,
            "state std of left_shoulder_pitch is nan",
        ),
        (lambda s: with_figure(s, "state", "std", ["a"] * 34), CorruptError, "std of 'state' cannot be read"),
        (lambda s: with_figure(s, "state", "std", ["1"] * 34), CorruptError, "cannot be read .*not all are numbers"),
        (lambda s: with_figure(s, "state", "std", [True] * 34), CorruptError, "'state' cannot be read"),
        (lambda s: with_figure(s, "state", "std", [10**400] * 34), CorruptError, "'state' cannot be read .*too large"),
        (lambda s: with_figure(s, "state", "std", [-1.0] * 34), CorruptError, "std of left_shoulder_pitch is -1"),
    ],
)
def test_statistics_that_cannot_be_used_are_told_by_name(theirs, edit, error, text):
    write_stats(theirs.folder, edit(theirs.stats))
    with pytest.raises(error, match=text) as told:
        read_statistics(theirs.folder, OPTIONS)
    assert str(theirs.folder) in str(told.value)
    assert "\n" not in str(told.value)


def test_statistics_are_chosen_where_there_are_several(theirs, tmp_path):
    write_stats(theirs.folder, theirs.stats, "other")
    with pytest.raises(
        MissingFileError, match=r"several statistics \(assets/OpenHLM/example/.*, assets/other/.*norm-stats"
    ):
        read_statistics(theirs.folder, OPTIONS)
    named = OpenpiOptions(norm_stats=theirs.folder / "assets/other/norm_stats.json")
    assert read_statistics(theirs.folder, named).state.q01.tolist() == theirs.stats["state"]["q01"]
    with pytest.raises(MissingFileError, match=r"no file .*nothing.json with openpi's statistics"):
        read_statistics(theirs.folder, OpenpiOptions(norm_stats=tmp_path / "nothing.json"))
    with pytest.raises(MissingFileError, match=r"has no assets/\*/norm_stats.json; name the file with --norm-stats"):
        read_statistics(tmp_path, OPTIONS)
    with pytest.raises(InputError, match="horizon must be at least 1"):
        OpenpiOptions(horizon=0)


def test_a_policy_is_imported_for_no_unknown_robot(theirs, tmp_path, capsys):
    arguments = [str(theirs.folder), str(tmp_path / "ours"), "--embodiment", "unitree_g2"]
    assert main(["policy", "import", *arguments]) == 2
    assert "Did you mean 'unitree_g1'" in capsys.readouterr().err
    assert not (tmp_path / "ours").exists()


def test_the_command_line_imports_it_and_says_what_it_took_for_granted(theirs, tmp_path, capsys):
    arguments = [str(theirs.folder), str(tmp_path / "ours"), "--horizon", "8"]
    assert main(["policy", "import", *arguments]) == 0
    said = capsys.readouterr().out
    assert "note: taken for granted, as the folder does not say it: absolute actions, 8 in a chunk" in said
    assert main(["policy", "info", str(tmp_path / "ours")]) == 0
    assert "8 absolute" in capsys.readouterr().out
    assert main(["policy", "import", *arguments]) == 2
    assert "is already there" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["policy", "import", str(tmp_path / "empty"), str(tmp_path / "new"), "--horizon", "8"]) == 2
    assert "--horizon is for openpi policies only" in capsys.readouterr().err
