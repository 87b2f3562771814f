"""A headset whose browser shows our page (WebXR)."""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hlm.control.body_command import BodyCommand
from hlm.core.clock import NS_PER_S, Clock
from hlm.core.embodiment import Embodiment
from hlm.core.errors import HlmError
from hlm.teleop.devices.device import Button, DeviceSample
from hlm.teleop.devices.headset.clock_offset import ClockOffset
from hlm.teleop.devices.headset.head_and_hands import HeadAndHands, HeadAndHandsConfig
from hlm.teleop.devices.headset.sample import HeadsetSample
from hlm.teleop.devices.headset.webxr_message import sample_from_message, stamp_of
from hlm.teleop.devices.headset_buttons import session_buttons
from hlm.teleop.keypoints.body_keypoints import BodyKeypoints
from hlm.teleop.keypoints.webxr_body import JOINTS, keypoints_from_webxr
from hlm.teleop.web.channel import Channel
from hlm.teleop.web.config import WebConfig
from hlm.teleop.web.messages import Message
from hlm.teleop.web.qr_code import qr_code
from hlm.teleop.web.server import WebServer

FOLDER = "headset"
PAGE = Path(__file__).parents[1] / "web" / "static" / FOLDER

_ASK_EVERY_NS = NS_PER_S // 5
_QUIET_NS = NS_PER_S // 2
_KEPT_QUESTIONS = 64
_MAX_WORLD = 64
_STATES = {
    "looking": "its page looks for a headset",
    "unsupported": "its browser offers no immersive session: use the headset's own browser, over HTTPS",
    "waiting": "its page is open, and nobody has pressed Enter",
    "refused": "it refused the session: allow it, and press Enter again",
    "hidden": "its session is in the background: is it asleep, or in a menu?",
    "left": "its session was left: press Enter on its page",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class WebXRConfig:
    """How a headset is used.

    Attributes:
        web: where its page is served; every interface with HTTPS and a token by default. On this machine alone, a
            headset on a cable can still reach it, see docs/devices.md.
        body: follow all joints of the body, for browsers that track it, instead of head and hands.
        head_and_hands: how these command.
    """

    web: WebConfig = field(default_factory=lambda: WebConfig(host="0.0.0.0", port=8443))
    body: bool = False
    head_and_hands: HeadAndHandsConfig = field(default_factory=HeadAndHandsConfig)


class WebXRDevice:
    """A headset in the local network; implements `hlm.teleop.devices.device.Device`.

    The first headset that says something commands until it leaves. Stamps are those of its frames, brought to our clock
    by questions and answers.

    Args:
        config: see there; the defaults when None.
        clock: that samples are stamped with.
        embodiment: the robot, whose hands the person's hands start from.
        server: an entered server that has the folder `PAGE` as `FOLDER`; one of its own when None.
    """

    name = "webxr"

    def __init__(
        self, config: WebXRConfig | None, clock: Clock, embodiment: Embodiment, server: WebServer | None = None
    ) -> None:
        self._config = WebXRConfig() if config is None else config
        self._clock = clock
        self._server = WebServer(self._config.web, {FOLDER: PAGE}, clock=clock) if server is None else server
        self._own_server = server is None
        self._channel: Channel = self._server.channel(FOLDER)
        self._exits = ExitStack()
        self._commands = HeadAndHands(embodiment, self._config.head_and_hands)
        self._offsets: dict[int, ClockOffset] = {}
        self._states: dict[int, str] = {}
        self._questions: dict[int, int] = {}
        self._indices = itertools.count()
        self._asked_ns: int | None = None
        self._client: int | None = None
        self._world = ""
        self._newest: DeviceSample | None = None
        self._wrong = ""
        self.cannot: tuple[str, ...] = _CANNOT_BODY if self._config.body else _CANNOT_HANDS

    def __enter__(self) -> Self:
        """Serve the page.

        Raises:
            HlmError: its port is taken, or the certificate cannot be kept.
        """
        if self._own_server:
            self._exits.enter_context(self._server)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exits.close()

    @property
    def address(self) -> str:
        """What to open on the headset, with the token: to be shown to the person, never to be kept."""
        return self._server.address(FOLDER)

    @property
    def invitation(self) -> str:
        """The address in words and as a picture for the headset's camera."""
        return f"on the headset, open {self.address} or scan:\n{qr_code(self.address)}"

    def say(self, text: str) -> None:
        """Say something to the person in the headset, aloud."""
        self._channel.send({"type": "notice", "text": text})

    def read(self) -> DeviceSample | None:
        """The newest sample, without waiting; None before the first."""
        present = {client.number for client in self._channel.clients}
        if self._client not in present:
            self._client = None
        for message in self._channel.messages():
            try:
                self._take(message)
            except HlmError as error:
                self._wrong = str(error)
        self._forget(present)
        self._ask()
        return self._newest

    @property
    def trouble(self) -> str:
        """Why nothing new comes; empty when all is well."""
        clients = [client.number for client in self._channel.clients]
        if not clients:
            return f"no headset is connected: open the address that was shown ({self._server.origin}/{FOLDER}/) on it"
        state = self._states.get(clients[0] if self._client is None else self._client, "running")
        if state in _STATES:
            return _STATES[state]
        if self._wrong:
            return self._wrong
        age_ns = 0 if self._newest is None else self._clock.now_ns() - self._newest.stamp_ns
        if age_ns > _QUIET_NS:
            return f"the headset has been silent for {age_ns / NS_PER_S:.1f} s: is it asleep, or out of the network?"
        return ""

    def _take(self, message: Message) -> None:
        match message.type:
            case "pong":
                self._learn(message)
            case "state":
                self._states[message.client] = str(message.content.get("state"))[:32]
            case "frame":
                if self._client is None:
                    self._client = message.client
                if message.client == self._client:
                    self._follow(message)

    def _ask(self) -> None:
        """Ask the headsets what time it is."""
        now_ns = self._clock.now_ns()
        if self._asked_ns is not None and now_ns - self._asked_ns < _ASK_EVERY_NS:
            return
        self._asked_ns = now_ns
        index = next(self._indices)
        self._questions[index] = now_ns
        self._questions.pop(index - _KEPT_QUESTIONS, None)
        self._channel.send({"type": "ping", "index": index})

    def _learn(self, message: Message) -> None:
        index = message.content.get("index")
        sent_ns = self._questions.get(index) if type(index) is int else None
        if sent_ns is not None:
            offset = self._offsets.setdefault(message.client, ClockOffset())
            offset.answered(sent_ns, stamp_of(message.content), message.stamp_ns)

    def _follow(self, message: Message) -> None:
        offset = self._offsets.get(message.client)
        if offset is None:  # its clock is not known yet
            return
        stamp_ns = min(offset.ours_ns(stamp_of(message.content)), message.stamp_ns)
        if self._newest is not None and stamp_ns <= self._newest.stamp_ns:
            return
        sample = sample_from_message(message.content, stamp_ns)
        world = str(message.content.get("world", message.client))[:_MAX_WORLD]
        if world != self._world:
            self._world = world
            self._commands.enter_world()
        motion, self._wrong = self._body(sample) if self._config.body else self._head_and_hands(sample)
        if motion is not None:
            self._newest = DeviceSample(stamp_ns=stamp_ns, motion=motion, buttons=_buttons(sample))

    def _head_and_hands(self, sample: HeadsetSample) -> tuple[BodyCommand | None, str]:
        """The command, and what is wrong with it."""
        if sample.pose_world_from_head is None:
            return None, "the headset does not know where it is: light, and a view of the room, help"
        unseen = all(hand is None for hand in sample.hands)
        return self._commands.command(sample), "the headset sees neither hands nor controllers" if unseen else ""

    def _body(self, sample: HeadsetSample) -> tuple[BodyKeypoints | None, str]:
        """The keypoints, and why there are none."""
        if not sample.joints:
            return None, "the headset's browser tells no joints of the body; follow head and hands instead"
        if missing := [joint for joint in JOINTS.values() if joint not in sample.joints]:
            return None, f"the headset's browser does not tell {len(missing)} joints of the body, such as {missing[0]}"
        opening = self._commands.command(sample).gripper_opening
        return keypoints_from_webxr(sample.joints, sample.pose_world_from_head, opening, sample.stamp_ns), ""

    def _forget(self, present: set[int]) -> None:
        """Keep nothing of headsets that have left."""
        by_client: tuple[dict[int, Any], ...] = (self._offsets, self._states)
        for known in by_client:
            for gone in known.keys() - present:
                del known[gone]


_CANNOT_HANDS = (
    "feet: a stick walks and turns",
    "single joints: only where the hands are",
    "roll of the pelvis and turns of the torso",
)
_CANNOT_BODY = ("fingers: a trigger or a pinch closes a gripper",)


def _buttons(sample: HeadsetSample) -> frozenset[Button]:
    left, right = (frozenset() if hand is None else hand.pressed for hand in sample.hands)
    return session_buttons(left, right)
