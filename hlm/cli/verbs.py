"""Tables of verbs: listed without importing them, loaded when one is run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

from hlm.core.errors import UnknownNameError

Command = Callable[[Sequence[str]], int]
HELP = ("-h", "--help", "help")
EXIT_FAILED = 1
EXIT_ERROR = 2
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Verb:
    """A command of the program, such as `train`.

    Attributes:
        target: `module:function`; the function takes the remaining arguments and returns the exit code.
        summary: what it does, in one line.
    """

    target: str
    summary: str

    def load(self) -> Command:
        """Import the module and return its function."""
        module, _, function = self.target.partition(":")
        command: Command = getattr(import_module(module), function)
        return command


def overview(program: str, about: str, verbs: Mapping[str, Verb]) -> str:
    """Help text: what the program is for, and its verbs with a line each."""
    width = max(map(len, verbs))
    rows = "\n".join(f"  {name:<{width}}  {verb.summary}" for name, verb in verbs.items())
    more = f"See `{program} COMMAND --help` for the arguments of a command."
    return "\n\n".join([f"Usage: {program} COMMAND ...", about, f"Commands:\n{rows}", more])


def dispatch(program: str, about: str, verbs: Mapping[str, Verb], arguments: Sequence[str]) -> int:
    """Run the verb that `arguments` start with; without one, print the overview.

    Args:
        program: how the program was called, for example `hlm data`.
        about: what it is for, in one line.
        verbs: its verbs by name.
        arguments: words after `program`.

    Returns:
        Exit code.

    Raises:
        UnknownNameError: no such verb.
    """
    if not arguments or arguments[0] in HELP:
        text = overview(program, about, verbs)
        sys.stdout.write(text + "\n")
        return 0 if arguments else EXIT_ERROR
    name, *rest = arguments
    if name not in verbs:
        raise UnknownNameError(f"`{program}` command", name, verbs)
    return verbs[name].load()(rest)
