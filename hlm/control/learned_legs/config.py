"""Configuration of the tracker with learned legs."""

from __future__ import annotations

from dataclasses import dataclass, field

from hlm.control.checks import require_positive
from hlm.control.tracker.config import TrackerConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class CourseConfig:
    """How a velocity is commanded to legs that shall get where the reference is.

    Attributes:
        average_s: time over which the reference's velocity is averaged.
        stride_s: time of the policy's stride, over which it sways.
        place_gain_per_s: gain on the distance from the reference's place.
        heading_gain_per_s: gain on the distance from its heading.
        max_correction_m_s: largest velocity by that distance.
        max_correction_rad_s: largest yaw rate by it.
        max_distance_m: distance from the reference's place of which more is given up.
    """

    average_s: float = 1.0
    stride_s: float = 1.0
    place_gain_per_s: float = 1.5
    heading_gain_per_s: float = 1.5
    max_correction_m_s: float = 0.3
    max_correction_rad_s: float = 0.3
    max_distance_m: float = 1.0

    def __post_init__(self) -> None:
        """Check ranges."""
        require_positive(self, *self.__slots__)


@dataclass(frozen=True, kw_only=True, slots=True)
class SwitchConfig:
    """When legs change between model and learned policy.

    Attributes:
        model_walks: whether the model walks too, and the policy only catches what the model is about to lose.
        max_dcm_error_m: distance of the DCM from the reference's at which the policy catches a walk of the model.
        lift_ahead_s: time before a lift-off of the reference at which the policy takes the legs.
        max_capture_m: distance of the capture point outside the soles' hull at which it takes them too.
        max_catch_s: longest time for which the policy stands, with a capture point outside the soles, before it walks.
        quiet_s: time for which the reference has to stand before the policy stops.
        near_m: distance from the reference's place at which it stops.
        near_rad: distance from its heading at which it stops.
        far: distance from there, in `near`s, at which it goes on.
        max_settling_s: time after which it stops anyway.
        calm_s: time for which the body has to stand still before the model takes the legs back.
        calm_speed_m_s: speed of the centre of mass below which it does.
        support_scale: scale of the soles' hull that its capture point has to be in.
        blend_s: time of the change, from the command before to the one after it.
    """

    model_walks: bool = False
    max_dcm_error_m: float = 0.06
    lift_ahead_s: float = 0.2
    max_capture_m: float = 0.0
    max_catch_s: float = 1.0
    quiet_s: float = 0.3
    near_m: float = 0.03
    near_rad: float = 0.05
    far: float = 2.0
    max_settling_s: float = 8.0
    calm_s: float = 0.4
    calm_speed_m_s: float = 0.15
    support_scale: float = 0.7
    blend_s: float = 0.15

    def __post_init__(self) -> None:
        """Check ranges."""
        require_positive(self, *(name for name in self.__slots__ if name not in ("max_capture_m", "model_walks")))


@dataclass(frozen=True, kw_only=True, slots=True)
class LearnedLegsConfig:
    """Configuration of `hlm.control.learned_legs.learned_legs_tracker.LearnedLegsTracker`.

    Attributes:
        model: the tracker that stands, and its reference stream.
        course: velocities commanded to the legs.
        switch: who has the legs.
        max_waist_rad: largest yaw, roll and pitch of the waist, to either side, while the policy has the legs: people
            who turn and bend farther made it fall.
    """

    model: TrackerConfig = field(default_factory=TrackerConfig)
    course: CourseConfig = field(default_factory=CourseConfig)
    switch: SwitchConfig = field(default_factory=SwitchConfig)
    max_waist_rad: tuple[float, float, float] = (0.6, 0.25, 0.4)

    def __post_init__(self) -> None:
        """Check ranges."""
        require_positive(self, "max_waist_rad")
