"""hlm to LeRobot and back: every number exactly, every image within the codec's error, everybody else's checked."""

import json
import shutil

import numpy as np
import pytest

from hlm.core.errors import CorruptError, HlmError, InputError, MismatchError, MissingFileError, UnknownNameError
from hlm.core.layout import NAMES
from hlm.datasets.convert import lerobot_names
from hlm.datasets.convert.convert import LEROBOT, Request, convert, detect
from hlm.datasets.reader import open_dataset
from hlm.datasets.schema import DatasetSpec
from hlm.datasets.schema_2 import renamed

# Measured on these images: 43 dB for AV1 (LeRobot's default settings) and JPEG together.
PSNR_DB = 40.0


@pytest.fixture(scope="module")
def exported(tmp_path_factory, demo_of_module):
    """An hlm dataset and what LeRobot made of it; nobody changes them."""
    folder = tmp_path_factory.mktemp("lerobot")
    source = demo_of_module.dataset(folder / "demo.zarr")
    convert(Request(path=source, target=folder / "demo_lerobot", to="lerobot"))
    return source, folder / "demo_lerobot"


@pytest.fixture(scope="module")
def demo_of_module():
    from .conftest import Demo

    return Demo()


@pytest.fixture
def foreign(exported, tmp_path):
    """A copy as somebody else would have made it, and a function that changes its `info.json`."""
    path = tmp_path / "foreign"
    shutil.copytree(exported[1], path)
    shutil.rmtree(path / "meta" / "hlm")

    def change(edit=lambda info: None):
        info = json.loads((path / "meta" / "info.json").read_text())
        edit(info)
        (path / "meta" / "info.json").write_text(json.dumps(info))
        return path

    return change


def psnr_db(first, second):
    error = np.mean((first.astype(float) - second.astype(float)) ** 2)
    return 10 * np.log10(255.0**2 / max(error, 1e-9))


def assert_same_numbers(first, second):
    for name in ("state", "action", "stamp_ns"):
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes()
    assert (first.inputs, first.privileged) == (second.inputs, second.privileged)
    for name in first.inputs:
        assert first.age_s(name).tobytes() == second.age_s(name).tobytes()
    for name in first.privileged:
        assert first.privileged_quantity(name).shape == second.privileged_quantity(name).shape
        assert first.privileged_quantity(name).tobytes() == second.privileged_quantity(name).tobytes()


def test_lerobot_reads_what_it_is_given(exported):
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    source, target = exported
    assert detect(target) == LEROBOT
    dataset = LeRobotDataset("somebody/demo", target, video_backend="pyav")
    assert (dataset.num_episodes, dataset.num_frames, dataset.fps, dataset.meta.robot_type) == (3, 20, 30, "unitree_g1")
    assert dataset.features["observation.state"]["names"] == list(NAMES)
    assert dataset.features["action"]["names"] == list(NAMES)
    place = 0
    for number, episode in enumerate(open_dataset(source)):
        for step in range(len(episode)):
            sample = dataset[place]
            assert (sample["episode_index"], sample["frame_index"]) == (number, step)
            assert sample["task"] == episode.info.instruction
            assert sample["observation.state"].numpy().tobytes() == episode.state[step].tobytes()
            assert sample["action"].numpy().tobytes() == episode.action[step].tobytes()
            assert sample["stamp_ns"].item() == episode.stamp_ns[step]
            for camera in episode.cameras:
                image = sample[f"observation.images.{camera}"].permute(1, 2, 0).numpy() * 255
                assert psnr_db(image, episode.images(camera, [step])[0]) > PSNR_DB
            place += 1


def test_everything_comes_back(exported, tmp_path):
    source, target = exported
    report = convert(Request(path=target, target=tmp_path / "back.zarr"))
    before, after = open_dataset(source), open_dataset(tmp_path / "back.zarr")
    assert (report.imperfect, report.left_out) == ((), ())
    assert after.spec == before.spec
    assert len(after) == len(before) == 3
    for first, second in zip(before, after, strict=True):
        assert first.number == second.number
        assert first.attributes == second.attributes
        assert_same_numbers(first, second)
        for camera in first.cameras:
            assert psnr_db(first.images(camera), second.images(camera)) > PSNR_DB


