"""What crosses the line between the loop and the page arrives as it left."""

import dataclasses
import json

import numpy as np
import pytest

from hlm.control.body_command import BodyCommand
from hlm.control.inverse_kinematics import PoseTarget
from hlm.core.errors import CorruptError
from hlm.teleop.devices.device import Button
from hlm.teleop.page import documents
from hlm.teleop.page.page_event import (
    ButtonPressed,
    EpisodeDeleted,
    EpisodeRelabelled,
    InstructionChosen,
    RedoLast,
)
from hlm.teleop.page.page_view import InputAge, PageView, SafetyLevel, ShownRobot, ShownShape

EVENTS = [
    ButtonPressed(Button.RECORD, 17),
    InstructionChosen("lift the cup"),
    EpisodeDeleted("episode_000003"),
    EpisodeRelabelled("episode_000002", outcome="failure"),
    RedoLast(),
]


def through_json(document):
    return json.loads(json.dumps(document))


@pytest.mark.parametrize("event", EVENTS)
def test_events_come_back(event):
    assert documents.event_from_document(through_json(documents.event_document(event))) == event


@pytest.mark.parametrize(
    "document", [{}, {"kind": "Format"}, {"kind": "RedoLast", "more": 1}, {"kind": "EpisodeDeleted"}]
)
def test_what_is_no_event_is_refused(document):
    with pytest.raises(CorruptError, match="no event of the page"):
        documents.event_from_document(document)


@pytest.mark.parametrize(
    "command",
    [
        BodyCommand(),
        BodyCommand(
            velocity_m_s=np.array([0.2, -0.1]),
            turn_rate_rad_s=0.3,
            pelvis_height_m=0.6,
            pelvis_roll_rad=0.1,
            pelvis_pitch_rad=0.2,
            waist_rad=np.array([0.1, 0.2, 0.3]),
            grips=(PoseTarget(position_in_world_m=np.array([0.3, 0.2, 0.9])), None),
            soles=(
                None,
                PoseTarget(
                    position_in_world_m=np.array([0.0, -0.1, 0.1]),
                    quat_world_from_frame_wxyz=np.array([0.0, 1.0, 0.0, 0.0]),
                ),
            ),
            gripper_opening=np.array([0.0, 0.5]),
        ),
    ],
)
def test_commands_come_back(command):
    document = through_json(documents.command_document(command))
    back = documents.command_from_document(document)
    assert documents.command_document(back) == document
    assert [target is None for target in (*back.grips, *back.soles)] == [
        target is None for target in (*command.grips, *command.soles)
    ]


def test_robots_and_shapes_come_back():
    robot = ShownRobot(vector=np.arange(34.0), heading_rad=0.5, position_pelvis_in_world_m=np.array([1.0, 2.0, 0.7]))
    shape = ShownShape(
        name="table", size_m=(1.0, 0.6, 0.7), position_m=(0.8, 0.0, 0.35), rgb=(0.5, 0.4, 0.3), movable=True
    )
    view = PageView(state="idle", measured=robot, shapes=(shape,))
    scene = through_json(documents.scene_document(view))
    back = documents.robot_from_document(scene["measured"])
    assert np.array_equal(back.vector, robot.vector)
    assert np.array_equal(back.position_pelvis_in_world_m, robot.position_pelvis_in_world_m)
    assert back.heading_rad == 0.5
    assert documents.robot_from_document(scene["reference"]) is None
    assert documents.shape_from_document(scene["shapes"][0]) == shape


def test_the_browser_gets_every_word_and_number_of_a_view():
    view = PageView(
        state="recording", safety=SafetyLevel.HELD, inputs=(InputAge(name="head", age_s=None, limit_s=0.1),)
    )
    document = through_json(documents.page_document(view))
    elsewhere = {"measured", "reference", "pose_world_from_stance", "shapes", "episodes"}
    assert document.keys() == {field.name for field in dataclasses.fields(PageView)} - elsewhere
    assert document["safety"] == "held"
    assert document["inputs"] == [{"name": "head", "age_s": None, "limit_s": 0.1, "rate_hz": None}]
