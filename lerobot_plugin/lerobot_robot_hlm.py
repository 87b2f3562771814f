"""Registers hlm's robot and teleoperator with LeRobot, which imports this module by its name."""

from __future__ import annotations

import hlm.cli.lerobot  # noqa: F401
