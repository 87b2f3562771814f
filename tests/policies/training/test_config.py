import pytest

from hlm.core.documents import from_document, to_document
from hlm.core.errors import CorruptError, HlmError, InputError, MissingFileError, UnknownNameError
from hlm.policies.compact.settings import CompactSettings, Recipe
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
    assert from_document(TrainConfig, to_document(config)) == config
    assert config_of(to_document(config)) == config


def test_fields_that_are_not_told_have_the_defaults_of_the_kind():
    assert config_of({}) == TrainConfig()
    for policy in ("pi05", "act"):
        told = config_of({"policy": policy, "seed": 3, "augmentation": {"rotation_deg": 1.0}})
        default = TrainConfig.for_policy(policy)
        assert (told.seed, told.augmentation.rotation_deg) == (3, 1.0)
        assert (told.batch, told.learning_rate, told.augmentation.crop) == (
            default.batch,
            default.learning_rate,
            default.augmentation.crop,
        )
    nested = config_of({"compact": {"recipe": {"flow_draws": 4}}}).compact
    assert nested == CompactSettings(recipe=Recipe(flow_draws=4))


def test_fields_that_are_not_told_are_those_of_a_base(tiny_config):
    base = tiny_config()
    told = config_of({"batch": 5, "compact": {"recipe": {"flow_draws": 4}}}, base=base)
    assert told == tiny_config(
        batch=5, compact=CompactSettings(network=base.compact.network, recipe=Recipe(flow_draws=4))
    )


def test_a_file_is_read(write):
    path = write("policy: act\nlearning_rate: 1e-4\nweight_decay: 1.5E-3\nbatch: 32\nwandb: '1e-4'\nout: runs/1e5x\n")
    document = read_document(path)
    assert document["learning_rate"] == 1e-4
    assert document["wandb"] == "1e-4"
    config = config_of(document)
    assert (config.learning_rate, config.weight_decay, config.batch) == (1e-4, 1.5e-3, 32)
    assert str(config.out) == "runs/1e5x"


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("btach: 32\n", UnknownNameError, "Did you mean 'batch'"),
        ("batch: [\n", CorruptError, "is no YAML"),
        ("- batch\n", CorruptError, "holds no fields; expected lines like"),
        ("", CorruptError, "holds no fields"),
        ("a: !!python/object:os.system {}\n", CorruptError, "is no YAML"),
        ("# " + "x" * 1_000_001, CorruptError, "larger than 1000000 bytes"),
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
        ({"batch": "many"}, "config.batch cannot be 'many'"),
        ({"batch": 2.5}, "config.batch cannot be 2.5"),
        ({"proprioception": 1}, "config.proprioception cannot be 1"),
        ({"order": "robot"}, "config.order cannot be 'robot'"),
        ({"image_size": [1, 2, 3]}, "config.image_size must have 2 entries, got 3"),
        ({"compact": {"netwrok": {}}}, "no field of config.compact 'netwrok'.*Did you mean 'network'"),
        ({"compact": {"recipe": {"flow_draws": "two"}}}, "config.compact.recipe.flow_draws cannot be 'two'"),
        ({"compact": None}, "config.compact must be a mapping"),
        ({"policy": "pi0.5"}, "no kind of policy 'pi0.5'.*Did you mean 'pi05'"),
        ({"policy": "act", "compact": {"recipe": {"flow_draws": 4}}}, "settings of compact are given, but the policy"),
    ],
)
def test_fields_that_cannot_be_used_are_refused(document, said):
    with pytest.raises(HlmError, match=said) as raised:
        config_of(document)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch": 1}, "batch must be at least 2"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"seed": 2**63}, "seed must be at most 9223372036854775807, got 9223372036854775808"),
        ({"workers": -1}, "workers must be at least 0"),
        ({"steps": 0}, "steps must be positive"),
        ({"learning_rate": float("nan")}, "learning_rate must be positive, got nan"),
        ({"max_minutes": float("inf")}, "max_minutes must be positive, got inf"),
        ({"validation": 1.0}, r"validation must be in \[0, 1\)"),
        ({"last_rate": 1.1}, r"last_rate must be in \[0, 1\]"),
        ({"weight_decay": -1e-3}, r"weight_decay must be in \[0, 1\)"),
        ({"betas": (0.9, 1.0)}, r"betas must be in \[0, 1\), got 0.9 and 1.0"),
        ({"steps": None, "max_minutes": None}, "a run without end"),
        ({"execute": 17}, "cannot execute 17 of the 16 actions"),
        ({"mixture": "mixture.yaml", "datasets": ("data.zarr",)}, "--datasets or --mixture, not both"),
        (
            {"mixture": "mixture.yaml", "outcomes": ("failure",)},
            "--datasets or --mixture with --outcomes, not both; a mixture filters",
        ),
        ({"policy": "act"}, "settings of compact are given, but the policy is act; add --policy compact"),
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
        ({"state_noise": -0.1}, "state_noise must not be negative"),
        ({"state_noise": float("inf")}, "state_noise must not be negative, nor infinite"),
        ({"auxiliary_weight": -0.1}, "auxiliary_weight must not be negative"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(changes, said):
    with pytest.raises(InputError, match=said):
        Recipe(**changes)
