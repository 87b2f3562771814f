"""The recipe for a learned tracker without mjlab: motions, their choice and files, hands, probes, refusals."""

import importlib
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from fakes_learned_tracker import write_network

from hlm.control.learned_tracker.observation import OBSERVATIONS, PREVIEW_SLOTS, TRACKER_HZ, observation_of, target_of
from hlm.control.model import BodyModel
from hlm.core.clock import STEP_HZ
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import CorruptError, MismatchError, MissingFileError
from hlm.core.layout import JOINT_INDEX, MOTOR_ORDER, NAMES
from hlm.core.rotations import matrix_from_quat, quat_from_roll_pitch_yaw, roll_pitch_yaw_from_quat
from hlm.core.values import RobotState
from hlm.runtime.safety.reference_limits import JOINT_SPEED_SHARE, ReferenceLimits

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "scripts" / "learn_tracker"
# What mjlab's loader of motions reads (`mjlab.tasks.tracking.mdp.commands`), and the shape of each row.
MJLAB_FORMAT = {
    "joint_pos": (29,),
    "joint_vel": (29,),
    "body_pos_w": (30, 3),
    "body_quat_w": (30, 4),
    "body_lin_vel_w": (30, 3),
    "body_ang_vel_w": (30, 3),
}


@pytest.fixture(scope="module")
def part():
    """Imports a part of the recipe, or of the bench that it draws from, by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "scripts" / "bench"))
        patch.syspath_prepend(str(SCRIPTS))
        yield importlib.import_module


@pytest.fixture(scope="module")
def model():
    return BodyModel(UNITREE_G1)


@pytest.fixture(scope="module")
def trajectory():
    """Two seconds of a robot that turns, leans and goes, with joints that wave."""
    time_s = np.arange(61) / STEP_HZ
    joints = UNITREE_G1.default_rad + 0.1 * np.sin(2.0 * time_s[:, None] + np.arange(29))
    tilt = np.column_stack([0.1 * np.sin(time_s), 0.2 * np.sin(2.0 * time_s), 3.0 + 0.4 * time_s])
    place = np.column_stack([3.0 + 0.2 * time_s, 0.1 * time_s, 0.74 + 0.02 * np.sin(time_s)])
    return np.column_stack([place, quat_from_roll_pitch_yaw(tilt), joints])


@pytest.fixture(scope="module")
def stream(part, trajectory):
    return part("tracker_parts.streams").from_trajectory(trajectory)


@pytest.fixture(scope="module")
def motion(part, model, stream):
    return part("learn_tracker_parts.motion").motion_of(model, stream)


class TestMotion:
    def test_it_has_a_row_for_each_instant_of_the_tracker(self, part, motion):
        rows = round(2.0 * TRACKER_HZ) + 1
        for name, shape in MJLAB_FORMAT.items():
            array = getattr(motion, name)
            assert array.shape == (rows, *shape)
            assert array.dtype == np.float32
        assert motion.reference.shape == (rows, 34)
        assert motion.stream.shape == (61, 34)
        assert set(part("learn_tracker_parts.motion_files").TIMED) == {*MJLAB_FORMAT, "reference"}

    def test_what_a_stream_means_is_the_trajectory_that_it_was_made_of(self, part, stream, trajectory):
        meant = part("learn_tracker_parts.motion").meant_trajectory(stream)
        same = np.sign((meant[:, 3:7] * trajectory[:, 3:7]).sum(axis=1, keepdims=True))
        meant[:, 3:7] *= same
        np.testing.assert_allclose(meant, trajectory, atol=1e-9)

    def test_ten_times_a_second_it_is_where_the_trajectory_is(self, motion, trajectory):
        # 30 and 50 Hz meet ten times a second.
        np.testing.assert_allclose(motion.joint_pos[::5], trajectory[::3, 7:], atol=1e-6)
        np.testing.assert_allclose(motion.body_pos_w[::5, 0], trajectory[::3, :3], atol=1e-6)
        found = roll_pitch_yaw_from_quat(motion.body_quat_w[::5, 0])
        np.testing.assert_allclose(found, roll_pitch_yaw_from_quat(trajectory[::3, 3:7]), atol=1e-6)

    def test_the_links_are_where_the_model_puts_them(self, part, model, motion, trajectory):
        configuration = part("tracker_parts.trajectory").configuration
        for time in (0, 10, 20):
            for index, link in enumerate(UNITREE_G1.links):
                pose = model.pose_world_from(link.name, configuration(trajectory[3 * time]))
                np.testing.assert_allclose(motion.body_pos_w[5 * time, index], pose[:3, 3], atol=1e-6)
                np.testing.assert_allclose(
                    matrix_from_quat(motion.body_quat_w[5 * time, index].astype(float)), pose[:3, :3], atol=1e-5
                )

    def test_speeds_are_derivatives(self, motion):
        for rate, value in (("joint_vel", "joint_pos"), ("body_lin_vel_w", "body_pos_w")):
            values = getattr(motion, value).astype(np.float64)
            moved = np.cumsum(getattr(motion, rate)[1:-1] / TRACKER_HZ, axis=0)
            np.testing.assert_allclose(moved[-1], 0.5 * (values[-1] + values[-2] - values[1] - values[0]), atol=1e-4)

    def test_a_body_that_turns_about_a_tilted_axis_has_the_angular_velocity_of_its_turn(self, part):
        axis, rate_rad_s = np.array([0.6, 0.0, 0.8]), 1.3
        half = 0.5 * rate_rad_s * np.arange(50) / TRACKER_HZ
        quat = np.column_stack([np.cos(half), np.sin(half)[:, None] * axis])
        found = part("learn_tracker_parts.motion").angular_velocity(quat)
        np.testing.assert_allclose(found[1:-1], np.tile(rate_rad_s * axis, (48, 1)), atol=1e-3)

    def test_orientations_do_not_jump_between_signs(self, motion):
        assert ((motion.body_quat_w[1:] * motion.body_quat_w[:-1]).sum(axis=-1) > 0.9).all()

    def test_references_are_limited_as_the_control_loop_does(self, part, stream):
        jump = stream.vectors.copy()
        jump[30:, NAMES.index("left_knee")] += 0.5
        jump[10, NAMES.index("left_elbow")] = 99.0
        sent = part("learn_tracker_parts.motion").limited(jump, UNITREE_G1)
        limits = ReferenceLimits(UNITREE_G1)
        for before, after in pairwise(sent):
            np.testing.assert_allclose(limits.limited(after, before, 1.0 / STEP_HZ), after, atol=1e-9)
        assert jump[10, NAMES.index("left_elbow")] == 99.0

    def test_nothing_is_meant_that_references_may_not_ask_for(self, part, model, trajectory):
        jump = trajectory.copy()
        jump[30:, 7 + MOTOR_ORDER.index("left_elbow")] += 0.8
        motion = part("learn_tracker_parts.motion").motion_of(
            model, part("tracker_parts.streams").from_trajectory(jump)
        )
        fastest = np.abs(motion.joint_vel).max(axis=0) / UNITREE_G1.velocity_rad_s
        assert fastest.argmax() == MOTOR_ORDER.index("left_elbow")
        assert JOINT_SPEED_SHARE * 0.9 < fastest.max() < JOINT_SPEED_SHARE * 1.3  # a spline overshoots

    def test_the_reference_is_the_meant_motion_where_nothing_limits_it(self, motion):
        np.testing.assert_allclose(motion.reference[:, JOINT_INDEX], motion.joint_pos, atol=2e-3)


class TestChoice:
    @pytest.fixture
    def cases(self, part):
        return part("learn_tracker_parts.choice").cases_to_learn([], 6)

    def test_nothing_that_is_held_out_is_learnt_from(self, part, cases):
        held_out_seed = part("tracker_parts.cases").held_out_seed
        assert not any(case.held_out or held_out_seed(case.seed) for case in cases)
        assert {case.group for case in cases} == {"b", "c"}

    def test_no_stream_is_one_of_the_bench(self, part, cases):
        bench = part("tracker_parts.cases").all_cases([], "bc", 500)
        drawn = {(case.group, case.row, case.seed) for case in bench}
        assert not drawn & {(case.group, case.row, case.seed) for case in cases}
        first = {case.random.integers(2**60) for case in bench}
        assert not first & {case.random.integers(2**60) for case in cases}

    def test_held_out_and_impossible_clips_are_left(self, part):
        clips = part("tracker_parts.clips")
        choice = part("learn_tracker_parts.choice")
        families = {"omomo": "omomo", "everyday": "everyday", "impossible": "impossible"}
        every = [
            clips.Clip(f"{name}/body", families[kind], Path(name), "smplh")
            for kind, names in clips.MOTIONS.items()
            for name in names
        ]
        kept = [clip.name for clip in choice.clips_to_learn(every)]
        assert kept == ["sub3_largebox_003/body", "dance_b/body", "punch/body"]

    def test_clips_come_slowed_whole_in_a_mirror_and_in_windows(self, part):
        cases, clips, choice = (
            part(name) for name in ("tracker_parts.cases", "tracker_parts.clips", "learn_tracker_parts.choice")
        )
        clip = clips.Clip("punch/body", "everyday", Path("punch"), "pybullet")
        chosen = choice.cases_to_learn([cases.Source(clip, np.zeros((60, 36)))], 2, ())
        real = [case for case in chosen if case.group == "a"]
        assert len(real) == 3 * (2 + 2)
        assert {(case.recipe.window, case.recipe.in_mirror) for case in real} == {
            (False, False),
            (False, True),
            (True, False),
        }

    def test_each_has_a_file_of_its_own(self, part, cases):
        names = {part("learn_tracker_parts.choice").file_name(case) for case in cases}
        assert len(names) == len(cases)
        assert all(name == Path(name).name and " " not in name for name in names)

    def test_the_small_rows_are_rows(self, part):
        choice = part("learn_tracker_parts.choice")
        assert [case.row for case in choice.cases_to_learn([], 1, choice.SMALL_ROWS)] == list(choice.SMALL_ROWS)


class TestFiles:
    @pytest.fixture
    def joined(self, part, motion, tmp_path):
        files = part("learn_tracker_parts.motion_files")
        shorter = {name: array[:7] for name, array in motion._asdict().items()}
        files.write_motion(tmp_path / "one.npz", motion._asdict())
        files.write_motion(tmp_path / "two.npz", shorter)
        return files.join_motions(tmp_path / "all.npz", [tmp_path / "one.npz", tmp_path / "two.npz"])

    def test_motions_stand_one_after_the_other(self, joined, motion, tmp_path):
        assert joined.names == ("one", "two")
        assert joined.start.tolist() == [0, len(motion.reference)]
        np.testing.assert_array_equal(joined.reference[joined.start[1] :], motion.reference[:7])
        np.testing.assert_array_equal(joined.stream_of(0), motion.stream)
        np.testing.assert_array_equal(joined.stream_of(1), motion.stream[:7])
        with np.load(tmp_path / "all.npz") as arrays:
            for name, shape in MJLAB_FORMAT.items():
                assert arrays[name].shape == (len(motion.reference) + 7, *shape)
            assert arrays["fps"].tolist() == [TRACKER_HZ]

    def test_what_is_no_file_of_motions_is_refused(self, part, tmp_path):
        (tmp_path / "text.npz").write_text("no arrays\n")
        np.savez(tmp_path / "other.npz", reference=np.zeros(3))
        for name in ("text.npz", "other.npz", "none.npz"):
            with pytest.raises(CorruptError, match=f"{name} holds no motions"):
                part("learn_tracker_parts.motion_files").read_references(tmp_path / name)

    def test_a_motion_is_written_whole_or_not_at_all(self, part, tmp_path):
        with pytest.raises(TypeError):
            part("learn_tracker_parts.motion_files").write_motion(tmp_path / "one.npz", {"fps": 1})
        assert not (tmp_path / "one.npz").exists()

    def test_the_newest_checkpoint_is_the_last_by_number(self, part, tmp_path):
        run = part("learn_tracker_parts.run_folder").RunFolder(tmp_path)
        run.training.mkdir()
        for number in (500, 1000, 0):
            (run.training / f"model_{number}.pt").touch()
        assert [path.stem for path in run.checkpoints()] == ["model_0", "model_500", "model_1000"]

    def test_a_stage_that_was_left_out_is_told(self, part, tmp_path):
        with pytest.raises(MissingFileError, match=r"there is no .*a.npz: run .*/references.py first"):
            part("learn_tracker_parts.run_folder").must_exist(tmp_path / "a.npz", "references")


class TestMakingMotions:
    def test_what_lies_there_is_kept(self, part, tmp_path):
        making, choice = part("learn_tracker_parts.making"), part("learn_tracker_parts.choice")
        (case,) = choice.cases_to_learn([], 1, ("standing, 0.01 rad",))
        path = making.motion_file(tmp_path, case)
        path.touch()
        assert list(making.make_motions(None, tmp_path, [case])) == [path]
        assert path.stat().st_size == 0

    def test_a_case_becomes_a_motion_with_noise_in_its_references_alone(self, part, tmp_path):
        making, choice = part("learn_tracker_parts.making"), part("learn_tracker_parts.choice")
        (case,) = choice.cases_to_learn([], 1, ("standing, 0.01 rad",))
        path = making._make(making.motion_file(tmp_path, case), case)
        with np.load(path) as arrays:
            off = arrays["reference"][:, JOINT_INDEX] - arrays["joint_pos"]
            assert 0.003 < off.std() < 0.02
            assert np.abs(arrays["joint_vel"]).max() < 1e-3  # it stands


class TestHands:
    def test_wrist_and_gripper_weigh_and_swing_as_in_the_model(self, part, model):
        for gripper in UNITREE_G1.grippers:
            found = part("learn_tracker_parts.hand_inertia").hand_inertia(UNITREE_G1, gripper)
            wanted = model.pin_model.inertias[model.pin_model.frames[model.frame(gripper.link)].parentJoint]
            assert found.mass_kg == pytest.approx(wanted.mass)
            np.testing.assert_allclose(found.com_m, wanted.lever, atol=1e-9)
            np.testing.assert_allclose(found.matrix_kg_m2, wanted.inertia, atol=3e-5)  # the fingers' opening

    def test_two_halves_of_a_box_are_the_box(self, part):
        parts = part("learn_tracker_parts.hand_inertia")
        whole = parts._box(2.0, np.array([1.0, 2.0, 3.0]), np.array([0.4, 0.2, 0.1]))
        halves = [parts._box(1.0, np.array([1.0 + x, 2.0, 3.0]), np.array([0.2, 0.2, 0.1])) for x in (-0.2, 0.2)]
        together = parts.together(halves)
        assert together.mass_kg == 2.0
        np.testing.assert_allclose(together.com_m, whole.com_m)
        np.testing.assert_allclose(together.matrix_kg_m2, whole.matrix_kg_m2)


@pytest.fixture
def probe(part, motion):
    """As an environment would make it that sees the motion's references by their rows, and measures at random."""
    random, steps = np.random.default_rng(5), 40
    slots = np.arange(1, 1 + steps)
    quat = quat_from_roll_pitch_yaw(random.uniform(-0.5, 0.5, (steps, 3)))
    joints, speeds, action = (random.normal(size=(steps, 29)) for _ in range(3))
    gyro = random.normal(size=(steps, 3))
    reference = motion.reference.astype(np.float64)
    seen = [
        observation_of(
            reference[slot + np.array(PREVIEW_SLOTS)],
            RobotState(0, joints[step], speeds[step], quat[step], gyro[step]),
            action[step],
            UNITREE_G1.default_rad,
        )
        for step, slot in enumerate(slots)
    ]
    said = np.array(seen)[:, -29:]
    return part("learn_tracker_parts.probe").Probe(
        motion.stream.astype(np.float64),
        slots.astype(float),
        joints,
        speeds,
        quat,
        gyro,
        action,
        np.array(seen),
        said,
        np.array([target_of(one, UNITREE_G1) for one in said]),
    )


