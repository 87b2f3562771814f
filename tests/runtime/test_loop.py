from itertools import islice

import numpy as np
import pytest

from hlm.core.body import BodyState, BodyStatus
from hlm.core.clock import NS_PER_S, due_ns
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError
from hlm.core.layout import NAMES, RIGHT_ARM
from hlm.runtime.chunks.source import StarvedError
from hlm.runtime.loop import ControlLoop, LoopConfig

# The grid begins with the last control step of the 0.6 s of settling.
SETTLED_NS = 590_000_000


def loop_of(rig, config=None):
    return ControlLoop(rig.clock, rig.body, rig.cameras, UNITREE_G1, config)


def play(rig, source, config=None):
    return list(loop_of(rig, config).steps(source, "wave"))


def test_steps_lie_on_an_absolute_grid_after_settling(make_rig, make_source):
    steps = play(make_rig(), make_source(40))
    assert [step.index for step in steps] == list(range(40))
    for step in steps:
        assert step.observation.stamp_ns == step.reference.stamp_ns == due_ns(SETTLED_NS, step.index, 30.0)


def test_the_tracker_is_stepped_on_its_own_grid_from_the_first_moment(make_rig, make_source):
    rig = make_rig()
    steps = play(rig, make_source(30))
    end_ns = steps[-1].observation.stamp_ns + due_ns(0, 1, 30.0)
    assert rig.tracker.resets == 1
    assert rig.tracker.stepped_ns == list(range(0, end_ns, 10_000_000))
    assert rig.robot.commanded_ns == rig.tracker.stepped_ns


def test_a_reference_reaches_the_tracker_before_the_next_control_step(make_rig, make_source):
    rig = make_rig()
    pushed_at_step = []
    control = rig.tracker.step

    def counted(state):
        pushed_at_step.append((state.stamp_ns, len(rig.tracker.pushed)))
        return control(state)

    rig.tracker.step = counted
    play(rig, make_source(5))
    for stamp_ns, pushed in [one for one in pushed_at_step if one[0] > SETTLED_NS]:
        due = sum(due_ns(SETTLED_NS, step, 30.0) <= stamp_ns for step in range(5))
        assert pushed == due


def test_the_source_sees_state_pictures_and_instruction_of_each_step(make_rig, make_source):
    source = make_source(3)
    steps = play(make_rig(), source)
    assert [seen.instruction for seen in source.seen] == ["wave"] * 4
    for step, seen in zip(steps, source.seen, strict=False):
        assert step.observation is seen
        assert list(seen.frames) == ["head"]
    brightness = [int(seen.frames["head"].image[0, 0, 0]) for seen in source.seen]
    assert brightness == sorted(set(brightness))


def test_an_admissible_source_is_played_as_it_is_and_the_state_follows(make_rig, make_source):
    source = make_source(20)
    steps = play(make_rig(), source)
    for number, step in enumerate(steps):
        np.testing.assert_allclose(step.reference.vector, source.vectors[number], atol=1e-12)
        if number:
            np.testing.assert_allclose(step.observation.state, source.vectors[number - 1], atol=1e-12)


def test_the_end_of_the_source_ends_the_episode(make_rig, make_source):
    rig = make_rig()
    assert play(rig, make_source(0)) == []
    assert len(play(rig, make_source(7))) == 7


def test_whoever_looks_at_the_steps_may_stop(make_rig, make_source):
    rig = make_rig()
    steps = loop_of(rig).steps(make_source(20), "wave")
    assert [step.index for step in islice(steps, 3)] == [0, 1, 2]
    steps.close()
    assert len(rig.tracker.pushed) == 3


def test_a_wild_reference_is_limited_from_step_to_step(make_rig, make_source):
    source = make_source(4)
    source.vectors[:, RIGHT_ARM.start] = 3.0
    steps = play(make_rig(), source)
    first = UNITREE_G1.default_rad[22]
    most = 0.3 * UNITREE_G1.velocity_rad_s[22] / 30.0
    found = [step.reference.vector[RIGHT_ARM.start] for step in steps]
    np.testing.assert_allclose(found, first + most * np.arange(1, 5))


