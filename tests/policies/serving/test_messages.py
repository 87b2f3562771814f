import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hlm.core.errors import InputError, MismatchError, UnknownNameError
from hlm.core.layout import DIMENSIONS
from hlm.core.policy import ActionPrefix, PolicySpec
from hlm.core.values import ActionChunk, CameraFrame, Observation
from hlm.policies.serving import messages
from hlm.policies.serving.errors import AnswerError, PolicyFailedError, RefusedError
from hlm.policies.serving.messages import Timing, decode_answer, decode_error, encode_answer
from hlm.policies.serving.wire import pack, unpack

SPEC = PolicySpec(
    policy_type="fake",
    embodiment="unitree_g1",
    rate_hz=30.0,
    cameras=("head", "tail"),
    image_size=(4, 4),
    horizon=4,
    execution_horizon=2,
)
TIMING = Timing(policy_s=0.02, infer_s=0.03, queue_s=0.1, previous_s=None)
NUMBERS = st.floats(-1, 1, width=32)
IMAGES = hnp.arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 4), st.just(3)))
OBSERVATIONS = st.builds(
    Observation,
    st.integers(-(2**63), 2**63 - 1),
    hnp.arrays(np.float64, DIMENSIONS, elements=NUMBERS),
    st.dictionaries(
        st.sampled_from(["head", "left_wrist", "right_wrist", "tail"]), IMAGES.map(lambda image: CameraFrame(0, image))
    ),
    st.text(max_size=20),
)
PREFIXES = st.builds(
    lambda actions, delay, more: ActionPrefix(actions, delay, delay + more),
    hnp.arrays(np.float64, (4, DIMENSIONS), elements=NUMBERS),
    st.integers(0, 4),
    st.integers(0, 9),
)


def openhlm_request(**changes):
    """What OpenHLM's client sends."""
    image = np.full((4, 4, 3), 7, np.uint8)
    request = {
        "observation/head_image_left": image,
        "observation/left_wrist_image": image + 1,
        "observation/right_wrist_image": image + 2,
        "observation/state": np.full(DIMENSIONS, 0.5, np.float32),
        "prompt": "lift the cup",
    }
    return {key: value for key, value in (request | changes).items() if value is not None}


def decode_request(message):
    return messages.decode_request(message, SPEC)


def over_the_wire(message):
    return unpack(pack(message))


@given(OBSERVATIONS, st.none() | PREFIXES, st.none() | st.integers(0, 2**63 - 1), st.integers(0, 9))
def test_request_round_trip(observation, prefix, seed, chunks):
    request = decode_request(over_the_wire(messages.encode_request(observation, prefix, seed, chunks)))
    assert request.stamped
    assert (request.seed, request.chunks) == (seed, 0 if seed is None else chunks)
    assert request.observation.stamp_ns == observation.stamp_ns
    assert request.observation.instruction == observation.instruction
    assert np.array_equal(request.observation.state, observation.state)
    assert request.observation.frames.keys() == observation.frames.keys()
    for name, frame in observation.frames.items():
        assert np.array_equal(request.observation.frames[name].image, frame.image)
    assert (request.prefix is None) == (prefix is None)
    if prefix is not None:
        assert np.array_equal(request.prefix.actions, prefix.actions)
        assert (request.prefix.delay, request.prefix.execution_horizon) == (prefix.delay, prefix.execution_horizon)


def test_openhlm_s_keys_are_read():
    request = decode_request(over_the_wire(openhlm_request(**{"observation/last_action": np.zeros(DIMENSIONS)})))
    assert {name: frame.image[0, 0, 0] for name, frame in request.observation.frames.items()} == {
        "head": 7,
        "left_wrist": 8,
        "right_wrist": 9,
    }
    assert request.observation.instruction == "lift the cup"
    assert not request.stamped
    assert request.prefix is None


def openpi_requests():
    """What openpi's examples send, for each name of theirs."""
    image = np.full((224, 224, 3), 7, np.uint8)
    flat = {"observation/image": image, "observation/wrist_image": image + 1}
    tall = np.ascontiguousarray(image.transpose(2, 0, 1))
    state = np.full(DIMENSIONS, 0.5, np.float32)
    yield flat | {"observation/state": state, "prompt": "lift"}
    yield {"observation": {"image": image, "wrist_image": image + 1, "state": state}, "prompt": "lift"}
    yield {"images": {"cam_high": tall, "cam_right_wrist": tall + 1}, "state": state, "prompt": "lift"}
    floats = {"cam_high": tall / np.float32(255), "cam_right_wrist": (tall + 1) / np.float32(255)}
    yield {"images": floats, "state": state, "prompt": "lift"}
    yield {"images": {"head": image, "right_wrist": image + 1}, "state": state, "prompt": "lift"}


