import socket

import pytest

from hlm.core.errors import InputError
from hlm.core.listening import bind, is_loopback, url_of


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "[::1]", "localhost"])
def test_this_machine(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.123.164", "fe80::1"])
def test_others_can_reach_it(host):
    assert not is_loopback(host)


def test_free_port_is_said():
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert url_of(listener) == f"ws://127.0.0.1:{port}"


def test_nobody_is_let_in_before_there_is_a_server():
    with bind("127.0.0.1", 0) as listener, pytest.raises(ConnectionRefusedError):
        socket.create_connection(listener.getsockname(), timeout=1.0)


def test_taken_port_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} of '127.0.0.1': address already in use. Stop what listens"):
            bind("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "port", "text"),
    [
        ("127.0.0.1", -1, "port -1 is not valid"),
        ("127.0.0.1", 65_536, "port 65536 is not valid"),
        ("no.such.host.invalid", 0, "no host 'no.such.host.invalid'"),
        ("203.0.113.1", 0, "cannot listen at port 0 of '203.0.113.1'"),
    ],
)
def test_addresses_that_cannot_be_had(host, port, text):
    with pytest.raises(InputError, match=text):
        bind(host, port)
