"""Head and two hands become commands of a whole body."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hlm.control.body_command import BodyCommand
from hlm.control.commanded_body.body_following import BodyReach, with_body_following
from hlm.control.commanded_body.config import CommandedBodyConfig
from hlm.control.inverse_kinematics import PoseTarget
from hlm.control.model import BodyModel, Configuration
from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment
from hlm.core.errors import InputError
from hlm.core.rotations import quat_from_matrix
from hlm.teleop.devices.headset.clutch import Clutch, Moved
from hlm.teleop.devices.headset.hysteresis import Hysteresis
from hlm.teleop.devices.headset.sample import HeadsetSample

# Who is shorter is a headset that does not know where the floor is.
_SHORTEST_M = 1.2


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadAndHandsConfig:
    """How head, hands and sticks command.

    Attributes:
        eye_height_m: of the person who stands upright; None for the height at which hold is taken first
            in a world.
        dead_zone: share of a stick's way that says nothing.
        body: limits of the body, whose speeds a stick at its end asks for.
        reach: how the body follows head and hands.
    """

    eye_height_m: float | None = None
    dead_zone: float = 0.15
    body: CommandedBodyConfig = field(default_factory=CommandedBodyConfig)
    reach: BodyReach = field(default_factory=BodyReach)

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            InputError: a number out of its range.
        """
        if self.eye_height_m is not None and not 0.5 < self.eye_height_m < 2.5:
            raise InputError(f"eye_height_m must be between 0.5 and 2.5 m, got {self.eye_height_m:g}.")
        if not 0.0 <= self.dead_zone < 1.0:
            raise InputError(f"dead_zone must be in [0, 1), got {self.dead_zone:g}.")


class HeadAndHands:
    """Hands are carried by a clutch, the pelvis follows; sticks walk and turn, triggers close the grippers.

    Args:
        embodiment: the robot.
        config: see there; the defaults when None.
    """

    def __init__(self, embodiment: Embodiment, config: HeadAndHandsConfig | None = None) -> None:
        self._config = HeadAndHandsConfig() if config is None else config
        self._clutch = Clutch(_hanging_grips(embodiment, self._config.body.posture))
        self._triggers = (Hysteresis(), Hysteresis())
        self._eye_height_m = self._config.eye_height_m
        self._measured = self._eye_height_m is not None

    def command(self, sample: HeadsetSample) -> BodyCommand:
        """What the person commands at the next sample."""
        moved = self._clutch.advance(sample)
        if not self._measured and moved.holds and sample.pose_world_from_head is not None:
            self._eye_height_m = max(_SHORTEST_M, float(sample.pose_world_from_head[2, 3]))
            self._measured = True
        left, right = (self._stick(sample, index) for index in (0, 1))
        body = self._config.body
        ahead_m_s = body.max_ahead_m_s if left[1] > 0.0 else body.max_back_m_s
        command = BodyCommand(
            velocity_m_s=np.array([ahead_m_s * left[1], -body.max_sideways_m_s * left[0]]),
            turn_rate_rad_s=float(-body.max_turn_rad_s * right[0]),
            grips=(_target(moved.grips[0]), _target(moved.grips[1])),
            gripper_opening=self._openings(sample),
            head=self._head(moved),
        )
        return with_body_following(command, self._config.reach)

    def enter_world(self) -> None:
        """Expect samples of another world, maybe of another person: nothing moves, and who takes hold is measured."""
        self._clutch.let_go()
        self._measured = self._config.eye_height_m is not None

    def _head(self, moved: Moved) -> PoseTarget | None:
        """Where the robot's head should be: it moves as the person's, in proportion to their heights."""
        if self._eye_height_m is None:
            return None
        reach = self._config.reach
        upright_m = np.array([reach.head_ahead_m, 0.0, reach.pelvis_height_m + reach.head_m])
        moved_m = moved.head_in_stance_m * upright_m[2] / self._eye_height_m
        return PoseTarget(position_in_world_m=upright_m + moved_m)

    def _stick(self, sample: HeadsetSample, index: int) -> FloatArray:
        """[2] stick to the right and ahead, from -1 to 1 outside of the dead zone."""
        hand = sample.hands[index]
        if hand is None:
            return np.zeros(2)
        beyond = np.maximum(0.0, np.abs(hand.stick) - self._config.dead_zone) / (1.0 - self._config.dead_zone)
        return np.clip(np.sign(hand.stick) * beyond, -1.0, 1.0)

    def _openings(self, sample: HeadsetSample) -> FloatArray:
        """[2] of the grippers; one whose hand is unseen stays as it is."""
        for hand, trigger in zip(sample.hands, self._triggers, strict=True):
            if hand is not None:
                trigger.update(hand.trigger)
        return np.array([0.0 if trigger.pulled else 1.0 for trigger in self._triggers])


def _hanging_grips(embodiment: Embodiment, posture: str) -> tuple[FloatArray, FloatArray]:
    """[4, 4] poses of the grips in the stance frame of a robot that stands upright."""
    model = BodyModel(embodiment)
    standing = Configuration.standing(embodiment)
    pose = Configuration(
        position_pelvis_in_world_m=standing.position_pelvis_in_world_m,
        quat_world_from_pelvis_wxyz=standing.quat_world_from_pelvis_wxyz,
        joint_position_rad=embodiment.pose_rad(posture),
    )
    soles_m = [model.pose_world_from(f"{side}_sole", pose)[:3, 3] for side in ("left", "right")]
    left, right = (model.pose_world_from(f"{side}_grip", pose).copy() for side in ("left", "right"))
    for grip in (left, right):
        grip[:3, 3] -= np.mean(soles_m, axis=0)
    return left, right


def _target(grip: FloatArray | None) -> PoseTarget | None:
    if grip is None:
        return None
    return PoseTarget(position_in_world_m=grip[:3, 3], quat_world_from_frame_wxyz=quat_from_matrix(grip[:3, :3]))
