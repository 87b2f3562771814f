"""Replay buffers as UMI and Diffusion Policy read them."""

import json
import shutil
import zipfile
from dataclasses import replace

import imagecodecs.numcodecs
import numpy as np
import pytest
import zarr
import zarr.storage

from hlm.core.errors import MismatchError
from hlm.datasets.convert.convert import Request, convert
from hlm.datasets.reader import open_dataset
from hlm.datasets.store.images import ImageFormat
from hlm.datasets.writer import DatasetWriter

imagecodecs.numcodecs.register_codecs("imagecodecs_jpeg", verbose=False)


@pytest.mark.parametrize("name", ["buffer.zarr", "buffer.zarr.zip"])
def test_steps_images_and_ends(demo, tmp_path, name):
    source = demo.dataset(tmp_path / "demo.zarr", (6, 9, 5))
    convert(Request(path=source, target=tmp_path / name, to="umi"))
    store = zarr.storage.ZipStore(tmp_path / name, mode="r") if name.endswith("zip") else tmp_path / name
    root = zarr.open_group(store, mode="r")
    episodes = open_dataset(source).episodes
    ends = root["meta/episode_ends"]
    assert (root.metadata.zarr_format, ends.dtype, ends[:].tolist()) == (2, np.int64, [6, 15, 20])
    # What its reader asserts: everything in `data` is an array with as many steps.
    arrays = dict(root["data"].arrays())
    assert {array.shape[0] for array in arrays.values()} == {20}
    assert not list(root["data"].groups())
    wanted = {"state": "state", "action": "action", "stamp_ns": "stamp_ns"}
    for mine, theirs in wanted.items():
        assert arrays[theirs][:].tobytes() == np.concatenate([getattr(one, mine) for one in episodes]).tobytes()
    np.testing.assert_array_equal(
        arrays["privileged_pair"][:, 1, 2], [0, 1, 2, 3, 4, 5, *range(1000, 1009), *range(2000, 2005)]
    )
    assert (
        arrays["age_image_head_s"][:].tobytes() == np.concatenate([e.age_s("image_head") for e in episodes]).tobytes()
    )
    for place, camera in enumerate(("head", "right_wrist")):
        images = np.concatenate([episode.images(camera) for episode in episodes])
        np.testing.assert_array_equal(arrays[f"camera{place}_rgb"][:], images)
    described = root.attrs["hlm"]
    assert described["cameras"] == {"camera0_rgb": "head", "camera1_rgb": "right_wrist"}
    assert [one["outcome"] for one in described["episodes"]] == ["success", "failure", "success"]


def test_images_are_the_same_files_under_a_codec_that_umi_knows(demo, tmp_path):
    source = demo.dataset(tmp_path / "demo.zarr", (2, 3))
    convert(Request(path=source, target=tmp_path / "buffer.zarr", to="umi"))
    camera = tmp_path / "buffer.zarr" / "data" / "camera0_rgb"
    described = json.loads((camera / ".zarray").read_text())
    assert described["compressor"] == {"id": "imagecodecs_jpeg", "level": 95}
    assert described["chunks"] == [1, 64, 80, 3]
    with open_dataset(source).episodes[1].frames("head") as frames:
        assert [(camera / f"{2 + step}.0.0.0").read_bytes() for step in range(3)] == [
            frames.file(step) for step in range(3)
        ]


def test_one_file_holds_what_the_folder_holds(demo, tmp_path):
    source = demo.dataset(tmp_path / "demo.zarr", (2, 3))
    for name in ("buffer.zarr", "other.zarr.zip"):
        convert(Request(path=source, target=tmp_path / name, to="umi"))
    folder = tmp_path / "buffer.zarr"
    with zipfile.ZipFile(tmp_path / "other.zarr.zip") as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    assert inside == {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert not (tmp_path / "other.zarr").exists()


def test_choosing_episodes_and_cameras(demo, tmp_path):
    source = demo.dataset(tmp_path / "demo.zarr", (6, 9, 5))
    request = Request(
        path=source,
        target=tmp_path / "b.zarr",
        to="umi",
        episodes=("outcome=success",),
        cameras=("head=camera0_rgb",),
    )
    report = convert(request)
    root = zarr.open_group(tmp_path / "b.zarr", mode="r")
    assert root["meta/episode_ends"][:].tolist() == [6, 11]
    np.testing.assert_array_equal(root["data/state"][6:, 0], 2000.0 + np.arange(5))
    assert "camera1_rgb" not in root["data"]
    assert report.left_out == ("camera right_wrist",)


def test_what_not_every_episode_has(demo, tmp_path):
    def change(episode, step, made):
        privileged = dict(made.privileged) if episode else {"goal_m": made.privileged["goal_m"]}
        return demo.step(episode, step, privileged=privileged)

    source = demo.dataset(tmp_path / "demo.zarr", (2, 2), change)
    report = convert(Request(path=source, target=tmp_path / "b.zarr", to="umi"))
    assert report.left_out == (
        "privileged_pair, which not every episode has",
        "privileged_score, which not every episode has",
    )
    shutil.rmtree(tmp_path / "b.zarr")
    source = demo.dataset(
        tmp_path / "blind.zarr",
        (2, 2),
        lambda episode, step, made: demo.step(episode, step, images={}) if episode else made,
    )
    with pytest.raises(
        MismatchError, match=r"episode_000001 has no camera 'head', and a replay buffer has every camera"
    ):
        convert(Request(path=source, target=tmp_path / "b.zarr", to="umi"))


def test_avif_files_become_jpeg_files(demo, tmp_path):
    source = tmp_path / "demo.zarr"
    with DatasetWriter.open(source, demo.spec, ImageFormat("avif")) as writer, writer.episode(demo.info(0)) as episode:
        for step in range(3):
            episode.append(demo.step(0, step))
        episode.commit()
    convert(Request(path=source, target=tmp_path / "buffer.zarr", to="umi"))
    images = zarr.open_group(tmp_path / "buffer.zarr", mode="r")["data/camera0_rgb"][:]
    wanted = open_dataset(source).episodes[0].images("head")
    assert np.abs(images.astype(int) - wanted).mean() < 1.5


def test_gaps_that_the_buffer_cannot_tell_are_said(demo, tmp_path):
    def stalled(episode, step, made):
        return replace(made, stamp_ns=made.stamp_ns + 10_000_000) if (episode, step) == (1, 8) else made

    source = demo.dataset(tmp_path / "demo.zarr", (6, 9), stalled)
    report = convert(Request(path=source, target=tmp_path / "buffer.zarr", to="umi"))
    assert report.notes == ("episodes with gaps in time, over which readers of the new dataset reach: 1",)
