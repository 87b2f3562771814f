"""Entry point of `hlm`: finds the verb, and turns what a person can mend into one line and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from hlm.cli.verbs import EXIT_ERROR, EXIT_INTERRUPTED, Verb, dispatch
from hlm.core.errors import HlmError

ABOUT = "Whole-body humanoid vision-language-action policies: record, train, evaluate."
VERBS = {
    "record": Verb("hlm.cli.record:run", "record demonstrations of a task in MuJoCo into a dataset"),
    "train": Verb("hlm.cli.train:run", "train a policy on recorded episodes"),
    "eval": Verb("hlm.cli.eval:run", "score a checkpoint or a scripted operator on unseen seeds, with a report"),
    "serve": Verb("hlm.cli.serve:run", "serve a checkpoint over the network, to hlm and openpi clients"),
    "data": Verb("hlm.cli.data:run", "show, verify or recover a dataset"),
    "policy": Verb("hlm.cli.policy:run", "show what a checkpoint holds"),
}

EXIT_BROKEN_PIPE = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code: 0 done, 2 an error of the user's, 130 interrupted.

    Args:
        arguments: what follows `hlm`; the process' own arguments by default.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _show_version() if words[:1] == ["--version"] else dispatch("hlm", ABOUT, VERBS, words)
        sys.stdout.flush()
    except HlmError as error:
        return _complain(" ".join(str(error).split()), EXIT_ERROR)
    except KeyboardInterrupt as interrupt:
        return _complain(f"interrupted{f'; {interrupt}' if interrupt.args else ''}", EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader went away (`hlm data info x | head`); without this, the interpreter complains once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except OSError as error:  # disk full, no permission, not a folder: the person's to mend
        return _complain(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}", EXIT_ERROR)
    return code


def _show_version() -> int:
    import hlm

    sys.stdout.write(f"hlm {hlm.__version__}\n")
    return 0


def _complain(text: str, code: int) -> int:
    sys.stderr.write(f"hlm: {text}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
