"""A deployment as it is carried out: the robot moves and comes to rest, and all is told."""

from __future__ import annotations

import gc
import json
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from hlm.cli.deploy_parts import DeployParts, opened
from hlm.cli.deploy_result import document
from hlm.cli.deploy_rows import rows
from hlm.cli.deploy_signals import StopSignals
from hlm.cli.deploy_taker import TakerSeat, seated
from hlm.cli.deploy_view import DeployView
from hlm.cli.process import silence, silence_if_stuck
from hlm.cli.progress import waiting
from hlm.cli.tables import console
from hlm.cli.verbs import EXIT_ERROR, EXIT_FAILED
from hlm.core.errors import HlmError
from hlm.core.realtime import LOOP_PRIORITY, prefer
from hlm.runtime.deployment import Deployment, DeploymentConfig, Ended, Moment, Outcome

if TYPE_CHECKING:
    from hlm.cli.deploy_plan import DeployPlan
    from hlm.runtime.recorder_process import Recorded

_PATIENCE_S = 0.5


def carry_out(plan: DeployPlan) -> int:
    """Move, and say how it went.

    Returns:
        Exit code.

    Raises:
        HlmError: something could not be had; nothing has moved then.
    """
    with ExitStack() as stack:
        taker = stack.enter_context(seated(plan))
        with waiting("starting"):
            parts = stack.enter_context(opened(plan, taker))
        for note in parts.notes:
            console().print(f"note: {note}", soft_wrap=True)
        seat = TakerSeat.of(parts)
        with StopSignals() if seat is None else seat.stop_signals() as stops:
            console().print(f"to stop: {stops.ways}", soft_wrap=True)
            outcome, result = _run(parts, stops, seat)
            trouble = _write(plan, result)
    for stream in (sys.stdout, sys.stderr):
        silence_if_stuck(stream, _PATIENCE_S)
    for tell, stream in ((_tell, sys.stdout), (_complain, sys.stderr)):
        try:
            tell(plan, outcome, result, trouble)
            stream.flush()
        except OSError:  # nobody reads it any more, and the exit code tells as well
            silence(stream)
    return _exit_code(outcome, result, stops, trouble)


def _run(parts: DeployParts, stops: StopSignals, seat: TakerSeat | None) -> tuple[Outcome, dict[str, Any]]:
    """Arm, run the episode, bring the robot to rest, and end the recording."""
    plan = parts.plan
    config = DeploymentConfig(duration_s=plan.duration_s)
    deployment = Deployment(parts.station, parts.instance, stops, parts.watches, parts.recorder, config)
    gc.collect()
    gc.freeze()  # a collection of everything that was imported would cost a step
    prefer(0, LOOP_PRIORITY)
    with DeployView(lambda moment: rows(parts, moment, deployment.figures)) as view:

        def show(moment: Moment) -> None:
            parts.collect()
            view.show(moment)
            if seat is not None:
                seat.show(moment)

        outcome = deployment.run(show, parts.robot.hang)
    prefer(0, 0)
    gc.unfreeze()
    recorded = _commit(parts, outcome)
    return outcome, document(parts, outcome, deployment.figures, recorded)


def _commit(parts: DeployParts, outcome: Outcome) -> Recorded | None:
    """End the recording, as `hlm.runtime.recording` labels episodes."""
    if parts.recorder is None:
        return None
    from hlm.runtime.recorder_process import Ending

    label, progress = "unlabelled", outcome.progress
    if outcome.fault and outcome.ended is Ended.FAULT:
        label = "failure"
    elif progress is not None and outcome.ended is not Ended.STOPPED:
        label = "success" if outcome.success else "failure"
    stage = None if progress is None else progress.stage
    return parts.recorder.commit(Ending(label, stage, outcome.fault, {"ended": outcome.ended.value}))


def _write(plan: DeployPlan, result: dict[str, Any]) -> str:
    """Write the figures, if somebody wants them; why they are not there, empty if they are."""
    from hlm.core.files import storage_errors, write_atomic

    if plan.json is not None:
        text = json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False)
        try:
            with storage_errors("write", plan.json):
                plan.json.parent.mkdir(parents=True, exist_ok=True)
                write_atomic(plan.json, f"{text}\n".encode())
        except HlmError as error:
            return str(error)
    return ""


def _tell(plan: DeployPlan, outcome: Outcome, result: dict[str, Any], trouble: str) -> None:
    """Print how it went."""
    screen, recording = console(), result["recording"]
    words = f"{outcome.steps} steps, {outcome.duration_s:.1f} s, '{result['instruction']}'"
    if result["success"] is not None:
        words = f"{_verdict(result)}, {words}"
    screen.print(f"seed {result['seed']}: {words}" if result["seed"] is not None else words, soft_wrap=True)
    if recording is not None:
        kept = f"recorded: {recording['path']}" if recording["path"] else "nothing was recorded"
        screen.print(kept + (f" ({recording['trouble']})" if recording["trouble"] else ""), soft_wrap=True)
    if plan.json is not None and not trouble:
        screen.print(f"figures: {plan.json}", soft_wrap=True)


def _complain(plan: DeployPlan, outcome: Outcome, result: dict[str, Any], trouble: str) -> None:
    """Say what went wrong."""
    del plan, result
    if trouble:
        sys.stderr.write(f"hlm: {trouble}\n")
    if outcome.fault:
        sys.stderr.write(f"hlm: {outcome.fault.rstrip('.')}; the body ended {outcome.status.state.value}\n")


def _exit_code(outcome: Outcome, result: dict[str, Any], stops: StopSignals, trouble: str) -> int:
    if outcome.ended is Ended.STOPPED:
        return stops.exit_code
    if trouble:
        return EXIT_ERROR
    failed = outcome.ended is Ended.FAULT or result["success"] is False or not outcome.status.at_rest
    return EXIT_FAILED if failed else 0


def _verdict(result: dict[str, Any]) -> str:
    if result["success"]:
        return "success"
    stages, stage = result["stages"], result["stage"]
    return f"failure after {stages[stage - 1] if stage else 'nothing'}"
