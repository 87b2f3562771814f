import json
import os
import signal
import subprocess
import sys

import pytest
import torch

from hlm.core.clock import MonotonicClock, ticks
from hlm.core.documents import to_document
from hlm.core.errors import ExistsError, InputError, MismatchError, MissingFileError
from hlm.policies.checkpoint import read_checkpoint, read_training
from hlm.policies.registry import load_policy
from hlm.policies.training.config import Recipe, TrainConfig
from hlm.policies.training.state import learning_rate
from hlm.policies.training.trainer import DivergedError, train
from hlm.policies.training.validation import validate


def same(first, second):
    """Whether two documents of tensors, numbers and lists are equal, bit for bit; times apart."""
    if isinstance(first, torch.Tensor):
        return first.dtype == second.dtype and torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first if key != "seconds")
    if isinstance(first, list):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second or (first != first and second != second)


def test_interrupted_and_resumed_equals_uninterrupted_bit_for_bit(tiny_config, tmp_path):
    whole = train(tiny_config(out=tmp_path / "whole"))
    parts = train(tiny_config(out=tmp_path / "parts"), stop_after=3)
    assert read_checkpoint(parts).step == 3
    train(TrainConfig(resume=parts, threads=1))
    assert same(read_training(whole), {**read_training(parts), "history": read_training(whole)["history"]})
    for name, weight in read_checkpoint(whole).weights.items():
        assert torch.equal(weight, read_checkpoint(parts).weights[name]), name


def test_resuming_takes_the_saved_settings_and_refuses_others(tiny_config):
    path = train(tiny_config(), stop_after=1)
    with pytest.raises(InputError, match="was started with batch 8, not 16; resuming cannot change it"):
        train(TrainConfig(resume=path, batch=16))


def test_resuming_needs_the_same_episodes(make_dataset, tiny_config):
    path = train(tiny_config(datasets=(make_dataset(),)), stop_after=1)
    make_dataset(episodes=2)
    with pytest.raises(MismatchError, match="have changed since it was started"):
        train(TrainConfig(resume=path, threads=1))


def test_a_checkpoint_without_training_state_cannot_be_resumed(tiny_config):
    path = train(tiny_config(), stop_after=1)
    (path / "training.pt").unlink()
    assert load_policy(path).info["step"] == 1
    with pytest.raises(MissingFileError, match="can be served but not trained on"):
        train(TrainConfig(resume=path))


def test_an_existing_run_is_not_overwritten(tiny_config):
    config = tiny_config(steps=1)
    train(config)
    with pytest.raises(ExistsError, match=r"--resume .* to go on with it, or choose another --out"):
        train(config)


def test_a_run_needs_data():
    with pytest.raises(InputError, match="training needs --datasets"):
        TrainConfig()


def test_everything_random_depends_on_the_seed(tiny_config, tmp_path):
    first, second, third = (
        train(tiny_config(out=tmp_path / name, seed=seed, steps=2)) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert same(read_training(first)["model"], read_training(second)["model"])
    assert not same(read_training(first)["model"], read_training(third)["model"])


def test_training_leaves_the_global_random_state_alone(tiny_config):
    torch.manual_seed(11)
    before = torch.get_rng_state()
    train(tiny_config(steps=1))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_small_network_learns_one_episode_by_heart(make_dataset, tiny_config, prepared):
    plain = Recipe(state_noise=0.0, state_dropout=0.0, shift=0.0, contrast=0.0, brightness=0.0, counterfactual=0.0)
    data = make_dataset(episodes=1)
    settings = {"datasets": (data,), "recipe": plain, "validation": 0.0, "batch": 16, "learning_rate": 1e-2}
    run = prepared(**settings, steps=150)
    # The average starts as the untrained network.
    before = validate(run.state.average, run.data, run.encoding, plain, 0)
    for _ in range(150):
        run.state.update(run.data, run.config)
    after = validate(run.state.model, run.data, run.encoding, plain, 0)
    for errors in after.chunks:
        assert errors.square < 0.03 < 0.1 * before.chunks[0].square
    assert after.asked_error_m < 0.2 * before.asked_error_m


def test_the_learning_rate_warms_up_and_falls_to_three_percent(tiny_config):
    config = tiny_config(learning_rate=1.0, warmup_steps=10, steps=100)
    assert learning_rate(0, 100, config) == pytest.approx(0.1)
    assert learning_rate(10, None, config) == 1.0
    assert learning_rate(100, 100, config) == pytest.approx(0.03)
    falling = [learning_rate(step, 100, config) for step in range(10, 100)]
    assert falling == sorted(falling, reverse=True)


def test_steps_are_fixed_from_the_time_budget(tiny_config):
    path = train(tiny_config(steps=None, max_minutes=0.02, batch=4))
    state = read_training(path)
    assert state["step"] == state["steps"] >= 26


def test_a_run_leaves_everything_that_a_checkpoint_has(trained_path):
    names = {entry.name for entry in trained_path.iterdir()}
    assert names == {
        "model.safetensors", "config.yaml", "statistics.json", "training.pt", "card.md", "loss.png", "tensorboard"
    }  # fmt: skip
    card = (trained_path / "card.md").read_text()
    for told in (
        "6 of 6 episodes (6 scripted)",
        "`hlm train --datasets tiny.zarr`",
        "4 updates, 8 samples each",
        "right arm",
    ):
        assert told in card
    assert (trained_path / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_a_loss_that_is_no_number_ends_the_run(tiny_config):
    with pytest.raises(DivergedError, match="try a lower --learning-rate"):
        train(tiny_config(learning_rate=1e20, steps=40, warmup_steps=0))


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_signal_saves_and_says_how_to_go_on(number, tiny_config, tmp_path):
    config = tiny_config(steps=100_000)
    script = (
        "import json, sys\n"
        "from hlm.core.documents import from_document\n"
        "from hlm.policies.training.config import TrainConfig\n"
        "from hlm.policies.training.trainer import train\n"
        "train(from_document(TrainConfig, json.loads(sys.argv[1])))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, json.dumps(to_document(config))],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    # The event file appears after the signal handlers are in place.
    clock = MonotonicClock()
    for tick in ticks(clock, rate_hz=10.0):
        if list(config.out.glob("tensorboard/*")) or tick.index > 600:
            break
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode != 0
    assert f"hlm train --resume {config.out}" in said
    assert read_training(config.out)["step"] == read_checkpoint(config.out).step < 100_000


def test_saving_does_not_change_what_is_learnt(tiny_config, tmp_path):
    rarely = train(tiny_config(out=tmp_path / "rarely"))
    often = train(tiny_config(out=tmp_path / "often", save_minutes=1e-9))
    assert same(read_training(rarely)["model"], read_training(often)["model"])


def test_options_that_make_no_sense_are_refused(tiny_config):
    for changes, text in (
        ({"batch": 1}, "batch must be at least 2"),
        ({"steps": 0}, "steps must be positive"),
        ({"validation": 1.0}, r"validation must be in \[0, 1\)"),
    ):
        with pytest.raises(InputError, match=text):
            tiny_config(**changes)
    with pytest.raises(InputError, match=r"counterfactual must be in \[0, 1\)"):
        Recipe(counterfactual=1.5)
