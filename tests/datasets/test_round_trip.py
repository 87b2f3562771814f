"""What was written is what is read, by hlm and by plain Zarr."""

import json
import re
from dataclasses import replace
from pathlib import Path

import google_crc32c
import imagecodecs.zarr
import numpy as np
import pytest
import zarr

import hlm
from hlm.core.errors import CorruptError, InputError, MismatchError, UnknownNameError
from hlm.core.layout import NAMES
from hlm.datasets.reader import open_dataset
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.store.images import ImageFormat, decode, resize
from hlm.datasets.store.version import SCHEMA_VERSION
from hlm.datasets.writer import DatasetWriter

README = Path(hlm.__file__).parent / "datasets" / "README.md"


def test_every_array_names_its_episode_and_step(maker, path):
    dataset = open_dataset(maker.dataset(path, (5, 7)))
    assert [len(episode) for episode in dataset] == [5, 7]
    assert [episode.number for episode in dataset.episodes] == [0, 1]
    assert dataset.spec == maker.spec
    for number, episode in enumerate(dataset):
        values = 1000 * number + np.arange(len(episode))
        assert np.array_equal(episode.stamp_ns, values * 10_000_000_000 // 300)
        assert np.array_equal(episode.state, np.repeat((values * 1e-6).astype(np.float32)[:, None], 34, axis=1))
        assert np.array_equal(episode.action, -episode.state)
        assert np.array_equal(episode.age_s("head"), (values * 1e-6).astype(np.float32))
        assert np.array_equal(episode.privileged_quantity("goal_in_hand_m"), np.repeat(values[:, None], 3, axis=1))
        assert episode.privileged_quantity("candidate_in_hand_m").shape == (len(episode), 2, 3)
        for camera, size in maker.spec.cameras.items():
            wanted = [decode(ImageFormat().encode(maker.image(camera, value)), size) for value in values]
            assert np.array_equal(episode.images(camera), wanted)
            assert np.abs(episode.images(camera)[..., 1].astype(int) - (values % 250)[:, None, None]).max() <= 3


def test_description_round_trips(maker, path):
    info = EpisodeInfo(
        instruction="put the red cup on the high shelf",
        source="teleop",
        task="shelf",
        seed=7,
        operator="ana",
        candidates=("put the blue cup on the high shelf", "put the red cup on the high shelf"),
        candidate=1,
        scene=3,
        stages=("reach", "place"),
        fault="",
        preview_s=0.2,
        extra={"table": ["a", "b"]},
    )
    with DatasetWriter.open(path, maker.spec) as writer:
        episode = writer.episode(info)
        episode.append(maker.step(0, 0))
        folder = episode.commit(outcome="failure", stage=2, extra={"fell": True})
    assert folder == path / "episode_000000"
    read = open_dataset(path).episodes[0]
    assert read.info == replace(info, outcome="failure", stage=2, extra={**info.extra, "fell": True})
    assert read.attributes["recovered"] is False
    assert read.attributes["software"] == hlm.__version__
    assert read.attributes["start_utc"].endswith("+00:00")


def test_episodes_from_before_tell_no_preview(maker):
    attributes = maker.info(3).to_attributes()
    del attributes["preview_s"]
    assert EpisodeInfo.from_attributes(attributes).preview_s is None
    with pytest.raises(InputError, match="preview_s of an episode must be at least 0"):
        replace(maker.info(3), preview_s=-0.1)


def test_attributes_are_inverse(spec, maker):
    assert DatasetSpec.from_attributes(spec.to_attributes()) == spec
    assert EpisodeInfo.from_attributes(maker.info(3).to_attributes()) == maker.info(3)


def test_plain_zarr_reads_the_same_as_hlm(maker, path):
    imagecodecs.zarr.register_codecs("jpeg")
    maker.dataset(path)
    group = zarr.open_group(path, mode="r")
    assert group.attrs["dimensions"] == list(NAMES)
    assert sorted(group.group_keys()) == ["episode_000000", "episode_000001"]
    for episode in open_dataset(path):
        plain = group[episode.path.name]
        assert plain.attrs["steps"] == len(episode)
        for name, array in {"stamp_ns": episode.stamp_ns, "state": episode.state, "action": episode.action}.items():
            assert np.array_equal(plain[name][:], array)
            assert plain[name].dtype == array.dtype
        for name in episode.inputs:
            assert np.array_equal(plain[f"age_{name}_s"][:], episode.age_s(name))
        for name in episode.privileged:
            assert np.array_equal(plain[f"privileged/{name}"][:], episode.privileged_quantity(name))
        for camera in episode.cameras:
            assert np.array_equal(plain[f"image_{camera}"][:], episode.images(camera))
            assert np.array_equal(plain[f"image_{camera}"][3], episode.images(camera, [3])[0])


def test_ten_lines_of_the_readme(maker, path, monkeypatch):
    maker.dataset(path)
    monkeypatch.chdir(path.parent)
    code = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)[1]
    assert len([line for line in code.splitlines() if line]) <= 10
    found: dict = {}
    exec(compile(code, str(README), "exec"), found)
    episode = open_dataset(path).episodes[0]
    assert np.array_equal(found["state"], episode.state)
    assert np.array_equal(found["action"], episode.action)
    assert np.array_equal(found["image"], episode.images("head", 0)[0])
    assert found["seconds"][-1] == pytest.approx(4 / 30)