def test_a_reference_that_is_not_a_number_holds_the_body(make_rig, make_source):
    source = make_source(4)
    source.vectors[2, RIGHT_ARM.start] = np.nan
    rig = make_rig()
    steps = play(rig, source)
    assert len(steps) == len(rig.tracker.pushed) == 2
    assert rig.body.status == BodyStatus(
        BodyState.HOLDING, f"the reference is not a number in {NAMES[RIGHT_ARM.start]}"
    )


def test_a_policy_that_gives_no_more_chunks_holds_the_body(make_rig, make_source):
    def starve(step):
        if step == 3:
            raise StarvedError("the policy gave no chunk for 2.0 s: it broke.")

    rig = make_rig()
    assert len(play(rig, make_source(9, starve))) == 3
    assert rig.body.status == BodyStatus(BodyState.HOLDING, "the policy gave no chunk for 2.0 s: it broke.")


def test_a_stale_camera_holds_the_body(make_rig, make_source):
    rig = make_rig(camera_old_s=0.15)
    assert play(rig, make_source(3)) == []
    assert rig.body.status == BodyStatus(BodyState.HOLDING, "input 'image_head' is 0.150 s old, more than 0.1 s")


def test_a_stale_measurement_damps_the_motors(make_rig, make_source):
    rig = make_rig(robot_old_s=0.15)
    assert play(rig, make_source(3)) == []
    assert rig.body.status == BodyStatus(BodyState.FAULT, "the robot's measurement is 0.150 s old, more than 0.1 s")


def test_a_camera_that_stops_delivering_holds_the_body(make_rig, make_source):
    rig = make_rig()

    def before(step):
        rig.cameras.dead = step == 3

    assert len(play(rig, make_source(8, before))) == 4
    assert rig.body.status == BodyStatus(BodyState.HOLDING, "camera 'head' stopped delivering images")


def test_a_camera_that_came_late_must_go_on_too(make_rig, make_source):
    rig = make_rig()
    rig.cameras.dead = True

    def before(step):
        rig.cameras.dead = step not in (2, 3, 4)

    assert len(play(rig, make_source(9, before))) == 6
    assert rig.body.status.fault == "camera 'head' stopped delivering images"


def test_a_camera_driver_that_fails_holds_the_body(make_rig, make_source, monkeypatch):
    rig = make_rig()

    def before(step):
        if step == 3:
            monkeypatch.setattr(rig.cameras, "capture", fail)

    def fail():
        raise OSError("USB gone")

    assert len(play(rig, make_source(8, before))) == 4
    assert rig.body.status == BodyStatus(BodyState.HOLDING, "the cameras failed: OSError: USB gone")


def test_a_robot_that_measures_nonsense_starts_no_episode(make_rig, make_source):
    rig = make_rig()
    rig.robot.joints = np.full(29, np.nan)
    assert play(rig, make_source(3)) == []
    assert rig.body.status.state is BodyState.FAULT
    assert rig.body.status.fault.startswith("the measured position is not a number in left_hip_pitch")


def test_the_next_episode_starts_without_the_last_ones_fault(make_rig, make_source):
    rig = make_rig()
    broken = make_source(4)
    broken.vectors[0, 0] = np.inf
    assert play(rig, broken) == []
    assert len(play(rig, make_source(4))) == 4
    assert rig.body.status == BodyStatus(BodyState.RUNNING)


def test_each_step_says_how_old_its_inputs_were(make_rig, make_source):
    for step in play(make_rig(camera_old_s=0.04, robot_old_s=0.002), make_source(3)):
        assert step.age_s == pytest.approx({"state": 0.002, "image_head": 0.04})


def test_a_slow_source_costs_steps_but_never_shifts_the_grid(make_rig, make_source):
    rig = make_rig()

    def think(step):
        if step == 2:
            rig.clock.wait_until(rig.clock.now_ns() + 130_000_000)

    steps = play(rig, make_source(6, think))
    assert [step.index for step in steps] == [0, 1, 2, 5, 6, 7]
    for step in steps:
        assert step.observation.stamp_ns == due_ns(SETTLED_NS, step.index, 30.0)
    stepped_ns = rig.tracker.stepped_ns
    # Steps that were missed are not made up for in a burst.
    assert len(set(stepped_ns)) == len(stepped_ns)
    assert max(np.diff(stepped_ns)) > 100_000_000


