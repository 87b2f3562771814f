"""Who is evaluated: where it is found, which one it is, and what it was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hlm.cli.policy_specs import checkpoint_config, policy_spec
from hlm.cli.rendering import load_simulator
from hlm.cli.sources import LocalPolicy, PolicyConfig, Schedule, ServedPolicy
from hlm.cli.stations import StationConfig, policy_station
from hlm.cli.trackers import WHOLE_BODY, must_have_tracker, tracker_digest, tracker_packages
from hlm.core.errors import MismatchError
from hlm.core.seeds import seeds_within

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hlm.evaluation.plan import Plan
    from hlm.evaluation.results import PolicyIdentity

FIRST_UNSEEN_SEED = 100_000


class Evaluated(NamedTuple):
    """A policy or the scripted operator, ready to be evaluated.

    Attributes:
        station: to evaluate it on.
        identity: which one it is.
        unseen: whether it was trained on none of the seeds; None when that is not known.
        seen: those of the seeds that it is known to have been trained on.
    """

    station: StationConfig
    identity: PolicyIdentity
    unseen: bool | None = None
    seen: Sequence[int] = ()


def evaluated(task: str, source: PolicyConfig | None, seeds: Sequence[int], tracker: str = WHOLE_BODY) -> Evaluated:
    """Find out about a policy, or with None the scripted operator, without loading it.

    Raises:
        HlmError: the policy cannot be had, or not on this robot.
    """
    from hlm.evaluation.results import PolicyIdentity
    from hlm.policies.card_data import data_of_card

    if source is None:
        return Evaluated(StationConfig(task=task, tracker=tracker), PolicyIdentity())
    spec = policy_spec(source)
    config = checkpoint_config(source) if isinstance(source, LocalPolicy) else None
    identity = PolicyIdentity(
        policy_type=spec.policy_type,
        origin=spec.origin,
        digest=spec.digest,
        trained_on=data_of_card(source.checkpoint) if isinstance(source, LocalPolicy) else (),
        horizon=spec.horizon,
        execution_horizon=source.execution_horizon or spec.execution_horizon,
    )
    station = policy_station(task, source, spec, tracker)
    learnt = None if config is None else config.training_seeds
    if learnt is not None and (seen := seeds_within(seeds, learnt.get(task, ()))):
        return Evaluated(station, identity, unseen=False, seen=seen)
    # Where demonstrations are usually recorded proves nothing: only a checkpoint that notes its seeds can tell.
    return Evaluated(station, identity, unseen=None if learnt is None else True)


def who_is(plan: Plan) -> Evaluated:
    """What a plan evaluates; all that can be wrong with the plan is told here, before the first rollout."""
    load_simulator()
    from hlm.sim.tasks.catalog import find_task

    find_task(plan.task)
    must_have_tracker(plan.tracker)
    return evaluated(plan.task, source_of(plan), plan.seeds, plan.tracker)


def packages(tracker: str = WHOLE_BODY) -> dict[str, str]:
    """Versions of what computes a rollout, a network's file too: with others, the same seed may give another one."""
    from hlm.evaluation.provenance import version

    found = {name: version(name) for name in ("mujoco", "numpy", "pin", "scipy", "torch", *tracker_packages(tracker))}
    digest = tracker_digest(tracker)
    return found if digest is None else {**found, "tracker": digest[:12]}


def must_compare(folder: Path, plan: Plan) -> None:
    """Raise MismatchError unless everything that computes a rollout is as when an evaluation was begun."""
    import hlm

    begun, now = {"hlm": plan.hlm, **plan.packages}, {"hlm": hlm.__version__, **packages(plan.tracker)}
    if changed := [name for name in begun if begun[name] != now.get(name)]:
        name = changed[0]
        raise MismatchError(
            f"{folder} was begun with {name} {begun[name]}, and this is {now.get(name, 'none')}: its rollouts would "
            "not compare. Evaluate from the start, with another --out."
        )


def source_of(plan: Plan) -> PolicyConfig | None:
    """Where a plan finds its policy; None for the scripted operator."""
    from pathlib import Path

    asked = plan.scheduling
    schedule = None if asked is None else Schedule(scheduler=asked.scheduler, delay_s=asked.delay_ms * 1e-3)
    if plan.kind == "checkpoint":
        return LocalPolicy(
            checkpoint=Path(plan.address),
            euler_steps=plan.euler_steps,
            execution_horizon=plan.execution_horizon,
            schedule=schedule,
        )
    if plan.kind == "server":
        return ServedPolicy(url=plan.address, execution_horizon=plan.execution_horizon, schedule=schedule)
    return None


def must_be_the_same(folder: Path, plan: Plan, now: PolicyIdentity) -> None:
    """Raise MismatchError unless the policy is the one that an evaluation was begun with.

    Where it came from may change: a server may load the same checkpoint from another place.
    """
    begun = plan.identity
    if (begun.policy_type, begun.digest) != (now.policy_type, now.digest):
        raise MismatchError(
            f"{plan.policy} is not the policy that {folder} was begun with: it was '{begun.policy_type}' "
            f"{begun.digest[:12] or 'without a digest'}, and now is '{now.policy_type}' "
            f"{now.digest[:12] or 'without a digest'}. Evaluate it from the start, with another --out."
        )
