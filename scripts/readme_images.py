"""Make the README's pictures of a task from the film of one rollout.

`python scripts/readme_images.py shelf_cup_transfer runs/eval/NAME/seed_100001.mp4`
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from hlm.evaluation.video import read_video, write_animation

IMAGES = Path("docs/images")
FILM_HZ = 15.0
# Every third picture of the film, played at a third of its rate: real time, and a file that loads quickly.
EVERY = 3
# Shares of the film at which a still shows something new: before, squatting, grasping, carrying, placing, done.
MOMENTS = (0.0, 0.16, 0.36, 0.60, 0.78, 1.0)


def main() -> None:
    """Write the animation and the sheet of stills."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", help="name of the pictures")
    parser.add_argument("film", type=Path, help="a film that `hlm eval` made")
    arguments = parser.parse_args()
    pictures = read_video(arguments.film)
    IMAGES.mkdir(parents=True, exist_ok=True)
    write_animation(IMAGES / f"{arguments.task}.webp", list(pictures[::EVERY]), FILM_HZ / EVERY)
    still = [pictures[round(share * (len(pictures) - 1))] for share in MOMENTS]
    rows = [np.concatenate(still[start : start + 3], axis=1) for start in (0, 3)]
    Image.fromarray(np.concatenate(rows)).resize((1320, 480), Image.Resampling.LANCZOS).save(
        IMAGES / f"{arguments.task}.png", optimize=True
    )


if __name__ == "__main__":
    main()
