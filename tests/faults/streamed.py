"""One fault on a stream to SONIC: the real stream, safety, link and messages, in simulated time and without sockets."""

from dataclasses import dataclass, field

import msgpack
import numpy as np
from fakes import SteppedClock
from fakes_sonic import SonicEmulator

from hlm.core.clock import NS_PER_S, due_ns
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import CorruptError
from hlm.core.layout import pack
from hlm.core.shared_ring import SharedRing
from hlm.core.values import Reference
from hlm.robots.sonic.link import SonicAddresses, SonicLink
from hlm.runtime.bodies.streamed import _END, _Wire
from hlm.runtime.safety.config import SafetyConfig
from hlm.runtime.streaming.config import StreamingConfig
from hlm.runtime.streaming.controller import StreamController

START_NS = 10**12
FAULT_S, LONGEST_S = 2.0, 12.0
LEFT_ELBOW, LEFT_KNEE = 18, 3
STANDING = pack(UNITREE_G1.default_rad, np.ones(2), np.zeros(3))


@dataclass(frozen=True, kw_only=True)
class StreamParts:
    """What is wrong from two seconds after the start on; nothing by default.

    Attributes:
        said: from what SONIC says and what it said last before the fault to the message that arrives; None for none.
        reference: from the reference to the one that is pushed; None for none.
        lost: so many messages to SONIC do not arrive.
    """

    said: object = lambda content, good: packed(content)
    reference: object = lambda vector: vector
    lost: int = 0


@dataclass
class StreamCourse:
    """What became of it.

    Attributes:
        fault: why the body stopped following references; empty if it went on.
        states: after the fault, each new state of the body and seconds since the fault.
        stop_s: from the fault to the first stop that SONIC gets; None without one.
        headings: how often SONIC started its heading.
        knee_rad: of the left knee at the end.
        fastest_rad_s: greatest speed of a joint that SONIC was asked for.
    """

    fault: str = ""
    states: list = field(default_factory=list)
    stop_s: float | None = None
    headings: int = 0
    knee_rad: float = 0.0
    fastest_rad_s: float = 0.0

    @property
    def answer_s(self):
        """From the fault to the first state in which references are not followed because of it; None if none."""
        after = [at_s for state, at_s in self.states if state not in ("arming", "running")]
        return after[0] if self.fault and after else None

    @property
    def answer(self):
        """The states that the body went through."""
        names = [state for state, _ in self.states if state not in ("arming", "running")]
        return ", ".join(names) if self.fault else "goes on"

    @property
    def end(self):
        """How it ended."""
        stop = "streams" if self.stop_s is None else f"SONIC stopped after {self.stop_s:.1f} s"
        again = f"; SONIC started its heading {self.headings} times" if self.headings != 1 else ""
        return f"{stop}; knees bent by {self.knee_rad:.2f} rad{again}"


class DeafLink(SonicLink):
    """A link whose messages the test carries."""

    def __init__(self, clock):
        super().__init__(SonicAddresses(publish="", state=""), clock)
        self.arrived, self.refused, self.sent = None, "", []
        self._states = self

    def take(self):
        """As a `Subscription`."""
        message, self.arrived = self.arrived, None
        try:
            state = None if message is None else self._unpacked(message)
        except CorruptError as error:
            self.refused = str(error)
            return None
        self.refused = ""
        return state

    def _send(self, message):
        self.sent.append(message)


def packed(content):
    """What SONIC says, as a message."""
    return b"g1_debug" + msgpack.packb(content)


def waving(time_s):
    """A standing robot that waves an arm."""
    vector = STANDING.copy()
    vector[3] += 0.3 * np.sin(np.pi * time_s)
    return vector


