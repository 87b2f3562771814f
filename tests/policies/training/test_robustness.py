"""What else may happen to a run: the disk fills up, the data is broken, the loss diverges."""

import contextlib
import re
import resource
import subprocess
import sys
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import numpy as np
import psutil
import pytest
import torch
import yaml
import zarr
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from hlm.cli.main import main
from hlm.core.errors import ExistsError, HlmError, MissingFileError, StorageError
from hlm.datasets.reader import open_dataset
from hlm.datasets.store.lock import FolderLock, LockedError
from hlm.policies import checkpoint as checkpoint_module
from hlm.policies.checkpoint import read_checkpoint, read_training
from hlm.policies.training import saving, trainer
from hlm.policies.training.output_folder import must_have_space
from hlm.policies.training.reports import EventFile, Reports
from hlm.policies.training.resuming import resuming
from hlm.policies.training.saving import DivergedError
from hlm.policies.training.state import TrainState
from hlm.policies.training.trainer import train

ALWAYS = 1e-9  # minutes between saves: after every update
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")


def small_files(limit_bytes):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    return limit


def test_a_file_that_cannot_be_written_ends_the_run_only_at_the_end(start_training, tiny_config, tmp_path):
    path = train(tiny_config(steps=5), stop_after=2)
    before = {name: (path / name).read_bytes() for name in ("model.safetensors", "training.pt")}
    trainer = start_training(resuming(path, save_every_minutes=ALWAYS), tmp_path / "process", small_files(300_000))
    assert trainer.wait() == 2
    lines = trainer.said.splitlines()
    failed = [line for line in lines if line.startswith("no checkpoint at update 3:")]
    assert failed == [f"no checkpoint at update 3: could not write {path}: file too large. Training continues."]
    assert lines[-1] == f"hlm: could not write {path}: file too large."
    assert "Traceback" not in trainer.said
    assert {name: (path / name).read_bytes() for name in before} == before
    assert read_checkpoint(path).step == 2
    assert not [entry for entry in path.iterdir() if checkpoint_module.is_temporary(entry)]
    assert read_checkpoint(train(resuming(path))).step == 5


