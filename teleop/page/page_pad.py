"""A gamepad at a page: it moves the same controls as handles and sliders do."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S
from hlm.teleop.devices.device import Button
from hlm.teleop.devices.stick_mapping import PadState, pad_buttons, pad_moved
from hlm.teleop.page.controls import Controls, body_command, controls_of

# A page that was away does not make up for it.
_LONGEST_S = 0.1


class PadEffect(NamedTuple):
    """What a gamepad does.

    Attributes:
        controls: after it.
        walk: [3] velocity ahead and to the left, m/s, and turn to the left, rad/s.
        buttons: of the session that are held down.
    """

    controls: Controls
    walk: FloatArray
    buttons: frozenset[Button]


class PagePad:
    """Remembers when the gamepad was read last, and how far its triggers were pressed."""

    def __init__(self) -> None:
        self._stamp_ns: int | None = None
        self._trigger = (0.0, 0.0)

    def move(self, controls: Controls, axes: FloatArray, buttons: FloatArray, stamp_ns: int) -> PadEffect:
        """What the gamepad does since it was read last.

        Args:
            controls: before.
            axes: of the gamepad, from -1 to 1.
            buttons: how far each is pressed, from 0 to 1.
            stamp_ns: when it was read.

        Raises:
            MismatchError: it has no standard layout.
        """
        since_s = 0.0 if self._stamp_ns is None else (stamp_ns - self._stamp_ns) / NS_PER_S
        self._stamp_ns = stamp_ns
        state = PadState(command=body_command(controls, np.zeros(3)), trigger=self._trigger)
        moved = pad_moved(state, axes.tolist(), buttons.tolist(), float(np.clip(since_s, 0.0, _LONGEST_S)))
        self._trigger = moved.trigger
        command = moved.command
        walk = np.array([*command.velocity_m_s, command.turn_rate_rad_s])
        return PadEffect(controls_of(command), walk, pad_buttons(buttons.tolist()))
