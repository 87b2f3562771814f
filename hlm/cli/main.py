"""Entry point of `hlm`: runs a verb, and turns the errors that a user can fix into one line and an exit code."""

from __future__ import annotations

import sys

try:
    from collections.abc import Callable, Sequence

    from hlm.cli.process import interrupted, leave, prepare, silence
    from hlm.cli.verbs import EXIT_ERROR, EXIT_INTERRUPTED, Verb, dispatch
    from hlm.core.errors import HlmError, InputError
except KeyboardInterrupt:  # even this early, nobody wants a traceback
    sys.stderr.write("hlm: interrupted\n")
    sys.exit(130)

ABOUT = "Record, train, evaluate and serve whole-body vision-language-action policies for humanoid robots."
VERBS = {
    "record": Verb("hlm.cli.record:run", "record what a person, script or policy shows, simulated or on a robot"),
    "train": Verb("hlm.cli.train:run", "train a policy on recorded episodes"),
    "eval": Verb("hlm.cli.eval:run", "evaluate a policy or the scripted operator on unseen seeds, and write a report"),
    "doctor": Verb("hlm.cli.doctor:run", "check this machine and what is connected to it, before a robot is armed"),
    "twin": Verb("hlm.cli.twin:run", "be a simulated Unitree G1 behind the topics of the real one"),
    "deploy": Verb("hlm.cli.deploy:run", "run a policy on a robot in real time, simulated or real"),
    "teleop": Verb("hlm.cli.teleop:run", "check the device that a person commands with"),
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
    if arguments is None:
        return _program()
    return guarded("hlm", lambda: _run(arguments))


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
    except KeyboardInterrupt as interrupt:
        return _complain(program, f"interrupted{f'; {interrupt}' if interrupt.args else ''}", EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader is gone (`hlm data info x | head`).
        silence(sys.stdout)
        return EXIT_BROKEN_PIPE
    except Exception as error:
        if interrupted():
            return _complain(program, "interrupted", EXIT_INTERRUPTED)
        if isinstance(error, HlmError):
            return _complain(program, " ".join(str(error).split()), EXIT_ERROR)
        if isinstance(error, OSError):  # disk full, no permission, not a folder: for the user to fix
            path = f": {error.filename}" if error.filename else ""
            return _complain(program, f"{error.strerror or error}{path}", EXIT_ERROR)
        if _is_memory(error):
            return _complain(program, "the memory is full, or a limit is reached (`ulimit -a`).", EXIT_ERROR)
        raise
    return code


def _is_memory(error: Exception) -> bool:
    """Whether memory was lacking, for values or for a shared library."""
    lacking = ("failed to map segment", "cannot allocate memory")
    return isinstance(error, MemoryError) or (
        isinstance(error, ImportError) and any(words in str(error).lower() for words in lacking)
    )


def _program() -> int:
    """Run the command line of this process, which ends afterwards."""
    try:
        prepare()
        return guarded("hlm", lambda: _run(sys.argv[1:]))
    except KeyboardInterrupt:
        return _complain("hlm", "interrupted", EXIT_INTERRUPTED)
    finally:
        leave()


def _run(arguments: Sequence[str]) -> int:
    words = list(arguments)
    for word in words:
        if any("\ud800" <= letter <= "\udfff" for letter in word):
            shown = word.encode("ascii", "backslashreplace").decode()
            raise InputError(f"'{shown}' is not UTF-8: rename it, because files and pages could not name it.")
    if words[:1] == ["--version"]:
        return _show_version()
    return dispatch("hlm", ABOUT, VERBS, words)


def _show_version() -> int:
    import hlm

    sys.stdout.write(f"hlm {hlm.__version__}\n")
    return 0


def _complain(program: str, text: str, code: int) -> int:
    for stream, line in ((sys.stdout, ""), (sys.stderr, f"{program}: {text}\n")):
        try:
            stream.write(line)
            stream.flush()
        except OSError:  # its reader is gone, or the disk is full
            silence(stream)
    return code


if __name__ == "__main__":
    sys.exit(main())
