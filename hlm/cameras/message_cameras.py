"""Cameras whose images come as messages of a publisher."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from hlm.cameras.newest_message import NewestMessage
from hlm.core.arrays import ByteArray
from hlm.core.clock import NS_PER_S, MonotonicClock
from hlm.core.errors import CorruptError, LostError
from hlm.core.values import CameraFrame


class MessageCameras:
    """Cameras that one publisher sends; implements `hlm.core.protocols.Cameras`. `capture` waits for the next message.

    A message that is damaged is dropped. Messages carry no stamps: an image is stamped at its arrival, less the latency
    that was measured for this publisher, if anybody did.

    Args:
        address: of the publisher.
        unpack: [height, width, 3] uint8 RGB images by camera in a message; raises `CorruptError` for damaged ones.
        timeout_s: longest wait for a message that is whole.
        latency_s: time from exposure to arrival.
    """

    def __init__(
        self,
        address: str,
        unpack: Callable[[bytes], Mapping[str, ByteArray]],
        timeout_s: float = 1.0,
        latency_s: float = 0.0,
    ) -> None:
        self._address, self._unpack = address, unpack
        self._timeout_s, self._latency_ns = timeout_s, round(latency_s * NS_PER_S)
        self._clock = MonotonicClock()
        self._messages: NewestMessage | None = None

    def __enter__(self) -> Self:
        """Subscribe; a publisher that is not there yet is waited for by `capture`."""
        self._messages = NewestMessage(self._address)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Unsubscribe."""
        if self._messages is not None:
            self._messages.close()
            self._messages = None

    def capture(self) -> Mapping[str, CameraFrame]:
        """The images of the next message that is whole.

        Raises:
            LostError: none came in time.
            CorruptError: messages came, and none was whole.
        """
        until_ns = self._clock.now_ns() + round(self._timeout_s * NS_PER_S)
        damage: CorruptError | None = None
        while (left_ns := until_ns - self._clock.now_ns()) > 0:
            message = None if self._messages is None else self._messages.wait(left_ns / NS_PER_S)
            if message is None:
                break
            try:
                images = self._unpack(message.content)
            except CorruptError as error:
                damage = error
                continue
            stamp_ns = message.stamp_ns - self._latency_ns
            return {name: CameraFrame(stamp_ns, image) for name, image in images.items()}
        if damage is not None:
            raise CorruptError(f"{self._address} sends no images of the kind that was expected: {damage}")
        raise LostError(
            f"no image came from {self._address} for {self._timeout_s:g} s. Is the robot's camera server running, and "
            "is this machine in its network?"
        )
