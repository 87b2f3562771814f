"""mjlab's tracking task of the G1, with an actor that sees what a tracker sees on a robot. Needs mjlab.

What stays mjlab's: the critic's view, most rewards, terminations, pushes, and the randomisation of friction, encoders
and the torso's centre of mass.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from learn_tracker_parts.robot import body_name, joint_name, robot_cfg
from learn_tracker_parts.robot_check import robot_fault
from learn_tracker_parts.stream_command import StreamCommandCfg
from learn_tracker_parts.terms import angular_velocity_likeness, linear_velocity_likeness, reference_stream
from mjlab.envs import ManagerBasedRlEnv, ManagerBasedRlEnvCfg
from mjlab.envs.mdp import dr
from mjlab.managers.event_manager import EventTermCfg
from mjlab.managers.observation_manager import ObservationGroupCfg, ObservationTermCfg
from mjlab.managers.reward_manager import RewardTermCfg
from mjlab.managers.scene_entity_config import SceneEntityCfg
from mjlab.rl import MjlabOnPolicyRunner, RslRlVecEnvWrapper
from mjlab.tasks.tracking import mdp
from mjlab.tasks.tracking.config.g1.env_cfgs import unitree_g1_flat_tracking_env_cfg
from mjlab.tasks.tracking.config.g1.rl_cfg import unitree_g1_tracking_ppo_runner_cfg
from mjlab.tasks.tracking.mdp import MotionCommandCfg
from mjlab.utils.noise import UniformNoiseCfg

from hlm.control.learned_tracker.observation import TERMS, TRACKER_HZ, action_scale_rad
from hlm.core.embodiment import Embodiment
from hlm.core.errors import MismatchError

COMMAND, ACTION, ACTOR = "motion", "joint_pos", "actor"
_PAYLOAD_KG = (0.0, 1.0)  # in each hand


def environment_cfg(embodiment: Embodiment, motions: Path, environments: int, *, exact: bool) -> ManagerBasedRlEnvCfg:
    """The task.

    Args:
        embodiment: the robot.
        motions: file of stage 1.
        environments: robots at the same time.
        exact: no noise, no pushes, nothing randomised, and motions from the beginning of the file; else for training.
    """
    cfg = unitree_g1_flat_tracking_env_cfg(has_state_estimation=False, play=exact)
    cfg.scene.num_envs = environments
    cfg.scene.entities = {"robot": robot_cfg(embodiment, exact=exact)}
    cfg.commands = {COMMAND: _command(cfg.commands[COMMAND], embodiment, motions, exact=exact)}
    cfg.observations[ACTOR] = ObservationGroupCfg(
        terms=_actor_terms(), concatenate_terms=True, enable_corruption=not exact
    )
    cfg.observations["critic"].terms[TERMS[0][0]] = _actor_terms()[TERMS[0][0]]
    action = cfg.actions[ACTION]
    joints = [joint_name(joint.name) for joint in embodiment.joints]
    action.scale = dict(zip(joints, action_scale_rad(embodiment).tolist(), strict=True))
    limits = zip(embodiment.lower_rad.tolist(), embodiment.upper_rad.tolist(), strict=True)
    action.clip = dict(zip(joints, limits, strict=True))
    cfg.rewards = _rewards(cfg.rewards)
    cfg.events = {} if exact else {**cfg.events, **_events(embodiment)}
    return cfg


def make_environment(cfg: ManagerBasedRlEnvCfg, embodiment: Embodiment, device: str) -> RslRlVecEnvWrapper:
    """The environment, whose robot, rates and observations are those of a tracker.

    Raises:
        MismatchError: this mjlab has others.
    """
    env = ManagerBasedRlEnv(cfg=cfg, device=device)
    wanted = [joint_name(joint.name) for joint in embodiment.joints]
    if list(env.scene["robot"].joint_names) != wanted or env.action_manager.get_term(ACTION).target_names != wanted:
        raise MismatchError("mjlab's G1 has its joints in another order than hlm's.")
    if list(env.scene["robot"].body_names) != [body_name(link.name) for link in embodiment.links]:
        raise MismatchError("mjlab's G1 has its links in another order than hlm's.")
    found = [
        (name, *shape)
        for name, shape in zip(
            env.observation_manager.active_terms[ACTOR],
            env.observation_manager.group_obs_term_dim[ACTOR],
            strict=True,
        )
    ]
    if found != list(TERMS) or round(1.0 / env.step_dt) != round(TRACKER_HZ):
        raise MismatchError(f"the actor sees {found} every {env.step_dt} s, which is not what a tracker sees.")
    if fault := robot_fault(env.sim.mj_model, embodiment, Path(cfg.commands[COMMAND].motion_file)):
        raise MismatchError(f"mjlab's G1 is another robot than hlm's: {fault}.")
    return RslRlVecEnvWrapper(env)


def make_runner(env: RslRlVecEnvWrapper, folder: Path | None, *, small: bool) -> MjlabOnPolicyRunner:
    """Mjlab's runner with the settings of its own tracking task; `small` takes a few steps with a small network."""
    cfg = unitree_g1_tracking_ppo_runner_cfg()
    cfg.logger, cfg.upload_model = "tensorboard", False
    if small:
        cfg.num_steps_per_env, cfg.save_interval = 8, 1
        cfg.actor.hidden_dims = cfg.critic.hidden_dims = (64, 64)
    settings: dict[str, Any] = asdict(cfg)
    return MjlabOnPolicyRunner(env, settings, None if folder is None else str(folder), str(env.device))


