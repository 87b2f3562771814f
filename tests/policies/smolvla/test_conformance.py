import pytest
from conformance.policies import PolicyConformance

from hlm.policies.trained import load_policy


class TestSmolVLAPolicy(PolicyConformance):
    @pytest.fixture(scope="class")
    def folder(self, toy, smolvla_config, tmp_path_factory):
        return toy.write(tmp_path_factory.mktemp("smolvla") / "policy", "smolvla", smolvla_config, stirred=True)

    @pytest.fixture
    def policy(self, folder):
        return load_policy(folder)
