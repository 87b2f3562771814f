"""Laws of a stream of frames, seen by what plays it as SONIC does."""

import numpy as np
import pytest
from fakes_sonic import SonicWindow
from fakes_streaming import ELBOW, LEFT_ELBOW, STANDING, Session, sine

from hlm.control.reference_range import ReferenceRange
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.rotations import roll_pitch_yaw_from_quat
from hlm.core.streaming import StreamFrames
from hlm.robots.sonic.pose_message import pack_pose
from hlm.runtime.safety.reference_limits import JOINT_SPEED_SHARE

LATENCY_S = 2 / 30 + 0.01


def fitted(time_s, values, frequency_hz):
    """Amplitude, and by how many seconds it is late."""
    omega = 2 * np.pi * frequency_hz
    basis = np.stack([np.sin(omega * time_s), np.cos(omega * time_s), np.ones_like(time_s)], 1)
    sine_part, cosine_part, _ = np.linalg.lstsq(basis, values, rcond=None)[0]
    return np.hypot(sine_part, cosine_part), -np.arctan2(cosine_part, sine_part) / omega


def apart(one, two, period):
    """How far two phases are apart."""
    return abs((one - two + period / 2) % period - period / 2)


@pytest.mark.parametrize("frequency_hz", [0.5, 1.0, 2.0])
def test_a_sine_arrives_with_its_amplitude_phase_and_speed(frequency_hz):
    session = Session(sine(frequency_hz, 0.1))
    session.reset()
    session.run(8.0)
    played = [row for row in session.played if row[0] > 2.0]
    time_s = np.array([row[0] for row in played])
    amplitude, late_s = fitted(time_s, [row[2][LEFT_ELBOW] for row in played], frequency_hz)
    speed, speed_late_s = fitted(time_s, [row[3][LEFT_ELBOW] for row in played], frequency_hz)
    assert amplitude == pytest.approx(0.1, rel=3e-3)
    assert speed == pytest.approx(0.1 * 2 * np.pi * frequency_hz, rel=2e-2)
    assert apart(speed_late_s + 0.25 / frequency_hz, late_s, 1 / frequency_hz) < 2e-3
    whole_s = LATENCY_S + 12 / 50 + 0.02  # ours, the cursor's, and the tick
    assert apart(late_s, whole_s, 1 / frequency_hz) < 2e-3
    assert session.window.resets == 1


def test_thirty_frames_a_second_read_as_fifty_are_late_and_stutter():
    # The client that this replaces sends each 30 Hz action as a frame of its own.
    window, played = SonicWindow(), []
    for slot in range(400):
        if int(slot * 0.6) > int((slot - 1) * 0.6) or not slot:
            index = int(slot * 0.6)
            rows = [sine(1.0, 0.1)(number / 30)[ELBOW] for number in (index - 1, index)]
            position = np.tile(UNITREE_G1.default_rad, (2, 1))
            position[:, LEFT_ELBOW] = rows
            velocity = np.zeros((2, 29))
            velocity[:, LEFT_ELBOW] = (rows[1] - rows[0]) * 30
            window.take(pack_pose(StreamFrames(index - 1, position, velocity, [[1.0, 0, 0, 0]] * 2, np.ones(2))))
        cursor = window.cursor
        played.append((slot * 0.02, cursor, *window.step()))
    late = [row for row in played if row[0] > 2.0]
    _, late_s = fitted(np.array([row[0] for row in late]), [row[2][LEFT_ELBOW] for row in late], 1.0)
    assert late_s == pytest.approx(0.38, abs=0.03)
    again = np.diff([row[1] for row in late])
    assert np.mean(again == 0) == pytest.approx(0.4, abs=0.02)  # steps in which the cursor stands still
    moved = np.array([row[2][LEFT_ELBOW] for row in late])
    told = np.array([row[3][LEFT_ELBOW] for row in late])
    moving = again > 0
    # While the cursor moves, positions run 1.67 times as fast as the velocities say.
    assert np.polyfit(told[1:][moving], np.diff(moved)[moving] * 50, 1)[0] == pytest.approx(5 / 3, rel=0.05)


