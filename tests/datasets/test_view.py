"""What a Rerun recording of an episode holds is read back and compared with the episode."""

import re
import resource
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from rerun.chunk import RrdReader

from hlm.core.errors import CorruptError, ExistsError, MissingDependencyError, MissingFileError, StorageError
from hlm.core.inputs import DEVICE
from hlm.core.layout import DIMENSIONS, NAMES
from hlm.datasets.reader import open_dataset
from hlm.datasets.sheet import save_sheet
from hlm.datasets.view import PLOTS, Boxes, Capsules, Part, save_recording
from hlm.datasets.writer import DatasetWriter

STEPS = 7


@pytest.fixture
def episode(maker, path):
    return open_dataset(maker.dataset(path, (2, STEPS))).episodes[1]


@pytest.fixture
def part():
    """A capsule and a box that wander and turn."""
    angle = np.linspace(0.0, 1.0, STEPS)
    rotation = np.tile(np.eye(3), (STEPS, 1, 1))
    rotation[:, 0, 0] = rotation[:, 1, 1] = np.cos(angle)
    rotation[:, 0, 1], rotation[:, 1, 0] = -np.sin(angle), np.sin(angle)
    ends = np.array([[0.0, 0.0, -0.5], [0.3, 0.4, 0.0]])
    capsules = Capsules(start_m=np.zeros((2, 3)), end_m=ends, radius_m=np.array([0.1, 0.2]), rgba=((1, 0, 0, 1),) * 2)
    boxes = Boxes(center_m=np.ones((1, 3)), half_size_m=np.full((1, 3), 0.1), rgba=((0, 1, 0, 1),))
    position_m = np.arange(3 * STEPS).reshape(STEPS, 3)
    return Part(name="arm", position_m=position_m, rotation=rotation, shapes=(capsules, boxes))


@pytest.fixture
def read(tmp_path, episode, part):
    """Everything in a recording: steps of each component by entity and component, and the timelines."""
    file = tmp_path / "episode.rrd"
    save_recording(file, episode, [part])
    reader = RrdReader(file)
    assert len(reader.recordings()) == len(reader.blueprints()) == 1
    columns, times = {}, {}
    for chunk in reader.store().stream().to_chunks():
        batch = chunk.to_record_batch()
        for name in batch.schema.names:
            values = batch.column(name).to_pylist()
            columns.setdefault((chunk.entity_path, name), []).extend(values)
            if name in ("time", "step"):
                times.setdefault((chunk.entity_path, name), []).extend(values)
    return columns, times


def test_every_curve_is_there_state_beside_action(read, episode):
    columns, _ = read
    found = {}
    for (entity, name), values in columns.items():
        if name == "Scalars:scalars" and not entity.startswith("/age_s"):
            plot, dimension, kind = entity.strip("/").split("/")
            assert plot.replace("_", " ") in PLOTS
            found[kind, dimension] = [value[0] for value in values]
    assert len(found) == 2 * DIMENSIONS
    for column, dimension in enumerate(NAMES):
        assert found["state", dimension] == pytest.approx(episode.state[:, column].tolist(), rel=1e-12)
        assert found["action", dimension] == pytest.approx(episode.action[:, column].tolist(), rel=1e-12)
    for name in episode.inputs:
        assert [value[0] for value in columns[f"/age_s/{name}", "Scalars:scalars"]] == episode.age_s(name).tolist()


def test_timelines_are_seconds_since_the_first_step_and_steps(read, episode):
    _, times = read
    since_ns = (episode.stamp_ns - episode.stamp_ns[0]).tolist()
    entities = {entity for entity, _ in times}
    assert {"/camera/head", "/robot/arm", "/left_arm/left_elbow/state", "/age_s/state"} <= entities
    for entity in entities:
        assert times[entity, "step"] == list(range(STEPS))
        found_ns = [int(np.timedelta64(value).astype("timedelta64[ns]").astype(int)) for value in times[entity, "time"]]
        assert found_ns == pytest.approx(since_ns, abs=1000)


def test_images_are_the_very_files(read, episode):
    columns, _ = read
    for camera in episode.cameras:
        with episode.frames(camera) as frames:
            files = [list(frames.file(step)) for step in range(STEPS)]
        assert [list(value[0]) for value in columns[f"/camera/{camera}", "EncodedImage:blob"]] == files
        types = columns[f"/camera/{camera}", "EncodedImage:media_type"]
        assert [value[0] for value in types] == ["image/jpeg"] * STEPS


