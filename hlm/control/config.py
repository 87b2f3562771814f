"""Settings of the whole-body tracker."""

from __future__ import annotations

from dataclasses import dataclass, field

from hlm.core.errors import InputError


def _require_positive(config: object, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        if not value > 0.0:
            raise InputError(f"{type(config).__name__}.{name} must be positive, got {value}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamConfig:
    """How the reference stream is played.

    Attributes:
        rate_hz: grid that references are resampled to.
        latency_s: how long after its stamp a reference is played; what is newer is the preview.
        past_s: how far back references are kept for smoothing.
        ease_in_s: time over which the difference between the pose at reset and the first reference fades.
    """

    rate_hz: float = 50.0
    latency_s: float = 0.2
    past_s: float = 0.4
    ease_in_s: float = 0.5

    def __post_init__(self) -> None:
        """Check ranges."""
        _require_positive(self, "rate_hz", "latency_s", "past_s", "ease_in_s")


@dataclass(frozen=True, kw_only=True, slots=True)
class PendulumConfig:
    """Standard deviations of the fit that makes the reference's centre of mass dynamically feasible.

    Attributes:
        center_of_mass_m: of the reference's centre of mass around the fitted one.
        pressure_standing_m: of the zero-moment point around its mean, both feet down for long.
        arrival_position_m: of the window's first position around the fit before.
        arrival_velocity_m_s: of the window's first velocity around the fit before.
    """

    center_of_mass_m: float = 0.02
    pressure_standing_m: float = 0.08
    arrival_position_m: float = 0.01
    arrival_velocity_m_s: float = 0.05

    def __post_init__(self) -> None:
        """Check ranges."""
        _require_positive(self, *self.__slots__)


@dataclass(frozen=True, kw_only=True, slots=True)
class BalanceConfig:
    """Feedback on the centre of mass.

    Attributes:
        divergence_gain_per_s: on the divergent component of motion, horizontal.
        height_stiffness_per_s2: on the height.
        height_damping_per_s: on the vertical speed.
        support_margin: share of the support polygon that a reference may use, from its middle.
    """

    divergence_gain_per_s: float = 3.0
    height_stiffness_per_s2: float = 60.0
    height_damping_per_s: float = 14.0
    support_margin: float = 0.85

    def __post_init__(self) -> None:
        """Check ranges."""
        _require_positive(self, *self.__slots__)


@dataclass(frozen=True, kw_only=True, slots=True)
class DynamicsConfig:
    """Weights, gains and limits of the inverse-dynamics program.

    Weights multiply squared errors of accelerations in m/s2 and rad/s2, the angular momentum's of its rate in Nm.

    Attributes:
        weight_center_of_mass: x, y, z.
        weight_angular_momentum: rate of the angular momentum.
        weight_pelvis_rotation: pelvis orientation.
        weight_sole: feet that stand.
        weight_legs: posture of each leg joint.
        weight_upper_body: posture of each waist and arm joint.
        weight_force: regularization of each force component, per N2.
        angular_momentum_damping_per_s: how fast angular momentum is taken out.
        pelvis_stiffness_per_s2: on the pelvis' orientation.
        pelvis_damping_per_s: on the pelvis' angular velocity.
        sole_damping_per_s: on the velocity of feet that stand.
        sole_levelling_per_s2: turns standing feet flat on the ground.
        posture_stiffness_per_s2: on joint angles.
        posture_damping_per_s: on joint speeds.
        reference_acceleration_share: how much of the reference's own accelerations is asked for, 0 to 1.
        friction: coefficient that forces may use; less than the floor's.
    """

    weight_center_of_mass: tuple[float, float, float] = (20.0, 20.0, 8.0)
    weight_angular_momentum: float = 0.02
    weight_pelvis_rotation: float = 3.0
    weight_sole: float = 60.0
    weight_legs: float = 0.05
    weight_upper_body: float = 0.6
    weight_force: float = 1e-6
    angular_momentum_damping_per_s: float = 4.0
    pelvis_stiffness_per_s2: float = 120.0
    pelvis_damping_per_s: float = 18.0
    sole_damping_per_s: float = 25.0
    sole_levelling_per_s2: float = 100.0
    posture_stiffness_per_s2: float = 100.0
    posture_damping_per_s: float = 20.0
    reference_acceleration_share: float = 0.8
    friction: float = 0.5

    def __post_init__(self) -> None:
        """Check ranges."""
        plain = set(self.__slots__) - {"weight_center_of_mass", "reference_acceleration_share"}
        _require_positive(self, *sorted(plain))
        if not 0.0 <= self.reference_acceleration_share <= 1.0:
            raise InputError(
                f"reference_acceleration_share must be between 0 and 1, got {self.reference_acceleration_share}."
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandConfig:
    """Joint gains that go to the motors beside the torques.

    Attributes:
        leg_kd_nm_s_rad: legs and waist, which are driven by torque alone.
        arm_kp_nm_rad: shoulder and elbow; holds an unknown payload.
        arm_kd_nm_s_rad: shoulder and elbow.
        wrist_kp_nm_rad: wrist.
        wrist_kd_nm_s_rad: wrist.
    """

    leg_kd_nm_s_rad: float = 1.0
    arm_kp_nm_rad: float = 40.0
    arm_kd_nm_s_rad: float = 1.5
    wrist_kp_nm_rad: float = 20.0
    wrist_kd_nm_s_rad: float = 0.5

    def __post_init__(self) -> None:
        """Check ranges."""
        _require_positive(self, *self.__slots__)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackerConfig:
    """Settings of `hlm.control.tracker.WholeBodyTracker`."""

    stream: StreamConfig = field(default_factory=StreamConfig)
    pendulum: PendulumConfig = field(default_factory=PendulumConfig)
    balance: BalanceConfig = field(default_factory=BalanceConfig)
    dynamics: DynamicsConfig = field(default_factory=DynamicsConfig)
    command: CommandConfig = field(default_factory=CommandConfig)
