import numpy as np
import pytest

from hlm.core.arrays import frozen
from hlm.core.errors import MismatchError


def test_it_is_a_read_only_copy():
    mine = np.arange(3.0)
    copy = frozen(mine, (3,), "x")
    mine[0] = 7.0
    assert copy.tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        copy[0] = 1.0


def test_it_takes_lists_and_converts():
    assert frozen([[1, 2]], (None, 2), "x", np.float32).dtype == np.float32


@pytest.mark.parametrize(
    ("array", "shape", "text"),
    [
        (np.zeros(3), (4,), r"x must have shape \[4\], got \[3\]\."),
        (np.zeros((2, 3)), (None, 4), r"x must have shape \[any, 4\], got \[2, 3\]\."),
        (np.zeros(3), (3, 1), r"x must have shape \[3, 1\], got \[3\]\."),
        (1.0, (1,), r"x must have shape \[1\], got \[\]\."),
    ],
)
def test_another_shape_is_refused(array, shape, text):
    with pytest.raises(MismatchError, match=text):
        frozen(array, shape, "x")
