"""The parts of the tracker's bench: pure functions on trajectories, streams and recordings, and one short run."""

import importlib
import json
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hlm.control.model import BodyModel, Configuration
from hlm.control.self_distance import SelfDistance
from hlm.core.clock import STEP_HZ
from hlm.core.embodiments.catalog import find_embodiment
from hlm.core.errors import InputError
from hlm.core.layout import JOINT_INDEX, MOTOR_ARMS, MOTOR_ORDER
from hlm.core.rotations import quat_from_roll_pitch_yaw, quat_from_yaw, roll_pitch_yaw_from_quat

ROOT = Path(__file__).resolve().parents[1]
EMBODIMENT = find_embodiment("unitree_g1")


@pytest.fixture(scope="module")
def part():
    """Imports a part of the bench by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "scripts" / "bench"))
        yield lambda name: importlib.import_module(f"tracker_parts.{name}")


@pytest.fixture(scope="module")
def model():
    return BodyModel(EMBODIMENT)


@pytest.fixture
def random():
    return np.random.default_rng(7)


@pytest.fixture
def trajectory(random):
    """Two seconds of a robot that turns and goes, with joints that wave."""
    time_s = np.arange(60) / STEP_HZ
    joints = EMBODIMENT.default_rad + 0.1 * np.sin(time_s[:, None] + random.uniform(0, 6, 29))
    quats = np.array([quat_from_yaw(0.5 + 0.4 * instant) for instant in time_s])
    place = np.column_stack([3.0 + 0.2 * time_s, 0.1 * time_s, np.full(60, 0.74)])
    return np.column_stack([place, quats, joints])


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


class TestCases:
    def test_a_third_of_seeds_and_motions_is_held_out(self, part):
        cases, clips = part("cases"), part("clips")
        assert [cases.held_out_seed(seed) for seed in range(6)] == [False, False, True, False, False, True]
        motions = [motion for names in clips.MOTIONS.values() for motion in names]
        assert 1 / 4 < sum(map(cases.held_out_clip, motions)) / len(motions) < 1 / 2

    def test_all_forms_of_a_motion_are_held_out_together(self, part):
        held_out = part("cases").held_out_clip
        assert held_out("sub3_largebox_003/g1") == held_out("sub3_largebox_003/body")

    def test_every_case_has_a_title_of_its_own_and_numbers_of_its_own(self, part):
        cases = part("cases").all_cases([], "bcdefgh", 3)
        titles = {(case.group, case.row, case.seed) for case in cases}
        numbers = {case.random.integers(2**60) for case in cases}
        assert len(titles) == len(cases) == len(numbers)

    def test_every_motion_of_a_row_meets_held_out_seeds(self, part):
        cases = [case for case in part("cases").all_cases([], "cdfgh", 60) if case.held_out]
        everyone = part("cases").all_cases([], "cdfgh", 60)
        assert {(case.row, case.recipe.name) for case in cases} == {(case.row, case.recipe.name) for case in everyone}

    def test_pushes_come_from_all_sides(self, part):
        cases = [case for case in part("cases").all_cases([], "e", 12) if case.row == "50 N standing"]
        angles = np.sort([case.around.push_rad for case in cases])
        assert np.diff(angles).max() < 2.0 * np.pi / 6.0


class TestSurroundings:
    def test_on_a_slope_the_highest_corner_touches(self, part, model):
        around = part("surroundings")
        slope = around.Surroundings(slope_rad=0.05, slope_direction_rad=0.7)
        start = Configuration.standing(EMBODIMENT)
        placed = around.start_of(start, slope, model)
        corners = np.concatenate(
            [
                (
                    model.pose_world_from(f"{side}_sole", placed)
                    @ np.column_stack([model.sole_corners_m, np.ones(4)]).T
                ).T
                for side in ("left", "right")
            ]
        )
        assert (corners[:, 2] - slope.floor_m(corners[:, :2])).min() == pytest.approx(0.0, abs=1e-9)

    def test_masses_are_wrong_by_no_more_than_asked_and_alike_for_a_seed(self, part):
        around = part("surroundings")
        worlds = [
            around.make_world(around.Surroundings(mass_error=error, seed=4), EMBODIMENT) for error in (0.0, 0.05, 0.05)
        ]
        share = worlds[1].model.body_mass[1:] / worlds[0].model.body_mass[1:]
        assert 0.01 < np.abs(share - 1.0).max() <= 0.05
        assert np.array_equal(worlds[1].model.body_mass, worlds[2].model.body_mass)

    def test_a_push_lasts_as_long_as_it_says(self, part):
        around = part("surroundings")
        push = around.Surroundings(push_n=50.0, push_s=0.1, push_rad=np.pi / 2)
        world = around.make_world(push, EMBODIMENT)
        world.reset()
        pusher, felt = around.Pusher(world, push), []
        for tick in range(50):
            world.wait_until(tick * 10_000_000)
            pusher.act()
            felt.append(float(world.data.xfrc_applied[:, 1].sum()))
        assert felt[10:30] == pytest.approx([50.0] * 20)
        assert sum(felt) == pytest.approx(50.0 * 20)


class TestRuns:
    def test_who_is_asked_to_stand_stands_and_the_table_says_so(self, part, model):
        tj, rollout, results = part("trajectory"), part("rollout"), part("results")
        standing = np.repeat(tj.row_of(Configuration.standing(EMBODIMENT))[None], 15, axis=0)
        stream = part("streams").from_trajectory(tj.on_the_floor(model, standing))
        outcome = rollout.Rollout(stream, part("surroundings").Surroundings(), EMBODIMENT).run()
        assert not outcome.fell
        assert outcome.leg_rad < 0.05
        result = results.Result(group="b", row="row", name="stand", seed=2, held_out=True, outcome=outcome, wall_s=1.0)
        assert results.cells([result])[:3] == ("1", "0", "0/1")
        assert results.causes([result]) == ""

    def test_trackers_stand_side_by_side_and_a_row_that_one_lacks_is_empty(self, part, tmp_path):
        def written(tracker, rows, name="runs"):
            outcome = {"place_m": 0.012, "height_m": 0.003, "heading_rad": float("nan")}
            results = [
                {"group": group, "row": row, "name": name, "seed": seed, "held_out": out}
                | {"outcome": outcome | {"fell": fell}}
                for seed, (group, row, fell, out) in enumerate(rows)
            ]
            path = tmp_path / f"{tracker} {name}.json"
            path.write_text(json.dumps({"tracker": tracker, "results": results}))
            return path

        both = [("c", "walking", True, False), ("c", "walking", False, True)]
        paths = [written("one", both), written("other", [*both[:1], ("e", "50 N", False, True)])]
        assert part("comparison").comparison_markdown(paths).splitlines() == [
            "| | one: falls (held out) | one: place, height, heading "
            "| other: falls (held out) | other: place, height, heading |",
            "|---|---|---|---|---|",
            "| **c: standard motions with noise** | | | | |",
            "| walking | 1 of 2 (0 of 1) | 1.2 cm, 0.3 cm, - | 1 of 1 (0 of 0) | -, -, - |",
            "| **e: pushes** | | | | |",
            "| 50 N | - | - | 0 of 1 (0 of 1) | 1.2 cm, 0.3 cm, - |",
            "| **all** | 1 of 2 (0 of 1) |  | 1 of 2 (0 of 1) |  |",
        ]
        # Files of one tracker count as one, in the order of the groups, and a run in both counts once.
        more = [written("one", [("e", "50 N", False, True)], "pushes"), paths[0], paths[0]]
        assert part("comparison").comparison_markdown(more).splitlines()[2:] == [
            "| **c: standard motions with noise** | | |",
            "| walking | 1 of 2 (0 of 1) | 1.2 cm, 0.3 cm, - |",
            "| **e: pushes** | | |",
            "| 50 N | 0 of 1 (0 of 1) | 1.2 cm, 0.3 cm, - |",
            "| **all** | 1 of 3 (0 of 2) |  |",
        ]

    def test_the_page_has_rows_falls_and_how_they_fell(self, part, tmp_path):
        rollout, results, page = part("rollout"), part("results"), part("page")
        figures = dict.fromkeys(rollout.Outcome.__dataclass_fields__, 0.25)
        words = {"ending": "fell", "tilt": "forward", "contact": "left", "unsolved": 0, "refused": 0}
        made = [
            results.Result(
                group="e",
                row="100 N standing",
                name="hold_stand",
                seed=seed,
                held_out=seed == 2,
                outcome=rollout.Outcome(**figures | words | {"fell": seed > 0}),
                wall_s=1.0,
            )
            for seed in range(3)
        ]
        text = page.write_page(tmp_path, made, {}, {"seeds": 3}).read_text()
        assert "2 falls in 3 runs" in text
        assert "2 forward; 2 on one foot half a second before" in text
        assert "data:image/png" in text

    def test_a_fall_is_filmed_beside_who_stands_and_its_last_picture_stays(self, part, model):
        shown, case = part("show"), part("cases").all_cases([], "e", 1)[0]
        outcome = {**dict.fromkeys(part("rollout").Outcome.__dataclass_fields__, 2.0), "fell": False}

        def film(count, **changed):
            images = [np.full((40, 60, 3), 100 + index, dtype=np.uint8) for index in range(count)]
            result = {"group": "e", "row": "row", "name": "stand", "seed": 0, "held_out": False, "wall_s": 1.0}
            made = part("results").Result(**result, outcome=part("rollout").Outcome(**outcome | changed))
            return part("film").Filmed(images, made)

        films = [film(10, fell=True, duration_s=0.7), film(20)]
        images = shown.side_by_side(["one", "other"], films, replace(case, around=part("surroundings").Surroundings()))
        assert images[0].shape == (40, 120, 3)
        assert len(images) == 20 + shown.HELD_S * part("film").FILM_HZ
        assert [int(image[-1, 0, 0]) for image in images[8:12]] == [108, 109, 65, 65]
        assert [int(image[-1, -1, 0]) for image in (images[10], images[-1])] == [110, 119]

    def test_a_named_case_is_animated_beside_what_was_meant(self, part, tmp_path):
        shown, sent = part("show"), []

        class Pool:
            def submit(self, work, case, *, meant):
                sent.append((case.tracker, meant))
                pushed = replace(case, recipe=Short(), around=replace(case.around, push_s=0.1))
                done = Future()
                done.set_result(work(pushed, meant=meant))
                return done

        class Short:
            name = "short"

            def make(self, model, random):
                tj = part("trajectory")
                standing = np.repeat(tj.row_of(Configuration.standing(EMBODIMENT))[None], 4, axis=0)
                return part("streams").from_trajectory(tj.on_the_floor(model, standing))

        groups, seeds = shown.reach_of(["e/50 N standing/hold_stand/1"])
        assert (groups, seeds) == ("e", 2)
        cases = shown.cases_named(["e/50 N standing/hold_stand/1"], part("cases").all_cases([], groups, seeds))
        (path,) = shown.write_shown(tmp_path, Pool(), cases, None)
        assert path.name == "e_50_n_standing_hold_stand_1.webp"
        assert sent == [("whole_body", True)]
        with Image.open(path) as film:
            assert film.size == (2 * part("film").SIZE_PX, part("film").SIZE_PX)
            assert film.n_frames > 1

    def test_a_case_that_there_is_not_is_refused_with_the_nearest(self, part):
        with pytest.raises(InputError, match=r"no case 'e/50 N stand/hold_stand/0'.*'e/50 N standing/hold_stand/0'"):
            part("show").cases_named(["e/50 N stand/hold_stand/0"], part("cases").all_cases([], "e", 1))
        assert part("show").reach_of(["nonsense", "z/1/2/x"]) == ("", 1)

    def test_a_reference_that_the_loop_refuses_is_counted(self, part, model):
        tj, rollout = part("trajectory"), part("rollout")
        standing = np.repeat(tj.row_of(Configuration.standing(EMBODIMENT))[None], 5, axis=0)
        stream = part("streams").from_trajectory(tj.on_the_floor(model, standing))
        wild = stream.vectors.copy()
        wild[3, 0] = np.nan
        outcome = rollout.Rollout(stream.asking(wild), part("surroundings").Surroundings(), EMBODIMENT).run()
        assert outcome.refused == 1
