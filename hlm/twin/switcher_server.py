"""A twin's motion switcher, and its own controller, which has the motors until the switcher is told to release them."""

from __future__ import annotations

import json

from hlm.robots.dds.topics import Topics
from hlm.robots.unitree_messages import LowCommand, LowState, Request, Response, checksum
from hlm.robots.unitree_motion_switcher import CHECK_MODE, RELEASE_MODE, SERVICE

_UNKNOWN_CALL = 3203
"""Unitree's code for a call that a service does not have."""


class SwitcherServer:
    """Answers `hlm.robots.unitree_motion_switcher.MotionSwitcher`, and whoever else speaks to it.

    Args:
        topics: on the twin's network.
        controller: name of the own controller that has the motors at first, such as `ai`; empty for none.
    """

    def __init__(self, topics: Topics, controller: str) -> None:
        self.controller = controller
        self._calls = topics.each(f"{SERVICE}/request", Request)
        self._answers = topics.writer(f"{SERVICE}/response", Response)
        self._commands = topics.writer("rt/lowcmd", LowCommand) if controller else None

    def serve(self, low: LowState) -> None:
        """Answer what was asked, and while the own controller has the motors, command them as it does.

        Args:
            low: what the robot measures.
        """
        while (call := self._calls.take()) is not None:
            answer = Response()
            answer.header.identity = call.header.identity
            match call.header.identity.api_id:
                case number if number == CHECK_MODE:
                    answer.data = json.dumps({"form": "0", "name": self.controller}).encode()
                case number if number == RELEASE_MODE:
                    self.controller = ""
                case _:
                    answer.header.status.code = _UNKNOWN_CALL
            self._answers.write(answer)
        if self.controller and self._commands is not None:
            self._commands.write(_hold(low))


def _hold(low: LowState) -> LowCommand:
    """Stay where you are, stiffly."""
    command = LowCommand(mode_machine=low.mode_machine)
    for motor, measured in zip(command.motor_cmd, low.motor_state, strict=True):
        motor.mode, motor.q, motor.kp, motor.kd = 1, measured.q, 100.0, 2.0
    command.crc = checksum(command)
    return command
