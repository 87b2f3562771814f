from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest

from hlm.core.errors import MismatchError
from hlm.core.values import ActionChunk, CameraFrame, JointCommand, Observation, Reference, RobotState

SHAPES = {
    RobotState: {
        "joint_position_rad": (29,),
        "joint_velocity_rad_s": (29,),
        "quat_world_from_pelvis_wxyz": (4,),
        "angular_velocity_pelvis_in_pelvis_rad_s": (3,),
        "gripper_opening": (2,),
        "motor_temperature_c": (29,),
        "motor_fault": (29,),
        "quat_world_from_torso_wxyz": (4,),
    },
    Reference: {"vector": (34,)},
    JointCommand: {
        "joint_position_rad": (29,),
        "joint_velocity_rad_s": (29,),
        "kp_nm_rad": (29,),
        "kd_nm_s_rad": (29,),
        "torque_nm": (29,),
        "gripper_opening": (2,),
    },
    CameraFrame: {"image": (4, 5, 3)},
    Observation: {"state": (34,)},
    ActionChunk: {"actions": (6, 34)},
}
OTHERS = {"stamp_ns": 7, "rate_hz": 30.0, "frames": {}, "instruction": "wave"}
CASES = [(kind, name) for kind, arrays in SHAPES.items() for name in arrays]


def arguments(kind):
    """What a value of this kind is made from, every array filled with ones."""
    made = {name: np.ones(shape, np.uint8 if name == "image" else float) for name, shape in SHAPES[kind].items()}
    return made | {item.name: OTHERS[item.name] for item in fields(kind) if item.name not in made}


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_arrays_are_read_only_copies(kind, name):
    given = arguments(kind)
    value = getattr(kind(**given), name)
    given[name][...] = 0
    assert (value == 1).all()
    with pytest.raises(ValueError, match="read-only"):
        value[...] = 2


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_another_shape_is_refused_by_name(kind, name):
    given = arguments(kind)
    given[name] = given[name][..., :-1]
    said = {"vector": "reference"}.get(name, name)
    with pytest.raises(MismatchError, match=rf"{said} must have shape \[.*\], got \["):
        kind(**given)


@pytest.mark.parametrize("kind", SHAPES)
def test_values_stay_as_they_are(kind):
    with pytest.raises(FrozenInstanceError):
        kind(**arguments(kind)).stamp_ns = 8


def test_a_picture_of_numbers_between_0_and_1_is_not_made_black():
    with pytest.raises(MismatchError, match=r"image must be uint8 RGB, got float64"):
        CameraFrame(0, np.full((4, 5, 3), 0.5))


def test_an_observation_keeps_the_pictures_that_it_was_given():
    frames = {"head": CameraFrame(0, np.zeros((4, 5, 3), np.uint8))}
    observation = Observation(0, np.zeros(34), frames, "wave")
    frames.clear()
    assert list(observation.frames) == ["head"]


def chunk(length=5, rate_hz=30.0, stamp_ns=1_000_000_000):
    """Action k is 10 k in every dimension."""
    return ActionChunk(stamp_ns, rate_hz, np.repeat(10.0 * np.arange(length)[:, None], 34, axis=1))


@pytest.mark.parametrize(
    ("offset_s", "value"), [(0.0, 0.0), (0.1, 10.0), (0.15, 15.0), (0.225, 22.5), (0.4, 40.0), (0.2, 20.0)]
)
def test_an_action_is_linear_between_its_neighbours(offset_s, value):
    action = chunk(rate_hz=10.0).at(1_000_000_000 + round(offset_s * 1e9))
    assert action.shape == (34,)
    np.testing.assert_allclose(action, value, atol=1e-6)


@pytest.mark.parametrize(("instant_ns", "value"), [(0, 0.0), (10_000_000_000, 40.0), (-(10**18), 0.0), (10**18, 40.0)])
def test_the_ends_are_held(instant_ns, value):
    assert chunk().at(instant_ns).tolist() == [value] * 34


def test_a_chunk_of_one_action_is_that_action_at_all_times():
    for instant_ns in (0, 1_000_000_000, 2_000_000_000):
        assert chunk(length=1).at(instant_ns).tolist() == [0.0] * 34


def test_an_action_on_its_own_slot_of_a_30_hz_grid_is_itself():
    for index in range(5):
        np.testing.assert_allclose(chunk().at(1_000_000_000 + round(index * 1e9 / 30)), 10.0 * index, atol=1e-6)


@pytest.mark.parametrize(("length", "rate_hz"), [(0, 30.0), (3, 0.0), (3, -1.0), (3, float("nan"))])
def test_a_chunk_needs_actions_and_a_rate(length, rate_hz):
    with pytest.raises(MismatchError, match=f"a chunk needs actions and a positive rate, got {length} actions at"):
        chunk(length, rate_hz)


def test_a_robot_that_measures_no_temperature_and_no_faults_says_that_it_does_not():
    state = RobotState(0, np.zeros(29), np.zeros(29), np.ones(4), np.zeros(3))
    assert np.isnan(state.motor_temperature_c).all()
    assert np.isnan(state.motor_fault).all()
