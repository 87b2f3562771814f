"""Servers of openpi and OpenHLM, which say nothing of their policy: what is assumed, asked and understood.

OpenHLM's server sends an empty map where ours sends a spec, wants the three images in one size, and answers with
actions alone. It computes in the thread that reads its socket, so that it answers no pings meanwhile.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hlm.core.clock import STEP_HZ
from hlm.core.layout import DIMENSIONS
from hlm.core.policy import MAX_HORIZON, UNKNOWN_POLICY, PolicySpec
from hlm.core.values import ActionChunk, Observation
from hlm.policies.serving.errors import AnswerError
from hlm.policies.serving.request_keys import OPENHLM_CAMERAS, PROMPT, STATE
from hlm.policies.transforms.letterbox import letterbox

# What OpenHLM's client sends, and how many actions of how many it executes.
IMAGE_SIZE = (224, 224)
HORIZON, EXECUTION_HORIZON = 50, 25


def assumed_spec(url: str, embodiment: str | None, cameras: tuple[str, ...] | None) -> PolicySpec:
    """The spec of a policy of which nothing is known: that of an OpenHLM policy for this robot.

    Args:
        url: address of the server.
        embodiment: robot that wants to be driven.
        cameras: its cameras.
    """
    known = tuple(OPENHLM_CAMERAS.values())
    return PolicySpec(
        policy_type=UNKNOWN_POLICY,
        embodiment=embodiment or "unknown",
        rate_hz=STEP_HZ,
        cameras=known if cameras is None else tuple(name for name in known if name in cameras),
        image_size=IMAGE_SIZE,
        horizon=HORIZON,
        execution_horizon=EXECUTION_HORIZON,
        origin=url,
    )


def encode_request(observation: Observation) -> dict[str, Any]:
    """The map of a request, as OpenHLM's client sends it; a camera without image is left out."""
    images = {
        key: letterbox(observation.frames[camera].image, IMAGE_SIZE)
        for key, camera in OPENHLM_CAMERAS.items()
        if camera in observation.frames
    }
    return {STATE: observation.state.astype(np.float32), PROMPT: observation.instruction, **images}


def decode_answer(message: Any, stamp_ns: int, rate_hz: float) -> ActionChunk:
    """The chunk in the map of an answer.

    Args:
        message: the map.
        stamp_ns: stamp of the request's observation, which such a server does not repeat.
        rate_hz: actions per second.

    Raises:
        AnswerError: no finite actions of this robot.
    """
    actions = message.get("actions") if isinstance(message, dict) else None
    if not isinstance(actions, np.ndarray) or actions.dtype.kind != "f" or actions.ndim != 2:
        raise AnswerError("the policy server's answer has no actions.")
    if actions.shape[1] != DIMENSIONS or not 1 <= len(actions) <= MAX_HORIZON:
        raise AnswerError(
            f"the policy server's actions have shape {list(actions.shape)}; this robot needs [1 to {MAX_HORIZON}, "
            f"{DIMENSIONS}]. Does it serve a policy of another robot?"
        )
    if not np.isfinite(actions).all():
        raise AnswerError("the policy server's answer has actions that are not finite.")
    return ActionChunk(stamp_ns, rate_hz, actions)
