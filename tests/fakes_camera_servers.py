"""Senders that speak what real camera servers speak, and films."""

import json
import threading

import av
import numpy as np
import zmq

COLOURS = ((220, 30, 30), (30, 220, 30), (30, 30, 220))


def scene(count, height=48, width=64):
    """A picture whose red half is left and whose green half is right, with a bar that moves."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 2], image[:, width // 2 :] = COLOURS[0], COLOURS[1]
    image[count % height] = 255
    return image


class Publisher:
    """Sends messages at 100 Hz from a thread until it is closed.

    Args:
        make: the message of a count.
        port: to bind; a free one if None.
    """

    def __init__(self, make, port=None):
        self._make, self._wanted, self._bound = make, port, threading.Event()
        self.port = port
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()
        assert self._bound.wait(30)

    @property
    def address(self):
        return f"tcp://127.0.0.1:{self.port}"

    def close(self):
        self._ended.set()
        self._thread.join()

    def _send(self):
        with zmq.Context() as context, context.socket(zmq.PUB) as socket:
            socket.setsockopt(zmq.LINGER, 0)
            if self._wanted is None:
                self.port = socket.bind_to_random_port("tcp://127.0.0.1")
            else:
                socket.bind(self.address)
            self._bound.set()
            count = 0
            while not self._ended.wait(0.01):
                count += 1
                if (message := self._make(count)) is not None:
                    socket.send(message)


class ListServer:
    """Answers every request with one JSON document."""

    def __init__(self, document):
        self._answer, self._ended, self._bound = json.dumps(document).encode(), threading.Event(), threading.Event()
        self.port = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._bound.wait(30)

    def close(self):
        self._ended.set()
        self._thread.join()

    def _serve(self):
        with zmq.Context() as context, context.socket(zmq.REP) as socket:
            socket.setsockopt(zmq.LINGER, 0)
            self.port = socket.bind_to_random_port("tcp://127.0.0.1")
            self._bound.set()
            while not self._ended.is_set():
                if socket.poll(20):
                    socket.recv()
                    socket.send(self._answer)


def film_of(path, count, first=0, rate=30):
    """Write a film of `scene`s from number `first` on."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 64, 48, "yuv420p", 4_000_000
        for number in range(first, first + count):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(scene(number), format="rgb24")))
        container.mux(stream.encode())
    return path