def test_after_missed_steps_the_reference_may_go_further(make_rig, make_source):
    rig = make_rig()

    def think(step):
        if step == 1:
            rig.clock.wait_until(rig.clock.now_ns() + 130_000_000)

    source = make_source(3, think)
    source.vectors[2:, RIGHT_ARM.start] = 3.0
    steps = play(rig, source)
    missed = steps[2].index - steps[1].index
    assert missed == 3
    most = 0.3 * UNITREE_G1.velocity_rad_s[22] / 30.0
    assert steps[2].reference.vector[RIGHT_ARM.start] - steps[1].reference.vector[RIGHT_ARM.start] == pytest.approx(
        missed * most
    )


def test_it_is_deterministic_and_starts_every_episode_anew(make_rig, make_source):
    rig, source = make_rig(), make_source(8)
    loop = loop_of(rig)
    first = list(loop.steps(source, "wave"))
    rig.robot.joints = np.array(UNITREE_G1.default_rad)
    again = list(loop.steps(source, "wave"))
    other = play(make_rig(), make_source(8))
    for steps in (again, other):
        offset_ns = steps[0].observation.stamp_ns - first[0].observation.stamp_ns
        for step, wanted in zip(steps, first, strict=True):
            assert step.observation.stamp_ns - offset_ns == wanted.observation.stamp_ns
            np.testing.assert_array_equal(step.observation.state, wanted.observation.state)
            np.testing.assert_array_equal(step.reference.vector, wanted.reference.vector)


def test_other_rates_hold_too(make_rig, make_source):
    rig = make_rig(control_hz=125.0)
    steps = play(rig, make_source(5), LoopConfig(rate_hz=50.0, settle_s=0.0))
    assert [step.observation.stamp_ns for step in steps] == [20_000_000 * step for step in range(5)]
    assert rig.tracker.stepped_ns == list(range(0, NS_PER_S // 10, 8_000_000))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"rate_hz": 0.0}, r"rate_hz must be positive, got 0\.0"),
        ({"rate_hz": float("nan")}, "rate_hz must be positive, got nan"),
        ({"settle_s": -1.0}, r"settle_s -1\.0 must not be negative"),
        ({"max_age_s": 0.0}, r"max_age_s 0\.0 and max_image_age_s 0\.1 positive"),
    ],
)
def test_settings_out_of_range_are_refused(change, text):
    with pytest.raises(InputError, match=text):
        LoopConfig(**change)


class Followed:
    """Plays a source for a person whose device took its newest sample `age_ns` before each step was due."""

    def __init__(self, source, clock, age_ns):
        self._source, self._clock, self._age_ns = source, clock, age_ns
        self.device_age_s = np.inf

    def reset(self, observation):
        self._source.reset(observation)

    def reference(self, observation):
        self.device_age_s = (self._clock.now_ns() - observation.stamp_ns + self._age_ns) / NS_PER_S
        return self._source.reference(observation)


@pytest.mark.parametrize("late_ns", [0, 5_000_000])
def test_the_age_of_a_persons_device_is_that_at_the_instant_of_the_step(make_rig, make_source, late_ns):
    rig = make_rig()
    capture = rig.cameras.capture

    def slow_capture():
        rig.clock.wait_until(rig.clock.now_ns() + late_ns)
        return capture()

    rig.cameras.capture = slow_capture
    steps = play(rig, Followed(make_source(5), rig.clock, 20_000_000))
    assert [step.age_s["device"] for step in steps] == pytest.approx([0.02] * 5)


def test_a_source_without_a_device_has_no_age_of_one(make_rig, make_source):
    assert {name for step in play(make_rig(), make_source(5)) for name in step.age_s} == {"state", "image_head"}


def test_an_outrageous_reference_holds_the_body(make_rig, make_source):
    rig = make_rig()
    source = make_source(3)
    source.vectors[2, RIGHT_ARM.start] = 50.0
    assert len(play(rig, source)) == 2
    assert rig.body.status.fault.startswith("the reference of right_shoulder_pitch is 50 rad, far outside of")
