"""Requests, answers and errors, as openpi's protocol writes them.

    client  connects                                            server  a map: `PolicySpec`
    client  a map: observation, prompt, perhaps a prefix        server  a map: actions and timing, or an error

Maps are binary frames (`hlm.policies.serving.wire`). An error is a *text* frame of JSON, `{"error": {"type": ...,
"message": ...}}`, after which the connection goes on: openpi's client raises what a text frame says, and would take any
map for a result.

Besides hlm's own keys, those of OpenHLM's client are read. README.md has all of them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.errors import HlmError, InputError, MismatchError, UnknownNameError
from hlm.core.layout import DIMENSIONS
from hlm.core.policy import ActionPrefix, PolicySpec
from hlm.core.values import ActionChunk, CameraFrame, Observation
from hlm.policies.serving.errors import AnswerError, RefusedError

STATE, PROMPT, STAMP, SEED = "observation/state", "prompt", "stamp_ns", "seed"
PICTURE = "observation/images/"
PREFIX, DELAY, EXECUTE = "rtc/action_prefix", "rtc/inference_delay", "rtc/execution_horizon"
OPENHLM_CAMERAS = {
    "observation/head_image_left": "head",
    "observation/left_wrist_image": "left_wrist",
    "observation/right_wrist_image": "right_wrist",
}
OPENHLM_LAST_ACTION = "observation/last_action"
KEYS = (STATE, PROMPT, STAMP, SEED, f"{PICTURE}CAMERA", PREFIX, DELAY, EXECUTE, *OPENHLM_CAMERAS, OPENHLM_LAST_ACTION)

MAX_PROMPT_CHARACTERS = 4096
_MAX_ERROR_CHARACTERS = 1000
_INT64 = range(-(2**63), 2**63)


class Request(NamedTuple):
    """What a client asks.

    Attributes:
        observation: what it sees; its stamp is 0 when the client gave none.
        prefix: what is left of the last chunk, or None.
        stamped: whether the client gave a stamp.
        seed: of the chunk's noise, or None.
    """

    observation: Observation
    prefix: ActionPrefix | None
    stamped: bool
    seed: int | None


class Timing(NamedTuple):
    """How long the parts of an answer took, s.

    Attributes:
        policy_s: the policy itself.
        infer_s: from the bytes of the request to the actions.
        queue_s: waiting for other clients' requests.
        previous_s: all of the previous answer on this connection, sending included; None at the first one.
    """

    policy_s: float
    infer_s: float
    queue_s: float
    previous_s: float | None


def encode_request(
    observation: Observation, prefix: ActionPrefix | None = None, seed: int | None = None
) -> dict[str, Any]:
    """The map of a request; pictures are sent as they are, their own stamps are not."""
    message: dict[str, Any] = {STATE: observation.state, PROMPT: observation.instruction, STAMP: observation.stamp_ns}
    message |= {PICTURE + name: frame.image for name, frame in observation.frames.items()}
    if prefix is not None:
        message |= {PREFIX: prefix.actions, DELAY: prefix.delay, EXECUTE: prefix.execution_horizon}
    return message if seed is None else message | {SEED: seed}


def decode_request(message: Any, spec: PolicySpec) -> Request:
    """What the map of a request asks.

    Args:
        message: the map.
        spec: of the policy that is asked.

    Raises:
        InputError: something is missing, or of the wrong kind.
        MismatchError: an array has the wrong shape or type.
        UnknownNameError: a key that requests do not have, or a camera that the robot does not have.
    """
    if not isinstance(message, dict):
        raise InputError(f"a request must be a map, got {type(message).__name__}.")
    for key in message:
        if key not in KEYS and not key.startswith(PICTURE):
            raise UnknownNameError("key of a request", key[:80], KEYS)
    # A robot may have cameras that this policy does not look at; those that OpenHLM's client sends are always taken.
    cameras = {*spec.cameras, *OPENHLM_CAMERAS.values()}
    prefix = _prefix(message, spec.horizon)
    stamp_ns = _whole(message, STAMP) if STAMP in message else 0
    observation = Observation(stamp_ns, _state(message), _frames(message, stamp_ns, cameras), _prompt(message))
    seed = _whole(message, SEED) if SEED in message else None
    return Request(observation, prefix, STAMP in message, seed)


def encode_answer(chunk: ActionChunk, timing: Timing, *, stamped: bool) -> dict[str, Any]:
    """The map of an answer, with `actions` in single precision.

    Raises:
        AnswerError: an action is not finite; a robot must never see it.
    """
    actions = _single(chunk.actions)
    if not np.isfinite(actions).all():
        raise AnswerError("the policy gave actions that are not finite in single precision.")
    server = {"infer_ms": timing.infer_s * 1e3, "queue_ms": timing.queue_s * 1e3}
    if timing.previous_s is not None:
        server["prev_total_ms"] = timing.previous_s * 1e3
    message = {
        "actions": actions,
        "rate_hz": float(chunk.rate_hz),
        "policy_timing": {"infer_ms": timing.policy_s * 1e3},
        "server_timing": server,
    }
    return message | {STAMP: chunk.stamp_ns} if stamped else message


def decode_answer(message: Any, stamp_ns: int, horizon: int) -> ActionChunk:
    """The chunk in the map of an answer.

    Args:
        message: the map.
        stamp_ns: of the observation that was asked about.
        horizon: actions that the chunk must have.

    Raises:
        AnswerError: it is no answer, or that to another observation.
    """
    actions = message.get("actions") if isinstance(message, dict) else None
    if not isinstance(actions, np.ndarray) or actions.shape != (horizon, DIMENSIONS) or actions.dtype.kind != "f":
        raise AnswerError(f"the policy server's answer has no actions of shape [{horizon}, {DIMENSIONS}].")
    if not np.isfinite(_single(actions)).all():
        raise AnswerError("the policy server's answer has actions that are not finite.")
    answered = message.get(STAMP)
    if type(answered) is not int or answered != stamp_ns:
        raise AnswerError(f"the policy server answers observation {str(answered)[:80]}, and was asked {stamp_ns}.")
    rate_hz = message.get("rate_hz")
    if not isinstance(rate_hz, float) or not 0.0 < rate_hz < float("inf"):
        raise AnswerError(f"the policy server's answer has rate {str(rate_hz)[:80]}, which is none.")
    return ActionChunk(stamp_ns, rate_hz, actions)


def encode_error(error: HlmError, kind: str | None = None) -> str:
    """The text frame of an error; `kind` is the name of its class by default."""
    text = " ".join(str(error).split())[:_MAX_ERROR_CHARACTERS]
    return json.dumps({"error": {"type": kind or type(error).__name__, "message": text}})


def decode_error(text: str) -> RefusedError:
    """What a server refused a request with; other servers' texts are taken as they are."""
    try:
        error = json.loads(text)["error"]
        return RefusedError(str(error["type"])[:80], str(error["message"])[:_MAX_ERROR_CHARACTERS])
    except (ValueError, TypeError, KeyError, RecursionError):
        return RefusedError("unknown", " ".join(text.split())[:_MAX_ERROR_CHARACTERS])