class TestProbe:
    def test_a_tracker_sees_what_the_rows_of_a_motion_say(self, part, probe):
        again = part("learn_tracker_parts.probe").observations_again(probe, UNITREE_G1)
        np.testing.assert_allclose(again, probe.observation, atol=1e-5)
        assert again.shape == (40, OBSERVATIONS)

    def test_it_survives_its_file(self, part, probe, tmp_path):
        kind = part("learn_tracker_parts.probe").Probe
        probe.write(tmp_path / "probe.npz")
        for found, wanted in zip(kind.read(tmp_path / "probe.npz"), probe, strict=True):
            np.testing.assert_array_equal(found, wanted)
        (tmp_path / "text.npz").write_text("no probe\n")
        with pytest.raises(CorruptError, match=r"text.npz is no probe"):
            kind.read(tmp_path / "text.npz")

    @pytest.fixture
    def run(self, part, probe, tmp_path):
        pytest.importorskip("onnx", reason="needs onnx, which is not part of hlm")
        pytest.importorskip("onnxruntime", reason="needs hlm[learned]")
        run = part("learn_tracker_parts.run_folder").RunFolder(tmp_path)
        write_network(run.network)
        probe.write(run.probe)
        return run

    def test_the_check_passes_when_all_is_as_in_training(self, part, run):
        differences = part("check").check(run)
        assert max(differences.values()) < 1e-5
        assert list(differences)[-2:] == ["action", "target"]

    @pytest.mark.parametrize(
        ("field", "text"),
        [
            ("stream", "reference is not what it was in training: it differs by up to 0.1"),
            ("joint_velocity_rad_s", "joint_velocity is not"),
            ("angular_velocity_rad_s", "angular_velocity is not"),
            ("action", "action is not"),
            ("target_rad", "target is not"),
        ],
    )
    def test_the_check_names_what_is_not(self, part, run, probe, field, text):
        probe._replace(**{field: getattr(probe, field) + 0.1}).write(run.probe)
        with pytest.raises(MismatchError, match=text):
            part("check").check(run)


