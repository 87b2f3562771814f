"""Robot `hlm_g1` and teleoperator `hlm` for LeRobot's own commands; see `docs/lerobot.md`.

LeRobot imports this package when it is told to (`--robot.discover_packages_path=hlm.cli.lerobot`), or through the
distribution in `lerobot_plugin/`. Importing it registers both.
"""

from __future__ import annotations

from hlm.cli.lerobot.robot import HlmG1, HlmG1Config
from hlm.cli.lerobot.teleoperator import Hlm, HlmConfig

__all__ = ["Hlm", "HlmConfig", "HlmG1", "HlmG1Config"]