def _state(message: Mapping[str, Any]) -> FloatArray:
    state = _numbers(message, STATE)
    # OpenHLM's client sends zeros while it has no measurement. No body measures 34 times exactly 0.
    if message.keys() & OPENHLM_CAMERAS.keys() and not state.any():
        raise InputError(f"'{STATE}' is all zeros, which OpenHLM's client sends when it has no robot state.")
    return state


def _frames(message: Mapping[str, Any], stamp_ns: int, cameras: Collection[str]) -> dict[str, CameraFrame]:
    frames = {}
    for key, image in message.items():
        camera = OPENHLM_CAMERAS.get(key, key.removeprefix(PICTURE) if key.startswith(PICTURE) else None)
        if camera is None:
            continue
        if camera not in cameras:
            raise UnknownNameError("camera", camera[:80], cameras)
        if not isinstance(image, np.ndarray):
            raise InputError(f"'{key}' must be an array, got {type(image).__name__}; leave a missing camera out.")
        if camera in frames:
            raise InputError(f"camera '{camera}' is there twice, under hlm's name and OpenHLM's.")
        # OpenHLM's client fills in zeros for a camera that delivers nothing, and its policies were trained with zeros
        # where there was no head camera. To hlm such a camera is absent: the policy does without it, or says that it
        # cannot. No sensor delivers zeros everywhere.
        if key in OPENHLM_CAMERAS and not image.any():
            continue
        frames[camera] = CameraFrame(stamp_ns, image)
    return frames


def _prompt(message: Mapping[str, Any]) -> str:
    prompt = message.get(PROMPT)
    if not isinstance(prompt, str):
        raise InputError(f"a request needs '{PROMPT}', a text; got {type(prompt).__name__}.")
    if len(prompt) > MAX_PROMPT_CHARACTERS:
        raise InputError(f"'{PROMPT}' has {len(prompt)} characters; {MAX_PROMPT_CHARACTERS} are read at most.")
    return prompt


def _prefix(message: Mapping[str, Any], horizon: int) -> ActionPrefix | None:
    if not any(key in message for key in (PREFIX, DELAY, EXECUTE)):
        return None
    if PREFIX in message and message[PREFIX] is None:  # what clients that can continue chunks send before the first one
        return None
    actions = _numbers(message, PREFIX, horizon)
    delay = _whole(message, DELAY)
    return ActionPrefix(actions, delay, delay if message.get(EXECUTE) is None else _whole(message, EXECUTE))


def _whole(message: Mapping[str, Any], key: str) -> int:
    """A whole number of 64 bits.

    Raises:
        InputError: it is missing, or something else.
    """
    number = message.get(key)
    if type(number) is bool or not isinstance(number, int | np.integer) or int(number) not in _INT64:
        raise InputError(f"'{key}' must be a whole number, got {str(number)[:80]}.")
    return int(number)


def _numbers(message: Mapping[str, Any], key: str, most: int | None = None) -> FloatArray:
    """[34] finite numbers, or [time, 34] where `most` says how many there may be; checked before they are copied.

    Raises:
        InputError: they are missing, or something else.
        MismatchError: they are more or fewer.
    """
    array = message.get(key)
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        found = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise InputError(f"a request needs '{key}', an array of numbers; got {found}.")
    *rows, columns = array.shape or (0,)
    if columns != DIMENSIONS or (rows if most is None else len(rows) != 1 or rows[0] > most):
        wanted = f"[{DIMENSIONS}]" if most is None else f"[up to {most}, {DIMENSIONS}]"
        raise MismatchError(f"'{key}' must have shape {wanted}, got {list(array.shape)}.")
    if not np.isfinite(_single(array)).all():
        raise InputError(f"'{key}' has values that are not finite in single precision.")
    return array.astype(np.float64)


def _single(array: FloatArray) -> FloatArray:
    """The same in single precision, in which what is too large becomes infinite."""
    with np.errstate(over="ignore"):
        return array.astype(np.float32)
