"""People with devices whose samples are known, as sources of references."""

from dataclasses import replace

import numpy as np
import pytest
from conformance.reference_sources import STANDING, ReferenceSourceConformance, observation
from fakes import SteppedClock

from hlm.control.body_command import BodyCommand
from hlm.control.commanded_body.start import standing_configuration
from hlm.control.model import BodyModel, Configuration
from hlm.core.clock import due_ns
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.inputs import MAX_DEVICE_AGE_S
from hlm.core.layout import LEFT_LEG, MOTOR_ORDER, ROOT_YAW_RATE
from hlm.teleop.commanded_person import CommandedPerson
from hlm.teleop.devices.device import DeviceSample
from hlm.teleop.freshness import Freshness
from hlm.teleop.keypoint_person import KeypointPerson
from hlm.teleop.keypoints.body_keypoints import KEYPOINTS
from hlm.teleop.keypoints.calibration import Calibration
from hlm.teleop.keypoints.robot_keypoints import keypoints_of

MODEL = BodyModel(UNITREE_G1)


class FakeDevice:
    """Says what it is told to, stamped with its clock unless it is silent."""

    name, cannot, trouble = "fake", (), ""

    def __init__(self, motion=None):
        self.clock, self.motion, self.silent_ns = SteppedClock(), motion, None

    def read(self):
        if self.motion is None:
            return None
        stamp_ns = self.clock.now_ns() if self.silent_ns is None else self.silent_ns
        motion = self.motion(stamp_ns) if callable(self.motion) else self.motion
        return DeviceSample(stamp_ns=stamp_ns, motion=motion)


def stepped(person, device, steps, first=0):
    """[step, 34] references of the person, with the device's clock beside the robot's."""
    vectors = []
    for step in range(first, first + steps):
        device.clock.wait_until(due_ns(0, step + 1, 30.0))
        vectors.append(person.reference(observation(step)).vector)
    return np.array(vectors)


def begun(person, device, following=True):
    (person.follow if following else person.hold)()
    person.reset(observation(0))
    return person, device


def commanded(command=None, following=True):
    device = FakeDevice(BodyCommand() if command is None else command)
    return begun(CommandedPerson(device, device.clock, UNITREE_G1), device, following)


class TestCommandedPerson(ReferenceSourceConformance):
    ends = False

    @pytest.fixture
    def make_source(self):
        return lambda: commanded(BodyCommand(pelvis_height_m=0.6))[0]


class TestKeypointPerson(ReferenceSourceConformance):
    ends = False

    @pytest.fixture
    def make_source(self):
        return lambda: bodily()[0]


def test_commands_are_followed_and_held_ones_are_kept():
    person, device = commanded(BodyCommand(pelvis_height_m=0.6))
    squatting = stepped(person, device, 60)[-1]
    assert abs(squatting[LEFT_LEG][3] - STANDING[LEFT_LEG][3]) > 0.3, "the knee"
    person.hold()
    device.motion = BodyCommand()
    held = stepped(person, device, 60, first=60)[-1]
    np.testing.assert_allclose(held, squatting, atol=0.02)
    person.follow()
    risen = stepped(person, device, 60, first=120)[-1]
    assert abs(risen[LEFT_LEG][3] - squatting[LEFT_LEG][3]) > 0.3


class PosedDevice(FakeDevice):
    """Keeps what it is set to, as handles do."""

    def pose(self, command):
        self.motion = command


def test_handles_of_the_episode_before_are_let_go():
    device = PosedDevice(BodyCommand(pelvis_height_m=0.6, gripper_opening=np.array([0.0, 1.0])))
    person, _ = begun(CommandedPerson(device, device.clock, UNITREE_G1), device)
    assert device.motion.pelvis_height_m is None
    np.testing.assert_array_equal(device.motion.gripper_opening, [1.0, 1.0])
    device.motion = BodyCommand(pelvis_height_m=0.6)
    squatting = stepped(person, device, 90)
    person.reset(observation(0))
    device.clock = person._fresh._clock = SteppedClock()
    assert device.motion.pelvis_height_m is None
    knee = LEFT_LEG.start + 3
    assert stepped(person, device, 90)[-1, knee] < squatting[-1, knee] - 0.3


def test_a_walk_of_a_device_that_falls_silent_ends_with_both_feet_on_the_floor():
    person, device = commanded(BodyCommand(velocity_m_s=np.array([0.2, 0.0])))
    assert np.ptp(stepped(person, device, 90)[:, LEFT_LEG], axis=0).max() > 0.2, "it walks"
    assert person.trouble == ""
    device.silent_ns = device.clock.now_ns()
    stepped(person, device, 120, first=90)
    assert person.trouble.startswith("fake has been silent for 4.0 s")
    assert np.ptp(stepped(person, device, 30, first=210)[:, LEFT_LEG], axis=0).max() < 0.01, "it stands"


def test_nothing_is_ever_far_from_the_reference_before():
    rng = np.random.default_rng(3)
    person, device = commanded()
    vectors = []
    for step in range(300):
        if step % 20 == 0:
            device.motion = BodyCommand(
                pelvis_height_m=rng.uniform(0.4, 0.8),
                pelvis_pitch_rad=rng.uniform(-0.5, 0.8),
                waist_rad=rng.uniform(-1.0, 1.0, 3),
                gripper_opening=rng.uniform(size=2),
            )
            (person.follow if rng.uniform() < 0.7 else person.hold)()
        vectors.append(stepped(person, device, 1, first=step)[0])
    joints = np.delete(np.array(vectors), [7, 15, ROOT_YAW_RATE], axis=1)
    # Free arms find new ways quickly; the tracker slows what is faster than 0.2 rad a step.
    assert np.abs(np.diff(joints, axis=0)).max() < 0.35, "rad in a thirtieth of a second"


