"""Compare ways to store images: size of an hour of three cameras, quality, and processor time per image.

A scripted episode of the shelf task is rendered for each image size and stored with each codec, image by image, and as
LeRobot's videos. Quality is measured against the rendered images; reading is random, as training reads: from memory for
images, through LeRobot's decoder for videos. Rendered images have no noise of a sensor, so real ones take more space.

`python scripts/bench/images.py --json runs/bench/images.json`; `--markdown` prints the table of datasets/README.md.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

import av
import cv2
import imagecodecs
import numpy as np
import PIL.Image

from hlm.cli.rendering import use_headless_rendering
from hlm.cli.stations import StationConfig, open_station
from hlm.core.arrays import ByteArray
from hlm.core.clock import STEP_HZ
from hlm.runtime.station import episode as play

IMAGES_PER_HOUR = 3 * 3600 * round(STEP_HZ)
SIZES = ((128, 128), (360, 480))
# Of the images of an episode; videos hold all of them.
STRIDE = 12
READS = 40

type Encode = Callable[[ByteArray], bytes]
type Decode = Callable[[bytes], Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """Figures of a codec.

    Attributes:
        codec: name.
        size: height x width of the images, px.
        gb_per_hour: of three cameras, 10^9 bytes.
        psnr_db: of the mean squared error over all images.
        worst_db: of the worst image.
        ssim: mean over all images.
        encode_ms: processor time per image.
        read_ms: processor time to read a random image.
    """

    codec: str
    size: str
    gb_per_hour: float
    psnr_db: float
    worst_db: float
    ssim: float
    encode_ms: float
    read_ms: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    parser.add_argument("--seed", type=int, default=0, help="seed of the scene")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ["SVT_LOG"] = "1"
    av.logging.set_libav_level(av.logging.ERROR)
    use_headless_rendering()
    found: list[Figures] = []
    for size in SIZES:
        cameras = render(size, arguments.seed)
        chosen = [image for images in cameras.values() for image in images[::STRIDE]]
        found += [measure_images(name, chosen, *functions) for name, functions in codecs().items()]
        found += [measure_video(name, cameras, **options) for name, options in videos().items()]
    show(found, markdown=arguments.markdown)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps([asdict(one) for one in found], indent=2) + "\n", encoding="utf-8")


def render(size: tuple[int, int], seed: int) -> dict[str, list[ByteArray]]:
    """Images of a scripted episode of the shelf task, by camera."""
    cameras: dict[str, list[ByteArray]] = {}
    with open_station(StationConfig(task="shelf_cup_transfer", image_size=size)) as (station, task):
        for scored in play(station, task.reset(seed)):
            for name, frame in scored.step.observation.frames.items():
                cameras.setdefault(name, []).append(frame.image)
    return cameras


def codecs() -> dict[str, tuple[Encode, Decode]]:
    """Codecs for single images, by name; all of them have a Zarr codec in imagecodecs."""
    jpeg, avif = imagecodecs.jpeg8_decode, imagecodecs.avif_decode
    found: dict[str, tuple[Encode, Decode]] = {
        f"JPEG {level}, {color[0]}:{color[1]}:{color[2]}": (
            partial(imagecodecs.jpeg8_encode, level=level, subsampling=color),
            jpeg,
        )
        for color in ("420", "444")
        for level in (75, 85, 90, 95)
    }
    optimised = partial(imagecodecs.jpeg8_encode, level=90, subsampling="444", optimize=True)
    found["JPEG 90, 4:4:4, optimised"] = (optimised, jpeg)
    for level in (80, 90):
        found[f"WebP {level}"] = (
            partial(imagecodecs.webp_encode, level=level, lossless=False, method=2),
            imagecodecs.webp_decode,
        )
    for level in (40, 50, 60, 80):
        found[f"AVIF {level}"] = (partial(imagecodecs.avif_encode, level=level, speed=8, numthreads=1), avif)
    for distance in (1.0, 2.0):
        found[f"JPEG XL, distance {distance:g}"] = (
            partial(imagecodecs.jpegxl_encode, distance=distance, effort=3, numthreads=1),
            imagecodecs.jpegxl_decode,
        )
    found["WebP, lossless"] = (
        partial(imagecodecs.webp_encode, lossless=True, method=1),
        imagecodecs.webp_decode,
    )
    found["PNG, lossless"] = (imagecodecs.png_encode, imagecodecs.png_decode)
    return found


def videos() -> dict[str, dict[str, Any]]:
    """LeRobot's encoders by name: its default, and H.264 with the same factor (CRF 30), which means another quality."""
    from lerobot.configs.video import RGBEncoderConfig

    return {
        "video, LeRobot's AV1": {"encoder": RGBEncoderConfig()},
        "video, LeRobot's H.264": {"encoder": RGBEncoderConfig(vcodec="h264")},
    }


