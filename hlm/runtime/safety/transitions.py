"""Every way from one state of a body to the next, as a table that the controller obeys and the docs print."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from hlm.core.body import BodyState

DISARMED, HANGING, ARMING, RUNNING = BodyState.DISARMED, BodyState.HANGING, BodyState.ARMING, BodyState.RUNNING
HOLDING, CROUCHING, DAMPING, FAULT = BodyState.HOLDING, BodyState.CROUCHING, BodyState.DAMPING, BodyState.FAULT


class Event(StrEnum):
    """What can happen to a body, in words; names in braces are numbers of `hlm.runtime.safety.config.SafetyConfig`."""

    ARM = "a person arms"
    HANG = "a person arms a robot that hangs"
    CARRIED = "its feet carry the robot"
    RAMPED = "the ramp is over"
    BAD_REFERENCE = "a reference is not finite, far out of range or out of order"
    NO_REFERENCE = "no reference comes"
    HOLD = "an input or a process is lost, or somebody asks to hold"
    STOP = "the operator stops"
    STOP_AGAIN = "the operator stops a second time"
    HELD = "the hold is over"
    CROUCHED = "the crouch is reached, or its time is over"
    DAMP = "somebody asks to damp, or the session ends"
    TILTED = "the pelvis tilts by more than {tilt_rad} rad"
    FLAILING = (
        "limbs flail: {flailing_joints} joints beyond {flailing_share} of top speed, or one beyond {too_fast_share}"
    )
    LIFTED = "both feet lose the ground: nothing loads the legs"
    HOT = "a motor is hotter than {temperature_c} C"
    MOTOR_FAULT = "a motor reports a fault"
    DISAGREEING = (
        "the inertial units of pelvis and torso disagree by more than {disagreement_rad} rad about the vertical"
    )
    BROKEN = "the robot cannot be read or measures nonsense, or the tracker fails"
    STARVED = "no control step comes"


class Transition(NamedTuple):
    """A way from one state to the next.

    Attributes:
        state: before.
        event: what happens.
        next_state: after.
        action: what the body does then.
        bound: how long it takes from what happens to the first joint command that answers it; names in braces are
            numbers of `hlm.runtime.safety.config.SafetyConfig`.
    """

    state: BodyState
    event: Event
    next_state: BodyState
    action: str
    bound: str


_STEP = "the next control step"
_ARM = "forgets every earlier reference, balances at the pose measured now, takes references"
_HANG = "takes a standing pose slowly, without balance, and waits"
_HOLD = "brings the reference to rest and balances there; drops every later reference"
_CROUCH = "sinks in balance, feet where they are; drops every reference"
_BRAKE = "only brakes; grippers keep what they hold"


def _each(
    states: tuple[BodyState, ...], event: Event, next_state: BodyState, action: str, bound: str = _STEP
) -> tuple[Transition, ...]:
    return tuple(Transition(state, event, next_state, action, bound) for state in states)


_FOLLOWING = (ARMING, RUNNING)
_BALANCING = (*_FOLLOWING, HOLDING, CROUCHING)
_MOVING = (HANGING, *_BALANCING)
_STOPPED = (DISARMED, HOLDING, CROUCHING, DAMPING, FAULT)

TRANSITIONS: tuple[Transition, ...] = (
    *_each((*_STOPPED, *_FOLLOWING), Event.ARM, ARMING, _ARM),
    *_each(_STOPPED, Event.HANG, HANGING, _HANG),
    *_each((HANGING,), Event.CARRIED, ARMING, _ARM, "{carried_s} s"),
    *_each((HANGING,), Event.HOLD, DAMPING, _BRAKE),
    *_each((HANGING,), Event.STOP, DAMPING, _BRAKE),
    *_each((HANGING,), Event.HOT, DAMPING, _BRAKE),
    *_each((HANGING,), Event.MOTOR_FAULT, DAMPING, _BRAKE),
    *_each((HANGING,), Event.DISAGREEING, DAMPING, _BRAKE, "{disagreement_s} s"),
    *_each((ARMING,), Event.RAMPED, RUNNING, "follows references", "{arming_s} s"),
    *_each(_FOLLOWING, Event.BAD_REFERENCE, HOLDING, _HOLD),
    *_each(
        _FOLLOWING,
        Event.NO_REFERENCE,
        HOLDING,
        _HOLD,
        "{max_reference_age_s} s after the last one; {first_reference_s} s after arming when there was none",
    ),
    *_each(_FOLLOWING, Event.HOLD, HOLDING, _HOLD),
    *_each(_FOLLOWING, Event.STOP, HOLDING, _HOLD + "; crouches {stop_hold_s} s later"),
    *_each((HOLDING,), Event.STOP, CROUCHING, _CROUCH),
    *_each(_MOVING, Event.STOP_AGAIN, DAMPING, _BRAKE),
    *_each((HOLDING,), Event.HELD, CROUCHING, _CROUCH, "{hold_s} s; {stop_hold_s} s after a stop"),
    *_each((*_FOLLOWING, HOLDING), Event.HOT, CROUCHING, _CROUCH),
    *_each((*_FOLLOWING, HOLDING), Event.MOTOR_FAULT, CROUCHING, _CROUCH),
    *_each((*_FOLLOWING, HOLDING), Event.DISAGREEING, CROUCHING, _CROUCH, "{disagreement_s} s"),
    *_each((CROUCHING,), Event.CROUCHED, DAMPING, _BRAKE, "{crouch_s} s"),
    *_each(_MOVING, Event.DAMP, DAMPING, _BRAKE),
    *_each(_MOVING, Event.TILTED, DAMPING, _BRAKE, "the same control step"),
    *_each(_MOVING, Event.FLAILING, DAMPING, _BRAKE, "the same control step"),
    *_each((*_FOLLOWING, HOLDING), Event.LIFTED, DAMPING, _BRAKE, "{lifted_s} s"),
    *_each(_MOVING, Event.BROKEN, FAULT, _BRAKE, "the same control step; {max_state_age_s} s for an old measurement"),
    *_each(_MOVING, Event.STARVED, FAULT, _BRAKE, "the first control step after a gap of {max_gap_s} s"),
)

_NEXT = {(transition.state, transition.event): transition.next_state for transition in TRANSITIONS}


def next_state(state: BodyState, event: Event) -> BodyState:
    """The state after an event; the same one where the table has no row."""
    return _NEXT.get((state, event), state)