def test_a_few_episodes_and_cameras_come_back_under_their_numbers_and_names(exported, tmp_path):
    source, target = exported
    some = tmp_path / "some"
    convert(Request(path=source, target=some, to="lerobot", episodes=("1-2",), cameras=("head=top",)))
    convert(Request(path=some, target=tmp_path / "back.zarr"))
    back = open_dataset(tmp_path / "back.zarr")
    assert [episode.number for episode in back] == [1, 2]
    assert back.spec.cameras == {"head": (64, 80)}
    assert_same_numbers(open_dataset(source).episodes[2], back.episodes[1])
    convert(Request(path=target, target=tmp_path / "one.zarr", episodes=("2",), cameras=("right_wrist=left_wrist",)))
    (episode,) = open_dataset(tmp_path / "one.zarr")
    assert (episode.number, episode.cameras) == (2, ("left_wrist",))


def test_columns_that_not_every_episode_has(demo, tmp_path):
    def change(episode, step, made):
        ages = {"state": 0.0} if episode == 1 else dict(made.age_s)
        privileged = {} if episode == 2 else dict(made.privileged)
        return demo.step(episode, step, age_s=ages, privileged=privileged)

    source = demo.dataset(tmp_path / "uneven.zarr", (3, 4, 3), change)
    convert(Request(path=source, target=tmp_path / "there", to="lerobot"))
    for sidecar in (True, False):
        if not sidecar:
            shutil.rmtree(tmp_path / "there" / "meta" / "hlm")
        back = tmp_path / f"back_{sidecar}.zarr"
        convert(Request(path=tmp_path / "there", target=back, source="teleop", cameras=("head", "right_wrist")))
        after = open_dataset(back)
        assert [episode.inputs for episode in after] == [("image_head", "state"), ("state",), ("image_head", "state")]
        assert [len(episode.privileged) for episode in after] == [3, 3, 0]
        # Without hlm's description a privileged quantity is as flat as its column.
        pair = after.episodes[1].privileged_quantity("pair")
        assert pair.shape == ((4, 2, 3) if sidecar else (4, 6))
        np.testing.assert_array_equal(pair.reshape(4, 6)[:, 5], 1000.0 + np.arange(4))


@pytest.mark.parametrize("name", ["state", "image_head", "goal_2", "an_image_of_images"])
def test_names_survive_in_columns(name):
    columns = lerobot_names.features({}, [name], {name: (2, 3)})
    own = lerobot_names.own_columns(columns)
    assert (own.stamp, own.inputs) == (True, (name,))
    assert own.privileged == {name: lerobot_names.privileged_column(name)}
    assert set(own.names) == set(columns) - {"observation.state", "action"}
    assert not any("image" in column for column in columns)


def test_an_edited_dataset_does_not_get_the_descriptions_of_other_episodes(exported, tmp_path):
    path = tmp_path / "edited"
    shutil.copytree(exported[1], path)
    lines = (path / "meta/hlm/episodes.jsonl").read_text().splitlines()
    swapped = [lines[1].replace('"number": 1', '"number": 0'), lines[0].replace('"number": 0', '"number": 1'), lines[2]]
    (path / "meta/hlm/episodes.jsonl").write_text("\n".join([*swapped, ""]))
    request = Request(path=path, target=tmp_path / "back.zarr")
    with pytest.raises(CorruptError, match=r"episode 0 of .* is not as hlm wrote it: edited since, .* move .* away"):
        convert(request)
    (path / "meta/hlm/episodes.jsonl").write_text("\n".join([*lines[:2], ""]))
    with pytest.raises(CorruptError, match="has 3 episodes, hlm described 2"):
        convert(request)
    for text in ("{}\n", "no json\n", lines[0] + "\n" + lines[0] + "\n" + lines[0] + "\n", "\n"):
        (path / "meta/hlm/episodes.jsonl").write_text(text)
        with pytest.raises(CorruptError, match=r"meta/hlm cannot be read"):
            convert(request)
    invented = [line.replace('"goal_m"', '"goal_of_others"') for line in lines]
    (path / "meta/hlm/episodes.jsonl").write_text("\n".join([*invented, ""]))
    with pytest.raises(CorruptError, match=r"is not as hlm wrote it"):
        convert(request)
    assert not (tmp_path / "back.zarr").exists()


