"""The words of a report, explained for somebody who has never seen one."""

from __future__ import annotations

from collections.abc import Mapping

from hlm.evaluation.results import EvalResult
from hlm.evaluation.subject import subject

_ALWAYS = {
    "rollout": "One attempt at the task, from the start pose until a second after success, a fall, a fault, or the end "
    "of the time that the task allows.",
    "success": "A rollout in which every stage was reached, the object stood where it was wanted at the end, no wrong "
    "object was lifted, and nothing broke. The large figure is the share of such rollouts.",
    "95 % interval": "A few rollouts show a rate only roughly. Of intervals made like this one (Wilson's), 95 in 100 "
    "hold the rate that endless rollouts would show. It is the bracket on each bar; where it is wide, run more "
    "rollouts.",
    "progress": "The share of the stages that were reached, on average over all rollouts. The last one counts only with"
    " success, so 100 % is a success.",
    "wrong object": "An object that the instruction does not name was lifted; the rollout is a failure, whatever "
    "follows.",
    "falls": "Rollouts in which the robot fell, which ends them as failures.",
    "instruction": "What the policy was asked to do, in words.",
    "seed": "The number that the scene is drawn from: where everything stands, how the robot starts, and what is asked "
    "for. The same seed gives the same scene.",
    "outcome": "How a rollout ended: success, wrong object, fell, broken, or failure when the time was up.",
    "last stage": "The last stage that the rollout reached, and its number.",
    "duration": "Length of the rollout in the simulation's own time, not in yours.",
}
_SOMETIMES = {
    "task": "The scene, what is to be done in it, and the rules that score it.",
    "policy": "Who moved the robot: a trained network, which sees images, the robot's own joints and the instruction; "
    "or, where it says so, a program in its place.",
    "policy type": "The kind of network: compact (hlm's own, small), pi05, smolvla or act.",
    "trained on": "The demonstrations that the policy learnt from.",
    "horizon": "A policy plans a chunk of actions ahead, 30 for each second, executes the first ones, and plans again.",
    "scheduler": "When the policy is asked for its next chunk, and how that is joined: synchronous waits for it at the "
    "end of the last one, asynchronous asks early and joins it by due time, ensemble plays the mean of all chunks. The "
    "time that an answer takes is simulated.",
    "tracker": "What turns references into motor commands: whole_body (a model of the body), guarded (the same, and a "
    "learned policy catches what would fall), or learned_legs (the same, but that policy walks).",
    "digest": "A fingerprint of weights, statistics and sampling: equal for the same policy, wherever it is kept.",
    "rollouts": "How many attempts the figures are of. Partial means that the evaluation was stopped before all were "
    "made.",
    "seeds": "The seeds that were run, one rollout each.",
    "unseen": "Whether the policy was trained on none of these seeds. In scenes that it was trained on, a policy looks "
    "better than it is.",
}
_FAULT = {
    "broken": "Rollouts that could not go on: the robot stopped following, the policy gave no usable actions, or the "
    "simulation came apart. They count as failures.",
    "fault": "Why a rollout broke, in the words of the part that noticed it.",
}


def terms(result: EvalResult) -> Mapping[str, str]:
    """Explanations of the words that the report of an evaluation uses, by word."""
    stages = " → ".join(result.rollouts[0].stages)
    stage = {"stage": f"A step of the task. Stages are reached in this order: {stages}."}
    rows = {name: _SOMETIMES[name] for name in subject(result)}
    faults = _FAULT if result.fault_rate else {}
    return {**rows, **_ALWAYS, **stage, **faults}
