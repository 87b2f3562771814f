"""The cameras of a twin on OpenHLM's wires: the head's stereo pair, and the pair of wrist cameras."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, closing

import mujoco
import numpy as np

from hlm.core.arrays import ByteArray, FloatArray
from hlm.core.clock import STEP_HZ, MonotonicClock, ticks
from hlm.core.embodiments.catalog import find_embodiment
from hlm.core.openhlm_images import ImagePair, pack_head, pack_wrists
from hlm.core.processes import Leash
from hlm.core.rotations import matrix_from_quat
from hlm.core.shared_ring import SharedRing
from hlm.robots.publisher import bound_publisher
from hlm.sim.cameras import SimulatedCameras
from hlm.sim.realtime.mirror import Mirror
from hlm.sim.tasks.catalog import make_task
from hlm.sim.world import World
from hlm.twin.config import TwinConfig
from hlm.twin.faults import CAMERAS, CameraFault
from hlm.twin.gripper_server import PORT_TAKEN

HEAD, LEFT, RIGHT = CAMERAS
EYES_APART_M = 0.06


class Eyes:
    """Renders what the robot's cameras see; the left eye of the head is the camera that policies know.

    Args:
        world: to be rendered; its model is changed for moments.
        size: height and width of an image, px.
    """

    def __init__(self, world: World, size: tuple[int, int]) -> None:
        self._world = world
        self._cameras = SimulatedCameras(world, CAMERAS, *size)
        self._head = int(world.model.camera(HEAD).id)
        # A camera looks along its -z axis, with x to the right.
        to_the_right = matrix_from_quat(world.model.cam_quat[self._head])[:, 0]
        self._apart_m = EYES_APART_M * to_the_right

    def see(self) -> dict[str, ImagePair]:
        """Pairs of images of now: of the head's eyes under the head's name, of the wrists under the left wrist's."""
        left = self._cameras.render(HEAD)
        self._move(self._apart_m)
        right = self._cameras.render(HEAD)
        self._move(-self._apart_m)
        return {HEAD: ImagePair(left, right), LEFT: ImagePair(self._cameras.render(LEFT), self._cameras.render(RIGHT))}

    def close(self) -> None:
        """Free the GL context."""
        self._cameras.__exit__(None, None, None)

    def _move(self, by_m: FloatArray) -> None:
        model, data = self._world.model, self._world.data
        model.cam_pos[self._head] += by_m
        mujoco.mj_camlight(model, data)


def noisy(images: Mapping[str, ImagePair], levels: int, generator: np.random.Generator) -> dict[str, ImagePair]:
    """The images as sensors give them: each number off by up to so many levels, so that no two images are the same.

    A camera whose images do not change at all is frozen, and who receives them may say so.
    """

    def one(image: ByteArray) -> ByteArray:
        noise = generator.integers(-levels, levels + 1, image.shape, np.int16)
        return np.clip(image + noise, 0, 255).astype(np.uint8)

    return {name: ImagePair(one(pair.left), one(pair.right)) for name, pair in images.items()}


class Spoiler:
    """Does to images what the switched faults say."""

    def __init__(self) -> None:
        self._frozen: dict[str, ByteArray] = {}

    def spoiled(self, images: Mapping[str, ImagePair], faults: np.void) -> dict[str, ImagePair]:
        """What is sent of the pairs of `Eyes.see`; a pair goes with its camera, or with both of its cameras."""
        switches = {name: CameraFault(int(fault)) for name, fault in zip(CAMERAS, faults["camera"], strict=True)}
        sent = {}
        if switches[HEAD] is not CameraFault.GONE:
            sent[HEAD] = ImagePair(
                *(self._one(f"{HEAD} {eye}", image, switches[HEAD]) for eye, image in enumerate(images[HEAD]))
            )
        if CameraFault.GONE not in (switches[LEFT], switches[RIGHT]):
            pair = [
                self._one(name, image, switches[name]) for name, image in zip((LEFT, RIGHT), images[LEFT], strict=True)
            ]
            sent[LEFT] = ImagePair(*(reversed(pair) if faults["swapped"] else pair))
        return sent

    def _one(self, key: str, image: ByteArray, fault: CameraFault) -> ByteArray:
        if fault is CameraFault.FROZEN:
            return self._frozen.setdefault(key, image)
        self._frozen.pop(key, None)
        return np.zeros_like(image) if fault is CameraFault.BLACK else image


def serve_cameras(leash: Leash, config: TwinConfig, task: str, worlds: SharedRing, faults: SharedRing) -> None:
    """Job of a process: render the twin's world 30 times a second, and publish it until released.

    Args:
        leash: of the process.
        config: of the twin.
        task: whose world it is.
        worlds: the twin's world, see `hlm.sim.realtime.world_record`.
        faults: switches.
    """
    leash.end_on_sigterm()
    world = make_task(task, find_embodiment("unitree_g1")).world
    mirror, spoiler = Mirror(world, worlds), Spoiler()
    levels, generator = round(config.noise), np.random.default_rng([config.seed, 2])
    with ExitStack() as stack:
        eyes = stack.enter_context(closing(Eyes(world, config.image_size)))
        head, wrists = (
            stack.enter_context(bound_publisher(port, "images", PORT_TAKEN))
            for port in (config.ports.head, config.ports.wrists)
        )
        leash.ready()
        for _ in ticks(MonotonicClock(), STEP_HZ):
            if leash.released():
                return
            switches = faults.newest()
            if mirror.refresh() is None or switches is None:
                continue
            sent = spoiler.spoiled(noisy(eyes.see(), levels, generator), switches)
            if HEAD in sent:
                head.send(pack_head(sent[HEAD]))
            if LEFT in sent:
                wrists.send(pack_wrists(sent[LEFT]))
