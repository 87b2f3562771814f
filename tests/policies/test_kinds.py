import pytest

from hlm.core.documents import from_document, to_document
from hlm.core.errors import UnknownNameError
from hlm.policies.kinds import MODULES, Kind, find_kind
from hlm.policies.settings import SETTINGS, settings_class
from hlm.policies.training.config import TrainConfig
from hlm.policies.training.defaults import DEFAULTS

FUNCTIONS = [name for name in vars(Kind) if not name.startswith("_")]


def test_all_tables_know_the_same_kinds():
    assert MODULES.keys() == SETTINGS.keys() == DEFAULTS.keys()
    assert "new_text" in FUNCTIONS
    assert len(FUNCTIONS) == 6


@pytest.mark.parametrize("name", MODULES)
def test_every_kind_has_every_function(name):
    kind = find_kind(name)
    assert all(callable(getattr(kind, function)) for function in FUNCTIONS)


@pytest.mark.parametrize("name", MODULES)
def test_settings_survive_a_document(name):
    settings = settings_class(name)()
    assert from_document(settings_class(name), to_document(settings)) == settings


@pytest.mark.parametrize("name", MODULES)
def test_every_kind_has_defaults_that_can_be_trained_with(name):
    config = TrainConfig.for_policy(name)
    assert config.policy == name
    assert config.policy_config == settings_class(name)()
    assert all(getattr(config, field) == value for field, value in DEFAULTS[name].items())
    assert TrainConfig.for_policy(name, seed=7).seed == 7
    assert from_document(TrainConfig, to_document(config)) == config


@pytest.mark.parametrize("find", [find_kind, settings_class, TrainConfig.for_policy])
def test_an_unknown_kind_names_the_known_ones(find):
    with pytest.raises(UnknownNameError, match=r"no policy type 'compakt'\. Known: .*Did you mean 'compact'"):
        find("compakt")
