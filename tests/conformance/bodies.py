"""Laws of `hlm.core.body.Body`."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from hlm.core.body import Body, BodyState, BodyStatus
from hlm.core.clock import NS_PER_S, Clock
from hlm.core.proprioception import measured_state
from hlm.core.values import Reference


class Stand(NamedTuple):
    """A body that was not entered yet, whose robot stands.

    Attributes:
        body: the body.
        clock: the session's.
        commands: every joint command that the robot got, oldest first.
        break_robot: makes the robot's `read` raise an error, or give a state, from now on.
    """

    body: Body
    clock: Clock
    commands: list
    break_robot: Callable

    def braking(self):
        """Whether the motors were told last to brake and nothing else."""
        last = self.commands[-1]
        return not (last.torque_nm.any() or last.kp_nm_rad.any()) and bool((last.kd_nm_s_rad > 0.0).all())


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
            assert body.status.tracking
            assert body.status.fault == ""
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
            assert body.status.state is BodyState.HOLDING
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
            assert body.status.state is BodyState.HOLDING
            assert body.status.fault

    def test_it_holds_when_it_is_told_to_and_keeps_the_first_reason(self, stand):
        with stand.body as body:
            body.reset()
            body.hold("the camera is gone")
            body.hold("and so is the operator")
            assert body.status == BodyStatus(BodyState.HOLDING, "the camera is gone")

    def test_a_stop_holds_at_first_and_a_second_one_damps_at_once(self, stand):
        with stand.body as body:
            body.reset()
            follow(stand, [standing(stand)] * 3)
            body.stop("the operator pressed a key")
            assert body.status == BodyStatus(BodyState.HOLDING, "the operator pressed a key")
            advance(stand, 0.05)
            assert not stand.braking()
            body.stop("and again")
            advance(stand, 0.05)
            assert body.status == BodyStatus(BodyState.DAMPING, "the operator pressed a key; then and again")
            assert stand.braking()

    def test_a_stop_is_latched_until_a_person_resets(self, stand):
        with stand.body as body:
            body.reset()
            start = standing(stand)
            follow(stand, [start] * 3)
            body.stop("the operator pressed a key")
            follow(stand, [start + 0.2] * 3)
            assert body.status.state is BodyState.HOLDING
            assert np.abs(standing(stand) - start)[:31].max() < 0.1
            body.reset()
            assert body.status == BodyStatus(BodyState.ARMING)
            follow(stand, [standing(stand)] * 20)
            assert body.status == BodyStatus(BodyState.RUNNING)

    def test_a_stop_ends_in_braking(self, stand):
        with stand.body as body:
            body.reset()
            follow(stand, [standing(stand)] * 3)
            body.stop("the operator pressed a key")
            for _ in range(100):
                advance(stand, 0.1)
                if body.status.braking:
                    break
            assert body.status == BodyStatus(BodyState.DAMPING, "the operator pressed a key")
            advance(stand, 0.05)
            assert stand.braking()

    def test_a_reset_clears_the_fault(self, stand):
        with stand.body as body:
            body.reset()
            body.hold("a test")
            body.reset()
            assert body.status == BodyStatus(BodyState.ARMING)

    def test_a_stream_that_stops_keeps_it_standing(self, stand):
        with stand.body as body:
            body.reset()
            start = standing(stand)
            follow(stand, [start] * 3)
            advance(stand, 1.0)
            assert body.status.tracking or body.status.state is BodyState.HOLDING
            assert np.abs(standing(stand) - start)[:31].max() < 0.05

    @pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
    def test_leaving_by_an_error_makes_it_safe_and_passes_the_error_on(self, stand, error):
        with pytest.raises(error), stand.body as body:
            body.reset()
            follow(stand, [standing(stand)] * 3)
            assert not stand.braking()
            raise error
        assert stand.braking()

    def test_before_a_reset_it_does_not_track(self, stand):
        with stand.body as body:
            assert not body.status.tracking
            assert body.status.fault

    def test_a_robot_that_stops_answering_is_damped_while_time_goes_on(self, stand):
        with stand.body as body:
            body.reset()
            follow(stand, [standing(stand)] * 3)
            before = body.read()
            stand.break_robot(ConnectionError("cable pulled"))
            start_ns = stand.clock.now_ns()
            advance(stand, 0.2)
            assert body.status.state is BodyState.FAULT
            assert "cable pulled" in body.status.fault
            assert stand.braking()
            assert stand.clock.now_ns() - start_ns > 0.15 * NS_PER_S
            last = body.read()
            assert last.stamp_ns >= before.stamp_ns
            advance(stand, 0.05)
            assert body.read().stamp_ns == last.stamp_ns

    @pytest.mark.parametrize("broken", ["stale", "nan"])
    def test_a_measurement_that_nothing_can_balance_on_damps(self, stand, broken):
        with stand.body as body:
            body.reset()
            follow(stand, [standing(stand)] * 3)
            state = body.read()
            changed = {"stamp_ns": state.stamp_ns - NS_PER_S}
            if broken == "nan":
                changed = {"joint_velocity_rad_s": np.full(29, np.nan), "stamp_ns": state.stamp_ns + NS_PER_S}
            stand.break_robot(replace(state, **changed))
            advance(stand, 0.1)
            assert body.status.state is BodyState.FAULT
            assert stand.braking()

    def test_holding_never_improves_a_state(self, stand):
        with stand.body as body:
            body.reset()
            advance(stand, 0.05)
            stand.break_robot(ConnectionError("cable pulled"))
            advance(stand, 0.05)
            body.hold("the operator pressed pause")
            assert body.status.state is BodyState.FAULT

    def test_a_caller_that_is_late_every_time_still_gets_control_steps(self, stand):
        with stand.body as body:
            body.reset()
            advance(stand, 0.05)
            for _ in range(5):
                before = len(stand.commands)
                stand.clock.wait_until(stand.clock.now_ns() + 60_000_000)
                body.advance(stand.clock.now_ns() - 20_000_000)
                assert len(stand.commands) > before

    def test_leaving_a_held_body_makes_it_safe(self, stand):
        with stand.body as body:
            body.reset()
            advance(stand, 0.05)
            body.hold("a test")
        assert stand.braking()

    def test_leaving_normally_makes_it_safe(self, stand):
        with stand.body as body:
            body.reset()
            advance(stand, 0.1)
        assert stand.braking()
        assert stand.body.status.state is BodyState.DAMPING
