"""Options for reading a dataset of another format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """Options for reading a dataset of another format.

    Attributes:
        cameras: hlm's names of the cameras to read, by those of the other format. Empty, for LeRobot's: all that hlm
            has a name for.
        rate_hz: steps per second that the dataset must have, unless hlm exported it.
        source: source of the references, one of `hlm.datasets.schema.SOURCES`. Empty: what the dataset says.
        grippers: what a closed and an open gripper read in OpenHLM's datasets. None: it is found out.
    """

    cameras: Mapping[str, str] = field(default_factory=dict)
    rate_hz: float = 30.0
    source: str = ""
    grippers: tuple[float, float] | None = None
