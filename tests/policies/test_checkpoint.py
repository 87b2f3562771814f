import dataclasses
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from hlm.core.documents import from_document, to_document
from hlm.core.errors import CorruptError, HlmError, InputError, MismatchError, MissingFileError, UnknownNameError
from hlm.policies import checksums
from hlm.policies.checkpoint import read_checkpoint, read_training, write_checkpoint
from hlm.policies.checkpoint_config import CheckpointConfig, read_config, set_sampling
from hlm.policies.checksums import CHECKSUM_FILE, checksum, read_checksums
from hlm.policies.compact.config import CompactConfig
from hlm.policies.trained import load_policy

SUMMED = ("model.safetensors", "statistics.json", "training.pt")


@pytest.fixture
def checkpoint_path(trained_path, tmp_path):
    """A checkpoint that may be changed."""
    return shutil.copytree(trained_path, tmp_path / "policy")


def test_a_checkpoint_survives_writing_and_reading(trained_path, tmp_path):
    first = read_checkpoint(trained_path)
    write_checkpoint(tmp_path / "again", first, {"step": first.step}, "# card")
    second = read_checkpoint(tmp_path / "again")
    assert second.config == first.config
    assert second.step == first.step == 4
    assert second.statistics.to_dict() == first.statistics.to_dict()
    assert all(torch.equal(weight, second.weights[name]) for name, weight in first.weights.items())
    assert read_training(tmp_path / "again") == {"step": 4}


@pytest.mark.parametrize("summed", [True, False], ids=["summed", "of-an-older-hlm"])
@pytest.mark.parametrize("renamed", range(6))
def test_a_run_killed_while_saving_leaves_a_checkpoint(checkpoint_path, monkeypatch, renamed, summed):
    if not summed:
        (checkpoint_path / CHECKSUM_FILE).unlink()
    before = read_checkpoint(checkpoint_path)
    renames, rename = iter(range(6)), Path.replace

    def rename_or_die(path, target):
        if next(renames) == renamed:
            raise KeyboardInterrupt
        return rename(path, target)

    state = dataclasses.replace(before.statistics.state, max=before.statistics.state.max + 1.0)
    later = dataclasses.replace(before, step=9, statistics=dataclasses.replace(before.statistics, state=state))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", rename_or_die)
        write_checkpoint(checkpoint_path, later, {"step": 9}, "# card")
    assert read_checkpoint(checkpoint_path).step == 4
    assert read_training(checkpoint_path)["step"] in (4, 9)
    assert read_checkpoint(checkpoint_path).config == before.config
    write_checkpoint(checkpoint_path, later, {"step": 9}, "# card")
    assert {name: len(sums) for name, sums in read_checksums(checkpoint_path).items()} == dict.fromkeys(SUMMED, 1)
    assert read_checkpoint(checkpoint_path).step == read_training(checkpoint_path)["step"] == 9


def test_a_run_killed_in_its_first_save_leaves_no_checkpoint(trained_path, tmp_path, monkeypatch):
    def die(path, target):
        raise KeyboardInterrupt

    first = read_checkpoint(trained_path)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", die)
        write_checkpoint(tmp_path / "new", first, {}, "")
    with pytest.raises(MissingFileError, match=r"it has no model.safetensors"):
        load_policy(tmp_path / "new")


@pytest.mark.parametrize("tied", [lambda weight: weight, lambda weight: weight[:1], lambda weight: weight.T])
def test_tied_weights_are_saved_each_for_itself(trained_path, tmp_path, tied):
    first = read_checkpoint(trained_path)
    weight = torch.arange(6.0).view(2, 3)
    weights = {"head": weight, "embedding": tied(weight), "empty": weight[:0]}
    write_checkpoint(tmp_path / "tied", dataclasses.replace(first, weights=weights), None, "")
    read = read_checkpoint(tmp_path / "tied").weights
    assert read.keys() == weights.keys()
    assert all(torch.equal(read[name], weights[name]) for name in weights)
    assert torch.equal(weight, torch.arange(6.0).view(2, 3))


