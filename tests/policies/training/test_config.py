import json

import pytest

from hlm.core.errors import CorruptError, HlmError, InputError, MissingFileError, UnknownNameError
from hlm.policies.compact.config import CompactConfig, ObjectiveConfig
from hlm.policies.training.config import TrainConfig, config_of, read_document


@pytest.fixture
def write(tmp_path):
    def make(text):
        path = tmp_path / "run.yaml"
        path.write_text(text)
        return path

    return make


def test_a_config_survives_a_document(tiny_config):
    config = tiny_config(cameras=("head",), image_size=(16, 24), mixture=None, betas=(0.5, 0.75))
    assert config_of(config.to_document()) == config
    assert config_of(json.loads(json.dumps(config.to_document()))) == config


def test_fields_that_are_not_told_have_the_defaults_of_the_kind():
    assert config_of({}) == TrainConfig()
    for policy in ("pi05", "act"):
        told = config_of({"policy": policy, "seed": 3, "augmentation": {"rotation_deg": 1.0}})
        default = TrainConfig.for_policy(policy)
        assert (told.seed, told.augmentation.rotation_deg) == (3, 1.0)
        assert (told.batch_size, told.learning_rate, told.augmentation.crop) == (
            default.batch_size,
            default.learning_rate,
            default.augmentation.crop,
        )
    nested = config_of({"compact": {"objective": {"flow_draws": 4}}}).policy_config
    assert nested == CompactConfig(objective=ObjectiveConfig(flow_draws=4))


def test_fields_that_are_not_told_are_those_of_a_base(tiny_config):
    base = tiny_config()
    told = config_of({"batch_size": 5, "compact": {"objective": {"flow_draws": 4}}}, base=base)
    assert told == tiny_config(
        batch_size=5,
        policy_config=CompactConfig(
            architecture=base.policy_config.architecture, objective=ObjectiveConfig(flow_draws=4)
        ),
    )


def test_a_file_is_read(write):
    path = write(
        "policy: act\nlearning_rate: 1e-4\nweight_decay: 1.5E-3\nbatch_size: 32\nwandb: '1e-4'\nout: runs/1e5x\n"
    )
    document = read_document(path)
    assert document["learning_rate"] == 1e-4
    assert document["wandb"] == "1e-4"
    config = config_of(document)
    assert (config.learning_rate, config.weight_decay, config.batch_size) == (1e-4, 1.5e-3, 32)
    assert str(config.out) == "runs/1e5x"


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("batch_siez: 32\n", UnknownNameError, "Did you mean 'batch_size'"),
        ("batch_size: [\n", CorruptError, "is not valid YAML"),
        ("- batch\n", CorruptError, "must hold lines such as `name: value`"),
        ("", CorruptError, "must hold lines such as"),
        ("a: !!python/object:os.system {}\n", CorruptError, "is not valid YAML"),
        ("steps: 2\nsteps: 3\n", CorruptError, "'steps' is given 2 times"),
    ],
)
def test_files_that_cannot_be_used_are_refused(write, text, error, said):
    with pytest.raises(error, match=said) as raised:
        read_document(write(text))
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"no config at .*nothing.yaml"):
        read_document(tmp_path / "nothing.yaml")


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"batch_size": "many"}, "config.batch_size must be an integer, got 'many'"),
        ({"batch_size": 2.5}, "config.batch_size must be an integer, got 2.5"),
        ({"proprioception": 1}, "config.proprioception must be true or false, got 1"),
        ({"order": "robot"}, "config.order must be 'bimanual' or 'humanoid', got 'robot'"),
        ({"image_size": [1, 2, 3]}, "config.image_size must have 2 entries, got 3"),
        ({"compact": {"architectur": {}}}, "no field of config.compact 'architectur'.*Did you mean 'architecture'"),
        (
            {"compact": {"objective": {"flow_draws": "two"}}},
            "config.compact.objective.flow_draws must be an integer, got 'two'",
        ),
        ({"compact": None}, "config.compact must be a mapping"),
        ({"policy": "pi0.5"}, "no policy type 'pi0.5'.*Did you mean 'pi05'"),
        (
            {"policy": "act", "compact": {"objective": {"flow_draws": 4}}},
            "options of compact are given, but the policy",
        ),
    ],
)
def test_fields_that_cannot_be_used_are_refused(document, said):
    with pytest.raises(HlmError, match=said) as raised:
        config_of(document)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch_size": 1}, "batch_size must be at least 2"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"seed": 2**63}, "seed must be at most 9223372036854775807, got 9223372036854775808"),
        ({"workers": -1}, "workers must be at least 0"),
        ({"steps": 0}, "steps must be positive"),
        ({"learning_rate": float("nan")}, "learning_rate must be positive, got nan"),
        ({"max_minutes": float("inf")}, "max_minutes must be positive, got inf"),
        ({"validation_fraction": 1.0}, r"validation_fraction must be in \[0, 1\)"),
        ({"final_learning_rate_ratio": 1.1}, r"final_learning_rate_ratio must be in \[0, 1\]"),
        ({"weight_decay": -1e-3}, r"weight_decay must be in \[0, 1\)"),
        ({"betas": (0.9, 1.0)}, r"betas must be in \[0, 1\), got 0.9 and 1.0"),
        ({"steps": None, "max_minutes": None}, "training would never end"),
        ({"execution_horizon": 17}, "execution_horizon 17 is more than the 16 actions"),
        ({"mixture": "mixture.yaml", "datasets": ("data.zarr",)}, "--datasets or --mixture, not both"),
        (
            {"mixture": "mixture.yaml", "outcomes": ("failure",)},
            "--outcomes filters --datasets; a mixture filters",
        ),
        ({"policy": "act"}, "policy act takes a ActConfig, and policy_config is a CompactConfig"),
        ({"policy": "compakt"}, "Did you mean 'compact'"),
    ],
)
def test_options_that_make_no_sense_are_refused(tiny_config, changes, said):
    with pytest.raises(HlmError, match=said) as raised:
        tiny_config(**changes)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"counterfactual": 1.5}, r"counterfactual must be in \[0, 1\]"),
        ({"state_dropout": -0.1}, r"state_dropout must be in \[0, 1\]"),
        ({"deciding_weight": 0.0}, "deciding_weight must be positive"),
        ({"flow_draws": 0}, "flow_draws must be at least 1"),
        ({"state_noise": -0.1}, "state_noise must be finite and not negative"),
        ({"state_noise": float("inf")}, "state_noise must be finite and not negative"),
        ({"auxiliary_weight": -0.1}, "auxiliary_weight must be finite and not negative"),
    ],
)
def test_an_objective_that_makes_no_sense_is_refused(changes, said):
    with pytest.raises(InputError, match=said):
        ObjectiveConfig(**changes)
