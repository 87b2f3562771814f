"""Times of the states of a body."""

from __future__ import annotations

from dataclasses import dataclass, fields

from hlm.core.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class SafetyConfig:
    """How long a body waits for what it needs, and how long its states last.

    Attributes:
        max_state_age_s: an older measurement is a fault: nothing can balance on it (Unitree's own controllers give up
            after 0.05 s on four legs, SONIC's after 0.5 s).
        max_gap_s: a longer time without a control step is a fault: the motors' command is too old.
        max_reference_age_s: time without a reference after which the body holds, as the watchdogs of other robots
            (0.2 s to 1 s); the tracker's preview of 0.2 s is over by then, and the last reference held.
        first_reference_s: the same, while no reference has come since the body was armed.
        arming_s: how long it is arming.
        hold_s: how long it holds before it crouches: enough for a person to take over.
        stop_hold_s: the same after the operator's stop: enough for the limbs to come to rest.
        crouch_s: how long the crouch takes at most.
    """

    max_state_age_s: float = 0.1
    max_gap_s: float = 0.5
    max_reference_age_s: float = 0.5
    first_reference_s: float = 30.0
    arming_s: float = 0.5
    hold_s: float = 3.0
    stop_hold_s: float = 0.5
    crouch_s: float = 4.0

    def __post_init__(self) -> None:
        """Check ranges."""
        for item in fields(self):
            if not getattr(self, item.name) > 0.0:
                raise InputError(f"{item.name} must be positive, got {getattr(self, item.name)}.")