def as_hlm_0_1_exported(path):
    """Columns, sidecar and attributes as the version before named them, with schema 2."""
    import pyarrow.parquet as parquet

    for file in path.glob("data/**/*.parquet"):
        table = parquet.read_table(file)
        names = [name.replace("privileged.", "label.") for name in table.column_names]
        parquet.write_table(table.rename_columns(names), file)
    for name in ("meta/info.json", "meta/stats.json"):
        (path / name).write_text((path / name).read_text().replace('"privileged.', '"label.'))
    sidecar = json.loads((path / "meta/hlm/dataset.json").read_text())
    sidecar["dataset"]["schema_version"] = 2
    sidecar = {**renamed(sidecar, {"privileged": "labels"}), "version": 1}
    (path / "meta/hlm/dataset.json").write_text(json.dumps(sidecar))
    lines = [json.loads(line) for line in (path / "meta/hlm/episodes.jsonl").read_text().splitlines()]
    for line in lines:
        attributes = renamed(line["attributes"], {"privileged": "labels", "steps": "rows"}) | {"schema_version": 2}
        known = {name: attributes.pop(name) for name in ("candidates", "candidate", "scene", "stages", "fault")}
        attributes["extra"] |= {name: value for name, value in known.items() if value not in (None, "", [])}
        line |= {"attributes": attributes}
    texts = [json.dumps(renamed(line, {"steps_crc32c": "rows_crc32c"})) for line in lines]
    (path / "meta/hlm/episodes.jsonl").write_text("\n".join([*texts, ""]))


def test_what_an_older_hlm_exported_comes_back_the_same(exported, tmp_path):
    path = shutil.copytree(exported[1], tmp_path / "older")
    as_hlm_0_1_exported(path)
    convert(Request(path=path, target=tmp_path / "back.zarr"))
    for before, after in zip(open_dataset(exported[0]), open_dataset(tmp_path / "back.zarr"), strict=True):
        assert_same_numbers(before, after)
        assert before.info == after.info
        assert before.attributes == after.attributes


def test_lerobots_own_tools_keep_the_columns(exported, tmp_path):
    from lerobot.datasets.dataset_tools import delete_episodes
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    whole = LeRobotDataset("somebody/demo", exported[1], video_backend="pyav")
    delete_episodes(whole, [0], tmp_path / "fewer", "somebody/fewer")
    cameras = ("head", "right_wrist")
    convert(Request(path=tmp_path / "fewer", target=tmp_path / "b.zarr", source="teleop", cameras=cameras))
    for before, after in zip(open_dataset(exported[0]).episodes[1:], open_dataset(tmp_path / "b.zarr"), strict=True):
        for name in ("state", "action", "stamp_ns"):
            assert getattr(before, name).tobytes() == getattr(after, name).tobytes()
        assert before.age_s("image_head").tobytes() == after.age_s("image_head").tobytes()
        assert before.privileged_quantity("pair").tobytes() == after.privileged_quantity("pair").tobytes()
        assert psnr_db(before.images("head"), after.images("head")) > PSNR_DB


def test_words_that_lerobot_changed_are_the_new_ones_and_all_else_comes_back(exported, tmp_path):
    from lerobot.datasets.dataset_tools import modify_tasks
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    path = shutil.copytree(exported[1], tmp_path / "relabelled")
    opened = LeRobotDataset("somebody/demo", path, video_backend="pyav")
    modify_tasks(opened, episode_tasks={1: "pick the green cup"})
    convert(Request(path=path, target=tmp_path / "back.zarr"))
    before, after = open_dataset(exported[0]), open_dataset(tmp_path / "back.zarr")
    assert [episode.info.instruction for episode in after] == ["do 0", "pick the green cup", "do 1"]
    for first, second in zip(before, after, strict=True):
        assert_same_numbers(first, second)
        assert second.info == first.info.with_instruction(second.info.instruction)
    assert (after.episodes[1].info.candidates, after.episodes[1].info.candidate) == (("pick the green cup", "do 1"), 0)
    assert after.episodes[2].attributes == before.episodes[2].attributes


def test_rows_in_another_order_come_back_exactly(exported, tmp_path):
    import pyarrow.parquet as parquet

    path = shutil.copytree(exported[1], tmp_path / "shuffled")
    file = path / "data/chunk-000/file-000.parquet"
    table = parquet.read_table(file)
    parquet.write_table(table.take(np.random.default_rng(0).permutation(len(table))), file)
    convert(Request(path=path, target=tmp_path / "back.zarr"))
    for first, second in zip(open_dataset(exported[0]), open_dataset(tmp_path / "back.zarr"), strict=True):
        assert_same_numbers(first, second)
        assert first.attributes == second.attributes


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"fps": 15}, r"steps per second in meta/info.json: 15.0, in meta/hlm: 30.0"),
        ({"robot_type": "so101"}, r"the robot in meta/info.json: so101, in meta/hlm: unitree_g1"),
    ],
)
def test_descriptions_that_contradict_lerobots_are_an_error(exported, tmp_path, change, text):
    path = shutil.copytree(exported[1], tmp_path / "other")
    info = json.loads((path / "meta/info.json").read_text())
    (path / "meta/info.json").write_text(json.dumps(info | change))
    with pytest.raises(CorruptError, match=text):
        convert(Request(path=path, target=tmp_path / "back.zarr"))