def test_checksums_of_attributes_are_as_the_readme_says(maker, path):
    with DatasetWriter.open(path, maker.spec) as writer:
        episode = writer.episode(maker.info(instruction="stell die Flasche ins Körbchen", extra={"π": [3.14, None]}))
        episode.append(maker.step(0, 0))
        episode.commit()
    groups = [zarr.open_group(path, mode="r")[name] for name in ("/", "episode_000000", "episode_000000/privileged")]
    for group in groups:
        others = {name: value for name, value in group.attrs.items() if name != "crc32c"}
        text = json.dumps(others, sort_keys=True, separators=(",", ":"))
        assert group.attrs["crc32c"] == f"{google_crc32c.value(text.encode('ascii')):08x}"
    assert f"## Schema, version {SCHEMA_VERSION}\n" in README.read_text()


def test_resuming_continues_the_numbers(maker, path):
    maker.dataset(path, (2, 3))
    maker.dataset(path, (4,))
    dataset = open_dataset(path)
    assert [len(episode) for episode in dataset] == [2, 3, 4]
    assert dataset.episodes[2].state[3, 0] == np.float32(2003e-6)


def test_numbers_follow_the_highest_finished_or_not(maker, path):
    maker.dataset(path, (1,))
    (path / "episode_000009.partial").mkdir()
    with DatasetWriter.open(path, maker.spec) as writer:
        assert writer.episode(maker.info()).number == 10
        assert writer.episode(maker.info()).number == 11


def test_a_minute_of_three_cameras_has_few_files(path):
    cameras = {"head": (8, 8), "left_wrist": (8, 8), "right_wrist": (8, 8)}
    spec = DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras=cameras)
    ages = dict.fromkeys((*cameras, "state", "reference"), 0.0)
    black = {name: np.zeros((8, 8, 3), np.uint8) for name in cameras}
    zeros = np.zeros(34)
    with DatasetWriter.open(path, spec) as writer:
        episode = writer.episode(EpisodeInfo(instruction="x", source="teleop"))
        for step in range(1800):
            episode.append(Step(step, zeros, zeros, black, ages, {"a": np.zeros(3), "b": np.zeros(3)}))
        folder = episode.commit()
    assert sum(file.is_file() for file in folder.rglob("*")) <= 40


