"""What an environment showed a network: measurements, references, observations and answers, to be gone through again.

Training and robot compute the observation by different code, of mjlab and of hlm. A probe notes both what the
environment measured and what it made of it, so that hlm can be held against it.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hlm.control.learned_tracker.observation import LATENCY_SLOTS, TRACKER_HZ, observation_of
from hlm.control.learned_tracker.reference_window import ReferenceWindow
from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S, STEP_HZ
from hlm.core.embodiment import Embodiment
from hlm.core.errors import CorruptError
from hlm.core.values import Reference, RobotState


class Probe(NamedTuple):
    """Steps of an environment from the start of a motion.

    Attributes:
        stream: [reference, 34] the motion's references at 30 Hz.
        slot: [step] which row of the motion at 50 Hz the environment plays.
        joint_position_rad: [step, 29] measured.
        joint_velocity_rad_s: [step, 29] measured.
        quat_wxyz: [step, 4] orientation of the pelvis.
        angular_velocity_rad_s: [step, 3] in the pelvis.
        last_action: [step, 29] what the network said before.
        observation: [step, observation] what the environment made of these.
        action: [step, 29] what the network said, by torch.
        target_rad: [step, 29] what the environment sent to the motors.
    """

    stream: FloatArray
    slot: FloatArray
    joint_position_rad: FloatArray
    joint_velocity_rad_s: FloatArray
    quat_wxyz: FloatArray
    angular_velocity_rad_s: FloatArray
    last_action: FloatArray
    observation: FloatArray
    action: FloatArray
    target_rad: FloatArray

    def write(self, path: Path) -> None:
        """Write it to a file."""
        np.savez(path, **self._asdict())

    @staticmethod
    def read(path: Path) -> Probe:
        """The probe of a file.

        Raises:
            CorruptError: it holds none.
        """
        try:
            with np.load(path) as arrays:
                return Probe(*(arrays[name].astype(np.float64) for name in Probe._fields))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise CorruptError(f"{path} is no probe: {' '.join(str(error).split())}") from error


def observations_again(probe: Probe, embodiment: Embodiment) -> FloatArray:
    """[step, observation] what a tracker on a robot would see in the places of the environment.

    The references come to it at 30 Hz, as on a robot; the environment plays their beginning when they are 0.2 s old.
    """
    window = ReferenceWindow()
    window.start(0, probe.stream[0])
    arrived, seen = 0, []
    for step in range(len(probe.observation)):
        tick = int(probe.slot[step]) + LATENCY_SLOTS
        while arrived < len(probe.stream) and arrived / STEP_HZ <= tick / TRACKER_HZ + 1e-9:
            window.push(Reference(round(arrived * NS_PER_S / STEP_HZ), probe.stream[arrived]))
            arrived += 1
        state = RobotState(
            stamp_ns=round(tick * NS_PER_S / TRACKER_HZ),
            joint_position_rad=probe.joint_position_rad[step],
            joint_velocity_rad_s=probe.joint_velocity_rad_s[step],
            quat_world_from_pelvis_wxyz=probe.quat_wxyz[step] / np.linalg.norm(probe.quat_wxyz[step]),
            angular_velocity_pelvis_in_pelvis_rad_s=probe.angular_velocity_rad_s[step],
        )
        seen.append(observation_of(window.at(tick), state, probe.last_action[step], embodiment.default_rad))
    return np.array(seen)
