import socket

import pytest

from hlm.core.errors import InputError
from hlm.twin.control import FaultControl
from hlm.twin.dds_port import make_faults_ring
from hlm.twin.faults import StateFault


@pytest.fixture
def control(unused_port):
    with FaultControl(make_faults_ring(), unused_port) as control:
        yield control


@pytest.fixture
def unused_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def ask(control, port, sent, replies):
    """What the port answers; the control is polled meanwhile."""
    with socket.create_connection(("127.0.0.1", port), timeout=10.0) as connection:
        connection.sendall(sent)
        connection.settimeout(0.05)
        received = b""
        for _ in range(200):
            control.poll()
            try:
                received += connection.recv(10_000)
            except TimeoutError:
                continue
            if received.count(b"\n") >= replies:
                break
        return received.decode()


def test_lines_at_the_port_switch_faults_and_are_answered(control, unused_port):
    answers = ask(control, unused_port, b"state frozen\nstate  broken\n\nmotor left_knee dead\n", 3)
    first, second, third = answers.splitlines()
    assert (first, third) == ("ok", "ok")
    assert second.startswith("error: 'state broken' is no fault")
    assert control.said == ["state frozen", "motor left_knee dead"]
    assert control._faults.newest()["state"] == StateFault.FROZEN


def test_help_lists_the_lines(control, unused_port):
    assert "push X Y Z" in ask(control, unused_port, b"help\n", 5)


def test_half_a_line_waits_for_the_rest_and_noise_does_no_harm(control, unused_port):
    assert ask(control, unused_port, b"\xff\xfe\n", 1).startswith("error: no fault")
    with socket.create_connection(("127.0.0.1", unused_port)) as connection:
        connection.sendall(b"state fro")
        for _ in range(5):
            control.poll()
        assert control.said == []
    with pytest.raises(ConnectionResetError):  # nobody keeps a line without an end
        ask(control, unused_port, b"x" * 50_000, 1)
    assert ask(control, unused_port, b"ok\n", 1) == "ok\n"


def test_a_port_in_use_is_one_line(control, unused_port):
    with (
        pytest.raises(InputError, match=f"port {unused_port} of this machine.*--first-port"),
        FaultControl(make_faults_ring(), unused_port),
    ):
        pass
