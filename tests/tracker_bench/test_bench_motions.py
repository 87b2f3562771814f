"""Motions of the tracker's bench: pure functions on trajectories, streams and recordings."""

import numpy as np
import pytest

from hlm.control.model import Configuration
from hlm.control.self_distance import SelfDistance
from hlm.core.clock import STEP_HZ
from hlm.core.embodiments.catalog import find_embodiment
from hlm.core.layout import JOINT_INDEX, MOTOR_ARMS, MOTOR_ORDER
from hlm.core.rotations import quat_from_roll_pitch_yaw, roll_pitch_yaw_from_quat

EMBODIMENT = find_embodiment("unitree_g1")


class TestTrajectories:
    def test_a_mirror_is_its_own_inverse_and_swaps_left_and_right(self, part, trajectory):
        tj = part("trajectory")
        once = tj.mirrored(trajectory)
        assert np.allclose(tj.mirrored(once), trajectory)
        left, right = (7 + MOTOR_ORDER.index(f"{side}_knee") for side in ("left", "right"))
        assert np.allclose(once[:, left], trajectory[:, right])
        assert np.allclose(
            roll_pitch_yaw_from_quat(once[:, 3:7])[:, 2], -roll_pitch_yaw_from_quat(trajectory[:, 3:7])[:, 2]
        )

    def test_the_soles_of_a_mirrored_pose_are_the_mirror_images(self, part, model, trajectory):
        tj = part("trajectory")
        pose, other = (tj.configuration(rows[10]) for rows in (trajectory, tj.mirrored(trajectory)))
        left = model.pose_world_from("left_sole", pose)[:3, 3]
        right = model.pose_world_from("right_sole", other)[:3, 3]
        assert np.allclose(left * [1, -1, 1], right, atol=1e-9)

    def test_half_the_speed_takes_twice_as_long_and_ends_alike(self, part, trajectory):
        slow = part("trajectory").resampled(trajectory, STEP_HZ, 0.5)
        assert len(slow) == 2 * len(trajectory) - 1
        assert np.allclose(slow[::2], trajectory)

    def test_at_the_origin_it_starts_at_zero_and_keeps_its_shape(self, part, trajectory):
        moved = part("trajectory").at_origin(trajectory)
        yaw = [np.unwrap(roll_pitch_yaw_from_quat(rows[:, 3:7])[:, 2]) for rows in (moved, trajectory)]
        assert np.allclose(moved[0, :2], 0.0)
        assert np.allclose(yaw[0], yaw[1] - yaw[1][0])
        assert np.allclose(
            np.linalg.norm(moved[:, :2], axis=1), np.linalg.norm(trajectory[:, :2] - trajectory[0, :2], axis=1)
        )

    def test_on_the_floor_the_lowest_corner_touches(self, part, model, trajectory):
        tj = part("trajectory")
        assert np.allclose(tj.lowest_m(model, tj.on_the_floor(model, trajectory)).min(axis=1), 0.0, atol=1e-9)

    def test_the_lead_in_begins_at_rest_where_the_motion_begins(self, part, model, trajectory):
        tj = part("trajectory")
        led = tj.lead_in(model, tj.on_the_floor(model, trajectory))
        assert tj.stands(model, led)
        assert led[30] == pytest.approx(tj.on_the_floor(model, trajectory)[0])
        assert np.abs(np.diff(led[:, 7:], axis=0)).max() < 0.05

    def test_who_sits_near_the_ground_does_not_stand(self, part, model, trajectory):
        tj = part("trajectory")
        sitting = tj.row_of(Configuration.standing(EMBODIMENT))
        sitting[7 + MOTOR_ORDER.index("left_hip_pitch")] = sitting[7 + MOTOR_ORDER.index("right_hip_pitch")] = -2.2
        sitting[7 + MOTOR_ORDER.index("left_knee")] = sitting[7 + MOTOR_ORDER.index("right_knee")] = 2.8
        sitting[7 + MOTOR_ORDER.index("left_ankle_pitch")] = sitting[7 + MOTOR_ORDER.index("right_ankle_pitch")] = -0.6
        low = tj.on_the_floor(model, np.repeat(sitting[None], 5, axis=0))
        assert low[0, 2] < 0.35
        assert not tj.stands(model, low)

    def test_before_a_crawl_the_robot_stands_upright_at_its_place(self, part, model, trajectory):
        tj = part("trajectory")
        crawl = tj.on_the_floor(model, trajectory)
        crawl[:, 3:7] = quat_from_roll_pitch_yaw(np.array([0.0, 1.5, 0.7]))
        crawl[:, 7 + MOTOR_ORDER.index("left_knee")] = crawl[:, 7 + MOTOR_ORDER.index("right_knee")] = 2.0
        crawl = tj.on_the_floor(model, crawl)
        led = tj.lead_in(model, crawl)
        assert tj.stands(model, led)
        assert led[0, :2] == pytest.approx(crawl[0, :2])
        assert roll_pitch_yaw_from_quat(led[0, 3:7]) == pytest.approx([0.0, 0.0, 0.7], abs=1e-9)
        assert led[0, 2] > 0.7
        assert led[30] == pytest.approx(crawl[0])

    def test_an_eased_motion_begins_slowly_and_ends_alike(self, part, trajectory):
        eased = part("trajectory").eased(trajectory)
        step_m = np.linalg.norm(np.diff(eased[:, :2], axis=0), axis=1)
        assert step_m[0] < 0.1 * step_m[-2]
        assert step_m[20:-1] == pytest.approx(step_m[-2])
        assert eased[-1] == pytest.approx(trajectory[-1], abs=0.02)

    def test_a_resting_pose_keeps_feet_where_they_are_and_stands(self, part, model, trajectory):
        tj = part("trajectory")
        row = tj.on_the_floor(model, trajectory)[5]
        row[7 + MOTOR_ORDER.index("left_hip_pitch")] -= 0.3
        settled = tj.settled_pose(model, row)
        feet = [model.pose_world_from("left_sole", tj.configuration(pose))[:2, 3] for pose in (row, settled)]
        assert feet[0] == pytest.approx(feet[1], abs=0.01)
        assert tj.stands(model, np.repeat(settled[None], 5, axis=0))

    def test_a_robot_stands_in_its_default_pose_and_not_when_its_weight_is_beside_its_feet(self, part, model):
        tj = part("trajectory")
        standing = tj.on_the_floor(model, np.repeat(tj.row_of(Configuration.standing(EMBODIMENT))[None], 5, axis=0))
        tilted = standing.copy()
        tilted[:, 3:7] = [np.cos(0.2), 0.0, np.sin(0.2), 0.0]
        assert tj.stands(model, standing)
        assert not tj.stands(model, tj.on_the_floor(model, tilted))


