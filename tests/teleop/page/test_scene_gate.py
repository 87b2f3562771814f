"""The gate lets in who knows the key, and carries what a watcher says about its own camera alone."""

import asyncio
import threading
import urllib.error
import urllib.request

import msgpack
import pytest
from websockets.asyncio.server import serve
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from hlm.core.listening import bind
from hlm.teleop.page.scene_gate import SceneGate

CAMERA = msgpack.packb({"type": "ViewerCameraMessage"})
DRAG = msgpack.packb({"type": "TransformControlsUpdateMessage", "name": "/handles/left_hand"})


class Viewer:
    """A server that says back what it hears."""

    def __enter__(self):
        started = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run(started)), daemon=True)
        self.thread.start()
        started.wait(5.0)
        return self

    def __exit__(self, *error):
        self.loop.call_soon_threadsafe(self.ended.set)
        self.thread.join(5.0)

    async def run(self, started):
        async def echo(connection):
            async for frame in connection:
                await connection.send(frame)

        self.loop, self.ended = asyncio.get_running_loop(), asyncio.Event()
        async with serve(
            echo, "127.0.0.1", 0, select_subprotocol=lambda _, offered: next(iter(offered), None)
        ) as server:
            self.port = server.sockets[0].getsockname()[1]
            started.set()
            await self.ended.wait()


@pytest.fixture
def gate(tmp_path):
    index = tmp_path / "index.html"
    index.write_text("<html><head></head><body>view</body></html>")
    with Viewer() as viewer:
        gate = SceneGate(bind("127.0.0.1", 0), ("127.0.0.1", viewer.port), index, None)
        gate.start()
        yield gate
        gate.stop()


def fetched(gate, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{gate.port}{path}", timeout=5.0) as answer:
        return answer.read().decode()


def test_the_view_is_served_under_its_path_without_the_viewers_panels(gate):
    page = fetched(gate, gate.admit(lambda: True))
    assert "view" in page
    assert "canvas { visibility: visible; }" in page


@pytest.mark.parametrize("path", ["/", "/guess/", "/index.html"])
def test_without_the_path_there_is_nothing(gate, path):
    gate.admit(lambda: True)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        fetched(gate, path)
    with pytest.raises(InvalidStatus, match="404"):
        connect(f"ws://127.0.0.1:{gate.port}{path}")


def test_a_path_of_a_page_that_left_is_closed(gate):
    path = gate.admit(lambda: True)
    gate.dismiss(path)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        fetched(gate, path)


def test_a_watcher_moves_its_camera_and_no_handle(gate):
    commands = False
    path = gate.admit(lambda: commands)
    with connect(f"ws://127.0.0.1:{gate.port}{path}", subprotocols=["viser-v1"]) as page:
        assert page.subprotocol == "viser-v1"
        for frame in (DRAG, b"\xc1 nonsense", "text", CAMERA):
            page.send(frame)
        assert page.recv(5.0) == CAMERA
        commands = True
        page.send(DRAG)
        assert page.recv(5.0) == DRAG