@contextlib.contextmanager
def mounted(folder, options):
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("only root can mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_the_checkpoint_before_it(start_training, tiny_config, tmp_path):
    with mounted(tmp_path / "disk", "size=2m") as disk:
        config = tiny_config(out=disk / "run", steps=4, save_every_minutes=ALWAYS, validation_fraction=0.0)
        trainer = start_training(config, tmp_path / "process")
        assert trainer.wait() == 2, trainer.said
        lines = trainer.said.splitlines()
        full = f"could not write {config.out}: no space left on device."
        assert f"no checkpoint at update 2: {full} Training continues." in lines
        assert lines[-1] == f"hlm: {full}"
        assert "Traceback" not in trainer.said
        assert read_checkpoint(config.out).step == read_training(config.out)["step"] == 1
        assert read_checkpoint(config.out).step == 1


def test_a_folder_that_cannot_be_written_to_shows_before_training(tiny_config, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"cannot write to .*run: .*/file is a file. Choose another --out"):
        train(tiny_config(out=tmp_path / "file" / "run"))
    with (
        mounted(tmp_path / "disk", "ro") as disk,
        pytest.raises(StorageError, match=r"cannot write to .*run: no permission for .*/disk\. Choose another"),
    ):
        train(tiny_config(out=disk / "run"))


def test_figures_that_cannot_be_written_do_not_end_the_run(tiny_config, tmp_path):
    said = []
    with Reports(tiny_config(), 0, said.append, wanted=True) as reports:
        reports._log._path = reports._log._path.parent / "full"
        reports._log._path.symlink_to("/dev/full")
        reports.write({"loss": 1.0}, 20)
        reports.write({"loss": 1.0}, 40)
    assert len(said) == 1
    assert said[0].startswith("no figures for TensorBoard from update 20 on: ")


def test_tensorboard_reads_the_figures_and_drops_those_of_lost_updates(tmp_path):
    first = EventFile(tmp_path, 0)
    for step in (20, 40, 60):
        first.write({"loss": step / 10.0, "loss/odd": 1.0}, step)
    EventFile(tmp_path, 40).write({"loss": 5.5}, 60)
    found = EventAccumulator(str(tmp_path))
    found.Reload()
    assert set(found.Tags()["scalars"]) == {"loss", "loss/odd"}
    assert [(event.step, event.value) for event in found.Scalars("loss")] == [(20, 2.0), (40, 4.0), (60, 5.5)]


def test_what_a_run_left_that_was_killed_early_may_be_written_over(tiny_config, tmp_path):
    config = tiny_config(steps=1, validation_fraction=0.0)
    for name in ("tensorboard", "wandb", "tokenizer", "tokenizer.partial"):
        (config.out / name).mkdir(parents=True)
    for name in ("config.yaml", "statistics.json", "model.safetensors.new", ".tmpAbC123", ".lock"):
        (config.out / name).write_text("half")
    train(config)
    assert not [entry for entry in config.out.iterdir() if checkpoint_module.is_temporary(entry)]
    (config.out / "model.safetensors").unlink()
    with pytest.raises(ExistsError, match=r"--resume .* to continue it, or choose another --out"):
        train(config)
    train(resuming(config.out))
    assert read_checkpoint(config.out).step == 1
    other = tiny_config(out=tmp_path / "other")
    other.out.mkdir()
    (other.out / "notes.txt").touch()
    with pytest.raises(ExistsError, match=r"other exists already: choose another --out"):
        train(other)


def test_a_disk_that_is_too_small_shows_before_training(tiny_config, monkeypatch):
    config = tiny_config(steps=2, validation_fraction=0.0)
    needed = sum((train(replace(config, out=config.out / name)) / "training.pt").stat().st_size for name in "a")
    free = SimpleNamespace(free=needed)  # which the weights do not fit beside
    monkeypatch.setattr("shutil.disk_usage", lambda path: free)
    said = r"a checkpoint takes [\d.]+ MB, and .*b has [\d.]+ [kM]B left\. Free some space, or"
    with pytest.raises(StorageError, match=said):
        train(replace(config, out=config.out / "b"))
    free.free = 2 * needed
    assert read_checkpoint(train(replace(config, out=config.out / "b"))).step == 2


def test_a_folder_without_a_checkpoint_is_none_to_resume(tiny_config):
    path = train(tiny_config(steps=2, validation_fraction=0.0), stop_after=1)
    (path / "model.safetensors").unlink()
    (path / "training.pt").unlink()
    with pytest.raises(MissingFileError, match=r"no checkpoint at .*run: it has no model.safetensors"):
        train(resuming(path))


def test_two_runs_do_not_share_a_folder(tiny_config):
    path = train(tiny_config(steps=2, validation_fraction=0.0), stop_after=1)
    with (
        FolderLock(path),
        pytest.raises(LockedError, match=rf"{path} is being written by process \d+ on .*Wait for it"),
    ):
        train(resuming(path))
    assert read_checkpoint(path).step == 1
    assert read_checkpoint(train(resuming(path))).step == 2


def test_weights_are_readable_by_whoever_may_read_the_config(tiny_config):
    path = train(tiny_config(steps=1, validation_fraction=0.0))
    modes = {name: (path / name).stat().st_mode for name in ("config.yaml", "model.safetensors", "training.pt")}
    assert len(set(modes.values())) == 1


def spoil(array, row):
    """Write nan into a row of an array on disk."""
    opened = zarr.open_array(array, mode="r+")
    values = opened[:]
    values[row] = np.nan
    opened[:] = values


def hlm_train(config, tmp_path, capsys, *options):
    """Exit code of `hlm train` in this process, and the line that it ended with."""
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(config.to_document()))
    code = main(["train", str(file), *options])
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return code, [line for line in said.splitlines() if line.startswith("hlm:")]


@pytest.mark.parametrize("name", ["state", "action"])
def test_nan_in_the_data_is_named_before_training(name, tiny_config, make_dataset, tmp_path, capsys):
    episode = open_dataset(make_dataset()).episodes[1]
    spoil(episode.path / name, 5)
    config = tiny_config(datasets=(episode.path.parent,))
    code, lines = hlm_train(config, tmp_path, capsys)
    assert code == 2
    assert lines == [f"hlm: {episode.path} step 5 holds nan or infinity in its {name}; leave the episode out."]
    assert not config.out.exists()


@pytest.fixture
def _no_child_stays():
    """Nothing that the test started in this process outlives it; what earlier tests started may."""
    before = set(psutil.Process().children())
    yield
    assert set(psutil.Process().children()) <= before


