import http.client
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import msgpack
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus
from websockets.sync.client import connect as websocket

from hlm.core.errors import InputError
from hlm.core.layout import DIMENSIONS
from hlm.policies.serving import admission
from hlm.policies.serving.errors import RefusedError
from hlm.policies.serving.messages import encode_request
from hlm.policies.serving.metadata import Metadata, describe
from hlm.policies.serving.wire import pack, unpack

KEY = "a-key-that-nobody-guesses"
PATIENCE_S = 10.0


@pytest.fixture
def running(serve, policy):
    return serve(policy)


def dial(running, **settings):
    """A bare websocket that has heard the greeting."""
    connection = websocket(running.url, compression=None, max_size=None, **settings)
    Metadata.from_message(unpack(connection.recv(PATIENCE_S)))
    return connection


def get(running, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=PATIENCE_S)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def health(running):
    return json.loads(get(running, "/health")[1])


def until(condition):
    """Wait for what another thread will do."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        threading.Event().wait(0.002)


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
    assert [observation.state[0] for observation, _ in policy.asked] == [3.0, 4.0]


def test_policy_is_warm_before_anyone_is_let_in(serve, make_policy):
    policy = make_policy(continues_chunks=True)
    serve(policy)
    assert len(policy.calls) == 6
    assert not policy.asked
    assert {frames.keys() == {"head", "right_wrist"} for frames in (seen.frames for seen, _ in policy.calls)} == {True}
    assert [prefix is None for _, prefix in policy.calls] == [True, False] * 3
    assert policy.seeds == [0]


def test_policy_that_fails_to_warm_up_is_not_served(serve, policy):
    policy.error = InputError("no such word")
    with pytest.raises(InputError, match="no such word"):
        serve(policy)


@pytest.mark.parametrize(
    ("message", "kind", "text"),
    [
        ("some text", "InputError", "requests are binary frames"),
        (b"", "WireError", "the message is no message of msgpack"),
        (b"\xc1\xff", "WireError", "the message is no message of msgpack"),
        (pack({"prompt": "x"}), "InputError", "needs 'observation/state'"),
        (pack({"promt": "x"}), "UnknownNameError", "Did you mean 'prompt'?"),
        (pack([1, 2]), "InputError", "a request must be a map"),
    ],
)
def test_bad_request_gets_a_typed_error_and_the_connection_goes_on(running, observe, message, kind, text):
    with dial(running) as connection:
        connection.send(message)
        error = error_in(connection.recv(PATIENCE_S))
        assert error["type"] == kind
        assert text in error["message"]
        connection.send(pack(encode_request(observe())))
        assert "actions" in unpack(connection.recv(PATIENCE_S))
    assert (health(running)["requests"], health(running)["errors"]) == (2, 1)


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
    with dial(serve(policy)) as connection:
        connection.send(pack(encode_request(observe()) | keys))
        assert "actions" in unpack(connection.recv(PATIENCE_S))
    (_, prefix), *_ = policy.asked
    assert np.array_equal(prefix.actions, old)
    assert (prefix.delay, prefix.execute) == (1, 2)


def test_prefix_for_a_policy_that_cannot_continue_is_refused(running, policy, observe):
    keys = {"rtc/action_prefix": np.ones((3, DIMENSIONS)), "rtc/inference_delay": 1}
    with dial(running) as connection:
        connection.send(pack(encode_request(observe()) | keys))
        error = error_in(connection.recv(PATIENCE_S))
    assert error["type"] == "MismatchError"
    assert "cannot continue a chunk" in error["message"]
    assert not policy.asked


def test_pings_and_health_are_answered_while_the_policy_computes(running, policy, observe, held):
    with dial(running) as connection:
        with held(policy):
            connection.send(pack(encode_request(observe())))
            assert policy.entered.wait(PATIENCE_S)
            assert connection.ping().wait(PATIENCE_S)
            assert get(running, "/healthz") == (200, "OK\n")
            figures = json.loads(get(running, "/healthz", Accept="application/json")[1])
            assert figures["busy_s"] > 0.0
            assert (figures["clients"], figures["queue"], figures["requests"]) == (1, 1, 0)
        assert "actions" in unpack(connection.recv(PATIENCE_S))
    figures = health(running)
    assert figures["status"] == "ok"
    assert figures["checkpoint"] == "runs/fake"
    assert figures["uptime_s"] > 0.0
    assert (figures["queue"], figures["busy_s"], figures["requests"], figures["errors"]) == (0, 0.0, 1, 0)
    assert figures["latency_ms"]["infer"].keys() == {"p50", "p90", "p99"}


def test_clients_take_turns_however_fast_one_of_them_asks(running, policy, observe):
    """The flooding client sends all its requests at once; the polite one waits for each answer."""
    turns, rounds = threading.Semaphore(0), 5
    policy.gate = SimpleNamespace(wait=lambda timeout_s: turns.acquire(timeout=timeout_s))
    with dial(running) as flooding, dial(running) as polite:
        for _ in range(2 * rounds):
            flooding.send(pack(encode_request(observe(1))))
        until(lambda: len(policy.asked) == 1)
        for turn in range(rounds):
            polite.send(pack(encode_request(observe(2))))
            for step in (1, 2):
                until(lambda done=2 * turn + step: health(running)["queue"] == 2 and len(policy.asked) == done)
                turns.release()
            polite.recv(PATIENCE_S)
        turns.release(2 * rounds)
        for _ in range(2 * rounds):
            flooding.recv(PATIENCE_S)
    assert [int(observation.state[0]) for observation, _ in policy.asked] == [1, 2] * rounds + [1] * rounds


def test_request_of_a_client_that_has_gone_is_not_computed(running, policy, observe, held):
    with dial(running) as patient, held(policy):
        patient.send(pack(encode_request(observe(1))))
        assert policy.entered.wait(PATIENCE_S)
        with dial(running) as hasty:
            hasty.send(pack(encode_request(observe(2))))
            until(lambda: health(running)["queue"] == 2)
        until(lambda: health(running)["queue"] == 1)
        policy.gate.set()
        assert "actions" in unpack(patient.recv(PATIENCE_S))
    assert [observation.state[0] for observation, _ in policy.asked] == [1.0]


def test_too_large_a_message_ends_the_connection(serve, policy, observe):
    running = serve(policy, max_message_bytes=10_000)
    with dial(running) as connection:
        connection.send(bytes(10_001))
        with pytest.raises(ConnectionClosedError, match="1009"):
            connection.recv(PATIENCE_S)
    with dial(running) as connection:
        connection.send(pack(encode_request(observe())))
        assert "actions" in unpack(connection.recv(PATIENCE_S))


def test_too_large_a_message_is_refused_before_it_is_received(serve, policy):
    running = serve(policy, max_message_bytes=10_000)
    with dial(running) as connection:
        # The header of a masked binary frame of 1 GB, and not one byte of it.
        connection.socket.sendall(b"\x82\xff" + (10**9).to_bytes(8, "big") + bytes(4))
        with pytest.raises(ConnectionClosedError, match="1009"):
            connection.recv(PATIENCE_S)


@pytest.mark.parametrize("headers", [{}, {"Authorization": f"Api-Key {KEY}x"}, {"Authorization": KEY}])
def test_without_the_key_nobody_gets_in(serve, policy, headers):
    running = serve(policy, api_key=KEY)
    with pytest.raises(InvalidStatus, match="401") as refused:
        websocket(running.url, additional_headers=headers)
    assert refused.value.response.headers["WWW-Authenticate"] == "Api-Key"
    assert get(running, "/health", **headers)[0] == 401
    assert get(running, "/healthz", **headers) == (200, "OK\n")
    assert get(running, "/", **headers)[0] == 401


def test_with_the_key_it_answers(serve, policy, observe):
    running = serve(policy, api_key=KEY)
    headers = {"Authorization": f"Api-Key {KEY}"}
    with dial(running, additional_headers=headers) as connection:
        connection.send(pack(encode_request(observe())))
        assert "actions" in unpack(connection.recv(PATIENCE_S))
    assert get(running, "/health", **headers)[0] == 200


def test_strange_authorization_is_no_crash(serve, policy):
    running = serve(policy, api_key=KEY)
    assert get(running, "/health", Authorization="Api-Key \xe4\xf6".encode("latin-1"))[0] == 401


@pytest.mark.parametrize("key", ["", "short", "has a space in the middle", "ümlaut-ümlaut-ümlaut"])
def test_keys_that_are_none(key):
    with pytest.raises(InputError, match="at least 16 visible ASCII characters"):
        admission.check_key(key)


def test_key_is_read_without_white_space():
    assert admission.check_key(f" {KEY}\n") == KEY


def test_page_in_a_browser_is_refused(running):
    with pytest.raises(InvalidStatus, match="403"):
        websocket(running.url, origin="https://somewhere.example")


def test_number_of_clients_is_bounded(serve, policy):
    running = serve(policy, max_clients=2)
    with dial(running), dial(running) as second:
        with pytest.raises(InvalidStatus, match="503"):
            websocket(running.url)
        assert get(running, "/healthz")[0] == 200
        second.close()
        until(lambda: health(running)["clients"] == 1)
        dial(running).close()


def test_connections_that_say_nothing_are_dropped(serve, policy):
    running = serve(policy, handshake_s=0.2)
    with socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE_S) as silent:
        silent.sendall(b"GET / HTTP/1.1\r\n")
        assert silent.recv(1) == b""


def test_half_open_connections_push_out_the_oldest_and_lock_nobody_out(running, policy, observe):
    silent = [socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE_S) for _ in range(100)]
    try:
        with dial(running) as connection:
            connection.send(pack(encode_request(observe())))
            assert "actions" in unpack(connection.recv(PATIENCE_S))
        assert get(running, "/healthz")[0] == 200
        until(lambda: len(running.server._server.handlers) <= admission.MAX_OPENING)
        assert silent[0].recv(1) == b""
    finally:
        for each in silent:
            each.close()


def test_client_that_dies_in_the_middle_of_a_message_is_dropped(serve, policy):
    running = serve(policy, ping_s=0.1)
    with socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE_S) as raw:
        raw.sendall(
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        until(lambda: health(running)["clients"] == 1)
        raw.sendall(b"\x82\xfe\x03\xe8" + bytes(4) + bytes(10))
        until(lambda: health(running)["clients"] == 0)


def test_port_scans_leave_no_trace(running, caplog, capfd):
    for greeting in (b"", b"\x00\xff" * 50, b"GET / HTTP/1.1\r\n\r\n", b"POST /x HTTP/1.1\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE_S) as scanner:
            scanner.sendall(greeting)
    assert get(running, "/healthz")[0] == 200
    running.stop()
    assert not caplog.records
    assert capfd.readouterr().err == ""


def test_running_request_is_answered_before_the_server_stops(running, policy, observe, held):
    with dial(running) as busy, dial(running) as queued, dial(running) as idle:
        with held(policy):
            busy.send(pack(encode_request(observe(1))))
            assert policy.entered.wait(PATIENCE_S)
            queued.send(pack(encode_request(observe(2))))
            until(lambda: health(running)["queue"] == 2)
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
    assert [observation.state[0] for observation, _ in policy.asked] == [1.0]


def test_client_that_does_not_say_goodbye_does_not_hold_the_server_up(serve, policy):
    running = serve(policy, close_s=0.2)
    with socket.create_connection(("127.0.0.1", running.port)):
        deaf = dial(running)
        deaf.recv_flow_control.acquire()  # reads no more
        begin = time.monotonic()
        running.stop()
        assert time.monotonic() - begin < 2.0
        deaf.recv_flow_control.release()
        deaf.close()


def test_second_server_at_an_address_is_refused(running, serve, make_policy):
    with pytest.raises(InputError, match="address already in use"):
        serve(make_policy(), port=running.port)


def test_many_clients_at_once_all_get_their_own_answers(running, connect, observe, answer_to):
    def ask(number):
        client = connect(running.url)
        chunks = [client.chunk(observe(100 * number + i, stamp_ns=i)) for i in range(10)]
        return all(
            np.array_equal(chunk.actions, answer_to(observe(100 * number + i))) for i, chunk in enumerate(chunks)
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(8)))
    assert health(running)["requests"] == 80


def test_description_is_what_clients_hear(running, policy):
    assert running.server.metadata == describe(policy)
