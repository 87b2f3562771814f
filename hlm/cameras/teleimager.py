"""The cameras of Unitree's image server, teleimager (version 2): JPEG over ZeroMQ, and a port that lists the cameras.

The server answers any request to port 60000 with its configuration as JSON, `{"camera": {TOPIC: {"enable_zmq": true,
"zmq_port": 55555, "binocular": true, ...}}}`, and publishes each camera on a port of its own: one ZeroMQ part, which is
a JPEG. A binocular camera has its eyes side by side in one image.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Literal, Self

import zmq

from hlm.cameras.message_cameras import MessageCameras
from hlm.cameras.newest_message import check_address
from hlm.core.arrays import ByteArray
from hlm.core.errors import CorruptError, InputError, LostError, UnknownNameError
from hlm.core.jpeg import decode_jpeg, jpeg_size
from hlm.core.values import CameraFrame

DEFAULT_HOST = "192.168.123.164"
LIST_PORT = 60000
_LARGEST_SIDE_PX = 8192
_LARGEST_LIST_BYTES = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class TeleimagerConfig:
    """A camera of a teleimager server.

    Attributes:
        name: of the camera here.
        host: of the server.
        topic: name of the camera there; by default `name` with `_camera` behind it, as in Unitree's template.
        port: on which the server lists its cameras.
        eye: which of a binocular camera's two is used.
        latency_s: time from exposure to arrival, where somebody has measured it.
        timeout_s: longest wait for an answer or an image.
    """

    name: str
    host: str = DEFAULT_HOST
    topic: str = ""
    port: int = LIST_PORT
    eye: Literal["left", "right"] = "left"
    latency_s: float = 0.0
    timeout_s: float = 1.0

    def __post_init__(self) -> None:
        """Check the values, and fill the topic in.

        Raises:
            InputError: a value that makes no sense.
        """
        if self.eye not in ("left", "right"):
            raise InputError(f"a binocular camera has a left and a right eye, not '{self.eye}'.")
        check_address(f"tcp://{self.host}:{self.port}")
        object.__setattr__(self, "topic", self.topic or f"{self.name}_camera")


class TeleimagerCamera:
    """One camera of a teleimager server; implements `hlm.core.protocols.Cameras`.

    `capture` waits for the next image.

    Args:
        config: which, and where.
    """

    def __init__(self, config: TeleimagerConfig) -> None:
        self._config = config
        self._cameras: MessageCameras | None = None

    def __enter__(self) -> Self:
        """Ask the server for its cameras, and subscribe.

        Raises:
            LostError: the server does not answer.
            UnknownNameError: it has no such camera.
            InputError: it does not send this camera over ZeroMQ, or there is no such host.
            CorruptError: its answer is not a list of cameras.
        """
        config = self._config
        entry = _entry(listed_cameras(config), config)
        unpack = partial(_unpack, config, binocular=bool(entry.get("binocular")))
        address = f"tcp://{config.host}:{entry['zmq_port']}"
        self._cameras = MessageCameras(address, unpack, config.timeout_s, config.latency_s)
        self._cameras.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Unsubscribe."""
        if self._cameras is not None:
            self._cameras.__exit__(kind, error, trace)

    def capture(self) -> Mapping[str, CameraFrame]:
        """The next image.

        Raises:
            LostError: none came in time.
            CorruptError: messages came, and none was a whole JPEG.
        """
        if self._cameras is None:
            raise LostError("enter the cameras first.")
        return self._cameras.capture()


def listed_cameras(config: TeleimagerConfig) -> Mapping[str, Any]:
    """What a server says of each of its cameras, by topic.

    Raises:
        InputError: this is no host.
        LostError: the server does not answer.
        CorruptError: its answer is not a list of cameras.
    """
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.MAXMSGSIZE, _LARGEST_LIST_BYTES)
        try:
            socket.connect(f"tcp://{config.host}:{config.port}")
        except zmq.ZMQError as error:
            raise InputError(f"no teleimager server can be at '{config.host}', port {config.port}: {error}.") from error
        socket.send(b"GET_DATA")
        if not socket.poll(round(1000 * config.timeout_s)):
            raise LostError(
                f"no teleimager server answers at {config.host}, port {config.port}. Start it on the robot: "
                "teleimager-server"
            )
        answer = socket.recv()
    try:
        cameras = json.loads(answer)["camera"]
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptError(f"what answers at {config.host}, port {config.port}, is no teleimager server.") from error
    if not isinstance(cameras, dict) or not all(isinstance(entry, dict) for entry in cameras.values()):
        raise CorruptError(f"the teleimager server at {config.host} lists its cameras in a way that is not known.")
    return cameras


def _entry(cameras: Mapping[str, Any], config: TeleimagerConfig) -> Mapping[str, Any]:
    if config.topic not in cameras:
        raise UnknownNameError(f"camera on the teleimager server at {config.host}:", config.topic, cameras)
    entry: Mapping[str, Any] = cameras[config.topic]
    port = entry.get("zmq_port")
    if not entry.get("enable_zmq") or not isinstance(port, int) or not 0 < port < 65536:
        raise InputError(
            f"the teleimager server at {config.host} does not send '{config.topic}' over ZeroMQ: set enable_zmq "
            "to true and a zmq_port in its teleimager_server.yaml."
        )
    return entry


def _unpack(config: TeleimagerConfig, message: bytes, *, binocular: bool) -> Mapping[str, ByteArray]:
    size = jpeg_size(message)
    if max(size) > _LARGEST_SIDE_PX:
        raise CorruptError(f"this JPEG says that it has {size[1]} x {size[0]} pixels.")
    image = decode_jpeg(message, size)
    if binocular:
        middle = image.shape[1] // 2
        image = image[:, :middle] if config.eye == "left" else image[:, middle : 2 * middle]
    return {config.name: image}
