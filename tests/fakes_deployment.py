"""A deployment in a few lines, in a process that a test can kill: the simulation, a body, and a loop that stands."""

from functools import partial

from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
from hlm.core.clock import MonotonicClock, ticks
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.proprioception import measured_state
from hlm.core.values import Reference
from hlm.runtime.bodies.realtime import RealtimeBody
from hlm.sim.realtime.plant import PlantConfig
from hlm.sim.realtime.plant_process import PlantProcess
from hlm.sim.tasks.catalog import make_task

TASK = "shelf_cup_transfer"


def stand(line, cable):
    """Stand until the body does not follow any more; tell ids of processes, then why it ended."""
    world = make_task(TASK, UNITREE_G1).world
    with (
        PlantProcess(PlantConfig(task=TASK, seed=0), world, cable=cable) as plant,
        RealtimeBody(plant.make_robot(), partial(WholeBodyTracker, UNITREE_G1), UNITREE_G1) as body,
    ):
        body.reset()
        vector = measured_state(body.read(), None)[0]
        for tick in ticks(MonotonicClock(), 30.0):
            body.push(Reference(tick.due_ns, vector))
            if tick.index == 30:
                line.send({"body": body.pids[0], "guard": body.pids[1], "simulation": plant.pid})
            if not body.status.tracking:
                break
    line.send(body.status.fault)
