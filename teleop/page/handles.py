"""Drag handles in the 3-D view: a ball at each part, and arrows and rings at those that are shown."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from hlm.teleop.page.part_poses import Part, PartPose

if TYPE_CHECKING:
    import viser

_FREE_RGB, _HELD_RGB, _FAR_RGB = (120, 130, 145), (31, 95, 191), (199, 54, 43)
_BALL_M = 0.03
# Arrows and rings that mean something, by part: what stays of a gizmo.
_ANY = (-1000.0, 1000.0)
_HEIGHT_ONLY = ((0.0, 0.0), (0.0, 0.0), _ANY)
_LIMB: dict[str, Any] = {"scale": 0.22}
_GIZMOS: dict[Part, dict[str, Any]] = {
    Part.LEFT_HAND: _LIMB,
    Part.RIGHT_HAND: _LIMB,
    Part.LEFT_FOOT: _LIMB,
    Part.RIGHT_FOOT: _LIMB,
    Part.PELVIS: {"scale": 0.3, "translation_limits": _HEIGHT_ONLY},
    Part.TORSO: {"scale": 0.3, "disable_axes": True},
}


class Handles:
    """The handles of all parts.

    Args:
        server: of the 3-D view.
    """

    def __init__(self, server: viser.ViserServer) -> None:
        self._lock = threading.Lock()
        self._drags: dict[Part, PartPose] = {}
        self._held: set[Part] = set()
        self._clicked: list[Part] = []
        self._placed: dict[Part, tuple[Any, ...]] = {}
        self._gizmos = {part: self._gizmo(server, part) for part in Part}
        self._balls = {part: self._ball(server, part) for part in Part}

    def drags(self) -> dict[Part, PartPose]:
        """Where handles were dragged to since the last call."""
        with self._lock:
            drags, self._drags = self._drags, {}
        return drags

    def let_go(self) -> None:
        """Forget who drags what: another page commands, and the end of a drag may never come."""
        with self._lock:
            self._held.clear()
            self._placed.clear()

    def clicks(self) -> list[Part]:
        """Balls that were clicked since the last call."""
        with self._lock:
            clicks, self._clicked = self._clicked, []
        return clicks

    def place(self, part: Part, pose: PartPose, *, holds: bool, far: bool, shown: bool) -> None:
        """Put a handle where its part is wanted.

        Args:
            part: whose handle it is.
            pose: in the stance frame.
            holds: whether the part was put there by a person.
            far: whether the robot cannot get there.
            shown: whether it has arrows and rings.
        """
        place = (*np.round(pose.position_m, 4), *np.round(pose.quat_wxyz, 4), holds, far, shown)
        with self._lock:
            grabbed = part in self._held
        if grabbed or self._placed.get(part) == place:
            return
        self._placed[part] = place
        gizmo, ball = self._gizmos[part], self._balls[part]
        gizmo.visible = shown
        for node in (gizmo, ball):
            node.position = tuple(pose.position_m)
            node.wxyz = tuple(pose.quat_wxyz)
        ball.color = _FAR_RGB if far else _HELD_RGB if holds else _FREE_RGB

    def _gizmo(self, server: viser.ViserServer, part: Part) -> viser.TransformControlsHandle:
        gizmo = server.scene.add_transform_controls(
            f"/handles/{part}", line_width=3.0, disable_sliders=True, depth_test=False, visible=False, **_GIZMOS[part]
        )

        @gizmo.on_update
        async def moved(event: viser.TransformControlsEvent) -> None:
            with self._lock:
                if event.phase == "update":
                    self._drags[part] = PartPose(np.array(event.target.position), np.array(event.target.wxyz))
                elif event.phase == "start":
                    self._held.add(part)
                else:
                    self._held.discard(part)
                    self._placed.pop(part, None)

        return gizmo

    def _ball(self, server: viser.ViserServer, part: Part) -> viser.IcosphereHandle:
        ball = server.scene.add_icosphere(
            f"/balls/{part}", radius=_BALL_M, color=_FREE_RGB, subdivisions=2, opacity=0.85, cast_shadow=False
        )

        @ball.on_click
        async def clicked(event: Any) -> None:
            del event
            with self._lock:
                self._clicked.append(part)

        return ball
