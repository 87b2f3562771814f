"""Parts of what the operator's page shows, whatever is being done: the device, safety, episodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hlm.core.body import BodyState, BodyStatus
from hlm.core.clock import STEP_HZ
from hlm.teleop.page.page_view import EpisodeCard, SafetyLevel, TaskCount

if TYPE_CHECKING:
    from hlm.teleop.devices.device import Device
    from hlm.teleop.session.takes import Kept

_HELD = {BodyState.HOLDING, BodyState.CROUCHING, BodyState.HANGING}


def device_text(device: Device) -> str:
    """Name of a device, and what it cannot command."""
    return device.name + (f"; cannot command {', '.join(device.cannot)}" if device.cannot else "")


def safety_level(status: BodyStatus) -> SafetyLevel:
    """How the robot is, for the colour of the page's mark."""
    if status.braking:
        return SafetyLevel.FAULT
    return SafetyLevel.HELD if status.state in _HELD else SafetyLevel.OK


def task_counts(kept: tuple[Kept, ...]) -> tuple[TaskCount, ...]:
    """Episodes of each instruction."""
    words = dict.fromkeys(one.info.instruction for one in kept)
    outcomes = [(one.info.instruction, one.info.outcome) for one in kept]
    return tuple(
        TaskCount(
            instruction=word, successes=outcomes.count((word, "success")), failures=outcomes.count((word, "failure"))
        )
        for word in words
    )


def episode_card(one: Kept) -> EpisodeCard:
    """A line of the page's list of episodes."""
    stage, stages = one.info.stage, one.info.stages
    return EpisodeCard(
        name=one.name,
        instruction=one.info.instruction,
        outcome=one.info.outcome,
        duration_s=one.steps / STEP_HZ,
        stage=stages[stage - 1] if stage and stage <= len(stages) else "",
        note=str(one.info.extra.get("note", "")),
        folder=one.path,
    )
