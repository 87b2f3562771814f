"""Children that die in the middle of what they do to the file system."""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Container


def killed_at(step: int, action: Callable[[], object], events: Container[str]) -> bool:
    """Run `action` in a child that dies at its n-th step on the file system; whether it came that far.

    Args:
        step: steps that it may take.
        action: what it does.
        events: names of the audit events that are steps.
    """
    child = os.fork()
    if child == 0:
        passed = 0

        def die(event, _):
            nonlocal passed
            if event in events:
                passed += 1
                if passed > step:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(die)
        try:
            action()
        except BaseException:  # noqa: BLE001 - a child of a test must not go on as pytest
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)
