"""A control loop, a policy in the background, and a server that dies."""

import threading
import time

from hlm.runtime.background_policy import BackgroundPolicy
from hlm.runtime.chunks.asking import Status

PATIENCE_S = 10.0


def test_loop_is_never_held_up_by_a_server_that_dies(serve, policy, make_policy, connect, observe, held):
    """Request, poll, kill, poll, restart, poll: another thread alone waits for the server."""
    running = serve(policy)
    client = connect(running.url, timeout_s=0.3)
    ask, askers = client.chunk, set()

    def chunk(*arguments):
        askers.add(threading.current_thread())
        return ask(*arguments)

    client.chunk = chunk

    def ask_until(wanted, number):
        end = time.monotonic() + PATIENCE_S
        while (poll := background.poll()).status is not wanted:
            if poll.status is not Status.WAITING:
                background.request(observe(number))
            assert time.monotonic() < end
            threading.Event().wait(0.01)
        return poll

    with BackgroundPolicy(client) as background:
        background.request(observe(1))
        assert ask_until(Status.IDLE, 1).chunk.actions[0, -1] == 1.0
        with held(policy):
            background.request(observe(2))
            assert "did not answer within 0.3 s" in ask_until(Status.FAILED, 2).error
        running.stop()
        background.request(observe(3))
        assert "no policy server" in ask_until(Status.FAILED, 3).error
        assert background.poll().chunk.actions[0, -1] == 1.0
        serve(make_policy(), port=running.port)
        background.request(observe(4))
        assert ask_until(Status.IDLE, 4).chunk.actions[0, -1] == 4.0
    assert askers
    assert threading.current_thread() not in askers
