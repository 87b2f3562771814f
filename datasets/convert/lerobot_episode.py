"""Reading of an episode of a LeRobot dataset, in hlm's terms."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hlm.core.arrays import ByteArray
from hlm.core.errors import CorruptError, MismatchError
from hlm.core.layout import GRIPPERS
from hlm.datasets.convert import lerobot_openhlm
from hlm.datasets.convert.lerobot_folder import LeRobotFolder
from hlm.datasets.convert.lerobot_names import STAMP, OwnColumns, Shapes, age_column
from hlm.datasets.convert.lerobot_sidecar import Described, check_same
from hlm.datasets.convert.openhlm_grippers import Scales
from hlm.datasets.convert.openhlm_steps import refilter_yaw_rate
from hlm.datasets.schema import EpisodeInfo, Json, Step


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Where a LeRobot dataset has what hlm wants.

    Attributes:
        state: column of the states.
        action: column of the actions.
        cameras: column of each camera, by hlm's name.
        sizes: (height, width) of each camera, px; its images may be one row or column larger.
        own: columns that hlm wrote.
        shapes: shape of each privileged quantity where it is known.
        openhlm: whether it is one of OpenHLM's.
        humi: numbers of the episodes that HuMI made, without a robot.
        scales: units of the grippers of the other episodes.
    """

    state: str
    action: str
    cameras: Mapping[str, str]
    sizes: Mapping[str, tuple[int, int]]
    own: OwnColumns
    shapes: Shapes
    openhlm: bool
    humi: frozenset[int]
    scales: Scales

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are used."""
        return (self.state, self.action, *self.own.names, *self.cameras.values())


class EpisodeReader:
    """Reader of an episode.

    Raises:
        CorruptError: the episode cannot be read, or is not as hlm described it.
    """

    def __init__(
        self,
        folder: LeRobotFolder,
        number: int,
        layout: Layout,
        described: Described | None,
        repairs: lerobot_openhlm.Repairs,
    ) -> None:
        self._folder, self._number, self._layout = folder, number, layout
        self._described, self._repairs = described, repairs
        self._arrays = folder.columns(number, [layout.state, layout.action, *layout.own.names])
        where = f"episode {number} of {folder.path}"
        own = layout.own
        if described is not None:
            check_same(described, self._arrays, own, where, folder.path)
            self._inputs: tuple[str, ...] = described.inputs
            self._privileged = {name: own.privileged[name] for name in described.privileged}
        else:
            # A column that an episode lacks is nan from end to end.
            self._inputs = tuple(name for name in own.inputs if self._has(age_column(name)))
            self._privileged = {name: column for name, column in own.privileged.items() if self._has(column)}
        self._stamp_ns = self._stamps(where)
        self._cameras = dict(layout.cameras)
        if layout.openhlm:
            self._mend_openhlm()

    @property
    def is_humi(self) -> bool:
        """Whether HuMI made it, without a robot."""
        return self._number in self._layout.humi

    def info(self, source: str) -> EpisodeInfo:
        """Description of the episode, under the words that LeRobot says.

        Args:
            source: source of the references if hlm did not describe the episode; empty if OpenHLM's names say it.
        """
        words, _ = self._folder.words(self._number)
        if len(words) != 1:
            raise MismatchError(
                f"episode {self._number} of {self._folder.path} has {len(words)} tasks, an episode of hlm's has one "
                "instruction. Choose --episodes that have one."
            )
        if self._described is not None:
            return EpisodeInfo.from_attributes(self._described.attributes).with_instruction(words[0])
        place: dict[str, Json] = {"dataset": self._folder.path.name, "episode": self._number}
        return EpisodeInfo(
            instruction=words[0], source=source or ("humi" if self.is_humi else "teleop"), extra={"lerobot": place}
        )

    def steps(self) -> Iterator[Step]:
        """Yield the steps, with their images."""
        readers = {camera: self._images(camera) for camera in self._cameras}
        ages = {name: self._arrays[age_column(name)][:, 0] for name in self._inputs}
        privileged = {name: self._quantity(name) for name in self._privileged}
        for step, stamp_ns in enumerate(self._stamp_ns):
            yield Step(
                int(stamp_ns),
                self._arrays[self._layout.state][step],
                self._arrays[self._layout.action][step],
                {camera: next(reader) for camera, reader in readers.items()},
                {name: float(age_s[step]) for name, age_s in ages.items()},
                {name: values[step] for name, values in privileged.items()},
            )

    def _stamps(self, where: str) -> np.ndarray[Any, Any]:
        """[time] stamps; by default the times of the frames, which are all that LeRobot has."""
        if not self._layout.own.stamp:
            return np.round(self._folder.time_s(self._number) * 1e9).astype(np.int64)
        stamp_ns = self._arrays[STAMP][:, 0]
        if not bool((np.diff(stamp_ns) > 0).all()):
            raise CorruptError(f"{where} contradicts itself: {STAMP} does not increase in the order of frame_index.")
        return stamp_ns

    def _mend_openhlm(self) -> None:
        """Leave out cameras that are black throughout and whole turns in yaw rates, refilter these, scale grippers."""
        for camera, key in list(self._cameras.items()):
            if lerobot_openhlm.is_black(self._folder.images(self._number, key)):
                del self._cameras[camera]
                self._repairs.absent(camera, self._number)
        # HuMI's grippers are openings by construction, whatever the robots' read.
        turned, scales = 0, Scales() if self.is_humi else self._layout.scales
        for column, scale in ((self._layout.state, scales.state), (self._layout.action, scales.action)):
            mended, steps = lerobot_openhlm.without_turns(self._arrays[column], self._folder.info.rate_hz)
            mended[:, GRIPPERS] = scale.opening(mended[:, GRIPPERS])
            self._arrays[column] = refilter_yaw_rate(mended, self._stamp_ns, humi=self.is_humi)
            turned += steps
        self._repairs.turned(self._number, turned)

    def _images(self, camera: str) -> Iterator[ByteArray]:
        height, width = self._layout.sizes[camera]
        for image in self._folder.images(self._number, self._cameras[camera]):
            if self._layout.openhlm:
                self._repairs.saw(camera, self._number, image)
            yield image[:height, :width]

    def _quantity(self, name: str) -> np.ndarray[Any, Any]:
        column = self._arrays[self._privileged[name]]
        shape = self._layout.shapes.get(name, column.shape[1:])
        if math.prod(shape) != column[0].size:
            raise CorruptError(
                f"privileged quantity '{name}' of {self._folder.path} has {column[0].size} numbers a step, not {shape}."
            )
        return column.reshape(len(column), *shape)

    def _has(self, column: str) -> bool:
        return not bool(np.isnan(self._arrays[column]).all())
