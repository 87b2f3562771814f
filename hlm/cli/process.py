"""What a process needs around a verb: text in UTF-8, streams that can be written to, Ctrl+C without tracebacks."""

from __future__ import annotations

import fcntl
import io
import os
import select
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import TextIO

_UTF8_MODE = "PYTHONUTF8"
_ASK_AGAIN_S = 0.05
_ASKED: list[int] = []


def prepare() -> None:
    """Make this process fit for any verb."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # under `nohup ... &` it stays ignored
        signal.signal(signal.SIGINT, _interrupt)
    _speak_utf8()
    _open_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")  # what a terminal cannot show must not end a run


def silence(stream: TextIO) -> None:
    """Drop what a stream still holds, which cannot be written; the interpreter would try, and report it, at exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def silence_if_stuck(stream: TextIO, patience_s: float) -> None:
    """Drop a stream that would wait for ever: of a halted terminal (Ctrl+S), or of a full pipe that nobody reads."""
    with suppress(OSError, ValueError):
        waiting = select.poll()
        waiting.register(stream.fileno(), select.POLLOUT)
        if not waiting.poll(1e3 * patience_s):
            silence(stream)


def interrupt_as_python_does() -> None:
    """Give Ctrl+C back to Python: asyncio cancels what it runs only if the handler is Python's own."""
    if signal.getsignal(signal.SIGINT) is _interrupt:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def leave() -> None:
    """Let Ctrl+C end the process at once: all is told, and nobody wants a traceback of the interpreter's exit."""
    if signal.getsignal(signal.SIGINT) in (_interrupt, signal.default_int_handler):
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def interrupted() -> bool:
    """Whether Ctrl+C was pressed: an error that comes after it is most likely one that a library made of it."""
    return bool(_ASKED)


def postponed(number: int, frame: FrameType | None) -> bool:
    """Whether a signal is not to be answered now, because what is raised in a frame would get lost; it comes again.

    Libraries swallow what is raised while they are imported, turn it into errors of their own, or stay half imported;
    PyOpenGL's calls turn it into an `ArgumentError`, which looks as if a camera had failed.
    """
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        if frame.f_code.co_filename.startswith("<frozen importlib") or module.startswith("OpenGL."):
            signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(number))
            signal.setitimer(signal.ITIMER_REAL, _ASK_AGAIN_S)
            return True
        frame = frame.f_back
    return False


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, once it will not get lost."""
    if postponed(number, frame):
        return
    _ASKED.append(number)
    raise KeyboardInterrupt


def _speak_utf8() -> None:
    """Start over in UTF-8 mode where the locale knows ASCII alone, as under cron or ssh.

    Paths with other letters could be opened there, but not be written into a file or be handed to most libraries.
    """
    if sys.getfilesystemencoding() == "ascii" and os.environ.get(_UTF8_MODE) != "1" and sys.executable:
        os.environ[_UTF8_MODE] = "1"  # for the processes that this one starts, too
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _open_streams() -> None:
    """Open standard streams that were closed (`>&-`): files opened later would get their numbers, and their text."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None or not _is_usable(number):
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            os.set_inheritable(number, True)  # noqa: FBT003 - Python's own signature
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))


def _is_usable(number: int) -> bool:
    """Whether a standard stream is open, and for writing if it is to be written to.

    A shell that runs a script without standard error leaves the script there.
    """
    try:
        mode = fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE
    except OSError:
        return False
    return number == 0 or mode != os.O_RDONLY
