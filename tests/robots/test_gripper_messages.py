import json

import msgpack
import numpy as np
import pytest

from hlm.core.errors import CorruptError, MismatchError
from hlm.robots.gripper_messages import pack_action, pack_state, unpack_action, unpack_state
from hlm.robots.packed_message import HEADER_BYTES, pack, unpack

STILL = np.zeros(29)


def test_states_come_back():
    opening = np.array([0.25, 1.0])
    np.testing.assert_array_equal(unpack_state(pack_state(opening)), opening)
    np.testing.assert_array_equal(unpack_state(pack_state(np.array([-0.1, 1.2]))), [0.0, 1.0])


def test_states_may_stand_in_lists():
    message = msgpack.packb({"state_hand_left": [0.25], "state_hand_right": [1.0]})
    np.testing.assert_array_equal(unpack_state(message), [0.25, 1.0])


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xc1",
        msgpack.packb([1, 2]),
        msgpack.packb({"state_hand_left": 0.5}),
        msgpack.packb({"state_hand_left": 0.5, "state_hand_right": "open"}),
        msgpack.packb({"state_hand_left": [], "state_hand_right": 1.0}),
        msgpack.packb({"state_hand_left": float("nan"), "state_hand_right": 1.0}),
    ],
)
def test_what_is_no_state_is_refused(message):
    with pytest.raises(CorruptError, match="gripper server"):
        unpack_state(message)


def test_actions_come_back_with_everything_that_the_server_asks_for():
    message = pack_action(np.array([0.0, 1.0]), STILL, STILL)
    np.testing.assert_array_equal(unpack_action(message), [0.0, 1.0])
    fields = unpack("pose", message)
    assert fields["joint_pos_real"].shape == fields["joint_vel_real"].shape == (1, 29)
    assert fields["action_hand_left"].dtype == np.float32
    assert {"toggle_data_collection", "toggle_data_abort"} < set(fields)


def test_the_header_is_json_of_1280_bytes_after_the_topic():
    message = pack("pose", 1, {"a": np.array([[1, 2]], np.int64), "b": np.array([0.5], np.float32)})
    header = json.loads(message[4 : 4 + HEADER_BYTES].rstrip(b"\0"))
    assert header["fields"] == [
        {"name": "a", "dtype": "i64", "shape": [1, 2]},
        {"name": "b", "dtype": "f32", "shape": [1]},
    ]
    assert message[4 + HEADER_BYTES :] == np.array([1, 2], "<i8").tobytes() + np.array([0.5], "<f4").tobytes()


def test_actions_that_are_cut_off_or_lack_a_hand_are_refused():
    message = pack_action(np.ones(2), STILL, STILL)
    for cut in (0, 3, 100, len(message) - 1):
        with pytest.raises(CorruptError, match="topic 'pose'"):
            unpack_action(message[:cut])
    with pytest.raises(CorruptError, match="lacks action_hand_right"):
        unpack_action(pack("pose", 1, {"action_hand_left": np.ones(1, np.float32)}))
    with pytest.raises(CorruptError, match="not numbers"):
        unpack_action(pack_action(np.array([np.nan, 1.0]), STILL, STILL))


def test_arrays_that_the_wire_does_not_know_are_refused():
    with pytest.raises(MismatchError, match="complex128"):
        pack("pose", 1, {"a": np.zeros(1, complex)})
    with pytest.raises(MismatchError, match="1279 fit"):
        pack("pose", 1, {f"field_{index}": np.zeros(1) for index in range(40)})
