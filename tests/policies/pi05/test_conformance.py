from dataclasses import replace

import pytest
from conformance.policies import PolicyConformance
from fakes_lerobot import toy as toy

from hlm.policies.trained import load_policy

from .conftest import SIDE, TOY


class TestPi05Policy(PolicyConformance):
    @pytest.fixture(scope="class")
    def folder(self, toy, tokenizer_folder, tmp_path_factory):
        config = replace(TOY, tokenizer=str(tokenizer_folder), token_limit=220)
        sizes = {"image_size": (SIDE, SIDE), "recorded_sizes": ((SIDE, SIDE),)}
        return toy.write(tmp_path_factory.mktemp("pi05") / "policy", "pi05", config, stirred=True, **sizes)

    @pytest.fixture
    def policy(self, folder):
        return load_policy(folder)
