import mujoco
import numpy as np
import pytest

from hlm.sim.free_body import FreeBody
from hlm.sim.objects import add_board, add_cylinder, add_floor, add_mat
from hlm.sim.world import World, set_physics_options


@pytest.fixture
def world():
    """Two cans, a floor, a board and a mat."""
    spec = mujoco.MjSpec()
    set_physics_options(spec)
    add_floor(spec)
    add_board(spec.worldbody.add_body(name="table"), (2.0, 0.0, 0.2), (0.3, 0.3, 0.01))
    add_mat(spec, "mat", 0.07)
    for color in ("red", "blue"):
        add_cylinder(spec, color, color, (0.03, 0.05), 0.2)
    return World(spec.compile())


def test_a_placed_body_is_upright_and_at_rest(world):
    can = FreeBody(world, "red")
    world.data.qvel[:] = 1.0
    can.place(np.array([1.0, 2.0, 3.0]), 0.7)
    assert can.position_m.tolist() == [1.0, 2.0, 3.0]
    assert can.uprightness == pytest.approx(1.0)
    assert can.speed_m_s == 0.0


def test_uprightness_is_the_cosine_of_the_tilt(world):
    can = FreeBody(world, "red")
    can.place(np.zeros(3), 0.0)
    world.data.qpos[3:7] = [np.cos(0.3), np.sin(0.3), 0.0, 0.0]
    assert can.uprightness == pytest.approx(np.cos(0.6))


def test_touching_is_mutual_and_limited_to_the_given_geoms(world):
    red, blue = FreeBody(world, "red"), FreeBody(world, "blue")
    ids = {name: int(world.model.geom(name).id) for name in ("red", "blue", "floor")}
    red.place(np.array([0.0, 0.0, 0.0499]), 0.0)
    blue.place(np.array([0.0595, 0.0, 0.5]), 0.0)
    world.forward()
    assert red.touching((ids["blue"], ids["floor"])) == {ids["floor"]}
    assert blue.touching((ids["red"], ids["floor"])) == set()
    blue.place(np.array([0.0595, 0.0, 0.08]), 0.0)
    world.forward()
    assert red.touching((ids["blue"],)) == {ids["blue"]}
    assert blue.touching((ids["red"],)) == {ids["red"]}


def test_bodies_rest_on_boards_and_fall_through_mats(world):
    red, blue = FreeBody(world, "red"), FreeBody(world, "blue")
    world.data.mocap_pos[0] = [0.0, 0.0, 0.3]
    red.place(np.array([2.0, 0.0, 0.2605]), 0.0)
    blue.place(np.array([0.0, 0.0, 0.36]), 0.0)
    world.wait_until(600_000_000)
    assert red.position_m[2] == pytest.approx(0.26, abs=2e-3)
    assert red.speed_m_s < 0.01
    assert blue.position_m[2] == pytest.approx(0.05, abs=2e-3)
