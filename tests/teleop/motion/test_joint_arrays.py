"""Arrays of joint positions are read as the person whose joints they are, or refused in one line."""

import io
import os
import pickle
import zipfile

import numpy as np
import pytest
from fakes_people import FILE_FROM_WORLD, RATE_HZ, SKELETON, person
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hlm.core.errors import HlmError
from hlm.teleop.keypoints.body_keypoints import KEYPOINTS
from hlm.teleop.motion.joint_layouts import LAYOUTS
from hlm.teleop.motion.motion_reader import MotionOptions, read_motion

NAMES = {"spine1": "spine", "spine2": "chest", "jaw": "head", "left_eye": "head", "right_eye": "head"}


@pytest.fixture(scope="module")
def moved():
    return person()


def joints_of(moved, layout, up="z"):
    """[time, joint, 3] of a person in one of the known orders; its fingers lie behind its palms."""
    tracks = []
    for name in LAYOUTS[layout]:
        known = NAMES.get(name, name)
        if known not in SKELETON:
            side = known.partition("_")[0]
            wrist, palm = moved.position[f"{side}_wrist"], moved.position[f"{side}_hand"]
            tracks.append(wrist + 2.0 * (palm - wrist))
        else:
            tracks.append(moved.position[known])
    return np.stack(tracks, axis=1) @ FILE_FROM_WORLD[up].T


@pytest.mark.parametrize("up", ["y", "z"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_order_is_found(tmp_path, moved, layout, up):
    path = tmp_path / "motion.npz"
    np.savez(path, joints=joints_of(moved, layout, up).astype(np.float32), fps=RATE_HZ)
    motion = read_motion(path)
    known = [KEYPOINTS.index(keypoint) for keypoint in motion.facts.joints]
    difference = (motion.position_in_world_m - moved.positions)[:, known]
    np.testing.assert_allclose(difference[..., :2], 0.0, atol=1e-5)
    np.testing.assert_allclose(difference[..., 2], difference[0, 0, 2], atol=1e-5)
    assert np.isnan(motion.quat_world_from_keypoint_wxyz).all()
    assert motion.facts.up == up
    assert any(layout in note for note in motion.facts.notes)
    assert motion.frame_time_s == pytest.approx(1.0 / RATE_HZ)


def test_without_a_rate_one_is_assumed_and_said(tmp_path, moved):
    path = tmp_path / "motion.npy"
    np.save(path, joints_of(moved, "SMPL, 22 joints"))
    motion = read_motion(path)
    assert motion.frame_time_s == pytest.approx(1.0 / 30.0)
    assert "30 frames per second are assumed; --fps" in motion.facts.notes[0]
    assert read_motion(path, MotionOptions(fps=60.0)).duration_s == pytest.approx(motion.duration_s / 2.0)


def test_joints_of_any_order_by_their_names(tmp_path, moved):
    kept = [keypoint for keypoint in reversed(KEYPOINTS) if keypoint not in ("left_hand", "right_hand")]
    joints = np.stack([moved.position[keypoint] for keypoint in kept], axis=1)
    path = tmp_path / "motion.npz"
    np.savez(path, positions=joints, joint_names=np.array(kept), fps=60)
    assert set(read_motion(path).facts.joints) == set(kept)
    np.savez(path, positions=joints, joint_names=np.array([name.replace("left_knee", "kn") for name in kept]), fps=60)
    with pytest.raises(HlmError, match="no joint was found for left_knee"):
        read_motion(path)
    assert read_motion(path, MotionOptions(joints={"left_knee": "kn"})).facts.joints["left_knee"] == "kn"


def test_nothing_is_unpickled(tmp_path):
    joints = np.empty((5, 22, 3), dtype=object)
    for name, save in (("objects.npy", np.save), ("objects.npz", np.savez)):
        save(tmp_path / name, joints) if save is np.save else save(tmp_path / name, joints=joints)
        with pytest.raises(HlmError, match="holds Python objects"):
            read_motion(tmp_path / name)
    (tmp_path / "pickle.npy").write_bytes(pickle.dumps(np.zeros((5, 22, 3))))
    with pytest.raises(HlmError, match=r"neither a \.npy nor a \.npz"):
        read_motion(tmp_path / "pickle.npy")


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"joints": np.zeros((10, 23, 3))}, "23 joints; known are 22, 24, 52, 55. Put the names"),
        ({"joints": np.zeros((10, 66))}, r"shape \[time, joint, 3\], got float64 \[10, 66\]"),
        ({"joints": np.zeros((10, 22, 3), dtype="U3")}, r"numbers of the shape"),
        ({"joints": np.zeros((10, 22, 3))}, "do not move like the 22 joints"),
        ({"joints": np.zeros((0, 22, 3))}, "the motion is empty"),
        ({"joints": np.full((10, 22, 3), np.nan)}, "frame 1 has no position of joint 0"),
        ({"poses": np.zeros((10, 156)), "trans": np.zeros((10, 3))}, "holds angles of a body model"),
        ({"other": np.zeros(3)}, "no joint positions: none of joints"),
        ({}, "no joint positions"),
    ],
)
def test_other_arrays_are_refused(tmp_path, arrays, words):
    path = tmp_path / "motion.npz"
    np.savez(path, **arrays)
    with pytest.raises(HlmError, match=words) as caught:
        read_motion(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"fps": 0.0}, "'fps' must be one number"),
        ({"fps": np.array([30, 60])}, "'fps' must be one number"),
        ({"fps": "fast"}, "'fps' must be one number"),
        ({"fps": 1e9}, "a frame lasts 1e-09 s"),
        ({"joint_names": np.array(["a", "b"])}, "'joint_names' must be 22 texts"),
    ],
)
def test_what_stands_beside_the_joints_is_checked(tmp_path, moved, more, words):
    path = tmp_path / "motion.npz"
    np.savez(path, joints=joints_of(moved, "SMPL, 22 joints"), **more)
    with pytest.raises(HlmError, match=words):
        read_motion(path)


