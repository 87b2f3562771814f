"""Unitree's motion switcher: which of the robot's own controllers has the motors, and making it give them up."""

from __future__ import annotations

import json

from hlm.core.clock import NS_PER_S, Clock
from hlm.core.errors import LostError
from hlm.robots.dds.topics import Topics
from hlm.robots.unitree_messages import Request, Response

SERVICE = "rt/api/motion_switcher"
"""Its topics are `SERVICE/request` and `SERVICE/response`."""
CHECK_MODE, RELEASE_MODE = 1001, 1003
"""Numbers of its calls; that of Unitree's client version 1.0.0.1."""
_ANSWER_S = 1.0
_POLL_NS = 5_000_000
_ASK_AGAIN_NS = 200_000_000


class MotionSwitcher:
    """Asks the switcher.

    Args:
        topics: on the robot's network.
        clock: by which answers are waited for.
    """

    def __init__(self, topics: Topics, clock: Clock) -> None:
        self._clock = clock
        self._answers = topics.each(f"{SERVICE}/response", Response)
        self._requests = topics.writer(f"{SERVICE}/request", Request)

    @property
    def there(self) -> bool:
        """Whether a switcher is on the network and has noticed us."""
        return self._requests.readers > 0 and self._answers.writers > 0

    def controller(self) -> str:
        """Name of the robot's own controller that has the motors, such as `ai`; empty when none has.

        Raises:
            LostError: it does not answer, or refuses.
        """
        data = self._call(CHECK_MODE, "which controller has the motors")
        try:
            name = json.loads(data)["name"]
        except (ValueError, KeyError, TypeError) as error:
            raise LostError(f"the robot's motion switcher gave no controller's name: {data[:80]!r}.") from error
        return str(name)

    def release(self, timeout_s: float) -> None:
        """Make the robot's own controller give up the motors: nothing holds them then.

        Raises:
            LostError: it has not done so in time.
        """
        end_ns = self._clock.now_ns() + round(timeout_s * NS_PER_S)
        while name := self.controller():
            if self._clock.now_ns() > end_ns:
                raise LostError(
                    f"the robot's controller '{name}' has not given up the motors within {timeout_s:g} s: put the "
                    "robot into debug mode (L2 + R2 on the remote)."
                )
            self._call(RELEASE_MODE, "to release the motors")
            self._clock.wait_until(self._clock.now_ns() + _ASK_AGAIN_NS)

    def _call(self, number: int, what: str) -> str:
        identity = self._clock.now_ns()
        request = Request(parameter=b"{}")
        request.header.identity.id, request.header.identity.api_id = identity, number
        self._requests.write(request)
        answer = self._answer(identity)
        if answer is None:
            raise LostError(f"the robot's motion switcher was asked {what}, and has not answered for {_ANSWER_S:g} s.")
        if code := answer.header.status.code:
            raise LostError(f"the robot's motion switcher was asked {what}, and answered with error {code}.")
        return (answer.data or b"").decode(errors="replace")

    def _answer(self, identity: int) -> Response | None:
        end_ns = self._clock.now_ns() + round(_ANSWER_S * NS_PER_S)
        while self._clock.now_ns() < end_ns:
            answer = self._answers.take()
            if answer is None:
                self._clock.wait_until(self._clock.now_ns() + _POLL_NS)
            elif answer.header.identity.id == identity:
                return answer
        return None
