"""Tiny datasets in which a bright square shows where the asked object is, and a tiny network."""

import io
import multiprocessing
import os
import socket
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState, GradientState
from rich.console import Console

from hlm.core.layout import DIMENSIONS, RIGHT_ARM
from hlm.core.values import CameraFrame, Observation
from hlm.datasets.reader import open_dataset
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.writer import DatasetWriter
from hlm.policies.compact.config import ArchitectureConfig, CompactConfig
from hlm.policies.training import saving
from hlm.policies.training.config import TrainConfig
from hlm.policies.training.display import Display
from hlm.policies.training.run import prepare
from hlm.policies.training.trainer import train

PROCESSES_LIMIT_S = 120.0
RATE_HZ = 30.0
SIDE = 32
CANDIDATES = ["put the red cup on the shelf", "put the blue cup on the shelf"]
COLOURS = ((255, 0, 0), (0, 0, 255))
TINY = ArchitectureConfig(
    width=32,
    heads=2,
    prefix_layers=1,
    expert_layers=1,
    channels=(8, 8),
    keypoints=8,
    tokens_per_view=2,
    coefficients=6,
)
# Of a run of a second or so.
QUICK = {
    "policy_config": CompactConfig(architecture=TINY),
    "horizon": 16,
    "execution_horizon": 8,
    "batch_size": 8,
    "validation_fraction": 0.3,
    "threads": 1,
    "workers": 0,
    "device": "cpu",
    "precision": "float32",
    "warmup_steps": 2,
}


def picture(places, side=SIDE):
    """A grey table with the two objects on it; places are [candidate, 2] in [0, 1]."""
    image = np.full((side, side, 3), 90, np.uint8)
    for (x, y), colour in zip(places, COLOURS, strict=True):
        row, column, half = int(y * (side - 1)), int(x * (side - 1)), side // 12
        image[max(0, row - half) : row + half, max(0, column - half) : column + half] = colour
    return image


def rows_of(places, asked, count, cameras, side=SIDE):
    """Rows of an arm that reaches, over the episode, to where the asked object is."""
    image = picture(places, side)
    for i in range(count):
        progress = (i + 1) / count
        vector = np.zeros(DIMENSIONS)
        vector[RIGHT_ARM.start] = progress * places[asked][0]
        vector[RIGHT_ARM.start + 1] = progress * places[asked][1]
        hand = np.array([progress * places[asked][0], progress * places[asked][1], 0.0])
        candidates_m = np.array([[x, y, 0.0] for x, y in places]) * 0.2 - hand * 0.2
        yield Step(
            stamp_ns=round(i * 1e9 / RATE_HZ),
            state=vector * 0.9,
            action=vector,
            images={name: image for name in cameras},
            age_s={name: 0.0 for name in cameras},
            privileged={"candidate_in_hand_m": candidates_m, "goal_in_hand_m": np.full(3, 0.1) - hand * 0.2},
        )


def write_dataset(
    path: Path,
    episodes=6,
    rows=24,
    cameras=("head", "wrist"),
    side=SIDE,
    lacking=(),
    rate_hz=RATE_HZ,
    scene=0,
    told=lambda number: {},
):
    """A dataset of alternating instructions.

    Episodes in `lacking` have no picture of the last camera; `told` gives what else is said of an episode.
    """
    spec = DatasetSpec(embodiment="unitree_g1", rate_hz=rate_hz, cameras={name: (side, side) for name in cameras})
    rng = np.random.default_rng(1)
    with DatasetWriter.open(path, spec) as writer:
        for number in range(episodes):
            if number % 2 == 0:
                places = rng.uniform(0.1, 0.9, (2, 2))
            asked = number % 2
            info = EpisodeInfo(
                instruction=CANDIDATES[asked],
                source="scripted",
                task="reach",
                seed=number,
                operator="test",
                candidates=CANDIDATES,
                candidate=asked,
                scene=scene + number // 2,
            )
            episode = writer.episode(replace(info, **told(number)))
            seen = cameras[:-1] if number in lacking else cameras
            for row in rows_of(places, asked, rows, seen, side):
                episode.append(row)
            episode.commit(outcome="success")
    return path


@pytest.fixture(autouse=True)
def _quick_plots(monkeypatch):
    """Drawing takes longer than training a tiny network; `trained_path` is made before this, with its plot."""
    monkeypatch.setattr(saving, "loss_plot", lambda history: b"")


@pytest.fixture
def make_dataset(tmp_path):
    """Writes a tiny dataset under a name, with what `write_dataset` takes."""
    return lambda name="made.zarr", **what: write_dataset(tmp_path / name, **what)


@pytest.fixture(scope="session")
def dataset_path(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("data") / "tiny.zarr")


@pytest.fixture
def tiny_config(dataset_path, tmp_path):
    """Settings of a run of a few updates, with what `TrainConfig` takes."""

    def make(**changes):
        data = {} if "mixture" in changes else {"datasets": (dataset_path,)}
        return TrainConfig(**(QUICK | data | {"out": tmp_path / "run", "steps": 6} | changes))

    return make


@pytest.fixture
def prepared(tiny_config):
    """A run that is ready to go, with what `TrainConfig` takes, and where to say what."""

    def make(said=None, /, **changes):
        return prepare(tiny_config(**changes), "hlm train", Display(Console(file=said or io.StringIO(), width=300)))

    return make


@pytest.fixture(scope="session")
def trained_path(dataset_path, tmp_path_factory):
    """A checkpoint of a few updates; not to be changed."""
    out = tmp_path_factory.mktemp("trained") / "policy"
    config = TrainConfig(**QUICK, datasets=(dataset_path,), out=out, steps=4)
    return train(config, command="hlm train --datasets tiny.zarr")


def run_in_processes(count, folder, work, *arguments):
    context = multiprocessing.get_context("fork")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    folder.mkdir(exist_ok=True)
    processes = [
        context.Process(target=_work, args=(rank, count, port, folder, work, arguments)) for rank in range(count)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(PROCESSES_LIMIT_S)
    codes = [process.exitcode for process in processes]
    for process in processes:
        process.kill()
    return codes, [(folder / f"said_{rank}").read_text() for rank in range(count)]


def _work(rank, count, port, folder, work, arguments):
    torch.set_num_threads(1)
    told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_PORT": port}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "OMP_NUM_THREADS": "1"} | {name: str(n) for name, n in told.items()}
    # What the test's own process did with accelerate does not count here.
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()
    sys.stdout = sys.stderr = (folder / f"said_{rank}").open("w", buffering=1)
    sys.exit(work(*arguments))


@pytest.fixture
def in_processes():
    """Exit codes of processes that each call a function as if torchrun had started them, and what each said.

    Takes how many, a folder for what they say, the function, and its arguments.
    """
    return run_in_processes


@pytest.fixture
def observe(dataset_path):
    """The observation that a live robot would make at a row of the tiny dataset."""

    def make(row=0, episode=0, instruction=None, **frames):
        recorded = open_dataset(dataset_path).episodes[episode]
        pictures = {
            name: CameraFrame(int(recorded.stamp_ns[row]), recorded.images(name, [row])[0]) for name in recorded.cameras
        }
        pictures = {name: frame for name, frame in (pictures | frames).items() if frame is not None}
        words = recorded.info.instruction if instruction is None else instruction
        return Observation(int(recorded.stamp_ns[row]), recorded.state[row], pictures, words)

    return make
