"""What is shown of a moment of a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hlm.cli.live.takeover import POLICY
from hlm.core.body import BodyState

if TYPE_CHECKING:
    from hlm.cli.deploy_parts import DeployParts
    from hlm.runtime.deployment import Moment
    from hlm.runtime.deployment_figures import DeploymentFigures

_RECENT = 100


def rows(parts: DeployParts, moment: Moment, figures: DeploymentFigures) -> dict[str, str]:
    """Names and values, in the order in which they are shown."""
    shown = {
        "time": f"{moment.time_s:.1f} s",
        "safety": moment.status.state.value + (f" ({moment.status.fault})" if moment.status.fault else ""),
        "command": _in_command(parts, moment),
    }
    if parts.taker is not None:
        shown["takeover"] = parts.taker.summons.trouble or f"{parts.taker.name} is there"
    if moment.scored is not None and moment.scored.progress is not None and parts.robot.task is not None:
        stages, stage = parts.robot.task.stages, moment.scored.progress.stage
        shown["task"] = f"{stage} of {len(stages)} stages" + (f", {stages[stage - 1]}" if stage else "")
    shown["loop"] = f"{figures.steps} steps, {figures.missed} missed"
    if body := parts.body_figures.recent:
        late_ms = 1e3 * parts.body_figures.recent_late_s()
        rate_hz = parts.body_figures.recent_hz()
        shown["body"] = f"{rate_hz:.0f} Hz, {late_ms:.1f} ms late at most, {body[-1].skipped} missed"
    if moment.scored is not None:
        ages = moment.scored.step.age_s.items()
        shown["ages"] = ", ".join(f"{name.removeprefix('image_')} {1e3 * age_s:.0f} ms" for name, age_s in ages)
    if parts.policy is not None and parts.chunks is not None:
        shown["policy"] = _policy(parts, moment)
    if parts.recorder is not None:
        lost = parts.recorder.lost
        shown["recorder"] = "recording" + (f", {lost} lost" if lost else "")
    return shown


def _in_command(parts: DeployParts, moment: Moment) -> str:
    status = moment.status
    if status.tracking:
        named = "" if moment.scored is None else moment.scored.in_command
        return parts.plan.operator if named in ("", POLICY) else named
    return "nobody" if status.state is BodyState.DISARMED else "safety"


def _policy(parts: DeployParts, moment: Moment) -> str:
    """Place in the chunk, and how long answers take."""
    policy, chunks = parts.policy, parts.chunks
    if policy is None or chunks is None:
        return ""
    words = []
    if moment.scored is not None:
        left = chunks.playback.left(moment.scored.step.observation.stamp_ns)
        words.append(f"{policy.spec.horizon - left} of {policy.spec.horizon} played")
    if latencies_s := policy.latencies_s[-_RECENT:]:
        words.append(f"answers in {1e3 * latencies_s[-1]:.0f} ms, {1e3 * max(latencies_s):.0f} at most")
    counts = chunks.counts
    words.append(f"{counts.joined} chunks, {counts.late} late, {counts.refused + counts.failed} refused")
    if waited_s := policy.waited_s():
        words.append(f"waiting for {1e3 * waited_s:.0f} ms")
    return ", ".join(words)
