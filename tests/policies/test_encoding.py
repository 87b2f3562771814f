import numpy as np
import pytest

from hlm.core.errors import MismatchError
from hlm.policies.encoding import STATE_LIMIT, Encoding
from hlm.policies.transforms import Quantiles, SplineBasis, Vocabulary

QUANTILES = Quantiles(np.array([-1.0, 0.0]), np.array([1.0, 0.001]))


@pytest.fixture
def encoding():
    return Encoding(
        state=QUANTILES,
        action=QUANTILES,
        basis=SplineBasis(10, 6),
        vocabulary=Vocabulary(("go",), 1),
        recorded_size=(32, 48),
        image_size=(16, 24),
    )


def test_states_are_normalised_and_limited(encoding):
    states = np.array([[0.5, 0.0], [1.5, 0.0], [40.0, 7.0], [-40.0, 0.0]])
    seen = encoding.proprioception(states)
    np.testing.assert_allclose(seen[:, 0], [0.5, 1.5, STATE_LIMIT, -STATE_LIMIT])
    assert not seen[:, 1].any()


def test_actions_undo_coefficients(encoding):
    time = np.arange(30)[:, None] / 30.0
    action = np.concatenate([0.8 * time**2 - 0.3, np.full((30, 1), 0.0005)], 1)
    before = action.copy()
    chunks = encoding.actions(encoding.coefficients(action))
    # Before the last chunk's length from the end, chunks are pieces of a parabola, which cubic splines hold exactly.
    for start in range(20):
        np.testing.assert_allclose(chunks[start], action[start : start + 10], atol=1e-6)
    np.testing.assert_array_equal(action, before)


def test_after_the_end_the_last_action_is_held(encoding):
    action = np.stack([np.linspace(-1.0, 1.0, 5), np.zeros(5)], 1)
    np.testing.assert_allclose(encoding.actions(encoding.coefficients(action))[-1, :, 0], 1.0, atol=1e-6)


def test_pictures_shrink_by_area(encoding):
    image = np.zeros((32, 48, 3), np.uint8)
    image[:, ::2] = 200
    assert (encoding.picture(image, "head") == 100).all()
    with pytest.raises(MismatchError, match=r"camera 'head' delivers 48x32 px .* needs 32x48"):
        encoding.picture(image.transpose(1, 0, 2), "head")
