"""Servers that speak openpi's protocol and say nothing of their policy, as OpenHLM's."""

import traceback

import msgpack
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed

from hlm.core.errors import MismatchError
from hlm.core.layout import DIMENSIONS
from hlm.core.policy import ActionPrefix
from hlm.core.values import CameraFrame, Observation
from hlm.policies.serving.errors import AnswerError, PolicyFailedError
from hlm.policies.serving.metadata import Needs
from hlm.policies.serving.openpi import HORIZON
from hlm.policies.transforms.letterbox import letterbox

CAMERAS = ("head", "left_wrist", "right_wrist")
NEEDS = Needs(embodiment="unitree_g1", cameras=CAMERAS)


def to_map(value):
    """Their arrays, written here again so that a mistake in ours is seen."""
    if isinstance(value, np.ndarray):
        return {b"__ndarray__": True, b"data": value.tobytes(), b"dtype": value.dtype.str, b"shape": value.shape}
    return value


def from_map(value):
    if b"__ndarray__" in value:
        return np.ndarray(buffer=value[b"data"], dtype=np.dtype(value[b"dtype"]), shape=value[b"shape"])
    return value


@pytest.fixture
def openpi_server(impostor):
    """Servers that answer with what a function makes of a request; gives their address."""

    def start(infer, metadata=None):
        def handler(connection):
            connection.send(msgpack.packb({} if metadata is None else metadata, default=to_map))
            while True:
                try:
                    request = msgpack.unpackb(connection.recv(), object_hook=from_map)
                    answer = infer(request) | {"server_timing": {"infer_ms": 1.0}}
                    connection.send(msgpack.packb(answer, default=to_map))
                except ConnectionClosed:
                    return
                except Exception:  # noqa: BLE001 - as theirs does
                    connection.send(traceback.format_exc())
                    connection.close(1011, "Internal server error. Traceback included in previous frame.")
                    return

        return impostor(handler)

    return start


def observation(stamp_ns=9, size=(48, 64)):
    rng = np.random.default_rng(0)
    frames = {name: CameraFrame(stamp_ns, rng.integers(0, 256, (*size, 3), np.uint8)) for name in CAMERAS}
    return Observation(stamp_ns, np.linspace(-0.5, 0.5, DIMENSIONS), frames, "lift the cup")


def state_again(length=HORIZON):
    return lambda request: {"actions": np.tile(request["observation/state"], (length, 1)), "state": np.zeros(3)}


@pytest.mark.parametrize("metadata", [{}, {"reset_pose": np.zeros(3)}])
def test_it_is_asked_as_openhlm_s_client_asks(openpi_server, connect, metadata):
    requests = []

    def infer(request):
        requests.append(request)
        return state_again()(request)

    client = connect(openpi_server(infer, metadata), needs=NEEDS)
    seen = observation()
    client.reset(3)
    chunk = client.chunk(seen)
    assert (chunk.stamp_ns, chunk.rate_hz, chunk.actions.shape) == (9, 30.0, (50, DIMENSIONS))
    np.testing.assert_array_equal(chunk.actions[-1], seen.state.astype(np.float32))
    (request,) = requests
    assert request.keys() == {
        "observation/head_image_left",
        "observation/left_wrist_image",
        "observation/right_wrist_image",
        "observation/state",
        "prompt",
    }
    assert request["observation/state"].dtype == np.float32
    assert request["prompt"] == "lift the cup"
    expected = letterbox(seen.frames["left_wrist"].image, (224, 224))
    np.testing.assert_array_equal(request["observation/left_wrist_image"], expected)


def test_its_policy_is_unknown_and_for_this_robot(openpi_server, connect):
    url = openpi_server(state_again())
    spec = connect(url, needs=NEEDS).spec
    assert (spec.policy_type, spec.embodiment, spec.cameras) == ("unknown", "unitree_g1", CAMERAS)
    assert (spec.image_size, spec.horizon, spec.execution_horizon) == ((224, 224), 50, 25)
    assert (spec.origin, spec.digest, spec.continues_chunks) == (url, "", False)


def test_its_horizon_is_that_of_its_chunks(openpi_server, connect):
    client = connect(openpi_server(state_again(10)), needs=NEEDS)
    assert len(client.chunk(observation()).actions) == 10
    assert (client.spec.horizon, client.spec.execution_horizon) == (10, 10)


def test_its_errors_are_the_last_line_of_their_traceback_and_the_next_call_reconnects(openpi_server, connect):
    def infer(request):
        if request["observation/state"][0] > 0.0:
            raise ValueError("no such thing")
        return state_again()(request)

    client = connect(openpi_server(infer), needs=NEEDS)
    bad = Observation(1, np.ones(DIMENSIONS), observation().frames, "lift")
    for _ in range(2):
        with pytest.raises(PolicyFailedError, match=r"refused: ValueError: no such thing \(unknown\)$"):
            client.chunk(bad)
        assert len(client.chunk(observation()).actions) == HORIZON


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ({"actions": np.zeros((50, 14))}, r"shape \[50, 14\]; this robot needs \[1 to 4096, 34\]"),
        ({"actions": np.zeros((0, 34))}, r"shape \[0, 34\]"),
        ({"actions": np.zeros(34)}, "has no actions"),
        ({"actions": "none"}, "has no actions"),
        ({}, "has no actions"),
        ({"actions": np.full((50, 34), np.nan)}, "not finite"),
    ],
)
def test_answers_that_are_none(openpi_server, connect, answer, text):
    client = connect(openpi_server(lambda _: answer), needs=NEEDS)
    with pytest.raises(AnswerError, match=text):
        client.chunk(observation())


def test_it_cannot_continue_a_chunk(openpi_server, connect):
    client = connect(openpi_server(state_again()), needs=NEEDS)
    with pytest.raises(MismatchError, match="cannot continue a chunk"):
        client.chunk(observation(), ActionPrefix(np.ones((4, DIMENSIONS)), 2, 3))


def test_camera_that_is_not_there_is_left_out_rather_than_made_up(openpi_server, connect):
    requests = []
    client = connect(openpi_server(lambda request: (requests.append(request), state_again()(request))[1]), needs=NEEDS)
    whole = observation()
    frames = {name: frame for name, frame in whole.frames.items() if name != "left_wrist"}
    client.chunk(Observation(9, whole.state, frames, "lift"))
    assert "observation/left_wrist_image" not in requests[0]
