"""The whole-body tracker: plays the 34-D reference stream on a body that stands on its own feet.

A tick reads the joints and the inertial unit, finds where the body is from the feet that stand, places the reference
on the actual feet, asks for accelerations that keep the balance and follow it, and turns them into torques by an
inverse-dynamics program.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pinocchio as pin

from hlm.control.balance import center_of_mass_acceleration, convex_hull
from hlm.control.config import TrackerConfig
from hlm.control.dynamics import BodyDynamics
from hlm.control.dynamics_qp import BodyEffort, BodyTask, DynamicsProgram
from hlm.control.model import BASE_DOFS, GRAVITY_M_S2, BodyModel, Configuration
from hlm.control.odometry import LegOdometry
from hlm.control.reference_motion import ReferenceMotion, ReferenceSample, load_share
from hlm.control.reference_stream import ReferenceStream
from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S
from hlm.core.embodiment import Embodiment
from hlm.core.errors import InputError
from hlm.core.layout import JOINTS, pack
from hlm.core.rotations import matrix_from_yaw, wrap_angle
from hlm.core.values import JointCommand, Reference, RobotState

_LEGS_AND_WAIST = slice(0, 15)
_ARMS = slice(15, 29)
_WRISTS = (slice(19, 22), slice(26, 29))
_LEAST_HEIGHT_M = 0.25
_LONGEST_TICK_S = 0.02
_FARTHEST_AHEAD_S = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class PlacedReference:
    """A reference placed on the feet where they are.

    Attributes:
        center_of_mass_m: [3] in the world.
        center_of_mass_m_s: [3].
        pressure_m: [2].
        rotation_world_from_pelvis: [3, 3].
        height_m: of the centre of mass above the soles.
    """

    center_of_mass_m: FloatArray
    center_of_mass_m_s: FloatArray
    pressure_m: FloatArray
    rotation_world_from_pelvis: FloatArray
    height_m: float


class WholeBodyTracker:
    """Follows references with both feet on level ground.

    Call `step` at 100 to 125 Hz; the motors close a loop of their own around its commands at 500 Hz.

    Args:
        embodiment: the robot.
        config: settings.
    """

    def __init__(self, embodiment: Embodiment, config: TrackerConfig | None = None) -> None:
        self.config = TrackerConfig() if config is None else config
        self.model = BodyModel(embodiment)
        self._embodiment = embodiment
        self._stream = ReferenceStream(self.config.stream.rate_hz, self.config.stream.ease_in_s)
        self._motion = ReferenceMotion(self.model, self.config.stream, self.config.pendulum)
        self._odometry = LegOdometry(self.model)
        self._body = BodyDynamics(self.model)
        self._program = DynamicsProgram(self.model, self.config.dynamics)
        self._kp, self._kd = _command_gains(self.config)
        self._corners_m = self.model.sole_corners_m
        self._latency_ns = round(self.config.stream.latency_s * NS_PER_S)
        self._effort: BodyEffort | None = None
        self._unsolved = 0
        self._stamp_ns = 0

    @property
    def unsolved_ticks(self) -> int:
        """Ticks since the reset whose program had no solution and repeated the last torques instead."""
        return self._unsolved

    @property
    def estimate(self) -> Configuration:
        """Where the tracker thinks the body is; the middle of the soles was the origin at the reset."""
        return Configuration.from_vector(self._odometry.position)

    def reset(self, state: RobotState) -> None:
        """Start from the pose that is measured now; that pose is the first reference."""
        self._odometry.reset(state)
        self._effort = None
        self._unsolved = 0
        self._stamp_ns = state.stamp_ns
        roll, pitch, _ = pin.rpy.matrixToRpy(_rotation(state.quat_world_from_pelvis_wxyz))
        vector = pack(state.joint_position_rad, state.gripper_opening, np.array([roll, pitch, 0.0]))
        self._stream.start(state.stamp_ns, vector)
        self._motion.start(state.stamp_ns, vector)

    def push(self, reference: Reference) -> None:
        """Take the next reference of the stream; stamps increase.

        Raises:
            InputError: an entry is not finite, the stamp does not increase, or it is far ahead of the robot's.
        """
        ahead_s = (reference.stamp_ns - self._stamp_ns) / NS_PER_S
        if ahead_s > _FARTHEST_AHEAD_S:
            raise InputError(
                f"reference is {ahead_s:.2f} s ahead of the robot's last state; at most {_FARTHEST_AHEAD_S:.0f} s "
                "can be kept. Stamp both on the same clock."
            )
        self._motion.extend(self._stream.push(reference))

    def step(self, state: RobotState) -> JointCommand:
        """The command for the state that is measured now."""
        dt_s = min(max((state.stamp_ns - self._stamp_ns) / NS_PER_S, 0.0), _LONGEST_TICK_S)
        self._stamp_ns = state.stamp_ns
        self._odometry.update(state, self._loads())
        self._body.update(self._odometry.position, self._odometry.velocity)
        play_ns = state.stamp_ns - self._latency_ns
        if play_ns >= self._motion.newest_ns:
            self._motion.extend(self._stream.hold_until(play_ns + round(NS_PER_S / self.config.stream.rate_hz)))
        sample = self._motion.sample(play_ns)
        placed = self._place(sample)
        effort = self._program.solve(self._body, self._task(sample, placed))
        solved = effort is not None
        if solved:
            self._effort = effort
        else:
            self._unsolved += 1
        return self._command(state, sample, dt_s if solved else None)

    def _loads(self) -> FloatArray:
        """[2] load on each foot at the last tick, at least a little on both: both stand."""
        if self._effort is None:
            return np.array([0.5, 0.5])
        share = self._effort.load_n / max(float(self._effort.load_n.sum()), 1.0)
        return np.clip(share, 0.1, 1.0)

    def _place(self, sample: ReferenceSample) -> PlacedReference:
        """Put the reference's feet on the actual ones; each foot counts by the load that the reference puts on it."""
        body = self._body
        share = load_share(sample.sole_m, sample.pressure_m)
        rotation = body.rotation_world_from_sole
        yaws = np.arctan2(rotation[:, 1, 0], rotation[:, 0, 0])
        shifts = yaws - sample.sole_yaw_rad
        yaw = float(shifts[0] + share[1] * wrap_angle(shifts[1] - shifts[0]))
        turn = matrix_from_yaw(yaw)
        shift_m = share @ (body.sole_m - sample.sole_m @ turn.T)
        center_m = turn @ sample.center_of_mass_m + shift_m
        roll, pitch, heading = sample.roll_pitch_yaw_rad
        return PlacedReference(
            center_of_mass_m=center_m,
            center_of_mass_m_s=turn @ sample.center_of_mass_m_s,
            pressure_m=turn[:2, :2] @ sample.pressure_m + shift_m[:2],
            rotation_world_from_pelvis=pin.rpy.rpyToMatrix(roll, pitch, heading + yaw),
            height_m=max(float(center_m[2] - share @ body.sole_m[:, 2]), _LEAST_HEIGHT_M),
        )

    def _task(self, sample: ReferenceSample, placed: PlacedReference) -> BodyTask:
        body, config = self._body, self.config.dynamics
        share = config.reference_acceleration_share
        velocity = self._odometry.velocity
        corners_m = self._corners_m @ body.rotation_world_from_sole.transpose(0, 2, 1) + body.sole_m[:, None]
        com = center_of_mass_acceleration(
            (body.center_of_mass_m, body.center_of_mass_m_s),
            (placed.center_of_mass_m, placed.center_of_mass_m_s),
            (placed.pressure_m, share * sample.height_m_s2),
            float(np.sqrt(GRAVITY_M_S2 / placed.height_m)),
            convex_hull(corners_m[:, :, :2].reshape(-1, 2)),
            self.config.balance,
        )
        turn = pin.log3(body.rotation_world_from_pelvis.T @ placed.rotation_world_from_pelvis)
        pelvis = share * sample.roll_pitch_yaw_rad_s2
        pelvis += config.pelvis_stiffness_per_s2 * turn + config.pelvis_damping_per_s * (
            sample.roll_pitch_yaw_rad_s - velocity[3:BASE_DOFS]
        )
        position = np.clip(sample.joint_position_rad, self._embodiment.lower_rad, self._embodiment.upper_rad)
        joints = share * sample.joint_acceleration_rad_s2
        joints += config.posture_stiffness_per_s2 * (position - self._odometry.position[7:])
        joints += config.posture_damping_per_s * (sample.joint_velocity_rad_s - velocity[BASE_DOFS:])
        soles = -config.sole_damping_per_s * body.sole_velocity
        up = body.rotation_world_from_sole[:, :, 2]
        soles[:, 3] += config.sole_levelling_per_s2 * up[:, 1]
        soles[:, 4] -= config.sole_levelling_per_s2 * up[:, 0]
        most_n = np.full(2, 4.0 * self.model.mass_kg * GRAVITY_M_S2)
        return BodyTask(com, pelvis, soles, joints, most_n)

    def _command(self, state: RobotState, sample: ReferenceSample, dt_s: float | None) -> JointCommand:
        """Torques of the last effort that was found; legs and waist move as it means, or are damped without `dt_s`."""
        limit = self._embodiment.effort_nm
        velocity = sample.joint_velocity_rad_s.copy()
        velocity[_LEGS_AND_WAIST] = 0.0
        torque: FloatArray = np.zeros(JOINTS)
        if self._effort is not None:
            torque = np.clip(self._effort.torque_nm, -limit, limit)
            if dt_s is not None:
                ahead = state.joint_velocity_rad_s + self._effort.joint_rad_s2 * dt_s
                velocity[_LEGS_AND_WAIST] = ahead[_LEGS_AND_WAIST]
        return JointCommand(
            stamp_ns=state.stamp_ns,
            joint_position_rad=np.clip(
                sample.joint_position_rad, self._embodiment.lower_rad, self._embodiment.upper_rad
            ),
            joint_velocity_rad_s=velocity,
            kp_nm_rad=self._kp,
            kd_nm_s_rad=self._kd,
            torque_nm=torque,
            gripper_opening=np.clip(sample.gripper_opening, 0.0, 1.0),
        )


def _command_gains(config: TrackerConfig) -> tuple[FloatArray, FloatArray]:
    """[joint] stiffness and damping of the motors' own loops."""
    gains = config.command
    kp, kd = np.zeros(JOINTS), np.full(JOINTS, gains.leg_kd_nm_s_rad)
    kp[_ARMS], kd[_ARMS] = gains.arm_kp_nm_rad, gains.arm_kd_nm_s_rad
    for wrist in _WRISTS:
        kp[wrist], kd[wrist] = gains.wrist_kp_nm_rad, gains.wrist_kd_nm_s_rad
    return kp, kd


def _rotation(quat_wxyz: FloatArray) -> FloatArray:
    w, x, y, z = quat_wxyz
    return pin.Quaternion(w, x, y, z).normalized().toRotationMatrix()
