import mujoco
import numpy as np
import pytest

from hlm.core.clock import ticks
from hlm.core.errors import SimulationError
from hlm.sim.world import TIME_STEP_NS, World, set_physics_options


@pytest.fixture
def world():
    """A falling ball."""
    spec = mujoco.MjSpec()
    set_physics_options(spec)
    ball = spec.worldbody.add_body(name="ball", pos=[0, 0, 100])
    ball.add_freejoint(name="ball")
    ball.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[0.1, 0, 0])
    return World(spec.compile())


def test_time_passes_only_in_wait_until(world):
    assert world.now_ns() == 0
    world.forward()
    assert world.now_ns() == 0
    world.wait_until(10_000_000)
    assert world.now_ns() == 10_000_000
    assert world.data.time == pytest.approx(0.01)


def test_waiting_stops_at_the_last_step_in_time_and_never_goes_back(world):
    world.wait_until(33_333_333)
    assert world.now_ns() == 32_000_000
    world.wait_until(5_000_000)
    assert world.now_ns() == 32_000_000
    world.wait_until(34_000_000)
    assert world.now_ns() == 34_000_000


def test_its_time_is_exact_where_a_sum_of_steps_is_not(world):
    world.wait_until(60_000_000_000 // 100)
    assert world.now_ns() == 600_000_000 == 300 * TIME_STEP_NS


def test_a_falling_ball_falls(world):
    world.wait_until(500_000_000)
    assert world.data.qpos[2] == pytest.approx(100 - 0.5 * 9.81 * 0.5**2, abs=0.01)


def test_positions_are_up_to_date_after_waiting(world):
    world.wait_until(300_000_000)
    position_m = world.data.body("ball").xpos.copy()
    np.testing.assert_array_equal(position_m, world.data.qpos[:3])


def test_a_callback_is_called_before_every_step_until_it_is_removed(world):
    called = []
    world.before_step(lambda: called.append(world.now_ns()))
    world.wait_until(8_000_000)
    world.before_step(None)
    world.wait_until(12_000_000)
    assert called == [0, 2_000_000, 4_000_000, 6_000_000]


def test_many_short_waits_equal_one_long_wait(world):
    world.wait_until(400_000_000)
    once = world.data.qpos.copy()
    world.reset()
    assert world.now_ns() == 0
    for _, tick in zip(range(41), ticks(world, 100.0), strict=False):
        assert world.now_ns() == tick.due_ns
    np.testing.assert_array_equal(world.data.qpos, once)


@pytest.mark.parametrize("huge", [1e12, np.inf, np.nan])
@pytest.mark.parametrize(("part", "name"), [("qvel", "velocity"), ("qpos", "position")])
def test_a_world_that_blew_up_says_so_and_is_not_put_back_to_its_start(world, tmp_path, monkeypatch, huge, part, name):
    monkeypatch.chdir(tmp_path)
    world.wait_until(500_000_000)
    getattr(world.data, part)[2] = huge
    world.wait_until(700_000_000)
    with pytest.raises(
        SimulationError, match=rf"blew up after 0\.500 s: the {name} of joint 'ball' is not finite or is"
    ):
        world.check()
    assert world.now_ns() == 700_000_000
    assert world.data.time > 0.5
    assert world.data.qpos[2] != 100.0
    assert not list(tmp_path.iterdir())  # MuJoCo keeps a log in the working folder


def test_a_blown_up_world_stands_still_until_it_is_reset(world):
    calls = []
    world.before_step(lambda: calls.append(world.now_ns()))
    world.data.qvel[0] = 1e12
    world.wait_until(100_000_000)
    assert calls == [0]
    world.reset()
    world.check()
    world.wait_until(100_000_000)
    world.check()
    assert world.data.qpos[2] == pytest.approx(100 - 0.5 * 9.81 * 0.1**2, abs=0.01)