class TestCommandLine:
    def refused(self, *line):
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, *map(str, line)], capture_output=True, text=True, env=environment, check=False
        )
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        return done.stderr

    def test_training_without_motions_is_refused(self, tmp_path):
        assert "run scripts/learn_tracker/references.py first" in self.refused(SCRIPTS / "train.py", tmp_path)

    def test_training_without_mjlab_says_what_to_install(self, part, tmp_path):
        if importlib.util.find_spec("mjlab") is not None:
            pytest.skip("mjlab is installed here")
        (tmp_path / "references.npz").touch()
        assert "training needs mjlab: pip install mjlab==" in self.refused(SCRIPTS / "train.py", tmp_path)

    def test_exporting_without_a_checkpoint_is_refused(self, tmp_path):
        (tmp_path / "references.npz").touch()
        (tmp_path / "training").mkdir()
        (tmp_path / "training" / "facts.json").write_text("{}")
        assert "there is no checkpoint in" in self.refused(SCRIPTS / "export.py", tmp_path)

    def test_a_training_is_not_gone_on_with_other_motions(self, part, tmp_path):
        train, path = part("train"), tmp_path / "training" / "facts.json"
        train.must_be_begun_so(path, {"small": True, "references_sha256": "a"})
        train.must_be_begun_so(path, {"small": True, "references_sha256": "a"})
        assert json.loads(path.read_text()) == {"small": True, "references_sha256": "a"}
        with pytest.raises(MismatchError, match="with references_sha256 a, and this is b: use another folder"):
            train.must_be_begun_so(path, {"small": True, "references_sha256": "b"})

    def test_the_bench_refuses_a_tracker_that_there_is_not(self):
        text = self.refused(ROOT / "scripts" / "bench" / "tracker.py", "--tracker", "learned")
        assert text.startswith("no tracker 'learned'. Known: guarded, learned:FILE.onnx, learned_legs, whole_body.")