def bodily(following=True, calibrated=True, width=1.0):
    """A person as large as the robot, who stands with feet that are this much wider than the robot's."""
    joints = np.array(UNITREE_G1.default_rad)
    joints[[1, 5]] += width - 1.0  # left hip and ankle roll
    joints[[5]] -= 2.0 * (width - 1.0)
    pose = Configuration(
        position_pelvis_in_world_m=np.array([0.0, 0.0, UNITREE_G1.standing_height_m]),
        quat_world_from_pelvis_wxyz=np.array([1.0, 0.0, 0.0, 0.0]),
        joint_position_rad=joints,
    )
    device = FakeDevice(lambda stamp_ns: keypoints_of(MODEL, pose, stamp_ns))
    frames = [keypoints_of(MODEL, Configuration.standing(UNITREE_G1), due_ns(0, step, 30.0)) for step in range(62)]
    calibration = Calibration.from_standing(frames, UNITREE_G1) if calibrated else None
    return begun(KeypointPerson(device, device.clock, UNITREE_G1, calibration), device, following)


def test_a_person_is_measured_before_they_are_followed():
    person, device = bodily(calibrated=False)
    np.testing.assert_allclose(stepped(person, device, 30)[-1], STANDING, atol=1e-9)
    assert person.trouble == "stand upright and still for two seconds, to be measured"
    assert person.live is None
    stepped(person, device, 45, first=30)
    assert person.trouble == ""
    assert person.live is not None


def test_while_it_holds_the_person_is_known_and_not_followed():
    person, device = bodily(following=False)
    np.testing.assert_allclose(stepped(person, device, 30)[-1], STANDING, atol=1e-9)
    assert person.live is not None


def test_an_episode_does_not_depend_on_the_one_before_it():
    """A person who moves, and ends elsewhere than where they began."""
    person, device = bodily()
    wide_m = {"left_wrist": 0.3, "right_wrist": -0.2}

    def moving(stamp_ns):
        frame = keypoints_of(MODEL, Configuration.standing(UNITREE_G1), stamp_ns)
        points_m = frame.position_in_world_m.copy()
        for name, far_m in wide_m.items():
            points_m[KEYPOINTS.index(name)] += min(stamp_ns / 2e9, 1.0) * np.array([0.2, far_m, 0.3])
        return replace(frame, position_in_world_m=points_m)

    device.motion = moving
    episodes = []
    for _ in range(2):
        device.clock = person._fresh._clock = SteppedClock()  # as of a simulation that begins anew
        person.reset(observation(0))
        episodes.append(stepped(person, device, 90))
    np.testing.assert_array_equal(episodes[0], episodes[1])


def test_a_silent_device_holds_and_is_joined_again_without_a_jump():
    person, device = bodily()
    before = stepped(person, device, 60)
    device.silent_ns = device.clock.now_ns()
    silent = stepped(person, device, 60, first=60)
    np.testing.assert_allclose(silent[30:], np.tile(silent[-1], (30, 1)), atol=1e-9)
    assert "fake has been silent" in person.trouble
    device.silent_ns = None
    after = stepped(person, device, 60, first=120)
    steps = np.abs(np.diff(np.concatenate([before[-1:], silent, after]), axis=0))
    assert steps.max() < 0.1
    np.testing.assert_allclose(after[-1], person.live, atol=1e-6)


@pytest.mark.parametrize("cause", ["hold", "silence"])
def test_who_is_held_in_mid_stride_stands_on_both_feet(cause):
    person, device = bodily()
    standing = device.motion
    stepped(person, device, 20)
    device.motion = lambda stamp_ns: keypoints_of(MODEL, bent(0.9), stamp_ns)
    raised = stepped(person, device, 20, first=20)
    assert sole_m(raised[-1]) > 0.08
    if cause == "hold":
        person.hold()
    else:
        device.silent_ns = device.clock.now_ns()
    held = stepped(person, device, 60, first=40)
    assert abs(sole_m(held[-1])) < 0.002
    person.follow()
    device.silent_ns, device.motion = None, standing
    after = stepped(person, device, 50, first=100)
    np.testing.assert_allclose(after[-1], person.live, atol=1e-6)
    steps = np.abs(np.diff(np.concatenate([raised[-1:], held, after]), axis=0))
    assert steps.max() < 0.1


def bent(knee_rad):
    """The robot that stands with its left foot in the air."""
    joints = np.array(UNITREE_G1.default_rad)
    joints[[MOTOR_ORDER.index(f"left_{name}") for name in ("hip_pitch", "knee", "ankle_pitch")]] += knee_rad * np.array(
        [-0.5, 1.0, -0.5]
    )
    return replace(Configuration.standing(UNITREE_G1), joint_position_rad=joints)


def sole_m(vector):
    """Height of the left foot above the right one."""
    configuration = standing_configuration(MODEL, vector)
    left, right = (MODEL.pose_world_from(f"{side}_sole", configuration)[2, 3] for side in ("left", "right"))
    return left - right


def test_a_device_that_never_spoke_is_late_from_the_start():
    device = FakeDevice()
    fresh = Freshness(device, device.clock)
    assert fresh.look() is None
    assert fresh.late
    assert fresh.trouble == "fake has said nothing yet"
    device.motion = BodyCommand()
    fresh.look()
    assert not fresh.late
    device.silent_ns = 0
    device.clock.wait_until(round((MAX_DEVICE_AGE_S + 0.1) * 1e9))
    fresh.look()
    assert fresh.late
