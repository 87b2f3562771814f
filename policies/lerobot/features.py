"""Names of observations and actions, and LeRobot's description of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.utils.constants import ACTION, OBS_IMAGES, OBS_STATE

if TYPE_CHECKING:
    from hlm.policies.encoding import Encoding


def picture_key(camera: str) -> str:
    """LeRobot's name for the pictures of a camera."""
    return f"{OBS_IMAGES}.{camera}"


def input_features(encoding: Encoding) -> dict[str, PolicyFeature]:
    """Shapes of what the network sees: pictures in the network's order, and the state unless it is withheld."""
    shape = (3, *encoding.image_size)
    features = {picture_key(name): PolicyFeature(FeatureType.VISUAL, shape) for name in encoding.cameras}
    if encoding.proprioception:
        features[OBS_STATE] = PolicyFeature(FeatureType.STATE, (encoding.dimensions,))
    return features


def output_features(encoding: Encoding) -> dict[str, PolicyFeature]:
    """Shape of an action."""
    return {ACTION: PolicyFeature(FeatureType.ACTION, (encoding.dimensions,))}
