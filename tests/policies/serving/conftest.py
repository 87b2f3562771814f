"""Policies that answer as they are told, and servers in a thread of the test's own process."""

import asyncio
import http.client
import json
import threading
import time
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest
from fakes import POLICY_SPEC, FakePolicy
from websockets.sync.client import connect as websocket
from websockets.sync.server import serve as websocket_server

from hlm.core.layout import DIMENSIONS
from hlm.core.listening import bind
from hlm.core.values import CameraFrame, Observation
from hlm.policies.serving.client import PolicyClient
from hlm.policies.serving.server import PolicyServer, ServerConfig
from hlm.policies.serving.wire import unpack
from hlm.policies.serving.worker import WARM_UP_CALLS

HORIZON = POLICY_SPEC.horizon
PATIENCE_S = 10.0


class ServedPolicy(FakePolicy):
    """A fake policy that knows what it was asked after a server's warm-up."""

    @property
    def asked(self):
        return self.calls[self._warm_up :]

    @property
    def asked_noise(self):
        return self.noise[self._warm_up :]

    @property
    def _warm_up(self):
        return WARM_UP_CALLS * (2 if self.spec.continues_chunks else 1)


class Running:
    """A server that runs in a thread."""

    def __init__(self, policy, port=0, api_key=None, describe_sampling=dict, **config):
        self._ready = threading.Event()
        self._failure = None
        self._policy, self._config = policy, ServerConfig(**config)
        self._options = {"api_key": api_key, "describe_sampling": describe_sampling}
        self._listener = bind("127.0.0.1", port)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        assert self._ready.wait(PATIENCE_S)
        if self._failure is not None:
            raise self._failure
        policy.entered.clear()

    async def _run(self):
        try:
            async with PolicyServer(self._policy, self._listener, self._config, **self._options) as self.server:
                self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
                self._ready.set()
                await self._stop.wait()
        except Exception as error:  # noqa: BLE001 - raised in the test's thread
            self._failure = error
            self._ready.set()

    @property
    def url(self):
        return self.server.url

    @property
    def port(self):
        return int(self.url.rpartition(":")[2])

    def dial(self, **settings):
        """A bare websocket that has heard the greeting."""
        connection = websocket(self.url, compression=None, max_size=None, **settings)
        connection.greeting = unpack(connection.recv(PATIENCE_S))
        return connection

    def get(self, path, **headers):
        """Status and body of a page."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def health(self):
        return json.loads(self.get("/health")[1])

    def ask_to_stop(self):
        self._loop.call_soon_threadsafe(self._stop.set)

    def stop(self):
        if self._thread.is_alive():
            self.ask_to_stop()
            self._thread.join(PATIENCE_S)
            assert not self._thread.is_alive()


@pytest.fixture
def serve():
    """Starts servers, and stops them in the end."""
    with ExitStack() as servers:

        def start(policy, **settings):
            running = Running(policy, **settings)
            servers.callback(running.stop)
            servers.callback(policy.gate.set)
            return running

        yield start


@pytest.fixture
def running(serve, policy):
    return serve(policy)


@pytest.fixture
def until():
    """Waits for what another thread will do."""

    def wait(condition):
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end
            threading.Event().wait(0.002)

    return wait


@pytest.fixture
def connect():
    """Connects clients, and closes them in the end."""
    with ExitStack() as clients:
        yield lambda url, **settings: clients.enter_context(PolicyClient(url, **settings))


@pytest.fixture
def policy():
    return ServedPolicy()


@pytest.fixture
def make_policy():
    """The class of fake policies."""
    return ServedPolicy


@pytest.fixture
def held():
    """Holds back a policy's chunks: what is asked for in here does not come before it ends."""

    @contextmanager
    def hold(policy):
        policy.entered.clear()
        policy.gate.clear()
        try:
            yield
        finally:
            policy.gate.set()

    return hold


@pytest.fixture
def observe():
    """Makes observations that are told from others by their number."""

    def make(number=0, stamp_ns=0, cameras=("head", "right_wrist"), instruction="lift the cup"):
        image = np.full((8, 12, 3), 1 + number % 255, np.uint8)
        frames = {name: CameraFrame(stamp_ns, image) for name in cameras}
        # The yaw rate alone may be this far from 0.
        return Observation(stamp_ns, np.append(np.zeros(DIMENSIONS - 1), float(number)), frames, instruction)

    return make


@pytest.fixture
def answer_to():
    """What the fake policy's answer to an observation becomes in single precision."""
    return lambda observation: (observation.state + np.arange(HORIZON)[:, None]).astype(np.float32)


@pytest.fixture
def impostor():
    """Websocket servers that say what a test tells them to; gives their address."""
    servers = []

    def start(handler):
        server = websocket_server(handler, "127.0.0.1", 0, compression=None)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"ws://127.0.0.1:{server.socket.getsockname()[1]}"

    yield start
    for server in servers:
        server.shutdown()
