import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import msgpack
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosedOK
from websockets.sync.client import connect as websocket

from hlm.core.errors import CorruptError, InputError
from hlm.core.layout import DIMENSIONS
from hlm.core.values import ActionChunk, CameraFrame
from hlm.policies.serving.connection import MAX_UNANSWERED
from hlm.policies.serving.errors import RefusedError
from hlm.policies.serving.messages import encode_request
from hlm.policies.serving.wire import pack, unpack

PATIENCE_S = 10.0


def error_in(text):
    assert isinstance(text, str)  # openpi's client raises on text, and takes any binary frame for a result
    return json.loads(text)["error"]


def test_conversation_as_openpi_s_client_holds_it(running, policy, observe, answer_to):
    """What its WebsocketClientPolicy does, with msgpack alone."""
    with websocket(running.url, compression=None, max_size=None) as connection:
        metadata = msgpack.unpackb(connection.recv(PATIENCE_S))
        assert metadata["cameras"] == ["head", "right_wrist"]
        assert metadata["image_size"] == [8, 12]
        connection.send(pack(encode_request(observe(3))))
        answer = msgpack.unpackb(connection.recv(PATIENCE_S))
        actions = answer["actions"]
        assert actions[b"dtype"] == "<f4"
        assert actions[b"shape"] == [6, DIMENSIONS]
        assert actions[b"data"] == answer_to(observe(3)).tobytes()
        assert answer["policy_timing"]["infer_ms"] <= answer["server_timing"]["infer_ms"]
        assert "prev_total_ms" not in answer["server_timing"]
        connection.send(pack(encode_request(observe(4))))
        timing = msgpack.unpackb(connection.recv(PATIENCE_S))["server_timing"]
        assert timing["prev_total_ms"] >= answer["server_timing"]["infer_ms"]
        assert timing["queue_ms"] >= 0.0
    assert [observation.state[-1] for observation, _ in policy.asked] == [3.0, 4.0]


def test_policy_is_warm_before_anyone_is_let_in(serve, make_policy):
    policy = make_policy(continues_chunks=True)
    serve(policy)
    assert len(policy.calls) == 6
    assert not policy.asked
    assert {frames.keys() == {"head", "right_wrist"} for frames in (seen.frames for seen, _ in policy.calls)} == {True}
    assert [prefix is None for _, prefix in policy.calls] == [True, False] * 3
    assert policy.next_noise == (0, 0)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_policy_that_answers_nonsense_is_not_served(serve, make_policy, broken):
    class Broken(make_policy):
        def chunk(self, observation, prefix=None):
            chunk = super().chunk(observation, prefix)
            actions = chunk.actions.copy()
            actions[-1, -1] = broken
            return ActionChunk(chunk.stamp_ns, chunk.rate_hz, actions)

    with pytest.raises(CorruptError, match="'runs/fake' answers a grey image with actions that are not finite"):
        serve(Broken())


def test_policy_that_fails_to_warm_up_is_not_served(serve, policy):
    policy.error = InputError("no such word")
    with pytest.raises(InputError, match="no such word"):
        serve(policy)


@pytest.mark.parametrize(
    ("message", "kind", "text"),
    [
        ("some text", "InputError", "requests are binary frames"),
        (b"", "WireError", "the message is not valid msgpack"),
        (b"\xc1\xff", "WireError", "the message is not valid msgpack"),
        (pack({"prompt": "x"}), "InputError", "needs 'observation/state'"),
        (pack({"promt": "x"}), "UnknownNameError", "Did you mean 'prompt'?"),
        (pack([1, 2]), "InputError", "a request must be a map"),
    ],
)
def test_bad_request_gets_a_typed_error_and_the_connection_goes_on(running, observe, message, kind, text):
    with running.dial() as connection:
        connection.send(message)
        error = error_in(connection.recv(PATIENCE_S))
        assert error["type"] == kind
        assert text in error["message"]
        connection.send(pack(encode_request(observe())))
        assert "actions" in unpack(connection.recv(PATIENCE_S))
    assert (running.health()["requests"], running.health()["errors"]) == (2, 1)


