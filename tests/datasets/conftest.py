"""Data that names itself: every number of a step is `1000 * episode + step`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.writer import DatasetWriter

CAMERAS = {"head": (16, 24), "left_wrist": (8, 8)}


@dataclass(frozen=True)
class Maker:
    """Steps, specifications and datasets for tests."""

    spec: DatasetSpec

    def image(self, camera: str, value: int) -> np.ndarray:
        ramp = np.arange(self.spec.cameras[camera][1]) * 4
        image = np.zeros((*self.spec.cameras[camera], 3), np.uint8)
        image[..., 0], image[..., 1], image[..., 2] = ramp, value % 250, value // 1000 * 50
        return image

    def step(self, episode: int, step: int, **changes: object) -> Step:
        value = 1000 * episode + step
        whole = Step(
            stamp_ns=value * 10_000_000_000 // 300,
            state=np.full(34, value) * 1e-6,
            action=np.full(34, -value) * 1e-6,
            images={camera: self.image(camera, value) for camera in self.spec.cameras},
            age_s={"state": 0.0, "head": value * 1e-6},
            privileged={"goal_in_hand_m": np.full(3, value), "candidate_in_hand_m": np.full((2, 3), value)},
        )
        return replace(whole, **changes)

    def info(self, episode: int = 0, **changes: object) -> EpisodeInfo:
        return replace(EpisodeInfo(instruction=f"do {episode}", source="scripted", seed=episode), **changes)

    def dataset(
        self, path: Path, lengths: tuple[int, ...] = (5, 7), change: Callable[[int, Step], Step] = lambda _, step: step
    ) -> Path:
        """A dataset with episodes of these lengths; `change(step number, step)` may edit steps."""
        with DatasetWriter.open(path, self.spec) as writer:
            for length in lengths:
                episode = writer.episode(self.info())
                for step in range(length):
                    episode.append(change(step, self.step(episode.number, step)))
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
