import asyncio
import socket
import threading

import numpy as np
import pytest
from conformance.policies import PolicyConformance
from websockets.exceptions import InvalidHandshake

from hlm.core.errors import InputError, LostError, MismatchError
from hlm.core.layout import DIMENSIONS
from hlm.core.policy import ActionPrefix
from hlm.core.values import ActionChunk, CameraFrame, Observation
from hlm.policies.serving import peer
from hlm.policies.serving.client import PolicyClient
from hlm.policies.serving.errors import (
    AnswerError,
    AnswerTimeoutError,
    PolicyFailedError,
    RefusedError,
    ServingError,
    UnreachableError,
)
from hlm.policies.serving.messages import Timing, encode_answer
from hlm.policies.serving.metadata import Needs, spec_message
from hlm.policies.serving.wire import pack, unpack

KEY = "a-key-that-nobody-guesses"


@pytest.fixture
def silent_port():
    """A port that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def dead_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_served_policy_is_the_policy(serve, policy, connect, observe, answer_to):
    client = connect(serve(policy).url)
    for number in range(3):
        chunk = client.chunk(observe(number, stamp_ns=7 * number))
        assert (chunk.stamp_ns, chunk.rate_hz) == (7 * number, 30.0)
        assert np.array_equal(chunk.actions, answer_to(observe(number)))
    assert client.spec == policy.spec


def test_policy_may_know_many_words(serve, make_policy, connect):
    words = tuple(f"word{number}" for number in range(1000))
    assert connect(serve(make_policy(vocabulary=words)).url).spec.vocabulary == words


def test_served_client_is_served_again(serve, policy, connect, observe, answer_to):
    relay = connect(serve(policy).url)
    client = connect(serve_once(serve, relay).url)
    assert np.array_equal(client.chunk(observe(5)).actions, answer_to(observe(5)))


def serve_once(serve, relay):
    relay.entered = relay.gate = threading.Event()
    return serve(relay)


def test_refusal_has_the_type_and_the_connection_goes_on(serve, policy, connect, observe):
    client = connect(serve(policy).url)
    policy.error = MismatchError("the policy needs cameras head")
    with pytest.raises(RefusedError, match="the policy needs cameras head") as refused:
        client.chunk(observe())
    assert refused.value.kind == "MismatchError"
    policy.error = None
    connection = client._link._connection
    client.chunk(observe())
    assert client._link._connection is connection


def test_policy_that_fails_at_one_request_is_told_from_a_wrong_request_and_from_a_lost_server(
    serve, make_policy, connect, observe, answer_to
):
    class Fickle(make_policy):
        def chunk(self, observation, prefix=None):
            chunk = super().chunk(observation, prefix)
            if observation.state[-1] == 13.0:
                return ActionChunk(chunk.stamp_ns, chunk.rate_hz, np.full_like(chunk.actions, np.nan))
            if observation.state[-1] == 14.0:
                raise ZeroDivisionError("once")
            return chunk

    client = connect(serve(Fickle()).url)
    connection = client._link._connection
    for number, text in ((13, "actions that are not finite"), (14, "ZeroDivisionError: once")):
        with pytest.raises(PolicyFailedError, match=text) as failed:
            client.chunk(observe(number))
        assert not isinstance(failed.value, LostError)
        assert np.array_equal(client.chunk(observe(5)).actions, answer_to(observe(5)))
    with pytest.raises(RefusedError) as refused:
        client.chunk(observe(instruction="x" * 5000))
    assert not isinstance(refused.value, PolicyFailedError)
    assert client._link._connection is connection


def test_chunks_have_the_noise_of_a_policy_in_this_process_whoever_else_asks(serve, policy, connect, observe):
    url = serve(policy).url
    clients = [connect(url), connect(url), connect(url)]
    for client, seed in zip(clients, (1, 2, 1), strict=True):
        client.reset(seed)
    for _ in range(3):
        for client in clients:
            client.chunk(observe())
    for number, seed in enumerate((1, 2, 1)):
        assert policy.asked_noise[number::3] == [(seed, 0), (seed, 1), (seed, 2)]


def test_noise_goes_on_after_a_refusal_and_begins_anew_with_a_reset(serve, policy, connect, observe):
    client = connect(serve(policy).url)
    client.reset(5)
    client.chunk(observe())
    with pytest.raises(RefusedError):
        client.chunk(observe(instruction="x" * 5000))
    client.chunk(observe())
    client.reset(5)
    client.chunk(observe())
    assert policy.asked_noise == [(5, 0), (5, 2), (5, 0)]


def test_noise_is_the_server_s_by_default(serve, policy, connect, observe):
    client = connect(serve(policy).url)
    for _ in range(2):
        client.chunk(observe())
    assert policy.asked_noise == [(0, 0), (0, 1)]


def test_server_of_the_version_before_gets_a_seed_for_each_chunk(impostor, policy, connect, observe):
    """It would refuse a request with `chunks`."""
    requests = []

    def handler(connection):
        greeting = spec_message(policy.spec)
        del greeting["counts_chunks"]
        connection.send(pack(greeting))
        for message in connection:
            requests.append(unpack(message))
            chunk = ActionChunk(requests[-1]["stamp_ns"], 30.0, np.ones((6, DIMENSIONS)))
            connection.send(pack(encode_answer(chunk, Timing(0.0, 0.0, 0.0, None), stamped=True)))

    client = connect(impostor(handler))
    for _ in range(2):
        client.reset(3)
        for _ in range(2):
            client.chunk(observe())
    seeds = [request["seed"] for request in requests]
    assert seeds[:2] == seeds[2:]
    assert seeds[0] != seeds[1]
    assert not any("chunks" in request for request in requests)


def test_prefix(serve, make_policy, connect, observe):
    policy = make_policy(continues_chunks=True)
    client = connect(serve(policy).url)
    prefix = ActionPrefix(np.ones((4, DIMENSIONS)), 2, 3)
    client.chunk(observe(), prefix)
    (_, arrived), *_ = policy.asked
    assert np.array_equal(arrived.actions, prefix.actions)
    assert (arrived.delay, arrived.execution_horizon) == (2, 3)


def test_prefix_for_a_policy_that_cannot_continue(serve, policy, connect, observe):
    client = connect(serve(policy).url)
    with pytest.raises(MismatchError, match="cannot continue a chunk"):
        client.chunk(observe(), ActionPrefix(np.ones((4, DIMENSIONS)), 2, 3))


def test_late_answer_is_never_taken_for_the_next_one(serve, policy, connect, observe, answer_to, held):
    client = connect(serve(policy).url, timeout_s=0.2)
    with held(policy), pytest.raises(AnswerTimeoutError, match=r"did not answer within 0\.2 s") as late:
        client.chunk(observe(1, stamp_ns=1))
    assert isinstance(late.value, TimeoutError)
    client._timeout_s = 10.0
    for number in (2, 3):
        assert np.array_equal(client.chunk(observe(number, stamp_ns=number)).actions, answer_to(observe(number)))


def test_answer_to_another_observation_is_refused(impostor, policy, observe, connect):
    def answer_twice(connection):
        connection.send(pack(spec_message(policy.spec)))
        for message in connection:
            stamp_ns = unpack(message)["stamp_ns"]
            chunk = ActionChunk(stamp_ns, 30.0, np.ones((6, DIMENSIONS)))
            answer = pack(encode_answer(chunk, Timing(0.0, 0.0, 0.0, None), stamped=True))
            connection.send(answer)
            connection.send(answer)

    client = connect(impostor(answer_twice))
    assert client.chunk(observe(stamp_ns=1)).stamp_ns == 1
    with pytest.raises(AnswerError, match="answered observation 1 instead of 2"):
        client.chunk(observe(stamp_ns=2))
    assert client.chunk(observe(stamp_ns=3)).stamp_ns == 3


@pytest.mark.parametrize("answer", [b"", b"\xc1", pack({}), pack({"actions": np.ones((6, 34))}), pack(3)])
def test_answer_that_is_none_drops_the_connection(impostor, policy, observe, connect, answer):
    def handler(connection):
        connection.send(pack(spec_message(policy.spec)))
        for _ in connection:
            connection.send(answer)

    client = connect(impostor(handler))
    with pytest.raises(ServingError, match=r"the policy server|the message"):
        client.chunk(observe())
    assert client._link._connection is None


def test_server_that_goes_away_in_the_middle(impostor, policy, observe, connect):
    def handler(connection):
        connection.send(pack(spec_message(policy.spec)))
        connection.recv()
        connection.close(1001, "the server is stopping")

    client = connect(impostor(handler))
    with pytest.raises(UnreachableError, match="was lost: received 1001"):
        client.chunk(observe())


def test_restarted_server_is_found_again(serve, policy, make_policy, connect, observe, answer_to):
    running = serve(policy)
    client = connect(running.url, timeout_s=5.0)
    client.chunk(observe())
    running.stop()
    again = threading.Timer(0.3, lambda: serve(make_policy(), port=running.port))
    again.start()
    assert np.array_equal(client.chunk(observe(8)).actions, answer_to(observe(8)))
    again.join()


def test_other_policy_at_the_same_address_is_not_taken(serve, policy, make_policy, connect, observe):
    running = serve(policy)
    client = connect(running.url)
    running.stop()
    serve(make_policy(horizon=7), port=running.port)
    with pytest.raises(MismatchError, match="now serves another policy"):
        client.chunk(observe())


def test_same_policy_with_other_weights_is_another_policy(serve, make_policy, connect, observe):
    running = serve(make_policy(digest="a" * 64))
    client = connect(running.url)
    assert client.spec.digest == "a" * 64
    running.stop()
    serve(make_policy(digest="b" * 64), port=running.port)
    with pytest.raises(MismatchError, match="now serves another policy"):
        client.chunk(observe())


@pytest.mark.parametrize("greeting", ["hello", b"\x90", pack({"policy_type": "act"})])
def test_another_server_at_the_same_address_says_nothing_of_the_policy(impostor, policy, connect, observe, greeting):
    greetings = iter([pack(spec_message(policy.spec)), greeting])

    def handler(connection):
        connection.send(next(greetings))
        connection.recv()

    client = connect(impostor(handler))
    with pytest.raises(UnreachableError, match="was lost"):
        client.chunk(observe())
    with pytest.raises(LostError, match="another server answers at ws://"):
        client.chunk(observe())


def test_no_server_is_said_in_time(dead_port):
    with pytest.raises(
        UnreachableError, match=rf"no policy server at ws://127.0.0.1:{dead_port} within 0.3 s: .*refused"
    ):
        PolicyClient(f"127.0.0.1:{dead_port}", connect_timeout_s=0.3)


def test_server_of_something_else_is_said_whenever_the_time_is_up(monkeypatch):
    """An attempt that has just begun knows less than the one before."""
    attempts = []

    async def connect(*_, **__):
        attempts.append(1)
        if len(attempts) > 1:
            await asyncio.Event().wait()
        raise InvalidHandshake("not a websocket")

    monkeypatch.setattr("hlm.policies.serving.link.connect", connect)
    with pytest.raises(UnreachableError, match=r"within 0\.3 s: not a websocket"):
        PolicyClient("ws://127.0.0.1:1", connect_timeout_s=0.3)


def test_host_that_does_not_exist_is_said():
    with pytest.raises(UnreachableError, match=r"within 0\.5 s: the name of the host does not resolve \("):
        PolicyClient("ws://nohost.invalid:8000", connect_timeout_s=0.5)


def test_host_with_several_addresses_is_told_in_few_words(dead_port):
    with pytest.raises(
        UnreachableError, match=r"within 0\.3 s: (connection refused|nothing accepts connections there)\."
    ):
        PolicyClient(f"ws://localhost:{dead_port}", connect_timeout_s=0.3)


def test_silent_server_is_said_in_time(silent_port):
    with pytest.raises(UnreachableError, match=r"within 0\.3 s: it sends nothing"):
        PolicyClient(f"ws://127.0.0.1:{silent_port}", connect_timeout_s=0.3)


@pytest.mark.parametrize(
    ("timeout_s", "error"), [(0.3, AnswerTimeoutError), (1000.0, UnreachableError)], ids=["impatient", "patient"]
)
def test_server_that_reads_nothing_is_said_in_time(impostor, policy, connect, monkeypatch, timeout_s, error):
    """A request that does not fit into the socket's buffers cannot be sent, and must not block either."""
    monkeypatch.setattr(peer, "DEAD_S", 1.0)

    def handler(connection):
        connection.send(pack(spec_message(policy.spec)))
        connection.recv_flow_control.acquire()
        closing.wait(10.0)
        connection.recv_flow_control.release()

    closing = threading.Event()
    client = connect(impostor(handler), timeout_s=timeout_s)
    frame = CameraFrame(0, np.zeros((4000, 4000, 3), np.uint8))
    with pytest.raises(error):
        client.chunk(Observation(0, np.ones(DIMENSIONS), {"head": frame}, ""))
    closing.set()


