"""The cameras of an OpenHLM robot: the head's stereo camera on one port, the pair of wrist cameras on another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

import cv2

from hlm.cameras.message_cameras import MessageCameras
from hlm.cameras.newest_message import check_address
from hlm.core.arrays import ByteArray
from hlm.core.errors import InputError
from hlm.core.openhlm_images import HEAD_PORT, HEAD_SIZE, WRIST_PORT, WRIST_SIZE, unpack_head, unpack_wrists

DEFAULT_HOST = "192.168.123.164"


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenHlmConfig:
    """A stream of images of an OpenHLM robot.

    Attributes:
        names: one name for the head, of the eye that is used; two for the wrists, left and right.
        address: of the publisher, or the host alone; by default that of OpenHLM's robot.
        eye: which of the head's two is used. OpenHLM's policies see the left one.
        recorded_size: whether images are brought to the size in which OpenHLM's recorder keeps them, 464 x 400 for an
            eye and 640 x 480 for a wrist, as the images of its datasets are; matters where a robot sends others.
        latency_s: time from exposure to arrival, where somebody has measured it.
        timeout_s: longest wait for an image.
    """

    names: tuple[str, ...]
    address: str = ""
    eye: Literal["left", "right"] = "left"
    recorded_size: bool = False
    latency_s: float = 0.0
    timeout_s: float = 1.0

    def __post_init__(self) -> None:
        """Check the values, and fill the address in.

        Raises:
            InputError: a value that makes no sense.
        """
        if len(self.names) not in (1, 2):
            raise InputError(f"OpenHLM sends one head or two wrists, not {len(self.names)} cameras.")
        if self.eye not in ("left", "right"):
            raise InputError(f"the head has a left and a right eye, not '{self.eye}'.")
        port = HEAD_PORT if len(self.names) == 1 else WRIST_PORT
        host = self.address or DEFAULT_HOST
        whole = host if "://" in host else f"tcp://{host}" if ":" in host else f"tcp://{host}:{port}"
        object.__setattr__(self, "address", check_address(whole))


class OpenHlmCameras(MessageCameras):
    """The head or the wrists of an OpenHLM robot.

    Args:
        config: which, and where.
    """

    def __init__(self, config: OpenHlmConfig) -> None:
        unpack = _head if len(config.names) == 1 else _wrists
        super().__init__(config.address, partial(unpack, config), config.timeout_s, config.latency_s)


def _head(config: OpenHlmConfig, message: bytes) -> Mapping[str, ByteArray]:
    image = getattr(unpack_head(message), config.eye)
    return {config.names[0]: _resized(image, HEAD_SIZE) if config.recorded_size else image}


def _wrists(config: OpenHlmConfig, message: bytes) -> Mapping[str, ByteArray]:
    images = unpack_wrists(message)
    if config.recorded_size:
        images = type(images)(*(_resized(image, WRIST_SIZE) for image in images))
    return dict(zip(config.names, images, strict=True))


def _resized(image: ByteArray, size: tuple[int, int]) -> ByteArray:
    """As OpenHLM's recorder does: between pixels linearly, whatever the aspect ratio."""
    if image.shape[:2] == size:
        return image
    resized: ByteArray = cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)
    return resized
