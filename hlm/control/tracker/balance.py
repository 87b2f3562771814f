"""Balance feedback on the divergent component of motion (DCM).

The DCM xi = c + c' / w of a linear inverted pendulum of natural frequency w diverges from the zero-moment point (ZMP);
placing the ZMP beyond the DCM brings it back (Englsberger et al. 2015).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from hlm.control.checks import require_positive
from hlm.control.tracker.support_polygon import project_onto_polygon, scaled_polygon
from hlm.core.arrays import FloatArray


@dataclass(frozen=True, kw_only=True, slots=True)
class BalanceConfig:
    """Gains and limits of the balance feedback.

    Attributes:
        dcm_gain_per_s: feedback gain on the horizontal DCM error.
        height_stiffness_per_s2: feedback gain on the height of the centre of mass.
        height_damping_per_s: feedback gain on the vertical velocity of the centre of mass.
        support_scale: scale of the support polygon, about its centre, that references are limited to.
        standing_scale: the same for the DCM of a reference that stands; people lean farther than a robot may.
        max_dcm_outward_m: largest distance of the reference DCM outside the stance foot's centre line.
        max_zmp_outward_m: largest distance of the reference ZMP outside the stance foot's centre line.
    """

    dcm_gain_per_s: float = 3.0
    height_stiffness_per_s2: float = 60.0
    height_damping_per_s: float = 14.0
    support_scale: float = 0.85
    standing_scale: float = 0.7
    max_dcm_outward_m: float = 0.003
    max_zmp_outward_m: float = 0.012

    def __post_init__(self) -> None:
        """Check ranges."""
        require_positive(self, *self.__slots__)


class ComMotion(NamedTuple):
    """Motion of the centre of mass at one instant.

    Attributes:
        position_m: [3].
        velocity_m_s: [3].
    """

    position_m: FloatArray
    velocity_m_s: FloatArray

    def dcm_m(self, frequency_rad_s: float) -> FloatArray:
        """[2] horizontal divergent component of motion."""
        dcm_m: FloatArray = self.position_m[:2] + self.velocity_m_s[:2] / frequency_rad_s
        return dcm_m


@dataclass(frozen=True, slots=True, eq=False)
class Balance:
    """Measured and reference DCM at one instant.

    Attributes:
        frequency_rad_s: natural frequency of the pendulum, sqrt(gravity / height).
        support_polygon_m: [corner, 2] region that the ZMP can lie in.
        dcm_m: [2] measured DCM.
        reference_dcm_m: [2] DCM of the reference.
        reference_zmp_m: [2] ZMP of the reference.
    """

    frequency_rad_s: float
    support_polygon_m: FloatArray
    dcm_m: FloatArray
    reference_dcm_m: FloatArray
    reference_zmp_m: FloatArray

    @property
    def dcm_error_m(self) -> FloatArray:
        """[2] measured minus reference DCM."""
        return self.dcm_m - self.reference_dcm_m

    def desired_zmp(self, rate: float, config: BalanceConfig) -> FloatArray:
        """[2] ZMP that brings the DCM to the reference, m.

        Args:
            rate: playback rate of the reference; 0 while it waits.
            config: feedback gain.
        """
        feedforward_m = self.dcm_m - rate * (self.reference_dcm_m - self.reference_zmp_m)
        return project_onto_polygon(
            self.support_polygon_m, feedforward_m + config.dcm_gain_per_s / self.frequency_rad_s * self.dcm_error_m
        )

    def touchdown_dcm_error(self, time_to_touchdown_s: float) -> FloatArray:
        """[2] DCM error left at touchdown when the ZMP does all it can until then, m."""
        growth = float(np.exp(self.frequency_rad_s * time_to_touchdown_s))
        correction_m = self.dcm_error_m * growth / (growth - 1.0)
        reachable_m = project_onto_polygon(self.support_polygon_m, self.reference_zmp_m + correction_m)
        shift_m = reachable_m - self.reference_zmp_m
        return (self.dcm_error_m - shift_m) * growth + shift_m


def balance_of(
    measured: ComMotion,
    reference: ComMotion,
    reference_zmp_m: FloatArray,
    frequency_rad_s: float,
    support_polygon_m: FloatArray,
    config: BalanceConfig,
) -> Balance:
    """The balance of a measured motion; the reference ZMP is projected into the scaled support polygon.

    Args:
        measured: motion of the robot.
        reference: motion to follow.
        reference_zmp_m: [2] ZMP of the reference.
        frequency_rad_s: natural frequency of the pendulum.
        support_polygon_m: [corner, 2] region that the ZMP can lie in.
        config: scale of the support polygon.
    """
    return Balance(
        frequency_rad_s,
        support_polygon_m,
        measured.dcm_m(frequency_rad_s),
        reference.dcm_m(frequency_rad_s),
        project_onto_polygon(scaled_polygon(support_polygon_m, config.support_scale), reference_zmp_m),
    )


def limit_to_support(balance: Balance, config: BalanceConfig) -> Balance:
    """The balance with its reference DCM inside the scaled support polygon: the body takes no step."""
    polygon_m = scaled_polygon(balance.support_polygon_m, config.standing_scale)
    return replace(balance, reference_dcm_m=project_onto_polygon(polygon_m, balance.reference_dcm_m))


def limit_to_stance_foot(
    balance: Balance, sole_position_m: FloatArray, outward: FloatArray, config: BalanceConfig
) -> Balance:
    """The balance with its reference not outside the stance foot, where no step could catch the body.

    Args:
        balance: before the limit.
        sole_position_m: [2] centre of the stance foot's sole.
        outward: [2] unit vector to the outside of the stance foot.
        config: limits.
    """
    dcm_excess_m = float(outward @ (balance.reference_dcm_m - sole_position_m)) - config.max_dcm_outward_m
    zmp_excess_m = float(outward @ (balance.reference_zmp_m - sole_position_m)) - config.max_zmp_outward_m
    return replace(
        balance,
        reference_dcm_m=balance.reference_dcm_m - max(dcm_excess_m, 0.0) * outward,
        reference_zmp_m=balance.reference_zmp_m - max(zmp_excess_m, 0.0) * outward,
    )


def desired_com_acceleration(
    balance: Balance,
    rate: float,
    measured: ComMotion,
    reference: ComMotion,
    vertical_acceleration_m_s2: float,
    config: BalanceConfig,
) -> FloatArray:
    """[3] acceleration of the centre of mass that brings it to the reference, m/s2.

    Args:
        balance: horizontal balance.
        rate: playback rate of the reference.
        measured: motion of the robot.
        reference: motion to follow.
        vertical_acceleration_m_s2: feedforward of the height.
        config: gains.
    """
    acceleration_m_s2 = np.empty(3)
    acceleration_m_s2[:2] = balance.frequency_rad_s**2 * (measured.position_m[:2] - balance.desired_zmp(rate, config))
    acceleration_m_s2[2] = (
        config.height_stiffness_per_s2 * (reference.position_m[2] - measured.position_m[2])
        + config.height_damping_per_s * (reference.velocity_m_s[2] - measured.velocity_m_s[2])
        + vertical_acceleration_m_s2
    )
    return acceleration_m_s2
