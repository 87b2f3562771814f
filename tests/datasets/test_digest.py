"""What a digest depends on, and what it does not."""

import json
import shutil

import numpy as np
import pytest

from hlm.core.errors import CorruptError
from hlm.datasets.digest import episode_digest
from hlm.datasets.reader import Episode, open_dataset
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.store.attributes import group_attributes, write_attributes
from hlm.datasets.store.checksum import checksum
from hlm.datasets.writer import DatasetWriter

ROWS = 40


def written(path, changed=None, instruction="lift the cup"):
    """The digest of an episode; `changed` gets the arrays before they are written."""
    random = np.random.default_rng(3)
    arrays = {
        "state": random.uniform(-0.1, 0.1, (ROWS, 34)),
        "action": random.uniform(-0.1, 0.1, (ROWS, 34)),
        "image": random.integers(0, 255, (ROWS, 16, 16, 3)).astype(np.uint8),
        "privileged": random.uniform(-1, 1, (ROWS, 2, 3)),
    }
    if changed:
        changed(arrays)
    spec = DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras={"head": (16, 16)})
    info = EpisodeInfo(instruction=instruction, source="scripted")
    with DatasetWriter.open(path, spec) as writer, writer.episode(info) as episode:
        for row in range(ROWS):
            images = {"head": arrays["image"][row]}
            episode.append(
                Step(
                    round(row * 1e9 / 30.0),
                    arrays["state"][row],
                    arrays["action"][row],
                    images,
                    {"head": 0.0},
                    {"cup_m": arrays["privileged"][row]},
                )
            )
        episode.commit(outcome="success")
    return episode_digest(open_dataset(path).episodes[0])


@pytest.mark.parametrize("name", ["state", "action", "image", "privileged"])
def test_every_array_counts(name, tmp_path):
    def change(arrays):
        # A darker image, which is shorter too: of an image between those that are sampled, only the length counts.
        arrays[name][17] = arrays[name][17] // 4 if name == "image" else 0.25 + arrays[name][17][::-1]

    assert written(tmp_path / "a.zarr") != written(tmp_path / "b.zarr", change)


def test_the_same_content_elsewhere_has_the_same_digest(tmp_path):
    digest = written(tmp_path / "a.zarr")
    assert written(tmp_path / "b.zarr") == digest
    moved = tmp_path / "moved.zarr" / "episode_000007"
    shutil.copytree(tmp_path / "a.zarr" / "episode_000000", moved)
    assert episode_digest(Episode(moved, 7)) == digest


def test_pictures_of_the_same_length_are_noticed_too(tmp_path):
    digest = written(tmp_path / "a.zarr")
    episode = open_dataset(tmp_path / "a.zarr").episodes[0]
    images = episode.image_reader("head")
    data = bytearray(images.path.read_bytes())
    for offset, length in images.index.tolist():
        data[offset + length - 10] ^= 1
        data[offset + length - 4 : offset + length] = checksum(bytes(data[offset : offset + length - 4]))
    images.path.write_bytes(data)
    assert episode_digest(Episode(episode.path, 0)) != digest


def test_words_count_and_outcomes_do_not(tmp_path):
    digest = written(tmp_path / "a.zarr")
    assert written(tmp_path / "b.zarr", instruction="lift the mug") != digest
    episode = open_dataset(tmp_path / "a.zarr").episodes[0]
    assert episode_digest(episode.with_instruction("lift the mug")) != digest
    write_attributes(episode.path, group_attributes(episode.path) | {"outcome": "failure", "operator": "another"})
    assert episode_digest(Episode(episode.path, 0)) == digest


def test_candidates_count(tmp_path):
    digest = written(tmp_path / "a.zarr")
    episode = open_dataset(tmp_path / "a.zarr").episodes[0]
    told = {"candidates": ["lift the cup", "lift the mug"], "candidate": 0}
    write_attributes(episode.path, group_attributes(episode.path) | told)
    assert episode_digest(Episode(episode.path, 0)) != digest


@pytest.mark.parametrize("name", ["state", "privileged/cup_m"])
def test_what_is_missing_is_named(name, tmp_path):
    written(tmp_path / "a.zarr")
    episode = open_dataset(tmp_path / "a.zarr").episodes[0]
    shutil.rmtree(episode.path / name)
    with pytest.raises(CorruptError, match=rf"{episode.path / name} is missing"):
        episode_digest(episode)


def test_a_digest_fits_into_json(tmp_path):
    digest = written(tmp_path / "a.zarr")
    assert len(digest) == 16
    assert json.loads(json.dumps(digest)) == digest
