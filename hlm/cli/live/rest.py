"""A robot that follows no more: it moves on by itself, and comes to rest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hlm.core.clock import NS_PER_S, STEP_HZ
from hlm.core.proprioception import measured_state
from hlm.core.values import Observation
from hlm.runtime.loop import ages_s

if TYPE_CHECKING:
    from hlm.runtime.loop import LoopStep
    from hlm.runtime.station import Station

# For a person to see what has happened before the scene is drawn anew; and a body comes to rest sooner by itself.
_LOOK_S, _LONGEST_REST_S = 3.0, 20.0


class Rest:
    """The rest of a robot that follows no more, from now on.

    Args:
        station: entered.
        stopped: whether a person has stopped it.
    """

    def __init__(self, station: Station, *, stopped: bool) -> None:
        self._station = station
        self._began_ns = station.clock.now_ns()
        self.stopped = stopped

    def wait_a_step(self) -> None:
        """Let the robot move for a step's time without a reference."""
        clock = self._station.clock
        due_ns = clock.now_ns() + round(NS_PER_S / STEP_HZ)
        self._station.body.advance(due_ns)
        clock.wait_until(due_ns)

    def look(self, step: LoopStep | None) -> LoopStep | None:
        """The last step of a scene with what is seen now; as it was where nothing is seen any more.

        Args:
            step: before; None where there was none.
        """
        if step is None:
            return None
        station, now_ns = self._station, self._station.clock.now_ns()
        try:
            state, frames = station.body.read(), station.cameras.capture()
        except Exception:  # noqa: BLE001 - a driver may raise anything, and nobody acts on what is seen here
            return step
        vector, _ = measured_state(state, None)
        observation = Observation(now_ns, vector, frames, step.observation.instruction)
        return replace(step, observation=observation, age_s={**step.age_s, **ages_s(now_ns, state, frames)})

    def why(self, *, recorded: bool, put_back: bool) -> str:
        """What a person is told: why the robot follows no more, and what comes of it where nobody puts it back.

        Args:
            recorded: whether an episode is open.
            put_back: whether the robot is put back to its start.
        """
        why = self._station.body.status.fault or "the robot does not follow any more"
        if put_back:
            return why
        verdict = "; say what becomes of the episode" if recorded else ""
        return f"{why}{verdict}; the session ends once the robot rests"

    @property
    def is_over(self) -> bool:
        """Whether the robot rests, or has had the time."""
        return self._station.body.status.at_rest or self._waited_s > _LONGEST_REST_S

    @property
    def was_seen(self) -> bool:
        """Whether a person has had the time to see what happened; one who has stopped the robot takes their time."""
        return not self.stopped and self._waited_s > _LOOK_S

    @property
    def _waited_s(self) -> float:
        return (self._station.clock.now_ns() - self._began_ns) / NS_PER_S
