"""mjlab's motion command for many motions and for the reference stream that a tracker sees. Needs mjlab."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from learn_tracker_parts.motion_files import read_references
from mjlab.envs import ManagerBasedRlEnv
from mjlab.tasks.tracking.mdp import MotionCommand, MotionCommandCfg

from hlm.control.learned_tracker.observation import FEATURES, PREVIEW_SLOTS, features_of


class StreamCommand(MotionCommand):
    """The motion of each environment, which ends where the motion ends and not where the file does.

    Args:
        cfg: the motion command's.
        env: the environment.
    """

    cfg: StreamCommandCfg

    def __init__(self, cfg: StreamCommandCfg, env: ManagerBasedRlEnv) -> None:
        super().__init__(cfg, env)
        references = read_references(Path(cfg.motion_file))
        features = features_of(references.reference, np.array(cfg.default_rad))
        self._features = torch.tensor(features, dtype=torch.float32, device=self.device)
        ends = np.append(references.start[1:], len(references.reference)) - 1
        last = np.repeat(ends, ends - references.start + 1)
        self._last = torch.tensor(last, dtype=torch.long, device=self.device)
        self._ahead = torch.tensor(PREVIEW_SLOTS, dtype=torch.long, device=self.device)

    @property
    def stream(self) -> torch.Tensor:
        """[environment, preview * 32] what a tracker sees of its references."""
        slots = self.time_steps[:, None] + self._ahead
        slots = torch.minimum(slots, self._last[self.time_steps][:, None])
        return self._features[slots].reshape(self.num_envs, len(PREVIEW_SLOTS) * FEATURES)

    def _update_command(self, env_ids: torch.Tensor | None = None) -> None:
        """Advance by a step; a motion that is at its end is sent to the end of the file, where another one is drawn."""
        done = self.time_steps >= self._last[self.time_steps]
        if env_ids is not None:
            advancing = torch.zeros_like(done)
            advancing[env_ids] = True
            done &= advancing
        self.time_steps[done] = self.motion.time_step_total - 1
        super()._update_command(env_ids)


@dataclass(kw_only=True)
class StreamCommandCfg(MotionCommandCfg):
    """The motion command's, with what the references are seen relative to.

    Attributes:
        default_rad: [29] the robot's default pose.
    """

    default_rad: tuple[float, ...]

    def build(self, env: ManagerBasedRlEnv) -> StreamCommand:
        """The command."""
        return StreamCommand(self, env)
