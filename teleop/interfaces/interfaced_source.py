"""A source whose references go through a narrower interface: what that cannot say is lost, on purpose."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np

from hlm.control.inverse_kinematics import WholeBodyIK
from hlm.control.model import BodyModel, Configuration
from hlm.core.arrays import FloatArray
from hlm.core.clock import STEP_HZ
from hlm.core.embodiment import Embodiment
from hlm.core.errors import UnknownNameError
from hlm.core.layout import NAMES, UNITS, pack
from hlm.core.protocols import ReferenceSource
from hlm.core.rotations import roll_pitch_yaw_from_quat
from hlm.core.values import Observation, Reference
from hlm.core.yaw_rate import YawRate, filter_yaw_rate
from hlm.teleop.interfaces import decoupled, three_point
from hlm.teleop.interfaces.odometry import BodyMotion, ReferenceOdometry
from hlm.teleop.interfaces.steering import STANDING, SteeringConfig, steered

JOINTS, DECOUPLED, THREE_POINT = "joints", "decoupled", "three_point"


class InterfaceTable(NamedTuple):
    """What an interface says.

    Attributes:
        names: of its numbers.
        units: of them; "1" is a number without one.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]


INTERFACES: dict[str, InterfaceTable] = {
    JOINTS: InterfaceTable(NAMES, UNITS),
    DECOUPLED: InterfaceTable(decoupled.NAMES, decoupled.UNITS),
    THREE_POINT: InterfaceTable(three_point.NAMES, three_point.UNITS),
}
"""The interfaces by the names that `--interface` takes."""


class InterfacedBody(Protocol):
    """A body that is moved by the vectors of an interface."""

    @property
    def stance(self) -> FloatArray:
        """[3] x (m), y (m) and yaw (rad) midway between the soles."""
        ...

    def reset(self, configuration: Configuration) -> None:
        """Start at rest from a configuration with both feet on the floor."""
        ...

    def moved(self, vector: FloatArray, dt_s: float) -> Configuration:
        """The body `dt_s` after the last one."""
        ...

    def gripper_opening(self, vector: FloatArray) -> FloatArray:
        """[2] openings of the grippers in a vector."""
        ...


type Vector = Callable[[BodyMotion, FloatArray], FloatArray]


def interfaced(source: ReferenceSource, name: str, embodiment: Embodiment) -> ReferenceSource:
    """The source as it is through an interface; through "joints" it is itself.

    Raises:
        UnknownNameError: there is no such interface.
    """
    match name:
        case "joints":
            return source
        case "decoupled":
            body: InterfacedBody = decoupled.DecoupledBody(embodiment)
            upright = WholeBodyIK(BodyModel(embodiment), decoupled.UPRIGHT)
            return InterfacedSource(source, partial(decoupled.decoupled_vector, ik=upright), body, embodiment)
        case "three_point":
            vector = partial(three_point.three_point_vector, model=BodyModel(embodiment))
            return InterfacedSource(source, vector, three_point.ThreePointBody(embodiment), embodiment)
    raise UnknownNameError("interface", name, INTERFACES)


class InterfacedSource:
    """Squeezes a source's references through an interface; implements `hlm.core.protocols.ReferenceSource`.

    The operator watches the body: it walks until the body stands where the source's own references would have brought
    it, see `hlm.teleop.interfaces.steering`.

    Args:
        source: of whole-body references.
        vector: what a motion is in the interface.
        body: what the interface's vectors move.
        embodiment: the robot.
        steering: how the operator steers; the defaults when None.
    """

    def __init__(
        self,
        source: ReferenceSource,
        vector: Vector,
        body: InterfacedBody,
        embodiment: Embodiment,
        steering: SteeringConfig | None = None,
    ) -> None:
        self._source, self._vector, self._body = source, vector, body
        self._steering = SteeringConfig() if steering is None else steering
        self._odometry = ReferenceOdometry(BodyModel(embodiment))
        self._steered = STANDING
        self._stamp_ns: int | None = None
        self._yaw_rate: YawRate | None = None

    def reset(self, observation: Observation) -> None:
        """Start the source, and the body from the measured pose, which must stand on both feet."""
        self._source.reset(observation)
        self._body.reset(self._odometry.start(observation.state).configuration)
        self._steered, self._stamp_ns, self._yaw_rate = STANDING, None, None

    def reference(self, observation: Observation) -> Reference | None:
        """What the interface makes of the source's reference; None when the source has ended."""
        wanted = self._source.reference(observation)
        if wanted is None:
            return None
        motion = self._odometry.moved(wanted.vector)
        self._steered = steered(self._steered, motion.stance, self._body.stance, self._steering)
        vector = self._vector(motion, self._steered.walk)
        configuration = self._body.moved(vector, self._dt_s(observation.stamp_ns))
        return self._packed(configuration, self._body.gripper_opening(vector), observation.stamp_ns)

    def _dt_s(self, stamp_ns: int) -> float:
        before_ns, self._stamp_ns = self._stamp_ns, stamp_ns
        return 1.0 / STEP_HZ if before_ns is None else (stamp_ns - before_ns) * 1e-9

    def _packed(self, configuration: Configuration, gripper_opening: FloatArray, stamp_ns: int) -> Reference:
        roll, pitch, yaw = roll_pitch_yaw_from_quat(configuration.quat_world_from_pelvis_wxyz)
        self._yaw_rate = filter_yaw_rate(self._yaw_rate, stamp_ns, float(yaw))
        root = np.array([roll, pitch, self._yaw_rate.rate_rad_s])
        return Reference(stamp_ns, pack(configuration.joint_position_rad, gripper_opening, root))
