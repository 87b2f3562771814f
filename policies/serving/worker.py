"""The one thread that a server's policy runs in."""

from __future__ import annotations

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from hlm.core.clock import MonotonicClock
from hlm.core.errors import HlmError, InputError, MismatchError
from hlm.core.layout import DIMENSIONS
from hlm.core.policy import ActionPrefix, Policy
from hlm.core.values import ActionChunk, CameraFrame, Observation
from hlm.policies.serving.errors import ServingError
from hlm.policies.serving.messages import Timing, decode_request, encode_answer, encode_error
from hlm.policies.serving.wire import pack, unpack

_LOG = logging.getLogger(__name__)

WARM_UP_CALLS = 3


class Reply(NamedTuple):
    """What goes back to a client.

    Attributes:
        payload: a map as bytes, or an error as text.
        timing: how long it took; None for an error.
    """

    payload: bytes | str
    timing: Timing | None


class Worker:
    """Answers requests one after the other, in the order in which they came, in a thread of its own.

    Reading and checking a request happens in that thread, too: the event loop only moves bytes.

    Args:
        policy: asked for chunks.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._clock = MonotonicClock()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="policy")
        self._began_ns: int | None = None
        self._stopped = False

    def warm_up(self) -> Future[None]:
        """Ask for chunks of grey images, so that no client's first answer waits for compilers and caches.

        The thread is the one that serves: compiled graphs may belong to their thread.
        """
        return self._thread.submit(self._warm_up)

    def submit(self, message: bytes | str, previous_s: float | None) -> Future[Reply]:
        """The answer to a message, when its turn has come; cancelled by `stop` until then.

        A cancelled one stays in the executor's queue, but not its message: clients that ask and leave cost no memory.

        Args:
            message: as it came.
            previous_s: how long the client's previous answer took, for its timing.
        """
        held = [message]
        job = self._thread.submit(self._answer, held, previous_s, self._clock.now_ns())
        job.add_done_callback(lambda _: held.clear())
        return job

    def busy_s(self) -> float:
        """How long the request that is being answered has been so, 0 when there is none."""
        began_ns = self._began_ns
        return 0.0 if began_ns is None else (self._clock.now_ns() - began_ns) * 1e-9

    def stop(self) -> None:
        """Take no more requests and forget those that wait; the one that is being answered goes on.

        Warming up ends with the chunk that is being made.
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
            asked_ns = self._clock.now_ns()
            if request.seed is not None:
                self._policy.reset(request.seed)
            chunk = self._chunk(request.observation, request.prefix)
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
            if spec.continues_chunks and not self._stopped:
                self._chunk(observation, ActionPrefix(chunk.actions, 1, max(1, spec.horizon // 2)))
        self._policy.reset(0)  # so that it answers as a policy that was just loaded
