"""Whether a person stands, as far as their keypoints tell."""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.teleop.keypoints.calibration import Calibration
from hlm.teleop.keypoints.named_points import SIDED, middle_m
from hlm.teleop.keypoints.rigid import known

# Shares of the length of the leg. The deepest squat of a person keeps the hips a quarter of it above the ankles; on
# hands and knees, and kneeling, both knees are on the floor; on a chair the hips are a thigh behind the feet.
_LYING_SHARE, _KNEELING_SHARE, _SITTING_SHARE = 0.2, 0.2, 0.42


def trouble_of_stance(points_m: FloatArray, calibration: Calibration) -> str:
    """What a person does who does not stand; empty when they stand, or when hips and ankles are unknown.

    Args:
        points_m: [keypoint, 3].
        calibration: of the person.
    """
    hips_m, ankles_m = middle_m(points_m, "hip"), middle_m(points_m, "ankle")
    if not known(hips_m, ankles_m):
        return ""
    leg_m, rest_m = calibration.leg_m, float(calibration.ankle_rest_m.mean())
    if hips_m[2] - ankles_m[2] < _LYING_SHARE * leg_m and hips_m[2] - rest_m < 2.0 * _LYING_SHARE * leg_m:
        return "the operator is down on the floor"
    knees_m = np.array([points_m[side["knee"], 2] for side in SIDED])
    if known(knees_m) and bool(np.all(knees_m - rest_m < _KNEELING_SHARE * leg_m)):
        return "the operator kneels or crawls"
    if np.hypot(*(hips_m - ankles_m)[:2]) > _SITTING_SHARE * leg_m:
        return "the operator sits, or does not stand on their feet"
    return ""
