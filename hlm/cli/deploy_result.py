"""What a deployment has come to, as a JSON document: an evaluation's row, and what real time adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hlm.core.clock import STEP_HZ
from hlm.runtime.deployment_figures import spread_ms

if TYPE_CHECKING:
    from hlm.cli.deploy_parts import DeployParts
    from hlm.runtime.deployment import Outcome
    from hlm.runtime.deployment_figures import DeploymentFigures
    from hlm.runtime.recorder_process import Recorded

SCHEMA = 1


def document(
    parts: DeployParts, outcome: Outcome, figures: DeploymentFigures, recorded: Recorded | None
) -> dict[str, Any]:
    """The document; `success` is None where there is no task to score it."""
    plan = parts.plan
    return {
        "schema": SCHEMA,
        "robot": plan.robot.name,
        "tracker": parts.robot.tracker,
        "task": plan.robot.task,
        "operator": plan.operator,
        "policy": {} if plan.spec is None else _identity(parts),
        **_row(parts, outcome),
        "ended": outcome.ended.value,
        "body_state": outcome.status.state.value,
        "dry_run": plan.dry_run,
        "realtime": {
            "loop": {
                "rate_hz": STEP_HZ,
                "steps": figures.steps,
                "missed_slots": figures.missed,
                "reference_late_ms": figures.late_ms(),
            },
            "body": parts.body_figures.summary(),
            "ages_ms": figures.ages_ms(),
            "policy": _policy(parts),
            "robot": dict(parts.robot.figures()),
            "notes": list(parts.notes),
        },
        "safety_events": [asdict(event) for event in figures.events],
        "in_command": [{"time_s": time_s, "name": name} for time_s, name in figures.commanders],
        "recording": None if recorded is None else _recording(recorded),
    }


def _row(parts: DeployParts, outcome: Outcome) -> dict[str, Any]:
    """What `hlm eval` says of a rollout."""
    from hlm.evaluation.results import RolloutResult, progress_of

    instance, task, progress = parts.instance, parts.robot.task, outcome.progress
    if task is None or instance.seed is None:
        return {
            "seed": instance.seed,
            "instruction": instance.instruction,
            "success": None,
            "duration_s": outcome.duration_s,
            "steps": outcome.steps,
            "fault": outcome.fault,
        }
    stage = 0 if progress is None else progress.stage
    result = RolloutResult(
        seed=instance.seed,
        instruction=instance.instruction,
        success=outcome.success,
        stage=stage,
        stages=tuple(task.stages),
        progress=progress_of(stage, len(task.stages), success=outcome.success),
        wrong_object=progress is not None and progress.wrong_object,
        fell=progress is not None and progress.fell,
        duration_s=outcome.duration_s,
        steps=outcome.steps,
        fault=outcome.fault,
    )
    return asdict(result)


def _identity(parts: DeployParts) -> dict[str, Any]:
    spec = parts.plan.spec
    if spec is None:
        return {}
    return {
        "policy_type": spec.policy_type,
        "origin": spec.origin,
        "digest": spec.digest,
        "horizon": spec.horizon,
        "execution_horizon": parts.plan.execution_horizon,
        "scheduler": parts.plan.scheduler,
    }


def _policy(parts: DeployParts) -> dict[str, Any]:
    if parts.policy is None or parts.chunks is None:
        return {}
    return {"latency_ms": spread_ms(parts.policy.latencies_s), **asdict(parts.chunks.counts)}


def _recording(recorded: Recorded) -> Mapping[str, Any]:
    return {**recorded._asdict(), "path": None if recorded.path is None else str(recorded.path)}
