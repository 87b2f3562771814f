import numpy as np
import pytest
from fakes import FakePolicy, SteppedClock
from hypothesis import given
from hypothesis import strategies as st

from hlm.core.clock import due_ns
from hlm.core.layout import JOINT_INDEX, LEFT_GRIPPER, ROOT
from hlm.core.values import Observation
from hlm.evaluation.seams import SeamMeter, jerk_rad_s3, near_seams
from hlm.runtime.chunks.delayed_policy import DelayedPolicy
from hlm.runtime.chunks.schedulers import ChunkConfig, Synchronous
from hlm.runtime.chunks.source import ChunkSource

CONFIG = ChunkConfig(execution_horizon=5, blend=2)


def curve(*coefficients, steps=30):
    """[step, 34] the same polynomial of the time in s in every dimension."""
    return np.polynomial.polynomial.polyval(np.arange(steps) / 30.0, coefficients)[:, None] + np.zeros(34)


def test_the_jerk_of_a_cubic_is_six_times_its_last_coefficient():
    np.testing.assert_allclose(jerk_rad_s3(curve(1.0, -2.0, 3.0, 0.5)), 3.0, rtol=1e-6)


def test_parabolas_have_no_jerk():
    np.testing.assert_allclose(jerk_rad_s3(curve(1.0, -2.0, 3.0)), 0.0, atol=1e-6)


def test_grippers_and_root_do_not_count():
    vectors = curve(0.0)
    vectors[::2, LEFT_GRIPPER] = vectors[::2, ROOT] = 1.0
    assert jerk_rad_s3(vectors).shape == (27, 29)
    assert not jerk_rad_s3(vectors).any()


@pytest.mark.parametrize("steps", range(4))
def test_a_few_steps_have_none(steps):
    assert jerk_rad_s3(curve(0.0, steps=steps)).size == 0


@given(st.integers(4, 40), st.lists(st.integers(1, 39), max_size=5), st.integers(0, 6))
def test_away_from_seams_nothing_feels_them(steps, seams, blend):
    """Straight lines that change at seams, over `blend` steps: elsewhere the jerk is zero."""
    slopes = np.zeros(steps)
    for seam in seams:
        slopes[seam : seam + blend + 1] += 1.0
    vectors = np.zeros((steps, 34))
    vectors[:, JOINT_INDEX[0]] = np.cumsum(slopes)
    near = near_seams(steps, seams, blend)
    assert not jerk_rad_s3(vectors)[~near[3:]].any()


def test_the_beginning_is_no_seam():
    assert not near_seams(20, [0], 3).any()


def metered(delay_s):
    """The figures of an episode of 40 steps."""
    clock = SteppedClock()
    policy = FakePolicy(cameras=(), optional_cameras=(), horizon=10)
    meter = SeamMeter(ChunkSource(DelayedPolicy(policy, clock, delay_s), Synchronous(CONFIG), CONFIG))

    def seen(step):
        return Observation(due_ns(0, step, 30.0), np.zeros(34), {}, "wave")

    meter.reset(seen(0))
    for step in range(40):
        clock.wait_until(due_ns(0, step, 30.0))
        meter.reference(seen(step))
    return meter.figures()


def test_figures_tell_what_became_of_the_chunks():
    figures = metered(0.0)
    assert (figures.asked, figures.joined, figures.rests, figures.rest_steps) == (8, 8, 0, 0)
    figures = metered(0.1)
    assert (figures.asked, figures.joined, figures.rests, figures.rest_steps) == (5, 5, 4, 15)


def test_seams_are_told_from_the_rest():
    """Chunks rise evenly and begin anew: there is jerk where they are joined, and nowhere else."""
    figures = metered(0.0)
    assert figures.seam_jerk_rad_s3 > 1.0
    assert figures.other_jerk_rad_s3 is None or figures.other_jerk_rad_s3 < 1e-2


def test_an_episode_without_steps_has_figures():
    meter = SeamMeter(
        ChunkSource(DelayedPolicy(FakePolicy(), SteppedClock()), Synchronous(CONFIG), CONFIG),
    )
    assert (meter.figures().asked, meter.figures().seam_jerk_rad_s3) == (0, None)
