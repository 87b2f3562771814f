"""Whether the clocks are what the runtime takes them for."""

from __future__ import annotations

import ctypes
import struct
import subprocess
import sys
import time

from hlm.cli.diagnosis.finding import Finding, Verdict, judged
from hlm.core.clock import Clock

_ASK = "import time; print(time.monotonic_ns())"
_COARSE_S = 1e-4
# struct timex of Linux on 64 bits: modes, offset, freq (2^-16 ppm), maxerror, esterror, status, ...; see adjtimex(2).
_TIMEX_BYTES, _FREQUENCY, _STATUS, _UNSYNCHRONISED = 512, 16, 40, 0x40


def clock_findings(clock: Clock) -> list[Finding]:
    """Resolution of the session's clock, whether all processes see the same one, and what the network does to it."""
    return [_resolution(clock), _shared(clock), wall_clock_finding(_kernel_clock())]


def _resolution(clock: Clock) -> Finding:
    resolution_s = time.get_clock_info("monotonic").resolution
    steps = []
    for _ in range(100):
        start = now = clock.now_ns()
        while now == start:
            now = clock.now_ns()
        steps.append(now - start)
    return judged(
        "clock",
        f"monotonic, resolution {1e9 * resolution_s:.0f} ns, smallest step seen {min(steps)} ns",
        "Boot with a fine clock source: see /sys/devices/system/clocksource/clocksource0/available_clocksource",
        bad=min(steps) > 1e9 * _COARSE_S,
    )


def _shared(clock: Clock) -> Finding:
    """A time namespace of its own, as some containers have, would make every age between processes wrong."""
    before_ns = clock.now_ns()
    told = subprocess.run([sys.executable, "-I", "-c", _ASK], capture_output=True, text=True, check=False).stdout
    after_ns = clock.now_ns()
    same = told.strip().isdecimal() and before_ns <= int(told) <= after_ns
    return judged(
        "clock of other processes",
        "the same" if same else f"another: {told.strip() or 'nothing'} is not between {before_ns} and {after_ns}",
        "Run all processes in one time namespace (no `unshare --time`)",
        bad=not same,
    )


def wall_clock_finding(timex: bytes | None) -> Finding:
    """Whether the wall clock is set by the network; stamps never depend on it, only the date of a recording.

    Args:
        timex: what the kernel tells of its clock (adjtimex(2)); None where it does not.
    """
    if timex is None:
        return Finding("wall clock", Verdict.NOTE, "the kernel does not say whether it is synchronised")
    frequency_ppm = struct.unpack_from("<q", timex, _FREQUENCY)[0] / 65536.0
    unsynchronised = bool(struct.unpack_from("<i", timex, _STATUS)[0] & _UNSYNCHRONISED)
    found = f"{'not ' if unsynchronised else ''}synchronised; all clocks are slewed by {frequency_ppm:+.1f} ppm"
    return judged(
        "wall clock",
        found,
        "For right dates in recordings, run chrony or systemd-timesyncd; nothing else reads the wall clock",
        note=unsynchronised,
    )


def _kernel_clock() -> bytes | None:
    """The kernel's `struct timex`, read without changing anything."""
    if not sys.platform.startswith("linux") or struct.calcsize("l") != 8 or sys.byteorder != "little":
        return None
    buffer = ctypes.create_string_buffer(_TIMEX_BYTES)
    try:
        return buffer.raw if ctypes.CDLL(None).adjtimex(buffer) >= 0 else None
    except (AttributeError, OSError):
        return None
