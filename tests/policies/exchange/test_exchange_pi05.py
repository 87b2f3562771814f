"""Pi0.5 to LeRobot and back, at a size that LeRobot does not have: its classes are given hlm's toy in its stead."""

from dataclasses import fields, replace

import numpy as np
import pytest
from lerobot.configs import PreTrainedConfig
from lerobot.policies.pi05 import modeling_pi05
from torch import nn

from hlm.core.errors import MismatchError
from hlm.policies.checkpoint import read_checkpoint
from hlm.policies.exchange import pi05
from hlm.policies.exchange.exporting import export_checkpoint
from hlm.policies.exchange.importing import import_policy
from hlm.policies.pi05.config import Pi05Config
from hlm.policies.pi05.core import Core
from hlm.policies.pi05.sizes import size_of
from hlm.policies.trained import load_policy

SIDE = 28
TOY = {"paligemma_variant": "gemma_toy", "action_expert_variant": "gemma_toy"}
ROBOT = {"embodiment": "unitree_g1", "rate_hz": 30.0}


class LeRobotsToy(Core):
    """LeRobot's own network, with the layers that say words, which hlm leaves out."""

    def __init__(self, config, rtc_processor=None):
        assert rtc_processor is None
        super().__init__(config, size_of("gemma_toy", "gemma_toy", config.image_resolution))
        both = self.paligemma_with_expert
        words = self.language.embed_tokens.weight
        both.paligemma.lm_head = nn.Linear(words.shape[1], len(words), bias=False)
        both.paligemma.lm_head.weight = words
        both.gemma_expert.lm_head = nn.Linear(self.action_in_proj.out_features, len(words), bias=False)


@pytest.fixture(autouse=True)
def lerobot_has_the_toy(monkeypatch):
    monkeypatch.setattr(modeling_pi05, "PI05Pytorch", LeRobotsToy)
    monkeypatch.setattr(pi05, "VARIANTS", {"gemma_toy": "gemma_2b"})


@pytest.fixture(scope="module")
def config(vlm):
    return Pi05Config(pretrained=None, init="random", tokenizer=str(vlm), dtype="float32", token_limit=260, **TOY)


@pytest.fixture
def write(toy, tmp_path, config):
    def made(**changes):
        chosen = {k: changes.pop(k) for k in list(changes) if k in {item.name for item in fields(Pi05Config)}}
        sizes = {"image_size": (SIDE, SIDE), "recorded_sizes": ((SIDE, SIDE),)}
        return toy.write(tmp_path / "ours", "pi05", replace(config, **chosen), stirred=True, **(sizes | changes))

    return made


@pytest.mark.parametrize(
    "changes", [{"small_ranges": "widen"}, {"still": (3, 20)}, {"tuning": "lora", "init": "robot"}], ids=str
)
def test_lerobot_does_the_same(write, toy, tmp_path, capsys, changes):
    path = write(**changes)
    export_checkpoint(path, tmp_path / "theirs")
    ours, theirs = toy.both(path, tmp_path / "theirs", toy.observe(side=SIDE, reach=0.6))
    # LeRobot goes on with random weights when it cannot load some, and says so here alone.
    assert "All keys loaded successfully!" in capsys.readouterr().out
    assert ours.std(0).max() > 0.01
    np.testing.assert_allclose(theirs, ours, atol=2e-5)


def test_there_and_back(write, toy, tmp_path, monkeypatch):
    path = write(small_ranges="widen")
    export_checkpoint(path, tmp_path / "theirs")
    own = PreTrainedConfig.from_pretrained(tmp_path / "theirs")
    assert (own.paligemma_variant, own.num_inference_steps, own.n_action_steps) == ("gemma_2b", 3, 5)
    from hlm.policies.exchange import importing

    plain = importing.PolicyFolder.read

    def read(folder):
        found = plain(folder)
        return replace(found, config={**found.config, **TOY})

    monkeypatch.setattr(importing.PolicyFolder, "read", read)
    report = import_policy(tmp_path / "theirs", tmp_path / "back", **ROBOT)
    assert set(report.loaded) == read_checkpoint(path).weights.keys()
    assert len(report.ignored) == 1
    observation = toy.observe(side=SIDE)
    chunks = [load_policy(place).chunk(observation).actions for place in (path, tmp_path / "back")]
    np.testing.assert_allclose(chunks[1], chunks[0], atol=1e-6)


def test_what_lerobot_cannot_express_is_refused(write, tmp_path, monkeypatch):
    with pytest.raises(MismatchError, match=r"proprioception = False: its pi0\.5 always reads the state"):
        export_checkpoint(write(proprioception=False), tmp_path / "theirs")
    monkeypatch.undo()
    with pytest.raises(MismatchError, match=r"LeRobot has no pi0\.5 of size gemma_toy; it has gemma_2b, gemma_300m"):
        export_checkpoint(write(), tmp_path / "theirs")
    assert not (tmp_path / "theirs").exists()


def test_half_precision_is_noted(write, tmp_path):
    notes = export_checkpoint(write(dtype="bfloat16"), tmp_path / "theirs")
    assert notes[-1] == "LeRobot rounds the positions of tokens to bfloat16; --policy.dtype=float32 avoids it"
