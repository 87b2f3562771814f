"""What a check found, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from hlm.core.errors import HlmError, InputError


class Verdict(StrEnum):
    """How a finding bears on arming."""

    OK = "ok"
    NOTE = "note"
    """Arming is possible; a person should know."""
    BAD = "bad"
    """Arming is refused."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a diagnosis.

    Attributes:
        name: what was looked at.
        verdict: how it bears on arming.
        found: what was found, in words and figures.
        remedy: what to do about it; a bad finding has one.
    """

    name: str
    verdict: Verdict
    found: str
    remedy: str = ""

    def __post_init__(self) -> None:
        """A refusal without a way out helps nobody."""
        if self.verdict is Verdict.BAD and not self.remedy:
            raise InputError(f"the finding '{self.name}' is bad and says nothing to do about it.")


class UnfitError(HlmError):
    """This machine, as it is, must not drive this robot."""


def judged(name: str, found: str, remedy: str, *, bad: bool = False, note: bool = False) -> Finding:
    """A finding that is bad, else a note, else in order; one in order has no remedy."""
    verdict = Verdict.BAD if bad else Verdict.NOTE if note else Verdict.OK
    return Finding(name, verdict, found, "" if verdict is Verdict.OK else remedy)


def refused(name: str, error: HlmError, remedy: str) -> Finding:
    """The finding of something that could not be had at all."""
    return Finding(name, Verdict.BAD, str(error).rstrip("."), remedy)


def refusals(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those that forbid arming."""
    return tuple(finding for finding in findings if finding.verdict is Verdict.BAD)


def must_be_fit(findings: Iterable[Finding]) -> None:
    """Let arming pass only when nothing that was found forbids it.

    Raises:
        UnfitError: something does; the text says what, and what to do.
    """
    if bad := refusals(findings):
        reasons = "; ".join(f"{finding.name}: {finding.found}. {finding.remedy.rstrip('.')}" for finding in bad)
        raise UnfitError(f"arming is refused. {reasons}. `hlm doctor` shows everything.")
