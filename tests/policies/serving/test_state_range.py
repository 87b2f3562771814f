import numpy as np
import pytest

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError
from hlm.core.layout import DIMENSIONS, NAMES, pack
from hlm.policies.serving.state_range import must_be_possible

ROBOT = "unitree_g1"


@pytest.mark.parametrize("joints", [UNITREE_G1.lower_rad, UNITREE_G1.upper_rad, UNITREE_G1.default_rad])
@pytest.mark.parametrize("gripper", [-0.1, 0.0, 1.1])
@pytest.mark.parametrize("yaw_rate", [0.0, -2.0 * np.pi * 30.0])
def test_what_a_robot_measures_is_possible(joints, gripper, yaw_rate):
    must_be_possible(pack(joints, np.full(2, gripper), np.array([-np.pi, np.pi / 2, yaw_rate])), ROBOT)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [1e30, -1e30, 500.0])
def test_an_impossible_entry_is_named(name, value):
    state = np.zeros(DIMENSIONS)
    state[NAMES.index(name)] = value
    with pytest.raises(InputError, match=rf" for {name}, its entry {NAMES.index(name)}; robot 'unitree_g1' can have"):
        must_be_possible(state, ROBOT)


def test_degrees_are_noticed():
    with pytest.raises(InputError, match="Are units and order those"):
        must_be_possible(np.rad2deg(pack(UNITREE_G1.default_rad, np.ones(2), np.zeros(3))), ROBOT)


def test_robot_without_a_table_has_wide_limits():
    must_be_possible(np.full(DIMENSIONS, 900.0), "walker")
    with pytest.raises(InputError, match="robot 'walker' can have -1000"):
        must_be_possible(np.full(DIMENSIONS, 1e30), "walker")