@pytest.mark.parametrize(
    ("greeting", "text"),
    [
        (b"\x90", "sends no spec"),
        (pack({"policy_type": "act"}), "it is not a policy server of hlm: metadata lacks 'embodiment'"),
        (b"\xc1", "it is not a policy server of hlm"),
        ("hello", "its first message is text"),
    ],
)
def test_other_servers_are_recognised(impostor, greeting, text):
    url = impostor(lambda connection: (connection.send(greeting), connection.recv()))
    with pytest.raises(AnswerError, match=text):
        PolicyClient(url)


@pytest.mark.parametrize("key", ["", "short", "ümlaut-ümlaut-ümlaut", "a-key-that\r\nX-Evil: nobody-guesses"])
def test_keys_that_are_none(key):
    with pytest.raises(InputError, match="at least 16 visible ASCII characters"):
        PolicyClient("ws://127.0.0.1:1", api_key=key, connect_timeout_s=0.1)


def test_wrong_key_is_said_at_once(serve, policy, connect):
    running = serve(policy, api_key=KEY)
    for key in (None, f"{KEY}x"):
        with pytest.raises(RefusedError, match="the API key is missing or wrong") as refused:
            connect(running.url, api_key=key, connect_timeout_s=1000.0)
        assert refused.value.kind == "Unauthorized"
    assert connect(running.url, api_key=KEY).spec.horizon == 6


