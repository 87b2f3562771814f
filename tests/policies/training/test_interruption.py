"""A run is interrupted, or killed, or one of its workers is."""

import errno
import multiprocessing
import os
import signal
from functools import partial
from threading import Event

import numpy as np
import psutil
import pytest
import torch
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from hlm.core.errors import HlmError
from hlm.datasets.store.lock import FolderLock
from hlm.policies import checkpoint as checkpoint_module
from hlm.policies.checkpoint import read_checkpoint, read_training
from hlm.policies.training.loading import _begin, read_batches
from hlm.policies.training.resuming import resuming
from hlm.policies.training.stopping import StopRequest
from hlm.policies.training.trainer import train

LIMIT_S = 30.0
ALWAYS = 1e-9  # minutes between saves: after every update
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")


def is_past(out, step):
    return (out / "model.safetensors").is_file() and read_checkpoint(out).step > step


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_saves_and_says_how_to_go_on(start_training, soon, number, tiny_config, tmp_path):
    config = tiny_config(steps=100_000, workers=2)
    trainer = start_training(config, tmp_path / "process")
    soon(lambda: list(config.out.glob("tensorboard/*")))
    workers = soon(lambda: len(found := psutil.Process(trainer.pid).children()) == 2 and found)
    os.killpg(trainer.pid, number)
    assert trainer.wait() == 130, trainer.said
    lines = trainer.said.splitlines()
    assert lines[-1] == "hlm: interrupted"
    step = read_checkpoint(config.out).step
    assert (
        lines[-2] == f"stopped and saved after {step} of 100000 updates; continue with: hlm train --resume {config.out}"
    )
    assert "Traceback" not in trainer.said
    soon(lambda: not any(worker.is_running() for worker in workers))
    assert read_training(config.out)["step"] == step
    assert (config.out / "loss.png").stat().st_mtime_ns >= (config.out / "training.pt").stat().st_mtime_ns
    train(resuming(config.out, workers=0), stop_after=1)
    assert read_checkpoint(config.out).step == step + 1


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop.requested
            os.kill(os.getpid(), signal.SIGTERM)
            assert stop.requested
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_impatience_while_saving_does_no_harm(start_training, soon, tiny_config, tmp_path):
    config = tiny_config(steps=100_000)
    begun = tmp_path / "begun"

    def slow_saving():
        write = checkpoint_module._save_training

        def save_slowly(state, path):
            begun.touch()
            soon((tmp_path / "go").exists)
            return write(state, path)

        checkpoint_module._save_training = save_slowly

    trainer = start_training(config, tmp_path / "process", slow_saving)
    soon(lambda: list(config.out.glob("tensorboard/*")))
    os.killpg(trainer.pid, signal.SIGINT)
    soon(begun.exists)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        os.killpg(trainer.pid, number)
    (tmp_path / "go").touch()
    assert trainer.wait() == 130, trainer.said
    assert "Traceback" not in trainer.said
    assert read_checkpoint(config.out).step == read_training(config.out)["step"]


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.slow)])
def test_killed_again_and_again_it_becomes_what_it_would_have(start_training, soon, kills, tiny_config, tmp_path):
    steps = 60 * kills
    config = tiny_config(
        out=tmp_path / "killed", steps=steps, save_every_minutes=ALWAYS, validation_fraction=0.0, batch_size=2
    )
    random, seen, ahead = np.random.default_rng(kills), [], 0
    for _ in range(kills):
        there = (config.out / "training.pt").is_file()
        trainer = start_training(resuming(config.out) if there else config, tmp_path / "process")
        before = seen[-1] if seen else -1
        if random.uniform() < 0.8:
            soon(partial(is_past, config.out, before))
        trainer.work_on(random.uniform(0.0, 0.4))
        os.kill(trainer.pid, signal.SIGKILL)
        assert trainer.wait() == -9, trainer.said
        if (config.out / "model.safetensors").is_file():
            weights, state = read_checkpoint(config.out), read_training(config.out)
            # A save replaces both files, the weights last.
            assert state["step"] - weights.step >= 0
            ahead += state["step"] > weights.step
            if state["step"] == weights.step:
                assert torch.equal(weights.weights["summary"], state["ema"]["summary"])
            seen.append(weights.step)
    assert seen == sorted(seen) and seen[-1] > 0
    train(resuming(config.out, save_every_minutes=5.0), stop_after=3)
    final = read_training(config.out)
    whole = train(
        tiny_config(out=tmp_path / "whole", steps=steps, validation_fraction=0.0, batch_size=2),
        stop_after=final["step"],
    )
    assert same(read_training(whole)["model"], final["model"])
    assert same(read_checkpoint(whole).weights, read_checkpoint(config.out).weights)
    assert not [entry for entry in config.out.iterdir() if checkpoint_module.is_temporary(entry)]


