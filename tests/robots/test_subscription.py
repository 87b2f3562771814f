"""What a publisher said last, over real sockets."""

import pytest
import zmq
from fakes_sonic import free_addresses

from hlm.core.clock import NS_PER_S, MonotonicClock
from hlm.core.errors import CorruptError, InputError
from hlm.robots.publisher import bound_publisher
from hlm.robots.subscription import Subscription

CLOCK = MonotonicClock()


def number_in(message):
    """The number after the topic."""
    if not message[1:].isdigit():
        raise CorruptError(f"'{message.decode()}' has no number.")
    return int(message[1:])


@pytest.fixture
def pair():
    (address,) = free_addresses(1)
    with bound_publisher(address, "numbers", "") as publisher:
        subscription = Subscription(address, "n", number_in, reconnect_ms=5)
        yield publisher, subscription
        subscription.close()


def taken(publisher, subscription, *messages):
    """Send messages until something is taken or refused; a subscriber that has just connected misses the first."""
    until_ns = CLOCK.now_ns() + 60 * NS_PER_S
    while (value := subscription.take()) is None and not subscription.refused:
        assert CLOCK.now_ns() < until_ns
        for message in messages:
            publisher.send(message)
        CLOCK.wait_until(CLOCK.now_ns() + 5_000_000)
    return value


def test_it_takes_what_has_its_topic_and_nothing_twice(pair):
    publisher, subscription = pair
    assert subscription.take() is None
    assert taken(publisher, subscription, b"n7", b"other") == 7
    while subscription.take() is not None:
        pass
    assert subscription.take() is None


def test_what_is_damaged_is_refused_once_in_words_and_the_next_is_taken(pair, caplog):
    publisher, subscription = pair
    for _ in range(3):
        subscription.refused = ""
        assert taken(publisher, subscription, b"nonsense") is None
        assert subscription.refused == "'nonsense' has no number."
    subscription.take()
    caplog.clear()
    publisher.send(b"nonsense")
    subscription.take()
    assert not caplog.records
    subscription.refused = ""
    while taken(publisher, subscription, b"n8") != 8:
        subscription.refused = ""
    assert subscription.refused == ""


def test_a_message_that_is_too_long_is_refused_and_the_next_is_taken(pair):
    publisher, subscription = pair
    assert taken(publisher, subscription, b"n" + b"9" * (1 << 17)) is None
    assert subscription.refused == "a message of 131073 bytes is longer than 65536 bytes."
    while taken(publisher, subscription, b"n8") != 8:
        subscription.refused = ""


def test_what_is_no_address_is_one_line():
    for address in ("tcp://", "nowhere", "tcp://127.0.0.1:port"):
        with pytest.raises(InputError, match=f"'{address}' is no address to listen to"):
            Subscription(address, "", number_in)


def test_a_publisher_needs_an_address_that_is_free(pair):
    address = pair[0].getsockopt_string(zmq.LAST_ENDPOINT)
    with pytest.raises(InputError, match=rf"numbers cannot be published at {address}: Address already in use.*Ask\."):
        bound_publisher(address, "numbers", "Ask.")
