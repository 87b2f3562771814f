"""Consolidated metadata never hides an episode."""

import shutil
import warnings

import imagecodecs.zarr
import pytest
import zarr

from hlm.datasets.edits.edit import edit
from hlm.datasets.edits.operations import relabel
from hlm.datasets.reader import open_dataset
from hlm.datasets.recover import recover
from hlm.datasets.store.attributes import group_attributes, write_attributes
from hlm.datasets.store.consolidated import drop_consolidated, stale_consolidated
from hlm.datasets.verify import verify

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture
def consolidated(maker, path):
    imagecodecs.zarr.register_codecs("jpeg")
    maker.dataset(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        zarr.consolidate_metadata(path)
    assert "consolidated_metadata" in (path / "zarr.json").read_text()
    return path


def seen_by_zarr(path) -> list[str]:
    return sorted(zarr.open_group(path, mode="r").group_keys())


def test_one_that_is_up_to_date_is_no_problem(consolidated):
    assert stale_consolidated(consolidated) == []
    assert verify(consolidated) == []
    assert len(open_dataset(consolidated)) == 2


def test_recording_drops_it_and_nothing_else(maker, consolidated):
    before = group_attributes(consolidated)
    maker.dataset(consolidated, (3,))
    assert seen_by_zarr(consolidated) == [f"episode_{number:06d}" for number in range(3)]
    assert group_attributes(consolidated) == before
    assert verify(consolidated) == []


def test_recovering_and_editing_drop_it(maker, consolidated):
    edit(consolidated, lambda content: relabel(content, ["0"], instruction="other", outcome=None))
    assert zarr.open_group(consolidated, mode="r")["episode_000000"].attrs["instruction"] == "other"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        zarr.consolidate_metadata(consolidated)
    shutil.copytree(consolidated / "episode_000000", consolidated / "episode_000002.partial")
    recover(consolidated)
    assert len(seen_by_zarr(consolidated)) == 3


CHANGES = {
    "episode_000007": lambda path: shutil.copytree(path / "episode_000000", path / "episode_000007"),
    "episode_000001": lambda path: shutil.rmtree(path / "episode_000001"),
    "episode_000000": lambda path: write_attributes(
        path / "episode_000000", group_attributes(path / "episode_000000") | {"instruction": "other"}
    ),
}


@pytest.mark.parametrize("episode", CHANGES)
def test_one_that_is_out_of_date_is_reported(consolidated, episode):
    CHANGES[episode](consolidated)
    assert stale_consolidated(consolidated)[0] == episode
    (problem,) = verify(consolidated)
    assert problem.episode is None
    assert f"its consolidated metadata, which Zarr reads first, is out of date for {episode}" in problem.text
    drop_consolidated(consolidated)
    assert verify(consolidated) == []


def test_damage_below_it_does_not_end_the_verification(consolidated):
    file = consolidated / "episode_000001" / "state" / "zarr.json"
    file.write_bytes(file.read_bytes()[:20])
    whole, damaged = verify(consolidated)
    assert "out of date for episode_000001/state" in whole.text
    assert damaged.episode == 1