def test_numbers_go_up_by_one_at_fifty_a_second_whatever_the_jitter():
    jitter = np.random.default_rng(0).uniform(0.0, 0.012, 1000)
    session = Session(sine(1.0), late=lambda slot: jitter[slot])
    session.reset()
    session.run(10.0)
    assert list(session.window.indices) == list(range(session.window.indices[-1] + 1))
    assert session.window.indices[-1] == 499
    assert session.window.resets == 1
    assert all(len(frames) == 2 for frames in session.messages[1:])


def test_slots_that_were_missed_are_sent_along():
    session = Session(sine(1.0), late=lambda slot: 0.001 * (slot > 0))
    session.reset()
    session.run(4.0, skipped={100, 101, 102, 103})
    whole = Session(sine(1.0), late=lambda slot: 0.001 * (slot > 0))
    whole.reset()
    whole.run(4.0)
    assert session.window.resets == 1
    assert list(session.window.indices) == list(range(200))
    np.testing.assert_allclose(session.newest()[0][-1], whole.newest()[0][-1])


def test_one_lost_message_changes_nothing_and_two_start_the_heading_again():
    runs = {}
    for name, lost in (("none", ()), ("one", (90, 120)), ("two", (90, 91))):
        session = Session(sine(1.0))
        session.reset()
        runs[name] = session.run(4.0, lost=lost)
    assert runs["one"].window.resets == 1
    assert runs["two"].window.resets == 2
    assert runs["one"].window.indices == runs["none"].window.indices
    # The cursor waits for a frame that is late, and nothing is left out.
    played = [{row[1]: tuple(row[2]) for row in runs[name].played} for name in ("one", "none")]
    assert all(played[0][number] == played[1][number] for number in played[0])
    assert len(played[0]) >= len(played[1]) - 2


def test_a_turn_is_the_integral_of_its_rate():
    def turning(time_s):
        vector = STANDING.copy()
        vector[33] = 0.5 * np.sin(2 * np.pi * 0.5 * time_s)
        return vector

    session = Session(turning)
    session.reset()
    session.run(16.0)
    heading = np.unwrap(roll_pitch_yaw_from_quat(session.newest()[2])[:, 2])
    whole_turns = heading[100::100]
    assert np.ptp(whole_turns) < 1e-3
    assert np.ptp(heading[100:]) == pytest.approx(2 * 0.5 / np.pi, rel=1e-2)


def test_no_frame_leaves_the_limits_whatever_comes():
    rng = np.random.default_rng(5)
    limits = ReferenceRange(UNITREE_G1)
    session = Session(lambda _: np.clip(rng.normal(scale=5.0, size=34), limits.lower - 0.9, limits.upper + 0.9))
    session.reset()
    session.run(10.0)
    position, velocity, _ = session.newest()
    assert (position >= UNITREE_G1.lower_rad - 1e-6).all()
    assert (position <= UNITREE_G1.upper_rad + 1e-6).all()
    top = JOINT_SPEED_SHARE * UNITREE_G1.velocity_rad_s
    assert (np.abs(np.diff(position, axis=0)) <= top * 0.02 + 1e-6).all()
    assert (np.abs(velocity) <= top + 1e-5).all()
    assert np.ptp(position, axis=0).min() > 0.1


def test_it_starts_where_the_robot_stands_and_eases_to_the_first_reference():
    away = STANDING.copy()
    away[ELBOW] += 0.5
    session = Session(lambda _: away)
    session.reset()
    session.run(3.0)
    elbow = session.newest()[0][:, LEFT_ELBOW] - UNITREE_G1.default_rad[LEFT_ELBOW]
    assert elbow[0] == pytest.approx(0.0, abs=1e-6)
    assert np.abs(np.diff(elbow)).max() < 0.5 * 1.5 / 0.5 * 0.02 * 1.02
    assert elbow[-1] == pytest.approx(0.5, abs=1e-6)