def test_the_optimizer_is_not_needed_for_serving(checkpoint_path, observe):
    before = load_policy(checkpoint_path).chunk(observe()).actions
    (checkpoint_path / "training.pt").unlink()
    np.testing.assert_array_equal(load_policy(checkpoint_path).chunk(observe()).actions, before)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_truncated_weights_are_one_line(checkpoint_path, share):
    file = checkpoint_path / "model.safetensors"
    data = file.read_bytes()
    file.write_bytes(data[: int(share * len(data))])
    with pytest.raises(CorruptError, match=r"model.safetensors is damaged") as error:
        load_policy(checkpoint_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_a_truncated_training_state_is_one_line(checkpoint_path, share):
    file = checkpoint_path / "training.pt"
    data = file.read_bytes()
    file.write_bytes(data[: int(share * len(data))])
    with pytest.raises(CorruptError, match=r"training.pt is damaged") as error:
        read_training(checkpoint_path)
    assert "\n" not in str(error.value)


def test_a_training_state_that_holds_objects_is_refused(checkpoint_path):
    torch.save({"step": np.random.default_rng(0)}, checkpoint_path / "training.pt")
    with pytest.raises(CorruptError, match=r"training.pt is damaged"):
        read_training(checkpoint_path)


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ("embodiment:", "embodyment:", "Did you mean 'embodiment'"),
        ("rate_hz: 30.0", "rate_hz: fast", "config.yaml.rate_hz must be a number, got 'fast'"),
        ("rate_hz: 30.0", "rate_hz: [", "is not valid YAML"),
        ("width: 32", "width: 48", "the weights do not fit the network"),
    ],
)
def test_a_damaged_description_says_where(checkpoint_path, before, after, text):
    file = checkpoint_path / "config.yaml"
    assert before in file.read_text()
    file.write_text(file.read_text().replace(before, after, 1))
    with pytest.raises(CorruptError, match=text):
        load_policy(checkpoint_path)


def test_a_description_that_is_cut_off_is_refused_wherever_it_ends(checkpoint_path):
    file = checkpoint_path / "config.yaml"
    lines = file.read_text().splitlines(keepends=True)
    for kept in range(len(lines)):
        file.write_text("".join(lines[:kept]))
        with pytest.raises(CorruptError, match=r"config\.yaml"):
            read_config(checkpoint_path)


def test_missing_parts_are_named(checkpoint_path):
    (checkpoint_path / "config.yaml").unlink()
    with pytest.raises(CorruptError, match=r"config.yaml is missing; the checkpoint is incomplete"):
        load_policy(checkpoint_path)
    (checkpoint_path / "model.safetensors").unlink()
    with pytest.raises(MissingFileError, match=r"no checkpoint at .*: it has no model.safetensors"):
        read_config(checkpoint_path)


def test_a_checkpoint_without_words_is_refused(checkpoint_path):
    file = checkpoint_path / "config.yaml"
    document = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump(document | {"vocabulary": None}))
    with pytest.raises(CorruptError, match=r"lists no words"):
        load_policy(checkpoint_path)


@pytest.mark.parametrize("name", SUMMED)
def test_any_flipped_bit_is_told_by_name(checkpoint_path, name):
    file = checkpoint_path / name
    whole = file.read_bytes()
    for place in np.random.default_rng(0).integers(0, 8 * len(whole), 20):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        file.write_bytes(damaged)
        with pytest.raises(
            CorruptError, match=rf"{name} is damaged or was edited: .*Copy the checkpoint again"
        ) as told:
            (read_training if name == "training.pt" else load_policy)(checkpoint_path)
        assert "\n" not in str(told.value)
    file.write_bytes(whole)
    assert read_training(checkpoint_path)["step"] == read_checkpoint(checkpoint_path).step


def test_checksums_are_those_that_coreutils_checks(checkpoint_path):
    command = ["sha256sum", "--check", "--strict", CHECKSUM_FILE]
    checked = subprocess.run(command, cwd=checkpoint_path, check=True, capture_output=True, text=True).stdout
    assert checked.splitlines() == [f"{name}: OK" for name in SUMMED]


