"""All stages of the recipe for a learned tracker, with a few robots and two iterations, where mjlab can be had.

hlm's environment runs this file; `HLM_MJLAB_PYTHON` names the python of the environment that has mjlab.
"""

import hashlib
import importlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hlm.control.learned_tracker.contract import KEY, contract_of
from hlm.control.learned_tracker.network_file import digest_file, open_tracker_network
from hlm.control.learned_tracker.observation import OBSERVATIONS
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.values import JointCommand
from hlm.sim.robot import SimulatedRobot

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "scripts" / "learn_tracker"
COMPARED_STEPS = 5


def run(python, *line):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, SCRIPTS)))}
    done = subprocess.run([python, *map(str, line)], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def mjlab_python():
    pytest.importorskip("onnxruntime", reason="a learned tracker needs hlm[learned]")
    if given := os.environ.get("HLM_MJLAB_PYTHON"):
        return given
    if importlib.util.find_spec("mjlab") is None:
        pytest.skip("mjlab is not installed; HLM_MJLAB_PYTHON can name the python of an environment that has it")
    return sys.executable


@pytest.fixture(scope="module")
def part():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "scripts" / "bench"))
        patch.syspath_prepend(str(SCRIPTS))
        yield importlib.import_module


@pytest.fixture(scope="module")
def motions(mjlab_python, part, tmp_path_factory):
    folder = part("learn_tracker_parts.run_folder").RunFolder(tmp_path_factory.mktemp("learn"))
    run(sys.executable, SCRIPTS / "references.py", folder.root, "--small", "--workers", 1)
    return folder


@pytest.fixture(scope="module")
def trained(motions, mjlab_python):
    first = run(mjlab_python, SCRIPTS / "train.py", motions.root, "--small", "--iterations", 1)
    assert "1 iteration done: " in first
    second = run(mjlab_python, SCRIPTS / "train.py", motions.root, "--small", "--iterations", 2)
    assert "goes on from" in second
    assert "1 of 2 iterations done" in second
    return motions


@pytest.fixture(scope="module")
def exported(trained, mjlab_python):
    run(mjlab_python, SCRIPTS / "export.py", trained.root)
    return trained


def test_the_first_stage_keeps_what_it_has_made(motions):
    written = {path: path.stat().st_mtime_ns for path in motions.motions.iterdir()}
    assert len(written) == 3
    run(sys.executable, SCRIPTS / "references.py", motions.root, "--small", "--workers", 1)
    assert {path: path.stat().st_mtime_ns for path in motions.motions.iterdir()} == written


def test_the_environment_is_what_it_should_be(motions, mjlab_python):
    assert "all is as it should be" in run(
        mjlab_python, ROOT / "tests" / "learn_tracker_in_mjlab.py", motions.references
    )


def test_training_that_goes_on_learns_on(trained):
    import torch

    first, second = (torch.load(path, weights_only=False, map_location="cpu") for path in trained.checkpoints())
    assert (first["iter"], second["iter"]) == (0, 1)
    layers = [name for name in first["actor_state_dict"] if name.startswith("mlp") and name.endswith("weight")]
    assert layers
    for name in layers:
        assert not torch.equal(first["actor_state_dict"][name], second["actor_state_dict"][name])


def test_the_file_says_what_it_sees_and_where_it_comes_from(exported):
    network = open_tracker_network(exported.network, UNITREE_G1)
    assert json.loads(network.metadata[KEY]) == contract_of(UNITREE_G1)
    learnt = json.loads(network.metadata["learnt"])
    assert learnt["references_sha256"] == hashlib.sha256(exported.references.read_bytes()).hexdigest()
    assert learnt["checkpoint"] == "model_1.pt"
    assert learnt["checkpoint_sha256"] == hashlib.sha256(exported.checkpoints()[-1].read_bytes()).hexdigest()
    assert set(learnt["packages"]) == {"mjlab", "mujoco", "mujoco-warp", "rsl-rl-lib", "torch"}
    assert digest_file(exported.network).read_text().split() == [network.sha256, "tracker.onnx"]


def test_hlm_shows_the_network_what_training_showed_it_and_hears_the_same(exported, part):
    differences = part("check").check(exported)
    assert set(differences) == {
        "reference",
        "angular_velocity",
        "gravity",
        "joint_position",
        "joint_velocity",
        "last_action",
        "action",
        "target",
    }
    assert max(differences.values()) < 1e-5
    probe = part("learn_tracker_parts.probe").Probe.read(exported.probe)
    assert len(probe.observation) > COMPARED_STEPS
    assert probe.observation.shape[1] == OBSERVATIONS
    # What is compared moves: a probe of a robot that stands still would prove little.
    assert np.ptp(probe.observation, axis=0).max() > 0.1
    assert np.abs(probe.action).max() > 0.01


def test_the_same_targets_move_both_simulated_robots_alike(exported, part):
    probe = part("learn_tracker_parts.probe").Probe.read(exported.probe)
    surroundings = part("tracker_parts.surroundings")
    world = surroundings.make_world(surroundings.Surroundings(), UNITREE_G1)
    robot = SimulatedRobot(world, UNITREE_G1)
    with np.load(exported.references) as arrays:
        place_m = arrays["body_pos_w"][int(probe.slot[0]) - 1, 0].astype(np.float64)
    world.reset()
    robot.place(place_m, probe.quat_wxyz[0], probe.joint_position_rad[0])
    for joint, speed in zip(UNITREE_G1.joints, probe.joint_velocity_rad_s[0], strict=True):
        world.data.qvel[world.model.joint(joint.name).dofadr[0]] = speed
    world.forward()
    with robot:
        for step in range(COMPARED_STEPS):
            state = robot.read()
            still, gains = np.zeros(29), (UNITREE_G1.kp_nm_rad, UNITREE_G1.kd_nm_s_rad)
            robot.command(JointCommand(state.stamp_ns, probe.target_rad[step], still, *gains, np.zeros(29), np.ones(2)))
            world.wait_until((step + 1) * 20_000_000)
        found = robot.read().joint_position_rad
    moved = probe.joint_position_rad[COMPARED_STEPS] - probe.joint_position_rad[0]
    off = found - probe.joint_position_rad[COMPARED_STEPS]
    assert np.abs(moved).max() > 0.05
    # Steps of 5 and of 2 ms, and soles of another shape.
    assert np.abs(off).max() < 0.1 * np.abs(moved).max()


def test_the_bench_scores_it(exported, tmp_path):
    name = f"learned:{exported.network}"
    line = ("--tracker", name, "--groups", "c", "--rows", "standing, 0.01", "--seeds", "1", "--workers", "1")
    out = tmp_path / "scores.json"
    run(sys.executable, ROOT / "scripts" / "bench" / "tracker.py", *line, "--json", out)
    scores = json.loads(out.read_text())
    assert scores["tracker"] == name
    (result,) = scores["results"]
    assert result["outcome"]["duration_s"] > 0.2
    assert result["outcome"]["lag_s"] == 0.2
