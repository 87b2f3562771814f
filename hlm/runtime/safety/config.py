"""Times of the states of a body, and its limits."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from hlm.core.errors import InputError
from hlm.runtime.safety.command_limits import CommandLimitConfig
from hlm.runtime.safety.watch import WatchConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class SafetyConfig:
    """How long a body waits for what it needs, and how long its states last.

    Attributes:
        max_state_age_s: an older measurement is a fault: nothing can balance on it (Unitree's own controllers give up
            after 0.05 s on four legs, SONIC's after 0.5 s).
        max_repeat_s: measurements that come in time and are all the same for longer are a fault as well; infinite for a
            simulated world that stands still.
        max_gap_s: a longer time without a control step is a fault: the motors' command is too old.
        max_reference_age_s: time without a reference after which the body holds, as the watchdogs of other robots
            (0.2 s to 1 s); the tracker's preview of 0.2 s is over by then, and the last reference held.
        first_reference_s: the same, while no reference has come since the body was armed.
        arming_s: how long it is arming.
        carried_rad: by which both knees of a robot that hangs bend further when its feet carry it. They bend by 0.06
            under half its weight, at the reference gains; 0.002 by themselves in the air.
        carried_s: for how long, before it balances.
        hold_s: how long it holds before it crouches: enough for a person to take over.
        stop_hold_s: the same after the operator's stop: enough for the limbs to come to rest.
        crouch_s: how long the crouch takes at most.
        commands: limits of joint commands.
        watch: what is too much in a measurement.
    """

    max_state_age_s: float = 0.1
    max_repeat_s: float = 0.1
    max_gap_s: float = 0.5
    max_reference_age_s: float = 0.5
    first_reference_s: float = 30.0
    arming_s: float = 0.5
    carried_rad: float = 0.06
    carried_s: float = 0.3
    hold_s: float = 3.0
    stop_hold_s: float = 0.5
    crouch_s: float = 4.0
    commands: CommandLimitConfig = field(default_factory=CommandLimitConfig)
    watch: WatchConfig = field(default_factory=WatchConfig)

    def __post_init__(self) -> None:
        """Check ranges."""
        for name, value in self.numbers().items():
            if not value > 0.0:
                raise InputError(f"{name} must be positive, got {value}.")

    def numbers(self) -> dict[str, float]:
        """Every number by its name, those of the parts included."""
        parts = asdict(self)
        return {**parts.pop("commands"), **parts.pop("watch"), **parts}