def test_damaged_checksums_are_told_by_name(checkpoint_path):
    file = checkpoint_path / CHECKSUM_FILE
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], "x" + lines[1], lines[2]]))
    with pytest.raises(CorruptError, match=r"SHA256SUMS is damaged in line 2"):
        load_policy(checkpoint_path)
    other = "1" if lines[0][0] == "0" else "0"
    file.write_text("\n".join([other + lines[0][1:], *lines[1:]]))
    with pytest.raises(CorruptError, match=r"model.safetensors is damaged or was edited: .* SHA256SUMS says"):
        load_policy(checkpoint_path)


def test_damaged_checksums_keep_no_run_from_saving(checkpoint_path):
    later = dataclasses.replace(read_checkpoint(checkpoint_path), step=9)
    (checkpoint_path / CHECKSUM_FILE).write_text("damaged")
    write_checkpoint(checkpoint_path, later, {"step": 9}, "# card")
    assert read_checkpoint(checkpoint_path).step == read_training(checkpoint_path)["step"] == 9


def test_a_file_that_was_edited_on_purpose_loads_without_its_line(checkpoint_path):
    edit_statistics(checkpoint_path, "action", "max", 9.0)
    with pytest.raises(CorruptError, match=r"delete the line of statistics.json from SHA256SUMS"):
        read_checkpoint(checkpoint_path)
    file = checkpoint_path / CHECKSUM_FILE
    file.write_text("".join(line for line in file.read_text().splitlines(keepends=True) if "statistics" not in line))
    assert read_checkpoint(checkpoint_path).statistics.action.max[9] == 9.0


def test_a_checkpoint_can_be_read_while_its_run_saves(checkpoint_path, monkeypatch):
    later, hashed = dataclasses.replace(read_checkpoint(checkpoint_path), step=9), []

    def hash_later(path):
        # Another process saves after the checksums were read and before the first file is hashed.
        if not hashed:
            hashed.append(path)
            write_checkpoint(checkpoint_path, later, {"step": 9}, "# card")
        return checksum(path)

    monkeypatch.setattr(checksums, "checksum", hash_later)
    assert read_checkpoint(checkpoint_path).step == 9


