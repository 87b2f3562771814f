"""What a learned tracker shows its network, and what it makes of the answer; the network is a fake."""

import numpy as np
import pytest

from hlm.control.learned_tracker.learned_tracker import LearnedTracker
from hlm.control.learned_tracker.observation import (
    LATENCY_SLOTS,
    OBSERVATIONS,
    PREVIEW_SLOTS,
    TERMS,
    TRACKER_HZ,
    action_scale_rad,
    features_of,
    observation_of,
    target_of,
)
from hlm.control.learned_tracker.reference_window import ReferenceWindow
from hlm.core.clock import NS_PER_S, STEP_HZ
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError, TrackingError
from hlm.core.layout import MOTOR_ORDER, NAMES, pack
from hlm.core.rotations import quat_from_roll_pitch_yaw
from hlm.core.values import Reference, RobotState

SLICES = dict(zip([name for name, _ in TERMS], np.cumsum([0, *(size for _, size in TERMS)]), strict=False))


def state_at(stamp_ns=0, joints=UNITREE_G1.default_rad, roll_pitch_yaw=(0.0, 0.0, 0.0), gyro=(0.0, 0.0, 0.0)):
    velocity = 100.0 + np.arange(29.0)
    quat = quat_from_roll_pitch_yaw(np.array(roll_pitch_yaw))
    return RobotState(stamp_ns, joints, velocity, quat, np.array(gyro))


def numbered(step):
    """A reference that names itself: joint j of step s is s + j / 100."""
    return pack(step + np.arange(29) / 100.0, np.array([0.25, 0.75]), step + np.array([0.5, 0.6, 0.7]))


def pushed(tracker, steps):
    """References that rise by a hundredth with each step, so that a robot could be asked for them."""
    for step in range(steps):
        tracker.push(Reference(round(step * NS_PER_S / STEP_HZ), numbered(0.01 * step)))


class Asked:
    """A network that notes what it is shown, and answers with the number of the question in every joint."""

    def __init__(self):
        self.seen = []

    def __call__(self, observation):
        self.seen.append(observation)
        return np.full(29, 0.01 * len(self.seen))


class TestObservation:
    def test_each_part_stands_where_the_terms_say(self):
        state = state_at(joints=UNITREE_G1.default_rad + np.arange(29), gyro=(1.0, 2.0, 3.0))
        vectors = np.array([numbered(step) for step in range(len(PREVIEW_SLOTS))])
        seen = observation_of(vectors, state, np.arange(29) + 0.5, UNITREE_G1.default_rad)
        parts = np.split(seen, np.cumsum([size for _, size in TERMS])[:-1])
        reference, gyro, gravity, position, velocity, action = parts
        assert len(seen) == OBSERVATIONS == 253
        np.testing.assert_allclose(reference[:29], np.arange(29) / 100.0 - UNITREE_G1.default_rad)
        np.testing.assert_allclose(reference[29:32], [0.5, 0.6, 0.7])
        np.testing.assert_allclose(reference[-3:], 4 + np.array([0.5, 0.6, 0.7]))
        np.testing.assert_allclose(gyro, [1, 2, 3])
        np.testing.assert_allclose(gravity, [0, 0, -1])
        np.testing.assert_allclose(position, np.arange(29))
        np.testing.assert_allclose(velocity, 100 + np.arange(29))
        np.testing.assert_allclose(action, np.arange(29) + 0.5)

    def test_gravity_is_that_of_the_pelvis_and_knows_no_heading(self):
        vectors = np.tile(numbered(0), (len(PREVIEW_SLOTS), 1))
        at = SLICES["gravity"]
        for yaw in (0.0, 2.0):
            seen = observation_of(vectors, state_at(roll_pitch_yaw=(0.0, 0.3, yaw)), np.zeros(29), np.zeros(29))
            np.testing.assert_allclose(seen[at : at + 3], [np.sin(0.3), 0.0, -np.cos(0.3)], atol=1e-12)

    def test_grippers_are_not_seen(self):
        one, other = numbered(3), numbered(3)
        other[[NAMES.index("left_gripper"), NAMES.index("right_gripper")]] = 0.0
        np.testing.assert_array_equal(features_of(one, np.zeros(29)), features_of(other, np.zeros(29)))

    def test_an_action_of_one_is_a_quarter_of_the_angle_that_takes_all_torque(self):
        knee = MOTOR_ORDER.index("left_knee")
        joint = UNITREE_G1.joints[knee]
        scale = action_scale_rad(UNITREE_G1)[knee]
        assert scale * joint.kp_nm_rad == pytest.approx(0.25 * joint.motor.effort_nm)
        action = np.zeros(29)
        action[knee] = 1.0
        assert target_of(action, UNITREE_G1)[knee] == pytest.approx(joint.default_rad + scale)

    def test_targets_stay_within_the_limits(self):
        np.testing.assert_array_equal(target_of(np.full(29, 1e3), UNITREE_G1), UNITREE_G1.upper_rad)
        np.testing.assert_array_equal(target_of(np.full(29, -1e3), UNITREE_G1), UNITREE_G1.lower_rad)


