"""Errors between a policy server and its clients."""

from __future__ import annotations

from hlm.core.errors import HlmError, LostError, MismatchError


class ServingError(HlmError):
    """Base of the errors between a policy server and its clients."""


class WireError(ServingError):
    """Bytes that are not a message, or a value that cannot be sent as one."""


class UnreachableError(ServingError, LostError):
    """No policy server, a full one, or a lost connection."""


class AnswerTimeoutError(ServingError, LostError, TimeoutError):
    """The policy server did not answer in time; a late answer is never read."""


class ReplacedError(ServingError, LostError, MismatchError):
    """The policy server serves another policy than before, or another server has taken its place."""


class AnswerError(ServingError):
    """Not a policy server of hlm, or an invalid answer."""


class RefusedError(ServingError):
    """The policy server refused a request.

    Attributes:
        kind: class of the error on the server, e.g. `InputError` or `MismatchError`; `InternalError` for its own.
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(kind, text)
        self.kind = kind
        self.text = text

    def __str__(self) -> str:
        return f"the policy server refused: {self.text} ({self.kind})"


class UnauthorizedError(RefusedError, LostError):
    """The policy server wants a key, or another one."""


class PolicyFailedError(RefusedError):
    """The served policy failed at this request, e.g. with actions that are not finite; others may succeed."""


FAILED_KINDS = ("AnswerError", "InternalError")


def refusal(kind: str, text: str) -> RefusedError:
    """The error of a request that the server refused for its own reasons, or because the policy failed."""
    return (PolicyFailedError if kind in FAILED_KINDS else RefusedError)(kind, text)
