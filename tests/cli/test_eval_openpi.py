"""Evaluating a server of openpi, which says nothing of its policy."""

import json
import threading
from contextlib import ExitStack

import msgpack
import numpy as np
import pytest
from websockets.sync.server import serve as websocket_server

from hlm.cli.main import main
from hlm.core.layout import DIMENSIONS


@pytest.fixture
def openpi_server():
    """Starts a server that gives some chunks of a length, and then tracebacks; gives its address."""
    with ExitStack() as servers:

        def start(answers, horizon, dimensions=DIMENSIONS, unknown=""):
            left = [None] * answers

            def handler(connection):
                connection.send(msgpack.packb({}))
                for message in connection:
                    if not left or msgpack.unpackb(message)["prompt"] == unknown:
                        connection.send("Traceback (most recent call last):\nValueError: no such thing")
                        return
                    left.pop()
                    actions = np.zeros((horizon, dimensions), np.float32)
                    array = {b"__ndarray__": True, b"data": actions.tobytes(), b"dtype": "<f4", b"shape": actions.shape}
                    connection.send(msgpack.packb({"actions": array}))

            server = servers.enter_context(websocket_server(handler, "127.0.0.1", 0, compression=None))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            servers.callback(server.shutdown)
            return f"ws://127.0.0.1:{server.socket.getsockname()[1]}"

        yield start


def words(url, *more):
    return ["eval", "--server", url, "--rollouts", "1", "--workers", "1", "--videos", "0", "--out", "a", *more]


def test_it_is_scored_and_what_is_assumed_is_said(openpi_server, folder, capsys):
    """The first two answers are for getting to know it."""
    url = openpi_server(answers=3, horizon=10)
    main(words(url, "--json", "a.json"))
    said = capsys.readouterr().out
    assert f"note: {url} does not say what it serves: it is asked as OpenHLM's server is, with head, " in said
    assert "in 224 x 224, and 10 actions of each chunk are executed" in said
    (rollout,) = json.loads((folder / "a.json").read_text(encoding="utf-8"))["results"]
    assert not rollout["success"]
    assert "ValueError: no such thing" in rollout["fault"]
    assert rollout["steps"] == 10


def test_one_that_takes_no_such_requests_is_one_line(openpi_server, refused, folder):
    said = refused(*words(openpi_server(answers=0, horizon=10)))
    assert "the policy server refused: ValueError: no such thing (unknown)" in said
    assert not (folder / "a").exists()


def test_one_that_only_knows_the_words_of_its_task_is_scored(openpi_server, folder, capsys):
    """What it says before to other words is no reason to give up."""
    url = openpi_server(answers=1, horizon=50, unknown="wait")
    main(words(url, "--json", "a.json"))
    assert "and 25 actions of each chunk are executed" in capsys.readouterr().out
    (rollout,) = json.loads((folder / "a.json").read_text(encoding="utf-8"))["results"]
    assert rollout["steps"] == 25


def test_one_of_another_robot_is_one_line(openpi_server, refused, folder):
    url = openpi_server(answers=1, horizon=10, dimensions=14)
    assert "actions have shape [10, 14]" in refused(*words(url))
    assert not (folder / "a").exists()


def test_execution_horizon_is_checked_against_its_chunks(openpi_server, refused):
    url = openpi_server(answers=1, horizon=10)
    assert "this policy's have 10 actions" in refused(*words(url, "--execution-horizon", "11"))
