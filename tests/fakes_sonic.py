"""SONIC's end of the wire, and a robot behind it that is at once where its playback cursor is.

It follows what is known of NVIDIA's deploy program: of what came since the last look only the newest message counts,
looked for 100 times a second; a window of frames, of which five stay behind the cursor; a gap of more than one frame
between messages, or numbers that do not go up, start the window and the heading again; in each of 50 steps a second the
cursor moves by one frame while more than 11 lie ahead of it; joints of other types than f32 and f64 are zeros.
"""

import socket
import threading
import time
from collections import deque
from contextlib import ExitStack

import msgpack
import numpy as np
import zmq

from hlm.core.clock import MonotonicClock, ticks
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.proprioception import measured_state
from hlm.core.values import JointCommand, Reference
from hlm.robots.packed_message import unpack
from hlm.robots.sonic.joint_order import ISAAC_FROM_MOTOR
from hlm.robots.sonic.link import SonicAddresses, SonicLinkFactory
from hlm.runtime.bodies.body_process import BodyProcessConfig
from hlm.runtime.bodies.process_body import RealtimeBodyConfig
from hlm.runtime.bodies.streamed import StreamedBody
from hlm.runtime.safety.config import SafetyConfig

PREVIEW, HISTORY = 11, 5
FLOATS = (np.dtype("<f4"), np.dtype("<f8"))


class SonicWindow:
    """The frames that SONIC keeps, and where it is in them; no sockets, no time."""

    def __init__(self):
        self.frames, self.cursor, self.newest = {}, 0, None
        self.resets, self.refused = 0, 0
        self.indices = deque(maxlen=4096)

    def take(self, message):
        """A message of the topic `pose`."""
        fields = unpack("pose", message)
        if not {"joint_pos", "joint_vel", "frame_index", "body_quat_w"} <= set(fields):
            self.refused += 1
            return
        index = [int(number) for number in fields["frame_index"]]
        again = self.newest is None or index[0] > self.newest + 1 or index[-1] <= self.newest
        if again:
            self.frames, self.cursor = {}, index[0]
            self.resets += 1
        values = {name: np.asarray(fields[name]) for name in ("joint_pos", "joint_vel", "body_quat_w")}
        for name, value in values.items():
            if value.dtype not in FLOATS:
                values[name] = np.zeros(value.shape)
        for row, number in enumerate(index):
            if number not in self.frames:
                self.indices.append(number)
                self.frames[number] = tuple(value[row] for value in values.values())
        self.newest = index[-1]

    def step(self):
        """Position, velocity and orientation that are tracked now, in motor order; None before the first message."""
        if self.newest is None:
            return None
        position, velocity, quat = self.frames[self.cursor]
        if self.newest - self.cursor > PREVIEW:
            self.cursor += 1
        for number in [number for number in self.frames if number < self.cursor - HISTORY]:
            del self.frames[number]
        return position[ISAAC_FROM_MOTOR].astype(float), velocity[ISAAC_FROM_MOTOR].astype(float), quat.astype(float)


