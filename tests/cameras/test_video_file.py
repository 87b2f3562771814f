"""A film as a camera: on the clock, looped or once."""

import numpy as np
import pytest
from conformance.cameras import CamerasConformance
from fakes import SteppedClock
from fakes_camera_servers import film_of

from hlm.cameras.video_file import VideoFileCamera, VideoFileConfig
from hlm.core.clock import NS_PER_S, MonotonicClock
from hlm.core.errors import CorruptError, LostError, MissingFileError


def camera(film, clock, **chosen):
    return VideoFileCamera(VideoFileConfig(name="head", path=str(film), **chosen), clock)


def count_of(frame):
    return int(np.argmax(frame.image.min(axis=(1, 2))))


class TestVideoFileCamera(CamerasConformance):
    @pytest.fixture
    def cameras_and_clock(self, film):
        clock = MonotonicClock()
        return camera(film, clock), clock


def test_each_image_comes_when_it_is_due_and_then_again_from_the_start(film):
    clock = SteppedClock()
    start_ns = clock.now_ns()
    with camera(film, clock) as cameras:
        for number in range(30):
            frame = cameras.capture()["head"]
            assert count_of(frame) == number % 12
            assert abs(frame.stamp_ns - start_ns - number * NS_PER_S / 30) < 1e6
            assert frame.stamp_ns <= clock.now_ns()


def test_images_that_are_overdue_are_dropped(film):
    clock = SteppedClock()
    with camera(film, clock) as cameras:
        cameras.capture()
        clock.wait_until(clock.now_ns() + NS_PER_S // 5)
        assert count_of(cameras.capture()["head"]) == 6


def test_a_film_that_plays_once_is_lost_at_its_end(film):
    with camera(film, SteppedClock(), loop=False) as cameras:
        for _ in range(12):
            cameras.capture()
        with pytest.raises(LostError, match=r"camera 'head': the video .*film\.mp4 is over"):
            cameras.capture()


def test_files_that_do_not_play_are_one_line(tmp_path):
    clock = SteppedClock()
    with pytest.raises(MissingFileError, match="there is no video"), camera(tmp_path / "none.mp4", clock):
        pass
    (tmp_path / "text.mp4").write_text("no film", encoding="utf-8")
    with pytest.raises(CorruptError, match="is no video that can be played"), camera(tmp_path / "text.mp4", clock):
        pass
    cut = film_of(tmp_path / "cut.mp4", 40)
    cut.write_bytes(cut.read_bytes()[:2000])
    with pytest.raises(CorruptError, match="camera 'head'"), camera(cut, clock):
        pass
