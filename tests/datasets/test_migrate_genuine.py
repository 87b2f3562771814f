"""Migration of a dataset that hlm 0.1.0 wrote: an episode of three steps, and one of two steps that nobody ended.

Step `s` of episode `e` has the value v = 1000 e + s: dimension `d` of its state is 1e-6 v + 1e-4 d, its action is the
negative of its state, its image is 40 (s + 1) everywhere, and its goal is v.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

from hlm.core.errors import MismatchError
from hlm.datasets.migrate import migrate
from hlm.datasets.reader import open_dataset
from hlm.datasets.recover import recover
from hlm.datasets.schema import DatasetSpec, EpisodeInfo
from hlm.datasets.verify import verify

GENUINE = Path(__file__).parents[1] / "data" / "schema_2.zarr"
INFO = EpisodeInfo(
    instruction="lift the box",
    source="scripted",
    task="lift",
    seed=7,
    operator="demo",
    outcome="success",
    stage=2,
    candidates=("lift the cup", "lift the box"),
    candidate=1,
    scene=5,
    stages=("reach", "grasp"),
    extra={"trimmed": {"steps_before": 2, "steps_after": 1}, "table": "oak"},
)


@pytest.fixture
def genuine(tmp_path):
    return Path(shutil.copytree(GENUINE, tmp_path / "demo.zarr"))


def test_a_dataset_of_schema_2_keeps_its_numbers(genuine):
    with pytest.raises(MismatchError, match=r"has schema 2, .* Upgrade it"):
        open_dataset(genuine)
    migration = migrate(genuine)
    assert (migration.found, migration.episodes) == (2, 2)
    (recovery,) = recover(genuine)
    assert (recovery.number, recovery.steps) == (1, 2)
    assert verify(genuine) == []
    dataset = open_dataset(genuine)
    assert dataset.spec == DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras={"head": (8, 8)})
    assert [len(episode) for episode in dataset] == [3, 2]
    for episode in dataset:
        values = 1000.0 * episode.number + np.arange(len(episode))
        state = (1e-6 * values[:, None] + 1e-4 * np.arange(34)).astype(np.float32)
        assert np.array_equal(episode.state, state)
        assert np.array_equal(episode.action, -state)
        assert np.array_equal(episode.stamp_ns, values.astype(np.int64) * 10_000_000_000 // 300)
        assert np.array_equal(episode.age_s("head"), (values * 1e-6).astype(np.float32))
        assert np.array_equal(episode.privileged_quantity("goal_in_hand_m"), np.repeat(values[:, None], 3, axis=1))
        brightness = 40.0 * (1 + np.arange(len(episode)))
        assert np.abs(episode.images("head").mean((1, 2, 3)) - brightness).max() < 2.0
        assert episode.attributes["software"] == "0.1.0"


def test_a_dataset_of_schema_2_keeps_its_descriptions(genuine):
    migrate(genuine)
    recover(genuine)
    first, second = open_dataset(genuine)
    assert first.info == INFO
    assert (second.info.candidates, second.info.scene, second.info.extra) == (INFO.candidates, 5, INFO.extra)
