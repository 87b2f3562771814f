"""Lets a person run a session: their buttons, time, and whether they and the robot agree."""

from __future__ import annotations

from dataclasses import replace

from hlm.core.values import Observation, Reference
from hlm.teleop.devices.device import Button
from hlm.teleop.person import PersonSource
from hlm.teleop.session.agreement import disagreement
from hlm.teleop.session.session import Session, SessionConfig, SessionState, Verdict, decided, ended, passed, pressed


class Conductor:
    """Plays a person to the robot as the session has it; implements `hlm.core.protocols.ReferenceSource`.

    Args:
        person: who commands.
        config: timing of the session.
    """

    def __init__(self, person: PersonSource, config: SessionConfig | None = None) -> None:
        self._person = person
        self.config = SessionConfig() if config is None else config
        self.session = Session()
        self._now_ns = 0
        self._lost = False

    @property
    def countdown_s(self) -> float:
        """Time until the first recorded step; 0 unless counting down."""
        return self.session.countdown_left_s(self._now_ns, self.config)

    @property
    def device_age_s(self) -> float:
        """Age of what the person had said last when the newest reference was asked for."""
        return self._person.age_s

    def press(self, button: Button) -> None:
        """A button was pressed."""
        self.session = pressed(self.session, button, self._now_ns)

    def decide(self, verdict: Verdict) -> None:
        """The open episode is kept or discarded.

        Raises:
            InputError: no episode is open.
        """
        self.session = decided(self.session, verdict, self._now_ns)

    def end(self, why: str, *, recorded: bool) -> None:
        """The robot stopped following; an episode that is open is reviewed."""
        self.session = ended(why, self._now_ns, recorded=recorded)

    def reset(self, observation: Observation) -> None:
        """The robot stands anew, and holds."""
        self._now_ns = observation.stamp_ns
        self.session = Session(SessionState.IDLE, self._now_ns, message=self.session.message)
        self._person.hold()
        self._person.reset(observation)

    def reference(self, observation: Observation) -> Reference | None:
        """The person's reference, or the one that is held; None once the robot is to stop."""
        self._now_ns = observation.stamp_ns
        live, trouble = self._person.live, self._person.trouble
        apart = trouble or (
            "nothing is known of the person yet" if live is None else disagreement(observation.state, live)
        )
        self.session = passed(self.session, self._now_ns, apart, self.config)
        if self.session.state is SessionState.STOPPED:
            return None
        (self._person.follow if self.session.follows else self._person.hold)()
        reference = self._person.reference(observation)
        self._pause_if_lost()
        return reference

    def _pause_if_lost(self) -> None:
        """Record nothing of a person who is not followed."""
        if self.session.state is SessionState.RECORDING and (trouble := self._person.trouble):
            self.session = Session(SessionState.PAUSED, self._now_ns, message=f"paused: {trouble}")
            self._person.hold()
            self._lost = True
        elif self._lost and not self._person.trouble:
            self._lost = False
            if self.session.state is SessionState.PAUSED:
                self.session = replace(self.session, message="paused: the device is back; follow, or end the episode")