def test_nan_that_came_into_an_action_since_is_named_with_its_episode(tiny_config, make_dataset, tmp_path, capsys):
    episode = open_dataset(make_dataset(episodes=1)).episodes[0]
    path = train(tiny_config(datasets=(episode.path.parent,), validation_fraction=0.0, steps=50), stop_after=1)
    spoil(episode.path / "action", 20)
    code, lines = hlm_train(resuming(path), tmp_path, capsys)
    assert code == 2
    assert len(lines) == 1
    assert "have changed since the run began: episode_000000 has other instructions, states, actions" in lines[0]
    assert read_checkpoint(path).step == 1


@pytest.mark.usefixtures("_no_child_stays")
@pytest.mark.parametrize("workers", [0, 1, 2])
def test_nan_in_a_privileged_quantity_ends_the_run_and_is_named(workers, tiny_config, make_dataset, tmp_path, capsys):
    episode = open_dataset(make_dataset()).episodes[1]
    spoil(episode.path / "privileged" / "candidate_in_hand_m", 7)
    config = tiny_config(datasets=(episode.path.parent,), validation_fraction=0.0, steps=50, workers=workers)
    code, lines = hlm_train(config, tmp_path, capsys)
    assert code == 2
    assert lines == [f"hlm: {episode.path} step 7 holds nan or infinity in its candidate_m; leave the episode out."]


@pytest.mark.usefixtures("_no_child_stays")
@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_broken_image_ends_the_run_and_is_named(workers, tiny_config, make_dataset, tmp_path, capsys):
    episode = open_dataset(make_dataset()).episodes[1]
    images = episode.image_reader("head")
    offset, length = images.index[9].tolist()
    data = bytearray(images.path.read_bytes())
    data[offset + length // 2] ^= 0xFF
    images.path.write_bytes(data)
    config = tiny_config(datasets=(episode.path.parent,), validation_fraction=0.0, steps=50, workers=workers)
    code, lines = hlm_train(config, tmp_path, capsys)
    assert code == 2
    assert len(lines) == 1 and f"{images.path} step 9" in lines[0]


@pytest.mark.parametrize("workers", [0, 1])
def test_data_that_goes_away_costs_no_updates(workers, tiny_config, make_dataset, tmp_path, monkeypatch):
    data, update = make_dataset(episodes=4), TrainState.update

    def updating(state, *arguments):
        if state.step == 3 and data.exists():
            data.rename(tmp_path / "gone.zarr")
        return update(state, *arguments)

    monkeypatch.setattr(TrainState, "update", updating)
    config = tiny_config(datasets=(data,), validation_fraction=0.0, steps=12, workers=workers)
    with pytest.raises(HlmError, match=r"made\.zarr.* no such file or directory") as raised:
        train(config)
    assert "\n" not in str(raised.value)
    saved = read_checkpoint(config.out).step
    assert 4 <= saved < 12
    # Nothing is lost: it becomes what it would have become.
    (tmp_path / "gone.zarr").rename(data)
    monkeypatch.undo()
    train(resuming(config.out))
    whole = train(replace(config, out=tmp_path / "whole"))
    first, second = read_training(config.out)["model"], read_training(whole)["model"]
    assert all(torch.equal(first[name], second[name]) for name in second)


def test_data_that_cannot_be_read_from_the_start_leaves_no_checkpoint(tiny_config, make_dataset, monkeypatch):
    config = tiny_config(datasets=(make_dataset(episodes=4),), validation_fraction=0.0)

    def gone(*arguments, **options):
        raise HlmError("gone")
        yield

    monkeypatch.setattr(trainer, "read_batches", gone)
    with pytest.raises(HlmError, match="gone"):
        train(config)
    assert not (config.out / "model.safetensors").exists()


def test_a_failure_to_save_does_not_hide_why_the_run_ended(tiny_config, monkeypatch, capsys):
    batches = trainer.read_batches

    def broken(*arguments, **options):
        yield next(batches(*arguments, **options))
        raise HlmError("the data is gone")

    def full(*arguments):
        raise StorageError("the disk is full.")

    monkeypatch.setattr(trainer, "read_batches", broken)
    monkeypatch.setattr(saving, "write_checkpoint", full)
    with pytest.raises(HlmError, match="the data is gone"):
        train(tiny_config())
    assert "not saved at update 1: the disk is full.\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("needed", "free", "said"),
    [(2_000_000, 1_000, ("2 MB", "1 kB")), (2_040_000, 1_960_000, ("2.0 MB", "2.0 MB")), (2_000_001, 2_000_000, ())],
)
def test_sizes_that_differ_look_different(needed, free, said, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=free))
    with pytest.raises(StorageError) as raised:
        must_have_space(tmp_path, needed)
    takes, has = re.search(r"takes (.*), and .* has (.*) left", str(raised.value)).groups()
    assert takes != has
    if said and said[0] != said[1]:
        assert (takes, has) == said


