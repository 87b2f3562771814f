import numpy as np
import pytest

from hlm.core.rotations import matrix_from_quat, matrix_from_yaw, quat_from_roll_pitch_yaw
from hlm.teleop.devices.headset.clutch import Clutch
from hlm.teleop.devices.headset.sample import HandSample, HeadsetSample

STEP_NS = 14_000_000
LEFT_GRIP, RIGHT_GRIP = np.eye(4), np.eye(4)
LEFT_GRIP[:3, 3], RIGHT_GRIP[:3, 3] = (0.2, 0.2, 0.8), (0.2, -0.2, 0.8)


def pose(position_m=(0, 0, 0), yaw_rad=0.0, rotation=None):
    made = np.eye(4)
    made[:3, :3] = matrix_from_yaw(yaw_rad) if rotation is None else rotation
    made[:3, 3] = position_m
    return made


class Person:
    """Says samples in a row."""

    def __init__(self):
        self.clutch = Clutch((LEFT_GRIP, RIGHT_GRIP))
        self.stamp_ns = 10**9

    def say(self, left=None, right=None, head=None, squeeze=1.0, bare=False, after_ns=STEP_NS):
        self.stamp_ns += after_ns
        hands = [
            None if hand is None else HandSample(pose_world_from_wrist=hand, squeeze=squeeze, bare=bare)
            for hand in (left, right)
        ]
        head = pose((0, 0, 1.6)) if head is None else head
        return self.clutch.advance(HeadsetSample(stamp_ns=self.stamp_ns, pose_world_from_head=head, hands=tuple(hands)))


def test_nothing_moves_until_hold_is_taken():
    person = Person()
    for x_m in (0.0, 0.3):
        moved = person.say(left=pose((x_m, 0, 1)), squeeze=0.0)
    assert not moved.holds
    assert moved.grips == (None, None)


@pytest.mark.parametrize("yaw_rad", [0.0, 1.3, -2.8])
def test_hands_are_carried_from_where_the_grips_are_whichever_way_the_person_looks(yaw_rad):
    person = Person()
    turned = matrix_from_yaw(yaw_rad)
    start_m = np.array([3.0, -2.0, 1.1])
    head = pose((3, -2, 1.6), yaw_rad)
    first = person.say(left=pose(start_m, yaw_rad), head=head)
    np.testing.assert_allclose(first.grips[0], LEFT_GRIP, atol=1e-12)
    assert first.grips[1] is None
    wrist_turn = matrix_from_quat(quat_from_roll_pitch_yaw(np.array([0.2, -0.3, 0.4])))
    moved = person.say(left=pose(start_m + turned @ (0.1, 0.02, -0.05), rotation=turned @ wrist_turn), head=head)
    np.testing.assert_allclose(moved.grips[0][:3, 3], (0.3, 0.22, 0.75), atol=1e-12)
    np.testing.assert_allclose(moved.grips[0][:3, :3], wrist_turn, atol=1e-12)


@pytest.mark.parametrize("interrupted", ["released", "silent", "head lost", "hand lost"])
def test_taking_hold_again_moves_nothing(interrupted):
    person = Person()
    person.say(left=pose((0, 0, 1)))
    before = person.say(left=pose((0.1, 0, 1)))
    match interrupted:
        case "released":
            person.say(left=pose((0.5, 0, 1.4)), squeeze=0.0)
        case "head lost":
            person.stamp_ns += STEP_NS
            person.clutch.advance(
                HeadsetSample(stamp_ns=person.stamp_ns, pose_world_from_head=None, hands=(None, None))
            )
        case "hand lost":
            person.say(right=pose((0, 0, 1)))
    far = pose((0.9, 0.4, 1.5), 0.7)
    again = person.say(left=far, after_ns=10**9 if interrupted == "silent" else STEP_NS)
    np.testing.assert_allclose(again.grips[0], before.grips[0], atol=1e-12)
    far[0, 3] += 0.05
    np.testing.assert_allclose(person.say(left=far).grips[0][:3, 3], before.grips[0][:3, 3] + (0.05, 0, 0), atol=1e-12)


def test_no_step_of_the_grips_is_larger_than_that_of_the_hands():
    person, generator = Person(), np.random.default_rng(0)
    hand, grips, hands, kept = np.array([0.0, 0.0, 1.0]), [], [], False
    for step in range(500):
        seen = generator.random() > 0.1
        squeeze = 1.0 if (step // 40) % 3 else 0.0
        hand = hand + 0.02 * generator.normal(size=3)
        moved = person.say(left=pose(hand) if seen else None, right=pose(), squeeze=squeeze)
        kept = kept or moved.grips[0] is not None
        if kept:
            grips.append(moved.grips[0][:3, 3])
            hands.append(hand)
    grip_steps, hand_steps = (np.linalg.norm(np.diff(path, axis=0), axis=1) for path in (grips, hands))
    assert len(grips) > 400
    # A hand that was unseen is taken where it comes back, so no step bridges what it did meanwhile.
    assert np.all(grip_steps <= hand_steps + 1e-9)
    assert grip_steps.max() > 0.02


def test_bare_hands_hold_at_all_times():
    person = Person()
    assert person.say(left=pose((0, 0, 1)), squeeze=0.0, bare=True).holds


def test_the_head_goes_on_from_where_it_was_left():
    person = Person()
    person.say(left=pose(), head=pose((0, 0, 1.6)))
    low = person.say(left=pose(), head=pose((0.1, 0, 1.3)))
    np.testing.assert_allclose(low.head_in_stance_m, (0.1, 0, -0.3), atol=1e-12)
    person.say(left=pose(), head=pose((0, 0, 1.6)), squeeze=0.0)
    again = person.say(left=pose(), head=pose((1, 1, 1.6)))
    np.testing.assert_allclose(again.head_in_stance_m, low.head_in_stance_m, atol=1e-12)
