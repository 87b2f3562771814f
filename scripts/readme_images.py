"""Make the README's pictures of a task from the film of one rollout: NAME.webp, which moves, and NAME_stills.webp.

hlm eval policies/shipped/shelf_cup_transfer --rollouts 1 --out runs/shelf
python scripts/readme_images.py shelf_cup_transfer runs/shelf/seed_100000.mp4
hlm eval --source scripted --task cola_placement --rollouts 1 --out runs/cola
python scripts/readme_images.py cola_placement runs/cola/seed_100000.mp4 --no-stills
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from hlm.core.arrays import ByteArray
from hlm.core.clock import STEP_HZ
from hlm.evaluation.film import FILM_STEPS
from hlm.evaluation.video import read_video, write_animation

IMAGES = Path("docs/images")
# Every third image at a third of the rate: real time, in a file that loads quickly.
EVERY = 3
ANIMATION_WIDTH_PX, STILLS_WIDTH_PX = 640, 1080
QUALITY = 70  # WebP's, 0 to 100
# Fractions of the film at which a still shows something new: before, squatting, grasping, carrying, placing, done.
MOMENTS = (0.0, 0.16, 0.36, 0.60, 0.78, 1.0)
COLUMNS = 2


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", help="name of the picture files")
    parser.add_argument("film", type=Path, help="film of a rollout, written by `hlm eval`")
    parser.add_argument("--stills", action=argparse.BooleanOptionalAction, default=True, help="also a sheet of stills")
    arguments = parser.parse_args()
    images = read_video(arguments.film)
    IMAGES.mkdir(parents=True, exist_ok=True)
    rate_hz = STEP_HZ / FILM_STEPS / EVERY
    write_animation(IMAGES / f"{arguments.task}.webp", list(images[::EVERY]), rate_hz, ANIMATION_WIDTH_PX)
    if arguments.stills:
        shown = sheet([images[round(share * (len(images) - 1))] for share in MOMENTS], STILLS_WIDTH_PX)
        shown.save(IMAGES / f"{arguments.task}_stills.webp", quality=QUALITY, method=6)


def sheet(stills: Sequence[ByteArray], width_px: int) -> Image.Image:
    """Stills in rows of `COLUMNS`, scaled to a width."""
    rows = [np.concatenate(stills[first : first + COLUMNS], axis=1) for first in range(0, len(stills), COLUMNS)]
    whole = Image.fromarray(np.concatenate(rows))
    return whole.resize((width_px, round(whole.height * width_px / whole.width)), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main()