@pytest.mark.parametrize("message", list(openpi_requests()))
def test_openpi_s_keys_are_read(message):
    spec = replace(SPEC, cameras=("head", "right_wrist"))
    observation = messages.decode_request(over_the_wire(message), spec).observation
    assert observation.frames.keys() == {"head", "right_wrist"}
    for name, value in (("head", 7), ("right_wrist", 8)):
        np.testing.assert_array_equal(observation.frames[name].image, np.full((224, 224, 3), value, np.uint8))
    assert (observation.state == 0.5).all()
    assert observation.instruction == "lift"


@pytest.mark.parametrize(
    ("cameras", "wrist"), [(("left_wrist",), "left_wrist"), (("right_wrist",), "right_wrist"), ((), "right_wrist")]
)
def test_openpi_s_wrist_is_the_only_one_of_the_policy(cameras, wrist):
    message = next(openpi_requests())
    observation = messages.decode_request(message, replace(SPEC, cameras=("head", *cameras))).observation
    assert observation.frames.keys() == {"head", wrist}


def test_openpi_s_wrist_of_a_policy_with_two_is_asked_back():
    spec = replace(SPEC, cameras=("left_wrist", "right_wrist"))
    with pytest.raises(InputError, match="may be either wrist: send 'observation/images/left_wrist' and"):
        messages.decode_request(next(openpi_requests()), spec)


@pytest.mark.parametrize("key", messages.OPENHLM_CAMERAS)
def test_openhlm_s_zeros_are_no_image(key):
    request = decode_request(openhlm_request(**{key: np.zeros((4, 4, 3), np.uint8)}))
    assert request.observation.frames.keys() == set(messages.OPENHLM_CAMERAS.values()) - {messages.OPENHLM_CAMERAS[key]}


def test_dark_image_under_hlm_s_own_key_is_an_image():
    request = openhlm_request(**dict.fromkeys(messages.OPENHLM_CAMERAS))
    request["observation/images/head"] = np.zeros((4, 4, 3), np.uint8)
    assert decode_request(request).observation.frames.keys() == {"head"}


