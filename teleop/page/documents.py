"""Views, events and commands as plain documents, for the line between the loop and the page's process."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hlm.control.body_command import BodyCommand
from hlm.control.inverse_kinematics import PoseTarget
from hlm.core.arrays import FloatArray
from hlm.core.errors import CorruptError
from hlm.teleop.devices.device import Button
from hlm.teleop.page.page_event import (
    ButtonPressed,
    EpisodeDeleted,
    EpisodeRelabelled,
    InstructionChosen,
    PageEvent,
    RedoLast,
)
from hlm.teleop.page.page_view import EpisodeCard, PageView, ShownRobot, ShownShape

type Document = dict[str, Any]

_EVENTS: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (ButtonPressed, InstructionChosen, EpisodeDeleted, EpisodeRelabelled, RedoLast)
}


def page_document(view: PageView) -> Document:
    """What the browser shows in words and numbers."""
    return {
        "state": view.state,
        "follows": view.follows,
        "in_command": view.in_command,
        "buttons": sorted(view.buttons),
        "countdown_s": view.countdown_s,
        "recorded_s": view.recorded_s,
        "instruction": view.instruction,
        "instructions": list(view.instructions),
        "message": view.message,
        "limbs_apart": list(view.limbs_apart),
        "spoken": view.spoken,
        "safety": view.safety,
        "safety_text": view.safety_text,
        "inputs": [
            {
                "name": one.name,
                "age_s": _finite(one.age_s),
                "limit_s": _finite(one.limit_s),
                "rate_hz": _finite(one.rate_hz),
            }
            for one in view.inputs
        ],
        "device": view.device,
        "edits": view.edits,
        "counts": [
            {"instruction": one.instruction, "successes": one.successes, "failures": one.failures}
            for one in view.counts
        ],
    }


def scene_document(view: PageView) -> Document:
    """What the 3-D view draws."""
    return {
        "measured": _robot_document(view.measured),
        "reference": _robot_document(view.reference),
        "pose_world_from_stance": view.pose_world_from_stance.tolist(),
        "shapes": [_shape_document(shape) for shape in view.shapes],
    }


def episode_document(card: EpisodeCard) -> Document:
    """A line of the list of episodes."""
    return {
        "name": card.name,
        "instruction": card.instruction,
        "outcome": card.outcome,
        "duration_s": card.duration_s,
        "stage": card.stage,
        "note": card.note,
        "folder": None if card.folder is None else str(card.folder),
    }


def robot_from_document(document: Document | None) -> ShownRobot | None:
    """The robot in a part of a `scene_document`."""
    if document is None:
        return None
    position = document["position"]
    return ShownRobot(
        vector=np.array(document["vector"]),
        heading_rad=document["heading_rad"],
        position_pelvis_in_world_m=None if position is None else np.array(position),
    )


def shape_from_document(document: Document) -> ShownShape:
    """The shape in a part of a `scene_document`."""
    return ShownShape(
        name=document["name"],
        kind=document["kind"],
        size_m=tuple(document["size_m"]),
        position_m=tuple(document["position_m"]),
        quat_world_from_shape_wxyz=tuple(document["quat_wxyz"]),
        rgb=tuple(document["rgb"]),
        movable=document["movable"],
    )


def event_document(event: PageEvent) -> Document:
    """An event; `event_from_document` is its inverse."""
    kind = type(event)
    return {"kind": kind.__name__, **{name: getattr(event, name) for name in kind.__slots__}}


def event_from_document(document: Document) -> PageEvent:
    """The event in a document.

    Raises:
        CorruptError: it is none.
    """
    fields = {name: value for name, value in document.items() if name != "kind"}
    kind = _EVENTS.get(document.get("kind", ""))
    if kind is None or fields.keys() != set(kind.__slots__):
        raise CorruptError(f"this is no event of the page: {str(document)[:200]}.")
    if kind is ButtonPressed:
        fields["button"] = Button(fields["button"])
    event: PageEvent = kind(**fields)
    return event


def command_document(command: BodyCommand) -> Document:
    """A command of the body; `command_from_document` is its inverse."""
    return {
        "velocity_m_s": command.velocity_m_s.tolist(),
        "turn_rate_rad_s": command.turn_rate_rad_s,
        "pelvis_height_m": command.pelvis_height_m,
        "pelvis_roll_rad": command.pelvis_roll_rad,
        "pelvis_pitch_rad": command.pelvis_pitch_rad,
        "waist_rad": _listed(command.waist_rad),
        "grips": [_target_document(target) for target in command.grips],
        "soles": [_target_document(target) for target in command.soles],
        "gripper_opening": command.gripper_opening.tolist(),
    }


def command_from_document(document: Document) -> BodyCommand:
    """The command in a document."""
    grips, soles = ([_target(one) for one in document[name]] for name in ("grips", "soles"))
    return BodyCommand(
        velocity_m_s=np.array(document["velocity_m_s"]),
        turn_rate_rad_s=document["turn_rate_rad_s"],
        pelvis_height_m=document["pelvis_height_m"],
        pelvis_roll_rad=document["pelvis_roll_rad"],
        pelvis_pitch_rad=document["pelvis_pitch_rad"],
        waist_rad=_array(document["waist_rad"]),
        grips=(grips[0], grips[1]),
        soles=(soles[0], soles[1]),
        gripper_opening=np.array(document["gripper_opening"]),
    )


def _robot_document(robot: ShownRobot | None) -> Document | None:
    if robot is None:
        return None
    position = _listed(robot.position_pelvis_in_world_m)
    return {"vector": robot.vector.tolist(), "heading_rad": robot.heading_rad, "position": position}


def _shape_document(shape: ShownShape) -> Document:
    return {
        "name": shape.name,
        "kind": shape.kind,
        "size_m": shape.size_m,
        "position_m": shape.position_m,
        "quat_wxyz": shape.quat_world_from_shape_wxyz,
        "rgb": shape.rgb,
        "movable": shape.movable,
    }


def _target_document(target: PoseTarget | None) -> Document | None:
    if target is None:
        return None
    return {
        "position_m": target.position_in_world_m.tolist(),
        "quat_wxyz": _listed(target.quat_world_from_frame_wxyz),
    }


def _target(document: Document | None) -> PoseTarget | None:
    if document is None:
        return None
    return PoseTarget(
        position_in_world_m=np.array(document["position_m"]),
        quat_world_from_frame_wxyz=_array(document["quat_wxyz"]),
    )


def _finite(value: float | None) -> float | None:
    """What JSON can say: an age before the first value is infinite for some, and none for others."""
    return None if value is None or not math.isfinite(value) else float(value)


def _listed(array: FloatArray | None) -> list[float] | None:
    return None if array is None else array.tolist()


def _array(values: list[float] | None) -> FloatArray | None:
    return None if values is None else np.array(values)