def test_images_by_step_and_size(maker, path):
    episode = open_dataset(maker.dataset(path, (6,))).episodes[0]
    everything = episode.images("head")
    assert np.array_equal(episode.images("head", slice(1, 6, 2)), everything[1:6:2])
    assert np.array_equal(episode.images("head", [4, 0, -1]), everything[[4, 0, -1]])
    assert np.array_equal(episode.images("head", np.array([], int)), everything[:0])
    small = episode.images("head", 2, size=(8, 12))
    assert np.array_equal(small[0], resize(everything[2], (8, 12)))
    assert episode.image_size("head") == (16, 24)
    with pytest.raises(InputError, match="episode 0 has 6 steps"):
        episode.images("head", [6])


def test_area_resize_keeps_the_mean():
    image = np.random.default_rng(0).integers(0, 255, (16, 24, 3), dtype=np.uint8)
    half = resize(image, (8, 12))
    blocks = image.reshape(8, 2, 12, 2, 3).mean(axis=(1, 3))
    assert np.abs(half - blocks).max() <= 1.0
    assert resize(image, (16, 24)) is image


def test_unknown_names_list_the_known_ones(maker, path):
    episode = open_dataset(maker.dataset(path, (1,))).episodes[0]
    with pytest.raises(UnknownNameError, match=r"no camera 'heda'\. Known: head, left_wrist\. Did you mean 'head'\?"):
        episode.images("heda")
    with pytest.raises(UnknownNameError, match="no privileged quantity 'goal'"):
        episode.privileged_quantity("goal")
    with pytest.raises(UnknownNameError, match="no input 'lidar'"):
        episode.age_s("lidar")


def test_arrays_are_read_only(maker, path):
    episode = open_dataset(maker.dataset(path, (2,))).episodes[0]
    for array in (episode.state, episode.stamp_ns, episode.privileged_quantity("goal_in_hand_m")):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_the_caller_may_reuse_its_buffers(maker, path):
    state, image = np.zeros(34), maker.image("head", 0)
    with DatasetWriter.open(path, maker.spec) as writer:
        episode = writer.episode(maker.info())
        for step in range(40):
            state[:] = step
            image[:] = step * 5
            images = {"head": image, "left_wrist": maker.image("left_wrist", 0)}
            episode.append(maker.step(0, step, state=state, images=images))
        episode.commit()
    read = open_dataset(path).episodes[0]
    assert np.array_equal(read.state[:, 0], np.arange(40))
    assert np.abs(read.images("head").mean(axis=(1, 2, 3)) - 5 * np.arange(40)).max() < 2


def test_an_episode_may_lack_a_camera(maker, path):
    with DatasetWriter.open(path, maker.spec) as writer:
        episode = writer.episode(maker.info())
        episode.append(maker.step(0, 0, images={"head": maker.image("head", 0)}))
        episode.commit()
    read = open_dataset(path).episodes[0]
    assert read.cameras == ("head",)
    assert not (read.path / "image_left_wrist").exists()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"state": np.zeros(33)}, "state must have shape \\[34\\]"),
        ({"images": {"head": np.zeros((16, 24, 3))}}, "camera 'head' must be uint8 RGB, got float64"),
        ({"images": {"head": np.zeros((16, 24), np.uint8)}}, "must have shape \\[any, any, 3\\]"),
    ],
)
def test_steps_are_checked(maker, changes, text):
    with pytest.raises(MismatchError, match=text):
        maker.step(0, 0, **changes)


def test_descriptions_are_checked(maker):
    with pytest.raises(UnknownNameError, match=r"no source 'robot'\. Known: humi, policy"):
        maker.info(source="robot")
    with pytest.raises(UnknownNameError, match="no outcome 'won'"):
        maker.info(outcome="won")
    with pytest.raises(InputError, match="must fit into JSON"):
        maker.info(extra={"array": np.zeros(2)})
    for words in (3, "\udcff"):  # the second is what a command line makes of bytes that are no UTF-8
        with pytest.raises(InputError, match=r"must be text|must fit into JSON"):
            maker.info(instruction=words)
    with pytest.raises(CorruptError, match="attributes cannot be read"):
        EpisodeInfo.from_attributes({"source": "teleop"})
