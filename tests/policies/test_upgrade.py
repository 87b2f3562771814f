"""What an older hlm wrote is read as if it had been written today."""

import re
import shutil
from copy import deepcopy
from functools import partial
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import torch
import yaml

from hlm.core.errors import InputError
from hlm.core.values import CameraFrame, Observation
from hlm.datasets.reader import open_dataset
from hlm.datasets.store.images import ImageFormat
from hlm.policies.checkpoint import TRAINING_FILE, read_checkpoint, read_training
from hlm.policies.checkpoint_config import read_config
from hlm.policies.checksums import CHECKSUM_FILE
from hlm.policies.trained import load_policy
from hlm.policies.training.config import read_document
from hlm.policies.training.resuming import resuming
from hlm.policies.training.trainer import train
from hlm.policies.upgrade import RENAMED, upgrade_config, upgrade_state, upgrade_training

# Written by the last hlm that wrote format 2: two updates of three, on the dataset of `genuine`; what it answered at
# step 3 of episode 1; and the weights of one layer after it had gone on for the third update.
FORMAT_2 = Path(__file__).parents[1] / "data" / "format_2"
COMPACT = {"network": {"width": 48}, "recipe": {"flow_draws": 3}}
OLD = {
    "policy": "compact",
    "settings": COMPACT,
    "encoding": {"horizon": 16, "near": "still"},
    "sampling": {"euler_steps": 2, "execute": 9},
    "training": {"policy": "compact", "execute": 9, "compact": COMPACT},
    "format": 2,
}


def downgrade(path):
    """Rewrite a checkpoint as format 2 had it."""
    file = path / "config.yaml"
    document = yaml.safe_load(file.read_text())
    old = {new: name for name, new in RENAMED.items()}
    training = {old.get(name, name): value for name, value in document["training"].items()}
    document["settings"] = document.pop("policy_config")
    for place in (training["compact"], document["settings"]):
        place["network"], place["recipe"] = place.pop("architecture"), place.pop("objective")
    assert document["encoding"].pop("small_ranges") == "hold"
    document["encoding"]["near"] = "still"
    document["sampling"]["execute"] = document["sampling"].pop("execution_horizon")
    file.write_text(yaml.safe_dump(document | {"training": training, "format": 2}))
    (path / CHECKSUM_FILE).unlink()
    state = torch.load(path / TRAINING_FILE, weights_only=True)
    torch.save({("average" if name == "ema" else name): value for name, value in state.items()}, path / TRAINING_FILE)


@pytest.fixture
def genuine(make_dataset, tmp_path, monkeypatch):
    """A checkpoint in format 2 beside the dataset that it was trained on, in the working directory."""
    # Images as they were encoded then: quality 95, half the colour samples.
    monkeypatch.setattr(ImageFormat, "encode", lambda form, image: imagecodecs.jpeg8_encode(image, level=95))
    make_dataset("tiny.zarr", episodes=4, rows=12, cameras=("head",))
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(FORMAT_2 / "checkpoint", Path("checkpoint"))


def test_a_policy_of_format_2_answers_as_it_did(genuine):
    episode = open_dataset("tiny.zarr").episodes[1]
    stamp_ns = int(episode.stamp_ns[3])
    frames = {"head": CameraFrame(stamp_ns, episode.images("head", [3])[0])}
    policy = load_policy(genuine)
    assert (policy.euler_steps, policy.spec.execution_horizon) == (3, 4)
    chunk = policy.chunk(Observation(stamp_ns, episode.state[3], frames, episode.info.instruction))
    np.testing.assert_allclose(chunk.actions, np.load(FORMAT_2 / "actions.npy"), rtol=0.0, atol=1e-5)


def test_a_run_of_format_2_goes_on_as_it_would_have(genuine):
    assert (read_training(genuine)["step"], read_checkpoint(genuine).step) == (2, 2)
    train(resuming(genuine))
    checkpoint = read_checkpoint(genuine)
    assert (checkpoint.step, yaml.safe_load((genuine / "config.yaml").read_text())["format"]) == (3, 3)
    expected = np.load(FORMAT_2 / "action_out_after_resuming.npy")
    np.testing.assert_allclose(checkpoint.weights["action_out.weight"], expected, rtol=0.0, atol=1e-5)


def test_every_field_has_its_new_name():
    upgraded = upgrade_training({"batch": 4, "average_decay": 0.5, "seed": 3, "compact": COMPACT})
    assert upgraded == {
        "batch_size": 4,
        "ema_decay": 0.5,
        "seed": 3,
        "compact": {"architecture": {"width": 48}, "objective": {"flow_draws": 3}},
    }


def test_a_checkpoint_has_its_new_names():
    compact = {"architecture": {"width": 48}, "objective": {"flow_draws": 3}}
    assert upgrade_config(OLD, 3) == {
        "policy": "compact",
        "policy_config": compact,
        "encoding": {"horizon": 16, "small_ranges": "hold"},
        "sampling": {"euler_steps": 2, "execution_horizon": 9},
        "training": {"policy": "compact", "execution_horizon": 9, "compact": compact},
        "format": 3,
    }


@pytest.mark.parametrize(
    "document", [{}, {"policy": 3, "settings": None, "encoding": {"near": []}, "sampling": [], "training": "x"}]
)
def test_a_damaged_document_stays_as_damaged(document):
    assert upgrade_config(document, 3)["format"] == 3


@pytest.mark.parametrize(("near", "small_ranges"), [("still", "hold"), ("widen", "widen"), ("exact", "keep")])
def test_every_treatment_of_small_ranges_has_its_new_name(near, small_ranges):
    assert upgrade_config({"encoding": {"near": near}}, 3)["encoding"] == {"small_ranges": small_ranges}


def test_what_is_upgraded_is_not_changed_by_it():
    before = deepcopy(OLD)
    upgrade_config(OLD, 3)
    assert before == OLD


def test_upgrading_twice_is_upgrading_once():
    for upgrade, document in (
        (upgrade_training, {"batch": 4, "compact": COMPACT}),
        (partial(upgrade_config, version=3), OLD),
        (upgrade_state, {"average": {}, "step": 1}),
    ):
        assert upgrade(upgrade(document)) == upgrade(document)


def test_a_run_that_an_older_hlm_started_becomes_what_it_would_have(tiny_config, tmp_path):
    whole = train(tiny_config(out=tmp_path / "whole"))
    path = train(tiny_config(out=tmp_path / "old"), stop_after=3)
    config = read_config(path)
    downgrade(path)
    assert read_config(path) == config
    train(resuming(path))
    assert read_checkpoint(path).step == 6
    first, second = (read_training(folder) for folder in (whole, path))
    for part in ("model", "ema"):
        assert all(torch.equal(first[part][name], second[part][name]) for name in first[part])


@pytest.mark.parametrize("name", RENAMED)
def test_a_config_with_an_old_name_is_told_the_new_one(name, tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text(f"{name}: 1\n")
    with pytest.raises(InputError, match=rf"field {name} of {re.escape(str(file))} is called {RENAMED[name]} now\.$"):
        read_document(file)
