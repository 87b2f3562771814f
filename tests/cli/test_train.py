"""What `hlm train` understands; what training does with it is tested in tests/policies/training."""

import re

import pytest

from hlm.cli.main import main
from hlm.policies.catalog import POLICY_TYPES
from hlm.policies.training import trainer
from hlm.policies.training.config import TrainConfig
from hlm.policies.upgrade import RENAMED


@pytest.fixture
def told(monkeypatch):
    """The configs that training is called with, instead of training."""
    configs = []
    monkeypatch.setattr(trainer, "train", lambda config, command: configs.append((config, command)) or config.out)
    return configs


@pytest.fixture
def write(tmp_path):
    """Writes a config file."""

    def make(text):
        path = tmp_path / "a run.yaml"
        path.write_text(text)
        return str(path)

    return make


def test_without_a_file_defaults_hold(told, capsys):
    assert main(["train", "--datasets", "a.zarr", "b.zarr", "--out", "runs/x"]) == 0
    (config, command) = told[0]
    assert [str(path) for path in config.datasets] == ["a.zarr", "b.zarr"]
    assert config == TrainConfig(datasets=config.datasets, out=config.out)
    assert command == "hlm train --datasets a.zarr b.zarr --out runs/x"
    assert capsys.readouterr().out == "checkpoint: runs/x\n"


def test_a_file_is_overridden_on_the_command_line(told, write):
    path = write("datasets: [a.zarr]\nbatch_size: 7\nlearning_rate: 1e-4\ncompact: {objective: {flow_draws: 3}}\n")
    assert (
        main(["train", path, "--batch-size", "4", "--compact.objective.state-noise", "0.5", "--no-proprioception"]) == 0
    )
    (config, command) = told[0]
    assert (config.batch_size, config.learning_rate, config.proprioception) == (4, 1e-4, False)
    assert (config.policy_config.objective.flow_draws, config.policy_config.objective.state_noise) == (3, 0.5)
    assert command.startswith("hlm train '")


@pytest.mark.parametrize("option", [["--policy", "act"], ["--policy=act"], ["--policy", "pi05", "--policy", "act"]])
def test_the_kind_of_policy_brings_its_defaults(told, option):
    assert main(["train", "--datasets", "a.zarr", *option, "--seed", "5"]) == 0
    config = told[0][0]
    assert config == TrainConfig.for_policy("act", datasets=config.datasets, seed=5)
    assert config.learning_rate != TrainConfig().learning_rate


def test_the_kind_on_the_command_line_counts_more_than_the_files(told, write):
    path = write("policy: pi05\nseed: 5\n")
    assert main(["train", path, "--datasets", "a.zarr"]) == 0
    assert main(["train", path, "--datasets", "a.zarr", "--policy", "act"]) == 0
    assert [config.policy for config, _ in told] == ["pi05", "act"]
    assert [config.learning_rate for config, _ in told] == [
        TrainConfig.for_policy(policy).learning_rate for policy in ("pi05", "act")
    ]
    assert [config.seed for config, _ in told] == [5, 5]


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("batch_siez: 4\n", [], "no field of '?.*a run.yaml'? 'batch_siez'.*Did you mean 'batch_size'"),
        ("batch_size: many\n", [], "batch_size must be an integer, got 'many'"),
        ("compact: {objective: {flow_draw: 4}}\n", [], "Did you mean 'flow_draws'"),
        ("batch_size: [\n", [], "is not valid YAML"),
        ("batch_size: 4\n", ["--batch_siez", "4"], "Did you mean --batch-size"),
        ("batch_size: 4\n", ["--batch-size", "many"], "invalid value for --batch-size"),
        ("batch_size: 4\n", ["--batch-size", "1"], "batch_size must be at least 2, got 1"),
        ("batch_size: 4\n", ["--policy", "compakt"], "no policy type 'compakt'.*Did you mean 'compact'"),
        ("batch_size: 4\n", ["--policy", "act", "--compact.objective.flow-draws", "3"], "options of compact are given"),
        ("policy: act\ncompact: {objective: {flow_draws: 4}}\n", [], "options of compact are given"),
        ("batch_size: 4\n", ["--order", "robot"], "--order"),
        ("resume: nowhere\n", [], "no checkpoint at nowhere"),
        ("batch_size: 4\n", ["--resume", "nowhere"], "no checkpoint at nowhere"),
        ("batch_size: 4\n", [], "training needs --datasets"),
    ],
)
def test_what_cannot_be_understood_is_one_line(write, refused, text, options, said):
    complaint = refused("train", write(text), *options)
    assert re.search(said, complaint), complaint


@pytest.mark.parametrize("name", RENAMED)
@pytest.mark.parametrize("options", ["--{0} 4", "--{0}=4"])
def test_an_option_with_an_old_name_is_told_the_new_one(refused, name, options):
    old, new = (text.replace("_", "-") for text in (name, RENAMED[name]))
    for spelled in (old, name):
        assert f"option --{spelled} is called --{new} now." in refused("train", *options.format(spelled).split())


def test_a_missing_file_is_one_line(refused):
    assert "no config at nothing.yaml" in refused("train", "nothing.yaml")


def test_help_names_files_and_options(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["train", "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for name in (
        "[CONFIG]",
        "--policy",
        *POLICY_TYPES,
        "--mixture",
        "--augmentation.crop",
        "--compact.objective.counterfactual",
    ):
        assert name in text


def test_a_run_goes_on_with_its_own_settings(checkpoint, told):
    assert main(["train", "--resume", str(checkpoint)]) == 0
    assert main(["train", f"--resume={checkpoint}", "--workers", "3", "--max-minutes", "45"]) == 0
    first, second = (config for config, _ in told)
    assert first.out == first.resume == checkpoint
    assert (first.steps, first.batch_size, first.workers, first.policy_config.architecture.width) == (4, 4, 0, 32)
    assert (second.workers, second.max_minutes) == (3, 45.0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--batch-size", "48"], "was started with batch_size 4, not 48; resuming cannot change it"),
        (["--compact.objective.flow-draws", "9"], "with compact.objective.flow_draws 2, not 9"),
        (["--out", "elsewhere"], "was started with out"),
    ],
)
def test_what_resuming_cannot_change_is_refused(checkpoint, refused, options, said):
    assert said in refused("train", "--resume", str(checkpoint), *options)
