"""What must hold of every joint command that leaves a body, on arrays; and references that nobody should send."""

import numpy as np

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import DIMENSIONS
from hlm.runtime.safety.command_limits import CommandLimitConfig

LIMITS = CommandLimitConfig()
TICK_S = 0.01
SLACK = 1e-6
REFERENCE_KP = np.array([joint.kp_nm_rad for joint in UNITREE_G1.joints])
REFERENCE_KD = np.array([joint.kd_nm_s_rad for joint in UNITREE_G1.joints])


def torques_nm(commands, states):
    """[time, joint] torques by the motors' law, at the measurement that each command answers."""
    stack = np.stack
    error = stack([c.joint_position_rad - s.joint_position_rad for c, s in zip(commands, states, strict=True)])
    slip = stack([c.joint_velocity_rad_s - s.joint_velocity_rad_s for c, s in zip(commands, states, strict=True)])
    kp, kd = stack([c.kp_nm_rad for c in commands]), stack([c.kd_nm_s_rad for c in commands])
    return stack([c.torque_nm for c in commands]) + kp * error + kd * slip


def violations(commands, states, exempt):
    """Names of the laws that a stretch of commands breaks; the stretch is followed by the tracker, tick by tick.

    Args:
        commands: of consecutive ticks.
        states: the measurement that each answers.
        exempt: [time] whether targets stopped at once for a self-collision.
    """
    position = np.stack([command.joint_position_rad for command in commands])
    velocity = np.stack([command.joint_velocity_rad_s for command in commands])
    others = [np.concatenate([c.kp_nm_rad, c.kd_nm_s_rad, c.torque_nm, c.gripper_opening]) for c in commands]
    if not (np.isfinite(position).all() and np.isfinite(velocity).all() and np.isfinite(others).all()):
        return ["finite"]
    speed = np.diff(position, axis=0) / TICK_S
    speed_limit = LIMITS.speed_share * UNITREE_G1.velocity_rad_s + SLACK
    change = np.diff(speed, axis=0) / TICK_S
    exempt = np.asarray(exempt)
    free = ~(exempt[2:] | exempt[1:-1])
    kp, kd = np.stack([c.kp_nm_rad for c in commands]), np.stack([c.kd_nm_s_rad for c in commands])
    opening = np.stack([c.gripper_opening for c in commands])
    torque = torques_nm(commands, states)
    power = (torque * np.stack([state.joint_velocity_rad_s for state in states])).clip(min=0.0).sum(axis=1)
    load = ((torque / UNITREE_G1.effort_nm) ** 2).sum(axis=1)
    acceleration_limit = LIMITS.acceleration_rad_s2 * (1.0 + SLACK) + SLACK
    laws = {
        "position": (position >= UNITREE_G1.lower_rad - SLACK) & (position <= UNITREE_G1.upper_rad + SLACK),
        "speed": np.abs(speed) <= speed_limit,
        "acceleration": np.abs(change[free]) <= acceleration_limit,
        "velocity": np.abs(velocity) <= speed_limit,
        "velocity change": np.abs(np.diff(velocity, axis=0)) / TICK_S <= acceleration_limit,
        "gains": (kp >= 0.0) & (kd >= 0.0) & (kp <= 5.0 * REFERENCE_KP + SLACK) & (kd <= 5.0 * REFERENCE_KD + SLACK),
        "torque": np.abs(torque) <= UNITREE_G1.effort_nm + SLACK,
        "feed-forward": np.abs(np.stack([c.torque_nm for c in commands])) <= UNITREE_G1.effort_nm + SLACK,
        "power": power <= LIMITS.power_w + SLACK,
        "load": load <= LIMITS.load + SLACK,
        "grippers": (opening >= 0.0) & (opening <= 1.0),
    }
    return [name for name, held in laws.items() if not held.all()]


def _spike(vectors, random):
    rows = random.random(len(vectors)) < 0.2
    vectors[rows] += random.normal(size=(rows.sum(), DIMENSIONS)) * 10.0 ** random.uniform(-1, 6)


def _swap(vectors, random):
    vectors[len(vectors) // 3 :] = vectors[len(vectors) // 3 :, random.permutation(DIMENSIONS)]


def _flip(vectors, random):
    signs = random.choice([-1.0, 1.0], size=DIMENSIONS)
    vectors[random.random(len(vectors)) < 0.5] *= signs


def _freeze(vectors, random):
    start = random.integers(len(vectors))
    vectors[start:] = vectors[start]


def _not_a_number(vectors, random):
    bad = random.choice([np.nan, np.inf, -np.inf])
    vectors[random.integers(len(vectors)), random.integers(DIMENSIONS)] = bad


def _huge(vectors, random):
    vectors[:, random.integers(DIMENSIONS)] = random.choice([-1.0, 1.0]) * 10.0 ** random.uniform(2, 300)


def _bang_bang(vectors, random):
    vectors[:] = np.where(random.random(vectors.shape) < 0.5, -4.0, 4.0)


def _other_episode(vectors, random):
    vectors[len(vectors) // 2 :] = random.uniform(-3.0, 3.0, size=DIMENSIONS)


def _backwards(vectors, random):
    vectors[:] = vectors[::-1].copy()


def _tremble(vectors, random):
    vectors += random.normal(size=vectors.shape) * 10.0 ** random.uniform(-2, 0.5)


MUTATIONS = (
    _spike, _swap, _flip, _freeze, _not_a_number, _huge, _bang_bang, _other_episode, _backwards, _tremble,
)  # fmt: skip


def mutated(vectors, random):
    """A copy of an episode's [time, 34] references with one to three things wrong, and its stamps, s; some jump."""
    copy = vectors.copy()
    for index in random.choice(len(MUTATIONS), size=random.integers(1, 4), replace=False):
        MUTATIONS[index](copy, random)
    stamps_s = np.arange(len(copy)) / 30.0
    if random.random() < 0.2:
        stamps_s[random.integers(len(copy)) :] += random.choice([-1e6, -1.0, -0.05, 0.4, 2.0, 1e6])
    return copy, stamps_s
