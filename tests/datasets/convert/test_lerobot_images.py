"""Pictures of LeRobot datasets: edges of odd sizes, depths, columns of others."""

import io
from fractions import Fraction

import numpy as np
import pytest

from hlm.core.errors import CorruptError, InputError, MismatchError
from hlm.datasets.convert.convert import Request, convert
from hlm.datasets.convert.lerobot_images import images_in_cells
from hlm.datasets.convert.videos import images_at
from hlm.datasets.reader import open_dataset
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.writer import DatasetWriter

from .lerobot_sets import COLOURS, HEAD, VECTOR, plain, vector, write


def imported(path, name="mine.zarr", **changes):
    target = path.with_name(name)
    report = convert(Request(**{"path": path, "target": target, "source": "teleop", **changes}))
    return report, open_dataset(target)


def ramp(height, width):
    """Colours that change as slowly at the edges as elsewhere."""
    red = np.broadcast_to(np.linspace(60, 180, width), (height, width))
    green = np.broadcast_to(np.linspace(60, 180, height)[:, None], (height, width))
    return np.stack([red, green, 240 - red], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("size", [(65, 97), (64, 97), (65, 96)])
def test_odd_sizes_keep_their_edges_through_a_round_trip(tmp_path, size):
    image = ramp(*size)
    source = tmp_path / "odd.zarr"
    with DatasetWriter.open(source, DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras={"head": size})) as to:
        episode = to.episode(EpisodeInfo(instruction="a", source="teleop"))
        for step in range(4):
            episode.append(Step(step * 33_000_000 + 1, vector(0, step), vector(0, step), {"head": image}, {}, {}))
        episode.commit()
    convert(Request(path=source, target=tmp_path / "there", to="lerobot"))
    convert(Request(path=tmp_path / "there", target=tmp_path / "back.zarr"))
    back = open_dataset(tmp_path / "back.zarr")
    assert back.spec.cameras == {"head": size}
    error = np.abs(back.episodes[0].images("head").astype(int) - image)
    middle = error[:, 4:-4, 4:-4].mean()
    for edge in (error[:, 0], error[:, -1], error[:, :, 0], error[:, :, -1]):
        assert edge.mean() < middle + 2.0


@pytest.mark.parametrize(("height", "width"), [(65, 64), (64, 65), (95, 127), (240, 427)])
def test_an_odd_edge_has_colours_of_its_own(tmp_path, height, width):
    import av

    path = tmp_path / "odd.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", 30)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        frame = av.VideoFrame(width, height, "yuv420p")
        for number, plane in enumerate(frame.planes):
            values = np.full((plane.height, plane.line_size), 128, np.uint8)
            if number == 2:
                # Red at the last row and column of the colours.
                values[-1], values[:, plane.width - 1] = 200, 200
            plane.update(values.tobytes())
        for packet in (*stream.encode(frame), *stream.encode()):
            container.mux(packet)
    (image,) = images_at(path, [0.0], 0.01)
    # Y = 128 is grey 130; V = 200 is a red that is 1.596 * 72 higher (ITU-R BT.601).
    rows, columns = height - 2 + height % 2, width - 2 + width % 2
    np.testing.assert_allclose(image[:rows, :columns].astype(int), 130, atol=2)
    np.testing.assert_allclose(image[rows:, :, 0].astype(int), 245, atol=3)
    np.testing.assert_allclose(image[:, columns:, 0].astype(int), 245, atol=3)


def video(path, times, rate=30):
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate, options={"qscale": "1"})
        stream.width = stream.height = 64
        stream.pix_fmt, stream.codec_context.time_base = "yuv420p", Fraction(1, 30_000)
        for number, time_s in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 20 + 10 * number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = round(time_s * 30_000), Fraction(1, 30_000)
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def test_images_are_those_shown_at_the_times(tmp_path):
    times = [0.0, 0.04, 0.05, 0.12, 0.14, 0.2]
    path = video(tmp_path / "uneven.mp4", times)
    for start in range(len(times)):
        shown = [round((int(image[9, 9, 0]) - 20) / 10) for image in images_at(path, times[start:], 0.001)]
        assert shown == list(range(start, len(times)))
    assert len(list(images_at(path, [0.048, 0.048, 0.052], 0.01))) == 3
    with pytest.raises(CorruptError, match=r"has no image at 0.090 s; the nearest is at 0.120 s"):
        list(images_at(path, [0.0, 0.09], 0.02))
    with pytest.raises(CorruptError, match=r"has no image at 0.300 s; the nearest is at 0.200 s"):
        list(images_at(path, [0.3], 0.02))