def test_server_without_room_is_tried_until_there_is(serve, policy, connect):
    running = serve(policy, max_clients=1)
    first = connect(running.url)
    text = r"HTTP 503\. this policy server already has 1 clients: .* fewer --workers .* larger --max-clients"
    with pytest.raises(UnreachableError, match=text):
        connect(running.url, connect_timeout_s=0.3)
    threading.Timer(0.2, first.close).start()
    assert connect(running.url).spec.horizon == 6


def test_policy_of_another_robot_is_not_taken(serve, policy, connect):
    with pytest.raises(MismatchError, match="and this one is 'walker'"):
        connect(serve(policy).url, needs=Needs(embodiment="walker"))


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "ws://", "ws://x:notaport"])
def test_addresses_that_are_none(url):
    with pytest.raises(InputError, match="is not the address of a policy server"):
        PolicyClient(url, connect_timeout_s=1.0)


@pytest.mark.parametrize("timeout_s", [0.0, -1.0, float("nan")])
def test_timeouts_must_be_positive(timeout_s):
    with pytest.raises(InputError, match="timeouts must be positive"):
        PolicyClient("ws://127.0.0.1:1", timeout_s=timeout_s)


def test_too_large_an_image_is_said(serve, policy, connect):
    client = connect(serve(policy, max_message_bytes=10_000).url)
    frame = CameraFrame(0, np.zeros((100, 100, 3), np.uint8))
    with pytest.raises(UnreachableError, match=r"1009.*exceeds limit of 10000 bytes"):
        client.chunk(Observation(0, np.ones(DIMENSIONS), {"head": frame}, ""))


class TestPolicyClient(PolicyConformance):
    @pytest.fixture(params=[False, True])
    def policy(self, request, serve, make_policy, connect):
        return connect(serve(make_policy(continues_chunks=request.param)).url)
