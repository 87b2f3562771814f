"""Compare recording, reading and storing the same steps with hlm and with LeRobot: time, processor time and bytes.

Episodes of the shelf task are rendered and recorded with both. Then the same random training samples (every camera, the
state, and the next 50 actions) are read from both, in one process and through a DataLoader. Both use their defaults;
LeRobot is also measured returning bytes as hlm does, and with its streaming encoder. Files are in the page cache.

`python scripts/bench/data.py --json runs/bench/data.json`
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from hlm.cli.stations import StationConfig, open_station
from hlm.core.clock import STEP_HZ
from hlm.core.layout import NAMES
from hlm.datasets.loader import Samples
from hlm.datasets.reader import open_dataset
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.writer import DatasetWriter
from hlm.runtime.station import episode as play
from hlm.sim.graphics import use_headless_rendering

HORIZON = 50
INSTRUCTION = "put the cup on the high shelf"
# Rounds of both alternate, so that the load of other programs affects both. The median round counts.
ROUNDS = 5
BATCH = 64
# Figures whose ratio, LeRobot's over hlm's, is shown: name and unit.
RATIOS = (("record", "cpu_ms"), ("sample", "ms"), ("sample", "cpu_ms"), ("workers", "ms"), ("size", "mb"))

type Draw = Callable[[int], Any]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=2)
    parser.add_argument("--image-size", type=int, default=224, help="height and width of the images, px")
    parser.add_argument(
        "--samples", type=int, default=384, help="random samples of LeRobot; hlm draws ten times as many"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    use_headless_rendering()
    with tempfile.TemporaryDirectory() as folder:
        episodes = render(arguments.episodes, arguments.image_size)
        figures = measure(episodes, Path(folder), arguments.samples, arguments.workers)
    show(figures)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def render(count: int, size: int) -> list[list[Step]]:
    """Steps of scripted episodes of the shelf task."""
    with open_station(StationConfig(task="shelf_cup_transfer", image_size=(size, size))) as (station, task):
        return [[_step(scored.step) for scored in play(station, task.reset(seed))] for seed in range(count)]


def _step(step: Any) -> Step:
    seen = step.observation
    images = {name: frame.image for name, frame in seen.frames.items()}
    return Step(seen.stamp_ns, seen.state, step.reference.vector, images, step.age_s)


def measure(episodes: Sequence[Sequence[Step]], folder: Path, samples: int, workers: int) -> dict[str, float]:
    """All figures by name, which ends with the unit."""
    frames = sum(len(steps) for steps in episodes)
    shape = next(iter(episodes[0][0].images.values())).shape
    figures: dict[str, float] = {
        "cores": len(os.sched_getaffinity(0)),
        "frames": frames,
        "cameras": len(episodes[0][0].images),
        "height_px": shape[0],
        "width_px": shape[1],
    }
    for name, write in {"hlm": record_hlm, "lerobot": record_lerobot, "lerobot_streaming": stream_lerobot}.items():
        with _spent(f"record_{name}", figures, frames):
            write(episodes, folder / name)
        figures[f"size_{name}_mb"] = sum(file.stat().st_size for file in (folder / name).rglob("*")) / 1e6
    ours, theirs = open_samples(folder / "hlm"), open_lerobot(folder / "lerobot")
    theirs_bytes = open_lerobot(folder / "lerobot", return_uint8=True)
    raw = [step for steps in episodes for step in steps]
    figures |= check_same(ours, theirs_bytes, raw)
    order = np.random.default_rng(0).integers(0, frames, 10 * samples).tolist()
    draws: dict[str, Draw] = {
        "hlm": ours.__getitem__,
        "lerobot": theirs.__getitem__,
        "lerobot_bytes": theirs_bytes.__getitem__,
    }
    figures |= one_process(draws, order)
    datasets = {"hlm": ours, "lerobot": theirs, "lerobot_bytes": theirs_bytes}
    figures |= {f"workers_{name}_ms": value for name, value in many_workers(datasets, order, workers).items()}
    for kind, unit in RATIOS:
        figures[f"ratio_{kind}_{unit}"] = figures[f"{kind}_lerobot_{unit}"] / figures[f"{kind}_hlm_{unit}"]
    return figures


def record_hlm(episodes: Iterable[Sequence[Step]], path: Path) -> None:
    """Record with hlm."""
    cameras = {name: image.shape[:2] for name, image in next(iter(episodes))[0].images.items()}
    with DatasetWriter.open(path, DatasetSpec(embodiment="unitree_g1", rate_hz=STEP_HZ, cameras=cameras)) as writer:
        for steps in episodes:
            episode = writer.episode(EpisodeInfo(instruction=INSTRUCTION, source="scripted"))
            for step in steps:
                episode.append(step)
            episode.commit(outcome="success")


def record_lerobot(episodes: Iterable[Sequence[Step]], path: Path, **options: Any) -> None:
    """Record with LeRobot."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    vector = {"dtype": "float32", "shape": (len(NAMES),), "names": list(NAMES)}
    images = {
        f"observation.images.{name}": {"dtype": "video", "shape": image.shape, "names": ["height", "width", "channels"]}
        for name, image in next(iter(episodes))[0].images.items()
    }
    features = {"observation.state": vector, "action": vector, **images}
    dataset = LeRobotDataset.create("bench/frames", round(STEP_HZ), features, root=path, **options)
    for steps in episodes:
        for step in steps:
            images = {f"observation.images.{name}": image for name, image in step.images.items()}
            dataset.add_frame({"observation.state": step.state, "action": step.action, "task": INSTRUCTION, **images})
        dataset.save_episode()
    dataset.finalize()