def measure_images(name: str, images: Sequence[ByteArray], encode: Encode, decode: Decode) -> Figures:
    """Figures of a codec for single images."""
    taken = {"encode": 0.0, "read": 0.0}
    data: list[bytes] = []
    for image in images:
        start = time.process_time()
        data.append(bytes(encode(image)))
        taken["encode"] += time.process_time() - start
    decoded = []
    for one in data:
        start = time.process_time()
        decoded.append(np.asarray(decode(one)))
        taken["read"] += time.process_time() - start
    return _figures(name, images, decoded, mean(map(len, data)), taken)


def measure_video(name: str, cameras: Mapping[str, Sequence[ByteArray]], encoder: Any) -> Figures:
    """Figures of one of LeRobot's encoders; each camera is a video."""
    from lerobot.datasets.video_utils import decode_video_frames, encode_video_frames

    taken, images, decoded, sizes = {"encode": 0.0, "read": 0.0}, [], [], []
    count = sum(map(len, cameras.values()))
    with tempfile.TemporaryDirectory() as folder:
        for camera, frames in cameras.items():
            path, raw = Path(folder) / f"{camera}.mp4", Path(folder) / camera
            raw.mkdir()
            for number, image in enumerate(frames):
                PIL.Image.fromarray(image).save(raw / f"frame-{number:06d}.png")
            start = time.process_time()
            encode_video_frames(raw, path, round(STEP_HZ), encoder, log_level=None)
            taken["encode"] += time.process_time() - start
            sizes.append(path.stat().st_size)
            order = np.random.default_rng(0).choice(len(frames), READS, replace=False)
            for number in order.tolist():
                start = time.process_time()
                (frame,) = decode_video_frames(path, [number / STEP_HZ], 1e-3, "pyav", return_uint8=True)
                taken["read"] += time.process_time() - start
                images.append(frames[number])
                decoded.append(frame.numpy().transpose(1, 2, 0))
    taken["encode"] *= len(images) / count
    return _figures(name, images, decoded, sum(sizes) / count, taken)


def _figures(
    name: str, images: Sequence[ByteArray], decoded: Sequence[ByteArray], image_bytes: float, taken: dict[str, float]
) -> Figures:
    errors = [float(np.mean((one.astype(float) - other) ** 2)) for one, other in zip(images, decoded, strict=True)]
    height, width = images[0].shape[:2]
    return Figures(
        codec=name,
        size=f"{height}x{width}",
        gb_per_hour=image_bytes * IMAGES_PER_HOUR / 1e9,
        psnr_db=_decibel(mean(errors)),
        worst_db=_decibel(max(errors)),
        ssim=mean(ssim(one, other) for one, other in zip(images, decoded, strict=True)),
        encode_ms=1e3 * taken["encode"] / len(images),
        read_ms=1e3 * taken["read"] / len(images),
    )


def _decibel(error: float) -> float:
    return 10.0 * float(np.log10(255.0**2 / error)) if error else float("inf")


def ssim(first: ByteArray, second: ByteArray) -> float:
    """Structural similarity of the luma of two RGB images; 1 is equal. Wang et al. 2004, with its Gaussian window."""
    x, y = (cv2.cvtColor(np.ascontiguousarray(one), cv2.COLOR_RGB2GRAY).astype(float) for one in (first, second))

    def blurred(values: Any) -> Any:
        return cv2.GaussianBlur(values, (11, 11), 1.5)

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_x, mean_y = blurred(x), blurred(y)
    var_x, var_y = blurred(x * x) - mean_x**2, blurred(y * y) - mean_y**2
    covariance = blurred(x * y) - mean_x * mean_y
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return float((similarity / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))).mean())


def show(found: Sequence[Figures], *, markdown: bool) -> None:
    """Print a table."""
    for line in _markdown(found) if markdown else map(_line, found):
        print(line)


def _line(one: Figures) -> str:
    quality = f"{one.psnr_db:6.1f} dB (worst {one.worst_db:5.1f})  SSIM {one.ssim:.4f}"
    return (
        f"{one.size:>8} {one.codec:<24} {one.gb_per_hour:7.2f} GB/h {quality}  "
        f"encode {one.encode_ms:6.2f} ms, read {one.read_ms:6.2f} ms"
    )


def _markdown(found: Sequence[Figures]) -> Iterator[str]:
    """A row for each codec, the sizes of images side by side."""
    sizes = list(dict.fromkeys(one.size for one in found))
    yield f"| codec | {' | '.join(f'GB/h, {size}' for size in sizes)} | PSNR, dB | SSIM | encode, ms | read, ms |"
    yield f"|---|{'---|' * (len(sizes) + 4)}"
    for codec in dict.fromkeys(one.codec for one in found):
        rows = [one for one in found if one.codec == codec]
        cells = [f"{one.gb_per_hour:.2f}" for one in rows]
        for form, name in ((".1f", "psnr_db"), (".3f", "ssim"), (".2f", "encode_ms"), (".2f", "read_ms")):
            cells.append(", ".join(format(getattr(one, name), form) for one in rows))
        yield f"| {codec} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
