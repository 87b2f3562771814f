"""One simulated task for all tests of a module; whoever uses it resets it."""

import pytest

from hlm.sim.tasks.shelf_cup_transfer.stages import ShelfCupTransfer


@pytest.fixture(scope="module")
def task() -> ShelfCupTransfer:
    made = ShelfCupTransfer()
    made.reset(0)
    return made
