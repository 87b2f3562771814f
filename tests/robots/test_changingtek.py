"""The grippers' link against the twin's gripper server, over real sockets."""

import numpy as np
import pytest
from fakes_sonic import free_addresses

from hlm.core.clock import NS_PER_S, MonotonicClock
from hlm.core.errors import InputError
from hlm.robots.changingtek import ChangingTekGrippers, GripperAddresses
from hlm.twin.config import TwinPorts
from hlm.twin.gripper_server import GripperServer

CLOCK = MonotonicClock()


@pytest.fixture
def ports():
    (address,) = free_addresses(1)
    return TwinPorts(first=min(int(address.rpartition(":")[2]), 60_000))


@pytest.fixture
def grippers(ports):
    return ChangingTekGrippers(GripperAddresses(state=ports.gripper_state, command=ports.gripper_command), CLOCK)


def repeat_until(act, condition):
    until_ns = CLOCK.now_ns() + 60 * NS_PER_S
    while not condition():
        assert CLOCK.now_ns() < until_ns
        act()
        CLOCK.wait_until(CLOCK.now_ns() + 5_000_000)


def test_openings_go_both_ways(ports, grippers):
    measured, wanted = np.array([0.25, 1.0]), np.array([0.5, 0.0])
    with GripperServer(ports) as server, grippers:
        assert grippers.read()[1] == -1
        assert server.wanted() is None
        before_ns = CLOCK.now_ns()
        repeat_until(lambda: server.tell(measured), lambda: grippers.read()[1] >= before_ns)
        np.testing.assert_array_equal(grippers.read()[0], measured)
        repeat_until(lambda: grippers.command(wanted), lambda: server.wanted() is not None)
        np.testing.assert_array_equal(server.wanted(), wanted)


def test_who_connects_again_has_heard_nothing_yet(ports, grippers):
    with GripperServer(ports) as server, grippers:
        repeat_until(lambda: server.tell(np.zeros(2)), lambda: grippers.read()[1] >= 0)
    with grippers:
        opening, stamp_ns = grippers.read()
    assert stamp_ns == -1
    np.testing.assert_array_equal(opening, [1.0, 1.0])


def test_what_is_no_address_is_one_line():
    with pytest.raises(InputError, match="'somewhere' is no address to listen to"):
        ChangingTekGrippers(GripperAddresses(state="somewhere"), CLOCK).__enter__()
