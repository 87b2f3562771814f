"""Refusal: which references are no pose on two feet, and what is followed instead of them."""

from dataclasses import fields, replace

import numpy as np
import pytest

from hlm.control.model import Configuration
from hlm.control.tracker.contact_state import DOUBLE_SUPPORT, ContactState
from hlm.control.tracker.refusal import Refusal, RefusalConfig, at_rest, refusal_of
from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
from hlm.core.clock import NS_PER_S, STEP_HZ
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError
from hlm.core.layout import pack, unpack
from hlm.core.rotations import quat_from_roll_pitch_yaw, roll_pitch_yaw_from_quat
from hlm.core.values import Reference, RobotState
from hlm.runtime.safety.descent import Descent
from hlm.sim.motions import KEYS, find_motion

CONFIG = RefusalConfig()
DT_S, TICK_HZ = 0.01, 100
CALM_TICKS = round(CONFIG.calm_s / DT_S)


@pytest.fixture
def upright(standing):
    """A reference that stands."""
    tracker = WholeBodyTracker(UNITREE_G1)
    level = np.array([1.0, 0.0, 0.0, 0.0])
    tracker.reset(RobotState(0, standing.joint_position_rad, np.zeros(29), level, np.zeros(3)))
    return tracker.sample


def tilted(sample, roll_rad=0.0, pitch_rad=0.0):
    return replace(sample, pelvis_roll_pitch_yaw_rad=np.array([roll_rad, pitch_rad, 2.0]))


def low(sample, height_m):
    """A reference whose mass is so high above its lower sole."""
    soles_m = sample.sole_position_m + np.array([[0.0, 0.0, 0.3], [0.0, 0.0, 0.0]])
    return replace(
        sample, sole_position_m=soles_m, com_position_m=np.array([0.0, 0.0, soles_m[1, 2] + height_m], dtype=float)
    )


def moving(sample, number):
    """A reference on both feet that moves, with a number that tells it from others."""
    arrays = {
        field.name: np.full_like(getattr(sample, field.name), 0.1 + 0.01 * number)
        for field in fields(sample)
        if "velocity" in field.name or "acceleration" in field.name or "rate" in field.name
    }
    scalars = {name: float(arrays[name]) for name in ("com_vertical_acceleration_m_s2", "yaw_rate_rad_s")}
    number_rad = np.full((2, 3), 0.001 * number)
    return replace(sample, **arrays | scalars, sole_roll_pitch_yaw_rad=number_rad, double_support_s=0.1)


def number_of(sample):
    """The number given to `moving`."""
    return round(1000.0 * sample.sole_roll_pitch_yaw_rad[0, 0])


@pytest.mark.parametrize(
    ("roll_rad", "pitch_rad", "text"),
    [
        (0.71, 0.0, "the reference lies on its side: its pelvis rolls by 41 degrees"),
        (-1.4, 0.0, "the reference lies on its side: its pelvis rolls by -80 degrees"),
        (0.0, -0.61, "the reference lies or crawls: its pelvis pitches by -35 degrees"),
        (0.0, 1.4, "the reference lies or crawls: its pelvis pitches by 80 degrees"),
        (0.69, -0.59, ""),
        (-0.69, 1.19, ""),
    ],
)
def test_who_lies_on_a_side_back_or_belly_is_refused_and_told_why(upright, roll_rad, pitch_rad, text):
    assert refusal_of(tilted(upright, roll_rad, pitch_rad), CONFIG) == text


def test_a_mass_near_the_ground_is_refused_by_its_height_above_the_lower_sole(upright):
    assert refusal_of(low(upright, CONFIG.min_com_height_m + 0.001), CONFIG) == ""
    text = refusal_of(low(upright, 0.1), CONFIG)
    assert text == "the reference sits, crawls or lies: its mass is 0.10 m above its soles"


def test_less_of_a_share_allows_less_of_everything(upright):
    for sample in (
        tilted(upright, roll_rad=0.65),
        tilted(upright, pitch_rad=-0.55),
        tilted(upright, pitch_rad=1.1),
        low(upright, CONFIG.min_com_height_m + 0.01),
    ):
        assert refusal_of(sample, CONFIG) == ""
        assert refusal_of(sample, CONFIG, 0.9) != ""


def posed(upright, model, pose):
    """A reference in a pose, as far as refusal looks at it."""
    soles_m = np.array([model.pose_world_from(f"{side}_sole", pose)[:3, 3] for side in ("left", "right")])
    return replace(
        upright,
        pelvis_roll_pitch_yaw_rad=roll_pitch_yaw_from_quat(pose.quat_world_from_pelvis_wxyz),
        sole_position_m=soles_m,
        com_position_m=model.com_position_in_world_m(pose),
    )


@pytest.mark.parametrize("name", KEYS)
def test_motions_on_two_feet_are_not_refused_even_if_something_was(upright, model, name):
    for pose in find_motion(model, name).poses[::10]:
        assert refusal_of(posed(upright, model, pose), CONFIG, 1.0 - CONFIG.hysteresis) == ""


