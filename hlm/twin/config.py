"""What a twin is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hlm.core.errors import InputError
from hlm.core.openhlm_images import HEAD_PORT, WRIST_PORT

GRIPPER_COMMAND_PORT, GRIPPER_STATE_PORT, CONTROL_PORT = 5556, 5558, 5560
"""OpenHLM's ports of the pose stream and the gripper server, and the twin's own for its faults."""
_FIRST_PORT = WRIST_PORT


@dataclass(frozen=True, kw_only=True, slots=True)
class TwinPorts:
    """Ports on this machine; nobody else can reach them.

    Attributes:
        first: OpenHLM's is 5554; a second twin on a machine takes another. The others lie at the same distances.
    """

    first: int = _FIRST_PORT

    def __post_init__(self) -> None:
        """Check the range."""
        if not 1024 <= self.first <= 65000:
            raise InputError(f"the first port must be between 1024 and 65000, got {self.first}.")

    @property
    def wrists(self) -> str:
        """Where the pair of wrist cameras is published."""
        return self._address(WRIST_PORT)

    @property
    def head(self) -> str:
        """Where the head's stereo camera is published."""
        return self._address(HEAD_PORT)

    @property
    def gripper_command(self) -> str:
        """Where whoever commands the grippers publishes."""
        return self._address(GRIPPER_COMMAND_PORT)

    @property
    def gripper_state(self) -> str:
        """Where the grippers' state is published."""
        return self._address(GRIPPER_STATE_PORT)

    @property
    def control(self) -> int:
        """Port of this machine at which faults are switched."""
        return self.first + CONTROL_PORT - _FIRST_PORT

    def _address(self, port: int) -> str:
        return f"tcp://127.0.0.1:{self.first + port - _FIRST_PORT}"


@dataclass(frozen=True, kw_only=True, slots=True)
class TwinConfig:
    """How a twin measures and starts.

    Attributes:
        interface: network interface, as `hlm.robots.unitree_link.DdsAddress` reads it.
        start: `standing`, or `hanging`: a rope holds the pelvis. Either way time stands still until the first command
            with stiffness.
        controller: name of its own controller, such as `ai`, that has the motors until its motion switcher is told to
            release them; empty for none, as in debug mode.
        ports: of cameras, grippers and faults.
        image_size: height and width of an image, px; a pair of them stands side by side in a message.
        noise: scale of the sensors' noise, 1 as on a robot; the accelerometer's is never less, because a robot's
            measurements never repeat.
        delay_ms: age of what is published, beyond what the network takes.
        seed: of the noise.
    """

    interface: str = "lo"
    start: Literal["standing", "hanging"] = "standing"
    controller: str = ""
    ports: TwinPorts = TwinPorts()
    image_size: tuple[int, int] = (128, 128)
    noise: float = 1.0
    delay_ms: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check ranges."""
        if not (0.0 <= self.noise <= 100.0 and 0.0 <= self.delay_ms <= 1000.0):
            raise InputError(
                f"noise must be 0 to 100 and delay 0 to 1000 ms, got {self.noise:g}, {self.delay_ms:g} ms."
            )
