from __future__ import annotations

import numpy as np
import pytest

from hlm.control.body_command import BodyCommand
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import ROOT_YAW_RATE, pack, unpack
from hlm.core.values import Observation
from hlm.teleop.commanded_operator import CommandedSource, commands_of
from hlm.teleop.devices.device import DeviceSample
from hlm.teleop.keypoints.body_keypoints import KEYPOINTS, BodyKeypoints

STEP_NS = 33_333_333
START_RAD = UNITREE_G1.pose_rad("manipulation")


def observation(step: int) -> Observation:
    return Observation(step * STEP_NS, pack(START_RAD, np.ones(2), np.array([0.0, 0.02, 0.0])), {}, "walk")


class Says:
    """A device that says one thing."""

    def __init__(self, sample: DeviceSample | None) -> None:
        self.sample = sample

    def read(self) -> DeviceSample | None:
        return self.sample


def test_references_begin_where_the_robot_stands_and_go_where_commands_say() -> None:
    source = CommandedSource(lambda: BodyCommand(turn_rate_rad_s=0.3), UNITREE_G1)
    source.reset(observation(0))
    vectors = []
    for step in range(90):
        reference = source.reference(observation(step))
        assert reference is not None
        assert reference.stamp_ns == step * STEP_NS
        vectors.append(reference.vector)
    np.testing.assert_allclose(unpack(vectors[0]).joint_position_rad, START_RAD, atol=0.06)
    assert source.body.walking
    assert np.mean(vectors, axis=0)[ROOT_YAW_RATE] > 0.05


def test_it_ends_when_there_are_no_more_commands_and_begins_anew() -> None:
    commands: list[BodyCommand] = [BodyCommand(pelvis_height_m=0.6)] * 30
    source = CommandedSource(lambda: commands.pop() if commands else None, UNITREE_G1)
    source.reset(observation(0))
    first = [source.reference(observation(step)) for step in range(31)]
    assert first[-1] is None
    commands += [BodyCommand()]
    source.reset(observation(0))
    again = source.reference(observation(0))
    assert again is not None
    assert first[0] is not None
    np.testing.assert_allclose(again.vector, first[0].vector, atol=0.02)


@pytest.mark.parametrize(
    "sample",
    [
        None,
        DeviceSample(stamp_ns=0, motion=BodyKeypoints(stamp_ns=0, position_in_world_m=np.zeros((len(KEYPOINTS), 3)))),
    ],
)
def test_a_device_that_says_no_command_yet_lets_the_body_stand(sample: DeviceSample | None) -> None:
    command = commands_of(Says(sample))()
    assert command is not None
    assert not command.velocity_m_s.any()
    assert command.grips == (None, None)
