"""Pictures of a MuJoCo world, rendered without a display and cheap enough for software."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from types import TracebackType
from typing import Literal

import mujoco

from hlm.core.arrays import ByteArray
from hlm.core.errors import InputError, MissingDependencyError, UnknownNameError
from hlm.core.values import CameraFrame
from hlm.sim.world import World

type Effect = Literal["shadow", "sky"]
_FLAGS = {"shadow": mujoco.mjtRndFlag.mjRND_SHADOW, "sky": mujoco.mjtRndFlag.mjRND_SKYBOX}

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
    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.93, 0.95, 0.98],
        rgb2=[0.62, 0.70, 0.80],
        width=64,
        height=384,
    )
    buffer = spec.visual.global_
    buffer.offheight = height
    buffer.offwidth = width


class SimulatedCameras:
    """Cameras of a world; implements `hlm.core.protocols.Cameras`. A context manager: leaving frees the GL context.

    Args:
        world: the world to look at.
        names: cameras of its model.
        height: rows of the pictures.
        width: columns of the pictures.
        effects: what people like to see; a policy's pictures go without, and rendering is faster by a lot.

    Raises:
        UnknownNameError: the model has no such camera.
        InputError: the pictures are larger than the model's offscreen buffer.
        MissingDependencyError: no GL library can render.
    """

    def __init__(
        self, world: World, names: tuple[str, ...], height: int, width: int, effects: tuple[Effect, ...] = ()
    ) -> None:
        self._world = world
        self._names = names
        _check(world.model, names, height, width)
        try:
            with warnings.catch_warnings(action="ignore"):  # the error below says what GLFW warns of
                self._renderer = mujoco.Renderer(world.model, height, width)
        except Exception as error:  # MuJoCo's GL back ends raise whatever their binding raises
            raise MissingDependencyError(
                f"cannot render pictures ({type(error).__name__}: {error}). Install a software GL library "
                "(Debian: apt-get install libegl1 libgl1-mesa-dri libgles2) and set MUJOCO_GL=egl."
            ) from error
        for flag in _COSTLY:
            self._renderer.scene.flags[flag] = flag in {_FLAGS[effect] for effect in effects}

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


def _check(model: mujoco.MjModel, names: tuple[str, ...], height: int, width: int) -> None:
    known = [model.camera(index).name for index in range(model.ncam)]
    for name in names:
        if name not in known:
            raise UnknownNameError("camera", name, known)
    buffer = model.vis.global_
    if not (0 < height <= buffer.offheight and 0 < width <= buffer.offwidth):
        raise InputError(
            f"pictures of {height} x {width} pixels cannot be rendered: this world draws up to "
            f"{buffer.offheight} x {buffer.offwidth}."
        )
