"""A policy in a process of its own: whatever it does there, whoever asks it never waits and is never interrupted."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from hlm.core.clock import Clock, MonotonicClock
from hlm.core.errors import HlmError, InputError, MismatchError
from hlm.core.layout import DIMENSIONS
from hlm.core.policy import ActionPrefix, Policy, PolicySpec
from hlm.core.processes import ChildProcess, Leash
from hlm.core.shared_ring import SharedRing
from hlm.core.values import ActionChunk, CameraFrame, Observation
from hlm.runtime.chunks.asking import Poll, Status
from hlm.runtime.companion_process import CompanionProcess, Line
from hlm.runtime.policy_records import (
    answer_dtype,
    answer_to_record,
    chunk_from_record,
    request_dtype,
    request_from_record,
    request_to_record,
)

type MakePolicy = Callable[[], AbstractContextManager[Policy]]
"""Opens a policy; picklable, such as a `functools.partial` of a module's function."""

# The first chunks of a policy take longer: code is compiled, memory is mapped, a connection is made.
_WARM_UPS = 2
_LOOK_UP_S, _RINGS = 1.0, 4096
_END_S = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyProcessConfig:
    """How a policy's process behaves.

    Attributes:
        niceness: added to the process's: negative to go before other programs where the system allows it, positive to
            give way to them.
        ready_s: longest time for loading and warming up.
    """

    niceness: int = -5
    ready_s: float = 180.0

    def __post_init__(self) -> None:
        """Check ranges."""
        if not (-20 <= self.niceness <= 19 and self.ready_s > 0.0):
            raise InputError(f"niceness {self.niceness} must be -20 to 19, and ready_s {self.ready_s} positive.")


