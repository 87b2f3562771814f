"""A streaming controller whose frames a window as SONIC's plays, and references for it."""

import numpy as np
from fakes_sonic import SonicWindow

from hlm.core.clock import due_ns
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import pack as pack_vector
from hlm.core.values import Reference, RobotState
from hlm.robots.sonic.pose_message import pack_pose, unpack_pose
from hlm.runtime.safety.config import SafetyConfig
from hlm.runtime.streaming.config import StreamingConfig
from hlm.runtime.streaming.controller import StreamController

STANDING = pack_vector(UNITREE_G1.default_rad, np.ones(2), np.zeros(3))
ELBOW, LEFT_ELBOW = 3, 18


class Session:
    """A controller at 50 Hz, references at 30 Hz, and a window as SONIC's; time stands still in between."""

    def __init__(self, reference, safety=None, late=lambda slot: 0.0, **config):
        self.controller = StreamController(UNITREE_G1, safety or SafetyConfig(), StreamingConfig(**config))
        self.reference, self.late = reference, late
        self.window, self.messages, self.played, self.commands = SonicWindow(), [], [], []
        self.now_ns, self.slot, self.pushed, self.age_ns = 10**15, 0, 0, 0
        self.start_ns = self.now_ns
        self.broken = None
        self.quat, self.temperature_c = np.array([1.0, 0.0, 0.0, 0.0]), np.full(29, 40.0)

    def measure(self):
        if self.broken is not None:
            raise self.broken
        return RobotState(
            self.now_ns - self.age_ns,
            UNITREE_G1.default_rad,
            np.full(29, 1e-4 * (self.slot % 7)),
            self.quat,
            np.zeros(3),
            motor_temperature_c=self.temperature_c,
        )

    def reset(self):
        self.controller.reset(self.measure, self.now_ns)

    def run(self, duration_s, lost=(), skipped=(), references=True):
        for _ in range(round(50 * duration_s)):
            self.now_ns = due_ns(self.start_ns, self.slot, 50.0) + round(1e9 * self.late(self.slot))
            while (stamp_ns := due_ns(self.start_ns, self.pushed, 30.0)) + 5_000_000 <= self.now_ns:
                if references:
                    vector = self.reference((stamp_ns - self.start_ns) * 1e-9)
                    self.controller.push(Reference(stamp_ns, vector))
                self.pushed += 1
            if self.slot not in skipped:
                command = self.controller.step(self.measure, self.now_ns)
                self.commands.append(command)
                if command is not None and command.frames is not None:
                    message = pack_pose(command.frames)
                    self.messages.append(unpack_pose(message))
                    if self.slot not in lost:
                        self.window.take(message)
            self.slot += 1
            cursor, played = self.window.cursor, self.window.step()
            if played is not None:
                self.played.append((self.slot * 0.02, cursor, *played))
        return self

    def newest(self):
        """Position, velocity and orientation of the newest frame of each message."""
        frames = self.messages
        return (
            np.array([frame.joint_position_rad[-1] for frame in frames]),
            np.array([frame.joint_velocity_rad_s[-1] for frame in frames]),
            np.array([frame.quat_heading_from_pelvis_wxyz[-1] for frame in frames]),
        )


def sine(frequency_hz, amplitude_rad=0.3):
    def reference(time_s):
        vector = STANDING.copy()
        vector[ELBOW] += amplitude_rad * np.sin(2 * np.pi * frequency_hz * time_s)
        return vector

    return reference


def still(time_s):
    del time_s
    return STANDING
