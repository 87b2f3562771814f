"""Laws of `hlm.core.body.Body`."""

from typing import NamedTuple

import numpy as np
import pytest

from hlm.core.body import Body, BodyMode, BodyStatus
from hlm.core.clock import NS_PER_S, Clock
from hlm.core.proprioception import measured_state
from hlm.core.values import Reference


class Stand(NamedTuple):
    """A body that was not entered yet, whose robot stands; `braking()` says whether its motors only brake."""

    body: Body
    clock: Clock
    braking: object


def advance(stand, duration_s):
    stand.body.advance(stand.clock.now_ns() + round(duration_s * NS_PER_S))


def follow(stand, vectors, dt_s=1 / 30):
    """Push a reference at each step and move."""
    for vector in vectors:
        stand.body.push(Reference(stand.clock.now_ns(), vector))
        advance(stand, dt_s)


def standing(stand):
    return measured_state(stand.body.read(), None)[0]


class BodyConformance:
    """What every body does; a subclass gives the fixture `stand`."""

    @pytest.fixture
    def stand(self):
        raise NotImplementedError

    def test_it_tracks_after_a_reset_and_stands_still(self, stand):
        with stand.body as body:
            body.reset()
            start = standing(stand)
            advance(stand, 0.5)
            assert body.status == BodyStatus(BodyMode.TRACKING, "")
            assert np.abs(standing(stand) - start)[:31].max() < 0.05

    def test_time_passes_as_it_advances(self, stand):
        with stand.body as body:
            body.reset()
            start_ns = stand.clock.now_ns()
            advance(stand, 0.25)
            assert 0.2 < (stand.clock.now_ns() - start_ns) / NS_PER_S < 0.3
            assert body.read().stamp_ns >= start_ns + 0.2 * NS_PER_S

    def test_it_follows_its_references(self, stand):
        with stand.body as body:
            body.reset()
            start = standing(stand)
            goal = start.copy()
            goal[3] += 0.2  # the left elbow
            ramp = np.linspace(0.0, 1.0, 20)[:, None]
            follow(stand, [*(start + ramp * (goal - start)), *[goal] * 15])
            assert body.status.tracking
            assert standing(stand)[3] == pytest.approx(goal[3], abs=0.05)

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_a_reference_that_is_not_a_number_holds_it_where_it_is(self, stand, bad):
        with stand.body as body:
            body.reset()
            start = standing(stand)
            broken = start.copy()
            broken[17] = bad
            follow(stand, [start, start, broken])
            assert body.status.mode is BodyMode.HELD
            assert "left_hip_roll" in body.status.fault
            follow(stand, [start + 0.2] * 3)  # ignored from now on
            advance(stand, 0.5)
            assert np.abs(standing(stand) - start)[:31].max() < 0.1
            assert np.isfinite(body.read().joint_position_rad).all()

    def test_a_reference_out_of_order_holds_it(self, stand):
        with stand.body as body:
            body.reset()
            start = standing(stand)
            follow(stand, [start, start])
            body.push(Reference(stand.clock.now_ns() - NS_PER_S, start))
            assert body.status.mode is BodyMode.HELD
            assert body.status.fault

    def test_it_holds_when_it_is_told_to_and_keeps_the_first_reason(self, stand):
        with stand.body as body:
            body.reset()
            body.hold("the camera is gone")
            body.hold("and so is the operator")
            assert body.status == BodyStatus(BodyMode.HELD, "the camera is gone")

    def test_a_reset_clears_the_fault(self, stand):
        with stand.body as body:
            body.reset()
            body.hold("a test")
            body.reset()
            assert body.status == BodyStatus(BodyMode.TRACKING, "")

    def test_a_stream_that_stops_keeps_it_standing(self, stand):
        with stand.body as body:
            body.reset()
            start = standing(stand)
            follow(stand, [start] * 3)
            advance(stand, 1.0)
            assert body.status.mode in (BodyMode.TRACKING, BodyMode.HELD)
            assert np.abs(standing(stand) - start)[:31].max() < 0.05

    @pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
    def test_leaving_by_an_error_makes_it_safe_and_passes_the_error_on(self, stand, error):
        with pytest.raises(error), stand.body as body:
            body.reset()
            follow(stand, [standing(stand)] * 3)
            assert not stand.braking()
            raise error
        assert stand.braking()

    def test_leaving_normally_makes_it_safe(self, stand):
        with stand.body as body:
            body.reset()
            advance(stand, 0.1)
        assert stand.braking()
        assert stand.body.status.mode is BodyMode.DAMPED
