"""Measure the cost of recording: memory at full speed, and time on the calling thread at 30 Hz in real time.

An hour of three cameras is 108,000 steps:
`python scripts/bench/recording.py --steps 108000 --folder runs --json runs/bench/recording.json`
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hlm.core.clock import STEP_HZ, MonotonicClock, ticks
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.writer import DatasetWriter

CAMERAS = ("head", "left_wrist", "right_wrist")
SAMPLES = 10


def main() -> None:
    """Measure, print and save the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=900, help="steps to record at full speed, for the memory")
    parser.add_argument("--seconds", type=float, default=10.0, help="duration in real time, for the caller's thread")
    parser.add_argument("--size", type=int, nargs=2, default=(480, 640), help="height and width of the images, px")
    parser.add_argument("--folder", type=Path, help="folder to record into; the recordings are deleted at the end")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    arguments = parser.parse_args()
    images = scenes(tuple(arguments.size))
    spec = DatasetSpec(embodiment="unitree_g1", rate_hz=STEP_HZ, cameras=dict.fromkeys(CAMERAS, tuple(arguments.size)))
    with tempfile.TemporaryDirectory(prefix="recording_", dir=arguments.folder) as folder:
        figures = memory(Path(folder) / "memory.zarr", spec, images, arguments.steps)
        figures |= real_time(Path(folder) / "real_time.zarr", spec, images, arguments.seconds)
    for name, value in figures.items():
        print(f"{name:<32} {value}")
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def memory(path: Path, spec: DatasetSpec, images: list[np.ndarray], steps: int) -> dict[str, Any]:
    """Record at full speed; resident memory along the way and at the peak, and the cost of a step."""
    resident = []
    start_s, busy_s = time.perf_counter(), time.process_time()
    with DatasetWriter.open(path, spec) as writer, writer.episode(_info()) as episode:
        for index, step in enumerate(itertools.islice(make_steps(spec, images), steps)):
            episode.append(step)
            if index % max(1, steps // SAMPLES) == 0:
                resident.append(_resident_mb())
                print(f"step {index:>7}  {resident[-1]:6.0f} MB resident", flush=True)
        before_commit_s = time.perf_counter()
        folder = episode.commit()
        commit_s = time.perf_counter() - before_commit_s
    size_bytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    frames = steps * len(spec.cameras)
    return {
        "steps": steps,
        "files": sum(file.is_file() for file in folder.rglob("*")),
        "resident along the way, MB": [round(value) for value in resident],
        "resident at the peak, MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "steps per second": round(steps / (before_commit_s - start_s), 1),
        "cpu per frame, ms": round(1000 * (time.process_time() - busy_s) / frames, 3),
        "commit, s": round(commit_s, 2),
        "JPEG file, kB": round(size_bytes / frames / 1000, 1),
    }


def real_time(path: Path, spec: DatasetSpec, images: list[np.ndarray], duration_s: float) -> dict[str, Any]:
    """Record in real time; how long each `append` blocks its caller, and how long making a step takes."""
    took_ms, copied_ms = [], []
    clock = MonotonicClock()
    steps = make_steps(spec, images)
    busy_s = time.process_time()
    with DatasetWriter.open(path, spec) as writer, writer.episode(_info()) as episode:
        for _ in itertools.islice(ticks(clock, rate_hz=spec.rate_hz), round(duration_s * spec.rate_hz)):
            start_s = time.perf_counter()
            step = next(steps)
            copied_s = time.perf_counter()
            episode.append(step)
            took_ms.append(1000 * (time.perf_counter() - copied_s))
            copied_ms.append(1000 * (copied_s - start_s))
        busy_s = time.process_time() - busy_s
        episode.commit()
    return {
        "append p50, ms": round(float(np.median(took_ms)), 3),
        "append p99, ms": round(float(np.quantile(took_ms, 0.99)), 3),
        "append worst, ms": round(max(took_ms), 3),
        "copying a step p50, ms": round(float(np.median(copied_ms)), 3),
        "cpu share at 30 Hz, %": round(100 * busy_s / duration_s, 1),
    }


def make_steps(spec: DatasetSpec, images: list[np.ndarray]) -> Iterator[Step]:
    """Endless steps, with the images in turn."""
    ages = dict.fromkeys((*spec.cameras, "state"), 0.01)
    for index in itertools.count():
        vector = np.full(34, 1e-3 * (index % 500), np.float32)
        seen = {name: images[(index + place) % len(images)] for place, name in enumerate(spec.cameras)}
        yield Step(round(index * 1e9 / spec.rate_hz), vector, vector, seen, ages)


def scenes(size: tuple[int, int], count: int = 16) -> list[np.ndarray]:
    """Images as hard to encode as those of a camera: smooth surfaces, edges, and sensor noise."""
    rng = np.random.default_rng(0)
    height, width = size
    down, right = np.mgrid[0:height, 0:width]
    made = []
    for index in range(count):
        shade = 40 * np.sin(down / 97 + index) + 40 * np.cos(right / 131 - index)
        boxes = 30.0 * ((down // 60 + right // 80 + index) % 2) + 25.0 * ((right + 4 * index) % 160 < 50)
        image = 110 + (shade + boxes)[..., None] * (1.0, 0.8, 0.6) + rng.normal(0, 2.5, (height, width, 3))
        made.append(image.clip(0, 255).astype(np.uint8))
    return made


def _info() -> EpisodeInfo:
    return EpisodeInfo(instruction="measure", source="scripted")


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main()
