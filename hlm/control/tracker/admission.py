"""What a tracker takes in: references and measurements that can be some. What is refused has changed nothing."""

from __future__ import annotations

import numpy as np

from hlm.control.measurement import state_fault
from hlm.control.model import rotation_from_quat
from hlm.control.reference_range import ReferenceRange
from hlm.core.clock import NS_PER_S
from hlm.core.embodiment import Embodiment
from hlm.core.errors import InputError, TrackingError
from hlm.core.values import Reference, RobotState

_MAX_AHEAD_S = 1.0  # of a reference before the newest measurement
_MAX_GAP_S, _MAX_BACK_S = 0.5, 0.1  # from one measurement to the next
_FALLEN_UPRIGHTNESS = 0.3  # 72 degrees: no reference asks for it, and no torque brings a body back from there


class Admission:
    """Refuses what no tracker can follow or balance on.

    Args:
        embodiment: the robot.
    """

    def __init__(self, embodiment: Embodiment) -> None:
        self._embodiment = embodiment
        self._range = ReferenceRange(embodiment)

    def must_be_reference(self, reference: Reference, measured_ns: int) -> None:
        """Refuse a reference that is far out of range or far in the future; the stream refuses what is not finite.

        Args:
            reference: what was pushed.
            measured_ns: stamp of the newest measurement.

        Raises:
            InputError: it is.
        """
        if np.isfinite(reference.vector).all() and (fault := self._range.fault(reference.vector)):
            raise InputError(f"{fault}; it was refused.")
        ahead_s = (reference.stamp_ns - measured_ns) / NS_PER_S
        if ahead_s > _MAX_AHEAD_S:
            raise InputError(
                f"reference is {ahead_s:.2f} s ahead of the robot's last state; at most {_MAX_AHEAD_S:.0f} s "
                "can be kept. Stamp both on the same clock."
            )

    def must_be_measurement(self, state: RobotState) -> None:
        """Refuse a measurement with a number that is none, or that no robot could measure.

        Raises:
            InputError: it has one.
        """
        if fault := state_fault(state, self._embodiment):
            raise InputError(f"{fault}; nothing can balance on it.")

    def must_follow(self, state: RobotState, before_ns: int) -> None:
        """Refuse a measurement that cannot be the next one.

        Args:
            state: the measurement.
            before_ns: stamp of the one before.

        Raises:
            InputError: it has an impossible number, or a stamp far from that of the one before.
        """
        self.must_be_measurement(state)
        passed_s = (state.stamp_ns - before_ns) / NS_PER_S
        if not -_MAX_BACK_S <= passed_s <= _MAX_GAP_S:
            raise InputError(
                f"the measurement is {abs(passed_s):.2f} s {'newer' if passed_s > 0.0 else 'older'} than the one "
                f"before; {_MAX_GAP_S:g} s newer and {_MAX_BACK_S:g} s older can be bridged. Reset the tracker."
            )

    def must_stand(self, state: RobotState) -> None:
        """Refuse to balance a robot that lies.

        Raises:
            TrackingError: it has fallen.
        """
        if rotation_from_quat(state.quat_world_from_pelvis_wxyz)[2, 2] < _FALLEN_UPRIGHTNESS:
            raise TrackingError("the robot has fallen: its pelvis is tilted by more than 72 degrees.")