class TestReferenceWindow:
    @pytest.fixture
    def window(self):
        window = ReferenceWindow()
        window.start(0, numbered(0))
        return window

    def fill(self, window, until_s):
        for step in range(int(until_s * STEP_HZ + 1e-9) + 1):
            if (stamp := round(step * NS_PER_S / STEP_HZ)) > self.newest_ns:
                window.push(Reference(stamp, numbered(step)))
                self.newest_ns = stamp

    @pytest.fixture(autouse=True)
    def nothing_pushed(self):
        self.newest_ns = -1

    def test_a_regular_stream_is_seen_as_it_was_sent_and_nothing_of_it_is_held(self, window):
        for tick in range(200):
            self.fill(window, tick / TRACKER_HZ)
            if tick >= LATENCY_SLOTS:
                slots = tick - LATENCY_SLOTS + np.array(PREVIEW_SLOTS)
                wanted = slots * STEP_HZ / TRACKER_HZ  # `numbered` rises by 1 with each step
                np.testing.assert_allclose(window.at(tick)[:, NAMES.index("left_hip_pitch")], wanted, atol=1e-6)

    def test_before_the_latency_has_passed_the_start_is_played(self, window):
        self.fill(window, 0.1)
        np.testing.assert_allclose(window.at(3)[0], numbered(0))

    def test_a_stream_that_stops_is_held(self, window):
        self.fill(window, 1.0)
        window.at(40)
        for tick in (80, 500):
            np.testing.assert_allclose(window.at(tick), np.tile(numbered(30), (len(PREVIEW_SLOTS), 1)), atol=1e-6)

    def test_after_a_gap_the_stream_goes_on(self, window):
        self.fill(window, 1.0)
        window.at(100)
        window.push(Reference(3 * NS_PER_S, numbered(90)))
        assert window.at(200)[-1][NAMES.index("left_hip_pitch")] == pytest.approx(90.0)

    def test_what_has_been_played_is_forgotten(self, window):
        for tick in range(1000):
            self.fill(window, tick / TRACKER_HZ)
            window.at(tick)
        assert len(window._slots) < 20


class TestTracker:
    @pytest.fixture
    def network(self):
        return Asked()

    @pytest.fixture
    def tracker(self, network):
        tracker = LearnedTracker(UNITREE_G1, network)
        tracker.reset(state_at())
        return tracker

    def test_the_network_is_asked_at_half_the_ticks_and_holds_between(self, tracker, network):
        pushed(tracker, 30)
        commands = [tracker.step(state_at(tick * 10_000_000)) for tick in range(20)]
        assert len(network.seen) == 10
        for first, second in zip(commands[::2], commands[1::2], strict=True):
            np.testing.assert_array_equal(first.joint_position_rad, second.joint_position_rad)
        assert commands[1].stamp_ns == 10_000_000

    def test_a_measurement_that_jitters_is_asked_about_as_often(self, tracker, network):
        pushed(tracker, 30)
        jitter_ns = np.random.default_rng(3).integers(-2_000_000, 2_000_000, 50)
        for tick in range(1, 50):
            tracker.step(state_at(int(tick * 10_000_000 + jitter_ns[tick])))
        assert len(network.seen) == 25

    def test_it_sees_its_own_last_action(self, tracker, network):
        pushed(tracker, 30)
        for tick in range(4):
            tracker.step(state_at(tick * 20_000_000))
        assert [seen[-1] for seen in network.seen] == [0.0, 0.01, 0.02, 0.03]

    def test_a_late_tick_sees_what_is_due_then(self, tracker, network):
        pushed(tracker, 30)
        for stamp_ns in (0, 400_000_000, 800_000_000):
            tracker.step(state_at(stamp_ns))
        assert network.seen[2][29] == pytest.approx(
            0.01 * 0.6 * STEP_HZ + 0.5, abs=1e-6
        )  # roll of what was due 0.2 s before

    def test_the_gains_are_the_robots_and_the_hands_follow(self, tracker):
        pushed(tracker, 30)
        tracker.step(state_at(400_000_000))
        command = tracker.step(state_at(800_000_000))
        np.testing.assert_array_equal(command.kp_nm_rad, UNITREE_G1.kp_nm_rad)
        np.testing.assert_array_equal(command.kd_nm_s_rad, UNITREE_G1.kd_nm_s_rad)
        np.testing.assert_array_equal(command.torque_nm, np.zeros(29))
        np.testing.assert_allclose(command.gripper_opening, [0.25, 0.75])

    def test_a_fall_ends_it(self, tracker):
        with pytest.raises(TrackingError, match="has fallen"):
            tracker.step(state_at(roll_pitch_yaw=(0.0, 1.2, 0.0)))

    def test_a_network_that_gives_nonsense_ends_it(self):
        tracker = LearnedTracker(UNITREE_G1, lambda _: np.full(29, np.nan))
        tracker.reset(state_at())
        with pytest.raises(TrackingError, match="not finite"):
            tracker.step(state_at())

    def test_references_of_another_clock_are_refused(self, tracker):
        with pytest.raises(InputError, match=r"2.00 s ahead"):
            tracker.push(Reference(2 * NS_PER_S, numbered(0)))