def test_a_worker_that_is_killed_ends_the_run_with_one_line(start_training, soon, tiny_config, tmp_path):
    config = tiny_config(steps=100_000, workers=1)
    trainer = start_training(config, tmp_path / "process")
    soon(lambda: list(config.out.glob("tensorboard/*")))
    (worker,) = soon(lambda: psutil.Process(trainer.pid).children())
    worker.kill()
    assert trainer.wait() == 2, trainer.said
    assert trainer.said.splitlines()[-1].startswith(
        "hlm: a process that reads samples was killed, as happens when memory"
    )
    assert "Traceback" not in trainer.said


def kill_itself():
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.filterwarnings("error")
def test_workers_that_die_while_they_are_started_end_the_run_with_one_line(prepared, soon, monkeypatch):
    """Under load the first may be dead before the last is there; torch would raise out of its constructor."""
    run, reset = prepared(), _MultiProcessingDataLoaderIter._reset

    def late(loader, *arguments, **options):
        dead = [psutil.Process(pid) for pid in (worker.pid for worker in loader._workers)]
        soon(lambda: all(process.status() == psutil.STATUS_ZOMBIE for process in dead))
        reset(loader, *arguments, **options)

    monkeypatch.setattr(_MultiProcessingDataLoaderIter, "_reset", late)
    sampler = run.data.sampler(0, rank=0, world_size=1, position=0)
    for _ in range(2):  # From the first time on, torch listens.
        with pytest.raises(
            HlmError, match=r"a process that reads samples was killed, .* Use fewer --workers\."
        ) as error:
            next(read_batches(run.samples, sampler, 4, 2, in_worker=kill_itself))
        assert "\n" not in str(error.value)


def test_workers_that_cannot_be_started_end_the_run_with_one_line(prepared, monkeypatch):
    run = prepared()

    def refused(process):
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(multiprocessing.process.BaseProcess, "start", refused)
    sampler = run.data.sampler(0, rank=0, world_size=1, position=0)
    said = r"could not start 2 processes that read samples: resource temporarily unavailable\. Use fewer --workers\."
    before = signal.getsignal(signal.SIGCHLD)
    with pytest.raises(HlmError, match=said):
        next(read_batches(run.samples, sampler, 4, 2))
    assert signal.getsignal(signal.SIGCHLD) is before


def test_workers_end_in_order(prepared):
    """Torch would take any other end for a death, and say so wherever it listens for deaths."""
    run = prepared()
    others = set(multiprocessing.active_children())
    batches = read_batches(run.samples, run.data.sampler(0, rank=0, world_size=1, position=0), 4, 2)
    next(batches)
    workers = set(multiprocessing.active_children()) - others
    batches.close()
    for worker in workers:
        worker.join(LIMIT_S)
    assert [worker.exitcode for worker in workers] == [0, 0]


def test_workers_end_soon_after_their_trainer_is_killed(start_training, soon, tiny_config, tmp_path):
    config = tiny_config(steps=100_000, workers=2)
    trainer = start_training(config, tmp_path / "process")
    workers = soon(lambda: len(found := psutil.Process(trainer.pid).children()) == 2 and found)
    os.kill(trainer.pid, signal.SIGKILL)
    trainer.wait()
    with FolderLock(config.out):  # they have no part in it
        soon(lambda: not any(worker.is_running() for worker in workers))


def work_for(trainer):
    _begin(lambda: None, trainer, 0)
    Event().wait()


def test_a_worker_whose_trainer_was_killed_before_it_began_ends_too():
    worker = multiprocessing.get_context("fork").Process(target=work_for, args=(os.getpid() + 1,))
    worker.start()
    worker.join(LIMIT_S)
    assert worker.exitcode == 0
