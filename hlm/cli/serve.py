"""`hlm serve`: a checkpoint for robots and evaluations on other machines."""

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
from hlm.cli.progress import waiting
from hlm.cli.tables import console
from hlm.core.errors import InputError, MissingFileError

if TYPE_CHECKING:
    from hlm.policies.serving.server import PolicyServer

KEY_VARIABLE = "HLM_API_KEY"
REPORT_S = 10.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Beyond these a number is a slip of the hand, and would end in an error of torch's or of the system's.
RANGES = {"threads": (1, 1024), "max_message_mb": (0.001, 1000.0), "max_clients": (1, 1024)}


@dataclass(frozen=True, kw_only=True, slots=True)
class ServeArguments:
    """Serve a checkpoint over websockets, to hlm's own client and to openpi's.

    GET /healthz says whether the server lives, GET /health how it does. Ctrl+C or SIGTERM lets it finish the request
    that is running; a second one ends it at once.

    Attributes:
        checkpoint: folder of the policy.
        host: interface to listen at; 0.0.0.0 for all of them, which needs an API key.
        port: 0 takes a free one, and says which.
        api_key_file: file whose text clients must send as their API key; by default the environment's HLM_API_KEY.
        euler_steps: flow steps of each chunk; as the checkpoint says by default.
        device: where to compute; "auto" takes a GPU if there is one.
        threads: CPU threads; one is best for one chunk of a small policy.
        max_message_mb: largest request, MB; three pictures of 224 x 224 take 0.5.
        max_clients: connections at a time.
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
        """Check what needs no checkpoint."""
        for name, (least, most) in RANGES.items():
            if not least <= getattr(self, name) <= most:
                option = f"--{name.replace('_', '-')}"
                raise InputError(f"{option} must lie between {least:g} and {most:g}, got {getattr(self, name)}.")


def run(arguments: Sequence[str]) -> int:
    """Serve until a signal comes: 0 after SIGTERM, 130 after Ctrl+C."""
    config = parse(ServeArguments, "hlm serve", arguments)
    from hlm.policies.serving.address import bind, is_loopback

    key = api_key(config.api_key_file)
    if key is None and not is_loopback(config.host):
        raise InputError(
            f"others than this machine can reach '{config.host}': give an API key, in the environment's {KEY_VARIABLE} "
            "or with --api-key-file FILE, or listen at 127.0.0.1."
        )
    with bind(config.host, config.port) as listener:
        server = _server(config, listener, key)
        received = asyncio.run(_serve(server, config))
    if received is signal.SIGINT:
        raise KeyboardInterrupt(f"answered {server.statistics.requests} requests")
    return 0


def api_key(file: Path | None) -> str | None:
    """The key in a file, or else in the environment; None when there is neither.

    It is no argument, since every user of a machine can read the arguments of its processes.

    Raises:
        MissingFileError: no such file.
        InputError: what is there is no key.
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

    from hlm.policies.serving.server import PolicyServer, ServerConfig
    from hlm.policies.trained import load_policy

    bounds = ServerConfig(max_message_bytes=round(config.max_message_mb * 1e6), max_clients=config.max_clients)
    torch.set_num_threads(config.threads)
    device = config.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    elif device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: there is no GPU that torch can use here; take --device cpu.")
    with waiting(f"loading {config.checkpoint}"):
        policy = load_policy(config.checkpoint, euler_steps=config.euler_steps, device=device)
    return PolicyServer(policy, listener, bounds, api_key=key, describe_sampling=policy.describe_sampling)


async def _serve(server: PolicyServer, config: ServeArguments) -> signal.Signals:
    """Serve until a signal comes, and say which."""
    async with AsyncExitStack() as stack:
        with waiting("warming up"), _interruptible():
            await stack.enter_async_context(server)
        received = stack.enter_context(_signals())
        for reason in server.health().get("left_out", ()):
            _tell(f"chunks are made more slowly than this machine could: {reason}")
        console().out(f"serving {config.checkpoint} at {server.url}")
        sys.stdout.flush()  # whoever started this in a pipe waits for the line
        reported = 0
        while True:
            with suppress(TimeoutError):
                return await asyncio.wait_for(received.get(), REPORT_S)
            if server.statistics.requests > reported:
                reported = server.statistics.requests
                _tell(_report(server.health()))


@contextmanager
def _interruptible() -> Iterator[None]:
    """After a Ctrl+C in here, which waits for the chunk that is being made, another one ends the process at once."""
    try:
        yield
    except asyncio.CancelledError:  # what asyncio makes of a Ctrl+C
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        raise


@contextmanager
def _signals() -> Iterator[asyncio.Queue[signal.Signals]]:
    """The stop signals that come in here; afterwards another one ends the process at once."""
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
    """Show a line to whoever watches; standard output is for who started this in a pipe."""
    Console(stderr=True).out(line, highlight=False)


def _report(health: Mapping[str, Any]) -> str:
    """A line for whoever watches."""
    took = health["latency_ms"]["infer"]
    text = f"{health['requests']} requests, {health['errors']} refused, {health['clients']} clients"
    return text + (f"; answers take {took['p50']:.0f} ms, 1 in 100 over {took['p99']:.0f} ms" if took else "")