def test_a_mapping_needs_names(tmp_path, moved):
    path = tmp_path / "motion.npy"
    np.save(path, joints_of(moved, "SMPL, 22 joints"))
    with pytest.raises(HlmError, match="--map needs names of joints"):
        read_motion(path, MotionOptions(joints={"left_hand": "a"}))


def test_who_is_never_upright_needs_an_axis(tmp_path, moved):
    joints = joints_of(moved, "SMPL, 22 joints")
    joints[:, [1, 2, 4, 5, 7, 8, 10, 11], :] = joints[:, [1, 2, 4, 5, 7, 8, 10, 11], :][..., [2, 1, 0]]
    path = tmp_path / "motion.npy"
    np.save(path, joints)
    with pytest.raises(HlmError, match=r"which axis points up is not clear.*--up y"):
        read_motion(path)


def test_who_crawls_along_an_axis_does_not_stand_along_it(tmp_path, moved):
    joints = joints_of(moved, "SMPL, 22 joints")[..., [1, 2, 0]]  # the body lies along y,
    joints[:, :, 1] += np.linspace(0.0, 3.0, len(joints))[:, None]  # and moves along it
    path = tmp_path / "motion.npy"
    np.save(path, joints)
    with pytest.raises(HlmError, match="which axis points up is not clear"):
        read_motion(path)
    assert read_motion(path, MotionOptions(up="y")).facts.up == "y"


def test_promises_are_not_allocated(tmp_path):
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000, 22, 3), }"
    header += " " * (117 - len(header)) + "\n"
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    (tmp_path / "motion.npy").write_bytes(data)
    with pytest.raises(HlmError, match="could not be read as positions"):
        read_motion(tmp_path / "motion.npy")
    with zipfile.ZipFile(tmp_path / "motion.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("joints.npy", data)
    with pytest.raises(HlmError, match="could not be read as positions"):
        read_motion(tmp_path / "motion.npz")


def test_a_file_beyond_all_size_is_not_read(tmp_path):
    path = tmp_path / "huge.npy"
    path.touch()
    os.truncate(path, 2**33)
    with pytest.raises(HlmError, match="larger than 1024 MiB"):
        read_motion(path)


def _bytes(save):
    buffer = io.BytesIO()
    save(buffer)
    return buffer.getvalue()


WHOLE = [
    _bytes(lambda file: np.save(file, np.zeros((3, 22, 3)))),
    _bytes(lambda file: np.savez(file, joints=np.zeros((3, 22, 3)))),
]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    whole=st.sampled_from(WHOLE),
    edits=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3), st.binary(max_size=3)), max_size=3),
    end=st.integers(0, 2000),
)
def test_damage_is_refused(tmp_path, whole, edits, end):
    data = whole[:end]
    for start, cut, new in edits:
        data = data[:start] + new + data[start + cut :]
    path = tmp_path / "damaged.npy"
    path.write_bytes(data)
    with pytest.raises(HlmError) as caught:  # a body of zeros is nobody's either
        read_motion(path)
    assert "\n" not in str(caught.value)
