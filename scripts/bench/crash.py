"""Kill recordings at random instants, recover them, and count what is lost.

Each writer records episodes as fast as it can until it is killed; every number in them is `1000 * episode + step`.
Every second recovery is killed too. Then no finished episode may have changed, the open episode may have lost half a
second at most, and no step may be in the wrong episode.

`python scripts/bench/crash.py --kills 200 --seed 0 --json runs/bench/crash.json`
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from hlm.datasets.reader import Episode, open_dataset
from hlm.datasets.recover import recover
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.store.naming import episode_folder, numbered_episodes
from hlm.datasets.verify import verify
from hlm.datasets.writer import DatasetWriter

SPEC = DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras={"head": (16, 24), "left_wrist": (8, 8)})
LOSS_STEPS = round(0.5 * SPEC.rate_hz)
KILLS_PER_DATASET = 5
LATEST_KILL_S = 0.2

type Kept = dict[int, str]


@dataclass
class Told:
    """What a writer reported before it was killed.

    Attributes:
        phase: what it was doing.
        steps: number of appended steps, by episode.
        finished: digest of each committed episode, by number.
    """

    phase: str = "starting"
    steps: dict[int, int] = field(default_factory=dict)
    finished: Kept = field(default_factory=dict)


def main() -> int:
    """Kill, check and print. The exit code is 1 if a law was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=40, help="number of writers to kill")
    parser.add_argument("--seed", type=int, default=0, help="seed of the instants")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    arguments = parser.parse_args()
    figures = measure(arguments.kills, arguments.seed)
    for name, value in figures.items():
        print(f"{name:<24} {value}")
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 1 if figures["broken laws"] else 0


def measure(kills: int, seed: int) -> dict[str, object]:
    """Kill writers and return counts, losses in steps, and all laws that were broken."""
    rng = np.random.default_rng(seed)
    phases: Counter[str] = Counter()
    lost: list[int] = []
    broken: list[str] = []
    recoveries_killed = episodes = 0
    with tempfile.TemporaryDirectory(prefix="crash_") as folder:
        path, kept = Path(folder), dict[int, str]()
        for kill in range(kills):
            if kill % KILLS_PER_DATASET == 0:
                episodes += len(kept)
                path, kept = Path(folder) / f"{kill}.zarr", {}
            told = _kill_writer(path, rng)
            phases[told.phase] += 1
            if kill % 2 and (path / "zarr.json").is_file():
                recoveries_killed += _kill(_recover, (path,), rng.uniform(0.0, 0.1))
            broken += [f"kill {kill}: {text}" for text in check(path, kept, told, lost)]
    return {
        "writers killed": kills,
        "while": dict(phases),
        "recoveries killed": recoveries_killed,
        "episodes kept": episodes + len(kept),
        "steps lost, worst": max(lost, default=0),
        "steps lost, mean": round(float(np.mean(lost)), 2) if lost else 0.0,
        "steps lost, limit": LOSS_STEPS,
        "broken laws": broken,
    }


def check(path: Path, kept: Kept, told: Told, lost: list[int]) -> list[str]:
    """Recover a dataset and list all laws that do not hold.

    Args:
        path: the dataset.
        kept: digests of its episodes; those of new episodes are added.
        told: what the killed writer reported.
        lost: the number of lost steps of its open episode is added.
    """
    if not (path / "zarr.json").is_file():
        return [] if not told.steps else ["the dataset is gone"]
    recover(path)
    found = _digests(path)
    kept |= told.finished
    broken = [
        f"episode {number} changed" for number, known in kept.items() if found.get(episode_folder(number)) != known
    ]
    leftovers = dict(numbered_episodes(path, partial=True))
    lengths = {number: len(Episode(folder, number)) for number, folder in numbered_episodes(path, partial=False)}
    for number in told.steps.keys() - told.finished.keys():
        lost.append(told.steps[number] - lengths.get(number, 0))
        if lost[-1] > LOSS_STEPS:
            broken.append(f"episode {number} lost {lost[-1]} of {told.steps[number]} steps")
    recover(path)
    if _digests(path) != found:
        broken.append("a second recovery changed something")
    for folder in leftovers.values():  # as `hlm data recover` says for those without a complete step
        shutil.rmtree(folder)
    broken += [f"verify: {problem}" for problem in verify(path)]
    if lengths:
        broken += [text for episode in open_dataset(path) for text in _wrong_steps(episode)]
    kept |= {number: found[episode_folder(number)] for number in lengths}
    return broken


