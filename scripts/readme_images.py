"""Make the README's images of a task from the video of one rollout.

`python scripts/readme_images.py shelf_cup_transfer runs/eval/NAME/seed_100001.mp4`
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from hlm.evaluation.video import read_video, write_animation

IMAGES = Path("docs/images")
VIDEO_HZ = 15.0
# Every third image at a third of the rate: real time, in a file that loads quickly.
EVERY = 3
# Fractions of the video at which a still shows something new: before, squatting, grasping, carrying, placing, done.
MOMENTS = (0.0, 0.16, 0.36, 0.60, 0.78, 1.0)


def main() -> None:
    """Write an animation and a sheet of stills."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", help="name of the image files")
    parser.add_argument("video", type=Path, help="video of a rollout, written by `hlm eval`")
    arguments = parser.parse_args()
    images = read_video(arguments.video)
    IMAGES.mkdir(parents=True, exist_ok=True)
    write_animation(IMAGES / f"{arguments.task}.webp", list(images[::EVERY]), VIDEO_HZ / EVERY)
    stills = [images[round(share * (len(images) - 1))] for share in MOMENTS]
    rows = [np.concatenate(stills[start : start + 3], axis=1) for start in (0, 3)]
    Image.fromarray(np.concatenate(rows)).resize((1320, 480), Image.Resampling.LANCZOS).save(
        IMAGES / f"{arguments.task}.png", optimize=True
    )


if __name__ == "__main__":
    main()
