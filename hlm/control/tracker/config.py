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
        load_ahead_s: the load on the feet is taken from this far ahead: the body moves before the load does.
        ease_in_s: time over which the difference between the pose at reset and the first reference fades.
    """

    rate_hz: float = 50.0
    latency_s: float = 0.2
    past_s: float = 0.4
    load_ahead_s: float = 0.07
    ease_in_s: float = 0.5

    def __post_init__(self) -> None:
        """Check ranges."""
        _require_positive(self, *self.__slots__)


@dataclass(frozen=True, kw_only=True, slots=True)
class ContactConfig:
    """What counts as lifting a foot and as landing it, from its height above the other one.

    Attributes:
        lifted_m: a foot this high is lifted,
        confirm_s: once it has stayed above `near_m` for this long,
        other_share: and the body falls onto the other foot by this share at least,
        other_share_per_m: or by less, the higher the foot is: noise moves soles, but not far.
        left_ground_m: a lift is dated back to where the foot passed this height,
        date_back_s: by this much at most.
        near_m: a foot lower than this may have landed:
        landed_m: when it is lower than this,
        still_m_s: or sinks slower than this.
    """

    lifted_m: float = 0.015
    confirm_s: float = 0.1
    other_share: float = 0.65
    other_share_per_m: float = 10.0
    left_ground_m: float = 0.0025
    date_back_s: float = 0.16
    near_m: float = 0.010
    landed_m: float = 0.0035
    still_m_s: float = 0.045

    def __post_init__(self) -> None:
        """Check ranges."""
        _require_positive(self, *self.__slots__)


@dataclass(frozen=True, kw_only=True, slots=True)
class PendulumConfig:
    """Standard deviations of the fit that makes the reference's centre of mass dynamically feasible.

    Attributes:
        center_of_mass_m: of the reference's centre of mass around the fitted one.
        pressure_one_foot_m: of the zero-moment point around the standing foot's centre.
        pressure_shifting_m: of the zero-moment point around its way from one foot to the next.
        pressure_standing_m: of the zero-moment point around its mean, both feet down for long.
        longest_shift_s: both feet down for longer is standing, not a part of walking.
        arrival_position_m: of the window's first position around the fit before.
        arrival_velocity_m_s: of the window's first velocity around the fit before.
    """

    center_of_mass_m: float = 0.02
    pressure_one_foot_m: float = 0.012
    pressure_shifting_m: float = 0.03
    pressure_standing_m: float = 0.08
    longest_shift_s: float = 0.4
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
        reference_outside_m: on one foot, how far outside its centre line the reference may fall.
        pressure_outside_m: on one foot, how far outside it the reference's zero-moment point may be.
    """

    divergence_gain_per_s: float = 3.0
    height_stiffness_per_s2: float = 60.0
    height_damping_per_s: float = 14.0
    support_margin: float = 0.85
    reference_outside_m: float = 0.003
    pressure_outside_m: float = 0.012

    def __post_init__(self) -> None:
        """Check ranges."""
        _require_positive(self, *self.__slots__)


