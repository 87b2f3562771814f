from itertools import islice

import numpy as np
import pytest

from hlm.core.clock import NS_PER_S, due_ns
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError
from hlm.core.layout import NAMES, RIGHT_ARM
from hlm.runtime.loop import ControlLoop, LoopConfig

# The grid begins with the last control step of the 0.6 s of settling.
SETTLED_NS = 590_000_000


def play(rig, source, config=None):
    return list(ControlLoop(rig, config).rows(source, "wave"))


def test_rows_lie_on_an_absolute_grid_after_settling(make_rig, make_source):
    rows = play(make_rig(), make_source(40))
    assert [row.index for row in rows] == list(range(40))
    for row in rows:
        assert row.observation.stamp_ns == row.reference.stamp_ns == due_ns(SETTLED_NS, row.index, 30.0)


def test_the_tracker_is_stepped_on_its_own_grid_from_the_first_moment(make_rig, make_source):
    rig = make_rig()
    rows = play(rig, make_source(30))
    end_ns = rows[-1].observation.stamp_ns + due_ns(0, 1, 30.0)
    assert rig.tracker.resets == 1
    assert rig.tracker.stepped_ns == list(range(0, end_ns, 10_000_000))
    assert rig.robot.commanded_ns == rig.tracker.stepped_ns


def test_a_reference_reaches_the_tracker_before_the_next_control_step(make_rig, make_source):
    rig = make_rig()
    pushed_at_step = []
    step = rig.tracker.step
    rig.tracker.step = lambda state: (pushed_at_step.append((state.stamp_ns, len(rig.tracker.pushed))), step(state))[1]
    play(rig, make_source(5))
    for stamp_ns, pushed in [step for step in pushed_at_step if step[0] > SETTLED_NS]:
        due = sum(due_ns(SETTLED_NS, row, 30.0) <= stamp_ns for row in range(5))
        assert pushed == due


def test_the_source_sees_state_pictures_and_instruction_of_each_row(make_rig, make_source):
    source = make_source(3)
    rows = play(make_rig(), source)
    assert [seen.instruction for seen in source.seen] == ["wave"] * 4
    for row, seen in zip(rows, source.seen, strict=False):
        assert row.observation is seen
        assert list(seen.frames) == ["head"]
    brightness = [int(seen.frames["head"].image[0, 0, 0]) for seen in source.seen]
    assert brightness == sorted(set(brightness))


def test_an_admissible_source_is_played_as_it_is_and_the_state_follows(make_rig, make_source):
    source = make_source(20)
    rows = play(make_rig(), source)
    for number, row in enumerate(rows):
        np.testing.assert_allclose(row.reference.vector, source.vectors[number], atol=1e-12)
        if number:
            np.testing.assert_allclose(row.observation.state, source.vectors[number - 1], atol=1e-12)


def test_the_end_of_the_source_ends_the_episode(make_rig, make_source):
    rig = make_rig()
    assert play(rig, make_source(0)) == []
    assert len(play(rig, make_source(7))) == 7


def test_whoever_looks_at_the_rows_may_stop(make_rig, make_source):
    rig = make_rig()
    rows = ControlLoop(rig).rows(make_source(20), "wave")
    assert [row.index for row in islice(rows, 3)] == [0, 1, 2]
    rows.close()
    assert len(rig.tracker.pushed) == 3


def test_a_wild_reference_is_limited_from_row_to_row(make_rig, make_source):
    source = make_source(4)
    source.vectors[:, RIGHT_ARM.start] = 50.0
    rows = play(make_rig(), source)
    first = UNITREE_G1.default_rad[22]
    step = 0.3 * UNITREE_G1.velocity_rad_s[22] / 30.0
    found = [row.reference.vector[RIGHT_ARM.start] for row in rows]
    np.testing.assert_allclose(found, first + step * np.arange(1, 5))


def test_no_number_stops_the_episode(make_rig, make_source):
    source = make_source(4)
    source.vectors[2, RIGHT_ARM.start] = np.nan
    rig = make_rig()
    rows = ControlLoop(rig).rows(source, "wave")
    assert len(list(islice(rows, 2))) == 2
    with pytest.raises(InputError, match=f"gave no number for {NAMES[RIGHT_ARM.start]}"):
        next(rows)
    assert len(rig.tracker.pushed) == 2