def test_failing_policy_is_the_server_s_own_fault(running, policy, observe, connect, caplog):
    policy.error = RuntimeError("out of memory")
    client = connect(running.url)
    with pytest.raises(RefusedError, match=r"RuntimeError: out of memory \(InternalError\)"):
        client.chunk(observe())
    assert "out of memory" in caplog.text  # with its traceback, for whoever runs the server
    policy.error = None
    assert client.chunk(observe()).stamp_ns == 0


def test_prefix_reaches_a_policy_that_continues_chunks(serve, make_policy, observe):
    policy = make_policy(continues_chunks=True)
    old = np.arange(3 * DIMENSIONS, dtype=np.float32).reshape(3, DIMENSIONS)
    keys = {"rtc/action_prefix": old, "rtc/inference_delay": 1, "rtc/execution_horizon": 2}
    with serve(policy).dial() as connection:
        connection.send(pack(encode_request(observe()) | keys))
        assert "actions" in unpack(connection.recv(PATIENCE_S))
    (_, prefix), *_ = policy.asked
    assert np.array_equal(prefix.actions, old)
    assert (prefix.delay, prefix.execution_horizon) == (1, 2)


def test_prefix_for_a_policy_that_cannot_continue_is_refused(running, policy, observe):
    keys = {"rtc/action_prefix": np.ones((3, DIMENSIONS)), "rtc/inference_delay": 1}
    with running.dial() as connection:
        connection.send(pack(encode_request(observe()) | keys))
        error = error_in(connection.recv(PATIENCE_S))
    assert error["type"] == "MismatchError"
    assert "cannot continue a chunk" in error["message"]
    assert not policy.asked


def test_pings_and_health_are_answered_while_the_policy_computes(running, policy, observe, held):
    with running.dial() as connection:
        with held(policy):
            connection.send(pack(encode_request(observe())))
            assert policy.entered.wait(PATIENCE_S)
            assert connection.ping().wait(PATIENCE_S)
            assert running.get("/healthz") == (200, "OK\n")
            figures = json.loads(running.get("/healthz", Accept="application/json")[1])
            assert figures["busy_s"] > 0.0
            assert (figures["clients"], figures["queue"], figures["requests"]) == (1, 1, 0)
        assert "actions" in unpack(connection.recv(PATIENCE_S))
    figures = running.health()
    assert figures["status"] == "ok"
    assert figures["checkpoint"] == "runs/fake"
    assert figures["uptime_s"] > 0.0
    assert (figures["queue"], figures["busy_s"], figures["requests"], figures["errors"]) == (0, 0.0, 1, 0)
    assert figures["latency_ms"]["infer"].keys() == {"p50", "p90", "p99"}


def test_clients_take_turns_however_fast_one_of_them_asks(running, policy, observe, until):
    """The flooding client always has as many requests out as it may; the polite one waits for each answer."""
    turns, rounds = threading.Semaphore(0), 5
    policy.gate = SimpleNamespace(wait=lambda timeout_s: turns.acquire(timeout=timeout_s))
    with running.dial() as flooding, running.dial() as polite:
        for _ in range(MAX_UNANSWERED):
            flooding.send(pack(encode_request(observe(1))))
        until(lambda: len(policy.asked) == 1)
        for turn in range(rounds):
            polite.send(pack(encode_request(observe(2))))
            for step in (1, 2):
                until(lambda done=2 * turn + step: running.health()["queue"] == 2 and len(policy.asked) == done)
                turns.release()
            polite.recv(PATIENCE_S)
            flooding.recv(PATIENCE_S)
            flooding.send(pack(encode_request(observe(1))))
        turns.release(MAX_UNANSWERED)
        for _ in range(MAX_UNANSWERED):
            flooding.recv(PATIENCE_S)
    assert [int(observation.state[-1]) for observation, _ in policy.asked] == [1, 2] * rounds + [1] * MAX_UNANSWERED


