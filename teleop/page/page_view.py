"""What the operator's page shows at an instant, as the loop tells it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal

import numpy as np

from hlm.core.arrays import FloatArray, frozen
from hlm.core.layout import DIMENSIONS
from hlm.teleop.devices.device import Button


class SafetyLevel(StrEnum):
    """How the robot is, for the colour of the page's mark."""

    OK = "ok"
    """It follows, or stands on purpose."""
    HELD = "held"
    """It holds, because something is late, lost, or not to be followed."""
    FAULT = "fault"
    """It is stopped: motors brake."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ShownRobot:
    """A pose of the robot to draw.

    Attributes:
        vector: [34] see `hlm.core.layout`.
        heading_rad: yaw of the pelvis in the operator's world; None where nobody knows it: then its own feet stand as
            the stance frame does. So it is with what is wanted, of which a rate of yaw alone is commanded.
        position_pelvis_in_world_m: [3]; None where nobody knows it: then the lowest sole stands on the floor, and the
            middle of the soles at the origin of the stance frame.
    """

    vector: FloatArray
    heading_rad: float | None = None
    position_pelvis_in_world_m: FloatArray | None = None

    def __post_init__(self) -> None:
        """Check shapes, and make the arrays read-only copies."""
        object.__setattr__(self, "vector", frozen(self.vector, (DIMENSIONS,), "vector"))
        if self.position_pelvis_in_world_m is not None:
            position = frozen(self.position_pelvis_in_world_m, (3,), "position_pelvis_in_world_m")
            object.__setattr__(self, "position_pelvis_in_world_m", position)


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownShape:
    """A simple shape of the task in the operator's world.

    Attributes:
        name: unique among the shapes of a view.
        kind: a box, or a cylinder along its z axis.
        size_m: full edge lengths of the box; diameter, diameter and height of the cylinder.
        position_m: centre in the operator's world.
        quat_world_from_shape_wxyz: unit quaternion.
        rgb: colour, 0 to 1.
        movable: whether it can be moved, or lies elsewhere in each scene: what hands go to.
    """

    name: str
    kind: Literal["box", "cylinder"] = "box"
    size_m: tuple[float, float, float]
    position_m: tuple[float, float, float]
    quat_world_from_shape_wxyz: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)
    rgb: tuple[float, float, float] = (0.7, 0.7, 0.7)
    movable: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class InputAge:
    """How fresh an input is: a camera, the robot's state, a device.

    Attributes:
        name: of the input.
        age_s: of its newest value; None before the first.
        limit_s: age from which it is late; None when there is none.
        rate_hz: at which it comes, as measured; None when not known.
    """

    name: str
    age_s: float | None
    limit_s: float | None = None
    rate_hz: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskCount:
    """How many episodes an instruction has.

    Attributes:
        instruction: the task in words.
        successes: episodes kept as successes.
        failures: episodes kept as failures.
    """

    instruction: str
    successes: int = 0
    failures: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class EpisodeCard:
    """A saved episode in the page's list.

    Attributes:
        name: of the episode in its dataset, unique.
        instruction: the task in words.
        outcome: `success`, `failure` or `unlabelled`.
        duration_s: from its first row to its last.
        stage: how far it came, in words; empty when nobody knows.
        note: what the operator wrote.
        folder: of the episode on disk, which its small film is made from; None for no film.
    """

    name: str
    instruction: str
    outcome: str
    duration_s: float
    stage: str = ""
    note: str = ""
    folder: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PageView:
    """Everything that the page shows at an instant, pictures apart; the page keeps no state of its own.

    Attributes:
        state: of the session, one word, such as `idle`, `countdown`, `recording` or `review`.
        follows: whether the robot follows the person.
        in_command: who commands the robot, where a policy and a person take turns; empty where one commands always.
        buttons: that mean something now; the page greys the others. Stop always does.
        countdown_s: time until recording begins; None when nothing counts down.
        recorded_s: length of the open episode; None when there is none.
        instruction: of the next or the open episode.
        instructions: that are proposed.
        message: one line for the person, such as why recording does not begin.
        limbs_apart: limbs in which robot and person do not agree.
        spoken: what the page says aloud when it changes; empty for nothing.
        safety: level of the body's safety.
        safety_text: the same in words.
        inputs: ages of all inputs.
        device: name of the person's device, and what it cannot command.
        measured: the robot as it is; None when not known.
        reference: the robot as it is wanted; None when nobody wants anything.
        pose_world_from_stance: [4, 4] where the handles' frame stands in the operator's world, see
            `hlm.control.body_command.BodyCommand`.
        shapes: of the task.
        counts: of the episodes of each instruction.
        episodes: that are saved, the newest first.
        edits: whether episodes can be deleted, relabelled and redone, and the instruction chosen.
    """

    state: str
    follows: bool = False
    in_command: str = ""
    buttons: frozenset[Button] = frozenset(Button)
    countdown_s: float | None = None
    recorded_s: float | None = None
    instruction: str = ""
    instructions: tuple[str, ...] = ()
    message: str = ""
    limbs_apart: tuple[str, ...] = ()
    spoken: str = ""
    safety: SafetyLevel = SafetyLevel.OK
    safety_text: str = ""
    inputs: tuple[InputAge, ...] = ()
    device: str = ""
    measured: ShownRobot | None = None
    reference: ShownRobot | None = None
    pose_world_from_stance: FloatArray = field(default_factory=lambda: np.eye(4))
    shapes: tuple[ShownShape, ...] = ()
    counts: tuple[TaskCount, ...] = ()
    episodes: tuple[EpisodeCard, ...] = ()
    edits: bool = True

    def __post_init__(self) -> None:
        """Check the shape of the pose, and make it a read-only copy."""
        pose = frozen(self.pose_world_from_stance, (4, 4), "pose_world_from_stance")
        object.__setattr__(self, "pose_world_from_stance", pose)
