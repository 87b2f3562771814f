"""Data that cannot teach anything is refused before training, by name."""

import contextlib
import io

import pytest
import zarr

from hlm.core.errors import InputError
from hlm.datasets.reader import open_dataset


def test_held_out_episodes_without_an_instruction_are_skipped(make_dataset, prepared):
    blank = {"instruction": " ", "candidates": (), "candidate": None}
    data, said = make_dataset(told=lambda number: blank if number > 3 else {}), io.StringIO()
    for seed in range(9):
        with contextlib.suppress(InputError):  # It may be in training, which is refused.
            run = prepared(said, datasets=(data,), validation_fraction=0.6, seed=seed)
            break
    assert {episode.number for episode in run.data.validation} >= {4, 5}
    assert "2 held-out episodes skipped, with no instruction\n" in said.getvalue()
    assert run.held_out.episodes == len(run.data.validation) - 2


@pytest.mark.parametrize("name", ["state", "action"])
@pytest.mark.parametrize("actions", ["absolute", "relative"])
def test_values_that_no_robot_reaches_are_refused(name, actions, make_dataset, prepared):
    episode = open_dataset(make_dataset()).episodes[2]
    array = zarr.open_array(episode.path / name, mode="r+")
    values = array[:]
    values[5, 3] = -1e30
    array[:] = values
    said = rf"{episode.path} step 5 holds -1e\+30 in its {name} of \w+, which no robot reaches\. Leave them out, or"
    with pytest.raises(InputError, match=said):
        prepared(datasets=(episode.path.parent,), validation_fraction=0.0, actions=actions)


def test_how_many_episodes_hold_such_values_is_said(make_dataset, prepared):
    episodes = open_dataset(make_dataset()).episodes[:3]
    for episode in episodes:
        array = zarr.open_array(episode.path / "state", mode="r+")
        array[:] = 1e6 + 0.0 * array[:]
    with pytest.raises(InputError, match=r"which no robot reaches; so it is in 2 other episodes\. Leave them out"):
        prepared(datasets=(episodes[0].path.parent,), validation_fraction=0.0)
