import inspect
import subprocess
import sys

import pytest

from hlm.core.documents import from_document, to_document
from hlm.core.errors import UnknownNameError
from hlm.policies.catalog import POLICY_TYPES, find_policy_config, find_policy_type
from hlm.policies.policy_type import PolicyType
from hlm.policies.training.config import TrainConfig, config_of

FUNCTIONS = [name for name in vars(PolicyType) if not name.startswith("_")]


@pytest.mark.parametrize("name", POLICY_TYPES)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_policy_type_has_every_function_with_the_parameters_of_the_protocol(name, function):
    found = inspect.signature(getattr(find_policy_type(name), function)).parameters
    assert list(found) == list(inspect.signature(getattr(PolicyType, function)).parameters)[1:]


@pytest.mark.parametrize("name", POLICY_TYPES)
def test_options_survive_a_document(name):
    options = find_policy_config(name)()
    assert from_document(find_policy_config(name), to_document(options)) == options


@pytest.mark.parametrize("name", POLICY_TYPES)
def test_every_policy_type_has_defaults_to_train_with(name):
    config = TrainConfig.for_policy(name)
    assert config.policy == name
    assert config.policy_config == find_policy_config(name)()
    for field, value in find_policy_config(name).training_defaults.items():
        assert getattr(config, field) == value
    assert TrainConfig.for_policy(name, seed=7).seed == 7
    assert config_of(config.to_document()) == config


@pytest.mark.parametrize("find", [find_policy_type, find_policy_config, TrainConfig.for_policy])
def test_an_unknown_policy_type_names_the_known_ones(find):
    with pytest.raises(UnknownNameError, match=r"no policy type 'compakt'\. Known: .*Did you mean 'compact'"):
        find("compakt")


def test_options_of_all_policy_types_are_listed_without_torch():
    code = (
        "import sys; from hlm.policies.catalog import *; import hlm.policies.training.config; "
        "[find_policy_config(name) for name in POLICY_TYPES]; print('torch' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
