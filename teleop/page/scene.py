"""The 3-D view: the robot as it is and as it is wanted, the handles, the floor, and the task's shapes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment
from hlm.core.rotations import quat_from_matrix
from hlm.teleop.page.controls import FAR_M, Controls, unreached_m
from hlm.teleop.page.handles import Handles
from hlm.teleop.page.page_view import ShownShape
from hlm.teleop.page.part_poses import DrawnRobot, Part
from hlm.teleop.page.robot_meshes import Mesh, robot_meshes

if TYPE_CHECKING:
    import viser

_GHOST_RGB, _GHOST_OPACITY = (64, 132, 226), 0.28
CAMERA_M, LOOKS_AT_M = (1.9, -1.35, 1.35), (0.0, 0.0, 0.62)
FIELD_OF_VIEW_RAD = 0.75
"""Where the robot is first looked at from, in the stance frame, at which point, and the vertical field of view."""
_LINE_RGB, _LINE_M = (199, 54, 43), 0.006
# What moves less is not sent.
_DIGITS = 4


class Scene:
    """Draws into a viser server, in the stance frame: the robot stays in the middle, and the floor moves.

    Args:
        server: of the 3-D view.
        embodiment: the robot.
    """

    def __init__(self, server: viser.ViserServer, embodiment: Embodiment) -> None:
        self._server = server
        self._set_up()
        meshes = robot_meshes(embodiment)
        self._measured = _Figure(server, "/measured", meshes, None)
        self._reference = _Figure(server, "/reference", meshes, _GHOST_RGB)
        self._world = server.scene.add_frame("/world", show_axes=False)
        server.scene.add_grid(
            "/world/floor", infinite_grid=True, cell_size=0.25, section_size=1.0, fade_distance=9.0,
            cell_color=(214, 219, 226), section_color=(176, 184, 196), shadow_opacity=0.18,
        )  # fmt: skip
        self._shapes: dict[str, tuple[ShownShape, Any]] = {}
        self.handles = Handles(server)
        self._lines = server.scene.add_line_segments(
            "/out_of_reach", points=np.zeros((1, 2, 3)), colors=_LINE_RGB, thickness=_LINE_M, visible=False
        )

    def draw(
        self, measured: DrawnRobot | None, reference: DrawnRobot | None, controls: Controls, shown: frozenset[Part]
    ) -> None:
        """Draw both robots, and the handles where they are held or where the reference has its part.

        Args:
            measured: the robot as it is.
            reference: the robot as it is wanted.
            controls: what is held where.
            shown: parts whose handles have arrows and rings.
        """
        with self._server.atomic():
            self._measured.move(measured)
            self._reference.move(reference)
            robot = reference if reference is not None else measured
            if robot is not None:
                self._draw_handles(robot, controls, shown)

    def move_world(self, pose_world_from_stance: FloatArray) -> None:
        """Move the floor and what stands on it under the robot."""
        pose_stance_from_world = np.linalg.inv(pose_world_from_stance)
        self._world.position = tuple(pose_stance_from_world[:3, 3])
        self._world.wxyz = tuple(quat_from_matrix(pose_stance_from_world[:3, :3]))

    def show_shapes(self, shapes: Iterable[ShownShape]) -> None:
        """Draw the task's shapes; those that are not given any more go."""
        wanted = {shape.name: shape for shape in shapes}
        for name in self._shapes.keys() - wanted.keys():
            self._shapes.pop(name)[1].remove()
        for name, shape in wanted.items():
            known = self._shapes.get(name)
            if known is None or (known[0].kind, known[0].size_m, known[0].rgb) != (shape.kind, shape.size_m, shape.rgb):
                node = self._new_shape(shape)
            elif known[0] != shape:
                node = known[1]
                node.position, node.wxyz = shape.position_m, shape.quat_world_from_shape_wxyz
            else:
                continue
            self._shapes[name] = (shape, node)

    def _set_up(self) -> None:
        server = self._server
        server.gui.configure_theme(show_logo=False, show_share_button=False)
        server.scene.set_up_direction("+z")
        server.scene.configure_environment_map("studio", environment_intensity=0.55)
        camera = server.initial_camera
        camera.position, camera.look_at, camera.fov = CAMERA_M, LOOKS_AT_M, FIELD_OF_VIEW_RAD

    def _draw_handles(self, robot: DrawnRobot, controls: Controls, shown: frozenset[Part]) -> None:
        lines = []
        distance_m = unreached_m(controls, robot.parts)
        for part, there in robot.parts.items():
            wanted = controls.handle(part, there)
            far = distance_m.get(part, 0.0) > FAR_M
            if far:
                lines.append([wanted.position_m, there.position_m])
            self.handles.place(part, wanted, holds=controls.holds(part), far=far, shown=part in shown)
        self._lines.visible = bool(lines)
        if lines:
            self._lines.points = np.array(lines, dtype=np.float32)

    def _new_shape(self, shape: ShownShape) -> Any:
        scene = self._server.scene
        name = f"/world/shapes/{shape.name}"
        red, green, blue = shape.rgb
        color = (round(255 * red), round(255 * green), round(255 * blue))
        node: viser.BoxHandle | viser.CylinderHandle
        if shape.kind == "box":
            node = scene.add_box(name, color=color, dimensions=shape.size_m)
        else:
            node = scene.add_cylinder(name, radius=0.5 * shape.size_m[0], height=shape.size_m[2], color=color)
        node.position, node.wxyz = shape.position_m, shape.quat_world_from_shape_wxyz
        return node


