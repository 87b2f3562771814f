"""The order of joints on SONIC's wire, which is that of NVIDIA's Isaac Lab: breadth first from the pelvis."""

from __future__ import annotations

import numpy as np

# fmt: off
MOTOR_FROM_ISAAC = np.array([0, 6, 12, 1, 7, 13, 2, 8, 14, 3, 9, 15, 22, 4, 10, 16, 23, 5, 11, 17, 24, 18, 25, 19, 26,
                             20, 27, 21, 28])
# fmt: on
"""[joint in Isaac Lab's order] its number in the motor order: `in_isaac_order = motors[..., MOTOR_FROM_ISAAC]`."""

ISAAC_FROM_MOTOR = np.argsort(MOTOR_FROM_ISAAC)
"""[joint in motor order] its number in Isaac Lab's order; the inverse."""

MOTOR_FROM_ISAAC.flags.writeable = ISAAC_FROM_MOTOR.flags.writeable = False
