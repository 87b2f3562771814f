"""What `test_learn_tracker_stages.py` asserts inside mjlab's environment; run with a folder of motions as argument."""

import sys
from pathlib import Path

import numpy as np
import torch
from learn_tracker_parts.motion_files import read_references
from learn_tracker_parts.robot_check import PREFIX, robot_fault
from learn_tracker_parts.task import ACTOR, COMMAND, environment_cfg, make_environment

from hlm.control.learned_tracker.observation import PREVIEW_SLOTS, TERMS, features_of
from hlm.core.embodiments.unitree_g1 import UNITREE_G1

MOTIONS = Path(sys.argv[1])


def motions_end_where_they_end(env, references):
    """No environment goes from one motion into the next; the last references are held."""
    command = env.unwrapped.command_manager.get_term(COMMAND)
    starts = references.start
    ends = np.append(starts[1:], len(references.reference)) - 1
    seen = features_of(references.reference, UNITREE_G1.default_rad)
    command.time_steps[:] = torch.tensor([ends[0] - 3, ends[1] - 3])
    for step in range(4):
        wanted = [seen[np.minimum(end - 3 + step + np.array(PREVIEW_SLOTS), end)].ravel() for end in (ends[0], ends[1])]
        np.testing.assert_allclose(command.stream.numpy(), np.array(wanted), atol=1e-6)
        command.compute(env.unwrapped.step_dt)
    # An exact environment draws the first motion again.
    assert command.time_steps.tolist() == [0, 0]


def an_episode_begins_as_its_motion(env, references):
    """After a reset the robot stands in the motion's pose, and the observation has all its parts."""
    observations, _ = env.reset()
    assert observations[ACTOR].shape == (2, sum(size for _, size in TERMS))
    slots = env.unwrapped.command_manager.get_term(COMMAND).time_steps.numpy()
    with np.load(MOTIONS) as arrays:
        joints = arrays["joint_pos"][slots - 1]
    np.testing.assert_allclose(env.unwrapped.scene["robot"].data.joint_pos.numpy(), joints, atol=1e-5)


def who_moves_as_the_motion_is_rewarded_in_full(env):
    """Poses and speeds in the file are those that mjlab measures of a robot that has them."""
    command = env.unwrapped.command_manager.get_term(COMMAND)
    manager = env.unwrapped.reward_manager
    command.cfg.sampling_mode = "uniform"
    for _ in range(10):
        env.reset()
        command.time_steps -= 1  # a reset ends with a step of the command
        command.update_relative_body_poses()
        for name in ("motion_body_pos", "motion_body_ori", "motion_body_lin_vel", "motion_body_ang_vel"):
            term = manager.get_term_cfg(name)
            assert float(term.func(env.unwrapped, **term.params).min()) > 0.99, name
    command.cfg.sampling_mode = "start"


def another_robot_is_told(env):
    """The comparison of robots sees a gram, a gain and a millimetre."""
    model = env.unwrapped.sim.mj_model
    assert robot_fault(model, UNITREE_G1, MOTIONS) == ""
    torso = model.body(f"{PREFIX}torso_link").id
    for array, index, change, text in (
        (model.body_mass, torso, 0.002, "its masses differ by up to 0.00"),
        (model.actuator_gainprm, (3, 0), 1.0, "its stiffness differ by up to 1"),
        (model.body_pos, (torso, 2), 0.001, "its links are up to 0.00"),
    ):
        array[index] += change
        assert robot_fault(model, UNITREE_G1, MOTIONS).startswith(text)
        array[index] -= change


def training_is_harder_than_an_exact_environment():
    """Noise, pushes and what is randomised are there in training alone."""
    exact, training = (environment_cfg(UNITREE_G1, MOTIONS, 2, exact=exact) for exact in (True, False))
    assert not exact.events
    assert set(training.events) == {
        "push_robot",
        "base_com",
        "encoder_bias",
        "foot_friction",
        "gains",
        "strength",
        "payload",
    }
    assert training.observations[ACTOR].enable_corruption
    assert not exact.observations[ACTOR].enable_corruption
    assert all(actuator.delay_max_lag == 4 for actuator in training.scene.entities["robot"].articulation.actuators)
    untold = {"motion_global_root_pos", "motion_global_root_ori"}
    assert not untold & set(training.rewards)


def main():
    """Assert it all."""
    references = read_references(MOTIONS)
    training_is_harder_than_an_exact_environment()
    env = make_environment(environment_cfg(UNITREE_G1, MOTIONS, 2, exact=True), UNITREE_G1, "cpu")
    an_episode_begins_as_its_motion(env, references)
    motions_end_where_they_end(env, references)
    who_moves_as_the_motion_is_rewarded_in_full(env)
    another_robot_is_told(env)
    env.close()
    print("all is as it should be")  # noqa: T201


if __name__ == "__main__":
    main()
