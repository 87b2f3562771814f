"""What a commanded body is allowed to do, and how fast."""

from __future__ import annotations

from dataclasses import dataclass, field

from hlm.control.checks import require_positive
from hlm.control.commanded_body.following import Pace
from hlm.control.inverse_kinematics import IKConfig
from hlm.control.walking_pattern import GaitConfig
from hlm.core.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class PelvisLimits:
    """Ranges of the pelvis, (least, largest).

    Attributes:
        height_m: above the soles.
        roll_rad: lean to the right.
        pitch_rad: lean ahead.
    """

    height_m: tuple[float, float]
    roll_rad: tuple[float, float]
    pitch_rad: tuple[float, float]

    def __post_init__(self) -> None:
        """Check that each range is one."""
        for name in self.__slots__:
            low, high = getattr(self, name)
            if not low < high:
                raise InputError(f"PelvisLimits.{name} must be (least, largest), got {(low, high)}.")


_STANDING = PelvisLimits(height_m=(0.45, 0.755), roll_rad=(-0.15, 0.15), pitch_rad=(-0.1, 0.6))
_WALKING = PelvisLimits(height_m=(0.66, 0.745), roll_rad=(-0.03, 0.03), pitch_rad=(-0.05, 0.15))
_ONE_FOOT = PelvisLimits(height_m=(0.66, 0.71), roll_rad=(-0.03, 0.03), pitch_rad=(-0.05, 0.1))
_IK = IKConfig(
    com_weight_per_m=40.0,
    pelvis_height_weight_per_m=20.0,
    pelvis_rotation_weight_per_rad=6.0,
    sole_position_weight_per_m=60.0,
    sole_rotation_weight_per_rad=15.0,
    posture_weight_per_rad=0.1,
    free_arm_weight_per_rad=0.3,
    waist_tilt_weight_per_rad=0.3,
    damping_weight_per_rad=0.5,
)
_COM = Pace(frequency_rad_s=5.0, max_speed=0.15, max_acceleration=0.5)
_HEIGHT = Pace(frequency_rad_s=6.0, max_speed=0.3, max_acceleration=1.2)
_LEAN = Pace(frequency_rad_s=6.0, max_speed=0.6, max_acceleration=2.5)
_WAIST = Pace(frequency_rad_s=8.0, max_speed=1.0, max_acceleration=5.0)
_HAND = Pace(frequency_rad_s=12.0, max_speed=1.5, max_acceleration=12.0)
_WALKING_HAND = Pace(frequency_rad_s=8.0, max_speed=0.5, max_acceleration=3.0)
_HAND_TURN = Pace(frequency_rad_s=12.0, max_speed=4.0, max_acceleration=40.0)
_FOOT = Pace(frequency_rad_s=8.0, max_speed=0.3, max_acceleration=2.0)
_GRIPPER = Pace(frequency_rad_s=20.0, max_speed=4.0, max_acceleration=80.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandedBodyConfig:
    """Limits and paces of `CommandedBody`. What they stand on is measured in docs/commanded_body.md.

    Attributes:
        gait: timing and size of steps.
        posture: name of the embodiment's pose that hanging arms keep.
        waist_pitch_rad: of the torso when nothing is asked of the waist.
        upright_m: height of the pelvis above the soles when none is asked.
        standing: ranges of the pelvis over two standing feet.
        walking: ranges of the pelvis while it walks.
        one_foot: ranges of the pelvis while a foot is lifted.
        sideways_drop_s: how much lower the pelvis is in m for each m/s of a sideways walk: its steps are wide.
        reach: how far from the shoulder a hand is sent at most, as a share of the arm's length. What is farther is
            reached for, and does not pull the pelvis along.
        walking_reach: the same while it walks or stands on one foot: hands stay beside the body.
        max_ahead_m_s: fastest walk ahead.
        max_back_m_s: fastest walk backwards.
        max_sideways_m_s: fastest walk to a side.
        max_turn_rad_s: fastest turn.
        least_speed: share of these below which it does not begin to walk.
        unevenness: share by which steps to the outside are longer, and those to the inside shorter, in sideways walks
            and turns: feet that alternate evenly would come too close to each other.
        zmp_room_m: how far ahead and to a side of the middle of a foot the weight may press while a walk changes: it
            changes its velocity no faster than that.
        com: pace of the centre of mass while no foot steps, m.
        height: pace of the pelvis' height, m.
        lean: pace of roll and pitch of the pelvis, rad.
        waist: pace of the waist's joints, rad.
        hand: pace of the hands, m.
        walking_hand: the same while it walks or stands on one foot, m.
        hand_turn: pace of the hands' orientations, rad.
        foot: pace of a foot that is lifted, m and rad.
        gripper: pace of the grippers' openings.
        max_waist_rad: largest yaw, roll and pitch of the waist.
        hands_waist_rad: how far hands may turn yaw, roll and pitch of the waist away from where it should be.
        hand_leash_m: how far the target of a hand may be ahead of the hand itself. A hand that cannot follow would pull
            the whole body along, and throw it when it is let go.
        shoulder_roll_rad: how far inwards and outwards an upper arm may roll: beyond that arms fold over each other.
        self_distance_m: arms stop where they would come nearer than this to the body or to each other.
        ik: weights of the inverse kinematics. Against its defaults, feet, balance and pelvis count so much more than
            hands that these do not move them. An arm that hangs is not swung by the other one. As each pose begins near
            the last one, it is damped so much more that no elbow swings to and fro where an arm is nearly straight, and
            the posture counts more, else it would hardly come back.
        leg_speed_share: fastest joints of the legs, as a share of their motors' top speeds; 0.3 is what the limits of
            references let through.
        waist_speed_rad_s: fastest joints of the waist. A hand may be commanded through a place where the arm has to
            fold anew: there it lags, else arms and waist would swing the body off its feet.
        arm_speed_rad_s: fastest joints of the arms.
        walking_arm_speed_rad_s: the same while it walks or stands on one foot.
    """

    gait: GaitConfig = field(default_factory=lambda: GaitConfig(rest_s=0.4))
    posture: str = "manipulation"
    waist_pitch_rad: float = 0.1
    upright_m: float = 0.74
    standing: PelvisLimits = _STANDING
    walking: PelvisLimits = _WALKING
    one_foot: PelvisLimits = _ONE_FOOT
    sideways_drop_s: float = 0.2
    reach: float = 1.03
    walking_reach: float = 0.8
    max_ahead_m_s: float = 0.3
    max_back_m_s: float = 0.2
    max_sideways_m_s: float = 0.12
    max_turn_rad_s: float = 0.4
    least_speed: float = 0.1
    unevenness: float = 0.2
    zmp_room_m: tuple[float, float] = (0.03, 0.012)
    com: Pace = _COM
    height: Pace = _HEIGHT
    lean: Pace = _LEAN
    waist: Pace = _WAIST
    hand: Pace = _HAND
    walking_hand: Pace = _WALKING_HAND
    hand_turn: Pace = _HAND_TURN
    foot: Pace = _FOOT
    gripper: Pace = _GRIPPER
    max_waist_rad: tuple[float, float, float] = (1.0, 0.3, 0.4)
    hands_waist_rad: tuple[float, float, float] = (0.6, 0.15, 0.3)
    hand_leash_m: float = 0.1
    shoulder_roll_rad: tuple[float, float] = (0.35, 1.7)
    self_distance_m: float = 0.015
    ik: IKConfig = _IK
    leg_speed_share: float = 0.3
    waist_speed_rad_s: float = 1.5
    arm_speed_rad_s: float = 5.0
    walking_arm_speed_rad_s: float = 3.0

    def __post_init__(self) -> None:
        """Check ranges."""
        positive: tuple[str, ...] = (
            "upright_m",
            "max_ahead_m_s",
            "max_back_m_s",
            "max_sideways_m_s",
            "max_turn_rad_s",
            "max_waist_rad",
        )
        positive += ("hands_waist_rad", "hand_leash_m", "shoulder_roll_rad", "self_distance_m")
        speeds = ("leg_speed_share", "waist_speed_rad_s", "arm_speed_rad_s", "walking_arm_speed_rad_s")
        require_positive(self, *positive, *speeds, "zmp_room_m")
        if not 0.0 <= self.least_speed < 1.0 or not 0.0 <= self.unevenness <= 1.0:
            raise InputError(
                f"least_speed {self.least_speed} must be in [0, 1) and unevenness {self.unevenness} in [0, 1]."
            )
