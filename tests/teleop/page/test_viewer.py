"""The 3-D view's server is reached through its gate alone."""

import sys

import pytest
from websockets.sync.client import connect

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.teleop.page.viewer import Viewer, hidden_loopback

pytest.importorskip("viser", reason="viser is not installed")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have one loopback address")
def test_a_page_of_another_origin_finds_no_server_of_the_view():
    with Viewer("127.0.0.1", 0, None, UNITREE_G1) as viewer:
        port = viewer._server.get_port()
        with pytest.raises(ConnectionRefusedError):
            connect(f"ws://127.0.0.1:{port}", origin="http://elsewhere.example", subprotocols=["viser-v1"])
        path = viewer.gate.admit(lambda: True)
        with connect(f"ws://127.0.0.1:{viewer.gate.port}{path}", subprotocols=["viser-v0.0.0"], max_size=None) as page:
            assert page.subprotocol == "viser-v0.0.0"


def test_hidden_addresses_are_of_this_machine_alone_and_differ():
    found = {hidden_loopback() for _ in range(8)}
    assert all(address.startswith("127.") for address in found)
    assert len(found) > 1 or sys.platform != "linux"
