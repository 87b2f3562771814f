"""LeRobot datasets as somebody else would have made them, written by LeRobot itself; every value names its moment."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from hlm.core.layout import NAMES

DATA = "data/chunk-000/file-000.parquet"
EPISODES = "meta/episodes/chunk-000/file-000.parquet"
TASKS = "meta/tasks.parquet"
HEAD = "observation.images.head"
VECTOR = {"dtype": "float32", "shape": (34,), "names": list(NAMES)}
COLOURS = ["height", "width", "channels"]
RATE_HZ = 30


def vector(episode: int, row: int) -> np.ndarray:
    return np.float32(0.1 * episode + 0.01 * row) + np.zeros(34, np.float32)


def moment(state: np.ndarray) -> tuple[int, int]:
    """Episode and row that a state of fewer than ten rows names."""
    value = round(float(state[0]) * 100)
    return value // 10, value % 10


def grey(episode: int, row: int) -> int:
    return 30 + 60 * episode + 6 * row


def write(path: Path, features: dict, episodes: list[list[dict]], tasks: list[str]) -> Path:
    """Write frames, episode by episode, with LeRobot's own class."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    os.environ["SVT_LOG"] = "1"
    videos = any(feature["dtype"] == "video" for feature in features.values())
    dataset = LeRobotDataset.create(
        "x/y", RATE_HZ, features, path, "unitree_g1", use_videos=videos, video_backend="pyav"
    )
    for frames, task in zip(episodes, tasks, strict=True):
        for frame in frames:
            dataset.add_frame({**frame, "task": task})
        dataset.save_episode(parallel_encoding=False)
    dataset.finalize()
    return path


def plain(path: Path, rows: int = 8, tasks=("zero", "one", "two"), dtype: str = "video", size=(64, 64)) -> Path:
    """A dataset with one camera."""
    image = {"dtype": dtype, "shape": (*size, 3), "names": COLOURS}
    features = {"observation.state": VECTOR, "action": VECTOR, HEAD: image}
    episodes = [
        [
            {
                "observation.state": vector(episode, row),
                "action": -vector(episode, row),
                HEAD: np.full((*size, 3), grey(episode, row), np.uint8),
            }
            for row in range(rows)
        ]
        for episode in range(len(tasks))
    ]
    return write(path, features, episodes, list(tasks))


class Copies:
    """Makes copies of a dataset with something changed."""

    def __init__(self, source: Path, root: Path) -> None:
        self.source = source
        self.root = root

    def copy(self) -> Path:
        return Path(shutil.copytree(self.source, self.root / "set"))

    def parquet(self, file: str, edit, path: Path | None = None) -> Path:
        """With a Parquet file as `edit` makes it from a data frame."""
        path = path or self.copy()
        frame = edit(pd.read_parquet(path / file))
        frame.to_parquet(path / file, index=frame.index.name is not None)
        return path

    def info(self, **changes) -> Path:
        """With other values in `info.json`."""
        path = self.copy()
        info = json.loads((path / "meta/info.json").read_text())
        (path / "meta/info.json").write_text(json.dumps(info | changes))
        return path
