"""How much the processors can give, and how much is taken already."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from hlm.cli.diagnosis.finding import Finding, Verdict, judged

_SLOW_GOVERNORS = ("powersave", "conservative")


def processor_findings(root: Path = Path("/")) -> list[Finding]:
    """Load and governor of the processors.

    Args:
        root: of the file system that the kernel tells this in.
    """
    cores = len(os.sched_getaffinity(0))
    return [_load(root, cores), _governor(root)]


def _load(root: Path, cores: int) -> Finding:
    try:
        load = float((root / "proc/loadavg").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return Finding("load", Verdict.NOTE, f"unknown, on {cores} cores")
    return judged(
        "load",
        f"{load:.1f} in the last minute, on {cores} cores",
        "End other programs: `top` shows which",
        note=load > 0.7 * cores,
    )


def _governor(root: Path) -> Finding:
    governors = set()
    for path in (root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor"):
        with suppress(OSError):
            governors.add(path.read_text().strip())
    return judged(
        "governor",
        ", ".join(sorted(governors)) or "none: the clock rate is not in this system's hands",
        "sudo cpupower frequency-set --governor performance",
        note=bool(governors.intersection(_SLOW_GOVERNORS)),
    )
