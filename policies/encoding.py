"""How a recorded row or a live observation becomes what the network sees, and its output a chunk of actions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hlm.core.arrays import ByteArray, FloatArray
from hlm.core.errors import MismatchError
from hlm.datasets.images import resize
from hlm.policies.transforms import Quantiles, SplineBasis, Vocabulary

# The quantiles of the training states are at -1 and 1. A joint that hardly moved in training can be far outside on a
# robot that is pushed, and would drown everything else.
STATE_LIMIT = 2.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Encoding:
    """The transforms of a policy, shared by training and serving.

    Attributes:
        state: normalises states.
        action: normalises actions.
        basis: chunks as coefficients.
        vocabulary: instructions as numbers.
        recorded_size: height and width that cameras deliver, px.
        image_size: height and width that the network sees, px.
    """

    state: Quantiles
    action: Quantiles
    basis: SplineBasis
    vocabulary: Vocabulary
    recorded_size: tuple[int, int]
    image_size: tuple[int, int]

    def proprioception(self, state: FloatArray) -> FloatArray:
        """[..., dimension] normalised states, limited to what the network can have learnt anything about."""
        return np.clip(self.state.normalise(state), -STATE_LIMIT, STATE_LIMIT)

    def picture(self, image: ByteArray, camera: str) -> ByteArray:
        """[height, width, 3] uint8 picture in the network's size.

        Raises:
            MismatchError: the picture is not of the recorded size.
        """
        if image.shape != (*self.recorded_size, 3):
            found, wanted = ("x".join(map(str, size)) for size in (image.shape[:2], self.recorded_size))
            raise MismatchError(f"camera '{camera}' delivers {found} px (height x width); the policy needs {wanted}.")
        return resize(image, self.image_size)

    def coefficients(self, action: FloatArray) -> FloatArray:
        """[time, coefficient, dimension] of the chunk that starts at each of [time, dimension] actions.

        After the end, the last action is held.
        """
        normalised = self.action.normalise(action)
        due = np.arange(len(action))[:, None] + np.arange(self.basis.horizon)
        return self.basis.project(normalised[np.minimum(due, len(action) - 1)])

    def actions(self, coefficients: FloatArray) -> FloatArray:
        """[..., time, dimension] absolute actions of [..., coefficient, dimension]."""
        return self.action.undo(self.basis.undo(coefficients))
