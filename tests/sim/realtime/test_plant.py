from dataclasses import replace

import numpy as np
import pytest
from conformance.robots import stay

from hlm.core.errors import LostError, SimulationError
from hlm.sim.realtime.cable import make_cable
from hlm.sim.realtime.plant_robot import PlantRobot
from hlm.sim.world import TIME_STEP_NS

START_NS = 10**15


def run(plant, start_ns, steps):
    """Steps of the plant from an instant on; the instant after them."""
    for index in range(steps):
        plant.step(start_ns + index * TIME_STEP_NS)
    return start_ns + steps * TIME_STEP_NS


def test_time_stands_still_until_the_first_command_that_does_more_than_brake(bench, task):
    plant, robot, _ = bench
    plant.reset(3, START_NS)
    height_m = task.robot.pelvis_height_m()
    now_ns = run(plant, START_NS, 500)
    assert task.robot.pelvis_height_m() == height_m
    assert robot.read().stamp_ns == now_ns - TIME_STEP_NS
    assert plant.commanded_ns is None
    limp = replace(stay(robot.read(), now_ns), kp_nm_rad=np.zeros(29))
    robot.command(limp)
    now_ns = run(plant, now_ns, 400)
    assert plant.commanded_ns == now_ns - 400 * TIME_STEP_NS
    assert task.robot.pelvis_height_m() == height_m
    robot.command(stay(robot.read(), now_ns))
    now_ns = run(plant, now_ns, 5)
    robot.command(limp)
    run(plant, now_ns, 400)
    assert task.robot.pelvis_height_m() < height_m - 0.1


def test_measurements_carry_the_instant_of_their_step(bench):
    plant, robot, _ = bench
    plant.reset(3, START_NS)
    robot.command(stay(robot.read(), START_NS))
    for index in range(20):
        plant.step(START_NS + index * TIME_STEP_NS)
        assert robot.read().stamp_ns == START_NS + index * TIME_STEP_NS


def test_it_is_the_same_physics_as_in_lockstep(bench, task, twin_task):
    plant, robot, _ = bench
    plant.reset(3, START_NS)
    command = stay(robot.read(), START_NS)
    robot.command(command)
    run(plant, START_NS, 100)
    twin_task.reset(3)
    with twin_task.robot as twin:
        twin.command(command)
        twin_task.world.wait_until(100 * TIME_STEP_NS)
        np.testing.assert_array_equal(task.world.state(), twin_task.world.state())


def test_a_new_seed_forgets_the_commands_before_it(bench, task):
    plant, robot, mirror = bench
    plant.reset(3, START_NS)
    robot.command(stay(robot.read(), START_NS))
    now_ns = run(plant, START_NS, 50)
    robot.command(stay(robot.read(), now_ns))
    before = mirror.refresh()
    plant.reset(8, now_ns)
    height_m = task.robot.pelvis_height_m()
    run(plant, now_ns, 50)
    assert task.robot.pelvis_height_m() == height_m
    shown = mirror.refresh()
    assert (shown.episode, shown.seed) == (before.episode + 1, 8)


def test_a_world_that_blows_up_is_a_robot_that_cannot_be_read_and_time_goes_on(bench, task):
    plant, robot, mirror = bench
    plant.reset(3, START_NS)
    robot.command(stay(robot.read(), START_NS))
    now_ns = run(plant, START_NS, 5)
    task.world.data.qvel[0] = 1e12
    now_ns = run(plant, now_ns, 5)
    with pytest.raises(SimulationError, match="blew up"):
        robot.read()
    assert "blew up" in mirror.refresh().fault
    first_ns = mirror.refresh().stamp_ns
    run(plant, now_ns, 5)
    assert mirror.refresh().stamp_ns == first_ns + 5 * TIME_STEP_NS
    plant.reset(3, now_ns)
    plant.step(now_ns)
    assert robot.read().stamp_ns == now_ns
    assert mirror.refresh().fault == ""


def test_a_robot_without_a_world_says_so():
    with PlantRobot(make_cable()) as robot, pytest.raises(LostError, match="not measured anything yet"):
        robot.read()


def test_leaving_without_having_commanded_leaves_the_motors_alone(bench):
    plant, robot, _ = bench
    plant.reset(3, START_NS)
    command = stay(robot.read(), START_NS)
    robot.command(command)
    cable = robot._cable
    with PlantRobot(cable) as idle:
        idle.read()
    assert cable.commands.written == 1
    robot.__exit__(None, None, None)
    last = cable.commands.newest()
    assert not (last["kp_nm_rad"].any() or last["torque_nm"].any())
    np.testing.assert_array_equal(last["kd_nm_s_rad"], command.kd_nm_s_rad)
