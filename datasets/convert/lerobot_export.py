"""Conversion of an hlm dataset into a LeRobot dataset (format v3), written by LeRobot and checked afterwards."""

from __future__ import annotations

import logging
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from hlm.core.arrays import ByteArray
from hlm.core.errors import CorruptError, HlmError, MismatchError, StorageError
from hlm.datasets.convert import lerobot_names
from hlm.datasets.convert.lerobot_folder import LeRobotFolder
from hlm.datasets.convert.lerobot_names import IMAGES, Shapes, even_size
from hlm.datasets.convert.lerobot_parquet import first_line, lerobot_missing
from hlm.datasets.convert.lerobot_sidecar import Sidecar
from hlm.datasets.convert.report import Conversion, Converted, Show
from hlm.datasets.convert.videos import video_facts
from hlm.datasets.reader import Dataset, Episode

# On smaller images LeRobot's default encoder, SVT-AV1, terminates the process.
SMALLEST_PX = 32
REPOSITORY = "hlm/local"
IMAGE_LOGGER = "lerobot.datasets.image_writer"


def export_lerobot(
    dataset: Dataset, episodes: Sequence[Episode], target: Path, cameras: Mapping[str, str], show: Show
) -> Conversion:
    """Write a LeRobot dataset from some episodes.

    All numbers are kept exactly, images as well as LeRobot's video codec allows; images of odd height or width get
    their last row or column twice. See `lerobot_names` and `lerobot_sidecar` for where everything goes.

    Args:
        dataset: the dataset.
        episodes: episodes of the dataset, at least one.
        target: folder to write.
        cameras: LeRobot's names of the cameras by hlm's; each episode must have all of them.
        show: called with the number of converted steps and of all steps.

    Raises:
        MissingDependencyError: LeRobot is not installed.
        MismatchError: the episodes do not fit into one LeRobot dataset; the text says why.
        CorruptError: an episode is damaged, or LeRobot did not keep what it was given.
        StorageError: LeRobot failed.
    """
    privileged = _privileged_shapes(episodes)
    inputs = sorted({name for episode in episodes for name in episode.inputs})
    _check(dataset, episodes, cameras)
    sizes = {new: even_size(dataset.spec.cameras[old]) for old, new in cameras.items()}
    features = lerobot_names.features(sizes, inputs, privileged)
    total = sum(map(len, episodes))
    done = 0
    with _created(target, dataset, features) as writer:
        for episode in episodes:
            for frame in _frames(episode, features, cameras):
                writer.add_frame(frame)
                done += 1
                show(done, total)
            writer.save_episode(parallel_encoding=False)
    shutil.rmtree(target / "images", ignore_errors=True)
    sidecar = Sidecar.of(dataset, episodes, privileged, {new: old for old, new in cameras.items()})
    sidecar.write(target)
    _check_written(target, episodes, list(sizes))
    converted = tuple(
        Converted(name=episode.path.name, episodes=(number,), steps=len(episode), found=len(episode))
        for number, episode in enumerate(episodes)
    )
    left_out = tuple(f"camera {name}" for name in dataset.spec.cameras if name not in cameras)
    return Conversion(dataset=dataset.path.name, format="hlm", episodes=converted, left_out=left_out)


def _check(dataset: Dataset, episodes: Sequence[Episode], cameras: Mapping[str, str]) -> None:
    if dataset.spec.rate_hz != int(dataset.spec.rate_hz):
        raise MismatchError(
            f"{dataset.path} has {dataset.spec.rate_hz:g} steps per second; LeRobot wants a whole number."
        )
    for camera in cameras:
        height, width = dataset.spec.cameras[camera]
        if min(height, width) < SMALLEST_PX:
            raise MismatchError(
                f"camera '{camera}' is {height}x{width}; LeRobot's video encoder needs {SMALLEST_PX}x{SMALLEST_PX}."
            )
    for episode in episodes:
        missing = [name for name in cameras if name not in episode.cameras]
        if missing:
            raise MismatchError(
                f"{episode.path} has no camera '{missing[0]}', and LeRobot wants every camera in every episode. "
                "Choose --cameras that all of them have, or convert these --episodes apart."
            )
        if not (np.isfinite(episode.state).all() and np.isfinite(episode.action).all()):
            raise MismatchError(f"{episode.path} holds nan or infinity; `hlm data verify` tells where. Leave it out.")