def _command(tracking: MotionCommandCfg, embodiment: Embodiment, motions: Path, *, exact: bool) -> StreamCommandCfg:
    """The motion command of mjlab's task, on our motions."""
    kept = {field.name: getattr(tracking, field.name) for field in fields(tracking)}
    kept["motion_file"] = str(motions)
    if exact:
        kept["joint_position_range"] = (0.0, 0.0)
    return StreamCommandCfg(**kept, default_rad=tuple(embodiment.default_rad.tolist()))


def _actor_terms() -> dict[str, ObservationTermCfg]:
    """The parts of `hlm.control.learned_tracker.observation.TERMS`, with mjlab's noise."""
    terms = (
        ObservationTermCfg(func=reference_stream, params={"command_name": COMMAND}),
        ObservationTermCfg(func=mdp.base_ang_vel, noise=UniformNoiseCfg(n_min=-0.2, n_max=0.2)),
        ObservationTermCfg(func=mdp.projected_gravity, noise=UniformNoiseCfg(n_min=-0.05, n_max=0.05)),
        ObservationTermCfg(
            func=mdp.joint_pos_rel, params={"biased": True}, noise=UniformNoiseCfg(n_min=-0.01, n_max=0.01)
        ),
        ObservationTermCfg(func=mdp.joint_vel_rel, noise=UniformNoiseCfg(n_min=-0.5, n_max=0.5)),
        ObservationTermCfg(func=mdp.last_action),
    )
    return dict(zip([name for name, _ in TERMS], terms, strict=True))


def _rewards(tracking: dict[str, RewardTermCfg]) -> dict[str, RewardTermCfg]:
    """Mjlab's rewards without those for a place and a heading that the stream does not tell."""
    untold = ("motion_global_root_pos", "motion_global_root_ori", "motion_body_lin_vel", "motion_body_ang_vel")
    kept = {name: term for name, term in tracking.items() if name not in untold}
    likenesses = (linear_velocity_likeness, angular_velocity_likeness)
    for name, likeness in zip(untold[2:], likenesses, strict=True):
        kept[name] = RewardTermCfg(func=likeness, weight=tracking[name].weight, params=dict(tracking[name].params))
    return kept


def _events(embodiment: Embodiment) -> dict[str, EventTermCfg]:
    """What varies besides what mjlab's task varies: what the bench varies too, if less."""
    robot = SceneEntityCfg("robot")
    hands = SceneEntityCfg("robot", body_names=tuple(body_name(gripper.link) for gripper in embodiment.grippers))
    return {
        "gains": EventTermCfg(
            mode="startup",
            func=dr.pd_gains,
            params={"asset_cfg": robot, "kp_range": (0.9, 1.1), "kd_range": (0.9, 1.1)},
        ),
        "strength": EventTermCfg(
            mode="startup", func=dr.effort_limits, params={"asset_cfg": robot, "effort_limit_range": (0.9, 1.0)}
        ),
        "payload": EventTermCfg(
            mode="startup", func=dr.body_mass, params={"asset_cfg": hands, "operation": "add", "ranges": _PAYLOAD_KG}
        ),
    }
