"""What holds a person's weight while they stand: the feet on the floor, and how far inside of them it has to stay."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hlm.control.model import LEFT, RIGHT, pendulum_frequency
from hlm.control.tracker.support_polygon import convex_hull
from hlm.core.arrays import FloatArray
from hlm.teleop.keypoints.robot_targets import RobotTargets

# Of the way from the middle of narrow feet to their edge, this much is left to the weight.
_LEAST_SHARE = 0.5
_SHORTEST_EDGE_M = 1e-3


class Support(NamedTuple):
    """A convex region of the floor. A point is inside when `inwards @ point >= least_m`.

    Attributes:
        inwards: [edge, 2] unit normals.
        least_m: [edge].
    """

    inwards: FloatArray
    least_m: FloatArray

    def clearance_m(self, place_m: FloatArray) -> float:
        """How far inside the region a [2] point is; negative outside."""
        return float((self.inwards @ place_m - self.least_m).min())


class WeightLimit(NamedTuple):
    """Keeps the centre of mass, and where it would come to rest, inside of a support.

    That is the capture point c + c' / w of a linear inverted pendulum of frequency w (Pratt et al. 2006): weight that
    is near an edge has to be slow, and weight that is outside comes back at w times its distance.

    Attributes:
        support: what holds.
        before_m: [2] centre of mass in the frame before.
        dt_s: time since then; None where speed does not count.
    """

    support: Support
    before_m: FloatArray
    dt_s: float | None

    def least(self, com_m: FloatArray, jacobian: FloatArray) -> tuple[FloatArray, FloatArray]:
        """[edge, dof] rows and [edge] least values that their products with a step have to have, m.

        Args:
            com_m: [3] centre of mass now, above the floor.
            jacobian: [3, dof] of it.
        """
        inwards, least_m = self.support
        speed = 0.0 if self.dt_s is None else 1.0 / (self.dt_s * pendulum_frequency(float(com_m[2])))
        share = 1.0 / (1.0 + speed)
        meant_m = share * least_m + (1.0 - share) * (inwards @ self.before_m)
        return inwards @ jacobian[:2], meant_m - inwards @ com_m[:2]


def support_of(targets: RobotTargets, corners_m: FloatArray, margin_m: float) -> Support | None:
    """Where the weight may be over two feet that stand; None while one of them does not.

    Who walks throws their weight from foot to foot, and nobody knows where the next one lands: that is not limited.

    Args:
        targets: of the feet.
        corners_m: [corner, 3] of a sole in its frame.
        margin_m: distance from the edge of the feet; of narrow ones, half of what there is at most.
    """
    if not targets.stands.all():
        return None
    soles_m = [targets.soles_m[side, :2] + corners_m @ targets.soles[side, :2].T for side in (LEFT, RIGHT)]
    hull_m = convex_hull(np.concatenate(soles_m))
    along_m = np.roll(hull_m, -1, axis=0) - hull_m
    length_m = np.linalg.norm(along_m, axis=1)
    edges = length_m > _SHORTEST_EDGE_M
    inwards = np.column_stack([-along_m[edges, 1], along_m[edges, 0]]) / length_m[edges, None]
    edge_m = (inwards * hull_m[edges]).sum(axis=1)
    middle_m = inwards @ hull_m.mean(axis=0)
    return Support(inwards, edge_m + np.minimum(margin_m, _LEAST_SHARE * (middle_m - edge_m)))
