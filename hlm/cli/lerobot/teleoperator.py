"""LeRobot's teleoperator `hlm`: hlm's sources of references, by name."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lerobot.teleoperators import Teleoperator, TeleoperatorConfig
from lerobot.utils.errors import DeviceAlreadyConnectedError, DeviceNotConnectedError

from hlm.cli.command_interfaces import WHOLE_BODY_INTERFACE, must_be_command_interface, through
from hlm.cli.lerobot.session import SteppedSession, newest_session
from hlm.cli.lerobot.vectors import FEATURES, named
from hlm.cli.sources import Replay, Scripted, SourceConfig, open_sources, recorded_episode
from hlm.core.errors import InputError, MismatchError, UnknownNameError

if TYPE_CHECKING:
    from hlm.core.arrays import FloatArray
    from hlm.core.protocols import ReferenceSource

SOURCES = ("scripted", "replay")
_LOG = logging.getLogger(__name__)


@TeleoperatorConfig.register_subclass("hlm")
@dataclass(kw_only=True)
class HlmConfig(TeleoperatorConfig):
    """A source of references.

    Attributes:
        source: "scripted" for the task's scripted operator, "replay" to play the actions of an episode.
        episode: folder of the episode to replay, e.g. demos.zarr/episode_000003.
        command_interface: what the references go through, see `hlm record --command-interface`.
    """

    source: str = "scripted"
    episode: Path | None = None
    command_interface: str = WHOLE_BODY_INTERFACE

    def __post_init__(self) -> None:
        """Check what needs no simulation."""
        must_be_command_interface(self.command_interface)
        self.reference_source()

    def reference_source(self) -> SourceConfig:
        """The source as hlm's commands know it.

        Raises:
            UnknownNameError: there is none of this name.
            InputError: an episode without a replay, or the other way around.
        """
        if self.source not in SOURCES:
            raise UnknownNameError("source", self.source, SOURCES)
        if (self.source == "replay") != (self.episode is not None):
            raise InputError("--teleop.source=replay and the path of an episode, --teleop.episode, go together.")
        return Scripted() if self.episode is None else Replay(episode=self.episode)


class Hlm(Teleoperator):
    """Gives the 34 numbers of one of hlm's sources to a robot `hlm_g1` of the same process.

    What it gives was limited in range and speed, so that LeRobot records as action what the robot is sent. A source
    that has come to its end holds its last reference: LeRobot's teleoperators cannot end an episode.

    Args:
        config: which source.
    """

    config_class = HlmConfig
    name = "hlm"

    def __init__(self, config: HlmConfig) -> None:
        super().__init__(config)
        self.config = config
        self._connected = False
        self._entered = ExitStack()
        self._session: SteppedSession | None = None
        self._source: ReferenceSource | None = None
        self._held: FloatArray | None = None

    @property
    def action_features(self) -> dict[str, Any]:
        """What `get_action` returns."""
        return dict(FEATURES)

    @property
    def feedback_features(self) -> dict[str, Any]:
        """Nothing: no source of hlm takes feedback."""
        return {}

    @property
    def is_connected(self) -> bool:
        """Whether it was connected."""
        return self._connected

    @property
    def is_calibrated(self) -> bool:
        """True: there is nothing to calibrate."""
        return True

    def connect(self, calibrate: bool = True) -> None:  # noqa: FBT001, FBT002 - LeRobot's signature
        """Make ready; the source begins with the first action, because LeRobot connects the robot last.

        Raises:
            DeviceAlreadyConnectedError: it is connected.
        """
        del calibrate
        if self._connected:
            raise DeviceAlreadyConnectedError(f"{self} is already connected.")
        self._connected = True

    def calibrate(self) -> None:
        """Do nothing: there is nothing to calibrate."""

    def configure(self) -> None:
        """Do nothing: there is nothing to configure."""

    def get_action(self) -> dict[str, Any]:
        """The 34 numbers for the robot's current step, by name.

        Raises:
            DeviceNotConnectedError: it, or a robot `hlm_g1`, is not connected.
            HlmError: the source cannot be had, or the robot stands in another scene than that of the episode.
        """
        if not self._connected:
            raise DeviceNotConnectedError(f"{self} is not connected; call connect() first.")
        session = newest_session()
        if session is None:
            raise DeviceNotConnectedError("teleoperator 'hlm' moves a robot of --robot.type=hlm_g1; none is connected.")
        if self._source is None or session is not self._session:
            self._begin(session)
        return named(self._reference(session))

    def send_feedback(self, feedback: dict[str, Any]) -> None:
        """Do nothing: no source of hlm takes feedback."""

    def disconnect(self) -> None:
        """Close the source."""
        if not self._connected:
            raise DeviceNotConnectedError(f"{self} is not connected.")
        self._connected, self._session, self._source = False, None, None
        self._entered.close()

    def _begin(self, session: SteppedSession) -> None:
        self._entered.close()
        source = self.config.reference_source()
        if isinstance(source, Replay):
            _must_be_its_scene(source, session)
        make_source = self._entered.enter_context(open_sources(source, session.task))
        make_source = through(self.config.command_interface, make_source)
        self._session, self._source, self._held = session, make_source(session.instance), None
        self._source.reset(session.observation())

    def _reference(self, session: SteppedSession) -> FloatArray:
        observation = session.observation()
        wanted = None if self._source is None else self._source.reference(observation)
        if wanted is not None:
            self._held = session.allowed(wanted.vector)
        elif self._held is None:
            raise InputError(f"source '{self.config.source}' has come to its end before its first reference.")
        return self._held


def _must_be_its_scene(source: Replay, session: SteppedSession) -> None:
    """Check that the robot stands where an episode was recorded.

    Raises:
        HlmError: it stands elsewhere, or the episode is not there.
    """
    info = recorded_episode(source).info
    here = (session.task.name, session.instance.seed)
    if (info.task, info.seed) == here:
        return
    if not info.task or info.seed is None:
        raise MismatchError(f"{source.episode} names no scene of a task; it cannot be replayed in one.")
    raise MismatchError(
        f"{source.episode} was recorded with --robot.task={info.task} --robot.seed={info.seed}; the robot stands in "
        f"seed {here[1]} of {here[0]}. Give it those."
    )