def test_stamps_that_contradict_the_order_of_frames_are_an_error(foreign, tmp_path):
    import pyarrow.parquet as parquet

    path = foreign()
    file = path / "data/chunk-000/file-000.parquet"
    table = parquet.read_table(file)
    stamps = table.column("stamp_ns").to_pylist()
    place = table.schema.get_field_index("stamp_ns")
    swapped = [stamps[1], stamps[0], *stamps[2:]]
    parquet.write_table(table.set_column(place, table.schema.field(place), [swapped]), file)
    with pytest.raises(CorruptError, match=r"episode 0 of .*: stamp_ns does not increase in the order of frame_index"):
        convert(Request(path=path, target=tmp_path / "back.zarr", source="teleop"))


def test_lerobot_of_somebody_else(foreign, tmp_path):
    def strip(info):
        for name in ("observation.state", "action"):
            info["features"][name]["names"] = ["state"]
        for name in ("stamp_ns", "age.IMAGE_head_s", "age.state_s", "privileged.goal_m", "privileged.pair"):
            del info["features"][name]
        info["features"]["next.reward"] = info["features"].pop("privileged.score")

    path = foreign(strip)
    request = {"path": path, "target": tmp_path / "mine.zarr"}
    report = convert(Request(**request, source="teleop"))
    dataset = open_dataset(tmp_path / "mine.zarr")
    assert set(report.left_out) == {
        *("next.reward", "stamp_ns", "age.IMAGE_head_s", "age.state_s"),
        *("privileged.goal_m", "privileged.pair", "privileged.score"),
    }
    for number, episode in enumerate(dataset):
        assert (episode.info.source, episode.info.instruction) == ("teleop", f"do {number // 2}")
        assert episode.info.outcome == "unlabelled"
        assert episode.info.extra == {"lerobot": {"dataset": "foreign", "episode": number}}
        assert (episode.inputs, episode.privileged) == ((), ())
        np.testing.assert_array_equal(episode.state[:, 0], 1000.0 * number + np.arange(len(episode)))
        np.testing.assert_array_equal(episode.stamp_ns, np.round(np.arange(len(episode)) * 1e9 / 30))


def set_feature(**changes):
    return lambda info: info["features"]["observation.state"].update(changes)


def rename_camera(info):
    info["features"]["observation.images.top"] = info["features"].pop("observation.images.head")


REFUSALS = [
    (lambda info: info.update(robot_type="so101"), {}, MismatchError, r"robot 'so101'; hlm knows unitree_g1"),
    (lambda info: info.update(robot_type=None), {}, MismatchError, r"robot 'unknown'"),
    (lambda info: info.update(fps=10), {}, MismatchError, r"10 steps per second, asked for 30.*--rate-hz 10 takes"),
    (set_feature(shape=[6]), {}, MismatchError, r"'observation.state' of .* has shape \[6\], .* vector \[34\]"),
    (
        set_feature(names=[f"j{place}" for place in range(34)]),
        {},
        MismatchError,
        r"dimension 0 of 'observation.state' in .* is 'j0', hlm's is 'left_shoulder_pitch'",
    ),
    (lambda info: info["features"].pop("action"), {}, MismatchError, r"no column 'action'\. It has: observation.state"),
    (
        rename_camera,
        {"cameras": ("top=head",)},
        CorruptError,
        r"meta/episodes of .* does not say where the video of observation.images.top of episode 0 is",
    ),
    (lambda info: None, {"cameras": ("front=head",)}, UnknownNameError, r"no camera 'front'. Known: head, right_wrist"),
    (lambda info: None, {"source": ""}, InputError, r"does not name the source of its references.*--source teleop"),
    (lambda info: None, {"episodes": ("7",)}, InputError, r"no episode 7 in .*; it has 0-2"),
    (lambda info: info.update(codebase_version="v2.1"), {}, MismatchError, r"format v2.1, hlm reads v3.0.*v21_to_v30"),
]