@pytest.mark.parametrize(("old", "name"), [({"robot_old_s": 0.15}, "state"), ({"camera_old_s": 0.15}, "image_head")])
def test_a_stale_input_stops_the_episode_by_name(make_rig, make_source, old, name):
    with pytest.raises(InputError, match=rf"input '{name}' is 0\.150 s old, more than 0\.1 s; stopped"):
        play(make_rig(**old), make_source(3))


def test_each_row_says_how_old_its_inputs_were(make_rig, make_source):
    for row in play(make_rig(camera_old_s=0.04, robot_old_s=0.002), make_source(3)):
        assert row.age_s == pytest.approx({"state": 0.002, "image_head": 0.04})


def test_a_slow_source_costs_rows_but_never_shifts_the_grid(make_rig, make_source):
    rig = make_rig()

    def think(row):
        if row == 2:
            rig.clock.wait_until(rig.clock.now_ns() + 130_000_000)

    rows = play(rig, make_source(6, think))
    assert [row.index for row in rows] == [0, 1, 2, 5, 6, 7]
    for row in rows:
        assert row.observation.stamp_ns == due_ns(SETTLED_NS, row.index, 30.0)
    stepped_ns = rig.tracker.stepped_ns
    # Steps that were missed are not made up for in a burst.
    assert len(set(stepped_ns)) == len(stepped_ns)
    assert max(np.diff(stepped_ns)) > 100_000_000


def test_after_missed_rows_the_reference_may_go_further(make_rig, make_source):
    rig = make_rig()

    def think(row):
        if row == 1:
            rig.clock.wait_until(rig.clock.now_ns() + 130_000_000)

    source = make_source(3, think)
    source.vectors[2:, RIGHT_ARM.start] = 50.0
    rows = play(rig, source)
    missed = rows[2].index - rows[1].index
    assert missed == 3
    step = 0.3 * UNITREE_G1.velocity_rad_s[22] / 30.0
    assert rows[2].reference.vector[RIGHT_ARM.start] - rows[1].reference.vector[RIGHT_ARM.start] == pytest.approx(
        missed * step
    )


def test_it_is_deterministic_and_starts_every_episode_anew(make_rig, make_source):
    rig, source = make_rig(), make_source(8)
    loop = ControlLoop(rig)
    first = list(loop.rows(source, "wave"))
    rig.robot.joints = np.array(UNITREE_G1.default_rad)
    again = list(loop.rows(source, "wave"))
    other = play(make_rig(), make_source(8))
    for rows in (again, other):
        offset_ns = rows[0].observation.stamp_ns - first[0].observation.stamp_ns
        for row, wanted in zip(rows, first, strict=True):
            assert row.observation.stamp_ns - offset_ns == wanted.observation.stamp_ns
            np.testing.assert_array_equal(row.observation.state, wanted.observation.state)
            np.testing.assert_array_equal(row.reference.vector, wanted.reference.vector)


def test_other_rates_hold_too(make_rig, make_source):
    rig = make_rig()
    rows = play(rig, make_source(5), LoopConfig(row_hz=50.0, control_hz=125.0, settle_s=0.0))
    assert [row.observation.stamp_ns for row in rows] == [20_000_000 * row for row in range(5)]
    assert rig.tracker.stepped_ns == list(range(0, NS_PER_S // 10, 8_000_000))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"row_hz": 0.0}, r"row_hz 0\.0 must be positive and at most control_hz 100\.0"),
        ({"row_hz": 200.0}, r"row_hz 200\.0 must be positive and at most control_hz 100\.0"),
        ({"row_hz": float("nan")}, "row_hz nan must be positive"),
        ({"settle_s": -1.0}, r"settle_s -1\.0 must not be negative"),
        ({"stale_s": 0.0}, r"stale_s 0\.0 positive"),
    ],
)
def test_settings_out_of_range_are_refused(change, text):
    with pytest.raises(InputError, match=text):
        LoopConfig(**change)
