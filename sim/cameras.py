"""Pictures of a MuJoCo world, rendered without a display and cheap enough for software."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

import mujoco

from hlm.core.arrays import ByteArray
from hlm.core.errors import MissingDependencyError
from hlm.core.values import CameraFrame
from hlm.sim.world import World

# A picture for a policy needs none of these, and software rendering pays dearly for each.
_COSTLY = (
    mujoco.mjtRndFlag.mjRND_SHADOW,
    mujoco.mjtRndFlag.mjRND_REFLECTION,
    mujoco.mjtRndFlag.mjRND_HAZE,
    mujoco.mjtRndFlag.mjRND_SKYBOX,
)


def rendering_options(spec: mujoco.MjSpec, height: int, width: int) -> None:
    """Size the offscreen buffer to the largest picture and switch multisampling and fine tessellation off."""
    spec.visual.quality.offsamples = 0
    spec.visual.quality.numslices = 12
    spec.visual.quality.numstacks = 8
    buffer = getattr(spec.visual, "global_")  # noqa: B009 (a trailing underscore because of Python's keyword)
    buffer.offheight = height
    buffer.offwidth = width


class SimulatedCameras:
    """Cameras of a world; implements `hlm.core.protocols.Cameras`. A context manager: leaving frees the GL context.

    Args:
        world: the world to look at.
        names: cameras of its model.
        height: rows of the pictures.
        width: columns of the pictures.

    Raises:
        MissingDependencyError: no GL library can render.
    """

    def __init__(self, world: World, names: tuple[str, ...], height: int, width: int) -> None:
        self._world = world
        self._names = names
        try:
            self._renderer = mujoco.Renderer(world.model, height, width)
        except Exception as error:  # noqa: BLE001 (MuJoCo's GL back ends raise whatever their binding raises)
            raise MissingDependencyError(
                f"cannot render pictures ({type(error).__name__}: {error}). Install a software GL library "
                "(Debian: apt-get install libegl1 libgl1-mesa-dri libgles2) and set MUJOCO_GL=egl."
            ) from error
        for flag in _COSTLY:
            self._renderer.scene.flags[flag] = 0

    def __enter__(self) -> SimulatedCameras:
        """Nothing to connect."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Free the GL context."""
        self._renderer.close()

    def capture(self) -> Mapping[str, CameraFrame]:
        """A picture of each camera at this instant."""
        return {name: CameraFrame(self._world.now_ns(), self.picture(name)) for name in self._names}

    def picture(self, name: str) -> ByteArray:
        """[height, width, 3] uint8 RGB of the camera `name`."""
        self._renderer.update_scene(self._world.data, name)
        picture: ByteArray = self._renderer.render()
        return picture
