"""A session without a robot: the reference goes where the page commands, and what is measured follows."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

import numpy as np

from hlm.control.body_command import BodyCommand
from hlm.control.inverse_kinematics import BodyTargets, WholeBodyIK
from hlm.control.model import BodyModel, Configuration
from hlm.core.clock import MonotonicClock, ticks
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import pack
from hlm.core.rotations import quat_from_roll_pitch_yaw, roll_pitch_yaw_from_quat
from hlm.teleop.devices.device import Button
from hlm.teleop.page.page_config import PageConfig
from hlm.teleop.page.page_event import (
    ButtonPressed,
    EpisodeDeleted,
    EpisodeRelabelled,
    InstructionChosen,
    RedoLast,
)
from hlm.teleop.page.page_process import PageProcess
from hlm.teleop.page.page_view import (
    EpisodeCard,
    InputAge,
    PageView,
    SafetyLevel,
    ShownRobot,
    ShownShape,
    TaskCount,
)

INSTRUCTIONS = ("lift the cup from the floor", "put the cup on the shelf", "hand the box over")
STEP_HZ = 20.0
TABLE = ShownShape(name="table", size_m=(0.5, 1.0, 0.04), position_m=(0.75, 0.0, 0.6), rgb=(0.76, 0.66, 0.54))
CUP = ShownShape(
    name="cup",
    kind="cylinder",
    size_m=(0.08, 0.08, 0.1),
    position_m=(0.62, -0.18, 0.67),
    rgb=(0.85, 0.35, 0.25),
    movable=True,
)


class FakeBody:
    """Whole-body inverse kinematics on a standing robot, and a heading and place that the stick moves."""

    def __init__(self):
        self.ik = WholeBodyIK(BodyModel(UNITREE_G1))
        self.configuration = Configuration.standing(UNITREE_G1)
        model = BodyModel(UNITREE_G1)
        self.soles = [model.pose_world_from(f"{side}_sole", self.configuration) for side in ("left", "right")]
        self.middle_m = np.mean([sole[:3, 3] for sole in self.soles], axis=0) * [1.0, 1.0, 0.0]
        self.world = np.zeros(3)  # x, y, yaw of the stance
        self.measured = self.configuration.vector

    def step(self, command, dt_s):
        x, y, yaw = self.world
        ahead, left = command.velocity_m_s * dt_s
        self.world = np.array(
            [
                x + np.cos(yaw) * ahead - np.sin(yaw) * left,
                y + np.sin(yaw) * ahead + np.cos(yaw) * left,
                yaw + command.turn_rate_rad_s * dt_s,
            ]
        )
        self.configuration = self.ik.solve(self.targets(command), self.configuration)
        self.measured = self.measured + 0.3 * (self.configuration.vector - self.measured)

    def targets(self, command):
        def moved(target):
            if target is None:
                return None
            return replace(target, position_in_world_m=target.position_in_world_m + self.middle_m)

        soles = [
            replace_pose(sole) if target is None else moved(target)
            for sole, target in zip(self.soles, command.soles, strict=True)
        ]
        lean = np.array([command.pelvis_roll_rad, command.pelvis_pitch_rad, 0.0])
        return BodyTargets(
            soles=tuple(soles),
            grips=tuple(moved(target) for target in command.grips),
            pelvis_height_m=command.pelvis_height_m or UNITREE_G1.standing_height_m,
            quat_world_from_pelvis_wxyz=quat_from_roll_pitch_yaw(lean),
            com_position_in_world_m=self.middle_m[:2],
        )

    @property
    def pose_world_from_stance(self):
        pose = np.eye(4)
        yaw = self.world[2]
        pose[:2, :2] = [[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]]
        pose[:2, 3] = self.world[:2]
        return pose

    def shown(self, vector, opening):
        configuration = Configuration.from_vector(vector / 1.0)
        roll, pitch, yaw = roll_pitch_yaw_from_quat(
            configuration.quat_world_from_pelvis_wxyz / np.linalg.norm(configuration.quat_world_from_pelvis_wxyz)
        )
        root = np.array([roll, pitch, 0.0])
        return ShownRobot(
            vector=pack(configuration.joint_position_rad, opening, root), heading_rad=float(self.world[2] + yaw)
        )


def replace_pose(pose):
    from hlm.control.inverse_kinematics import PoseTarget
    from hlm.core.rotations import quat_from_matrix

    return PoseTarget(position_in_world_m=pose[:3, 3], quat_world_from_frame_wxyz=quat_from_matrix(pose[:3, :3]))


@dataclass
class FakeSession:
    """The session's states, as far as a page can tell: engage, record, keep or discard, delete, relabel."""

    state: str = "idle"
    follows: bool = False
    instruction: str = INSTRUCTIONS[0]
    episodes: list = field(default_factory=list)
    recorded_s: float | None = None
    message: str = ""
    safety: SafetyLevel = SafetyLevel.OK
    made: int = 0
    edits: bool = True
    events: list = field(default_factory=list)

    def take(self, event):
        self.events.append(event)
        if isinstance(event, ButtonPressed):
            self.press(event.button)
        elif isinstance(event, InstructionChosen):
            self.instruction = event.instruction
        elif isinstance(event, EpisodeDeleted):
            self.episodes = [card for card in self.episodes if card.name != event.name]
        elif isinstance(event, RedoLast):
            self.episodes = self.episodes[1:]
        elif isinstance(event, EpisodeRelabelled):
            changes = {
                name: value
                for name in ("instruction", "outcome", "note")
                if (value := getattr(event, name)) is not None
            }
            self.episodes = [replace(card, **changes) if card.name == event.name else card for card in self.episodes]

    def press(self, button):
        if button is Button.STOP:
            self.state, self.follows, self.safety = "stopped", False, SafetyLevel.FAULT
            self.message = "stopped: the robot comes to rest"
        elif button is Button.ENGAGE:
            self.follows = not self.follows
            self.state = "following" if self.follows else "idle"
        elif button is Button.RECORD and self.state == "following":
            self.state, self.recorded_s = "recording", 0.0
        elif button is Button.RECORD and self.state == "recording":
            self.state, self.follows = "review", False
        elif self.state in ("recording", "review") and button in (Button.SUCCESS, Button.FAILURE):
            self.keep(button.value)
        elif self.state in ("recording", "review") and button is Button.DISCARD:
            self.state, self.follows, self.recorded_s = "idle", False, None

    def keep(self, outcome):
        name = f"episode_{self.made:06}"
        card = EpisodeCard(
            name=name, instruction=self.instruction, outcome=outcome, duration_s=self.recorded_s, stage="lifted"
        )
        self.episodes = [card, *self.episodes]
        self.made += 1
        self.state, self.follows, self.recorded_s = "idle", False, None

    def view(self, body, opening, inputs=()):
        known = [card.instruction for card in self.episodes]
        counts = [
            TaskCount(
                instruction=name,
                successes=sum(card.outcome == "success" for card in self.episodes if card.instruction == name),
                failures=sum(card.outcome == "failure" for card in self.episodes if card.instruction == name),
            )
            for name in dict.fromkeys(known)
        ]
        return PageView(
            state=self.state,
            follows=self.follows,
            recorded_s=self.recorded_s,
            instruction=self.instruction,
            instructions=INSTRUCTIONS,
            message=self.message,
            safety=self.safety,
            safety_text={"ok": "robot safe", "held": "holding", "fault": "stopped"}[self.safety],
            inputs=inputs
            or (
                InputAge(name="robot", age_s=0.004, limit_s=0.1, rate_hz=100.0),
                InputAge(name="head", age_s=0.02, limit_s=0.2, rate_hz=30.0),
            ),
            device="page: commands the whole body",
            measured=body.shown(body.measured, opening),
            reference=body.shown(body.configuration.vector, opening),
            pose_world_from_stance=body.pose_world_from_stance,
            shapes=(TABLE, CUP),
            counts=tuple(counts),
            episodes=tuple(self.episodes),
            edits=self.edits,
        )


def picture(number, height=120, width=160):
    """A picture that moves: a gradient with a bright column."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(40, 110, width)
    image[..., 1] = np.linspace(60, 130, height)[:, None]
    image[..., 2] = 120
    image[:, number % width] = 255
    return image


class Loop:
    """Runs the fake session beside the browser."""

    def __init__(self, rate_hz=12.0):
        self.page = PageProcess(PageConfig(port=0, rate_hz=rate_hz))
        self.body, self.session, self.command = FakeBody(), FakeSession(), BodyCommand()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.page.__enter__()
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.ended.set()
        self.thread.join()
        self.page.__exit__(*error)

    def run(self):
        for tick in ticks(MonotonicClock(), STEP_HZ):
            if self.ended.is_set():
                return
            for event in self.page.events():
                self.session.take(event)
            sample = self.page.device.read()
            self.command = self.command if sample is None else sample.motion
            if self.session.state == "recording":
                self.session.recorded_s += 1.0 / STEP_HZ
            self.body.step(self.command, 1.0 / STEP_HZ)
            self.page.publish(self.session.view(self.body, self.command.gripper_opening))
            self.page.images({"head": picture(tick.index)})
