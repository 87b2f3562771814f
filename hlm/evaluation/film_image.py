"""An image of a film: the instruction in words, below it the room, and beside the room what the policy sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hlm.core.arrays import ByteArray

type _Colour = tuple[int, int, int]

_GROUND: _Colour = (38, 44, 49)  # not black, so that the black bars of a letterboxed view are seen
_INK: _Colour = (240, 242, 243)
_DIM: _Colour = (165, 175, 182)
_MARGIN_PX = 8
_LABEL_PX, _INSTRUCTION_PX = 13, 20
_LABEL_HEIGHT_PX = _LABEL_PX + 5
_NARROWEST_PX, _WIDEST_PX = 160, 256  # a column of views; narrower, a camera's name would not fit


def film_image(room: ByteArray | None, views: Mapping[str, ByteArray | None], instruction: str) -> ByteArray:
    """[height, width, 3] uint8 RGB image that says what is asked for, and shows what is seen.

    Its size depends on the room's, on the number of views and on the instruction, not on which views there are now.

    Args:
        room: [height, width, 3] uint8 RGB; None for a film of the views alone, side by side.
        views: [height, width, 3] uint8 RGB by camera, pixel by pixel as the policy gets them; None where there is none.
            A larger view than its place is shrunk, a smaller one enlarged in whole steps.
        instruction: the task in words.
    """
    if room is None:
        seen = np.concatenate([_labelled(name, view, _slot(views)) for name, view in views.items()], axis=1)
    else:
        seen = np.concatenate([room, _column(views, room.shape[0])], axis=1) if views else room
    # Above, because players lay their controls over the lower edge.
    return np.concatenate([_instruction(instruction, seen.shape[1]), seen])


def _column(views: Mapping[str, ByteArray | None], height_px: int) -> ByteArray:
    """The views below each other, in a column of a height; as wide with a camera that fails as without."""
    edges = np.linspace(0, height_px, len(views) + 1).round().astype(int)
    heights = [int(height) - _LABEL_HEIGHT_PX for height in np.diff(edges)]
    width_px = min(max(heights[0], _NARROWEST_PX), _WIDEST_PX)
    pieces = zip(views.items(), heights, strict=True)
    return np.concatenate([_labelled(name, view, (height, width_px)) for (name, view), height in pieces])


def _slot(views: Mapping[str, ByteArray | None]) -> tuple[int, int]:
    """(height, width) in which every view is shown twice as large."""
    sizes = [view.shape for view in views.values() if view is not None] or [(128, 128, 3)]
    return 2 * max(size[0] for size in sizes), 2 * max(size[1] for size in sizes)


def _labelled(name: str, view: ByteArray | None, slot: tuple[int, int]) -> ByteArray:
    """A view in the middle of a place of this (height, width), below its name and size."""
    size = "no image" if view is None else f"{view.shape[1]} x {view.shape[0]}"
    page = Image.new("RGB", (slot[1], slot[0] + _LABEL_HEIGHT_PX), _GROUND)
    drawing = ImageDraw.Draw(page)
    drawing.text((3, 1), f"{name} {size}", _DIM, _font(_LABEL_PX))
    if view is not None:
        height, width = _shown_size(view.shape[:2], slot)
        filter_ = Image.Resampling.NEAREST if height >= view.shape[0] else Image.Resampling.BOX
        shown = Image.fromarray(view).resize((width, height), filter_)
        page.paste(shown, ((slot[1] - width) // 2, _LABEL_HEIGHT_PX + (slot[0] - height) // 2))
    return np.asarray(page)


def _shown_size(size: Sequence[int], slot: tuple[int, int]) -> tuple[int, int]:
    """(height, width), px, at which a view fits into a place; enlarged in whole steps, so that its pixels are seen."""
    scale = min(room / side for room, side in zip(slot, size, strict=True))
    scale = int(scale) if scale >= 1.0 else scale
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _instruction(text: str, width_px: int) -> ByteArray:
    """The instruction on a strip of a width, on as many lines as it needs."""
    font = _font(_INSTRUCTION_PX)
    lines = _wrapped(text, font, width_px - 2 * _MARGIN_PX)
    line_px = _INSTRUCTION_PX * 13 // 10
    page = Image.new("RGB", (width_px, len(lines) * line_px + 2 * _MARGIN_PX), _GROUND)
    drawing = ImageDraw.Draw(page)
    for row, line in enumerate(lines):
        drawing.text((_MARGIN_PX, _MARGIN_PX + row * line_px), line, _INK, font)
    return np.asarray(page)


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width_px: int) -> Sequence[str]:
    """Lines of at most a width, broken between words where there is a choice."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width_px or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


@cache
def _font(size_px: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib and has Latin, Greek and Cyrillic letters; Pillow's own has fewer."""
    import matplotlib as mpl

    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size_px)
