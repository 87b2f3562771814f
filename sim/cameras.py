"""Images of a MuJoCo world, rendered without a display and cheaply enough for software rendering."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from types import TracebackType
from typing import Literal, Self

import mujoco

from hlm.core.arrays import ByteArray
from hlm.core.errors import InputError, MissingDependencyError, UnknownNameError
from hlm.core.values import CameraFrame
from hlm.sim.graphics import advice
from hlm.sim.world import World

type Effect = Literal["shadow", "sky"]
_FLAGS = {"shadow": mujoco.mjtRndFlag.mjRND_SHADOW, "sky": mujoco.mjtRndFlag.mjRND_SKYBOX}

# Images for policies need none of these, and each is expensive in software.
_EXPENSIVE = (
    mujoco.mjtRndFlag.mjRND_SHADOW,
    mujoco.mjtRndFlag.mjRND_REFLECTION,
    mujoco.mjtRndFlag.mjRND_HAZE,
    mujoco.mjtRndFlag.mjRND_SKYBOX,
)


def set_rendering_options(spec: mujoco.MjSpec, max_height: int, max_width: int) -> None:
    """Size the offscreen buffer for the largest image, and disable multisampling and fine tessellation."""
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
    buffer.offheight = max_height
    buffer.offwidth = max_width


class SimulatedCameras:
    """Cameras of a world; implements `hlm.core.protocols.Cameras`. Leaving the context frees the GL context.

    Args:
        world: the world to render.
        names: names of cameras in its model.
        height: image height, px.
        width: image width, px.
        effects: effects that make images nicer for people; images for policies go without and render much faster.

    Raises:
        UnknownNameError: the model has no camera of a given name.
        InputError: the images are larger than the offscreen buffer of the model.
        MissingDependencyError: no GL library is available for rendering.
    """

    def __init__(
        self, world: World, names: tuple[str, ...], height: int, width: int, effects: tuple[Effect, ...] = ()
    ) -> None:
        self._world = world
        self._names = names
        _check(world.model, names, height, width)
        try:
            with warnings.catch_warnings(action="ignore"):  # the error below covers what GLFW warns about
                self._renderer = mujoco.Renderer(world.model, height, width)
        except Exception as error:  # MuJoCo's GL back ends raise whatever their binding raises
            raise MissingDependencyError(
                f"cannot render images ({type(error).__name__}: {str(error).rstrip('.')}). {advice()}"
            ) from error
        for flag in _EXPENSIVE:
            self._renderer.scene.flags[flag] = flag in {_FLAGS[effect] for effect in effects}

    def __enter__(self) -> Self:
        """Nothing to connect."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Free the GL context."""
        self._renderer.close()

    def capture(self) -> Mapping[str, CameraFrame]:
        """An image from each camera at this instant."""
        return {name: CameraFrame(self._world.now_ns(), self.render(name)) for name in self._names}

    def render(self, name: str) -> ByteArray:
        """[height, width, 3] uint8 RGB image from the camera `name`."""
        self._renderer.update_scene(self._world.data, name)
        image: ByteArray = self._renderer.render()
        return image


def _check(model: mujoco.MjModel, names: tuple[str, ...], height: int, width: int) -> None:
    known = [model.camera(index).name for index in range(model.ncam)]
    for name in names:
        if name not in known:
            raise UnknownNameError("camera", name, known)
    buffer = model.vis.global_
    if not (0 < height <= buffer.offheight and 0 < width <= buffer.offwidth):
        raise InputError(
            f"cannot render images of {height} x {width} pixels: the scene is built for images of up to "
            f"{buffer.offheight} x {buffer.offwidth}."
        )
