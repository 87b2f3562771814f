"""A policy type is a folder and a line in the catalog: everything else works without being told of it."""

import pytest
import yaml
from conformance.policies import PolicyConformance

from hlm.cli.main import main
from hlm.policies.catalog import POLICY_TYPES, Entry
from hlm.policies.checkpoint import read_training
from hlm.policies.checkpoint_config import read_config
from hlm.policies.trained import load_policy

SHORT = ["--device", "cpu", "--threads", "1", "--workers", "0", "--validation-fraction", "0.3", "--batch-size", "4"]


@pytest.fixture(autouse=True)
def _linear(monkeypatch):
    monkeypatch.setitem(POLICY_TYPES, "linear", Entry("fakes_policy_type:LinearConfig", "fakes_policy_type"))


def run(dataset_path, out, *options):
    """Train the linear policy from the command line."""
    told = ["--policy", "linear", "--datasets", str(dataset_path), "--out", str(out), "--horizon", "16"]
    assert main(["train", *told, "--execution-horizon", "8", "--steps", "4", *SHORT, *options]) == 0
    return out


def test_it_trains_with_its_own_defaults_and_options_and_resumes(dataset_path, tmp_path):
    path = run(dataset_path, tmp_path / "linear", "--linear.no-bias")
    config = read_config(path)
    assert (config.policy, config.policy_config) == ("linear", {"bias": False})
    assert (config.training["learning_rate"], config.training["linear"]) == (1e-2, {"bias": False})
    assert "map.bias" not in read_training(path)["model"]
    assert main(["train", "--resume", str(path)]) == 0
    assert main(["policy", "info", str(path)]) == 0


def test_a_config_file_knows_its_options(dataset_path, tmp_path):
    file = tmp_path / "run.yaml"
    document = {"policy": "linear", "linear": {"bias": False}, "datasets": [str(dataset_path)], "steps": 1}
    file.write_text(yaml.safe_dump(document))
    assert main(["train", str(file), "--out", str(tmp_path / "out"), *SHORT]) == 0
    assert read_config(tmp_path / "out").policy_config == {"bias": False}


def test_its_options_are_listed(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["train", "--policy", "linear", "--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert "--linear.bias" in shown
    assert "--compact." not in shown


class TestLinearPolicy(PolicyConformance):
    @pytest.fixture
    def policy(self, dataset_path, tmp_path):
        return load_policy(run(dataset_path, tmp_path / "linear"))