class StreamSession:
    """A streaming body and SONIC, step by step at 50 Hz."""

    def __init__(self, parts):
        self.parts, self.clock = parts, SteppedClock(START_NS)
        self.sonic, self.link = SonicEmulator("", ""), DeafLink(self.clock)
        # As `hlm deploy --robot sonic` has it.
        self.controller = StreamController(UNITREE_G1, SafetyConfig(max_state_age_s=0.5), StreamingConfig())
        self.wire = _Wire(self.link, self.controller, SharedRing(_END))
        self.course, self.good, self.pushed, self.lost = StreamCourse(), None, 0, 0

    @property
    def since_s(self):
        """Since the fault."""
        return (self.clock.now_ns() - START_NS) / NS_PER_S - FAULT_S

    def move(self):
        """SONIC's step: it plays a frame, and its robot is at once where that says."""
        before = self.sonic.position
        played = None if self.course.stop_s is not None else self.sonic.window.step()
        if played is not None:
            self.sonic.position, self.sonic.velocity, self.sonic.quat = played
            fastest = float(np.abs(self.sonic.position - before).max()) * 50.0
            self.course.fastest_rad_s = max(self.course.fastest_rad_s, fastest)
        self.sonic.steps += 1
        content = self.sonic.state()
        if self.since_s < 0.0:
            self.good, self.link.arrived = content, packed(content)
        else:
            self.link.arrived = self.parts.said(content, self.good)

    def refer(self):
        """References of the 30 Hz that are due."""
        while (stamp_ns := due_ns(START_NS, self.pushed, 30.0)) + 5_000_000 <= self.clock.now_ns():
            vector = waving((stamp_ns - START_NS) / NS_PER_S)
            vector = vector if self.since_s < 0.0 else self.parts.reference(vector)
            if vector is not None:
                self.controller.push(Reference(stamp_ns, vector))
            self.pushed += 1

    def stream(self):
        """The body's step, and what arrives of what it sends."""
        command = self.controller.step(self.wire.read, self.clock.now_ns())
        self.wire.command(command)
        status, course = self.controller.status, self.course
        if self.since_s >= 0.0 and (not course.states or course.states[-1][0] != status.state.value):
            course.states.append((status.state.value, self.since_s))
        for message in self.link.sent:
            if self.since_s >= 0.0 and self.lost < self.parts.lost:
                self.lost += 1
            elif message.startswith(b"pose"):
                self.sonic.window.take(message)
            elif course.stop_s is None:
                course.stop_s = self.since_s
        self.link.sent.clear()


def stream_course_of(parts):
    """What becomes of a stream to SONIC when these parts fail two seconds after it began."""
    session = StreamSession(parts)
    session.move()
    session.controller.reset(session.wire.read, START_NS)
    for slot in range(round(50 * LONGEST_S)):
        session.clock.wait_until(due_ns(START_NS, slot, 50.0))
        session.move()
        session.refer()
        session.stream()
    course = session.course
    course.fault = session.controller.status.fault
    course.headings, course.knee_rad = session.sonic.window.resets, float(session.sonic.position[LEFT_KNEE])
    return course


def without_elbow(vector):
    """A reference that is not a number."""
    vector[3] = np.nan
    return vector


def mute(content, good):
    """Nothing arrives."""


def standing_still(content, good):
    """Its control loop stands still."""
    return packed(good)


def repeated(content, good):
    """The numbers stay, and its count goes on."""
    return packed(good | {"index": content["index"]})


def damaged(content, good):
    """Half of each message arrives."""
    return packed(content)[:100]


def not_a_number(content, good):
    """A knee's angle is NaN."""
    angles = [float("nan") if joint == LEFT_KNEE else angle for joint, angle in enumerate(content["body_q_measured"])]
    return packed(content | {"body_q_measured": angles})


def hot(content, good):
    """A knee's motor has 95 degrees in one of its two places."""
    return packed(content | {"motor_temperature": [95.0 if place == 2 * LEFT_KNEE else 40.0 for place in range(58)]})


def tilted(content, good):
    """The pelvis is tilted by 1.2 rad."""
    return packed(content | {"base_quat_measured": [float(np.cos(0.6)), 0.0, float(np.sin(0.6)), 0.0]})