def test_an_unknown_codec_is_an_error(tmp_path):
    path = video(tmp_path / "unknown.mkv", [0.0, 0.1])
    content = path.read_bytes()
    assert content.count(b"V_MPEG4") == 1
    path.write_bytes(content.replace(b"V_MPEG4", b"V_ZZZZZ"))
    with pytest.raises(CorruptError, match=r"unknown.mkv has a codec that cannot be decoded here"):
        list(images_at(path, [0.0], 0.01))


def depths(path, info=None):
    feature = {"dtype": "image", "shape": (64, 64, 1), "names": COLOURS} | ({"info": info} if info else {})
    features = {"observation.state": VECTOR, "action": VECTOR, HEAD: feature}
    value = np.full((64, 64, 1), 3000, np.uint16)
    frames = [{"observation.state": vector(0, row), "action": vector(0, row), HEAD: value} for row in range(3)]
    return write(path, features, [frames], ["a"])


def test_depths_are_no_colour_camera(tmp_path):
    path = depths(tmp_path / "set")
    with pytest.raises(
        MismatchError, match=r"step 0 of observation.images.head .* mode I;16, as depths are"
    ) as refusal:
        imported(path)
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "mine.zarr").exists()


def test_described_depths_are_left_out_by_name(tmp_path):
    path = depths(tmp_path / "set", {"is_depth_map": True})
    report, dataset = imported(path)
    assert report.left_out == (HEAD,)
    assert dataset.episodes[0].cameras == ()
    with pytest.raises(MismatchError, match=r"camera 'head' of .* holds depths"):
        imported(path, "other.zarr", cameras=("head",))


@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_other_colours_are_made_rgb(mode):
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (8, 8), (90, 90, 90)).convert(mode).save(file, "PNG")

    class Cell:
        def as_py(self):
            return {"bytes": file.getvalue(), "path": None}

    (image,) = images_in_cells([Cell()], "head")
    assert image.shape == (8, 8, 3)
    assert (image == 90).all()


@pytest.mark.parametrize(
    ("name", "dtype", "value"),
    [
        ("label.phase", "string", "grasp"),
        ("label.Success", "float32", np.ones(1, np.float32)),
        ("label.left.grip", "float32", np.ones(1, np.float32)),
        ("privileged.score", "float32", np.ones(1, np.float32)),
        ("age.state_s", "float32", np.ones(1, np.float32)),
        ("stamp_ns", "float32", np.ones(1, np.float32)),
        ("next.done", "bool", np.ones(1, bool)),
    ],
)
def test_columns_of_others_are_left_out_by_name(tmp_path, name, dtype, value):
    features = {"observation.state": VECTOR, "action": VECTOR, name: {"dtype": dtype, "shape": (1,), "names": None}}
    frames = [{"observation.state": vector(0, row), "action": vector(0, row), name: value} for row in range(3)]
    report, dataset = imported(write(tmp_path / "set", features, [frames], ["a"]))
    assert report.left_out == (name,)
    (episode,) = dataset
    assert (episode.inputs, episode.privileged) == ((), ())


def test_images_in_cells_follow_their_rows(tmp_path):
    import pandas as pd

    path = plain(tmp_path / "set", tasks=("a",), dtype="image")
    file = path / "data/chunk-000/file-000.parquet"
    pd.read_parquet(file).iloc[::-1].to_parquet(file, index=False)
    _, dataset = imported(path)
    assert [int(image[9, 9, 0]) for image in dataset.episodes[0].images("head")] == [30 + 6 * row for row in range(8)]


def test_the_range_of_grippers_is_refused_for_others(tmp_path):
    with pytest.raises(InputError, match="none of OpenHLM's datasets; leave --gripper-range out"):
        imported(plain(tmp_path / "set", tasks=("a",), rows=2), gripper_range=(0.0, 1.0))