def person(part, leg_m=0.85):
    """[30, point, 3] a person who stands with hanging arms and faces y."""
    places = {"pelvis": (0, 0, 0.95), "spine": (0, 0, 1.07), "neck": (0, 0, 1.5)}
    for side, x in (("left", -1.0), ("right", 1.0)):
        places |= {
            f"{side}_hip": (0.09 * x, 0, 0.08 + leg_m),
            f"{side}_knee": (0.09 * x, 0.01, 0.08 + 0.5 * leg_m),
            f"{side}_ankle": (0.09 * x, 0, 0.08),
            f"{side}_toe": (0.09 * x, 0.15, 0.02),
            f"{side}_shoulder": (0.18 * x, 0, 1.42),
            f"{side}_elbow": (0.2 * x, -0.02, 1.14),
            f"{side}_wrist": (0.2 * x, 0.02, 0.9),
        }
    return np.repeat(np.array([places[name] for name in part("points").POINTS])[None], 30, axis=0)


class TestRetargeting:
    def test_who_stands_makes_the_robot_stand_and_face_the_same_way(self, part, model):
        tj = part("trajectory")
        rows = part("retargeting").retargeted(model, person(part))
        assert np.abs(tj.lowest_m(model, rows)).max() < 0.01
        assert roll_pitch_yaw_from_quat(rows[-1, 3:7]) == pytest.approx([0.0, 0.0, np.pi / 2], abs=0.05)
        assert tj.stands(model, tj.on_the_floor(model, rows))

    def test_the_size_of_the_person_does_not_matter(self, part, model):
        retargeted = part("retargeting").retargeted
        small, tall = (retargeted(model, scale * person(part)) for scale in (0.8, 1.1))
        assert small[-1, 7:19] == pytest.approx(tall[-1, 7:19], abs=0.03)

    def test_points_are_not_changed(self, part, model):
        points = person(part)
        before = points.copy()
        part("retargeting").retargeted(model, points)
        assert np.array_equal(points, before)

    def test_a_person_balances_over_the_feet(self, part):
        com_m = part("points").center_of_mass_m(person(part))
        assert com_m[0] == pytest.approx([0.0, 0.02, 1.0], abs=0.12)


class TestClearance:
    def test_arms_that_touch_nothing_stay_and_a_hand_at_the_hip_goes_outward(self, part, model, trajectory):
        distance = SelfDistance(model)
        free = trajectory[:20].copy()
        free[:, 7:] = EMBODIMENT.pose_rad("manipulation")
        touching = free.copy()
        touching[10, 7 + MOTOR_ORDER.index("right_elbow")] = 1.4
        touching[10, 7 + MOTOR_ORDER.index("right_shoulder_pitch")] = 0.0
        touching[10, 7 + MOTOR_ORDER.index("right_shoulder_roll")] = 0.1
        cleared = part("clearance").cleared
        assert np.array_equal(cleared(model, free), free)
        assert distance.smallest_m(touching[10, 7:]) < 0.0
        assert distance.smallest_m(cleared(model, touching)[10, 7:]) > 0.005


