"""Keypoints of a person's whole body become the robot's configuration, frame by frame."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np

from hlm.control.model import BodyModel, Configuration
from hlm.core.errors import InputError
from hlm.core.rotations import quat_from_roll_pitch_yaw, roll_pitch_yaw_from_quat
from hlm.teleop.keypoints.body_keypoints import BodyKeypoints
from hlm.teleop.keypoints.calibration import Calibration
from hlm.teleop.keypoints.keypoint_ik import KeypointIK
from hlm.teleop.keypoints.keypoint_ik_config import KeypointIKConfig
from hlm.teleop.keypoints.keypoint_report import FrameErrors, KeypointReport, errors_of
from hlm.teleop.keypoints.rigid import yaw_of
from hlm.teleop.keypoints.robot_targets import NOMINAL_S, RobotTargets, TargetFollower

# The first pose may be far from where it starts.
_FIRST_ITERATIONS = 80
_REPORTED_FRAMES = 3000
_NEAR = 1e-6


class _Frame(NamedTuple):
    """What is kept of a frame for the report."""

    errors: FrameErrors
    self_distance_m: float
    at_limit: bool
    at_speed: bool
    stands: bool


class Retargeter:
    """Follows an operator. The configurations are in a world of the operator's floor, at the robot's size.

    Args:
        model: the robot.
        calibration: of the operator, for this robot.
        config: weights and limits; the defaults when None.
    """

    def __init__(self, model: BodyModel, calibration: Calibration, config: KeypointIKConfig | None = None) -> None:
        self._model, self._data = model, model.data()
        self._follower = TargetFollower(model, calibration)
        self._ik = KeypointIK(model, config)
        self.reset(None)

    def reset(self, configuration: Configuration | None) -> None:
        """Forget the frames that were; the next one is the first.

        Args:
            configuration: the robot's, from which it moves to the operator's pose within its speeds; its joints and
                lean count, its place and heading become the operator's. None starts in the operator's pose.
        """
        self._follower.reset()
        self._configuration: Configuration | None = None
        self._start = configuration
        self._frames: deque[_Frame] = deque(maxlen=_REPORTED_FRAMES)
        self._unseen: tuple[str, ...] = ()
        self._trouble = ""

    def retarget(self, keypoints: BodyKeypoints, dt_s: float) -> Configuration:
        """The robot's configuration of a frame.

        Args:
            keypoints: of the operator.
            dt_s: time since the last frame; of the first one, the time that it may take.

        Raises:
            InputError: `dt_s` is not positive.
        """
        if not 0.0 < dt_s < np.inf:
            raise InputError(f"dt_s must be the positive time since the last frame, got {dt_s}.")
        targets = self._follower.targets(keypoints, dt_s)
        # After lost frames the robot moves on as fast as before, not at once to where the operator is by now.
        moved_s = min(dt_s, NOMINAL_S)
        before = self._configuration
        if before is None and self._start is not None:
            before = placed_at(self._start, targets)
        if before is None:
            standing = placed_at(Configuration.standing(self._model.embodiment), targets)
            self._configuration = self._ik.solve(targets, standing, None, _FIRST_ITERATIONS)
        else:
            self._configuration = self._ik.solve(targets, before, moved_s)
        self._note(targets, before, moved_s)
        return self._configuration

    @property
    def report(self) -> KeypointReport:
        """Of the last frames, at most 3000.

        Raises:
            InputError: there was no frame yet.
        """
        if not self._frames:
            raise InputError("nothing has been retargeted yet, so there is nothing to report.")
        errors = np.array([frame.errors for frame in self._frames])
        count = len(self._frames)
        return KeypointReport(
            frames=count,
            median=FrameErrors(*np.quantile(errors, 0.5, axis=0).tolist()),
            p99=FrameErrors(*np.quantile(errors, 0.99, axis=0).tolist()),
            self_distance_m=min(frame.self_distance_m for frame in self._frames),
            at_limit_share=sum(frame.at_limit for frame in self._frames) / count,
            at_speed_share=sum(frame.at_speed for frame in self._frames) / count,
            standing_share=sum(frame.stands for frame in self._frames) / count,
            unseen=self._unseen,
            trouble=self._trouble,
        )

    def _note(self, targets: RobotTargets, before: Configuration | None, moved_s: float) -> None:
        """Keep what the report needs of the frame."""
        now = self._configuration
        if now is None:
            return
        ik, joints_rad = self._ik, now.joint_position_rad
        at_limit = (joints_rad <= ik.lower_rad + _NEAR) | (joints_rad >= ik.upper_rad - _NEAR)
        at_speed = False
        if before is not None:
            moved_rad = np.abs(joints_rad - before.joint_position_rad)
            at_speed = bool((moved_rad >= ik.speed_rad_s * moved_s - _NEAR).any())
        self._frames.append(
            _Frame(
                errors_of(self._model, self._data, targets, now),
                ik.self_distance_m,
                bool(at_limit.any()),
                at_speed,
                not targets.trouble,
            )
        )
        self._unseen, self._trouble = targets.unseen, targets.trouble


def placed_at(configuration: Configuration, targets: RobotTargets) -> Configuration:
    """The configuration, carried and turned to where the operator stands and looks."""
    roll, pitch, _ = roll_pitch_yaw_from_quat(configuration.quat_world_from_pelvis_wxyz)
    heading = yaw_of(targets.pelvis)
    height_m = configuration.position_pelvis_in_world_m[2]
    return Configuration(
        position_pelvis_in_world_m=np.array([*targets.pelvis_m[:2], height_m]),
        quat_world_from_pelvis_wxyz=quat_from_roll_pitch_yaw(np.array([roll, pitch, heading])),
        joint_position_rad=configuration.joint_position_rad,
    )