def stream_lerobot(episodes: Iterable[Sequence[Step]], path: Path) -> None:
    """Record with LeRobot, which encodes while it records."""
    # Steps come faster than 30 per second here; a queue that overflows would drop them.
    longest = max(len(steps) for steps in episodes)
    record_lerobot(episodes, path, streaming_encoding=True, encoder_queue_maxsize=longest)


def open_samples(path: Path) -> Samples:
    """Samples of hlm."""
    return Samples(open_dataset(path).episodes, horizon=HORIZON)


def open_lerobot(path: Path, **options: Any) -> Any:
    """Samples of LeRobot, with the same chunk of actions."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    due_s = [step / STEP_HZ for step in range(HORIZON)]
    return LeRobotDataset("bench/frames", root=path, delta_timestamps={"action": due_s}, **options)


def check_same(ours: Samples, theirs: Any, raw: Sequence[Step]) -> dict[str, float]:
    """Check that both give the same samples; signal-to-noise ratio of their images against the rendered ones, dB."""
    if len(ours) != len(theirs):
        raise SystemExit(f"hlm has {len(ours)} samples, LeRobot {len(theirs)}")
    errors: dict[str, list[float]] = {"hlm": [], "lerobot": []}
    for number in range(0, len(ours), max(1, len(ours) // 40)):
        mine, other = ours[number], theirs[number]
        same = (
            np.array_equal(mine.state, other["observation.state"].numpy())
            and np.array_equal(mine.action, other["action"].numpy())
            and np.array_equal(mine.action_is_pad, other["action_is_pad"].numpy())
        )
        if not same:
            raise SystemExit(f"sample {number} differs")
        for name, image in mine.images.items():
            truth = raw[number].images[name].astype(float)
            errors["hlm"].append(float(np.mean((image - truth) ** 2)))
            image = other[f"observation.images.{name}"].numpy().transpose(1, 2, 0)
            errors["lerobot"].append(float(np.mean((image - truth) ** 2)))
    return {f"psnr_{name}_db": 10.0 * float(np.log10(255.0**2 / np.mean(values))) for name, values in errors.items()}


def one_process(draws: dict[str, Draw], order: Sequence[int]) -> dict[str, float]:
    """Milliseconds per random sample in this process; hlm draws all of `order`, the others a tenth."""
    taken: dict[str, list[float]] = {}
    for turn in range(ROUNDS + 1):
        for name, draw in draws.items():
            count = len(order) if name == "hlm" else len(order) // 10
            mine = order[:count][turn % ROUNDS :: ROUNDS]
            start, start_cpu = time.perf_counter(), time.process_time()
            for number in mine:
                draw(number)
            for kind, end_s in (("", time.perf_counter() - start), ("_cpu", time.process_time() - start_cpu)):
                taken.setdefault(f"sample_{name}{kind}_ms", []).append(1e3 * end_s / len(mine))
    # The first round opens files and warms caches.
    return {name: median(values[1:]) for name, values in taken.items()}


def many_workers(datasets: dict[str, Any], order: Sequence[int], workers: int) -> dict[str, float]:
    """Milliseconds per random sample that comes out of a DataLoader in batches; as many samples as in one process."""
    from torch.utils.data import DataLoader

    loaders = {}
    for name, dataset in datasets.items():
        mine = order if name == "hlm" else order[: len(order) // 10]
        loaders[name] = DataLoader(
            dataset, batch_size=BATCH, sampler=mine, num_workers=workers, persistent_workers=True, drop_last=True
        )
    taken: dict[str, list[float]] = {name: [] for name in loaders}
    for _ in range(ROUNDS + 1):
        for name, loader in loaders.items():
            start = time.perf_counter()
            count = BATCH * sum(1 for _ in loader)
            taken[name].append(1e3 * (time.perf_counter() - start) / count)
    # The workers start in the first round.
    return {name: median(values[1:]) for name, values in taken.items()}


@contextmanager
def _spent(name: str, figures: dict[str, float], frames: int) -> Iterator[None]:
    """Add wall and processor milliseconds per frame, of this process with its children."""
    before, start = os.times(), time.perf_counter()
    yield
    after, end = os.times(), time.perf_counter()
    figures[f"{name}_wall_ms"] = 1e3 * (end - start) / frames
    figures[f"{name}_cpu_ms"] = 1e3 * (sum(after[:4]) - sum(before[:4])) / frames


def show(figures: dict[str, float]) -> None:
    """Print every figure."""
    for name, value in figures.items():
        print(f"{name:<34} {value:10.3f}")


if __name__ == "__main__":
    main()
