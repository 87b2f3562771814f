"""`hlm deploy`: a policy, a recorded episode or the scripted operator on a body in real time."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from hlm.cli.arguments import parse
from hlm.cli.deploy_arguments import DeployArguments


def run(arguments: Sequence[str]) -> int:
    """Check, move, and say how it went."""
    from hlm.cli.deploy_plan import planned
    from hlm.cli.deploy_run import carry_out
    from hlm.cli.eval_run import TerminatedError, termination_as_exception

    config = parse(DeployArguments, "hlm deploy", arguments)
    with termination_as_exception():
        try:
            return carry_out(planned(config))
        except TerminatedError as error:  # before anything moved, or after all was at rest
            sys.stderr.write(f"hlm: {error}\n")
            return error.exit_code
