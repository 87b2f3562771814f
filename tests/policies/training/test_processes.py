"""Several processes on this machine's CPU learn what one process learns from batches as large as theirs together."""

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch
import torch._dynamo  # which FSDP imports, slowly; so the processes that are forked have it
import yaml
import zarr
from torch import nn
from torch.distributed.fsdp import FSDPModule

from hlm.cli.main import main
from hlm.core.clock import MonotonicClock, ticks
from hlm.core.errors import InputError
from hlm.datasets.mixture import MixtureConfig, MixtureEntry
from hlm.datasets.reader import open_dataset
from hlm.policies.checkpoint import read_checkpoint, read_training
from hlm.policies.network import Losses, Term
from hlm.policies.training.config import TrainConfig
from hlm.policies.training.processes import join_processes
from hlm.policies.training.resuming import resuming
from hlm.policies.training.state import TrainState, served_weights
from hlm.policies.training.trainer import train
from hlm.policies.training.training_data import open_training_data

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
LIMIT_S = 120.0
# Sums over samples are made in another order.
LOSS_TOLERANCE = 1e-5
WEIGHT_TOLERANCE = 1e-3


@pytest.fixture
def hlm_train(in_processes, tmp_path):
    """Runs `hlm train` on a config in several processes; gives their exit codes and what each said."""

    def run(count, config, *options):
        file = tmp_path / "config.yaml"
        file.write_text(yaml.safe_dump(config.to_document()))
        return in_processes(count, tmp_path / "said", main, ["train", str(file), *options])

    return run


@pytest.fixture
def two_datasets(make_dataset):
    return make_dataset("even.zarr", episodes=4), make_dataset("odd.zarr", episodes=4, rows=30)


def far(first, second):
    """Largest difference between two sets of tensors."""
    assert first.keys() == second.keys()
    return max(float((first[name] - second[name]).abs().max()) for name in first)


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("sharding", ["none", "fsdp"])
def test_two_processes_learn_what_one_learns_from_twice_the_batch(
    sharding, hlm_train, tiny_config, two_datasets, tmp_path
):
    alone = train(tiny_config(datasets=two_datasets, out=tmp_path / "alone", batch_size=8, steps=6))
    config = tiny_config(datasets=two_datasets, out=tmp_path / "both", batch_size=4, steps=6, sharding=sharding)
    codes, said = hlm_train(2, config)
    assert codes == [0, 0]
    assert "2 processes" in said[0] and f"checkpoint: {config.out}" in said[0]
    assert said[1] == ""
    one, both = read_training(alone), read_training(config.out)
    assert set(one["history"]) == set(both["history"]) >= {"loss", "loss/even", "loss/odd", "auxiliary"}
    for name, values in one["history"].items():
        assert both["history"][name] == pytest.approx(values, rel=100.0 * LOSS_TOLERANCE, nan_ok=True), name
    assert both["history"]["loss"] == pytest.approx(one["history"]["loss"], rel=LOSS_TOLERANCE)
    for part in ("model", "ema"):
        assert far(one[part], both[part]) < WEIGHT_TOLERANCE
    assert read_checkpoint(config.out).step == 6
    names = {entry.name for entry in alone.iterdir()}
    assert {entry.name for entry in config.out.iterdir()} == names
    assert len(list((config.out / "tensorboard").iterdir())) == 1


@pytest.mark.parametrize("sharding", ["none", pytest.param("fsdp", marks=pytest.mark.slow)])
def test_two_processes_resume_bit_for_bit_and_one_goes_on_with_their_samples(
    sharding, hlm_train, in_processes, tiny_config, tmp_path
):
    whole = tiny_config(out=tmp_path / "whole", batch_size=4, steps=4, sharding=sharding, validation_fraction=0.0)
    assert hlm_train(2, whole)[0] == [0, 0]
    # The same run again, stopped after its second update.
    parts = tiny_config(out=tmp_path / "parts", batch_size=4, steps=4, sharding=sharding, validation_fraction=0.0)
    codes, _ = in_processes(2, tmp_path / "said", stop_after_two, parts)
    assert codes == [0, 0]
    one = tmp_path / "one"
    one.mkdir()
    for entry in parts.out.glob("*.*"):
        (one / entry.name).write_bytes(entry.read_bytes())
    assert hlm_train(2, resuming(parts.out))[0] == [0, 0]
    first, second = read_training(whole.out), read_training(parts.out)
    assert same(first["model"], second["model"]) and same(first["ema"], second["ema"])
    assert same(read_checkpoint(whole.out).weights, read_checkpoint(parts.out).weights)
    train(resuming(one, sharding="none"))
    assert resuming(one).batch_size == 8
    assert far(first["model"], read_training(one)["model"]) < WEIGHT_TOLERANCE


