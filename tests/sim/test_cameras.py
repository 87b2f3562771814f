import mujoco
import numpy as np
import pytest

from hlm.core.errors import InputError, MissingDependencyError, UnknownNameError
from hlm.sim.cameras import SimulatedCameras

NAMES = ("head", "left_wrist", "right_wrist")


@pytest.fixture(scope="module")
def cameras(task):
    with SimulatedCameras(task.world, NAMES, 48, 64) as cameras:
        yield cameras


def test_each_camera_renders_an_image_of_now(task, cameras):
    task.reset(0)
    task.world.wait_until(4_000_000)
    frames = cameras.capture()
    assert tuple(frames) == NAMES
    for frame in frames.values():
        assert frame.stamp_ns == 4_000_000
        assert frame.image.shape == (48, 64, 3)
        assert frame.image.dtype == np.uint8
        assert frame.image.std() > 5.0


def test_cameras_have_different_views(task, cameras):
    task.reset(0)
    images = [frame.image.astype(float) for frame in cameras.capture().values()]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(images[one] - images[other]).mean() > 5.0


def test_the_same_scene_gives_the_same_image(task, cameras):
    task.reset(0)
    first = cameras.render("head")
    task.reset(2)
    task.reset(0)
    np.testing.assert_array_equal(cameras.render("head"), first)


def test_another_scene_gives_another_image(task, cameras):
    task.reset(0)
    first = cameras.render("head").astype(float)
    task.reset(2)
    assert np.abs(cameras.render("head") - first).max() > 60.0


def test_the_head_sees_both_cups(task, cameras):
    for seed in (0, 2, 4):
        task.reset(seed)
        image = cameras.render("head").astype(int)
        red, green, blue = image[..., 0], image[..., 1], image[..., 2]
        assert ((red > 90) & (red > 2 * green) & (red > 2 * blue)).sum() > 3
        assert ((blue > 90) & (blue > 2 * red) & (blue > 1.5 * green)).sum() > 3


def test_an_image_is_not_changed_by_the_next_one(task, cameras):
    task.reset(0)
    first = cameras.render("head")
    kept = first.copy()
    cameras.render("left_wrist")
    np.testing.assert_array_equal(first, kept)


def test_an_unknown_camera_is_named_with_the_nearest(task):
    with pytest.raises(UnknownNameError, match=r"no camera 'right_wirst'\..* Did you mean 'right_wrist'\?"):
        SimulatedCameras(task.world, ("right_wirst",), 48, 64)


@pytest.mark.parametrize(("height", "width"), [(0, 64), (64, -1), (481, 64), (64, 641)])
def test_a_size_that_cannot_be_rendered_is_refused(task, height, width):
    with pytest.raises(
        InputError,
        match=f"cannot render images of {height} x {width} pixels: the scene is built for images of up to 480 x 640",
    ):
        SimulatedCameras(task.world, NAMES, height, width)


def test_without_a_library_to_render_with_it_says_what_to_install(task, monkeypatch):
    def fail(*_):
        raise AttributeError("no GL")

    monkeypatch.setattr(mujoco, "Renderer", fail)
    with pytest.raises(MissingDependencyError, match=r"cannot render images \(AttributeError: no GL\)\. Install"):
        SimulatedCameras(task.world, NAMES, 48, 64)