class PolicyProcess(CompanionProcess):
    """Asks a policy that lives in a process of its own; see `BackgroundPolicy` for one in a thread.

    It is ready when the policy has answered once; from then on nothing here waits. A policy that is slow, hangs, is
    killed, fails, or answers with what is no chunk is a status of `poll` and one line.

    Args:
        make: opens the policy, over there.
        spec: of the policy, which the one that `make` opens must have.
        images: height and width of the images by camera, px.
        instruction: that it is warmed up with.
        config: how the process behaves.
        clock: that observations are stamped with.
    """

    def __init__(
        self,
        make: MakePolicy,
        spec: PolicySpec,
        images: Mapping[str, tuple[int, int]],
        instruction: str,
        config: PolicyProcessConfig | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._spec = spec
        self._clock: Clock = MonotonicClock() if clock is None else clock
        self._stopwatch = MonotonicClock()  # the same in all processes of a machine
        self._requests = SharedRing(request_dtype(images, spec.horizon))
        self._answers = SharedRing(answer_dtype(spec.horizon))
        config = PolicyProcessConfig() if config is None else config
        far_end, self._bell = Pipe(duplex=False)
        os.set_blocking(self._bell.fileno(), False)
        job = _Job(make, spec, images, instruction, config.niceness)
        child = ChildProcess("policy", _answer, job, self._requests, self._answers, far_end)
        super().__init__(child, Line(self._bell, far_end), config.ready_s, _END_S)
        self._number = self._seed = self._episode = 0
        self._asked_ns = 0
        self._seen = 0
        self._error: Exception | None = None
        self._latencies_s: list[float] = []
        self._newest = Poll()

    @property
    def spec(self) -> PolicySpec:
        """What the policy needs and gives."""
        return self._spec

    @property
    def latencies_s(self) -> tuple[float, ...]:
        """How long each answer took since the start."""
        return tuple(self._latencies_s)

    def reset(self, seed: int = 0) -> None:
        """Begin an episode: forget chunk and requests, and restart the noise that chunks are sampled from."""
        self._episode += 1
        self._seed = seed
        self._asked_ns = 0
        self._newest = Poll()

    def request(self, observation: Observation, prefix: ActionPrefix | None = None) -> None:
        """Ask for a chunk, in place of a request that the policy has not begun with.

        Args:
            observation: what is seen now.
            prefix: what is left of the last chunk, for a policy that continues chunks.
        """
        if not self._child.alive:
            self._fail(self._cause())
            return
        try:
            record = request_to_record(self._requests.dtype, observation, prefix)
        except HlmError as error:
            self._fail(str(error))
            return
        self._number += 1
        self._asked_ns = self._stopwatch.now_ns()
        for name, value in (("number", self._number), ("episode", self._episode), ("seed", self._seed)):
            record[name] = value
        record["asked_ns"] = self._asked_ns
        self._requests.append(record)
        self._ring()

    def poll(self) -> Poll:
        """The newest chunk and how things stand."""
        alive = self._child.alive
        self._receive()  # also what it answered before it died
        if not alive and self._newest.status is not Status.FAILED:
            self._fail(self._cause())
        newest, chunk = self._newest, self._newest.chunk
        age_s = 0.0 if chunk is None else (self._clock.now_ns() - chunk.stamp_ns) * 1e-9
        return replace(newest, age_s=age_s, status=Status.WAITING if self._asked_ns else newest.status)

    def close(self) -> None:
        """End the process; it is killed when it does not end within a second."""
        super().close()
        self._asked_ns = 0
        self._newest = replace(self._newest, status=Status.FAILED, error="the policy process was ended.")

    def trouble(self) -> str:
        """Why it will never answer again; empty while it may."""
        return "" if self._child.alive else self._cause().rstrip(".")

    def waited_s(self) -> float:
        """How long the newest request has been on its way; 0 when none is."""
        return (self._stopwatch.now_ns() - self._asked_ns) * 1e-9 if self._asked_ns else 0.0

    def _receive(self) -> None:
        """Take the newest answer, if it is one of this episode's."""
        if self._answers.written == self._seen:
            return
        self._seen = self._answers.written
        record = self._answers.newest()
        if record is None or record["episode"] != self._episode:
            return
        if record["number"] == self._number:
            self._asked_ns = 0
        try:
            chunk = chunk_from_record(record)
        except HlmError as error:
            self._newest = replace(self._newest, status=Status.FAILED, error=str(error))
            return
        latency_s = (int(record["answered_ns"]) - int(record["asked_ns"])) * 1e-9
        self._newest = Poll(chunk=chunk, latency_s=latency_s)
        self._latencies_s.append(latency_s)

    def _cause(self) -> str:
        """Why the process is gone."""
        self._error = self._child.error() or self._error
        return f"{self._child.death()}." if self._error is None else " ".join(str(self._error).split())

    def _fail(self, error: str) -> None:
        self._asked_ns = 0
        self._newest = replace(self._newest, status=Status.FAILED, error=error)

    def _ring(self) -> None:
        """Wake the process; a pipe that is full wakes it, too."""
        with suppress(BlockingIOError, OSError):
            os.write(self._bell.fileno(), b"!")


@dataclass(frozen=True, slots=True)
class _Job:
    """What the process is told; see `PolicyProcess`."""

    make: MakePolicy
    spec: PolicySpec
    images: Mapping[str, tuple[int, int]]
    instruction: str
    niceness: int


def _answer(leash: Leash, job: _Job, requests: SharedRing, answers: SharedRing, bell: Connection) -> None:
    """Answer the newest request, again and again."""
    leash.die_with_parent()  # a policy that hangs must not stay behind
    with suppress(PermissionError):
        os.nice(job.niceness)
    os.set_blocking(bell.fileno(), False)
    with job.make() as policy:
        _must_be(policy.spec, job.spec)
        _warm_up(policy, job)
        leash.ready()
        episode = seen = 0
        while not leash.wait(_LOOK_UP_S, bell):
            with suppress(BlockingIOError):
                os.read(bell.fileno(), _RINGS)
            request = requests.newest()
            if request is None or request["number"] == seen:
                continue
            seen = int(request["number"])
            if request["episode"] != episode:
                episode = int(request["episode"])
                policy.reset(int(request["seed"]))
            answers.append(_answered(policy, request, answers.dtype))


def _answered(policy: Policy, request: np.void, dtype: np.dtype[Any]) -> np.void:
    """The record of the chunk, or of why there is none."""
    answer: ActionChunk | str
    try:
        answer = policy.chunk(*request_from_record(request))
    except HlmError as error:
        answer = " ".join(str(error).split())
    except Exception as error:  # noqa: BLE001 - a control loop goes on, whatever a policy does
        answer = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return answer_to_record(dtype, request, answer, MonotonicClock().now_ns())


def _must_be(found: PolicySpec, wanted: PolicySpec) -> None:
    """Raise MismatchError unless a policy gives what was reckoned with."""
    for name in ("embodiment", "digest", "horizon", "cameras"):
        has, asked = getattr(found, name), getattr(wanted, name)
        if has != asked:
            raise MismatchError(f"the policy was replaced while it was opened: its {name} was {asked} and is {has}.")


def _warm_up(policy: Policy, job: _Job) -> None:
    """Ask for chunks that nobody executes."""
    frames = {name: CameraFrame(0, np.full((*size, 3), 128, np.uint8)) for name, size in job.images.items()}
    for _ in range(_WARM_UPS):
        policy.chunk(Observation(0, np.zeros(DIMENSIONS), frames, job.instruction))
