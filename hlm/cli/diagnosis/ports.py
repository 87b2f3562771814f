"""Whether ports that a deployment listens at are free."""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping

from hlm.cli.diagnosis.finding import Finding, Verdict, judged


def port_finding(ports: Mapping[str, int], host: str = "127.0.0.1") -> Finding:
    """Whether nobody listens at ports that are about to be bound.

    Args:
        ports: by what they are for.
        host: address that they are bound at.
    """
    taken = [f"{port} ({purpose})" for purpose, port in ports.items() if not _is_free(host, port)]
    if not ports:
        return Finding("ports", Verdict.OK, "none is listened at")
    names = ", ".join(f"{port} ({purpose})" for purpose, port in ports.items())
    return judged(
        "ports",
        f"in use: {', '.join(taken)}" if taken else f"free: {names}",
        "End what listens there: `ss -lntp` shows it",
        bad=bool(taken),
    )


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True
