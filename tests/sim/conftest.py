"""One simulated task for all tests of a module; each test resets it."""

import pytest

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.sim.tasks.shelf_cup_transfer.stages import ShelfCupTransfer, make_task


@pytest.fixture(scope="module")
def task() -> ShelfCupTransfer:
    made = make_task(UNITREE_G1)
    made.reset(0)
    return made
