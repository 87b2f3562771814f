"""Cameras that change places in the middle of an episode."""

import numpy as np
import pytest
from fakes import FakeRig, ListSource

from hlm.core.body import BodyState
from hlm.core.clock import NS_PER_S
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import pack
from hlm.core.values import CameraFrame
from hlm.runtime.loop import ControlLoop
from hlm.runtime.swapped_cameras import SwapWatch

STEP_NS = NS_PER_S // 30
STANDING = pack(UNITREE_G1.default_rad, np.ones(2), np.zeros(3))


def scene(kind, step):
    """A gradient that wanders by a level a step: the head sees one from left to right, the wrist from top to bottom."""
    ramp = np.linspace(40, 220, 64)
    image = ramp[None, :] if kind == "head" else ramp[:, None]
    return np.broadcast_to(image + step % 7, (64, 64))[..., None].repeat(3, axis=2).astype(np.uint8)


def swap(step):
    return {"head": scene("wrist", step), "wrist": scene("head", step)}


def swaps(changed, steps=20):
    """What is said at each step."""
    watch = SwapWatch()
    said = []
    for step in range(steps):
        shown = {name: scene(name, step) for name in ("head", "wrist")} | changed(step)
        said.append(watch.look({name: CameraFrame(step * STEP_NS, image) for name, image in shown.items()}))
    return said


def test_it_is_noticed_at_once_and_once():
    said = swaps(lambda step: swap(step) if step > 9 else {})
    assert [step for step, text in enumerate(said) if text] == [10]
    assert said[10] == "cameras 'head' and 'wrist' have changed places: each shows what the other showed"


def test_what_is_seen_after_a_gap_is_not_compared():
    watch = SwapWatch()
    assert not watch.look({name: CameraFrame(0, scene(name, 0)) for name in ("head", "wrist")})
    assert not watch.look({name: CameraFrame(NS_PER_S, image) for name, image in swap(0).items()})
    later_ns = NS_PER_S + STEP_NS
    assert watch.look({name: CameraFrame(later_ns, scene(name, 1)) for name in ("head", "wrist")})


@pytest.mark.parametrize(
    "changed",
    [
        lambda step: {},
        lambda step: {name: scene(name, step) // 2 for name in ("head", "wrist")} if step > 9 else {},
        lambda step: {"head": np.zeros((64, 64, 3), np.uint8)} if step > 9 else {},
        lambda step: {"head": scene("wrist", step)} if step > 9 else {},
        lambda step: {"wrist": scene("wrist", step)[: 32 + step]},
    ],
    ids=["as it was", "the lamp goes out", "black", "one shows what another does", "sizes change"],
)
def test_nothing_else_is_taken_for_it(changed):
    assert not any(swaps(changed))


class Cameras:
    def __init__(self, clock):
        self.clock, self.taken = clock, 0

    def capture(self):
        self.taken += 1
        shown = swap(self.taken) if self.taken > 5 else {name: scene(name, self.taken) for name in ("head", "wrist")}
        return {name: CameraFrame(self.clock.now_ns(), image) for name, image in shown.items()}


def test_the_body_holds():
    rig = FakeRig.make()
    with rig.body:
        loop = ControlLoop(rig.clock, rig.body, Cameras(rig.clock), UNITREE_G1)
        steps = list(loop.steps(ListSource([STANDING] * 100), "stand"))
        assert rig.body.status.state is BodyState.HOLDING
        assert "have changed places" in rig.body.status.fault
        assert len(steps) == 4
