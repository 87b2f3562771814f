"""What pages are told: views, pictures, the list of episodes, films, and where their 3-D view is."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from hlm.core.arrays import ByteArray
from hlm.core.jpeg import encode_jpeg
from hlm.core.shared_slots import SharedSlots
from hlm.teleop.page.controls import FAR_M, Controls, unreached_m
from hlm.teleop.page.documents import Document
from hlm.teleop.page.films import film_key
from hlm.teleop.page.mailboxes import image_from_bytes
from hlm.teleop.page.page_config import PageConfig
from hlm.teleop.page.page_desk import PageDesk
from hlm.teleop.page.part_poses import Part
from hlm.teleop.page.scene_gate import SceneGate
from hlm.teleop.web.channel import Channel

_JPEG_QUALITY = 80


class PageFront:
    """Sends to all pages, and to new ones what they have missed.

    Args:
        channel: to the pages.
        gate: of their 3-D view.
        desk: what the pages share.
        config: title, and size of pictures.
    """

    def __init__(self, channel: Channel, gate: SceneGate, desk: PageDesk, config: PageConfig) -> None:
        self._channel, self._gate, self._desk, self._config = channel, gate, desk, config
        self._paths: dict[int, str] = {}
        self._episodes: list[Document] = []
        self._pictures: dict[str, int] = {}

    @property
    def pages(self) -> int:
        """How many pages are open."""
        return len(self._paths)

    def meet(self) -> None:
        """Welcome pages that are new, and forget those that have left."""
        present = {client.number for client in self._channel.clients}
        for page in self._paths.keys() - present:
            self._gate.dismiss(self._paths.pop(page))
        for page in present - self._paths.keys():
            self._paths[page] = self._gate.admit(partial(self._commands, page))
            scene = {"type": "scene", "port": self._gate.port, "path": self._paths[page], "title": self._config.title}
            self._channel.send(scene, to=page)
            self._channel.send({"type": "episodes", "episodes": self._listed()}, to=page)
            self._pictures = {}

    def send_view(self, view: Document, aims: Document) -> None:
        """Send the document of a view, what is set on the page, and where things are from the hands."""
        shown = {"view": view, "controls": controls_document(self._desk), "aims": aims}
        self._channel.send({"type": "view", **shown, "holder": self._desk.seat.holder, "pages": self.pages})

    def say_over(self) -> None:
        """Tell that the session has ended, and that nobody needs to stop a robot."""
        self._channel.send({"type": "over"})

    def send_episodes(self, episodes: list[Document]) -> None:
        """Send the list of episodes."""
        self._episodes = [{**one, "film": _film_key(one["folder"])} for one in episodes]
        self._channel.send({"type": "episodes", "episodes": self._listed()})

    def send_film(self, key: str, film: bytes) -> None:
        """Send the film of an episode; empty where there is none."""
        self._channel.send({"type": f"film_{key}"[:64], "film": key}, data=film)

    def folder(self, film: object) -> str | None:
        """Folder of an episode in the list by the key of its film; None for a key that is not in it."""
        return next((one["folder"] for one in self._episodes if one["film"] == film and film is not None), None)

    def send_pictures(self, boxes: dict[str, SharedSlots]) -> None:
        """Send the pictures that are new."""
        for camera, box in boxes.items():
            content = box.newest() if box.written != self._pictures.get(camera, 0) else None
            if content is not None:
                self._pictures[camera] = box.written
                picture = encode_jpeg(_smaller(image_from_bytes(content), self._config.image_height_px), _JPEG_QUALITY)
                self._channel.send({"type": f"image_{camera}"[:64], "camera": camera}, data=picture)

    def _commands(self, page: int) -> bool:
        return self._desk.seat.holder == page

    def _listed(self) -> list[Document]:
        """The episodes without the folders of this machine."""
        return [{**one, "folder": None} for one in self._episodes]


def controls_document(desk: PageDesk) -> Document:
    """What is set, for sliders and buttons."""
    controls: Controls = desk.controls
    waist_rad = [None] * 3 if controls.waist_rad is None else controls.waist_rad.tolist()
    left, right = controls.gripper_opening.tolist()
    distance_m = unreached_m(controls, desk.parts)
    return {
        "pelvis_height_m": controls.pelvis_height_m,
        "pelvis_roll_rad": controls.pelvis_roll_rad,
        "pelvis_pitch_rad": controls.pelvis_pitch_rad,
        "waist_yaw_rad": waist_rad[0],
        "waist_roll_rad": waist_rad[1],
        "waist_pitch_rad": waist_rad[2],
        "left_gripper": left,
        "right_gripper": right,
        "held": [part for part in Part if controls.holds(part)],
        "shown": sorted(desk.shown),
        "far_m": {part: round(off_m, 3) for part, off_m in distance_m.items() if off_m > FAR_M},
    }


def _film_key(folder: str | None) -> str | None:
    return None if folder is None else film_key(Path(folder))


def _smaller(image: ByteArray, height_px: int) -> ByteArray:
    import cv2

    height, width, _ = image.shape
    if height <= height_px:
        return image
    size = (max(1, round(width * height_px / height)), height_px)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
