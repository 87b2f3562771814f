import numpy as np
import pytest
from PIL import Image

from hlm.core.errors import InputError
from hlm.evaluation.video import VideoWriter, read_video, write_animation


def pictures(count, height, width):
    """Smooth pictures whose brightness says which one it is."""
    ramp = np.linspace(0, 40, width)[None, :, None] + np.linspace(0, 40, height)[:, None, None]
    return [np.broadcast_to(ramp + 15 * index, (height, width, 3)).astype(np.uint8) for index in range(count)]


@pytest.mark.parametrize("size", [(48, 64), (47, 63)])
def test_video_round_trip(tmp_path, size):
    path, images = tmp_path / "a film.mp4", pictures(10, *size)
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
        for image in pictures(5, 48, 64):
            film.write(image)
    data = path.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_abandoned_video_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), VideoWriter(tmp_path / "film.mp4", 30, (48, 64)) as film:
        film.write(pictures(1, 48, 64)[0])
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_video_without_pictures_is_no_file(tmp_path):
    film = VideoWriter(tmp_path / "film.mp4", 30, (48, 64))
    film.close()
    assert not list(tmp_path.iterdir())


def test_picture_of_another_size(tmp_path):
    with pytest.raises(InputError, match=r"takes pictures \[48, 64, 3\] uint8, got \[64, 48, 3\] uint8"):
        VideoWriter(tmp_path / "film.mp4", 30, (48, 64)).write(pictures(1, 64, 48)[0])


def test_video_that_cannot_be_encoded(tmp_path):
    with pytest.raises(InputError, match="at 0 Hz cannot be encoded"):
        VideoWriter(tmp_path / "film.mp4", 0, (48, 64))


@pytest.mark.parametrize("ending", ["gif", "webp"])
def test_animation(tmp_path, ending):
    path = write_animation(tmp_path / f"a.{ending}", pictures(8, 48, 64), 25, width_px=32)
    with Image.open(path) as animation:
        assert (animation.size, animation.n_frames, animation.info["loop"]) == ((32, 24), 8, 0)
        animation.seek(1)
        animation.load()
        assert animation.info["duration"] == 40


def test_animation_errors(tmp_path):
    with pytest.raises(InputError, match=r"Endings: \.gif, \.webp"):
        write_animation(tmp_path / "a.png", pictures(2, 8, 8), 25)
    with pytest.raises(InputError, match="needs at least one picture"):
        write_animation(tmp_path / "a.gif", [], 25)
