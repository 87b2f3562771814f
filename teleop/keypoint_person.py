"""A person's whole body as references: measured once, retargeted, joined without a jump when it is followed again."""

from __future__ import annotations

import math

from hlm.control.model import BodyModel, Configuration
from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S, STEP_HZ, Clock
from hlm.core.embodiment import Embodiment
from hlm.core.errors import HlmError
from hlm.core.values import Observation, Reference
from hlm.teleop.blend import at_rest
from hlm.teleop.devices.device import Device, DeviceSample
from hlm.teleop.freshness import Freshness
from hlm.teleop.keypoints.body_keypoints import BodyKeypoints
from hlm.teleop.keypoints.calibration import Calibration
from hlm.teleop.keypoints.retargeter import Retargeter
from hlm.teleop.landing import Landing
from hlm.teleop.reference_vectors import ReferenceVectors
from hlm.teleop.way import Way

STANDING_S = 2.0


class KeypointPerson:
    """Follows a device that sees the whole body; implements `hlm.teleop.person.PersonSource`.

    The person is measured first: the first two seconds in which they stand upright and still give the lengths of their
    limbs. Before that, while it holds, and while the device is late, it holds the last reference. A foot that is in the
    air then is put down.

    Args:
        device: gives `BodyKeypoints`; entered.
        clock: that the device stamps its samples with.
        embodiment: the robot that the person is retargeted to.
        calibration: of a person who was measured before; None measures.
    """

    def __init__(
        self, device: Device, clock: Clock, embodiment: Embodiment, calibration: Calibration | None = None
    ) -> None:
        self._fresh = Freshness(device, clock)
        self._embodiment = embodiment
        self._model = BodyModel(embodiment)
        self._retargeter = None if calibration is None else Retargeter(self._model, calibration)
        self._standing: list[BodyKeypoints] = []
        self._unmeasured = "stand upright and still for two seconds, to be measured"
        self._vectors = ReferenceVectors()
        self._holds = True
        self._live: FloatArray | None = None
        self._seen_ns = 0
        self._live_configuration: Configuration | None = None
        self._way: Way | None = None
        self._landing: Landing | None = None

    @property
    def live(self) -> FloatArray | None:
        """[34] where the person has the body now."""
        return self._live

    @property
    def trouble(self) -> str:
        """Why the person is not followed; empty while all is well."""
        return self._fresh.trouble or ("" if self._retargeter is not None else self._unmeasured)

    @property
    def age_s(self) -> float:
        """Age of the newest keypoints."""
        return self._fresh.age_s

    def look(self, now_ns: int) -> None:
        """Ask the device, and measure and retarget the person by what is new."""
        self._listen(now_ns)

    def hold(self) -> None:
        """Hold from the next reference on."""
        self._holds = True

    def follow(self) -> None:
        """Follow the person from the next reference on."""
        self._holds = False

    def reset(self, observation: Observation) -> None:
        """Hold the measured pose until the person is followed."""
        self._held = at_rest(observation.state)
        self._way, self._landing = None, None
        self._seen_ns = 0  # the clock of a simulation begins anew as well
        self._live, self._live_configuration = None, None
        self._vectors = ReferenceVectors()
        if self._retargeter is not None:
            self._retargeter.reset(None)  # or else an episode would depend on those before it
        self._fresh.look()

    def reference(self, observation: Observation) -> Reference:
        """What the person does, as far as they are followed; else the pose that is held."""
        now_ns = observation.stamp_ns
        self._listen(now_ns)
        if self._live is None or self._live_configuration is None or self._holds or self._fresh.late:
            self._stand(now_ns)
        elif self._landing is not None and not self._landing.done(now_ns):
            self._held = self._landing.at(now_ns)
        else:
            if self._way is None:
                self._way = Way(self._model, self._held, self._live_configuration, now_ns)
            self._landing = None
            self._held = self._way.at(now_ns, self._live)
        return Reference(now_ns, self._held)

    def _stand(self, now_ns: int) -> None:
        """Hold the last reference, on both feet."""
        if self._landing is None:
            self._landing = Landing(self._model, self._held, now_ns)
        self._way = None
        self._held = self._landing.at(now_ns)

    def _listen(self, now_ns: int) -> None:
        sample = self._fresh.look()
        if sample is not None and sample.stamp_ns > self._seen_ns:
            self._take(sample, now_ns)

    def _take(self, sample: DeviceSample, now_ns: int) -> None:
        """Retarget new keypoints, or measure the person with them."""
        keypoints = sample.motion
        if not isinstance(keypoints, BodyKeypoints):
            return
        since_s = (sample.stamp_ns - self._seen_ns) / NS_PER_S if self._seen_ns else math.inf
        self._seen_ns = sample.stamp_ns
        if self._retargeter is None:
            self._measure(keypoints)
        if self._retargeter is not None:
            configuration = self._retargeter.retarget(keypoints, min(since_s, 1.0 / STEP_HZ))
            self._live_configuration = configuration
            self._live = self._vectors.vector(configuration, keypoints.gripper_opening, now_ns)

    def _measure(self, keypoints: BodyKeypoints) -> None:
        """Keep the last two seconds, and measure the person when they stood still in them."""
        self._standing.append(keypoints)
        oldest_ns = keypoints.stamp_ns - round(STANDING_S * NS_PER_S)
        if self._standing[0].stamp_ns > oldest_ns:
            return
        self._standing = [one for one in self._standing if one.stamp_ns >= oldest_ns]
        try:
            self._retargeter = Retargeter(self._model, Calibration.from_standing(self._standing, self._embodiment))
        except HlmError as error:
            self._unmeasured = f"stand upright and still for two seconds, to be measured: {error}"
        else:
            self._retargeter.reset(None)
            self._standing = []