def test_parts_are_where_they_should_be(read, part):
    columns, _ = read
    found = np.array(columns["/robot/arm", "Transform3D:translation"])[:, 0]
    np.testing.assert_allclose(found, part.position_m)
    # Rerun stores matrices column by column.
    matrices = np.array(columns["/robot/arm", "Transform3D:mat3x3"]).reshape(-1, 3, 3).transpose(0, 2, 1)
    np.testing.assert_allclose(matrices, part.rotation, atol=1e-6)
    lengths = columns["/robot/arm/0", "Capsules3D:lengths"][0]
    assert lengths == pytest.approx([0.5, 0.5])
    for quaternion, end in zip(columns["/robot/arm/0", "Capsules3D:quaternions"][0], part.shapes[0].end_m, strict=True):
        x, y, z, w = quaternion
        turned_z = np.array([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)])
        np.testing.assert_allclose(turned_z, end / 0.5, atol=1e-6)
    assert columns["/robot/arm/1", "Boxes3D:half_sizes"][0][0] == pytest.approx([0.1, 0.1, 0.1])


def test_the_description_is_readable(read):
    columns, _ = read
    [[text]] = columns["/episode", "TextDocument:text"]
    assert text.startswith("### do 0\n- source: scripted\n- outcome: success\n")


def test_without_a_body_nothing_is_drawn_of_it(tmp_path, episode):
    save_recording(tmp_path / "x.rrd", episode)
    chunks = RrdReader(tmp_path / "x.rrd").store().stream().to_chunks()
    assert not [chunk.entity_path for chunk in chunks if chunk.entity_path.startswith("/robot")]


@pytest.mark.parametrize(("save", "name"), [(save_recording, "x.rrd"), (save_sheet, "x.png")])
def test_a_file_is_complete_or_not_there(tmp_path, episode, save, name):
    with pytest.raises(MissingFileError, match=f"no folder .*nowhere to write {re.escape(name)} into"):
        save(tmp_path / "nowhere" / name, episode)
    (tmp_path / name).write_text("mine")
    with pytest.raises(ExistsError, match="already there"):
        save(tmp_path / name, episode)
    assert (tmp_path / name).read_text() == "mine"
    (tmp_path / name).unlink()
    shard = episode.path / "image_head" / "c.0.0.0.0"
    data = bytearray(shard.read_bytes())
    data[len(data) // 10] ^= 1
    shard.write_bytes(data)
    with pytest.raises(CorruptError, match="the image is damaged"):
        save(tmp_path / name, episode)
    assert [entry.name for entry in tmp_path.iterdir()] == [episode.path.parent.name]


@pytest.mark.parametrize(("save", "name"), [(save_recording, "x.rrd"), (save_sheet, "x.png")])
def test_a_full_disk_is_noticed(tmp_path, episode, save, name):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(StorageError, match=f"could not write .*{re.escape(name)}"):
            save(tmp_path / name, episode)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [entry.name for entry in tmp_path.iterdir()] == [episode.path.parent.name]


def test_without_rerun_the_install_command_is_named(tmp_path, episode, monkeypatch):
    monkeypatch.setitem(sys.modules, "rerun", None)
    with pytest.raises(MissingDependencyError, match=r"needs rerun-sdk\. Run: pip install 'hlm\[viz\]'"):
        save_recording(tmp_path / "x.rrd", episode)


def test_importing_is_cheap():
    code = "import sys, hlm.datasets.view, hlm.datasets.sheet; print({'rerun', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_sheet_shows_every_camera_and_curve(tmp_path, maker, episode):
    from PIL import Image

    save_sheet(tmp_path / "x.png", episode)
    with Image.open(tmp_path / "x.png") as image:
        assert image.format == "PNG"
        with_cameras = image.size
    bare = type(maker)(type(maker.spec)(embodiment="unitree_g1", rate_hz=30.0, cameras={})).dataset(
        tmp_path / "bare.zarr", (1,)
    )
    save_sheet(tmp_path / "bare.png", open_dataset(bare).episodes[0])
    with Image.open(tmp_path / "bare.png") as image:
        assert image.size[0] == with_cameras[0]
        assert image.size[1] < with_cameras[1]


def test_a_sheet_shows_the_ages_of_inputs_where_a_person_commanded(tmp_path, maker, path):
    from PIL import Image

    def aged(_, step):
        return replace(step, age_s={**step.age_s, DEVICE: 0.02})

    heights = []
    for name, change in (("script", lambda _, step: step), ("person", aged)):
        folder = maker.dataset(tmp_path / f"{name}.zarr", (5,), change)
        save_sheet(tmp_path / f"{name}.png", open_dataset(folder).episodes[0])
        with Image.open(tmp_path / f"{name}.png") as image:
            heights.append(image.size[1])
    assert heights[0] < heights[1], "another row of plots"


@pytest.mark.filterwarnings("error")
def test_a_sheet_takes_any_words(tmp_path, maker, path):
    instruction = "put $x_1$ on the {shelf}: 把红杯子放到架子上\nnow"
    with DatasetWriter.open(path, maker.spec) as writer, writer.episode(maker.info(instruction=instruction)) as episode:
        episode.append(maker.step(0, 0))
        episode.commit()
    save_sheet(tmp_path / "x.png", open_dataset(path).episodes[0])
    assert (tmp_path / "x.png").stat().st_size > 10_000
