"""LeRobot's descriptions of policies: names and shapes of observations and actions, and choices that hlm fixes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.utils.constants import ACTION, OBS_IMAGES, OBS_STATE

from hlm.core.errors import MismatchError

if TYPE_CHECKING:
    from hlm.policies.encoding import Encoding

type FixedFields = Mapping[str, tuple[Any, ...]]
"""Fields of LeRobot's configuration that hlm does not vary, and the values equivalent to hlm's."""


def image_key(camera: str) -> str:
    """LeRobot's name for the images of a camera."""
    return f"{OBS_IMAGES}.{camera}"


def input_features(encoding: Encoding) -> dict[str, PolicyFeature]:
    """Shapes of the network's inputs: images in the network's order, and the state unless it is withheld."""
    shape = (3, *encoding.image_size)
    features = {image_key(name): PolicyFeature(FeatureType.VISUAL, shape) for name in encoding.cameras}
    if encoding.proprioception:
        features[OBS_STATE] = PolicyFeature(FeatureType.STATE, (encoding.dimensions,))
    return features


def output_features(encoding: Encoding) -> dict[str, PolicyFeature]:
    """Shape of an action."""
    return {ACTION: PolicyFeature(FeatureType.ACTION, (encoding.dimensions,))}


def check_lerobot_config(document: Mapping[str, Any], policy: str, fixed: FixedFields, source: str) -> None:
    """Refuse a LeRobot policy that hlm cannot reproduce.

    Args:
        document: LeRobot's config.json.
        policy: expected policy type.
        fixed: fields that hlm does not vary.
        source: where the document is from, for error messages.

    Raises:
        MismatchError: another policy type, or a value that hlm does not support.
    """
    if (found := document.get("type")) != policy:
        raise MismatchError(f"{source} holds a policy of type '{found}', not '{policy}'.")
    for field, allowed in fixed.items():
        if field in document and document[field] not in allowed:
            raise MismatchError(f"{source} has {field} = {document[field]!r}; hlm supports only {allowed[0]!r}.")
