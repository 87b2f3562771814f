"""What the page's process does: it serves the page, draws the 3-D view, and turns what is touched into commands."""

from __future__ import annotations

import ssl
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hlm.control.model import BodyModel
from hlm.core.clock import MonotonicClock, ticks
from hlm.core.embodiments.catalog import find_embodiment
from hlm.core.listening import is_loopback
from hlm.core.processes import Leash
from hlm.teleop.page.aims import aims_document
from hlm.teleop.page.documents import Document, event_document, robot_from_document, shape_from_document
from hlm.teleop.page.films import Films
from hlm.teleop.page.mailboxes import Mailboxes, newest, put
from hlm.teleop.page.page_config import PageConfig
from hlm.teleop.page.page_desk import PageDesk
from hlm.teleop.page.page_front import PageFront
from hlm.teleop.page.part_poses import drawn_robot
from hlm.teleop.page.scene import Scene
from hlm.teleop.page.viewer import Viewer
from hlm.teleop.web.certificate import tls_context
from hlm.teleop.web.channel import Channel
from hlm.teleop.web.config import WebConfig
from hlm.teleop.web.network import names_of_this_machine
from hlm.teleop.web.server import WebServer

# What is touched becomes a command this often; the page draws less often.
_DESK_HZ = 60.0
# For the last word to reach the pages before their line is closed.
_LAST_WORD_NS = 100_000_000
_BROWSER = Path(__file__).parent / "browser"


class Served(NamedTuple):
    """Where a page is served.

    Attributes:
        address: to open in a browser, with the token if one is needed.
        view_port: of its 3-D view.
    """

    address: str
    view_port: int


def serve_page(leash: Leash, config: PageConfig, boxes: Mailboxes) -> None:
    """Serve the page until it is released; what was set on one before it, in the same mailboxes, is set again.

    Raises:
        HlmError: it cannot be served.
    """
    leash.die_with_parent()
    embodiment = find_embodiment(config.embodiment)
    tls = _tls(config.host)
    with ExitStack() as stack:
        viewer = stack.enter_context(Viewer(config.host, config.view_port or 0, tls, embodiment))
        frames = f"{'https' if tls else 'http'}://*:{viewer.gate.port}"
        web = WebConfig(host=config.host, port=config.port, token=config.token, frame_sources=(frames,))
        server = WebServer(web, {"": _BROWSER})
        channel = server.channel("page")
        desk = PageDesk()
        if (before := newest(boxes.commands)) is not None:
            desk.restore(before)
        front = PageFront(channel, viewer.gate, desk, config)
        counter = _Counter(desk, front, viewer.scene, BodyModel(embodiment), boxes)
        films = Films(config.cameras, front.send_film)
        stack.enter_context(server)
        leash.ready(Served(server.address(), viewer.gate.port))
        clock = MonotonicClock()
        every = max(1, round(_DESK_HZ / config.rate_hz))
        for tick in ticks(clock, _DESK_HZ):
            if leash.released():
                front.say_over()
                clock.wait_until(clock.now_ns() + _LAST_WORD_NS)
                return
            front.meet()
            desk.meet(client.number for client in channel.clients)
            counter.take(channel, films, tick.due_ns)
            if front.pages and tick.index % every == 0:
                counter.show()


class _Counter:
    """Between the mailboxes of the loop, and desk, front and scene of the pages."""

    def __init__(self, desk: PageDesk, front: PageFront, scene: Scene, model: BodyModel, boxes: Mailboxes) -> None:
        self._desk, self._front, self._scene = desk, front, scene
        self._model, self._boxes = model, boxes
        self._episodes_seen = 0
        self._holder: int | None = None
        self._sent: Document | None = None

    def take(self, channel: Channel, films: Films, now_ns: int) -> None:
        """Take what was touched, and leave commands and events for the loop."""
        for message in channel.messages():
            if message.type == "film":
                if (folder := self._front.folder(message.content.get("film"))) is not None:
                    films.ask(str(message.content["film"]), Path(folder))
            else:
                self._desk.take(message)
        written = self._boxes.postures.written
        if written != self._desk.postures and (posture := newest(self._boxes.postures)) is not None:
            self._desk.pose(posture, written)
        if self._holder != self._desk.seat.holder:
            self._holder = self._desk.seat.holder
            self._scene.handles.let_go()
        self._desk.drag(self._scene.handles.drags(), now_ns)
        for part in self._scene.handles.clicks():
            self._desk.click(part, now_ns)
        sample = self._desk.sample()
        if sample is not None and sample != self._sent:
            self._sent = sample
            put(self._boxes.commands, sample)
        events, self._desk.events = self._desk.events, []
        for event in events:
            put(self._boxes.events, event_document(event))

    def show(self) -> None:
        """Show the newest view, pictures and episodes."""
        if self._boxes.episodes.written != self._episodes_seen:
            self._episodes_seen = self._boxes.episodes.written
            self._front.send_episodes((newest(self._boxes.episodes) or {"episodes": []})["episodes"])
        self._front.send_pictures(self._boxes.images)
        document = newest(self._boxes.views)
        if document is not None:
            self._front.send_view(document["page"], self._draw(document["scene"]))

    def _draw(self, scene: Document) -> Document:
        """Draw a scene; where its things are from the hands."""
        pose_world_from_stance = np.array(scene["pose_world_from_stance"])
        drawn = []
        for name in ("measured", "reference"):
            robot = robot_from_document(scene[name])
            drawn.append(None if robot is None else drawn_robot(self._model, robot, pose_world_from_stance))
        measured, reference = drawn
        wanted = reference if reference is not None else measured
        self._desk.parts = {} if wanted is None else wanted.parts
        self._scene.draw(measured, reference, self._desk.controls, self._desk.shown)
        self._scene.move_world(pose_world_from_stance)
        shapes = [shape_from_document(shape) for shape in scene["shapes"]]
        self._scene.show_shapes(shapes)
        return {} if measured is None else aims_document(measured.parts, shapes, pose_world_from_stance)


def _tls(host: str) -> ssl.SSLContext | None:
    """For the 3-D view, as the web server has it for the page."""
    return None if is_loopback(host) else tls_context(names_of_this_machine(host))
