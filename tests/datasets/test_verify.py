"""Every kind of damage is found, in its place; a sound dataset has none."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import zarr

from hlm.core import layout
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import CorruptError, HlmError
from hlm.core.files import write_atomic
from hlm.core.inputs import DEVICE
from hlm.datasets.checks import moves, runs
from hlm.datasets.reader import open_dataset
from hlm.datasets.store.arrays import dimension_names, read_array, write_array
from hlm.datasets.store.attributes import group_attributes, group_metadata
from hlm.datasets.store.shard import Frames
from hlm.datasets.verify import Problem, verify
from hlm.datasets.writer import DatasetWriter

STEPS = 60


@pytest.fixture
def sound(maker, path):
    return maker.dataset(path, (4, STEPS))


def rewrite(path, name, edit, episode=1):
    """Change an array in place, checksum and all."""
    folder = path / f"episode_00000{episode}" / name
    array = read_array(folder).copy()
    array = edit(array)
    write_array(folder, array, dimension_names(name, array.ndim))


def only(problems, text) -> Problem:
    [problem] = problems
    assert text in problem.text
    return problem


def test_a_sound_dataset_has_no_problems(sound):
    assert verify(sound) == []


def same_json(first, second):
    try:
        return json.loads(first) == json.loads(second)
    except ValueError:
        return False


def found(path):
    """Whether verifying finds anything, or cannot even begin."""
    try:
        return verify(path) != []
    except HlmError:
        return True


def test_five_hundred_flipped_bits_are_found_every_one(maker, path):
    maker.dataset(path, (5,))
    assert verify(path) == []
    files = sorted(file for file in path.rglob("*") if file.is_file())
    assert len(files) == 21  # of every kind: attributes, metadata of arrays, chunks, shards
    rng = np.random.default_rng(0)
    flipped = dict.fromkeys(files, 0)
    while sum(flipped.values()) < 500:
        file = files[rng.integers(len(files))]
        data = file.read_bytes()
        place, bit = int(rng.integers(len(data))), int(rng.integers(8))
        damaged = data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]
        if same_json(data, damaged):
            continue  # another kind of white space says the same
        file.write_bytes(damaged)
        assert found(path), f"byte {place} bit {bit} of {file.relative_to(path)}"
        file.write_bytes(data)
        flipped[file] += 1
    assert min(flipped.values()) > 5
    assert verify(path) == []


def test_damage_is_found_where_it_is(sound):
    """The other episode is checked all the same, and nothing is said against it."""
    rng = np.random.default_rng(1)
    folder = sound / "episode_000000"
    for file in sorted(file for file in folder.rglob("c.0*") if file.is_file()):
        data = bytearray(file.read_bytes())
        data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
        file.write_bytes(data)
    problems = verify(sound)
    assert {problem.episode for problem in problems} == {0}
    arrays = {str(array.parent.relative_to(folder)) for array in folder.rglob("c.0*")}
    assert {problem.array for problem in problems} == arrays


def test_edited_attributes_are_found(sound):
    description = json.loads((sound / "zarr.json").read_bytes())
    description["attributes"]["rate_hz"] = 25.0
    (sound / "zarr.json").write_text(json.dumps(description))
    problem = only([problem for problem in verify(sound) if problem.array != "stamp_ns"], "differ from their checksum")
    assert problem.episode is None
    write_atomic(sound / "zarr.json", group_metadata(description["attributes"] | {"rate_hz": 30.0}))
    assert verify(sound) == []


def test_another_program_may_write_the_same_attributes(sound):
    """The checksum is of the content, not of the text."""
    group = zarr.open_group(sound / "episode_000000", mode="a")
    instruction = group.attrs["instruction"]
    group.attrs["instruction"] = "something else"
    only(verify(sound), "differ from their checksum")
    group.attrs["instruction"] = instruction
    assert verify(sound) == []


def test_an_unreadable_episode_does_not_hide_the_others(sound):
    (sound / "episode_000000" / "zarr.json").write_bytes(b"\0" * 100)
    rewrite(sound, "stamp_ns", lambda stamp_ns: stamp_ns[::-1])
    numbers = {problem.episode for problem in verify(sound)}
    assert numbers == {0, 1}
    with pytest.raises(CorruptError, match=rf"episode 0 of {sound} cannot be read: .*`hlm data verify {sound}` lists"):
        open_dataset(sound)


def test_a_camera_of_another_size_or_name(sound, maker, tmp_path):
    other = replace(maker, spec=replace(maker.spec, cameras={"head": (8, 8), "chest": (16, 24)}))
    other.dataset(tmp_path / "other.zarr", (4,))
    shutil.copytree(tmp_path / "other.zarr" / "episode_000000", sound / "episode_000002")
    found = {problem.array: problem.text for problem in verify(sound) if problem.episode == 2}
    assert found["image_head"] == "is 8x8; the dataset has: head 16x24, left_wrist 8x8"
    assert found["image_chest"] == "is 16x24; the dataset has: head 16x24, left_wrist 8x8"


def test_an_episode_of_another_schema(sound):
    file = sound / "episode_000001" / "zarr.json"
    write_atomic(file, group_metadata(group_attributes(file.parent) | {"schema_version": 1}))
    assert only(verify(sound), f"Upgrade it: `hlm data migrate {sound}`").episode == 1


def test_what_is_left_of_a_journal_is_named(sound):
    (sound / "episode_000001" / "journal.steps").write_bytes(b"x")
    assert only(verify(sound), "journal.steps is left over from recording").episode == 1


def test_many_damaged_images_are_one_finding(sound):
    file = sound / "episode_000001" / "image_head" / "c.0.0.0.0"
    data = file.read_bytes()
    index = Frames(file.parent).index
    start, stop = int(index[10, 0]), int(index[20, 0])
    file.write_bytes(data[:start] + b"\xff" * (stop - start) + data[stop:])
    problem = only(verify(sound), "So are those after it, up to step 19.")
    assert (problem.step, problem.array) == (10, "image_head")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"steps": 10**15}, "steps, the episode has 1000000000000000"),
        ({"steps": -1}, "'steps' should be at least 1, is -1"),
        ({"steps": "5"}, "'steps' should be at least 1, is '5'"),
        ({"cameras": ["../../secret"]}, "'cameras' should be a list of names"),
        ({"privileged": "goal"}, "'privileged' should be a list of names"),
        ({"instruction": 3}, "the instruction of an episode must be text, got 3"),
        ({"extra": [1]}, "must fit into JSON"),
        ({"candidates": "do 1"}, "the candidates of an episode must be a list of texts"),
        ({"candidates": ["do 1"], "candidate": 1}, "candidate 1 is not among the 1 candidates"),
        ({"candidates": ["wave"], "candidate": 0}, "candidate 0 is 'wave', but the instruction is"),
        ({"fault": 3}, "the fault of an episode must be text, got 3"),
        ({"source": ["teleop"]}, "the source of an episode must be text"),
        ({"schema_version": None}, "has no valid schema version"),
    ],
)
def test_attributes_from_elsewhere_are_not_trusted(sound, change, text):
    file = sound / "episode_000001" / "zarr.json"
    write_atomic(file, group_metadata(group_attributes(file.parent) | change))
    assert any(text in problem.text for problem in verify(sound) if problem.episode == 1)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("state", {"shape": [10**9, 34]}),
        ("state", {"shape": 5}),
        ("state", {"shape": [-1, 34]}),
        ("state", {"data_type": ["float32"]}),
        ("state", {"codecs": 3}),
        ("image_head", {"shape": [10**12, 16, 24, 3]}),
        ("image_head", {"shape": [60, 65000, 65000, 3]}),
        ("image_head", {"shape": "all"}),
    ],
)
def test_metadata_from_elsewhere_are_not_trusted(sound, name, change):
    file = sound / "episode_000001" / name / "zarr.json"
    metadata = json.loads(file.read_bytes()) | change
    if isinstance(shape := change.get("shape"), list):
        metadata["chunk_grid"]["configuration"]["chunk_shape"] = shape
        if name == "image_head":
            metadata["codecs"][0]["configuration"]["chunk_shape"] = [1, *shape[1:]]
    file.write_text(json.dumps(metadata))
    problems = verify(sound)
    assert (1, name) in {(problem.episode, problem.array) for problem in problems}
    assert {problem.episode for problem in problems} == {1}


def test_a_json_file_that_would_fill_the_memory_is_not_read(sound):
    with (sound / "episode_000001" / "zarr.json").open("wb") as file:
        file.truncate(2**36)
    assert only(verify(sound), "is larger than 16 MiB").episode == 1


def test_progress_counts_every_episode(sound):
    shown = []
    verify(sound, lambda done, total: shown.append((done, total)))
    assert shown == [(1, 2), (2, 2)]


def test_a_damaged_image_is_named_by_step(sound):
    file = sound / "episode_000001" / "image_head" / "c.0.0.0.0"
    data = bytearray(file.read_bytes())
    data[30] ^= 4
    file.write_bytes(data)
    problem = only(verify(sound), "the image is damaged")
    assert (problem.episode, problem.step, problem.array) == (1, 0, "image_head")


@pytest.mark.parametrize("name", ["state", "image_head", "privileged/goal_in_hand_m", "age_head_s"])
@pytest.mark.parametrize("chunk_only", [True, False])
def test_missing_arrays_are_found(sound, name, chunk_only):
    folder = sound / "episode_000001" / name
    if chunk_only:
        next(folder.glob("c.*")).unlink()
    else:
        shutil.rmtree(folder)
    problem = only(verify(sound), "is missing")
    assert (problem.episode, problem.array) == (1, name)


def test_wrong_lengths_types_and_shapes_are_found(sound):
    rewrite(sound, "action", lambda array: array[:-1])
    assert only(verify(sound), "59 steps, the episode has 60").array == "action"
    rewrite(sound, "action", lambda array: np.zeros((STEPS, 33), np.float32))
    assert only(verify(sound), "is float32 [60, 33], expected float32 [time, 34]").array == "action"
    rewrite(sound, "action", lambda array: np.zeros((STEPS, 34), np.int64))
    only(verify(sound), "is int64 [60, 34]")


def test_another_chunking_is_refused(sound):
    file = sound / "episode_000001" / "state" / "zarr.json"
    metadata = json.loads(file.read_bytes())
    metadata["chunk_grid"]["configuration"]["chunk_shape"] = [10, 34]
    file.write_text(json.dumps(metadata))
    only(verify(sound), "is not stored as one chunk with a checksum")


def test_stamps(sound):
    def edit(stamp_ns):
        stamp_ns[20] = stamp_ns[19]
        stamp_ns[40:] += 100_000_000
        return stamp_ns

    rewrite(sound, "stamp_ns", edit)
    found = {(problem.step, problem.text) for problem in verify(sound)}
    assert (20, "stamp does not increase") in found
    assert (40, "gap of 0.133 s, steps should be 0.033 s apart") in found
    assert {problem.array for problem in verify(sound)} == {"stamp_ns"}


@pytest.mark.parametrize(("age_s", "problems"), [(0.45, 0), (0.55, 1), (np.inf, 1)])
def test_a_persons_device_may_be_older_than_other_inputs(maker, path, age_s, problems):
    maker.dataset(path, (STEPS,), lambda _, step: replace(step, age_s={"state": 0.0, DEVICE: age_s}))
    found = verify(path)
    assert len(found) == problems
    assert all("limit 0.5 s" in problem.text and problem.array == "age_device_s" for problem in found)


def test_stale_inputs_and_unknown_ages(sound):
    def edit(age_s):
        age_s[10:14] = 0.25
        age_s[30] = np.nan
        return age_s

    rewrite(sound, "age_head_s", edit)
    first, second = verify(sound)
    assert (first.step, first.text) == (10, "input up to 0.250 s old in steps 10 to 13, limit 0.1 s")
    assert (second.step, second.array) == (30, "age_head_s")


@pytest.mark.parametrize("name", ["state", "privileged/candidate_in_hand_m"])
def test_values_that_are_not_finite(sound, name):
    def edit(array):
        array[7].flat[0] = np.nan
        array[8].flat[1] = np.inf
        return array

    rewrite(sound, name, edit)
    problem = only(verify(sound), "nan or infinity in steps 7 to 8")
    assert (problem.step, problem.array) == (7, name)


@pytest.mark.parametrize("name", ["state", "action"])
def test_joint_limits(sound, name):
    elbow = layout.MOTOR_ORDER.index("left_elbow")
    upper_rad = UNITREE_G1.upper_rad[elbow]

    def edit(beyond_rad):
        def change(array):
            array[5, layout.JOINT_INDEX[elbow]] = upper_rad + beyond_rad
            return array

        return change

    rewrite(sound, name, edit(0.04))
    assert verify(sound) == []
    rewrite(sound, name, edit(0.2))
    problem = only(verify(sound), "left_elbow is 0.200 rad outside its limits")
    assert (problem.step, problem.array) == (5, name)


def turning(step, whole):
    """A body that moves all the time."""
    angle_rad = np.full(34, 0.1 + 0.1 * np.sin(step / 10))
    return replace(whole, state=angle_rad, action=angle_rad)


@pytest.mark.parametrize(("stuck", "found"), [(15, False), (17, True)])
def test_frozen_camera(maker, path, stuck, found):
    def freeze(step, whole):
        shown = 20 if 20 <= step < 20 + stuck else step
        return replace(turning(step, whole), images=maker.step(0, shown).images)

    maker.dataset(path, (STEPS,), freeze)
    problems = verify(path)
    assert {(problem.step, problem.array) for problem in problems} == (
        {(20, "image_head"), (20, "image_left_wrist")} if found else set()
    )


def test_a_camera_may_show_the_same_while_the_body_stands(maker, path):
    maker.dataset(path, (STEPS,), lambda step, whole: replace(whole, images=maker.step(0, 0).images))
    assert verify(path) == []


def test_constant_action(maker, path):
    def freeze(step, whole):
        moving = turning(step, whole)
        return replace(moving, action=turning(min(step, 10), whole).action)

    maker.dataset(path, (STEPS,), freeze)
    problem = only(verify(path), "constant for 1.63 s while the body moves")
    assert (problem.step, problem.array) == (10, "action")


def test_a_body_that_arrives_at_a_constant_action_is_sound(maker, path):
    def settle(step, whole):
        reached = 1 - np.exp(-max(0, step - 10) / 4)
        return replace(whole, state=np.full(34, 0.2 * reached), action=np.full(34, 0.2 * (step > 10)))

    maker.dataset(path, (STEPS,), settle)
    assert verify(path) == []


def test_missing_instruction_unfinished_and_unknown_embodiment(maker, path):
    spec = replace(maker.spec, embodiment="h1")
    with DatasetWriter.open(path, spec) as writer:
        episode = writer.episode(maker.info(instruction=" "))
        episode.append(maker.step(0, 0))
        episode.commit()
        writer.episode(maker.info()).append(maker.step(1, 0))
    found = [(problem.episode, problem.text.split(";")[0]) for problem in verify(path)]
    assert found == [(None, "embodiment 'h1' is unknown"), (1, "unfinished"), (0, "no instruction")]


def test_broken_attributes_are_reported(sound):
    (sound / "episode_000001" / "zarr.json").write_text("{")
    problem = only(verify(sound), "is not valid JSON")
    assert problem.episode == 1


def test_runs_are_the_stretches_of_true():
    rng = np.random.default_rng(0)
    for _ in range(50):
        mask = rng.random(30) < 0.5
        rebuilt = np.zeros(30, bool)
        for start, stop in runs(mask):
            assert stop > start
            rebuilt[start:stop] = True
            assert not mask[start - 1 : start].any()
            assert not mask[stop : stop + 1].any()
        assert np.array_equal(rebuilt, mask)


def test_grippers_and_root_alone_do_not_move_the_body():
    state = np.zeros((10, 34))
    state[5:, layout.GRIPPERS] = 1.0
    assert not moves(state)
    state[5:, 0] = 1.0
    assert moves(state)
