"""Configuration of the whole-body tracker; each part's own stands beside the part."""

from __future__ import annotations

from dataclasses import dataclass, field

from hlm.control.tracker.balance import BalanceConfig
from hlm.control.tracker.command import CommandConfig
from hlm.control.tracker.contact_detection import ContactConfig
from hlm.control.tracker.contact_state_machine import ContactTransitionConfig
from hlm.control.tracker.pendulum import PendulumConfig
from hlm.control.tracker.reference_clock import ClockConfig
from hlm.control.tracker.reference_stream import StreamConfig
from hlm.control.tracker.refusal import RefusalConfig
from hlm.control.tracker.swing_foot import SwingConfig
from hlm.control.tracker.upper_body_limits import UpperBodyConfig
from hlm.control.tracker.whole_body_qp import WholeBodyQPConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackerConfig:
    """Configuration of `hlm.control.tracker.whole_body_tracker.WholeBodyTracker`.

    Attributes:
        stream: resampling and playback of the reference.
        contact: contact detection in the reference.
        refusal: what is not followed.
        upper_body: limits of arms and waist.
        pendulum: pendulum fit of the reference's centre of mass.
        clock: playback rate.
        transition: lift-off and touchdown of the robot's feet.
        swing: swing foot.
        balance: balance feedback.
        qp: inverse dynamics.
        command: motor gains.
    """

    stream: StreamConfig = field(default_factory=StreamConfig)
    contact: ContactConfig = field(default_factory=ContactConfig)
    pendulum: PendulumConfig = field(default_factory=PendulumConfig)
    clock: ClockConfig = field(default_factory=ClockConfig)
    transition: ContactTransitionConfig = field(default_factory=ContactTransitionConfig)
    swing: SwingConfig = field(default_factory=SwingConfig)
    balance: BalanceConfig = field(default_factory=BalanceConfig)
    refusal: RefusalConfig = field(default_factory=RefusalConfig)
    upper_body: UpperBodyConfig = field(default_factory=UpperBodyConfig)
    qp: WholeBodyQPConfig = field(default_factory=WholeBodyQPConfig)
    command: CommandConfig = field(default_factory=CommandConfig)
