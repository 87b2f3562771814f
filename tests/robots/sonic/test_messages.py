"""SONIC's messages, held against vectors that are built here by hand."""

import json
import struct

import msgpack
import numpy as np
import pytest

from hlm.core.errors import CorruptError, MismatchError
from hlm.core.layout import MOTOR_ORDER
from hlm.core.streaming import StreamFrames
from hlm.robots.packed_message import HEADER_BYTES, pack, unpack
from hlm.robots.sonic.command_message import is_stop, pack_stop
from hlm.robots.sonic.joint_order import ISAAC_FROM_MOTOR, MOTOR_FROM_ISAAC
from hlm.robots.sonic.pose_message import pack_pose, unpack_pose
from hlm.robots.sonic.state_message import unpack_state

LEVEL = np.array([1.0, 0.0, 0.0, 0.0])
POSITION = np.arange(58.0).reshape(2, 29) / 100.0
FRAMES = StreamFrames(7, POSITION, -POSITION, np.stack([LEVEL, LEVEL]), np.array([0.25, 1.0]))


def test_joints_stand_breadth_first_from_the_pelvis():
    names = [MOTOR_ORDER[motor] for motor in MOTOR_FROM_ISAAC]
    assert names[:5] == ["left_hip_pitch", "right_hip_pitch", "waist_yaw", "left_hip_roll", "right_hip_roll"]
    assert names[-2:] == ["left_wrist_yaw", "right_wrist_yaw"]
    assert MOTOR_FROM_ISAAC[ISAAC_FROM_MOTOR].tolist() == list(range(29))


def test_a_pose_is_the_bytes_that_the_wire_asks_for():
    message = pack_pose(FRAMES, complete=False)
    fields = [
        {"name": "joint_pos", "dtype": "f32", "shape": [2, 29]},
        {"name": "joint_vel", "dtype": "f32", "shape": [2, 29]},
        {"name": "body_quat_w", "dtype": "f32", "shape": [2, 4]},
        {"name": "frame_index", "dtype": "i64", "shape": [2]},
        {"name": "action_hand_left", "dtype": "f32", "shape": [1]},
        {"name": "action_hand_right", "dtype": "f32", "shape": [1]},
    ]
    header = json.dumps({"v": 1, "endian": "le", "count": 1, "fields": fields}, separators=(",", ":")).encode()
    isaac = [row[motor] for row in POSITION for motor in MOTOR_FROM_ISAAC]
    body = struct.pack("<58f", *isaac) + struct.pack("<58f", *(-value for value in isaac))
    body += struct.pack("<8f", *LEVEL, *LEVEL) + struct.pack("<2q", 7, 8) + struct.pack("<2f", 0.25, 1.0)
    assert message == b"pose" + header.ljust(HEADER_BYTES, b"\0") + body


@pytest.mark.parametrize("complete", [True, False])
def test_a_pose_comes_back(complete):
    back = unpack_pose(pack_pose(FRAMES, complete=complete))
    assert back.index == 7
    np.testing.assert_array_equal(back.joint_position_rad, POSITION.astype(np.float32))
    np.testing.assert_array_equal(back.joint_velocity_rad_s, -POSITION.astype(np.float32))
    np.testing.assert_array_equal(back.gripper_opening, [0.25, 1.0])


def test_a_complete_pose_has_what_the_recorder_and_the_gripper_server_ask_for():
    fields = unpack("pose", pack_pose(FRAMES))
    np.testing.assert_array_equal(fields["joint_pos_real"], POSITION.astype(np.float32))
    assert fields["toggle_data_collection"].dtype == fields["toggle_data_abort"].dtype == bool


def changed(**fields):
    return pack("pose", 1, {**unpack("pose", pack_pose(FRAMES, complete=False)), **fields})


