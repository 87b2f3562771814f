import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from hlm.core.documents import from_document, to_document
from hlm.core.errors import InputError, UnknownNameError
from hlm.policies.augmentation import UNCHANGED, AugmentationConfig, augment
from hlm.policies.pixels import scale_pixels, take_shifted

CAMERAS = ("head", "left_wrist", "right_wrist")
PRESETS = {"paper": AugmentationConfig.paper(), "compact": AugmentationConfig.compact()}


class Streams:
    """Draws of samples by their numbers, each from a generator of its own; see `hlm.policies.network.Draws`."""

    def __init__(self, *samples):
        self.generators = [torch.Generator().manual_seed(1000 + sample) for sample in samples]

    def normal(self, *shape):
        return torch.stack([torch.randn(shape, generator=generator) for generator in self.generators])

    def uniform(self, *shape):
        return torch.stack([torch.rand(shape, generator=generator) for generator in self.generators])


class Constant:
    """Draws that are always the same number."""

    def __init__(self, batch, value):
        self.batch, self.value = batch, value

    def normal(self, *shape):
        return torch.full((self.batch, *shape), self.value)

    uniform = normal


class Refusing:
    """Fails when anything is drawn."""

    def normal(self, *shape):
        raise AssertionError(shape)

    uniform = normal


def make_images(batch=4, views=3, height=24, width=32, seed=0):
    """Smooth random images, so that interpolation hardly changes them."""
    coarse = torch.rand((batch * views, 3, 4, 4), generator=torch.Generator().manual_seed(seed))
    fine = functional.interpolate(coarse, (height, width), mode="bilinear")
    return (40.0 + 175.0 * fine).to(torch.uint8).unflatten(0, (batch, views)).movedim(2, -1).contiguous()


