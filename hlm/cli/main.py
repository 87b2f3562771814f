"""Entry point of `hlm`: runs a verb, and turns the errors that a user can fix into one line and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

from hlm.cli.verbs import EXIT_ERROR, EXIT_INTERRUPTED, Verb, dispatch
from hlm.core.errors import HlmError

ABOUT = "Record, train, evaluate and serve whole-body vision-language-action policies for humanoid robots."
VERBS = {
    "record": Verb("hlm.cli.record:run", "record demonstrations of a task in simulation"),
    "train": Verb("hlm.cli.train:run", "train a policy on recorded episodes"),
    "eval": Verb("hlm.cli.eval:run", "evaluate a policy or the scripted operator on unseen seeds, and write a report"),
    "serve": Verb("hlm.cli.serve:run", "serve a checkpoint over websockets, to hlm and openpi clients"),
    "data": Verb("hlm.cli.data:run", "inspect, check, edit and convert datasets"),
    "policy": Verb("hlm.cli.policy:run", "inspect, configure, export and import checkpoints"),
}

EXIT_BROKEN_PIPE = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line.

    Args:
        arguments: words after `hlm`; by default, the arguments of this process.

    Returns:
        Exit code: 0 for success, 1 for problems that a verb found, 2 for an error, 130 after Ctrl+C.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["--version"]:
        return guarded("hlm", _show_version)
    return guarded("hlm", lambda: dispatch("hlm", ABOUT, VERBS, words))


def guarded(program: str, run: Callable[[], int]) -> int:
    """Run a program; an error that a user can fix becomes one line on stderr and an exit code.

    Args:
        program: its name, in front of the line.
        run: returns the exit code when there is no error.

    Returns:
        Exit code.
    """
    try:
        code = run()
        sys.stdout.flush()
    except HlmError as error:
        return _complain(program, " ".join(str(error).split()), EXIT_ERROR)
    except KeyboardInterrupt as interrupt:
        return _complain(program, f"interrupted{f'; {interrupt}' if interrupt.args else ''}", EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader is gone (`hlm data info x | head`); without this, the interpreter would report that again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except OSError as error:  # disk full, no permission, not a folder: for the user to fix
        path = f": {error.filename}" if error.filename else ""
        return _complain(program, f"{error.strerror or error}{path}", EXIT_ERROR)
    return code


def _show_version() -> int:
    import hlm

    sys.stdout.write(f"hlm {hlm.__version__}\n")
    return 0


def _complain(program: str, text: str, code: int) -> int:
    with suppress(OSError):
        sys.stdout.flush()
    sys.stderr.write(f"{program}: {text}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