def _privileged_shapes(episodes: Sequence[Episode]) -> Shapes:
    """Shape of each privileged quantity, the same in all episodes that have it."""
    shapes: dict[str, tuple[int, ...]] = {}
    for episode in episodes:
        for name in episode.privileged:
            shape = episode.privileged_quantity(name).shape[1:]
            if shapes.setdefault(name, shape) != shape:
                raise MismatchError(
                    f"privileged quantity '{name}' has shape {list(shape)} in {episode.path} and {list(shapes[name])} "
                    "before; a LeRobot column has one shape. Convert these --episodes apart."
                )
            if 0 in shape:
                raise MismatchError(
                    f"privileged quantity '{name}' has shape {list(shape)}; LeRobot has no empty columns."
                )
    return shapes


def _frames(episode: Episode, features: Mapping[str, Any], cameras: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield steps as LeRobot's frames. Numbers that the episode lacks are nan."""
    arrays = lerobot_names.columns_of(episode)
    for step in range(len(episode)):
        frame: dict[str, Any] = {"task": episode.info.instruction}
        for name, feature in features.items():
            if name.startswith(IMAGES):
                continue
            shape, dtype = feature["shape"], feature["dtype"]
            value = arrays[name][step] if name in arrays else np.full(shape, np.nan)
            frame[name] = np.asarray(value, dtype).reshape(shape)
        for old, new in cameras.items():
            frame[IMAGES + new] = _even(episode.image_reader(old).read(step))
        yield frame


def _even(image: ByteArray) -> ByteArray:
    """An image of even height and width: an odd edge is there twice.

    Video shares colours between two rows and columns; at an odd edge the conversion for the encoder takes wrong ones.
    """
    height, width = image.shape[:2]
    return np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge") if height % 2 or width % 2 else image


@contextmanager
def _created(target: Path, dataset: Dataset, features: Mapping[str, Any]) -> Iterator[Any]:
    """Create a `LeRobotDataset` to write; its files are complete when the block ends without an error."""
    try:
        from lerobot.datasets.lerobot_dataset import LeRobotDataset
    except ImportError as error:
        raise lerobot_missing() from error
    robot, fps = dataset.spec.embodiment, int(dataset.spec.rate_hz)
    made = LeRobotDataset.create(REPOSITORY, fps, dict(features), target, robot, video_backend="pyav")
    try:
        with _quiet():
            yield made
            made.finalize()
    except (HlmError, OSError):
        raise
    except Exception as error:
        raise StorageError(f"LeRobot could not write {target.name}: {first_line(error)}") from error
    finally:
        # Otherwise it would write when it is garbage-collected, into a folder that is gone by then.
        with suppress(Exception):
            made.finalize()


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the encoder's banner, FFmpeg's remarks and progress bars, and raise LeRobot's logged errors."""
    import av
    from lerobot.utils.utils import SuppressProgressBars

    logger, handler = logging.getLogger(IMAGE_LOGGER), _Raising()
    logger.addHandler(handler)
    before = os.environ.get("SVT_LOG")
    os.environ["SVT_LOG"] = "1"
    av.logging.set_libav_level(av.logging.ERROR)
    try:
        with SuppressProgressBars():
            yield
    finally:
        logger.removeHandler(handler)
        av.logging.set_libav_level(av.logging.INFO)  # FFmpeg's default
        if before is None:
            del os.environ["SVT_LOG"]
        else:
            os.environ["SVT_LOG"] = before


class _Raising(logging.Handler):
    """Raises what LeRobot only logs, such as images that cannot be written."""

    def emit(self, record: logging.LogRecord) -> None:
        """Raise the text of an error."""
        if record.levelno >= logging.ERROR:
            raise StorageError(f"LeRobot cannot go on: {record.getMessage()}.")


def _check_written(target: Path, episodes: Sequence[Episode], cameras: Sequence[str]) -> None:
    """Check that LeRobot kept what it was given.

    Raises:
        CorruptError: it did not.
    """
    written = LeRobotFolder(target)
    wanted: Counter[Path] = Counter()
    for number, episode in enumerate(episodes):
        arrays = lerobot_names.columns_of(episode)
        for name, found in written.columns(number, tuple(arrays)).items():
            if found.tobytes() != np.ascontiguousarray(arrays[name]).tobytes():
                raise CorruptError(f"LeRobot did not keep {name} of {episode.path} as it was given.")
        for camera in cameras:
            wanted[written.video_file(number, IMAGES + camera)] += len(episode)
    for path, images in wanted.items():
        found_images = video_facts(path).images
        if found_images != images:
            raise CorruptError(f"LeRobot wrote {found_images} of {images} images into {path.name}.")
