"""How far a recording session is with one scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hlm.teleop.session.takes import Ending

if TYPE_CHECKING:
    from hlm.core.task import Progress
    from hlm.runtime.loop import LoopStep


@dataclass(kw_only=True, slots=True, eq=False)
class SceneState:
    """How far a session is with one scene, from the robot at its start to a scene that is drawn anew.

    Attributes:
        instruction: of the next or the open episode.
        step: the newest; None before the first.
        progress: of the open episode; None before its first step, and where nobody scores it.
        fault: why the robot follows no more; empty while it does.
        stands: whether the scene is still wanted; else another one is drawn.
        resting: whether the robot follows no more, and comes to rest.
        stops: how often a stop was asked for before that.
    """

    instruction: str = ""
    step: LoopStep | None = None
    progress: Progress | None = None
    fault: str = ""
    stands: bool = True
    resting: bool = False
    stops: int = 0

    @property
    def ending(self) -> Ending:
        """What is known of the episode if it ends now."""
        progress = self.progress
        return Ending(
            stage=None if progress is None else progress.stage,
            scored=None if progress is None else progress.success,
            fault=self.fault,
        )
