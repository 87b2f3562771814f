import signal
import socket
import threading

import numpy as np
import pytest

from hlm.policies.serving.client import PolicyClient
from hlm.policies.serving.errors import UnreachableError
from hlm.runtime.background_policy import BackgroundPolicy
from hlm.runtime.chunks.asking import Status

PATIENCE_S = 10.0


@pytest.fixture
def asking(observe):
    """Calls of a client in threads of their own; gives the threads, and what ended the calls."""

    def start(client, calls):
        errors = []

        def ask():
            try:
                client.chunk(observe())
            except UnreachableError as error:
                errors.append(str(error))

        threads = [threading.Thread(target=ask, daemon=True) for _ in range(calls)]
        for thread in threads:
            thread.start()
        return threads, errors

    return start


@pytest.fixture
def dead_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_interrupted_call_drops_its_connection(serve, policy, connect, observe, answer_to, held):
    """Ctrl+C while an answer is awaited: the answer is not taken for the next one."""
    client = connect(serve(policy).url, timeout_s=60.0)
    main = threading.get_ident()
    with held(policy):
        threading.Thread(
            target=lambda: (policy.entered.wait(30.0), signal.pthread_kill(main, signal.SIGINT)), daemon=True
        ).start()
        with pytest.raises(KeyboardInterrupt):
            client.chunk(observe(1))
    assert np.array_equal(client.chunk(observe(2)).actions, answer_to(observe(2)))


def test_closed_client_says_so(serve, policy, observe):
    with PolicyClient(serve(policy).url) as client:
        client.chunk(observe())
    client.close()
    with pytest.raises(UnreachableError, match="was closed"):
        client.chunk(observe())
    assert not client._thread.is_alive()


def test_client_that_is_not_made_leaves_no_thread(dead_port):
    before = set(threading.enumerate())
    with pytest.raises(UnreachableError):
        PolicyClient(f"127.0.0.1:{dead_port}", connect_timeout_s=0.1)
    assert set(threading.enumerate()) <= before


def test_closing_ends_the_calls_of_other_threads(serve, policy, connect, asking, until):
    """One of them connects again, and one waits for its turn."""
    running = serve(policy)
    client = connect(running.url, timeout_s=1000.0)
    running.stop()
    threads, errors = asking(client, calls=2)
    until(lambda: client._link.trouble and len(client._link._turn._waiters or ()) == 1)
    client.close()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert errors == [f"the client of {client.url} was closed."] * 2
    assert not client._thread.is_alive()


def test_closing_ends_a_call_that_waits_for_its_answer(serve, policy, connect, asking, held):
    client = connect(serve(policy).url, timeout_s=1000.0)
    with held(policy):
        (thread,), errors = asking(client, calls=1)
        assert policy.entered.wait(PATIENCE_S)
        client.close()
        thread.join(PATIENCE_S)
    assert errors == [f"the client of {client.url} was closed."]


def test_closing_the_client_ends_the_thread_in_its_background(serve, policy, connect, observe, until):
    running = serve(policy)
    client = connect(running.url, timeout_s=1000.0)
    running.stop()
    background = BackgroundPolicy(client)
    background.request(observe())
    until(lambda: client._link.trouble)
    background.close(timeout_s=0.0)
    client.close()
    background._thread.join(PATIENCE_S)
    assert not background._thread.is_alive()
    assert background.poll().status is Status.FAILED
    assert "was closed" in background.poll().error
