"""Data that names itself: every number of a row is `1000 * episode + row`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Row
from hlm.datasets.writer import DatasetWriter

CAMERAS = {"head": (16, 24), "left_wrist": (8, 8)}


@dataclass(frozen=True)
class Maker:
    """Rows, specifications and datasets for tests."""

    spec: DatasetSpec

    def picture(self, camera: str, value: int) -> np.ndarray:
        ramp = np.arange(self.spec.cameras[camera][1]) * 4
        picture = np.zeros((*self.spec.cameras[camera], 3), np.uint8)
        picture[..., 0], picture[..., 1], picture[..., 2] = ramp, value % 250, value // 1000 * 50
        return picture

    def row(self, episode: int, row: int, **changes: object) -> Row:
        value = 1000 * episode + row
        whole = Row(
            stamp_ns=value * 10_000_000_000 // 300,
            state=np.full(34, value) * 1e-6,
            action=np.full(34, -value) * 1e-6,
            images={camera: self.picture(camera, value) for camera in self.spec.cameras},
            age_s={"state": 0.0, "head": value * 1e-6},
            labels={"goal_in_hand_m": np.full(3, value), "candidate_in_hand_m": np.full((2, 3), value)},
        )
        return replace(whole, **changes)

    def info(self, episode: int = 0, **changes: object) -> EpisodeInfo:
        return replace(EpisodeInfo(instruction=f"do {episode}", source="scripted", seed=episode), **changes)

    def dataset(
        self, path: Path, lengths: tuple[int, ...] = (5, 7), change: Callable[[int, Row], Row] = lambda _, row: row
    ) -> Path:
        """A dataset with episodes of these lengths; `change(row number, row)` may edit rows."""
        with DatasetWriter.open(path, self.spec) as writer:
            for length in lengths:
                episode = writer.episode(self.info())
                for row in range(length):
                    episode.append(change(row, self.row(episode.number, row)))
                episode.commit(outcome="success")
        return path


@pytest.fixture(scope="session")
def spec() -> DatasetSpec:
    return DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras=CAMERAS)


@pytest.fixture(scope="session")
def maker(spec) -> Maker:
    return Maker(spec)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "demo.zarr"