@pytest.mark.parametrize("joints_rad", [UNITREE_G1.default_rad, UNITREE_G1.pose_rad("manipulation")])
def test_a_stopped_bodys_own_crouch_is_not_refused(upright, model, joints_rad):
    descent, measured_rad = Descent(model, pack(joints_rad, np.ones(2), np.zeros(3))), joints_rad
    for step in range(round(descent.duration_s * STEP_HZ) + 1):
        measured_rad, _, (roll_rad, pitch_rad, _) = unpack(descent.at(step / STEP_HZ, measured_rad))
        pose = Configuration(
            position_pelvis_in_world_m=np.zeros(3),
            quat_world_from_pelvis_wxyz=quat_from_roll_pitch_yaw(np.array([roll_rad, pitch_rad, 0.0])),
            joint_position_rad=measured_rad,
        )
        assert refusal_of(posed(upright, model, pose), CONFIG) == ""


def test_what_can_be_followed_is_followed_as_it_is(upright):
    refusal = Refusal(CONFIG)
    refusal.start(upright)
    for number in range(5):
        sample = moving(upright, number)
        followed, changed = refusal.followed(sample, DT_S)
        assert followed is sample
        assert not changed
        assert refusal.reason == ""


def test_the_last_pose_on_both_feet_is_held_at_rest(upright):
    refusal = Refusal(CONFIG)
    refusal.start(upright)
    for number in range(3):
        refusal.followed(moving(upright, number), DT_S)
    refusal.followed(replace(moving(upright, 3), contact=ContactState(left=True, right=False)), DT_S)
    for tick in range(5):
        held, changed = refusal.followed(tilted(moving(upright, 9), roll_rad=1.0 + 0.1 * tick), DT_S)
        assert number_of(held) == 2, "the fourth stood on one foot"
        assert changed == (tick == 0)
        assert refusal.reason.endswith(f"rolls by {np.degrees(1.0 + 0.1 * tick):.0f} degrees")
        np.testing.assert_array_equal(held.joint_position_rad, upright.joint_position_rad)
        assert held.contact == DOUBLE_SUPPORT


def test_a_pose_at_rest_moves_in_nothing_and_stays_on_both_feet(upright):
    rest = at_rest(replace(moving(upright, 5), contact=ContactState(left=True, right=False), zmp_m=np.ones(2)))
    for field in fields(rest):
        if any(word in field.name for word in ("velocity", "acceleration", "rate")):
            np.testing.assert_array_equal(getattr(rest, field.name), 0.0, err_msg=field.name)
    assert rest.contact == DOUBLE_SUPPORT
    assert np.isinf([rest.time_to_lift_off_s, rest.time_to_touchdown_s]).all()
    np.testing.assert_array_equal(rest.zmp_m, rest.com_position_m[:2])
    assert rest.double_support_s > 100.0
    for name in ("joint_position_rad", "pelvis_roll_pitch_yaw_rad", "com_position_m", "sole_position_m"):
        np.testing.assert_array_equal(getattr(rest, name), getattr(upright, name))


def refused(upright):
    """Something that was followed, and then refused one that lies."""
    refusal = Refusal(CONFIG)
    refusal.start(upright)
    refusal.followed(upright, DT_S)
    refusal.followed(tilted(upright, roll_rad=1.4), DT_S)
    return refusal


def ticks_until_followed(refusal, sample, at_most=200):
    """How many times a sample has to be given until it is followed; it is then that it turns, and not before."""
    for tick in range(1, at_most + 1):
        followed, changed = refusal.followed(sample, DT_S)
        assert changed == (followed is sample) == (refusal.reason == "")
        if changed:
            return tick
    return None


def test_it_follows_again_after_a_calm_time(upright):
    assert ticks_until_followed(refused(upright), upright) == pytest.approx(CALM_TICKS, abs=1)


def test_calm_begins_anew_after_what_cannot_be_followed(upright):
    refusal = refused(upright)
    for sample in [upright] * (CALM_TICKS - 2) + [tilted(upright, pitch_rad=-1.0)]:
        assert not refusal.followed(sample, DT_S).changed
    assert ticks_until_followed(refusal, upright) == pytest.approx(CALM_TICKS, abs=1)


def test_a_walk_is_followed_again_at_its_next_double_support(upright):
    refusal, on_one_foot = refused(upright), replace(upright, contact=ContactState(left=False, right=True))
    assert ticks_until_followed(refusal, on_one_foot) is None
    assert refusal.followed(upright, DT_S) == (upright, True)


def test_grippers_follow_while_a_pose_is_held(upright):
    refusal = refused(upright)
    held, _ = refusal.followed(tilted(replace(upright, gripper_opening=np.array([0.2, 0.7])), roll_rad=1.0), DT_S)
    np.testing.assert_array_equal(held.gripper_opening, [0.2, 0.7])


def test_a_pose_near_a_limit_is_not_held(upright):
    refusal = Refusal(CONFIG)
    refusal.start(upright)
    refusal.followed(moving(upright, 1), DT_S)
    refusal.followed(tilted(moving(upright, 2), roll_rad=0.95 * CONFIG.max_roll_rad), DT_S)
    held, _ = refusal.followed(tilted(upright, roll_rad=1.0), DT_S)
    assert number_of(held) == 1