@dataclass(frozen=True, kw_only=True, slots=True)
class StepConfig:
    """When feet lift and land, and where they may land.

    Attributes:
        farthest_inward_m: a foot is not lifted when the body falls this far to the inside of the other one.
        touching_m: a sole whose lowest corner is this low touches the ground.
        early_s: a foot may land this long before its reference.
        shortest_swing_s: a foot does not land sooner.
        descent_m_s: a late foot goes down this fast.
        deepest_m: a late foot that has gone this far down has landed.
        ramp_s: time over which a foot is unloaded before a lift and loaded after a landing.
        largest_turn_rad: most that an error of the heading turns a swing foot.
        expected_swing_s: of a swing whose end is not known yet.
    """

    farthest_inward_m: float = 0.08
    touching_m: float = 0.004
    early_s: float = 0.12
    shortest_swing_s: float = 0.15
    descent_m_s: float = 0.12
    deepest_m: float = 0.03
    ramp_s: float = 0.06
    largest_turn_rad: float = 0.15
    expected_swing_s: float = 0.5

    def __post_init__(self) -> None:
        """Check ranges."""
        _require_positive(self, *self.__slots__)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockConfig:
    """How the reference waits for the body.

    Attributes:
        catch_up_per_s: rate gained per second of lag beyond the latency,
        fastest_catch_up: at most this much.
        rate_change_per_s: fastest change of the rate.
        before_lift_s: the clock may stop this long before a lift,
        longest_hold_s: for this long at most,
        longest_lag_s: and not when the reference is this far behind,
        inward_m: while the body leans less to the standing foot than the reference does,
        outward_m: or more,
        along_m: or is off forward or back.
        slowest: rate in a swing.
        fastest: rate in a swing.
    """

    catch_up_per_s: float = 1.0
    fastest_catch_up: float = 0.15
    rate_change_per_s: float = 20.0
    before_lift_s: float = 0.03
    longest_hold_s: float = 0.4
    longest_lag_s: float = 0.8
    inward_m: float = 0.012
    outward_m: float = 0.03
    along_m: float = 0.1
    slowest: float = 0.85
    fastest: float = 1.2

    def __post_init__(self) -> None:
        """Check ranges."""
        _require_positive(self, *self.__slots__)


@dataclass(frozen=True, kw_only=True, slots=True)
class SwingConfig:
    """How a foot moves through the air.

    Attributes:
        position_stiffness_per_s2: on its position.
        position_damping_per_s: on its velocity.
        rotation_stiffness_per_s2: on its orientation.
        rotation_damping_per_s: on its angular velocity.
        largest_error_m: in each direction.
        blend_s: time over which the offset at the lift fades.
        level_below_m: lower than this the sole is level,
        level_over_m: and this much higher it is tilted as the reference's.
        farthest_m: how far a landing may be moved: forward or back, out, and in.
        shift_time_s: time constant with which the landing is moved.
        unshifted_s: it is not moved this soon after the lift.
    """

    position_stiffness_per_s2: float = 350.0
    position_damping_per_s: float = 36.0
    rotation_stiffness_per_s2: float = 300.0
    rotation_damping_per_s: float = 34.0
    largest_error_m: float = 0.08
    blend_s: float = 0.15
    level_below_m: float = 0.01
    level_over_m: float = 0.03
    farthest_m: tuple[float, float, float] = (0.2, 0.15, 0.05)
    shift_time_s: float = 0.04
    unshifted_s: float = 0.05

    def __post_init__(self) -> None:
        """Check ranges."""
        _require_positive(self, *sorted(set(self.__slots__) - {"farthest_m"}))


@dataclass(frozen=True, kw_only=True, slots=True)
class DynamicsConfig:
    """Weights, gains and limits of the inverse-dynamics program.

    Weights multiply squared errors of accelerations in m/s2 and rad/s2, the angular momentum's of its rate in Nm.

    Attributes:
        weight_center_of_mass: x, y, z.
        weight_angular_momentum: rate of the angular momentum.
        weight_pelvis_rotation: pelvis orientation.
        weight_sole: feet that stand.
        weight_swing_position: position of a foot in the air.
        weight_swing_rotation: orientation of a foot in the air.
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
    weight_swing_position: float = 12.0
    weight_swing_rotation: float = 4.0
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
    """Settings of `hlm.control.tracker.whole_body_tracker.WholeBodyTracker`."""

    stream: StreamConfig = field(default_factory=StreamConfig)
    contact: ContactConfig = field(default_factory=ContactConfig)
    pendulum: PendulumConfig = field(default_factory=PendulumConfig)
    clock: ClockConfig = field(default_factory=ClockConfig)
    step: StepConfig = field(default_factory=StepConfig)
    swing: SwingConfig = field(default_factory=SwingConfig)
    balance: BalanceConfig = field(default_factory=BalanceConfig)
    dynamics: DynamicsConfig = field(default_factory=DynamicsConfig)
    command: CommandConfig = field(default_factory=CommandConfig)
