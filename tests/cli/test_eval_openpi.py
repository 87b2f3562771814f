"""Evaluating a server of openpi, which says nothing of its policy."""

import json
import threading

import msgpack
import numpy as np
import pytest
from websockets.sync.server import serve as websocket_server

from hlm.cli.main import main
from hlm.core.layout import DIMENSIONS


@pytest.fixture
def openpi_server():
    """Address of a server that answers two requests, and then with a traceback."""
    answered = []

    def handler(connection):
        connection.send(msgpack.packb({}))
        for _ in connection:
            if len(answered) == 2:
                connection.send("Traceback (most recent call last):\nValueError: no such thing")
                return
            answered.append(1)
            actions = np.zeros((50, DIMENSIONS), np.float32)
            array = {b"__ndarray__": True, b"data": actions.tobytes(), b"dtype": "<f4", b"shape": actions.shape}
            connection.send(msgpack.packb({"actions": array}))

    with websocket_server(handler, "127.0.0.1", 0, compression=None) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()


def test_it_is_scored_and_what_is_assumed_is_said(openpi_server, folder, capsys):
    words = ["--server", openpi_server, "--rollouts", "1", "--workers", "1", "--videos", "0", "--json", "a.json"]
    main(["eval", *words, "--execution-horizon", "5", "--out", "a"])
    said = capsys.readouterr().out
    assert f"note: {openpi_server} does not say what it serves: it is asked as OpenHLM's server is, with head, " in said
    assert "in 224 x 224, and 5 actions of each chunk are executed" in said
    result = json.loads((folder / "a.json").read_text(encoding="utf-8"))
    (rollout,) = result["results"]
    assert not rollout["success"]
    assert "ValueError: no such thing" in rollout["fault"]
