import socket
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosedError

from hlm.policies.serving.connection import MAX_FRAMES, MAX_OPENING, MAX_UNANSWERED
from hlm.policies.serving.messages import encode_request
from hlm.policies.serving.wire import pack, unpack

PATIENCE_S = 10.0
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
# Headers and masks of frames without a payload.
FIRST, MORE = b"\x02\x80" + bytes(4), b"\x00\x80" + bytes(4)
PING = b"\x89\xfd" + bytes(4 + 125)


def test_too_large_a_message_ends_the_connection(serve, policy, observe):
    running = serve(policy, max_message_bytes=10_000)
    with running.dial() as connection:
        connection.send(bytes(10_001))
        with pytest.raises(ConnectionClosedError, match="1009"):
            connection.recv(PATIENCE_S)
    with running.dial() as connection:
        connection.send(pack(encode_request(observe())))
        assert "actions" in unpack(connection.recv(PATIENCE_S))


def test_too_large_a_message_is_refused_before_it_is_received(serve, policy):
    running = serve(policy, max_message_bytes=10_000)
    with running.dial() as connection:
        # The header of a masked binary frame of 1 GB, and not one byte of it.
        connection.socket.sendall(b"\x82\xff" + (10**9).to_bytes(8, "big") + bytes(4))
        with pytest.raises(ConnectionClosedError, match="1009"):
            connection.recv(PATIENCE_S)


def test_message_in_endless_frames_ends_the_connection(running, observe):
    with running.dial() as connection:
        connection.socket.sendall(FIRST + MAX_FRAMES * MORE)
        with pytest.raises(ConnectionClosedError, match=f"1009.*a message in more than {MAX_FRAMES} frames"):
            connection.recv(PATIENCE_S)
    with running.dial() as connection:
        connection.send(pack(encode_request(observe())))
        assert "actions" in unpack(connection.recv(PATIENCE_S))


def test_message_in_as_many_frames_as_there_may_be_is_read(running, observe):
    message = pack(encode_request(observe(instruction=MAX_FRAMES * "x")))
    parts = [message[place : place + 1] for place in range(MAX_FRAMES - 2)]
    with running.dial() as connection:
        for _ in range(2):
            connection.send([*parts, message[MAX_FRAMES - 2 :]])  # and an empty last frame, which `websockets` adds
            assert "actions" in unpack(connection.recv(PATIENCE_S))


def test_requests_sent_ahead_are_answered_in_turn_and_pings_meanwhile(running, policy, observe, held):
    with running.dial() as connection:
        for _ in range(2):
            with held(policy):
                for number in range(MAX_UNANSWERED):
                    connection.send(pack(encode_request(observe(number))))
                assert connection.ping().wait(PATIENCE_S)
            answers = [unpack(connection.recv(PATIENCE_S))["actions"][0, -1] for _ in range(MAX_UNANSWERED)]
            assert answers == list(range(MAX_UNANSWERED))


def test_too_many_requests_ahead_end_the_connection(running, policy, observe, held):
    with held(policy), running.dial() as connection:
        for _ in range(MAX_UNANSWERED + 1):
            connection.send(pack(encode_request(observe(1))))
        with pytest.raises(ConnectionClosedError, match=f"1008.*more than {MAX_UNANSWERED} requests without waiting"):
            connection.recv(PATIENCE_S)
    with running.dial() as connection:
        connection.send(pack(encode_request(observe(2))))
        assert unpack(connection.recv(PATIENCE_S))["actions"][0, -1] == 2.0
    assert len(policy.asked) <= 2  # what was sent ahead is not computed any more


def test_client_that_reads_nothing_is_not_read(running, until):
    """What pings are answered with would fill the memory otherwise."""
    with socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE_S) as deaf:
        deaf.sendall(UPGRADE)
        until(lambda: running.health()["clients"] == 1)
        (connection,) = running.server._server.connections
        deaf.setblocking(False)

        def is_left_alone():
            with suppress(BlockingIOError):
                deaf.send(100 * PING)  # whole or not: the rest is more of the same
            return not connection.transport.is_reading()

        until(is_left_alone)


def test_connections_that_say_nothing_are_dropped(serve, policy):
    running = serve(policy, handshake_s=0.2)
    with socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE_S) as silent:
        silent.sendall(b"GET / HTTP/1.1\r\n")
        assert silent.recv(1) == b""


def test_half_open_connections_push_out_the_oldest_and_lock_nobody_out(running, policy, observe, until):
    silent = [socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE_S) for _ in range(100)]
    try:
        with running.dial() as connection:
            connection.send(pack(encode_request(observe())))
            assert "actions" in unpack(connection.recv(PATIENCE_S))
        assert running.get("/healthz")[0] == 200
        until(lambda: len(running.server._server.handlers) <= MAX_OPENING)
        assert silent[0].recv(1) == b""
    finally:
        for each in silent:
            each.close()


def test_client_that_dies_in_the_middle_of_a_message_is_dropped(serve, policy, until):
    running = serve(policy, ping_s=0.1)
    with socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE_S) as raw:
        raw.sendall(UPGRADE)
        until(lambda: running.health()["clients"] == 1)
        raw.sendall(b"\x82\xfe\x03\xe8" + bytes(4) + bytes(10))
        until(lambda: running.health()["clients"] == 0)


def test_port_scans_leave_no_trace(running, caplog, capfd):
    for greeting in (b"", b"\x00\xff" * 50, b"GET / HTTP/1.1\r\n\r\n", b"POST /x HTTP/1.1\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE_S) as scanner:
            scanner.sendall(greeting)
    assert running.get("/healthz")[0] == 200
    running.stop()
    assert not caplog.records
    assert capfd.readouterr().err == ""
