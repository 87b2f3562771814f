import pytest
from conformance.policies import PolicyConformance

from hlm.policies.trained import load_policy


class TestActPolicy(PolicyConformance):
    @pytest.fixture(scope="class")
    def folder(self, toy, tmp_path_factory):
        return toy.write(tmp_path_factory.mktemp("act") / "policy", "act", toy.act)

    @pytest.fixture
    def policy(self, folder):
        return load_policy(folder)
