"""`hlm serve`: serve a policy to robots and evaluations on other machines."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console

from hlm.cli.arguments import Positional, parse
from hlm.cli.process import interrupt_as_python_does
from hlm.cli.progress import waiting
from hlm.cli.tables import console
from hlm.core.errors import InputError, MissingFileError

if TYPE_CHECKING:
    from hlm.policies.serving.server import PolicyServer

KEY_VARIABLE = "HLM_API_KEY"
REPORT_S = 10.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Values beyond these are typing errors, which would only fail deep inside torch or the system.
RANGES = {"threads": (1, 1024), "max_message_mb": (0.001, 1000.0), "max_clients": (1, 1024)}


@dataclass(frozen=True, kw_only=True, slots=True)
class ServeArguments:
    """Serve a policy over websockets, to hlm's own client and to openpi's.

    GET /healthz answers OK while the server runs, GET /health returns its state as JSON. Ctrl+C or SIGTERM stops it
    after the running request; a second one stops it at once.

    Attributes:
        checkpoint: checkpoint of the policy; also an openpi checkpoint as OpenHLM trains it, with its usual options
            (`hlm policy import` takes others).
        host: address to listen at; 0.0.0.0 for all interfaces, which requires an API key.
        port: port to listen at; 0 for a free one, which is printed.
        api_key_file: file with the API key that clients must send; by default, the environment variable HLM_API_KEY.
        euler_steps: flow steps per chunk; by default, the checkpoint's.
        device: device to compute on; `auto` takes a GPU if there is one.
        threads: CPU threads; one is fastest for a small policy.
        max_message_mb: largest request, MB; three images of 224 x 224 px take 0.5 MB.
        max_clients: simultaneous connections.
    """

    checkpoint: Positional[Path]
    host: str = "127.0.0.1"
    port: int = 8000
    api_key_file: Path | None = None
    euler_steps: int | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = 1
    max_message_mb: float = 32.0
    max_clients: int = 16

    def __post_init__(self) -> None:
        """Check ranges."""
        for name, (least, most) in RANGES.items():
            if not least <= getattr(self, name) <= most:
                option = f"--{name.replace('_', '-')}"
                raise InputError(f"{option} must be between {least:g} and {most:g}, got {getattr(self, name)}.")


def run(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM (exit code 0) or Ctrl+C (130)."""
    config = parse(ServeArguments, "hlm serve", arguments)
    from hlm.core.listening import bind, is_loopback

    key = api_key(config.api_key_file)
    if key is None and not is_loopback(config.host):
        raise InputError(
            f"other machines can reach '{config.host}': set an API key, with the environment variable {KEY_VARIABLE} "
            "or --api-key-file FILE, or listen at 127.0.0.1."
        )
    with bind(config.host, config.port) as listener:
        server = _server(config, listener, key)
        interrupt_as_python_does()
        received = asyncio.run(_serve(server, config))
    if received is signal.SIGINT:
        raise KeyboardInterrupt(f"answered {server.statistics.requests} requests")
    return 0


def api_key(file: Path | None) -> str | None:
    """The API key in a file, or else in the environment; None if there is neither.

    It is not an option because every user of a machine can read the command lines of its processes.

    Raises:
        MissingFileError: no such file.
        InputError: an invalid key.
    """
    from hlm.policies.serving.admission import check_key

    if file is None:
        text = os.environ.get(KEY_VARIABLE)
        return None if text is None else check_key(text)
    if not file.is_file():
        raise MissingFileError(f"no file '{file}' with an API key.")
    return check_key(file.read_text(encoding="utf-8", errors="replace"))


def _server(config: ServeArguments, listener: socket.socket, key: str | None) -> PolicyServer:
    import torch

    from hlm.policies.exchange.opening import open_policy
    from hlm.policies.serving.server import PolicyServer, ServerConfig

    bounds = ServerConfig(max_message_bytes=round(config.max_message_mb * 1e6), max_clients=config.max_clients)
    torch.set_num_threads(config.threads)
    device = config.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    elif device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: torch finds no GPU here; use --device cpu.")
    with waiting(f"loading {config.checkpoint}"):
        policy, notes = open_policy(config.checkpoint, euler_steps=config.euler_steps, device=device)
    for note in notes:
        _tell(f"note: {note}")
    return PolicyServer(policy, listener, bounds, api_key=key, describe_sampling=policy.describe_sampling)


async def _serve(server: PolicyServer, config: ServeArguments) -> signal.Signals:
    """Serve until a stop signal, and return it."""
    async with AsyncExitStack() as stack:
        with waiting("warming up"), _interruptible():
            await stack.enter_async_context(server)
        received = stack.enter_context(_signals())
        for reason in server.health().get("left_out", ()):
            _tell(f"chunks are slower than they could be on this machine: {reason}")
        console().out(f"serving {config.checkpoint} at {server.url}")
        sys.stdout.flush()  # A parent process may be waiting for this line.
        reported, barred = 0, set[str]()
        while True:
            with suppress(TimeoutError):
                return await asyncio.wait_for(received.get(), REPORT_S)
            if server.statistics.requests > reported:
                reported, health = server.statistics.requests, server.health()
                for images in health["barred"]:
                    if images not in barred:
                        barred.add(images)
                        _tell(f"images get black bars, which they had in training only if recorded so: {images}")
                _tell(_report(health))


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl+C in here waits for the running chunk; a second Ctrl+C ends the process at once."""
    try:
        yield
    except asyncio.CancelledError:  # asyncio turns Ctrl+C into this
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        raise


@contextmanager
def _signals() -> Iterator[asyncio.Queue[signal.Signals]]:
    """A queue of the stop signals received in here; afterwards, a stop signal ends the process at once."""
    loop, received = asyncio.get_running_loop(), asyncio.Queue[signal.Signals]()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, received.put_nowait, number)
    try:
        yield received
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)


def _tell(line: str) -> None:
    """Print a line on standard error; standard output is for parent processes."""
    Console(stderr=True).out(line, highlight=False)


def _report(health: Mapping[str, Any]) -> str:
    """One line about the requests so far."""
    took = health["latency_ms"]["infer"]
    text = f"{health['requests']} requests, {health['errors']} refused, {health['clients']} clients"
    return text + (f"; latency {took['p50']:.0f} ms, p99 {took['p99']:.0f} ms" if took else "")