def test_a_training_state_of_an_older_hlm_is_checked_by_its_own_checksums(checkpoint_path):
    (checkpoint_path / CHECKSUM_FILE).unlink()
    file = checkpoint_path / "training.pt"
    data, weight = bytearray(file.read_bytes()), next(iter(read_training(checkpoint_path)["model"].values()))
    data[data.find(weight.numpy().tobytes()) + 3] ^= 0x40
    file.write_bytes(data)
    with pytest.raises(CorruptError, match=r"training.pt is damaged: the checksum of .* is wrong"):
        read_training(checkpoint_path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_told_by_name(checkpoint_path, value):
    first = read_checkpoint(checkpoint_path)
    name = list(first.weights)[3]
    weight = first.weights[name].clone()
    weight.view(-1)[-1] = value
    write_checkpoint(checkpoint_path, dataclasses.replace(first, weights={**first.weights, name: weight}), None, "")
    with pytest.raises(CorruptError, match=rf"model.safetensors is damaged: {name} holds values that are not finite"):
        load_policy(checkpoint_path)


@pytest.mark.parametrize(
    ("part", "name", "value", "text"),
    [
        ("action", "q01", np.nan, "action q01 of right_shoulder_roll is nan"),
        ("state", "q99", np.inf, "state q99 of right_shoulder_roll is inf"),
        ("state", "mean", -np.inf, "state mean of right_shoulder_roll is -inf"),
        ("action", "q01", 9.0, r"action q01 of right_shoulder_roll is 9, above its q99 -?[\d.]+"),
    ],
)
def test_statistics_that_no_data_have_are_told_by_name(checkpoint_path, part, name, value, text):
    (checkpoint_path / CHECKSUM_FILE).unlink()
    edit_statistics(checkpoint_path, part, name, value)
    with pytest.raises(CorruptError, match=rf"statistics.json is damaged: {text}\.$"):
        load_policy(checkpoint_path)


def edit_statistics(folder, part, name, value):
    """Replace dimension 9."""
    file = folder / "statistics.json"
    document = json.loads(file.read_text())
    document[part][name][9] = value
    file.write_text(json.dumps(document))


def test_damaged_statistics_are_named(checkpoint_path):
    (checkpoint_path / CHECKSUM_FILE).unlink()
    (checkpoint_path / "statistics.json").write_text("{}")
    with pytest.raises(CorruptError, match=r"statistics.json is damaged"):
        load_policy(checkpoint_path)


@pytest.mark.parametrize(
    ("number", "remedy"), [(4, "Install a newer hlm"), (1, "Train the policy again, or install an older hlm")]
)
def test_another_format_is_refused(checkpoint_path, number, remedy):
    file = checkpoint_path / "config.yaml"
    file.write_text(file.read_text().replace("format: 3", f"format: {number}"))
    with pytest.raises(MismatchError, match=rf"config.yaml has format {number}, this hlm reads 3\. {remedy}\.$"):
        load_policy(checkpoint_path)
    with pytest.raises(MismatchError, match=f"has format {number}"):
        read_config(checkpoint_path)


def test_settings_of_another_kind_are_refused(checkpoint_path):
    file = checkpoint_path / "config.yaml"
    file.write_text(file.read_text().replace("policy: compact", "policy: act", 1))
    with pytest.raises(HlmError, match=r"no field of policy_config 'architecture'") as error:
        load_policy(checkpoint_path)
    assert "\n" not in str(error.value)


def test_a_document_survives_its_config(trained_path):
    config = read_config(trained_path)
    assert from_document(CheckpointConfig, to_document(config)) == config
    assert config.options() == CompactConfig(architecture=config.options().architecture)
    assert config.options().architecture.width == 32


def test_an_unknown_kind_of_policy_names_the_known_ones(checkpoint_path):
    file = checkpoint_path / "config.yaml"
    file.write_text(file.read_text().replace("policy: compact", "policy: compakt"))
    with pytest.raises(UnknownNameError, match="Did you mean 'compact'"):
        load_policy(checkpoint_path)


def test_another_robot_is_refused(trained_path):
    assert load_policy(trained_path, embodiment="unitree_g1").spec.embodiment == "unitree_g1"
    with pytest.raises(MismatchError, match="trained for robot 'unitree_g1', not for 'unitree_h1'"):
        load_policy(trained_path, embodiment="unitree_h1")


def test_a_wrong_path_names_the_nearest(checkpoint_path, tmp_path):
    with pytest.raises(MissingFileError, match=r"there is nothing. Did you mean '.*policy'"):
        load_policy(tmp_path / "polizy")
    with pytest.raises(MissingFileError, match="this folder holds policy; name one of them"):
        load_policy(tmp_path)
    with pytest.raises(MissingFileError, match="this is a file; a checkpoint is a folder"):
        load_policy(checkpoint_path / "card.md")


def test_sampling_can_be_changed_in_place(checkpoint_path):
    before = read_config(checkpoint_path)
    assert set_sampling(checkpoint_path, euler_steps=7).execution_horizon == before.sampling.execution_horizon
    set_sampling(checkpoint_path, execution_horizon=9)
    policy = load_policy(checkpoint_path)
    assert (policy.euler_steps, policy.spec.execution_horizon) == (7, 9)
    assert load_policy(checkpoint_path, euler_steps=2).euler_steps == 2
    with pytest.raises(InputError, match="execution_horizon 17 is more than the 16 actions of a chunk"):
        set_sampling(checkpoint_path, execution_horizon=17)
    with pytest.raises(InputError, match="euler_steps must be at least 1"):
        set_sampling(checkpoint_path, euler_steps=0)
