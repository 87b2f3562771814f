"""Every kind of damage is found, in its place; a sound dataset has none."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from hlm.core import layout
from hlm.core.unitree_g1 import UNITREE_G1
from hlm.datasets.arrays import read_array, write_array
from hlm.datasets.checks import moves, runs
from hlm.datasets.verify import Problem, verify
from hlm.datasets.writer import DatasetWriter

ROWS = 60


@pytest.fixture
def sound(maker, path):
    return maker.dataset(path, (4, ROWS))


def rewrite(path, name, edit, episode=1):
    """Change an array in place, checksum and all."""
    folder = path / f"episode_00000{episode}" / name
    array = read_array(folder).copy()
    array = edit(array)
    write_array(folder, array, ["axis"] * array.ndim)


def only(problems, text) -> Problem:
    [problem] = problems
    assert text in problem.text
    return problem


def test_a_sound_dataset_has_no_problems(sound):
    assert verify(sound) == []


def test_every_flipped_byte_of_an_array_is_found(sound):
    files = [file for file in (sound / "episode_000000").rglob("c.0*") if file.is_file()]
    assert len(files) == 9
    rng = np.random.default_rng(0)
    for file in files:
        data = file.read_bytes()
        places = range(len(data)) if len(data) < 50 else rng.integers(0, len(data), 12)
        for place in places:
            damaged = bytearray(data)
            damaged[place] ^= 1 << int(rng.integers(8))
            file.write_bytes(damaged)
            problems = verify(sound)
            assert [problem.episode for problem in problems] == [0] * max(1, len(problems))
            assert {problem.array for problem in problems} == {str(file.parent.relative_to(sound / "episode_000000"))}
        file.write_bytes(data)
    assert verify(sound) == []


def test_a_damaged_picture_is_named_by_row(sound):
    file = sound / "episode_000001" / "image_head" / "c.0.0.0.0"
    data = bytearray(file.read_bytes())
    data[30] ^= 4
    file.write_bytes(data)
    problem = only(verify(sound), "the picture is damaged")
    assert (problem.episode, problem.row, problem.array) == (1, 0, "image_head")


@pytest.mark.parametrize("name", ["state", "image_head", "label/goal_in_hand_m", "age_head_s"])
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
    assert only(verify(sound), "59 rows, the episode has 60").array == "action"
    rewrite(sound, "action", lambda array: np.zeros((ROWS, 33), np.float32))
    assert only(verify(sound), "is float32 [60, 33], expected float32 [time, 34]").array == "action"
    rewrite(sound, "action", lambda array: np.zeros((ROWS, 34), np.int64))
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
    found = {(problem.row, problem.text) for problem in verify(sound)}
    assert (20, "stamp does not increase") in found
    assert (40, "gap of 0.133 s, rows should be 0.033 s apart") in found
    assert {problem.array for problem in verify(sound)} == {"stamp_ns"}


def test_stale_inputs_and_unknown_ages(sound):
    def edit(age_s):
        age_s[10:14] = 0.25
        age_s[30] = np.nan
        return age_s

    rewrite(sound, "age_head_s", edit)
    first, second = verify(sound)
    assert (first.row, first.text) == (10, "input up to 0.250 s old in rows 10 to 13, limit 0.1 s")
    assert (second.row, second.array) == (30, "age_head_s")


@pytest.mark.parametrize("name", ["state", "label/candidate_in_hand_m"])
def test_values_that_are_not_finite(sound, name):
    def edit(array):
        array[7].flat[0] = np.nan
        array[8].flat[1] = np.inf
        return array

    rewrite(sound, name, edit)
    problem = only(verify(sound), "nan or infinity in rows 7 to 8")
    assert (problem.row, problem.array) == (7, name)


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
    assert (problem.row, problem.array) == (5, name)


def turning(row, whole):
    """A body that moves all the time."""
    angle_rad = np.full(34, 0.1 + 0.1 * np.sin(row / 10))
    return replace(whole, state=angle_rad, action=angle_rad)


@pytest.mark.parametrize(("stuck", "found"), [(15, False), (17, True)])
def test_frozen_camera(maker, path, stuck, found):
    def freeze(row, whole):
        shown = 20 if 20 <= row < 20 + stuck else row
        return replace(turning(row, whole), images=maker.row(0, shown).images)

    maker.dataset(path, (ROWS,), freeze)
    problems = verify(path)
    assert {(problem.row, problem.array) for problem in problems} == (
        {(20, "image_head"), (20, "image_left_wrist")} if found else set()
    )


def test_a_camera_may_show_the_same_while_the_body_stands(maker, path):
    maker.dataset(path, (ROWS,), lambda row, whole: replace(whole, images=maker.row(0, 0).images))
    assert verify(path) == []


def test_constant_action(maker, path):
    def freeze(row, whole):
        moving = turning(row, whole)
        return replace(moving, action=turning(min(row, 10), whole).action)

    maker.dataset(path, (ROWS,), freeze)
    problem = only(verify(path), "constant for 1.63 s while the body moves")
    assert (problem.row, problem.array) == (10, "action")


def test_a_body_that_arrives_at_a_constant_action_is_sound(maker, path):
    def settle(row, whole):
        reached = 1 - np.exp(-max(0, row - 10) / 4)
        return replace(whole, state=np.full(34, 0.2 * reached), action=np.full(34, 0.2 * (row > 10)))

    maker.dataset(path, (ROWS,), settle)
    assert verify(path) == []


def test_missing_instruction_unfinished_and_unknown_embodiment(maker, path):
    spec = replace(maker.spec, embodiment="h1")
    with DatasetWriter.open(path, spec) as writer:
        episode = writer.episode(maker.info(instruction=" "))
        episode.append(maker.row(0, 0))
        episode.commit()
        writer.episode(maker.info()).append(maker.row(1, 0))
    found = [(problem.episode, problem.text.split(";")[0]) for problem in verify(path)]
    assert found == [(None, "embodiment 'h1' is not known"), (1, "unfinished"), (0, "no instruction")]


def test_broken_attributes_are_reported(sound):
    (sound / "episode_000001" / "zarr.json").write_text("{")
    problem = only(verify(sound), "is no JSON")
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
