"""The network interface that a robot is behind."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from hlm.cli.diagnosis.finding import Finding, Verdict, judged

# Flags of an interface, see netdevice(7).
_UP, _LOOPBACK, _MULTICAST = 0x1, 0x8, 0x1000


def interface_findings(interface: str | None, root: Path = Path("/")) -> list[Finding]:
    """Whether DDS can speak through an interface.

    Args:
        interface: its name; None when nobody said.
        root: of the file system that the kernel tells this in.
    """
    known = _interfaces(root)
    if interface is None:
        choice = f"Name it with --interface: {', '.join(known)}"
        return [Finding("interface", Verdict.BAD, "none was named", choice)]
    if interface not in known:
        return [Finding("interface", Verdict.BAD, f"no '{interface}' here", f"This machine has {', '.join(known)}")]
    flags, carrier = _flags(root, interface), _text(root, interface, "operstate")
    up = bool(flags & _UP) and carrier in ("up", "unknown")
    findings = [
        judged(
            "interface",
            f"{interface} is {'up' if up else f'down ({carrier})'}",
            f"Plug the robot's cable in, then: sudo ip link set {interface} up; its address lies in 192.168.123.0/24",
            bad=not up,
        )
    ]
    if not flags & _LOOPBACK:  # on loopback, peers are found without
        findings.append(
            judged(
                "multicast",
                "allowed" if flags & _MULTICAST else f"not allowed on {interface}",
                f"sudo ip link set {interface} multicast on: DDS finds the robot by it",
                bad=not flags & _MULTICAST,
            )
        )
    return findings


def _interfaces(root: Path) -> Sequence[str]:
    with suppress(OSError):
        return sorted(path.name for path in (root / "sys/class/net").iterdir())
    return ()


def _flags(root: Path, interface: str) -> int:
    with suppress(ValueError):
        return int(_text(root, interface, "flags"), 16)
    return 0


def _text(root: Path, interface: str, name: str) -> str:
    with suppress(OSError):
        return (root / "sys/class/net" / interface / name).read_text().strip()
    return ""