@pytest.mark.parametrize(
    ("message", "what"),
    [
        (b"", "0 bytes"),
        (pack_pose(FRAMES)[:-1], "cannot be read"),
        (pack_pose(FRAMES) + b"\0", "belong to no field"),
        (pack("pose", 2, {}), "version 2"),
        (b"pose" + b"[" * HEADER_BYTES, "cannot be read"),
        (pack_pose(FRAMES).replace(b'"le"', b'"be"'), "byte order be"),
        (pack_pose(FRAMES).replace(b"[2,29]", b"[-2,9]"), "cannot be read"),
        (pack("pose", 1, {}), "lacks the field 'frame_index'"),
        (changed(joint_pos=np.zeros((2, 29), np.int64)), "joint_pos' of a pose is int64"),
        (changed(joint_vel=np.zeros((2, 28), np.float32)), r"joint_vel' of a pose is float32 \[2, 28\]"),
        (changed(joint_pos=np.full((2, 29), np.nan, np.float32)), "not finite"),
        (changed(frame_index=np.array([7, 9])), "up by one"),
        (changed(frame_index=np.array([8, 7])), "up by one"),
        (changed(body_quat_w=np.zeros((2, 4), np.float32)), "unit quaternion"),
        (changed(joint_pos_real=np.ones((2, 29), np.float32)), "says something else"),
    ],
)
def test_what_sonic_would_misread_is_refused(message, what):
    with pytest.raises(CorruptError, match=what):
        unpack_pose(message)


def test_frames_need_equal_counts():
    with pytest.raises(MismatchError, match="joint_velocity_rad_s"):
        StreamFrames(0, POSITION, POSITION[:1], np.stack([LEVEL, LEVEL]), np.ones(2))
    with pytest.raises(MismatchError, match="at least one"):
        StreamFrames(0, POSITION[:0], POSITION[:0], np.zeros((0, 4)), np.ones(2))


def test_a_stop_is_the_bytes_that_the_wire_asks_for():
    message = pack_stop()
    assert message.startswith(
        b'command{"v":1,"endian":"le","count":1,"fields":[{"name":"start","dtype":"u8","shape":[1]}'
    )
    assert message[-3:] == b"\0\1\0"
    assert len(message) == len("command") + HEADER_BYTES + 3
    assert is_stop(message)
    with pytest.raises(CorruptError, match="fields start, stop, planner"):
        is_stop(pack("command", 1, {"stop": np.ones(1, np.uint8)}))


def debug(**changes):
    content = {
        "index": 41,
        "base_quat_measured": [0.98, 0.1, -0.05, 0.16],
        "base_ang_vel": [0.1, 0.2, 0.3],
        "body_q_measured": [0.01 * motor for motor in range(29)],
        "body_dq": [-0.01 * motor for motor in range(29)],
        "motor_temperature": [float(30 + place) for place in range(58)],
    } | changes
    return b"g1_debug" + msgpack.packb({name: value for name, value in content.items() if value is not None})


def test_a_measurement_is_read_in_motor_order():
    state = unpack_state(debug(), 5, np.array([0.25, 1.0]))
    assert state.step == 41
    assert state.robot.stamp_ns == 5
    assert state.robot.joint_position_rad[28] == 0.28
    assert state.robot.joint_velocity_rad_s[28] == -0.28
    assert np.linalg.norm(state.robot.quat_world_from_pelvis_wxyz) == pytest.approx(1.0)
    assert state.robot.motor_temperature_c[:2].tolist() == [31.0, 33.0]
    assert np.isnan(state.quat_heading_start_wxyz).all()
    assert unpack_state(debug(init_base_quat=[0, 0, 0, 1]), 5, np.ones(2)).quat_heading_start_wxyz[3] == 1.0
    assert np.isnan(unpack_state(debug(motor_temperature=None), 5, np.ones(2)).robot.motor_temperature_c).all()


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"g1_debug",
        b"g1_debug\xc1",
        b"robot_config" + msgpack.packb({}),
        b"g1_debug" + msgpack.packb([1, 2]),
        debug(index=None),
        debug(index=True),
        debug(body_q_measured=[0.0] * 28),
        debug(body_q_measured=["a"] * 29),
        debug(body_dq=[float("nan")] * 29),
        debug(base_quat_measured=[0.0] * 4),
        debug(motor_temperature=[1.0] * 29),
        debug() + b"\0" * (1 << 16),
    ],
)
def test_what_is_no_measurement_is_refused(message):
    with pytest.raises(CorruptError, match="g1_debug"):
        unpack_state(message, 5, np.ones(2))
