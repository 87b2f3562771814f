"""What is drawn of a world elsewhere."""

import pytest

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.sim.shapes import shapes_beside
from hlm.sim.tasks.catalog import TASKS, make_task


@pytest.mark.parametrize("name", TASKS)
def test_what_hands_go_to_is_told_from_furniture(name):
    task = make_task(name, UNITREE_G1)
    task.reset(0)
    shapes = shapes_beside(task.world, task.robot)
    assert len({shape.name for shape in shapes}) == len(shapes)
    assert sorted(shape.name for shape in shapes if shape.movable) == ["blue", "mat", "red"]
    assert any(not shape.movable for shape in shapes)
