"""Where a stream that ends leads: a pose that a free-standing robot can stand in."""

import numpy as np
import pytest

from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
from hlm.core.body import BodyState
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import pack
from hlm.core.proprioception import measured_state
from hlm.core.rotations import roll_pitch_yaw_from_quat
from hlm.core.values import Reference
from hlm.runtime.bodies.lockstep import LockstepBody
from hlm.runtime.safety.config import SafetyConfig
from hlm.runtime.streaming.config import StreamingConfig
from hlm.runtime.streaming.controller import StreamController
from hlm.sim.robot import SimulatedRobot
from hlm.sim.scene import floor_with_robot
from hlm.sim.start_pose import stand_on_floor
from hlm.sim.world import World

STEP_NS = 20_000_000


@pytest.mark.slow
def test_a_tracker_in_simulation_crouches_in_balance_when_the_stream_of_references_ends():
    # SONIC was not to be had; hlm's own tracker plays the frames.
    world = World(floor_with_robot(UNITREE_G1).compile())
    robot = SimulatedRobot(world, UNITREE_G1)
    world.reset()
    stand_on_floor(world, robot, UNITREE_G1.default_rad, (0.0, 0.0, 0.0))
    world.forward()
    controller = StreamController(UNITREE_G1, SafetyConfig(), StreamingConfig())
    with LockstepBody(robot, WholeBodyTracker(UNITREE_G1), world, UNITREE_G1) as body:
        body.reset()
        height_m = robot.pelvis_height_m()
        controller.reset(body.read, world.now_ns())
        controller.push(Reference(world.now_ns(), measured_state(body.read(), None)[0]))
        uprightness = []
        while True:
            command = controller.step(body.read, world.now_ns())
            if command.stop:
                break
            if command.frames is not None:
                roll, pitch, _ = roll_pitch_yaw_from_quat(command.frames.quat_heading_from_pelvis_wxyz[-1])
                vector = pack(command.frames.joint_position_rad[-1], np.ones(2), np.array([roll, pitch, 0.0]))
                body.push(Reference(world.now_ns(), vector))
            body.advance(world.now_ns() + STEP_NS)
            uprightness.append(robot.pelvis_uprightness())
        assert controller.status.state is BodyState.DAMPING
        assert controller.status.fault.startswith("no reference has come")
        assert body.status == type(body.status)(BodyState.RUNNING)
        assert 0.08 < height_m - robot.pelvis_height_m() < 0.16
        assert min(uprightness) > 0.995
        assert np.abs(body.read().joint_velocity_rad_s).max() < 0.1
