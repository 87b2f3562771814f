"""What goes wrong between a policy server and its clients."""

from __future__ import annotations

from hlm.core.errors import HlmError


class ServingError(HlmError):
    """Base of what goes wrong between a policy server and its clients."""


class WireError(ServingError):
    """Bytes that are no message, or a value that cannot be sent as one."""


class UnreachableError(ServingError):
    """There is no policy server, it has no room, or the connection was lost."""


class AnswerTimeoutError(ServingError, TimeoutError):
    """The policy server did not answer in time; what it may still say is never read."""


class AnswerError(ServingError):
    """What answered is no policy server of hlm, or its answer is none."""


class RefusedError(ServingError):
    """The policy server refused a request and said why.

    Attributes:
        kind: name of the error on the server, e.g. `InputError` or `MismatchError`; `InternalError` is its own fault.
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(kind, text)
        self.kind = kind
        self.text = text

    def __str__(self) -> str:
        return f"the policy server refused: {self.text} ({self.kind})"
