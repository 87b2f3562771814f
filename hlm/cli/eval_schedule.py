"""How chunks are scheduled in an evaluation, as the command line says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hlm.core.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from hlm.evaluation.results import Scheduling


def schedulings(schedulers: str, delays_ms: str) -> tuple[Scheduling, ...]:
    """All pairs of schedulers and delays, delay by delay.

    Args:
        schedulers: names, separated by commas.
        delays_ms: numbers, separated by commas.

    Raises:
        InputError: a delay that is no number, out of range, or named twice.
        UnknownNameError: a scheduler that does not exist.
    """
    from hlm.evaluation.results import Scheduling
    from hlm.runtime.chunks.schedulers import SCHEDULERS

    names = _parts("--scheduler", schedulers)
    for name in names:
        if name not in SCHEDULERS:
            raise UnknownNameError("scheduler", name, SCHEDULERS)
    delays = [_milliseconds(text) for text in _parts("--delay-ms", delays_ms)]
    if len(set(delays)) < len(delays):
        raise InputError(f"--delay-ms names a delay twice: {delays_ms}.")
    return tuple(Scheduling(scheduler=name, delay_ms=delay) for delay in delays for name in names)  # type: ignore[arg-type]


def _parts(option: str, text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    if len(set(parts)) < len(parts) or not all(parts):
        raise InputError(f"{option} takes values separated by commas, each once, got '{text}'.")
    return parts


def _milliseconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"--delay-ms takes milliseconds, such as 0,100,200, got '{text}'.") from None