@pytest.mark.parametrize(("edit", "options", "kind", "text"), REFUSALS)
def test_what_does_not_fit_is_said_in_one_line(foreign, tmp_path, edit, options, kind, text):
    path = foreign(edit)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(kind, match=text) as refusal:
        convert(Request(**{"path": path, "target": tmp_path / "mine.zarr", "source": "teleop", **options}))
    assert "\n" not in str(refusal.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_camera_of_somebody_else_must_be_named(exported, tmp_path):
    path = tmp_path / "top"
    convert(Request(path=exported[0], target=path, to="lerobot", episodes=("0",), cameras=("head=top",)))
    shutil.rmtree(path / "meta" / "hlm")
    request = {"path": path, "target": tmp_path / "mine.zarr", "source": "teleop"}
    with pytest.raises(
        MismatchError, match=r"camera 'top' .* is not one of head, left_wrist, right_wrist.*--cameras top="
    ):
        convert(Request(**request))
    convert(Request(**request, cameras=("top=head",)))
    assert open_dataset(tmp_path / "mine.zarr").spec.cameras == {"head": (64, 80)}


def test_another_rate_contradicts_the_timestamps(foreign, tmp_path):
    path = foreign(lambda info: info.update(fps=15))
    request = Request(path=path, target=tmp_path / "mine.zarr", source="teleop", rate_hz=15.0)
    with pytest.raises(
        CorruptError, match=r"row 5 of episode 0 .* by frame_index it is 0.333 s .* by timestamp 0.167 s"
    ):
        convert(request)


@pytest.mark.parametrize("file", ["data/chunk-000/file-000.parquet", "meta/tasks.parquet"])
def test_missing_files_are_named_and_nobody_is_asked_for_them(foreign, tmp_path, file):
    path = foreign()
    (path / file).unlink()
    with pytest.raises(MissingFileError, match=rf"{file} is missing"):
        convert(Request(path=path, target=tmp_path / "mine.zarr", source="teleop"))


@pytest.mark.parametrize("file", ["data/chunk-000/file-000.parquet", "meta/episodes/chunk-000/file-000.parquet"])
def test_damaged_files(foreign, tmp_path, file):
    path = foreign()
    (path / file).write_bytes((path / file).read_bytes()[:-500])
    with pytest.raises(CorruptError, match=r"cannot be read|cannot read"):
        convert(Request(path=path, target=tmp_path / "mine.zarr", source="teleop"))
    assert not (tmp_path / "mine.zarr").exists()


def without_head(demo):
    def change(episode, step, made):
        return demo.step(episode, step, images={"right_wrist": made.images["right_wrist"]}) if episode == 1 else made

    return change


def with_nan(demo):
    return lambda episode, step, made: demo.step(episode, step, state=np.full(34, np.nan)) if episode == 1 else made


def with_other_shapes(demo):
    return lambda episode, step, made: demo.step(episode, step, privileged={"goal_m": np.zeros(2 + episode)})


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (without_head, r"episode_000001 has no camera 'head', and LeRobot wants every camera in every episode"),
        (with_nan, r"episode_000001 holds nan or infinity"),
        (with_other_shapes, r"privileged quantity 'goal_m' has shape \[3\] in .*episode_000001 and \[2\] before"),
    ],
)
def test_what_lerobot_has_no_place_for_is_refused(demo, tmp_path, change, text):
    source = demo.dataset(tmp_path / "demo.zarr", (2, 2), change(demo))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(HlmError, match=text):
        convert(Request(path=source, target=tmp_path / "there", to="lerobot"))
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"rate_hz": 29.97}, "29.97 steps per second; LeRobot wants a whole number"),
        ({"cameras": {"head": (16, 24)}}, "camera 'head' is 16x24; LeRobot's video encoder needs 32x32"),
    ],
)
def test_what_the_encoder_cannot_do_is_refused(demo, tmp_path, changes, text):
    spec = DatasetSpec(**{"embodiment": "unitree_g1", "rate_hz": 30.0, "cameras": {"head": (64, 80)}, **changes})
    images = {"head": np.zeros((*spec.cameras["head"], 3), np.uint8)}
    source = demo.dataset(
        tmp_path / "demo.zarr", (2,), lambda episode, step, _: demo.step(episode, step, images=images), spec
    )
    with pytest.raises(MismatchError, match=text):
        convert(Request(path=source, target=tmp_path / "there", to="lerobot"))
