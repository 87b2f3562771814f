"""The whole workflow in minutes: record, verify, train, evaluate and report, with the commands that one would type.

Paths are relative to the root of the repository. See `scripts/demo.py --help`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from demo_plan import ROOT, DemoConfig, Step, plan

from hlm.cli.arguments import parse
from hlm.cli.main import guarded
from hlm.cli.tables import duration
from hlm.cli.verbs import EXIT_INTERRUPTED
from hlm.core.clock import NS_PER_S, Clock, MonotonicClock
from hlm.core.errors import HlmError

# Without a terminal, some commands print nothing until they end; a line every so often shows that they still run.
SIGN_OF_LIFE_S = 20.0
# After Ctrl+C, a command saves what it has. A terminal interrupts the command as well, `kill` only this process.
TELL_AGAIN_S = 5.0
GIVE_UP_S = 60.0


class StepFailedError(HlmError):
    """A command failed and has printed why.

    Attributes:
        code: its exit code.
    """

    def __init__(self, step: Step, code: int) -> None:
        super().__init__(f"stopped: `{step.command}` failed with exit code {code}.")
        self.code = code


def move_aside(folder: Path) -> Path | None:
    """Rename a folder to the first free one of `folder.1`, `folder.2`, ...; None if it is empty or does not exist."""
    if not folder.exists() or not any(folder.iterdir()):
        return None
    number = 1
    while (aside := folder.with_name(f"{folder.name}.{number}")).exists():
        number += 1
    return folder.rename(aside)


def main(arguments: Sequence[str]) -> int:
    """Run the demo and return the exit code of the first command that fails, or 0."""
    signal.signal(signal.SIGTERM, _interrupt)
    os.chdir(ROOT)

    def run() -> int:
        config = parse(DemoConfig, "scripts/demo.py", arguments)
        try:
            run_demo(config, MonotonicClock())
        except StepFailedError as error:
            print(f"demo: {error}", file=sys.stderr)
            return error.code
        except KeyboardInterrupt as interrupt:
            kept = "the results so far are kept, and the next demo moves them aside."
            raise KeyboardInterrupt(kept) from interrupt
        return 0

    return guarded("demo", run)


def run_demo(config: DemoConfig, clock: Clock) -> None:
    """Run all steps, write the report, and print where the results are.

    Raises:
        StepFailedError: a command failed.
    """
    start_ns = clock.now_ns()
    if aside := move_aside(config.out):
        print(f"moved the existing {config.out} to {aside}")
    config.out.mkdir(parents=True, exist_ok=True)
    steps = plan(config)
    for number, step in enumerate(steps.values(), start=1):
        print(f"\n[{number}/{len(steps) + 1}] {step.title}")
        if step.note:
            print(f"      {step.note}")
        print(f"      $ {step.command}", flush=True)
        step_ns = clock.now_ns()
        run_step(step)
        print(f"      took {_since(clock, step_ns)}")
    print(f"\n[{len(steps) + 1}/{len(steps) + 1}] write the report", flush=True)
    step_ns = clock.now_ns()
    from demo_report import write_report  # imports torch, which a usage error need not wait for

    page = write_report(config, steps)
    print(f"      took {_since(clock, step_ns)}")
    print(closing(config, page, _since(clock, start_ns)))


def run_step(step: Step) -> None:
    """Run one command and wait for it to end; it prints to this terminal.

    Raises:
        StepFailedError: it failed.
        KeyboardInterrupt: it was interrupted, and has ended.
    """
    process = subprocess.Popen([sys.executable, "-m", "hlm.cli.main", *step.arguments])
    try:
        waited_s = 0.0
        while (code := _wait(process, SIGN_OF_LIFE_S)) is None:
            waited_s += SIGN_OF_LIFE_S
            if not sys.stdout.isatty():
                print(f"      ... {waited_s:.0f} s", flush=True)
    except KeyboardInterrupt:
        _stop(process)
        raise
    if code in (EXIT_INTERRUPTED, -signal.SIGINT):
        raise KeyboardInterrupt
    if code != 0:
        raise StepFailedError(step, code if code > 0 else 128 - code)


def closing(config: DemoConfig, page: Path, took: str) -> str:
    """Text for the end of the demo: where the results are, and what to try next."""
    return f"""
Done in {took}.
  report            {page}
  demonstrations    {config.dataset}
  trained policy    {config.policy}
  evaluation        {config.evaluation}/report.html

Next, after `. .venv/bin/activate`:
  hlm policy info {config.checkpoint}
  hlm eval {config.checkpoint} --rollouts 50 --seed 200000
  hlm record --episodes 20 --seed 1000 --out runs/more.zarr
  hlm train --datasets runs/more.zarr --out runs/more_policy --max-minutes 20"""


def _wait(process: subprocess.Popen[bytes], timeout_s: float) -> int | None:
    """Exit code, or None if the process still runs after `timeout_s`."""
    try:
        return process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return None


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Wait for an interrupted command to end; a second Ctrl+C kills it."""
    try:
        if _wait(process, TELL_AGAIN_S) is None:
            process.send_signal(signal.SIGINT)
            _wait(process, GIVE_UP_S)
    except KeyboardInterrupt:
        pass
    finally:
        process.kill()
        process.wait()


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Handle SIGTERM like Ctrl+C, so that no command is left running."""
    del number, frame
    raise KeyboardInterrupt


def _since(clock: Clock, start_ns: int) -> str:
    return duration((clock.now_ns() - start_ns) / NS_PER_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