class TestRecordings:
    def test_a_humanoid_at_rest_has_its_left_on_the_left(self, part):
        frames = np.zeros((2, 44))
        frames[:, [4, 8, 12, 16, 21, 25, 30, 35, 39]] = 1.0
        frames[:, 2] = 0.9
        skeleton, points = part("pybullet_skeleton"), part("points")
        found = skeleton.body_points(frames)
        assert points.point(found, "left_hip")[0] == pytest.approx([0.0, 0.084887, 0.9])
        assert points.point(found, "right_wrist")[0][1] < 0.0
        assert points.point(found, "left_toe")[0][0] > 0.1

    def test_a_motion_that_repeats_goes_on_where_it_was(self, part):
        frames = np.zeros((4, 44))
        frames[:, 0], frames[:, 1] = 0.5, [0.0, 0.1, 0.2, 0.3]
        looped = part("clips")._looped(frames, 3.0)
        assert looped[:, 1] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])

    def test_missing_packages_are_told_in_a_line_each(self, part, tmp_path, monkeypatch):
        monkeypatch.setattr("sys.path", [])
        clips, missing = part("clips").find_clips([tmp_path])
        assert clips == []
        assert len(missing) == 3
        assert "no package 'pybullet'" in missing[2]
        assert "pip install --no-deps --target FOLDER pybullet" in missing[2]

    def test_clips_are_found_in_a_folder_with_packages(self, part, tmp_path, monkeypatch):
        monkeypatch.setattr("sys.path", [])
        notes = tmp_path / "pybullet-3.2.7.dist-info"
        notes.mkdir()
        (notes / "METADATA").write_text("Metadata-Version: 2.1\nName: pybullet\nVersion: 3.2.7\n")
        (notes / "RECORD").write_text("data/humanoid3d_walk.txt,,\ndata/humanoid3d_jump.txt,,\n")
        (tmp_path / "data").mkdir()
        for motion in ("walk", "jump"):
            (tmp_path / "data" / f"humanoid3d_{motion}.txt").touch()
        clips, missing = part("clips").find_clips([tmp_path])
        assert [(clip.name, clip.family) for clip in clips] == [
            ("jump/pybullet", "impossible"),
            ("walk/pybullet", "everyday"),
        ]
        assert len(missing) == 2

    def test_a_robots_clip_is_read_in_motor_order(self, part, tmp_path):
        names = [f"{name}_joint" for name in MOTOR_ORDER]
        rows = np.arange(72.0).reshape(2, 36)
        np.savez(tmp_path / "clip.npz", joint_names=np.array(names[::-1]), joint_pos=rows, fps=np.array([50]))
        recording = part("clips")._read_g1(tmp_path / "clip.npz")
        assert recording.rate_hz == 50.0
        assert np.array_equal(recording.trajectory[:, 7:], rows[:, :6:-1])


class TestRandomMotion:
    def test_the_same_numbers_make_the_same_stream(self, part, model):
        recipe = part("random_motion").RandomReach(balanced=True)
        one, two = (recipe.make(model, np.random.default_rng(3)) for _ in range(2))
        assert np.array_equal(one.vectors, two.vectors)
        assert len(one.vectors) == part("streams").STREAM_STEPS

    def test_arms_stay_inside_their_limits_and_near_their_speed(self, part, random, trajectory):
        rows = part("random_motion").with_arms(trajectory, random, (2.0, 4.0), waist=True)
        arms = rows[:, 7:][:, MOTOR_ARMS]
        assert (arms >= EMBODIMENT.lower_rad[MOTOR_ARMS]).all()
        assert (arms <= EMBODIMENT.upper_rad[MOTOR_ARMS]).all()
        assert 1.0 < np.abs(np.diff(arms, axis=0)).max() * STEP_HZ < 4.5
        assert np.array_equal(rows[:, :19], trajectory[:, :19])


class TestStreamFaults:
    @pytest.mark.parametrize("kind", ["step", "jump", "drop-out", "freeze", "stop", "glitch", "burst"])
    def test_faults_leave_the_stream_they_are_made_from_as_it_is(self, part, trajectory, random, kind):
        streams = part("streams")
        one, other = (streams.from_trajectory(trajectory) for _ in range(2))
        before = one.vectors.copy()
        faulty = part("stream_faults").KINDS[kind](one, other, random)
        assert np.array_equal(one.vectors, before)
        assert np.isfinite(faulty.vectors).all()
        assert len(faulty.vectors) == len(faulty.arrival_step) == len(faulty.place_m) == len(faulty.meant)
        changed = not np.array_equal(faulty.vectors, before) or not np.array_equal(faulty.arrival_step, np.arange(60))
        assert changed

    def test_bursts_keep_the_order_and_bring_everything(self, part, trajectory, random):
        stream = part("streams").from_trajectory(trajectory)
        arrival = part("stream_faults").burst(stream, stream, random).arrival_step
        assert (np.diff(arrival) >= 0).all()
        assert (arrival >= np.arange(60)).all()

    def test_what_is_meant_is_what_teleoperation_sends(self, part, trajectory):
        stream = part("streams").from_trajectory(trajectory)
        assert np.allclose(stream.vectors[:, JOINT_INDEX], trajectory[:, 7:])
        assert stream.vectors[-1, 33] == pytest.approx(0.4, abs=0.02)
