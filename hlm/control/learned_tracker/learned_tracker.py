"""The learned tracker: a network at 50 Hz that gives joint targets to the motors' own loops.

`docs/learn_tracker.md` says how one is trained. None comes with hlm.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hlm.control.learned_tracker.observation import LATENCY_S, TRACKER_HZ, observation_of, target_of
from hlm.control.learned_tracker.reference_window import ReferenceWindow
from hlm.control.tracker.admission import Admission
from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S, due_ns
from hlm.core.embodiment import Embodiment
from hlm.core.errors import TrackingError
from hlm.core.layout import GRIPPERS, JOINTS
from hlm.core.proprioception import measured_state
from hlm.core.rotations import matrix_from_quat
from hlm.core.values import JointCommand, Reference, RobotState

_EARLY_NS = 4_000_000  # a measurement this long before a tick is the tick's
_MIN_UPRIGHTNESS = 0.5


class LearnedTracker:
    """Follows references by a network that was trained to.

    Call `step` at 100 to 125 Hz; the network is asked at 50 Hz.

    Args:
        embodiment: the robot.
        network: [29] actions for what `hlm.control.learned_tracker.observation.observation_of` gives.
    """

    def __init__(self, embodiment: Embodiment, network: Callable[[FloatArray], FloatArray]) -> None:
        self._embodiment = embodiment
        self._admission = Admission(embodiment)
        self._network = network
        self._window = ReferenceWindow()
        self._start_ns = self._stamp_ns = self._tick = 0
        self._action: FloatArray = np.zeros(JOINTS)
        self._target_rad: FloatArray = embodiment.default_rad
        self._gripper_opening: FloatArray = np.ones(len(GRIPPERS))

    @property
    def lag_s(self) -> float:
        """Time from a reference's stamp to its playback."""
        return LATENCY_S

    @property
    def unsolved_ticks(self) -> int:
        """Ticks without a command; a network always gives one."""
        return 0

    def reset(self, state: RobotState) -> None:
        """Start with the measured pose as the first reference.

        Raises:
            InputError: the measurement cannot be one.
        """
        self._admission.must_be_measurement(state)
        self._start_ns = self._stamp_ns = state.stamp_ns
        self._tick = 0
        self._action = np.zeros(JOINTS)
        self._window.start(state.stamp_ns, measured_state(state, None)[0])

    def push(self, reference: Reference) -> None:
        """Add the next reference of the stream.

        Raises:
            InputError: an entry is not finite or far out of range, the stamp does not increase, or it is too far ahead
                of the robot's.
        """
        self._admission.must_be_reference(reference, self._stamp_ns)
        self._window.push(reference)

    def step(self, state: RobotState) -> JointCommand:
        """The command for the state measured now.

        Raises:
            InputError: the measurement cannot be one; nothing has changed.
            TrackingError: the robot has fallen, or the network's answer is not finite.
        """
        self._admission.must_follow(state, self._stamp_ns)
        self._stamp_ns = state.stamp_ns
        if matrix_from_quat(state.quat_world_from_pelvis_wxyz)[2, 2] < _MIN_UPRIGHTNESS:
            raise TrackingError("the robot has fallen: its pelvis is tilted by more than 60 degrees.")
        if state.stamp_ns >= due_ns(self._start_ns, self._tick, TRACKER_HZ) - _EARLY_NS:
            self._ask(state)
        return JointCommand(
            stamp_ns=state.stamp_ns,
            joint_position_rad=self._target_rad,
            joint_velocity_rad_s=np.zeros(JOINTS),
            kp_nm_rad=self._embodiment.kp_nm_rad,
            kd_nm_s_rad=self._embodiment.kd_nm_s_rad,
            torque_nm=np.zeros(JOINTS),
            gripper_opening=self._gripper_opening,
        )

    def _ask(self, state: RobotState) -> None:
        """Ask the network at the tick that is due; ticks that were missed are skipped."""
        passed_ns = state.stamp_ns + _EARLY_NS - self._start_ns
        tick = max(self._tick, int(passed_ns * TRACKER_HZ // NS_PER_S))
        vectors = self._window.at(tick)
        seen = observation_of(vectors, state, self._action, self._embodiment.default_rad)
        action = self._network(seen)
        if not np.isfinite(action).all():
            raise TrackingError("the learned tracker's network gave values that are not finite.")
        self._action = action
        self._target_rad = target_of(action, self._embodiment)
        self._gripper_opening = np.clip(vectors[0, list(GRIPPERS)], 0.0, 1.0)
        self._tick = tick + 1