class _Figure:
    """A robot of meshes that follow its links."""

    def __init__(
        self, server: viser.ViserServer, root: str, meshes: list[Mesh], ghost_rgb: tuple[int, int, int] | None
    ) -> None:
        self._root = server.scene.add_frame(root, show_axes=False, visible=False)
        self._meshes = meshes
        self._placed: list[tuple[float, ...]] = [()] * len(meshes)
        self._nodes = [self._node(server, f"{root}/{mesh.name}", mesh, ghost_rgb) for mesh in meshes]

    def move(self, robot: DrawnRobot | None) -> None:
        """Draw it there; hide it where there is none."""
        if self._root.visible != (robot is not None):
            self._root.visible = robot is not None
        if robot is None:
            return
        for number, (mesh, node) in enumerate(zip(self._meshes, self._nodes, strict=True)):
            position_m, quat_wxyz = robot.position_m[mesh.link], robot.quat_wxyz[mesh.link]
            if mesh.opening_m.any():
                opening = float(np.clip(robot.gripper_opening[mesh.side], 0.0, 1.0))
                position_m = position_m + opening * _rotated(quat_wxyz, mesh.opening_m)
            place = (*np.round(position_m, _DIGITS), *np.round(quat_wxyz, _DIGITS))
            if place != self._placed[number]:
                self._placed[number] = place
                node.position, node.wxyz = tuple(position_m), tuple(quat_wxyz)

    def _node(
        self, server: viser.ViserServer, name: str, mesh: Mesh, ghost_rgb: tuple[int, int, int] | None
    ) -> viser.MeshHandle:
        solid = ghost_rgb is None
        red, green, blue, _ = mesh.rgba
        return server.scene.add_mesh_simple(
            name,
            vertices=mesh.vertices_m.astype(np.float32),
            faces=mesh.faces.astype(np.uint32),
            color=(round(255 * red), round(255 * green), round(255 * blue)) if ghost_rgb is None else ghost_rgb,
            opacity=None if solid else _GHOST_OPACITY,
            cast_shadow=solid,
            receive_shadow=solid,
        )


def _rotated(quat_wxyz: FloatArray, vector: FloatArray) -> FloatArray:
    w, axis = quat_wxyz[0], quat_wxyz[1:]
    twice = 2.0 * np.cross(axis, vector)
    rotated: FloatArray = vector + w * twice + np.cross(axis, twice)
    return rotated
