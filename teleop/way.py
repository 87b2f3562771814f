"""From a pose that is held to a person who moves: first the feet, step by step, then the rest of the body."""

from __future__ import annotations

from hlm.control.commanded_body.start import standing_configuration
from hlm.control.model import BodyModel, Configuration
from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S
from hlm.core.layout import GRIPPERS
from hlm.teleop.blend import Blend
from hlm.teleop.retargeting import PoseRetargeter
from hlm.teleop.stance_approach import StanceApproach


class Way:
    """Leads from a reference that is held to one that moves.

    Args:
        model: the robot.
        held: [34] the reference that was given last, of a robot that stands on both feet.
        wanted: the person's configuration now, whose stance is taken.
        now_ns: the instant.
    """

    def __init__(self, model: BodyModel, held: FloatArray, wanted: Configuration, now_ns: int) -> None:
        start = standing_configuration(model, held)
        self._held = held
        self._begun_ns = now_ns
        self._approach = StanceApproach(model, start, wanted)
        self._steps = PoseRetargeter(model.embodiment)
        self._steps.reset(start)
        self._first = Blend(held, self._step(0.0, now_ns), now_ns)
        self._blend: Blend | None = None

    def at(self, now_ns: int, wanted: FloatArray) -> FloatArray:
        """[34] reference at `now_ns`, on the way to the moving one as it is then."""
        # The weight of one who is held may be anywhere over the feet, and steps begin midway between them.
        passed_s = (now_ns - self._begun_ns) / NS_PER_S - self._first.duration_s
        if self._approach.duration_s > 0.0 and passed_s < self._approach.duration_s:
            self._held = self._first.at(now_ns, self._step(max(passed_s, 0.0), now_ns))
            return self._held
        if self._blend is None:
            self._blend = Blend(self._held, wanted, now_ns)
        return self._blend.at(now_ns, wanted)

    def _step(self, time_s: float, now_ns: int) -> FloatArray:
        """[34] reference of the steps at a time, with grippers as they are."""
        vector = self._steps.vector(self._approach.at(time_s), now_ns)
        vector[list(GRIPPERS)] = self._held[list(GRIPPERS)]
        return vector
