"""What SONIC's link says when nothing, or nothing useful, is heard."""

import pytest
from fakes_sonic import free_addresses

from hlm.core.clock import MonotonicClock
from hlm.core.errors import InputError, LostError
from hlm.robots.publisher import bound_publisher
from hlm.robots.sonic.link import SonicAddresses, SonicLink


class TalkingClock(MonotonicClock):
    """While somebody waits, a publisher talks."""

    def __init__(self, publisher, message):
        self.publisher, self.message = publisher, message

    def wait_until(self, due_ns):
        self.publisher.send(self.message)
        super().wait_until(due_ns)


def addresses(state, **options):
    return SonicAddresses(publish=free_addresses(1)[0], state=state, **options)


def test_what_was_heard_and_not_understood_is_part_of_the_error():
    (state,) = free_addresses(1)
    with bound_publisher(state, "states", "") as publisher:
        link = SonicLink(addresses(state, timeout_s=2.0), TalkingClock(publisher, b"g1_debug\xc1"))
        with pytest.raises(
            LostError, match=r"within 2 s\. a message of the topic 'g1_debug' cannot be read.* Start its"
        ):
            link.__enter__()


def test_grippers_that_say_nothing_are_named():
    state, grippers = free_addresses(2)
    link = SonicLink(addresses(state, gripper_state=grippers, timeout_s=0.05))
    with pytest.raises(LostError, match=f"the gripper server at {grippers} says nothing within 0.05 s. Start it"):
        link.__enter__()


def test_what_is_no_address_is_one_line():
    with pytest.raises(InputError, match="'somewhere' is no address to listen to"):
        SonicLink(addresses("somewhere")).__enter__()
