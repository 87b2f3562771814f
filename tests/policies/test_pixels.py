import numpy as np
import torch

from hlm.policies.pixels import scale_pixels, take_shifted


def random_images(*shape):
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_pixels_are_scaled_to_minus_one_to_one():
    images = random_images(2, 3, 8, 8, 3)
    before = images.clone()
    scaled = scale_pixels(images)
    assert scaled.shape == (2, 3, 3, 8, 8)
    torch.testing.assert_close(scaled.movedim(2, -1), images / 127.5 - 1.0)
    torch.testing.assert_close(images, before)


def test_black_is_minus_one_and_white_is_one():
    assert scale_pixels(torch.tensor([[[0, 128, 255]]], dtype=torch.uint8)).flatten()[[0, 2]].tolist() == [-1.0, 1.0]


def test_no_shift_takes_the_rows():
    images = random_images(5, 2, 8, 8, 3)
    rows = torch.tensor([3, 0])
    torch.testing.assert_close(take_shifted(images, rows, torch.zeros(2, 2, 2, dtype=torch.long)), images[rows])


def test_each_picture_is_moved_by_its_own_shift_and_edges_repeat():
    images = random_images(4, 2, 6, 7, 3)
    rows = torch.tensor([2, 1, 2])
    shift = torch.tensor([[[1, -2], [0, 3]], [[-3, 0], [2, 2]], [[0, 0], [-1, 1]]])
    shifted = take_shifted(images, rows, shift).numpy()
    for sample, row in enumerate(rows.tolist()):
        for view in range(2):
            down, right = shift[sample, view].tolist()
            padded = np.pad(images[row, view].numpy(), ((3, 3), (3, 3), (0, 0)), mode="edge")
            expected = padded[3 - down : 9 - down, 3 - right : 10 - right]
            np.testing.assert_array_equal(shifted[sample, view], expected)
