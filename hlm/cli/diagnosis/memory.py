"""Whether the processes of a deployment fit into memory."""

from __future__ import annotations

from hlm.cli.diagnosis.finding import Finding, Verdict, judged

# Main process, body, plant, cameras, policy and recorder, 0.15 to 0.5 GB each.
_BAD_BYTES, _NOTE_BYTES = 1_000_000_000, 2_500_000_000


def memory_finding(free_bytes: int | None) -> Finding:
    """Whether there is room.

    Args:
        free_bytes: what new processes can have; None where the system does not tell.
    """
    if free_bytes is None:
        return Finding("memory", Verdict.NOTE, "the system does not say how much is free")
    return judged(
        "memory",
        f"{free_bytes / 1e9:.1f} GB free",
        f"End other programs: a deployment takes up to {_NOTE_BYTES / 1e9:g} GB, and swapping stops a control loop",
        bad=free_bytes < _BAD_BYTES,
        note=free_bytes < _NOTE_BYTES,
    )