def test_openhlm_s_zero_state_is_no_state():
    zeros = np.zeros(DIMENSIONS, np.float32)
    with pytest.raises(InputError, match="all zeros, which OpenHLM's client sends while it has no robot state"):
        decode_request(openhlm_request(**{"observation/state": zeros}))
    own = {"observation/state": zeros, "prompt": "", "stamp_ns": 1}
    assert not decode_request(own).observation.state.any()


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"observation/state": None}, InputError, "needs 'observation/state', an array of numbers; got NoneType"),
        ({"observation/state": [0.0] * 34}, InputError, "an array of numbers; got list"),
        ({"observation/state": np.full(34, True)}, InputError, "an array of numbers; got bool"),
        ({"observation/state": np.full(34, np.nan)}, InputError, "has values that are not finite"),
        ({"observation/state": np.ones(33)}, MismatchError, r"state' must have shape \[34\], got \[33\]"),
        ({"observation/state": np.ones((1, 34))}, MismatchError, r"state' must have shape \[34\], got \[1, 34\]"),
        ({"observation/state": np.array(1.0)}, MismatchError, r"state' must have shape \[34\], got \[\]"),
        ({"observation/state": np.full(34, 1e39)}, InputError, "not finite in single precision"),
        ({"observation/state": np.full(34, 1e30)}, InputError, r"1e\+30 rad for left_shoulder_pitch, its entry 0"),
        ({"state": np.zeros(34)}, InputError, "the state occurs twice"),
        ({"observation": {"state": np.zeros(34)}}, InputError, "has 'observation/state' twice"),
        ({"observation/image": np.ones((4, 4, 3), np.uint8)}, InputError, "camera 'head' occurs twice"),
        ({"chunks": -1}, InputError, "'chunks' must be 0 to 65536, got -1"),
        ({"chunks": 2**40}, InputError, "'chunks' must be 0 to 65536"),
        ({"prompt": None}, InputError, "needs 'prompt', a string; got NoneType"),
        ({"prompt": b"lift"}, InputError, "needs 'prompt', a string; got bytes"),
        ({"prompt": "x" * 4097}, InputError, "has 4097 characters; the limit is 4096"),
        ({"stamp_ns": 0.5}, InputError, "'stamp_ns' must be an integer, got 0.5"),
        ({"stamp_ns": True}, InputError, "'stamp_ns' must be an integer"),
        ({"stamp_ns": 2**63}, InputError, "'stamp_ns' must be an integer"),
        ({"seed": "first"}, InputError, "'seed' must be an integer, got first"),
        (
            {"observation/head_image_left": "picture"},
            InputError,
            "must be an array, got str; leave a missing camera out",
        ),
        ({"observation/head_image_left": np.ones((4, 4, 3), np.int64)}, MismatchError, "must be uint8, .* got int64"),
        ({"observation/head_image_left": np.ones((4, 4), np.uint8)}, MismatchError, r"has shape \[4, 4\]"),
        ({"observation/images/head": np.ones((4, 4, 3), np.uint8)}, InputError, "camera 'head' occurs twice"),
        ({"observation/hed_image_left": 1}, UnknownNameError, "Did you mean 'observation/head_image_left'?"),
        (
            {"observation/images/tial": np.ones((4, 4, 3), np.uint8)},
            UnknownNameError,
            "no camera 'tial'. Known: head, left_wrist, right_wrist, tail. Did you mean 'tail'?",
        ),
        ({"rtc/action_prefix": np.ones((2, 34))}, InputError, "'rtc/inference_delay' must be an integer"),
        ({"rtc/inference_delay": 2}, InputError, "needs 'rtc/action_prefix', an array of numbers"),
        (
            {"rtc/action_prefix": np.ones((2, 3)), "rtc/inference_delay": 1},
            MismatchError,
            r"prefix' must have shape \[up to 4, 34\], got \[2, 3\]",
        ),
        ({"rtc/action_prefix": np.ones((5, 34)), "rtc/inference_delay": 1}, MismatchError, r"got \[5, 34\]"),
        ({"rtc/action_prefix": np.ones(34), "rtc/inference_delay": 1}, MismatchError, r"got \[34\]"),
        ({"rtc/action_prefix": np.ones((0, 34)), "rtc/inference_delay": 0}, InputError, "prefix of 0 actions"),
        (
            {"rtc/action_prefix": np.ones((2, 34)), "rtc/inference_delay": 3},
            InputError,
            "prefix of 2 actions cannot have delay 3",
        ),
        ({"rtc/action_prefix": np.full((2, 34), np.inf), "rtc/inference_delay": 1}, InputError, "not finite"),
        ({"rtc/action_prefix": np.full((2, 34), 1e39), "rtc/inference_delay": 1}, InputError, "not finite in single"),
    ],
)
def test_bad_requests_say_what_is_wrong(changes, error, text):
    with pytest.raises(error, match=text):
        decode_request(openhlm_request(**changes))


@given(
    st.dictionaries(
        st.sampled_from([*messages.KEYS, "observation/images/head"]), st.none() | NUMBERS | IMAGES | st.text()
    )
)
def test_no_request_breaks_the_reader(message):
    try:
        decode_request(message)
    except (InputError, MismatchError, UnknownNameError) as error:
        assert str(error)


@pytest.mark.parametrize("message", [None, 3, "text", [], np.ones(3)])
def test_request_must_be_a_map(message):
    with pytest.raises(InputError, match="must be a map"):
        decode_request(message)


def test_camera_that_the_policy_does_not_look_at_is_taken():
    request = openhlm_request(**{"observation/right_wrist_image": None})
    request["observation/images/right_wrist"] = np.ones((4, 4, 3), np.uint8)
    assert decode_request(request).observation.frames.keys() == {"head", "left_wrist", "right_wrist"}


def test_prefix_that_is_too_long_is_refused_before_anything_is_copied():
    """An array that NumPy would have no room for, and a broken image that would be told first."""
    vast = np.broadcast_to(np.float32(0.0), (2**40, DIMENSIONS))
    broken = {"observation/head_image_left": np.ones((4, 4))}
    with pytest.raises(MismatchError, match="up to 4, 34"):
        decode_request(openhlm_request(**{"rtc/action_prefix": vast, "rtc/inference_delay": 1}, **broken))


def test_execution_horizon_is_the_delay_by_default():
    keys = {"rtc/action_prefix": np.ones((4, DIMENSIONS)), "rtc/inference_delay": np.int64(2)}
    assert decode_request(over_the_wire(openhlm_request(**keys))).prefix.execution_horizon == 2
    keys["rtc/execution_horizon"] = 3
    assert decode_request(openhlm_request(**keys)).prefix.execution_horizon == 3


