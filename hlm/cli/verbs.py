"""Tables of verbs: found by name, loaded on demand, listed without importing anything."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

from hlm.core.errors import UnknownNameError

Command = Callable[[Sequence[str]], int]
HELP = ("-h", "--help", "help")
EXIT_ERROR = 2
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb.

    Attributes:
        target: `module:function`; the function takes the remaining arguments and returns the exit code.
        summary: what the verb does, in one line.
    """

    target: str
    summary: str

    def load(self) -> Command:
        """Import the module and return its function."""
        module, _, function = self.target.partition(":")
        command: Command = getattr(import_module(module), function)
        return command


def overview(program: str, about: str, verbs: Mapping[str, Verb]) -> str:
    """Help text: what the program is, and its verbs with a line each."""
    width = max(map(len, verbs))
    rows = "\n".join(f"  {name:<{width}}  {verb.summary}" for name, verb in verbs.items())
    return f"usage: {program} VERB ...\n\n{about}\n\nverbs:\n{rows}\n\n`{program} VERB --help` explains one verb."


def dispatch(program: str, about: str, verbs: Mapping[str, Verb], arguments: Sequence[str]) -> int:
    """Run the verb that `arguments` start with; without one, print the overview.

    Args:
        program: what the person typed up to here, e.g. `hlm data`.
        about: one line for the overview.
        verbs: the table.
        arguments: what follows `program`.

    Returns:
        Exit code.

    Raises:
        UnknownNameError: no such verb; the text suggests the nearest.
    """
    if not arguments or arguments[0] in HELP:
        text = overview(program, about, verbs)
        sys.stdout.write(text + "\n")
        return 0 if arguments else 2
    name, *rest = arguments
    if name not in verbs:
        raise UnknownNameError(f"verb of `{program}`", name, verbs)
    return verbs[name].load()(rest)