def test_a_run_that_lacks_space_to_go_on_is_sent_to_no_other_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=0))
    with pytest.raises(StorageError, match=r"Free some space, or choose another --out\.$"):
        must_have_space(tmp_path, 1000)
    (tmp_path / "training.pt").touch()
    with pytest.raises(StorageError, match=r"Free some space\.$"):
        must_have_space(tmp_path, 1000)


class FakeWandb(ModuleType):
    """As much of Weights & Biases as a run uses; remembers what it was told."""

    class Error(Exception):
        pass

    def __init__(self):
        super().__init__("wandb")
        self.started, self.logged = [], {}

    def init(self, *, id=None, **options):
        name = id or f"run{len(self.started)}"
        self.started.append((name, options.get("resume"), options["project"]))
        figures = self.logged.setdefault(name, {})
        return SimpleNamespace(
            id=name, log=lambda values, step: figures.setdefault(step, values), finish=lambda exit_code: None
        )


def test_a_resumed_run_goes_on_in_the_same_run_of_weights_and_biases(tiny_config, monkeypatch):
    wandb = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    path = train(tiny_config(wandb="hands", validation_fraction=0.0), stop_after=2)
    train(resuming(path), stop_after=2)
    assert wandb.started == [("run0", None, "hands"), ("run0", "allow", "hands")]
    assert list(wandb.logged["run0"]) == [2, 4]
    # Without it for a while, the run is not forgotten; another project has a run of its own.
    train(resuming(path, wandb=None), stop_after=1)
    train(resuming(path, wandb="hands"), stop_after=0)
    train(resuming(path, wandb="feet"))
    assert wandb.started[2:] == [("run0", "allow", "hands"), ("run3", None, "feet")]


def test_half_precision_learns_what_float32_does(tiny_config, tmp_path):
    runs = [
        train(tiny_config(out=tmp_path / kind, precision=kind, steps=3, validation_fraction=0.0))
        for kind in ("float32", "bfloat16")
    ]
    full, half = (read_training(path)["history"]["loss"] for path in runs)
    assert half == pytest.approx(full, rel=0.02) and half != full
    assert {weight.dtype for weight in read_checkpoint(runs[1]).weights.values()} == {torch.float32}


@pytest.mark.parametrize("steps", [40, 7])
def test_a_loss_that_is_no_number_never_replaces_a_good_checkpoint(steps, tiny_config):
    config = tiny_config(
        steps=steps, learning_rate=1e15, warmup_steps=0, save_every_minutes=ALWAYS, validation_fraction=0.0
    )
    with pytest.raises(DivergedError, match=r"the last checkpoint is kept\. Try a lower --learning-rate"):
        train(config)
    kept = read_checkpoint(config.out)
    assert 0 < kept.step < steps
    assert all(torch.isfinite(weight).all() for weight in kept.weights.values())
    state = read_training(config.out)
    assert state["step"] == kept.step
    assert all(torch.isfinite(weight).all() for weight in state["model"].values())


def test_without_a_checkpoint_none_is_said_to_be_kept(tiny_config):
    config = tiny_config(learning_rate=1e20, steps=40, warmup_steps=0, validation_fraction=0.0)
    with pytest.raises(DivergedError, match=r"; there is no checkpoint to go back to\. Try a lower --learning-rate"):
        train(config)
    assert not (config.out / "model.safetensors").exists()


def test_an_average_that_is_no_number_never_replaces_a_good_checkpoint(tiny_config, monkeypatch):
    path = train(tiny_config(validation_fraction=0.0), stop_after=2)
    restore = TrainState.restore

    def spoilt(state, document):
        restore(state, document)
        next(iter(state.ema.values())).view(-1)[0] = float("nan")

    monkeypatch.setattr(TrainState, "restore", spoilt)
    with pytest.raises(DivergedError, match=r"the average of .* is no longer finite at update 6; the last checkpoint"):
        train(resuming(path))
    assert read_checkpoint(path).step == 2
