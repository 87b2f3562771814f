import numpy as np
import pytest

from hlm.control.body_command import BodyCommand
from hlm.control.commanded_body.commanded_body import CommandedBody
from hlm.control.commanded_body.config import CommandedBodyConfig
from hlm.control.model import BodyModel
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError
from hlm.teleop.devices.headset.head_and_hands import HeadAndHands, HeadAndHandsConfig
from hlm.teleop.devices.headset.sample import HandSample, HeadsetSample

BODY = CommandedBodyConfig()


def at(x_m, y_m, z_m):
    pose = np.eye(4)
    pose[:3, 3] = (x_m, y_m, z_m)
    return pose


@pytest.fixture
def say():
    """The command after a sample; samples come one after the other, with both hands seen unless told otherwise."""
    commands, stamps = HeadAndHands(UNITREE_G1), iter(range(10**9, 10**12, 14_000_000))

    def said(head_m=(0, 0, 1.64), hands=("left", "right"), hand_z_m=1.1, **hand):
        made = [
            HandSample(pose_world_from_wrist=at(0.3, y, hand_z_m), **hand) if side in hands else None
            for side, y in (("left", 0.2), ("right", -0.2))
        ]
        return commands.command(
            HeadsetSample(stamp_ns=next(stamps), pose_world_from_head=at(*head_m), hands=tuple(made))
        )

    return said


def test_a_person_who_has_not_taken_hold_commands_a_standing_body(say):
    command = say()
    assert (command.pelvis_height_m, command.pelvis_pitch_rad) == (BODY.upright_m, 0.0)
    assert command.grips == (None, None)
    np.testing.assert_array_equal(command.velocity_m_s, 0.0)


def test_hands_start_where_those_of_a_standing_robot_hang(say):
    """So taking hold the first time moves nothing."""
    body = CommandedBody(UNITREE_G1)
    for _ in range(90):
        body.pose(BodyCommand(), 1.0 / 30.0)
    model = BodyModel(UNITREE_G1)
    for side, grip in zip(("left", "right"), say(squeeze=1.0).grips, strict=True):
        hangs_m = model.pose_world_from(f"{side}_grip", body.likely_configuration)[:3, 3]
        in_stance_m = np.linalg.inv(body.pose_world_from_stance) @ [*hangs_m, 1.0]
        np.testing.assert_allclose(grip.position_in_world_m, in_stance_m[:3], atol=0.05)


@pytest.mark.parametrize(("eye_height_m", "deeper"), [(None, True), (1.64, False)])
def test_a_smaller_person_in_another_world_is_measured_when_they_take_hold(eye_height_m, deeper):
    commands = HeadAndHands(UNITREE_G1, HeadAndHandsConfig(eye_height_m=eye_height_m))
    stamps = iter(range(10**9, 10**12, 14_000_000))

    def height_m(head_m, squeeze=1.0):
        hand = HandSample(pose_world_from_wrist=at(0.3, 0.2, 1.1), squeeze=squeeze)
        head = at(0, 0, head_m)
        sample = HeadsetSample(stamp_ns=next(stamps), pose_world_from_head=head, hands=(hand, None))
        return commands.command(sample).pelvis_height_m

    height_m(1.64)
    before_m = height_m(1.44)
    commands.enter_world()
    assert height_m(1.3, squeeze=0.0) == pytest.approx(before_m), "nothing moves before hold is taken"
    after_m = height_m(1.3)
    assert (after_m < before_m - 0.01) is deeper


def test_squatting_lowers_the_pelvis_in_proportion_and_standing_up_raises_it_again(say):
    say(squeeze=1.0)
    heights_m = [say(head_m=(0, 0, z_m), squeeze=1.0).pelvis_height_m for z_m in (1.64, 1.5, 1.3, 1.64)]
    assert heights_m[0] > heights_m[1] > heights_m[2]
    assert heights_m[3] == pytest.approx(BODY.upright_m)
    # The robot's head is at 1.21 m where the person's eyes are at 1.64 m.
    assert heights_m[1] == pytest.approx(BODY.upright_m - 0.14 * 1.21 / 1.64, abs=1e-3)


def test_leaning_is_no_squat(say):
    say(squeeze=1.0)
    torso_m = 1.64 * (1.0 - 0.53 / 0.936)
    lean_rad = 0.5
    head_m = (torso_m * np.sin(lean_rad), 0, 1.64 - torso_m * (1.0 - np.cos(lean_rad)))
    command = say(head_m=head_m, squeeze=1.0)
    assert command.pelvis_pitch_rad > 0.4
    assert command.pelvis_height_m == pytest.approx(BODY.upright_m, abs=0.03)


def test_a_low_hand_brings_the_body_down(say):
    say(squeeze=1.0)
    low = say(squeeze=1.0, hand_z_m=0.5)
    assert low.pelvis_height_m < BODY.upright_m - 0.05
    assert low.pelvis_pitch_rad > 0.1


def test_no_head_brings_the_pelvis_beyond_its_limits(say):
    say(squeeze=1.0)
    for head_m in ((5, 0, 0.1), (-5, 0, 3.0)):
        command = say(head_m=head_m, squeeze=1.0)
        assert BODY.standing.height_m[0] <= command.pelvis_height_m <= BODY.standing.height_m[1]
        assert BODY.standing.pitch_rad[0] <= command.pelvis_pitch_rad <= BODY.standing.pitch_rad[1]


@pytest.mark.parametrize(
    ("stick", "velocity_m_s", "turn_rad_s"),
    [
        ((0, 1), (BODY.max_ahead_m_s, 0), 0),
        ((0, -1), (-BODY.max_back_m_s, 0), 0),
        ((1, 0), (0, -BODY.max_sideways_m_s), -BODY.max_turn_rad_s),
        ((0.1, -0.1), (0, 0), 0),
    ],
)
def test_left_stick_walks_and_right_stick_turns(say, stick, velocity_m_s, turn_rad_s):
    command = say(stick=np.array(stick, float))
    np.testing.assert_allclose(command.velocity_m_s, velocity_m_s)
    assert command.turn_rate_rad_s == pytest.approx(turn_rad_s)


def test_a_stick_beside_its_dead_zone_moves_slowly(say):
    assert 0.0 < say(stick=np.array([0.0, 0.17])).velocity_m_s[0] < 0.03


def test_triggers_close_grippers_without_fluttering(say):
    openings = [say(trigger=trigger).gripper_opening.tolist() for trigger in (0.5, 0.7, 0.5, 0.3, 0.5)]
    assert openings == [[1, 1], [0, 0], [0, 0], [1, 1], [1, 1]]


def test_a_hand_out_of_sight_keeps_what_it_holds_and_stops_walking(say):
    say(squeeze=1.0)
    say(squeeze=1.0, trigger=1.0, stick=np.array([0.0, 1.0]))
    command = say(hands=("right",), squeeze=1.0, trigger=0.0)
    assert command.gripper_opening.tolist() == [0.0, 1.0]
    np.testing.assert_array_equal(command.velocity_m_s, 0.0)
    assert command.grips[0] is not None


@pytest.mark.parametrize(("config", "text"), [({"eye_height_m": 164.0}, "eye_height_m"), ({"dead_zone": 1.0}, "dead_")])
def test_bad_configs_are_refused(config, text):
    with pytest.raises(InputError, match=text):
        HeadAndHandsConfig(**config)
