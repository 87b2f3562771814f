import numpy as np
import pytest

from hlm.core.errors import CorruptError
from hlm.teleop.devices.headset.webxr_axes import pose_from_webxr

HALF = float(np.sqrt(0.5))


def test_axes():
    # Two metres before the start, one to the right, head 1.6 m high; turned by a quarter to the left about y.
    pose = pose_from_webxr([1.0, 1.6, -2.0, 0.0, HALF, 0.0, HALF])
    np.testing.assert_allclose(pose[:3, 3], (2.0, -1.0, 1.6))
    np.testing.assert_allclose(pose[:3, 0], (0.0, 1.0, 0.0), atol=1e-12)  # looks to the left
    np.testing.assert_allclose(pose[:3, 2], (0.0, 0.0, 1.0), atol=1e-12)


def test_looking_down_is_a_pitch_ahead():
    pose = pose_from_webxr([0.0, 0.0, 0.0, -HALF, 0.0, 0.0, HALF])
    np.testing.assert_allclose(pose[:3, 0], (0.0, 0.0, -1.0), atol=1e-12)


@pytest.mark.parametrize(
    "values",
    [None, [], [0.0] * 6, "1234567", [0.0] * 3 + [True] * 4, [1e999] + [0.0] * 5 + [1.0], [[0.0] * 7]]
    + [[sign * size] + [0.0] * 5 + [1.0] for sign in (1, -1) for size in (1e308, 10**400)],
)
def test_what_is_no_pose_is_refused(values):
    with pytest.raises(CorruptError, match="must be seven numbers"):
        pose_from_webxr(values)


def test_what_is_no_rotation_is_refused():
    with pytest.raises(CorruptError, match="unit quaternion, got one of length 0"):
        pose_from_webxr([0.0] * 7)
