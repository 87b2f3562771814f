"""From a dataset and pretrained weights to a policy that drives, through what users call."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from hlm.core.errors import InputError
from hlm.core.policy import ActionPrefix
from hlm.policies.trained import load_policy
from hlm.policies.training.trainer import train

from .conftest import HORIZON, SIDE, TOY

LIMIT = 220


@pytest.fixture
def config(tiny_config, lerobot_folder, tokenizer_folder):
    """A run of a toy pi0.5 from pretrained weights; takes what to change about its config, and about the run."""

    def make(run=None, **changes):
        toy = replace(
            TOY, pretrained=str(lerobot_folder), init="robot", tokenizer=str(tokenizer_folder), token_limit=LIMIT
        )
        return tiny_config(
            policy="pi05",
            policy_config=replace(toy, **changes),
            horizon=HORIZON,
            execution_horizon=HORIZON,
            image_size=(SIDE, SIDE),
            steps=2,
            **(run or {}),
        )

    return make


@pytest.mark.parametrize("tuning", ["full", "lora"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_trained_policy_drives_and_continues_its_chunks(config, observe, tuning, precision, monkeypatch):
    folder = train(config({"precision": precision}, tuning=tuning, gradient_checkpointing=True))
    card = (folder / "card.md").read_text()
    assert "first 32 of 34 action dimensions" in card
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("asked the network"))
    policy = load_policy(folder)
    free = policy.chunk(observe()).actions
    assert free.shape == (HORIZON, 34)
    assert np.isfinite(free).all()
    held = np.repeat(free[:1], HORIZON, 0)
    bound = policy.chunk(observe(), ActionPrefix(held, delay=2, execution_horizon=4)).actions
    np.testing.assert_allclose(bound[:2], held[:2], atol=1e-5)


def test_training_is_the_same_every_time(config, tmp_path):
    folders = []
    for name in ("one", "other"):
        folders.append(train(config({"out": tmp_path / name})))
        torch.rand(7)
    first, second = (load_file(folder / "model.safetensors") for folder in folders)
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def test_an_instruction_that_may_not_fit_ends_the_run_before_it_begins(config):
    with pytest.raises(InputError, match=r"state of 34 dimensions has \d+ tokens; the policy reads at most 150"):
        train(config(token_limit=150))


def test_blank_instructions_end_the_run_before_it_begins(config, make_dataset):
    bare = {"instruction": "", "candidates": (), "candidate": None}
    with pytest.raises(InputError, match=r"training episodes have no instruction, such as .*: name the task"):
        train(config({"datasets": (make_dataset(told=lambda number: bare),), "validation_fraction": 0.0}))