def stop_after_two(config):
    train(config, stop_after=2)


def test_processes_that_cannot_share_the_samples_say_so_once(hlm_train, tiny_config):
    path = train(tiny_config(batch_size=8, steps=4), stop_after=2)
    codes, said = hlm_train(3, resuming(path))
    assert codes == [2, 2, 2]
    assert said[0].startswith("hlm: the run's updates have 8 samples, which 3 processes cannot share equally")
    assert said[0].count("\n") == 1 and said[1:] == ["", ""]


def test_a_broken_step_in_one_process_ends_all_with_one_line(hlm_train, tiny_config, make_dataset):
    data = make_dataset(episodes=4)
    config = tiny_config(datasets=(data,), batch_size=4, steps=50, validation_fraction=0.0)
    mixture = MixtureConfig(datasets=(MixtureEntry(path=data),))
    draws = iter(open_training_data(config, mixture).sampler(config.seed, rank=1, world_size=2, position=8))
    number = next(draws)  # of the second process' second update
    episode, step = open_dataset(data).episodes[number // 24], number % 24
    label = zarr.open_array(episode.path / "privileged" / "goal_in_hand_m", mode="r+")
    values = label[:]
    values[step] = np.nan
    label[:] = values
    codes, said = hlm_train(2, config)
    assert codes == [2, 2]
    broken = f"hlm: {episode.path} step {step} holds nan or infinity in its goal_m; leave the episode out."
    assert said[0].splitlines()[-1] == broken
    assert said[0].count("hlm:") == 1 and said[1] == ""
    # What the other process could still read is not lost.
    assert read_checkpoint(config.out).step == 1


def die_in_the_third_update(*arguments):
    update = TrainState.update

    def update_or_die(state, *rest):
        if state.step == 2 and os.environ["RANK"] == "1":
            os.kill(os.getpid(), signal.SIGKILL)
        return update(state, *rest)

    TrainState.update = update_or_die
    return main(*arguments)


def test_a_process_that_dies_ends_the_others_with_one_line(in_processes, tiny_config, tmp_path):
    config = tiny_config(steps=50, validation_fraction=0.0)
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(config.to_document()))
    codes, said = in_processes(2, tmp_path / "said", die_in_the_third_update, ["train", str(file)])
    assert codes == [2, -signal.SIGKILL]
    assert said[0].splitlines()[-1] == "hlm: another process of the run has died; what was saved until then is kept."
    assert "Traceback" not in said[0]


def test_sharding_needs_several_processes(tiny_config):
    with pytest.raises(InputError, match=r"--sharding fsdp needs several processes; start them with torchrun"):
        train(tiny_config(sharding="fsdp"))


class Layer(nn.Module):
    """What a network may name as a unit."""

    def __init__(self, width, dtype):
        super().__init__()
        self.linear = nn.Linear(width, width, dtype=dtype)
        self.norm = nn.LayerNorm(width)
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, hidden):
        inner = self.linear(hidden.to(self.linear.weight.dtype)).float()
        return hidden + self.scale * torch.tanh(self.norm(inner))


class Layered(nn.Module):
    """A network that names its layers, of weights of two types, with one that is frozen and one that nothing uses."""

    noise_shape = (3,)

    def __init__(self, dtype):
        super().__init__()
        self.layers = nn.ModuleList(Layer(8, dtype) for _ in range(3))
        self.frozen = nn.Parameter(torch.full((8,), 2.0), requires_grad=False)
        self.unused = nn.Parameter(torch.ones(2))
        self.out = nn.Linear(8, 3)

    @property
    def sharded_layers(self):
        return list(self.layers)

    def forward(self, batch, draws):
        del draws
        error = (self.sample(batch.actions, None, 1) - 1.0).square().mean(-1)
        return Losses(
            Term(error, torch.ones_like(error)), {"doubled": Term(2.0 * error.detach(), torch.ones_like(error), 0.0)}
        )

    def sample(self, inputs, noise, steps, prefix=None):
        for layer in self.layers:
            inputs = layer(inputs)
        return self.out(inputs * self.frozen)