def test_prefix_of_nothing_is_none():
    message = openhlm_request(**{"rtc/inference_delay": 2}) | {"rtc/action_prefix": None}
    assert decode_request(message).prefix is None


@given(hnp.arrays(np.float64, (3, DIMENSIONS), elements=NUMBERS), st.integers(-(2**63), 2**63 - 1))
def test_answer_round_trip(actions, stamp_ns):
    chunk = ActionChunk(stamp_ns, 30.0, actions)
    message = over_the_wire(encode_answer(chunk, TIMING, stamped=True))
    assert message["actions"].dtype == np.float32
    assert message["policy_timing"] == {"infer_ms": 20.0}
    assert message["server_timing"] == {"infer_ms": 30.0, "queue_ms": 100.0}
    back = decode_answer(message, stamp_ns, 3)
    assert (back.stamp_ns, back.rate_hz) == (stamp_ns, 30.0)
    assert np.array_equal(back.actions, actions.astype(np.float32))


def test_answer_tells_the_time_of_the_last_one():
    chunk = ActionChunk(0, 30.0, np.ones((3, DIMENSIONS)))
    message = encode_answer(chunk, TIMING._replace(previous_s=0.5), stamped=False)
    assert message["server_timing"]["prev_total_ms"] == 500.0
    assert "stamp_ns" not in message


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
def test_actions_that_are_not_finite_are_never_sent(value):
    """Neither those that single precision makes infinite."""
    actions = np.ones((3, DIMENSIONS))
    actions[1, 2] = value
    with pytest.raises(AnswerError, match="actions that are not finite"):
        encode_answer(ActionChunk(0, 30.0, actions), TIMING, stamped=False)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"actions": None}, r"no actions of shape \[3, 34\]"),
        ({"actions": [[0.0] * 34] * 3}, "no actions of shape"),
        ({"actions": np.zeros((2, 34))}, "no actions of shape"),
        ({"actions": np.zeros((3, 34), int)}, "no actions of shape"),
        ({"actions": np.full((3, 34), np.inf)}, "not finite"),
        ({"actions": np.full((3, 34), 1e39)}, "not finite"),
        ({"stamp_ns": 6}, "answered observation 6 instead of 5"),
        ({"stamp_ns": None}, "answered observation None"),
        ({"stamp_ns": np.array([5, 5])}, r"answered observation \[5 5\]"),
        ({"stamp_ns": np.full(1000, 5)}, "answered observation"),
        ({"stamp_ns": 5.0}, "answered observation 5.0"),
        ({"rate_hz": 0.0}, "invalid rate_hz, 0.0"),
        ({"rate_hz": float("nan")}, "invalid rate_hz, nan"),
        ({"rate_hz": "30"}, "invalid rate_hz, 30"),
        ({"rate_hz": np.full(2, 30.0)}, r"invalid rate_hz, \[30. 30.\]"),
    ],
)
def test_answers_that_are_none(changes, text):
    answer = {"actions": np.zeros((3, DIMENSIONS), np.float32), "rate_hz": 30.0, "stamp_ns": 5}
    assert decode_answer(answer, 5, 3).stamp_ns == 5
    with pytest.raises(AnswerError, match=text):
        decode_answer(answer | changes, 5, 3)
    with pytest.raises(AnswerError, match="no actions"):
        decode_answer(["actions"], 5, 3)


def test_error_round_trip():
    text = messages.encode_error(MismatchError("two\nlines"))
    assert json.loads(text) == {"error": {"type": "MismatchError", "message": "two lines"}}
    error = decode_error(text)
    assert (error.kind, error.text) == ("MismatchError", "two lines")
    assert str(error) == "the policy server refused: two lines (MismatchError)"
    assert len(messages.encode_error(InputError("x" * 10_000))) < 1200


@pytest.mark.parametrize("kind", ["AnswerError", "InternalError"])
def test_failure_of_the_policy_is_told_from_a_request_that_is_wrong(kind):
    assert type(decode_error(messages.encode_error(InputError("actions"), kind))) is PolicyFailedError
    assert type(decode_error(messages.encode_error(InputError("actions")))) is RefusedError


def test_traceback_of_openpi_s_server_becomes_its_last_line():
    text = "Traceback (most recent call last):\n  File \"a.py\", line 3, in infer\nKeyError: 'state'\n"
    assert str(decode_error(text)) == "the policy server refused: KeyError: 'state' (unknown)"


@given(st.text() | st.sampled_from(["{}", '{"error": 3}', '{"error": {"type": 1}}', "[" * 5000]))
def test_other_servers_errors_are_taken_as_they_are(text):
    assert decode_error(text).kind == "unknown"
