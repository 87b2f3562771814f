"""Who was evaluated, and on what: in words, for people who have only the page."""

from __future__ import annotations

from collections.abc import Mapping

from hlm.core.seeds import seed_ranges
from hlm.evaluation.results import USUAL_TRACKER, EvalResult, Scheduling

SCRIPTED = "scripted"
_SERVED = ("ws://", "wss://")
_DIGEST_LETTERS = 12  # of a digest; enough to tell two policies apart


def who(result: EvalResult) -> str:
    """Who moved the robot, as part of a sentence."""
    if result.policy == SCRIPTED:
        return "the task's scripted operator, which is told where everything stands; no policy took part"
    if not result.policy.startswith(_SERVED):
        return f"the policy in {result.policy}"
    told = f", which says that it is {result.identity.origin}" if result.identity.origin else ""
    return f"the policy served at {result.policy}{told}"


def subject(result: EvalResult) -> Mapping[str, str]:
    """What is known of who was evaluated and on what, as rows of a table; all of its names are in `terms`."""
    identity = result.identity
    chunks = f"{identity.horizon} actions a chunk" if identity.horizon else ""
    executed = f"{identity.execution_horizon} of them executed" if identity.execution_horizon else ""
    rows = {
        "task": result.task,
        "policy": who(result),
        "policy type": identity.policy_type,
        "trained on": "\n".join(identity.trained_on),
        "horizon": ", ".join(part for part in (chunks, executed) if part),
        "scheduler": "" if result.scheduling is None else scheduling(result.scheduling),
        "tracker": "" if result.tracker == USUAL_TRACKER else result.tracker,
        "digest": identity.digest[:_DIGEST_LETTERS],
        "rollouts": shortfall(result) if result.partial else str(len(result.rollouts)),
        "seeds": seeds(result),
        "unseen": "" if result.policy == SCRIPTED else _unseen(result),
    }
    return {name: text for name, text in rows.items() if text}


def scheduling(chosen: Scheduling) -> str:
    """How chunks are scheduled, in words."""
    delay = f"answers take {chosen.delay_ms:g} ms" if chosen.delay_ms else "answers are there at once"
    return f"{chosen.scheduler}; {delay}"


def shortfall(result: EvalResult) -> str:
    """How much of a partial evaluation was done, and why no more; empty for a whole one."""
    if not result.partial:
        return ""
    # A signal's text says itself that it stopped the evaluation.
    reason = result.stopped if result.stopped.startswith("stopped") else f"stopped: {result.stopped}"
    return f"partial: {len(result.rollouts)} of {result.planned} rollouts{f', {reason}' if result.stopped else ''}"


def seeds(result: EvalResult) -> str:
    """The seeds that were run, as ranges."""
    ranges = seed_ranges(rollout.seed for rollout in result.rollouts)
    return ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in ranges)


def _unseen(result: EvalResult) -> str:
    match result.unseen:
        case True:
            return "yes: the policy was trained on none of these seeds"
        case False:
            return "no: the policy was trained on some of these seeds, so this says less about new scenes"
        case None:
            return "not known: nothing says which seeds the policy was trained on"