def test_request_of_a_client_that_has_gone_is_not_computed(running, policy, observe, held, until):
    with running.dial() as patient, held(policy):
        patient.send(pack(encode_request(observe(1))))
        assert policy.entered.wait(PATIENCE_S)
        with running.dial() as hasty:
            hasty.send(pack(encode_request(observe(2))))
            until(lambda: running.health()["queue"] == 2)
        until(lambda: running.health()["queue"] == 1)
        policy.gate.set()
        assert "actions" in unpack(patient.recv(PATIENCE_S))
    assert [observation.state[-1] for observation, _ in policy.asked] == [1.0]


def test_running_request_is_answered_before_the_server_stops(running, policy, observe, held, until):
    with running.dial() as busy, running.dial() as queued, running.dial() as idle:
        with held(policy):
            busy.send(pack(encode_request(observe(1))))
            assert policy.entered.wait(PATIENCE_S)
            queued.send(pack(encode_request(observe(2))))
            until(lambda: running.health()["queue"] == 2)
            running.ask_to_stop()
            for connection in (idle, queued):
                with pytest.raises(ConnectionClosedOK, match=r"1001.*the server is stopping"):
                    connection.recv(PATIENCE_S)
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE_S)
        assert "actions" in unpack(busy.recv(PATIENCE_S))
        with pytest.raises(ConnectionClosedOK, match="1001"):
            busy.recv(PATIENCE_S)
    running.stop()
    assert [observation.state[-1] for observation, _ in policy.asked] == [1.0]


def test_client_that_does_not_say_goodbye_does_not_hold_the_server_up(serve, policy):
    running = serve(policy, close_s=0.2)
    with socket.create_connection(("127.0.0.1", running.port)):
        deaf = running.dial()
        deaf.recv_flow_control.acquire()  # reads no more
        running.stop()
        deaf.recv_flow_control.release()
        deaf.close()


def test_second_server_at_an_address_is_refused(running, serve, make_policy):
    with pytest.raises(InputError, match="address already in use"):
        serve(make_policy(), port=running.port)


def test_many_clients_at_once_all_get_their_own_answers(running, connect, observe, answer_to):
    def ask(number):
        client = connect(running.url)
        chunks = [client.chunk(observe(20 * number + i, stamp_ns=i)) for i in range(10)]
        return all(np.array_equal(chunk.actions, answer_to(observe(20 * number + i))) for i, chunk in enumerate(chunks))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(8)))
    assert running.health()["requests"] == 80


def test_greeting_describes_the_policy(serve, make_policy):
    policy = make_policy(continues_chunks=True, vocabulary=("lift", "cup"))
    with serve(policy).dial() as connection:
        assert connection.greeting == {
            "policy_type": "fake",
            "policy": "fake",
            "origin": "runs/fake",
            "checkpoint": "runs/fake",
            "embodiment": "unitree_g1",
            "rate_hz": 30.0,
            "cameras": ["head", "right_wrist"],
            "optional_cameras": ["right_wrist"],
            "image_size": [8, 12],
            "horizon": 6,
            "execution_horizon": 3,
            "execute": 3,
            "continues_chunks": True,
            "vocabulary": ["lift", "cup"],
            "words": ["lift", "cup"],
            "digest": "",
            "counts_chunks": True,
        }


def test_health_tells_how_chunks_are_made_where_that_is_known(serve, policy):
    assert not serve(policy).health().keys() & {"sampling", "left_out"}
    said = {"sampling": "in one CUDA graph", "left_out": ("compiled: OSError: no C compiler",)}
    figures = serve(policy, describe_sampling=lambda: said).health()
    assert figures["sampling"] == "in one CUDA graph"
    assert figures["left_out"] == ["compiled: OSError: no C compiler"]


def test_health_tells_which_images_get_black_bars(serve, policy, connect, observe):
    running = serve(policy)
    client = connect(running.url)
    client.chunk(observe())
    assert running.health()["barred"] == []
    seen = observe()
    for size in ((16, 24), (48, 64), (32, 64)):  # of the shape that the policy expects; of others
        frames = seen.frames | {"head": CameraFrame(0, np.ones((*size, 3), np.uint8))}
        client.chunk(replace(seen, frames=frames))
    assert running.health()["barred"] == ["head: 48 x 64 (height x width), into 8 x 12"]
