"""Laws of `hlm.core.protocols.Cameras`."""

import numpy as np
import pytest


class CamerasConformance:
    """What all cameras do; a subclass gives the fixture `cameras_and_clock`: cameras that were not entered yet."""

    @pytest.fixture
    def cameras_and_clock(self):
        raise NotImplementedError

    def test_entering_gives_the_cameras_and_leaving_passes_errors_on(self, cameras_and_clock):
        cameras, _ = cameras_and_clock
        with pytest.raises(ZeroDivisionError), cameras as entered:
            assert entered is cameras
            raise ZeroDivisionError

    def test_images_are_rgb_stamped_by_the_sessions_clock_and_never_black(self, cameras_and_clock):
        cameras, clock = cameras_and_clock
        with cameras:
            frames = cameras.capture()
            assert frames
            for name, frame in frames.items():
                assert isinstance(name, str)
                assert frame.image.dtype == np.uint8
                assert frame.image.shape[2:] == (3,)
                assert frame.image.max() > 0
                assert clock.now_ns() - 1_000_000_000 <= frame.stamp_ns <= clock.now_ns()

    def test_names_and_sizes_stay_while_stamps_never_decrease(self, cameras_and_clock):
        cameras, clock = cameras_and_clock
        with cameras:
            taken = []
            for _ in range(3):
                taken.append(cameras.capture())
                clock.wait_until(clock.now_ns() + 34_000_000)
            for frames in taken[1:]:
                assert frames.keys() == taken[0].keys()
                for name, frame in frames.items():
                    assert frame.image.shape == taken[0][name].image.shape
            for name in taken[0]:
                stamps = [frames[name].stamp_ns for frames in taken]
                assert stamps == sorted(stamps)
                assert stamps[-1] > stamps[0]