def layered_run(folder, sharding, dtype):
    """Five updates of the layered network on this process' share of the samples; the first one keeps what came out."""
    config = TrainConfig(device="cpu", sharding=sharding, steps=5, learning_rate=1e-2, max_grad_norm=0.5, ema_decay=0.5)
    processes = join_processes(config)
    torch.manual_seed(processes.process_index)  # the first process' weights count
    network = Layered(dtype)
    torch.manual_seed(0)
    reference = Layered(dtype)
    if processes.is_main_process:
        network.load_state_dict(reference.state_dict())
    state = TrainState.start(network, config, processes, bfloat16=False)
    if sharding == "fsdp":
        assert all(isinstance(layer, FSDPModule) for layer in network.layers)
        assert state._trained()["out.weight"].to_local().shape[0] < 3 == network.out.weight.shape[0]
        assert state.ema["out.weight"].to_local().shape == network.out.weight.to_local().shape
    for update in range(5):
        everything = torch.randn(8, 8, generator=torch.Generator().manual_seed(update))
        batch = SimpleNamespace(actions=everything[processes.process_index :: processes.num_processes])
        state.update(batch, None, config)
    with state.ema_applied() as averaged, torch.inference_mode():
        sampled = averaged.sample(everything, None, 1)
    document = state.to_document()
    again = TrainState.start(Layered(dtype), config, processes, bfloat16=False)
    again.restore(document if processes.num_processes == 1 else _sent(document, processes))
    returned = again.to_document()
    if processes.is_main_process:
        torch.save({"document": document, "served": served_weights(document), "sampled": sampled}, folder / "kept.pt")
        assert same(document["model"], returned["model"]) and same(document["ema"], returned["ema"])
        states = document["optimizer"]["state"], returned["optimizer"]["state"]
        assert all(same(states[0][name], states[1][name]) for name in states[0])


def _sent(document, processes):
    """The first process' document in all, as all of them read it from a file."""
    holder = [document if processes.is_main_process else None]
    torch.distributed.broadcast_object_list(holder, 0)
    return holder[0]


@pytest.mark.parametrize("sharding", ["none", "fsdp"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_layers_of_several_sorts_of_weights_learn_alike(in_processes, dtype, sharding, tmp_path):
    found = []
    for count, shared in ((1, "none"), (2, sharding)):
        folder = tmp_path / str(count)
        codes, said = in_processes(count, folder, layered_run, folder, shared, dtype)
        assert codes == [0] * count, said
        found.append(torch.load(folder / "kept.pt"))
    alone, both = found
    # A weight in half precision has steps of a hundredth of itself.
    tolerance = WEIGHT_TOLERANCE if dtype == torch.float32 else 2e-2
    assert far(alone["served"], both["served"]) < tolerance
    assert far(alone["document"]["model"], both["document"]["model"]) < tolerance
    assert (alone["sampled"] - both["sampled"]).abs().max() < 10.0 * tolerance
    assert both["served"]["layers.0.linear.weight"].dtype == dtype
    assert both["document"]["ema"]["layers.0.linear.weight"].dtype == torch.float32
    assert torch.equal(both["document"]["model"]["frozen"], torch.full((8,), 2.0))


LAUNCHERS = {
    "torchrun": ["-m", "torch.distributed.run", "--nproc-per-node", "2"],
    # It has no other name for several processes of one machine.
    "accelerate": ["-m", "accelerate.commands.accelerate_cli", "launch", "--multi_gpu", "--num_processes", "2"],
}


@pytest.fixture
def launch(tmp_path):
    """Starts `hlm train` on a config as people do, in a session of its own."""
    started = []

    def start(launcher, config):
        file = tmp_path / "config.yaml"
        file.write_text(yaml.safe_dump(config.to_document()))
        command = [sys.executable, *LAUNCHERS[launcher], "-m", "hlm.cli.main", "train", str(file)]
        started.append(
            subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_launchers_start_the_same_command(launcher, launch, tiny_config):
    config = tiny_config(steps=4, workers=1)
    process = launch(launcher, config)
    said, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, said
    assert said.count(f"checkpoint: {config.out}") == 1
    assert "2 processes" in said
    assert read_training(config.out)["samples"] == 16
    assert read_checkpoint(config.out).step == 4


@pytest.mark.slow
@pytest.mark.parametrize(("number", "send"), [(signal.SIGINT, os.killpg), (signal.SIGTERM, os.kill)])
def test_a_signal_to_torchrun_saves_and_leaves_nobody_behind(number, send, launch, tiny_config):
    config = tiny_config(steps=100_000, workers=1)
    process = launch("torchrun", config)
    for tick in ticks(MonotonicClock(), rate_hz=5.0):
        family = psutil.Process(process.pid).children(recursive=True)
        if len(family) == 4 and list(config.out.glob("tensorboard/*")):
            break
        assert tick.index < 5.0 * LIMIT_S
    send(process.pid, number)
    said, _ = process.communicate(timeout=LIMIT_S)
    step = read_checkpoint(config.out).step
    assert said.count(f"stopped and saved after {step} of 100000 updates; continue with: hlm train --resume") == 1, said
    assert said.count("hlm: interrupted") == 1
    assert not any(member.is_running() for member in family)
    assert read_training(config.out)["step"] == step < 100_000