def digest(folder: Path) -> str:
    """SHA-256 of the names and contents of all files in a folder."""
    total = hashlib.sha256()
    for place, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            total.update(f"{place.removeprefix(str(folder))}/{name}".encode() + Path(place, name).read_bytes())
    return total.hexdigest()


def _digests(path: Path) -> dict[str, str]:
    """Digest of each episode, finished or not, by the name of its folder."""
    return {folder.name: digest(folder) for folder in path.glob("episode_*")}


def _wrong_steps(episode: Episode) -> list[str]:
    values = 1000 * episode.number + np.arange(len(episode))
    brightness = episode.images("head")[..., 1].astype(int)
    right = {
        "stamps": np.array_equal(episode.stamp_ns, _stamp_ns(values)),
        "states": np.array_equal(episode.state[:, 0], (values * 1e-6).astype(np.float32)),
        "actions": np.array_equal(episode.action, -episode.state),
        "images": np.abs(brightness - (values % 250)[:, None, None]).max() <= 3,
        "words": episode.info.instruction == f"do {episode.number}",
    }
    return [f"episode {episode.number} has {name} of another one" for name, holds in right.items() if not holds]


def _kill_writer(path: Path, rng: np.random.Generator) -> Told:
    told = Told()
    hears, says = multiprocessing.Pipe(duplex=False)
    # Mostly in the middle of its work, sometimes while it starts.
    awaited = hears if rng.random() < 0.8 else None
    _kill(_record, (path, int(rng.integers(2**31)), says), rng.uniform(0.0, LATEST_KILL_S), awaited)
    says.close()
    while True:
        try:
            word, number, value = hears.recv()
        except EOFError:  # also in the middle of a word
            return told
        told.phase = "committing" if word == "commit" else "appending"
        if word == "appended":
            told.steps[number] = value
        elif word == "committed":
            told.finished[number] = value


def _kill(
    target: Callable[..., None], arguments: tuple[object, ...], after_s: float, hears: Connection | None = None
) -> bool:
    """Run `target` in a process of its own, and kill it so long after it was first heard of; whether it still lived."""
    process = CONTEXT.Process(target=target, args=arguments)
    process.start()
    if hears is not None:
        hears.poll(60.0)
    process.join(after_s)
    process.kill()
    process.join()
    return process.exitcode != 0


def _recover(path: Path) -> None:
    recover(path)


def _record(path: Path, seed: int, says: Connection) -> None:
    """Record until killed, saying before and after each step what it is."""
    rng = np.random.default_rng(seed)
    with DatasetWriter.open(path, SPEC) as writer:
        number = max((number for number, _ in numbered_episodes(path, partial=False)), default=-1)
        while True:
            number += 1
            with writer.episode(EpisodeInfo(instruction=f"do {number}", source="scripted")) as episode:
                for step in range(int(rng.integers(5, 60))):
                    episode.append(_step(1000 * number + step))
                    says.send(("appended", number, step + 1))
                says.send(("commit", number, 0))
                says.send(("committed", number, digest(episode.commit(outcome="success"))))


def _step(value: int) -> Step:
    images = {name: np.full((*size, 3), value % 250, np.uint8) for name, size in SPEC.cameras.items()}
    state = np.full(34, value * 1e-6, np.float32)
    return Step(int(_stamp_ns(value)), state, -state, images, {"state": 0.0}, {"object_m": np.full(3, value)})


def _stamp_ns(value: int | np.ndarray) -> int | np.ndarray:
    return value * 10_000_000_000 // 300


# Processes come from a server that has imported everything and has no threads: a start takes milliseconds.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["hlm.datasets.recover", "hlm.datasets.writer", "hlm.datasets.verify"])

if __name__ == "__main__":
    sys.exit(main())
