"""Images in every format: near what was recorded, readable by anybody, and what they are is told from the files."""

import json
from dataclasses import replace

import imagecodecs
import imagecodecs.zarr
import numpy as np
import pytest
import zarr

from hlm.core.errors import CorruptError, InputError, UnknownNameError
from hlm.datasets.edits.edit import edit, merge
from hlm.datasets.edits.operations import Idle, trim
from hlm.datasets.reader import open_dataset
from hlm.datasets.recover import recover
from hlm.datasets.store.images import CODECS, ImageFormat, as_jpeg, codec_of, decode
from hlm.datasets.verify import verify
from hlm.datasets.writer import DatasetWriter

SIZE = (48, 64)
AVIF = ImageFormat("avif")


@pytest.fixture
def image() -> np.ndarray:
    """Smooth, with a sharp red edge: what half the colour samples would smear."""
    image = np.zeros((*SIZE, 3), np.uint8)
    image[..., 1] = np.linspace(40, 120, SIZE[1])
    image[10:30, 21:40, 0] = 220
    return image


def record(maker, path, image_format, lengths=(4, 3)):
    with DatasetWriter.open(path, maker.spec, image_format) as writer:
        for length in lengths:
            with writer.episode(maker.info()) as episode:
                for step in range(length):
                    episode.append(maker.step(episode.number, step))
                episode.commit(outcome="success")
    return path


def decibel(first, second) -> float:
    return float(10 * np.log10(255**2 / np.mean((first.astype(float) - second) ** 2)))


@pytest.mark.parametrize("codec", CODECS)
def test_colours_are_as_sharp_as_brightness(image, codec):
    data = ImageFormat(codec).encode(image)
    assert codec_of(data) == codec
    assert decibel(decode(data, SIZE), image) > 37
    halved = decode(imagecodecs.jpeg8_encode(image, level=95), SIZE)
    assert decibel(halved, image) < 35


@pytest.mark.parametrize("codec", CODECS)
def test_quality_buys_fidelity_with_space(codec):
    noise = np.random.default_rng(0).integers(0, 255, (*SIZE, 3), np.uint8)
    files = [ImageFormat(codec, quality).encode(noise) for quality in (30, 60, 90)]
    assert len(files[0]) < len(files[1]) < len(files[2])
    errors = [decibel(decode(data, SIZE), noise) for data in files]
    assert errors[0] < errors[1] < errors[2]


def test_formats_that_do_not_exist():
    with pytest.raises(UnknownNameError, match="no image codec 'gif'"):
        ImageFormat("gif")
    for quality in (0, 101):
        with pytest.raises(InputError, match=f"from 1 to 100, got {quality}"):
            ImageFormat("jpeg", quality)


@pytest.mark.parametrize("codec", CODECS)
def test_images_of_another_size_and_rubbish_are_refused(image, codec):
    data = ImageFormat(codec).encode(image)
    for wrong, size in ((data, (SIZE[1], SIZE[0])), (data[:40], SIZE), (b"x" * 40, SIZE)):
        with pytest.raises(CorruptError, match=f"cannot be decoded as RGB of {size[0]}x{size[1]}"):
            decode(wrong, size)


def test_a_jpeg_file_is_its_own_copy(image):
    data = ImageFormat().encode(image)
    assert as_jpeg(data, SIZE) is data
    copy = as_jpeg(AVIF.encode(image), SIZE)
    assert codec_of(copy) == "jpeg"
    assert decibel(decode(copy, SIZE), image) > 37


@pytest.mark.parametrize("codec", CODECS)
def test_a_dataset_is_read_by_hlm_and_by_plain_zarr(maker, path, codec):
    record(maker, path, ImageFormat(codec))
    assert verify(path) == []
    imagecodecs.zarr.register_codecs(codec)
    for episode in open_dataset(path):
        plain = zarr.open_group(path, mode="r")[episode.path.name]
        for camera in episode.cameras:
            images = episode.images(camera)
            np.testing.assert_array_equal(plain[f"image_{camera}"][:], images)
            wanted = [maker.image(camera, 1000 * episode.number + step) for step in range(len(episode))]
            assert decibel(images, np.stack(wanted)) > 30


def test_a_dataset_may_hold_both(maker, path):
    record(maker, path, ImageFormat())
    record(maker, path, AVIF)
    merge([path, record(maker, path.with_name("other.zarr"), AVIF, (2,))], path.with_name("merged.zarr"))
    assert verify(path.with_name("merged.zarr")) == []
    found = []
    for episode in open_dataset(path.with_name("merged.zarr")):
        with episode.frames("head") as frames:
            found.append({codec_of(frames.file(step)) for step in range(len(frames))})
    assert found == [{"jpeg"}] * 2 + [{"avif"}] * 3


def test_recovering_and_trimming_keep_the_files(maker, path):
    with DatasetWriter.open(path, maker.spec, AVIF) as writer:
        episode = writer.episode(maker.info())
        for step in range(20):
            vector = np.full(34, max(step - 12, 0) * 0.1)
            episode.append(replace(maker.step(0, step), state=vector, action=vector))
        episode.close()
    recover(path)
    with open_dataset(path).episodes[0].frames("head") as frames:
        files = [frames.file(step) for step in range(20)]
    edit(path, lambda content: trim(content, [], Idle(still=0.01, leave_s=0.1)))
    with open_dataset(path).episodes[0].frames("head") as frames:
        trimmed = [frames.file(step) for step in range(len(frames))]
    assert 0 < len(trimmed) < 20
    assert trimmed == files[20 - len(trimmed) :]
    assert {codec_of(data) for data in trimmed} == {"avif"}
    assert not [problem for problem in verify(path) if problem.array.startswith("image")]


def test_datasets_from_before_there_was_a_choice_say_quality_95(maker, path):
    """What Zarr would write with: files say their own quality, and older versions of hlm read JPEG files of any."""
    record(maker, path, ImageFormat("jpeg", 50))
    metadata = json.loads((path / "episode_000000" / "image_head" / "zarr.json").read_text())
    (shards,) = metadata["codecs"]
    assert shards["configuration"]["codecs"][0] == {"name": "imagecodecs_jpeg", "configuration": {"level": 95}}
