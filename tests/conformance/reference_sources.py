"""Laws of `hlm.core.protocols.ReferenceSource`."""

from itertools import count

import numpy as np
import pytest

from hlm.core.clock import due_ns
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import pack
from hlm.core.values import CameraFrame, Observation

STANDING = pack(UNITREE_G1.default_rad, np.ones(2), np.zeros(3))
SIZE_PX = (128, 128)
START_NS = 590_000_000


def observation(step):
    """What a robot sees that stands in front of grey walls."""
    stamp_ns = due_ns(START_NS, step, 30.0)
    frames = {camera.name: CameraFrame(stamp_ns, np.full((*SIZE_PX, 3), 90, np.uint8)) for camera in UNITREE_G1.cameras}
    return Observation(stamp_ns, STANDING, frames, "put the red cup on the high shelf")


def played(source, most=40):
    """References of the first steps of an episode, up to its end."""
    source.reset(observation(0))
    references = []
    for step in range(most):
        reference = source.reference(observation(step))
        if reference is None:
            break
        references.append(reference)
    return references


class ReferenceSourceConformance:
    """What every source of references does; a subclass gives the fixture `make_source`, which makes equal ones."""

    ends = True
    """Whether the source ends the episode by itself."""

    @pytest.fixture
    def make_source(self):
        raise NotImplementedError

    def test_references_are_whole_body_vectors_of_numbers(self, make_source):
        references = played(make_source())
        assert references
        for reference in references:
            assert reference.vector.shape == (34,)
            assert np.isfinite(reference.vector).all()

    def test_each_reference_is_meant_for_the_step_that_asked(self, make_source):
        for step, reference in enumerate(played(make_source())):
            assert reference.stamp_ns == observation(step).stamp_ns

    def test_equal_sources_play_equal_references(self, make_source):
        first, second = played(make_source()), played(make_source())
        np.testing.assert_array_equal([one.vector for one in first], [one.vector for one in second])

    def test_a_reset_starts_anew(self, make_source):
        source = make_source()
        references = played(source, 5)
        assert len(references) == len(played(source, 5)) == 5
        np.testing.assert_array_equal(played(source, 1)[0].stamp_ns, references[0].stamp_ns)

    def test_after_its_end_it_stays_ended(self, make_source):
        source = make_source()
        if not self.ends:
            assert len(played(source, 200)) == 200
            return
        source.reset(observation(0))
        last = next(step for step in count() if source.reference(observation(step)) is None)
        assert last > 0
        assert source.reference(observation(last + 1)) is None
