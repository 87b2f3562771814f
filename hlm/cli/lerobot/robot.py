"""LeRobot's robot `hlm_g1`: the simulated G1 of hlm in the scene of a task, one step of 30 Hz an action."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from lerobot.robots import Robot, RobotConfig
from lerobot.utils.errors import DeviceAlreadyConnectedError, DeviceNotConnectedError

from hlm.cli.lerobot.session import SteppedSession, open_session
from hlm.cli.lerobot.vectors import FEATURES, named, vector_of
from hlm.cli.sources import CAMERAS
from hlm.cli.stations import StationConfig
from hlm.cli.trackers import WHOLE_BODY, must_have_tracker
from hlm.core.errors import InputError
from hlm.core.seeds import LAST_SEED
from hlm.sim.tasks.catalog import find_task

_LOG = logging.getLogger(__name__)


@RobotConfig.register_subclass("hlm_g1")
@dataclass(kw_only=True)
class HlmG1Config(RobotConfig):
    """The G1 in simulation.

    Attributes:
        task: whose scene is built, see `hlm record --task`.
        seed: of the scene and of what is asked for in it.
        views: cameras, of head, left_wrist and right_wrist.
        image_height: of their images, px.
        image_width: of their images, px.
        tracker: what follows the references, see `hlm record --tracker`.
    """

    task: str = "shelf_cup_transfer"
    seed: int = 0
    views: list[str] = field(default_factory=lambda: list(CAMERAS))
    image_height: int = 128
    image_width: int = 128
    tracker: str = WHOLE_BODY

    def __post_init__(self) -> None:
        """Check what needs no simulation."""
        # LeRobot's class is made anew by the decorator, so that an empty `super()` would not find it.
        RobotConfig.__post_init__(self)
        find_task(self.task)
        if not 0 <= self.seed <= LAST_SEED:
            raise InputError(f"--robot.seed must be from 0 to {LAST_SEED}, got {self.seed}.")
        self.station()

    def station(self) -> StationConfig:
        """What is plugged together."""
        size = (self.image_height, self.image_width)
        return StationConfig(task=self.task, cameras=tuple(self.views), image_size=size, tracker=self.tracker)


class HlmG1(Robot):
    """The G1 in MuJoCo. Time stands still between two actions; each action lasts 1/30 s of simulated time.

    So an episode has the physics of its actions however slowly LeRobot's loop runs, and the rows of a dataset at 30 fps
    have true times.

    Args:
        config: the scene, and what is seen of it.
    """

    config_class = HlmG1Config
    name = "hlm_g1"

    def __init__(self, config: HlmG1Config) -> None:
        super().__init__(config)
        self.config = config
        self.cameras: dict[str, Any] = dict.fromkeys(config.views)  # LeRobot counts them
        self._entered = ExitStack()
        self._session: SteppedSession | None = None

    @property
    def observation_features(self) -> dict[str, Any]:
        """Shapes of what `get_observation` returns."""
        shape = (self.config.image_height, self.config.image_width, 3)
        return {**FEATURES, **dict.fromkeys(self.config.views, shape)}

    @property
    def action_features(self) -> dict[str, Any]:
        """What `send_action` takes."""
        return dict(FEATURES)

    @property
    def is_connected(self) -> bool:
        """Whether the simulation runs."""
        return self._session is not None

    @property
    def is_calibrated(self) -> bool:
        """True: a simulated robot needs no calibration."""
        return True

    def connect(self, calibrate: bool = True) -> None:  # noqa: FBT001, FBT002 - LeRobot's signature
        """Build the scene, and let the robot settle in it.

        Raises:
            DeviceAlreadyConnectedError: it is connected.
            HlmError: a part cannot be had.
        """
        del calibrate
        if self.is_connected:
            raise DeviceAlreadyConnectedError(f"{self} is already connected.")
        must_have_tracker(self.config.tracker)
        with ExitStack() as stack:
            self._session = stack.enter_context(open_session(self.config.station(), self.config.seed))
            self._entered = stack.pop_all()
        _LOG.info("task %s, seed %d: '%s'", self.config.task, self.config.seed, self._session.instance.instruction)

    def calibrate(self) -> None:
        """Do nothing: there is nothing to calibrate."""

    def configure(self) -> None:
        """Do nothing: there is nothing to configure."""

    def get_observation(self) -> dict[str, Any]:
        """The 34 measured numbers, and an image [height, width, 3] of each camera, by name.

        Raises:
            DeviceNotConnectedError: it is not connected.
            TrackingError: the robot no longer follows references.
        """
        seen = self._connected().observation()
        return {**named(seen.state), **{name: frame.image for name, frame in seen.frames.items()}}

    def send_action(self, action: dict[str, Any]) -> dict[str, Any]:
        """Push a reference and let one step pass; the reference after hlm's limits of range and speed.

        Raises:
            DeviceNotConnectedError: it is not connected.
            MismatchError: a number is missing or not known.
            TrackingError: the robot no longer follows references, or has fallen.
        """
        return named(self._connected().act(vector_of(action)))

    def disconnect(self) -> None:
        """Leave the simulation, and say how far the task has come."""
        session = self._connected()
        if session.progress is not None:
            stage = session.progress.stage
            reached = session.task.stages[stage - 1] if stage else "nothing"
            _LOG.info("task %s: %s", self.config.task, "success" if session.progress.success else f"reached {reached}")
        self._session = None
        self._entered.close()

    def _connected(self) -> SteppedSession:
        if self._session is None:
            raise DeviceNotConnectedError(f"{self} is not connected; call connect() first.")
        return self._session
