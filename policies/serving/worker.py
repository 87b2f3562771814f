"""The thread that a server's policy runs in."""

from __future__ import annotations

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from hlm.core.clock import MonotonicClock
from hlm.core.errors import CorruptError, HlmError, InputError, MismatchError
from hlm.core.layout import DIMENSIONS
from hlm.core.policy import ActionPrefix, Policy
from hlm.core.values import ActionChunk, CameraFrame, Observation
from hlm.policies.serving.errors import ServingError
from hlm.policies.serving.messages import Request, Timing, decode_request, encode_answer, encode_error
from hlm.policies.serving.wire import pack, unpack

_LOG = logging.getLogger(__name__)

WARM_UP_CALLS = 3


class Reply(NamedTuple):
    """Reply to a client.

    Attributes:
        payload: map as bytes, or error as text.
        timing: durations; None for an error.
    """

    payload: bytes | str
    timing: Timing | None


class Worker:
    """Answers requests in order of arrival, in a thread of its own.

    The thread also decodes and checks the requests: the event loop only moves bytes.

    Args:
        policy: policy to ask.

    Attributes:
        barred: size of each camera's first images that are fitted with black bars, as training's may not have been.
    """

    def __init__(self, policy: Policy) -> None:
        self.barred: dict[str, tuple[int, int]] = {}
        self._policy = policy
        self._clock = MonotonicClock()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="policy")
        self._began_ns: int | None = None
        self._noise: tuple[int, int] | None = None  # seed and chunks that the policy's noise has come to
        self._stopped = False

    def warm_up(self) -> Future[None]:
        """Compute chunks of grey images, so that no client waits for compilers and caches.

        This happens in the serving thread, to which compiled graphs may belong.
        """
        return self._thread.submit(self._warm_up)

    def submit(self, message: bytes | str, previous_s: float | None) -> Future[Reply]:
        """Queue a message; `stop` cancels messages that are still queued.

        A cancelled job stays in the executor's queue without its message, so that clients that leave cost no memory.

        Args:
            message: message of the client.
            previous_s: duration of the client's previous answer, s, for its timing.
        """
        held = [message]
        job = self._thread.submit(self._answer, held, previous_s, self._clock.now_ns())
        job.add_done_callback(lambda _: held.clear())
        return job

    def busy_s(self) -> float:
        """Time since the running request was started, s; 0 if there is none."""
        began_ns = self._began_ns
        return 0.0 if began_ns is None else (self._clock.now_ns() - began_ns) * 1e-9

    def stop(self) -> None:
        """Accept no more requests and cancel the queued ones; the running one continues.

        A running warm-up ends after its current chunk.
        """
        self._stopped = True
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _answer(self, held: list[bytes | str], previous_s: float | None, submitted_ns: int) -> Reply:
        self._began_ns = began_ns = self._clock.now_ns()
        message = held.pop()
        try:
            if isinstance(message, str):
                raise InputError("requests are binary frames of msgpack; this one is text.")
            request = decode_request(unpack(message), self._policy.spec)
            self._note_bars(request.observation)
            asked_ns = self._clock.now_ns()
            chunk = self._seeded_chunk(request)
            done_ns = self._clock.now_ns()
            timing = Timing(
                policy_s=(done_ns - asked_ns) * 1e-9,
                infer_s=(done_ns - began_ns) * 1e-9,
                queue_s=(began_ns - submitted_ns) * 1e-9,
                previous_s=previous_s,
            )
            return Reply(pack(encode_answer(chunk, timing, stamped=request.stamped)), timing)
        except HlmError as error:
            return Reply(encode_error(error), None)
        except Exception as error:  # noqa: BLE001 - one request must not end the server for all
            _LOG.exception("the policy failed")
            return Reply(encode_error(ServingError(f"{type(error).__name__}: {error}"), "InternalError"), None)
        finally:
            self._began_ns = None

    def _note_bars(self, observation: Observation) -> None:
        into_height, into_width = self._policy.spec.image_size
        for name in self._policy.spec.cameras:
            if name in observation.frames and name not in self.barred:
                height, width = observation.frames[name].image.shape[:2]
                if height * into_width != width * into_height:
                    self.barred = self.barred | {name: (height, width)}

    def _seeded_chunk(self, request: Request) -> ActionChunk:
        """The chunk, from the noise that the request wants."""
        wanted = None if request.seed is None else (request.seed, request.chunks)
        if wanted is not None and wanted != self._noise:
            self._policy.reset(*wanted)
        self._noise = None  # The last request may have failed before or after using noise.
        chunk = self._chunk(request.observation, request.prefix)
        if wanted is not None:
            seed, chunks = wanted
            self._noise = seed, chunks + 1
        return chunk

    def _chunk(self, observation: Observation, prefix: ActionPrefix | None) -> ActionChunk:
        if prefix is not None and not self._policy.spec.continues_chunks:
            raise MismatchError("the policy cannot continue a chunk; ask without the keys that begin with 'rtc/'.")
        return self._policy.chunk(observation, prefix)

    def _warm_up(self) -> None:
        spec = self._policy.spec
        grey = np.full((*spec.image_size, 3), 128, np.uint8)
        frames = {name: CameraFrame(0, grey) for name in spec.cameras}
        observation = Observation(0, np.zeros(DIMENSIONS), frames, " ".join(spec.vocabulary[:1]) or "warm up")
        for _ in range(WARM_UP_CALLS):
            if self._stopped:
                return
            chunk = self._policy.chunk(observation)
            if not np.isfinite(chunk.actions).all():
                raise CorruptError(
                    f"the policy '{spec.origin or spec.policy_type}' answers a grey image with actions that are not "
                    "finite: its weights or statistics are damaged. Copy the checkpoint again, or serve an earlier one."
                )
            if spec.continues_chunks and not self._stopped:
                self._chunk(observation, ActionPrefix(chunk.actions, 1, max(1, spec.horizon // 2)))
        self._policy.reset(0)  # So that clients see a freshly loaded policy.