def test_a_neutral_config_only_scales_and_draws_nothing():
    images = make_images()
    torch.testing.assert_close(
        augment(images, CAMERAS, AugmentationConfig(), Refusing()), scale_pixels(images), rtol=0.0, atol=0.0
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_a_sample_does_not_depend_on_the_others(preset):
    images = make_images()
    together = augment(images, CAMERAS, PRESETS[preset], Streams(5, 6, 7, 8))
    alone = [augment(images[i : i + 1], CAMERAS, PRESETS[preset], Streams(5 + i)) for i in range(4)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0.0, atol=1e-6)


@pytest.mark.parametrize("preset", PRESETS)
def test_each_sample_and_view_has_its_own_draws(preset):
    images = make_images(1, 1).expand(4, 3, -1, -1, -1)
    seen = augment(images, CAMERAS, PRESETS[preset], Streams(1, 2, 3, 4)).flatten(0, 1)
    distance = (seen[:, None] - seen).abs().amax((-3, -2, -1))
    assert (distance + torch.eye(12) > 1e-3).all()


@pytest.mark.parametrize("preset", PRESETS)
def test_results_stay_in_range_and_images_as_they_are(preset):
    images = torch.randint(0, 256, (4, 3, 24, 32, 3), dtype=torch.uint8)
    before = images.clone()
    seen = augment(images, CAMERAS, PRESETS[preset], Streams(1, 2, 3, 4))
    assert (seen.shape, seen.dtype) == ((4, 3, 3, 24, 32), torch.float32)
    assert seen.amin() >= -1.0
    assert seen.amax() <= 1.0
    torch.testing.assert_close(images, before)


def test_only_geometric_cameras_are_cropped_and_rotated():
    images = make_images()
    config = AugmentationConfig(geometric=("head",), crop=0.8, rotation_deg=20.0)
    seen, plain = augment(images, CAMERAS, config, Streams(1, 2, 3, 4)), scale_pixels(images)
    torch.testing.assert_close(seen[:, 1:], plain[:, 1:], rtol=0.0, atol=0.0)
    assert ((seen[:, 0] - plain[:, 0]).abs().amax((-3, -2, -1)) > 0.05).all()


def test_a_crop_in_the_corner_is_the_resized_corner():
    images = make_images(height=40, width=60)
    # Draws of 0 put the crop at the top left: 32 x 48 of 40 x 60 px.
    seen = augment(images, CAMERAS, AugmentationConfig(geometric=CAMERAS, crop=0.8), Constant(4, 0.0))
    corner = scale_pixels(images)[..., :32, :48].flatten(0, 1)
    expected = functional.interpolate(corner, (40, 60), mode="bilinear").unflatten(0, (4, 3))
    inside = (..., slice(1, -1), slice(1, -1))
    torch.testing.assert_close(seen[inside], expected[inside], rtol=0.0, atol=0.02)


def test_rotations_are_rigid_in_pixels_and_black_comes_in():
    size = 61, 121
    y, x = torch.meshgrid(torch.arange(size[0]) - 30.0, torch.arange(size[1]) - 60.0, indexing="ij")
    angle = math.radians(15.0)
    spot = torch.exp(-((x - 20.0).square() + y.square()) / 30.0)
    # In images, y is down: what stood to the right of the middle moves up when the content turns by -angle.
    turned = torch.exp(-((x - 20.0 * math.cos(angle)).square() + (y + 20.0 * math.sin(angle)).square()) / 30.0)
    images = (100.0 + 100.0 * spot).to(torch.uint8)[None, None, :, :, None].expand(-1, -1, -1, -1, 3)
    config = AugmentationConfig(geometric=("head",), rotation_deg=15.0)
    seen = augment(images, ("head",), config, Constant(1, 1.0))[0, 0, 0]
    inside = (slice(10, -10), slice(20, -20))
    torch.testing.assert_close(seen[inside], ((100.0 + 100.0 * turned) / 127.5 - 1.0)[inside], rtol=0.0, atol=0.03)
    assert seen[0, 0] == seen[-1, -1] == -1.0


def test_what_lies_outside_the_crop_is_black_when_it_turns():
    images = torch.full((1, 1, 40, 60, 3), 200, dtype=torch.uint8)
    config = AugmentationConfig(geometric=("head",), crop=0.5, rotation_deg=10.0)
    # The crop is turned as an image of its own would be, wherever it lies.
    for place in (0.25, 0.75):
        cropped = augment(images, ("head",), config, Constant(1, place))[0, 0, 0]
        alone = augment(images, ("head",), replace(config, crop=1.0), Constant(1, place))[0, 0, 0]
        assert torch.equal(cropped == -1.0, alone == -1.0)
        assert cropped[0, 0] == -1.0
        assert (cropped[5:-5, 5:-5] > 0.5).all()


def test_shifts_are_whole_pixels_and_all_equally_likely():
    images = make_images(1, 3, 24, 24).expand(400, -1, -1, -1, -1)
    seen = augment(images, CAMERAS, AugmentationConfig(shift=0.1), Streams(*range(400)))
    counts = torch.zeros(5, 5)
    for down in range(-2, 3):
        for right in range(-2, 3):
            moved = take_shifted(images[:1].contiguous(), torch.tensor([0]), torch.tensor([[[down, right]] * 3]))
            counts[down + 2, right + 2] = (seen == scale_pixels(moved)).all(-1).all(-1).all(-1).sum()
    assert counts.sum() == 1200
    # A binomial of 1200 with 1/25 has mean 48 and standard deviation 6.8.
    assert 20 < counts.min() <= counts.max() < 80


@pytest.mark.parametrize("draw", [0.0, 1.0 - 2.0**-24])
def test_the_largest_shift_is_never_exceeded(draw):
    images = make_images(1, 3, 24, 24)
    seen = augment(images, CAMERAS, AugmentationConfig(shift=0.1), Constant(1, draw))
    step = torch.full((1, 3, 2), -2 if draw == 0.0 else 2)
    torch.testing.assert_close(seen, scale_pixels(take_shifted(images, torch.tensor([0]), step)), rtol=0.0, atol=0.0)


def one_by_one(image, bright, contrast, saturation, about):
    """Brightness, contrast and saturation of a [height, width, 3] image from 0 to 1, one after another."""
    lit = bright * image
    pivot = lit.mean() if about == "mean" else 0.5
    stretched = pivot + contrast * (lit - pivot)
    grey = stretched.mean(-1, keepdims=True)
    return np.clip(grey + saturation * (stretched - grey), 0.0, 1.0)


@pytest.mark.parametrize("about", ["mean", "grey"])
@pytest.mark.parametrize(
    "limits",
    [
        {"brightness": (0.7, 1.3)},
        {"contrast": (0.6, 1.4)},
        {"saturation": (0.5, 1.5)},
        {"brightness": (0.7, 1.3), "contrast": (0.6, 1.4), "saturation": (0.5, 1.5)},
    ],
)
@pytest.mark.parametrize("draw", [0.0, 0.3, 1.0])
def test_colours_are_changed_one_after_another(about, limits, draw):
    images = make_images(2)
    seen = augment(images, CAMERAS, AugmentationConfig(**limits, contrast_about=about), Constant(2, draw))
    low_high = [limits.get(name, UNCHANGED) for name in ("brightness", "contrast", "saturation")]
    factors = [low + draw * (high - low) for low, high in low_high]
    for sample in range(2):
        for view in range(3):
            expected = one_by_one(images[sample, view].numpy() / 255.0, *factors, about)
            np.testing.assert_allclose(
                seen[sample, view].movedim(0, -1).numpy(), 2.0 * expected - 1.0, rtol=0.0, atol=2e-6
            )


def test_a_cast_is_added_to_each_colour():
    images = make_images(2)
    streams = Streams(3, 4)
    seen = augment(images, CAMERAS, AugmentationConfig(cast=0.01), streams)
    expected = scale_pixels(images) + 0.01 * Streams(3, 4).normal(3, 3, 1, 1)
    torch.testing.assert_close(seen, expected, rtol=0.0, atol=1e-6)


def test_the_compact_preset_is_shift_then_contrast_then_cast():
    images = make_images(2, height=96, width=96)
    seen = augment(images, CAMERAS, AugmentationConfig.compact(), Streams(3, 4))
    again = Streams(3, 4)
    shift_px = (again.uniform(3, 2) * 9.0).floor() - 4.0
    contrast = 0.8 + 0.4 * again.uniform(3, 1, 1, 1)
    cast = 0.075 * again.normal(3, 3, 1, 1)
    expected = (contrast * scale_pixels(take_shifted(images, torch.arange(2), shift_px)) + cast).clamp(-1.0, 1.0)
    torch.testing.assert_close(seen, expected, rtol=0.0, atol=1e-6)


def test_a_camera_that_is_no_view_is_named():
    with pytest.raises(UnknownNameError, match=r"no camera 'haed'.*Did you mean 'head'"):
        augment(make_images(), CAMERAS, AugmentationConfig(geometric=("haed",)), Refusing())


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"crop": 0.0}, r"crop must be in \(0, 1\], got 0.0"),
        ({"rotation_deg": -1.0}, r"rotation_deg must be in \[0, 180\), got -1.0"),
        ({"shift": 1.0}, r"shift must be in \[0, 1\), got 1.0"),
        ({"cast": math.nan}, r"cast must be in \[0, inf\), got nan"),
        ({"contrast": (1.2, 0.8)}, r"contrast must be two factors .* got 1.2 and 0.8"),
        ({"saturation": (-0.1, 1.0)}, r"saturation must be two factors .* got -0.1 and 1.0"),
    ],
)
def test_what_cannot_be_is_refused(changes, text):
    with pytest.raises(InputError, match=text):
        AugmentationConfig(**changes)


@pytest.mark.parametrize("preset", PRESETS)
def test_settings_survive_a_document(preset):
    assert from_document(AugmentationConfig, to_document(PRESETS[preset])) == PRESETS[preset]
