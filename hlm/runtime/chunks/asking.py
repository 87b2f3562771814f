"""The seam to a policy that is asked without waiting, wherever it runs: in a thread, in a process, or after a delay."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from hlm.core.policy import ActionPrefix
from hlm.core.values import ActionChunk, Observation


class Status(StrEnum):
    """What became of the newest request."""

    IDLE = "idle"
    """There was none, or it is answered."""
    WAITING = "waiting"
    """It is on its way."""
    FAILED = "failed"
    """It will not be answered; ask again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Poll:
    """How things stand.

    Attributes:
        chunk: the newest answer, the same one until there is a newer; None before the first. Its stamp is that of the
            observation that it answers.
        age_s: how old the observation is that it was made from; 0 without a chunk.
        latency_s: from its request to its arrival; 0 without a chunk.
        status: of the newest request.
        error: why the last request failed; empty since there was an answer.
    """

    chunk: ActionChunk | None = None
    age_s: float = 0.0
    latency_s: float = 0.0
    status: Status = Status.IDLE
    error: str = ""


class AskedPolicy(Protocol):
    """A policy that never keeps a control loop waiting.

    In real time, `request` and `poll` return at once and raise nothing of the policy: what goes wrong is a status. One
    request is on its way at a time; the newest that comes meanwhile takes the place of one that has not left yet. An
    implementation for simulated time may compute inside `request`, and lets the policy's errors out there.
    """

    def request(self, observation: Observation, prefix: ActionPrefix | None = None) -> None:
        """Ask for a chunk.

        Args:
            observation: what is seen now.
            prefix: what is left of the last chunk, for a policy that continues chunks.
        """
        ...

    def poll(self) -> Poll:
        """The newest chunk and how things stand."""
        ...

    def reset(self, seed: int) -> None:
        """Begin an episode: forget chunks and requests, and restart the policy's noise from `seed`."""
        ...

    def close(self) -> None:
        """Ask no more; every later request fails."""
        ...
