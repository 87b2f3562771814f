"""A person who commands parts of the body, as references of the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hlm.control.body_command import BodyCommand
from hlm.control.commanded_body.commanded_body import CommandedBody
from hlm.control.commanded_body.posture import posture
from hlm.control.commanded_body.start import standing_configuration
from hlm.control.model import BodyModel
from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S, STEP_HZ, Clock
from hlm.core.embodiment import Embodiment
from hlm.core.values import Observation, Reference
from hlm.teleop.blend import Blend, at_rest
from hlm.teleop.devices.device import Device, Posed
from hlm.teleop.freshness import Freshness
from hlm.teleop.retargeting import PoseRetargeter


class CommandedPerson:
    """Follows a device of sparse commands; implements `hlm.teleop.person.PersonSource`.

    While it holds, and while the device is late, the body finishes its step, stands, and keeps hands, height and
    lean. What was commanded meanwhile is reached afterwards at the body's own speed.

    Args:
        device: gives `BodyCommand`s; entered.
        clock: that the device stamps its samples with.
        embodiment: the robot.
    """

    def __init__(self, device: Device, clock: Clock, embodiment: Embodiment) -> None:
        self._device = device
        self._fresh = Freshness(device, clock)
        self._model = BodyModel(embodiment)
        self._body = CommandedBody(embodiment)
        self._retargeter = PoseRetargeter(embodiment)
        self._command = BodyCommand()
        self._from: FloatArray | None = None
        self._holds = True
        self._live: FloatArray | None = None
        self._last_ns: int | None = None
        self._blend: Blend | None = None

    @property
    def live(self) -> FloatArray | None:
        """[34] where the person has the body now."""
        return self._live

    @property
    def trouble(self) -> str:
        """Why the person is not followed; empty while all is well."""
        return self._fresh.trouble

    @property
    def age_s(self) -> float:
        """Age of the newest command."""
        return self._fresh.age_s

    @property
    def pose_world_from_stance(self) -> FloatArray:
        """[4, 4] stance frame of the commands in the body's own world."""
        return self._body.pose_world_from_stance

    def look(self, now_ns: int) -> None:
        """Ask the device how fresh it is."""
        del now_ns  # the body begins where it is found, see `reset`
        self._fresh.look()

    def hold(self) -> None:
        """Hold from the next reference on."""
        self._holds = True

    def follow(self) -> None:
        """Follow the person from the next reference on."""
        self._holds = False

    def continue_from(self, reference: Reference) -> None:
        """Begin, at the next reset, with hands, height, lean and grippers as another source's reference has them."""
        self._from = reference.vector

    def reset(self, observation: Observation) -> None:
        """Start from the measured pose, or from where another source has left the body."""
        found = observation.state if self._from is None else self._from
        start = standing_configuration(self._model, found)
        self._begin(BodyCommand() if self._from is None else posture(self._model, self._from))
        self._body.reset(start, None if self._from is None else self._command.gripper_opening)
        self._retargeter.reset(start)
        self._held, self._from = at_rest(found), None
        self._last_ns, self._blend = None, None
        self._fresh.look()

    def reference(self, observation: Observation) -> Reference:
        """What the person commands, as far as they are followed."""
        now_ns = observation.stamp_ns
        sample = self._fresh.look()
        followed = sample is not None and not (self._holds or self._fresh.late or self._begins(now_ns))
        if followed and sample is not None and isinstance(sample.motion, BodyCommand):
            self._command = sample.motion
        else:
            self._command = replace(self._command, velocity_m_s=np.zeros(2), turn_rate_rad_s=0.0)
        dt_s = 1.0 / STEP_HZ if self._last_ns is None else (now_ns - self._last_ns) / NS_PER_S
        self._last_ns = now_ns
        self._live = self._retargeter.vector(self._body.pose(self._command, dt_s), now_ns)
        if self._blend is None:
            self._blend = Blend(self._held, self._live, now_ns)
        return Reference(now_ns, self._blend.at(now_ns, self._live))

    def _begin(self, command: BodyCommand) -> None:
        """Keep a posture until the person changes it; handles of an episode before are let go."""
        self._command = command
        if isinstance(self._device, Posed):
            self._device.pose(self._command)

    def _begins(self, now_ns: int) -> bool:
        """Whether the arms are still on their way from where they were measured to where the body has them."""
        return self._blend is None or not self._blend.done(now_ns)