def test_a_pose_just_inside_a_limit_is_followed_but_not_again(upright):
    for sample in (
        tilted(upright, roll_rad=0.95 * CONFIG.max_roll_rad),
        tilted(upright, pitch_rad=0.95 * CONFIG.max_lean_forward_rad),
        tilted(upright, pitch_rad=-0.95 * CONFIG.max_lean_back_rad),
        low(upright, 1.05 * CONFIG.min_com_height_m),
    ):
        refusal = refused(upright)
        assert ticks_until_followed(refusal, sample) is None
        assert refusal.reason
        refusal.start(upright)
        assert refusal.followed(sample, DT_S) == (sample, False)


def test_the_reason_is_kept_until_it_follows_again(upright):
    refusal = refused(upright)
    before = refusal.reason
    refusal.followed(upright, DT_S)
    assert refusal.reason == before == "the reference lies on its side: its pelvis rolls by 80 degrees"


def test_who_starts_with_what_cannot_be_followed_holds_that_pose_at_once(upright):
    refusal, sitting = Refusal(CONFIG), low(moving(upright, 7), 0.1)
    refusal.start(sitting)
    assert refusal.reason.startswith("the reference sits, crawls or lies")
    held, changed = refusal.followed(low(moving(upright, 8), 0.1), DT_S)
    assert not changed, "nothing else was followed before"
    assert number_of(held) == 7
    np.testing.assert_array_equal(held.com_velocity_m_s, 0.0)
    assert ticks_until_followed(refusal, upright) == pytest.approx(CALM_TICKS, abs=1)
    refusal.start(upright)
    assert refusal.reason == ""


@pytest.mark.parametrize("name", RefusalConfig.__slots__)
def test_limits_are_positive(name):
    with pytest.raises(InputError, match=f"{name} must be positive, got 0"):
        RefusalConfig(**{name: 0.0})


LYING = np.array([1.4, 0.0, 0.0])
DOWN_S, BACK_S, SQUAT_S, END_S = 1.0, 3.0, 4.0, 6.5


def lying_down(standing):
    """References of standing, lying down on a side in half a second, two seconds there, getting up, and a squat."""
    grid_s = np.arange(round(END_S * STEP_HZ)) / STEP_HZ
    stands = pack(standing.joint_position_rad, np.ones(2), np.zeros(3))
    away = np.interp(grid_s, [DOWN_S, DOWN_S + 0.5, BACK_S - 0.5, BACK_S], [0.0, 1.0, 1.0, 0.0])
    bend = 0.3 * np.sin(np.pi * np.clip(grid_s - SQUAT_S, 0.0, 1.5) / 1.5) ** 2
    bent_rad = np.zeros(29)
    bent_rad[[0, 6, 4, 10]], bent_rad[[3, 9]] = -1.0, 2.0
    lying, bent = pack(np.zeros(29), np.zeros(2), LYING), pack(bent_rad, np.zeros(2), np.zeros(3))
    return stands + away[:, None] * lying + bend[:, None] * bent


def test_a_robot_stands_while_it_is_asked_to_lie_says_why_and_follows_again(robot, world, standing):
    robot.place(standing.position_pelvis_in_world_m, standing.quat_world_from_pelvis_wxyz, standing.joint_position_rad)
    world.forward()
    vectors, tracker, pushed = lying_down(standing), WholeBodyTracker(UNITREE_G1), 0
    reasons, heights, uprightness = [], [], []
    with robot:
        tracker.reset(robot.read())
        for tick in range(round(END_S * TICK_HZ)):
            world.wait_until(tick * NS_PER_S // TICK_HZ)
            while pushed * TICK_HZ <= tick * STEP_HZ:
                tracker.push(Reference(pushed * NS_PER_S // STEP_HZ, vectors[pushed]))
                pushed += 1
            robot.command(tracker.step(robot.read()))
            reasons.append(tracker.refusal)
            heights.append(robot.pelvis_height_m())
            uprightness.append(robot.pelvis_uprightness())
    turns_s = np.flatnonzero(np.diff([bool(text) for text in reasons])) / TICK_HZ
    assert len(turns_s) == 2, "it is refused once, and followed once again"
    assert DOWN_S < turns_s[0] < DOWN_S + 1.2
    # The reference may lag by what the clock waits for a body, and has to be calm.
    assert BACK_S < turns_s[1] < BACK_S + 1.3
    held = slice(round(100 * turns_s[0]) + 1, round(100 * turns_s[1]))
    assert all("the reference" in text for text in reasons[held])
    assert min(uprightness) > 0.6
    assert min(uprightness[round(TICK_HZ * (turns_s[1] - 0.3)) :]) > 0.95, "it stands"
    assert min(heights[round(TICK_HZ * SQUAT_S) :]) < heights[round(TICK_HZ * SQUAT_S)] - 0.02, "it squats"
