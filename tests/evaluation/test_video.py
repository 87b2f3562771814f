import numpy as np
import pytest
from PIL import Image

from hlm.core.errors import InputError
from hlm.evaluation.video import VideoWriter, read_video, write_animation


def make_images(count, height, width):
    """Smooth images whose brightness says which one it is."""
    ramp = np.linspace(0, 40, width)[None, :, None] + np.linspace(0, 40, height)[:, None, None]
    return [np.broadcast_to(ramp + 15 * index, (height, width, 3)).astype(np.uint8) for index in range(count)]


@pytest.mark.parametrize("size", [(48, 64), (47, 63)])
def test_video_round_trip(tmp_path, size):
    path, images = tmp_path / "a film.mp4", make_images(10, *size)
    with VideoWriter(path, 30, size) as film:
        for image in images:
            film.write(image)
        assert not path.exists()
    read = read_video(path)[:, : size[0], : size[1]]
    assert len(read) == len(images)
    assert np.abs(read.astype(int) - np.stack(images)).mean() < 3
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_video_starts_with_its_index(tmp_path):
    path = tmp_path / "film.mp4"
    with VideoWriter(path, 30, (48, 64)) as film:
        for image in make_images(5, 48, 64):
            film.write(image)
    data = path.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_abandoned_video_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), VideoWriter(tmp_path / "film.mp4", 30, (48, 64)) as film:
        film.write(make_images(1, 48, 64)[0])
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_video_without_images_is_no_file(tmp_path):
    film = VideoWriter(tmp_path / "film.mp4", 30, (48, 64))
    film.close()
    assert not list(tmp_path.iterdir())


def test_image_of_another_size(tmp_path):
    with pytest.raises(InputError, match=r"needs images \[48, 64, 3\] uint8, got \[64, 48, 3\] uint8"):
        VideoWriter(tmp_path / "film.mp4", 30, (48, 64)).write(make_images(1, 64, 48)[0])


def test_the_first_image_sets_the_size(tmp_path):
    with VideoWriter(tmp_path / "film.mp4", 30) as film:
        film.write(make_images(1, 47, 64)[0])
        with pytest.raises(InputError, match=r"needs images \[47, 64, 3\] uint8, got \[64, 47, 3\] uint8"):
            film.write(make_images(1, 64, 47)[0])
    assert read_video(tmp_path / "film.mp4").shape == (1, 48, 64, 3)
    with pytest.raises(InputError, match=r"needs images \[8, 8, 3\] uint8, got \[8, 8\] uint8"):
        VideoWriter(tmp_path / "film.mp4", 30).write(np.zeros((8, 8), np.uint8))


def test_video_that_cannot_be_encoded(tmp_path):
    with pytest.raises(InputError, match="at 0 Hz cannot be encoded"):
        VideoWriter(tmp_path / "film.mp4", 0, (48, 64))


@pytest.mark.parametrize("ending", ["gif", "webp"])
def test_animation(tmp_path, ending):
    path = write_animation(tmp_path / f"a.{ending}", make_images(8, 48, 64), 25, width_px=32)
    with Image.open(path) as animation:
        assert (animation.size, animation.n_frames, animation.info["loop"]) == ((32, 24), 8, 0)
        animation.seek(1)
        animation.load()
        assert animation.info["duration"] == 40


def test_animation_errors(tmp_path):
    with pytest.raises(InputError, match=r"Endings: \.gif, \.webp"):
        write_animation(tmp_path / "a.png", make_images(2, 8, 8), 25)
    with pytest.raises(InputError, match="needs at least one image"):
        write_animation(tmp_path / "a.gif", [], 25)