class SonicEmulator:
    """SONIC and its robot behind real sockets, in two threads.

    Args:
        publish: where references are published.
        state: where it publishes its state.
    """

    def __init__(self, publish, state):
        self.publish, self.state_address = publish, state
        self.window, self.stopped, self.frozen = SonicWindow(), 0, False
        self.heard_ns, self.tracked, self.commands = [], [], []
        self.lose = 0
        self.position = np.array(UNITREE_G1.default_rad)
        self.velocity, self.quat, self.steps = np.zeros(29), np.array([1.0, 0.0, 0.0, 0.0]), 0
        self._lock, self._ended = threading.Lock(), threading.Event()

    def __enter__(self):
        self._threads = [threading.Thread(target=self._hear), threading.Thread(target=self._run)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception):
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _hear(self):
        """Input at 100 Hz, the newest message alone."""
        socket = zmq.Context.instance().socket(zmq.SUB)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.RECONNECT_IVL, 20)
        for topic in (b"pose", b"command"):
            socket.setsockopt(zmq.SUBSCRIBE, topic)
        socket.connect(self.publish)
        while not self._ended.wait(0.01):
            newest = None
            while socket.poll(0):
                message = socket.recv()
                if message.startswith(b"command"):
                    self._note_stop(unpack("command", message))
                else:
                    self.heard_ns.append(time.monotonic_ns())
                    if self.lose:
                        self.lose -= 1
                    else:
                        newest = message
            if newest is not None and not self.stopped:
                with self._lock:
                    self.window.take(newest)
                self.commands.append(_command(self.position, 50.0))
        socket.close()

    def _note_stop(self, fields):
        if fields["stop"][0]:
            self.stopped += 1
            self.commands.append(_command(self.position, 0.0))

    def _run(self):
        """Control and state at 50 Hz."""
        socket = zmq.Context.instance().socket(zmq.PUB)
        socket.setsockopt(zmq.LINGER, 0)
        socket.bind(self.state_address)
        start = time.monotonic()
        while not self._ended.wait(max(0.0, start + self.steps * 0.02 - time.monotonic())):
            self.steps += 1
            with self._lock:
                cursor, wanted = self.window.cursor, None if self.stopped else self.window.step()
            if wanted is not None:
                self.position, self.velocity, self.quat = wanted
                self.tracked.append((time.monotonic_ns(), cursor, self.position, self.velocity))
            if not self.frozen:
                socket.send(b"g1_debug" + msgpack.packb(self.state()))
        socket.close()

    def state(self):
        """The map of the topic `g1_debug`; a part of what SONIC sends."""
        return {
            "index": self.steps,
            "base_quat_measured": self.quat.tolist(),
            "base_ang_vel": [1e-4 * (self.steps % 7), 0.0, 0.0],
            "body_q_measured": self.position.tolist(),
            "body_dq": self.velocity.tolist(),
            "body_q_target": self.position.tolist(),
            "init_base_quat": [1.0, 0.0, 0.0, 1e-6 * self.window.resets],  # what it measures is never twice the same
            "motor_temperature": [40.0] * 58,
            "control_loop_type": "cpp",
        }


def _command(position, stiffness):
    none = np.zeros(29)
    return JointCommand(0, position, none, np.full(29, stiffness), np.ones(29), none, np.ones(2))


def free_addresses(count=2):
    """Addresses on this machine that nobody has."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        ports = [one.getsockname()[1] for one in sockets]
    return [f"tcp://127.0.0.1:{port}" for port in ports]


class StringLink:
    """A link that a test in another process breaks, see `fakes_realtime.Strings`."""

    def __init__(self, make_link, strings):
        from fakes_realtime import StringRobot

        self._link = make_link()
        self._robot = StringRobot(lambda: self._link, strings)
        self.claim, self.publish, self.stop = self._link.claim, self._link.publish, self._link.stop
        self.trouble = self._link.trouble
        self.read = self._robot.read

    def __enter__(self):
        self._link.__enter__()
        return self

    def __exit__(self, *exception):
        self._link.__exit__(*exception)


def sonic_body(publish, state, timeout_s=5.0):
    """A body on the wire that comes to rest soon."""
    link = SonicLinkFactory(SonicAddresses(publish=publish, state=state, timeout_s=timeout_s))
    safety = SafetyConfig(max_state_age_s=0.5, crouch_s=2.5)
    return StreamedBody(link, UNITREE_G1, processes=RealtimeBodyConfig(process=BodyProcessConfig(safety=safety)))


def stand_on_sonic(line, publish, state):
    """Stand until the body does not follow any more; tell ids of processes, then why it ended."""
    with sonic_body(publish, state) as body:
        body.reset()
        vector = measured_state(body.read(), None)[0]
        for tick in ticks(MonotonicClock(), 30.0):
            body.push(Reference(tick.due_ns, vector))
            if tick.index == 45:
                line.send({"body": body.pids[0], "guard": body.pids[1]})
            if not body.status.tracking:
                break
    line.send(body.status.fault)
