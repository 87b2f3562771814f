"""Cameras that say why they do not deliver."""

from fakes import FakeRig, ListSource

from hlm.core.body import BodyState
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.runtime.loop import ControlLoop


class Cameras:
    """Those of a rig until a number of images; then none, and a reason."""

    def __init__(self, cameras, images):
        self._cameras, self._left = cameras, images

    def capture(self):
        self._left -= 1
        return self._cameras.capture() if self._left >= 0 else {}

    def faults(self):
        return {"head": "is frozen: 9 images in 0.5 s without one pixel that changed"}


def test_the_body_holds_for_the_reason_that_the_cameras_give(vectors):
    rig = FakeRig.make()
    with rig.body:
        loop = ControlLoop(rig.clock, rig.body, Cameras(rig.cameras, 5), UNITREE_G1)
        assert len(list(loop.steps(ListSource(vectors(20)), "stand"))) < 6
        assert rig.body.status.state is BodyState.HOLDING
        assert rig.body.status.fault == ("camera 'head' is frozen: 9 images in 0.5 s without one pixel that changed")
