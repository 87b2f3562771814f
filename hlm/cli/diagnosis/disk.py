"""Whether an episode can be written where it is asked for."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hlm.cli.diagnosis.finding import Finding, Verdict, judged
from hlm.core.clock import Clock

# Three images of 224 px at 30 Hz are 1.3 MB/s, of 480 px 6 MB/s; ten minutes of the latter are 3.6 GB.
_BAD_MB_S, _NOTE_MB_S = 6.0, 30.0
_BAD_BYTES, _NOTE_BYTES = 500_000_000, 4_000_000_000
_SAMPLE_BYTES = 32 << 20


def disk_findings(path: Path, clock: Clock, sample_bytes: int = _SAMPLE_BYTES) -> list[Finding]:
    """Place, free space and speed at the place of a recording; the sample that is written is removed.

    Args:
        path: of the dataset that is to be made.
        clock: to measure speed with.
        sample_bytes: how much to write; 0 to leave speed out.
    """
    if path.exists() or path.is_symlink():
        return [Finding("record", Verdict.BAD, f"{path} is already there", "Choose another name for --record")]
    folder = next((parent for parent in path.absolute().parents if parent.exists()), Path("/"))
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        return [Finding("record", Verdict.BAD, f"{folder} cannot be written to", "Choose another folder for --record")]
    findings = [space_finding(folder, shutil.disk_usage(folder).free)]
    if sample_bytes:
        try:
            speed_mb_s = _written_mb_s(folder, clock, sample_bytes)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            return [*findings, Finding("disk speed", Verdict.BAD, f"{folder}: {reason}", "Choose another --record")]
        findings.append(speed_finding(folder, speed_mb_s))
    return findings


def space_finding(folder: Path, free_bytes: int) -> Finding:
    """Whether there is room for an episode."""
    return judged(
        "disk space",
        f"{free_bytes / 1e9:.1f} GB free in {folder}",
        "Free some space: an episode takes 0.4 to 6 MB a second",
        bad=free_bytes < _BAD_BYTES,
        note=free_bytes < _NOTE_BYTES,
    )


def speed_finding(folder: Path, speed_mb_s: float) -> Finding:
    """Whether episodes are written as fast as they grow."""
    return judged(
        "disk speed",
        f"{speed_mb_s:.0f} MB/s reach the disk in {folder}",
        "Record to a local disk: an episode grows by 0.4 to 6 MB a second",
        bad=speed_mb_s < _BAD_MB_S,
        note=speed_mb_s < _NOTE_MB_S,
    )


def _written_mb_s(folder: Path, clock: Clock, size: int) -> float:
    block = os.urandom(1 << 20)
    with tempfile.TemporaryFile(dir=folder) as file:
        start_ns = clock.now_ns()
        for _ in range(max(1, size >> 20)):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
        return max(1, size >> 20) * 1.048576 / max(1e-9, (clock.now_ns() - start_ns) * 1e-9)
