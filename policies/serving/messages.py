"""Requests, answers and errors, as openpi's protocol writes them.

    client  connects                                            server  a map: `PolicySpec`
    client  a map: observation, prompt, perhaps a prefix        server  a map: actions and timing, or an error

Maps are binary frames (`hlm.policies.serving.wire`). An error is a *text* frame of JSON, `{"error": {"type": ...,
"message": ...}}`, and the connection stays open: openpi's client raises the content of a text frame, but takes any map
for a result.

Besides hlm's own keys, those of OpenHLM's client and of openpi's examples are read. README.md lists all of them.
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
from hlm.policies.serving.errors import AnswerError, PolicyFailedError, RefusedError, refusal
from hlm.policies.serving.request_images import request_image
from hlm.policies.serving.request_keys import (
    CHUNKS,
    DELAY,
    EXECUTE,
    FOREIGN_CAMERAS,
    IMAGE,
    KEYS,
    OPENHLM_CAMERAS,
    OPENPI_STATE,
    PREFIX,
    PROMPT,
    SEED,
    STAMP,
    STATE,
    camera_of,
    flat,
)
from hlm.policies.serving.state_range import must_be_possible

MAX_PROMPT_CHARACTERS = 4096
# Each takes a policy some microseconds to skip. No episode has as many chunks.
MAX_CHUNKS = 65_536
_MAX_ERROR_CHARACTERS = 1000
_INT64 = range(-(2**63), 2**63)


class Request(NamedTuple):
    """A client's request.

    Attributes:
        observation: its observation, with stamp 0 if the request has none.
        prefix: rest of the last chunk, or None.
        stamped: whether the request has a stamp.
        seed: seed of the noise, or None.
        chunks: chunks that were asked for since the noise was restarted from the seed.
    """

    observation: Observation
    prefix: ActionPrefix | None
    stamped: bool
    seed: int | None
    chunks: int = 0


class Timing(NamedTuple):
    """Durations of the parts of an answer.

    Attributes:
        policy_s: computing the chunk, s.
        infer_s: from the bytes of the request to the actions, s.
        queue_s: waiting for other clients' requests, s.
        previous_s: the whole previous answer on this connection, sending included, s; None for the first one.
    """

    policy_s: float
    infer_s: float
    queue_s: float
    previous_s: float | None


def encode_request(
    observation: Observation, prefix: ActionPrefix | None = None, seed: int | None = None, chunks: int = 0
) -> dict[str, Any]:
    """The map of a request; images are sent without their own stamps."""
    message: dict[str, Any] = {STATE: observation.state, PROMPT: observation.instruction, STAMP: observation.stamp_ns}
    message |= {IMAGE + name: frame.image for name, frame in observation.frames.items()}
    if prefix is not None:
        message |= {PREFIX: prefix.actions, DELAY: prefix.delay, EXECUTE: prefix.execution_horizon}
    if seed is not None:
        message |= {SEED: seed} | ({CHUNKS: chunks} if chunks else {})
    return message


def decode_request(message: Any, spec: PolicySpec) -> Request:
    """The request in a map.

    Args:
        message: the map.
        spec: of the policy that is asked.

    Raises:
        InputError: an entry is missing, or of the wrong type.
        MismatchError: an array has the wrong shape.
        UnknownNameError: an unknown key or camera.
    """
    if not isinstance(message, dict):
        raise InputError(f"a request must be a map, got {type(message).__name__}.")
    message = flat(message)
    for key in message:
        if key not in KEYS and not key.startswith(IMAGE):
            raise UnknownNameError("key of a request", key[:80], KEYS)
    prefix = _prefix(message, spec.horizon)
    stamp_ns = _whole(message, STAMP) if STAMP in message else 0
    state, frames = _state(message, spec.embodiment), _frames(message, stamp_ns, spec.cameras)
    observation = Observation(stamp_ns, state, frames, _prompt(message))
    seed = _whole(message, SEED) if SEED in message else None
    return Request(observation, prefix, STAMP in message, seed, _chunks(message))


def encode_answer(chunk: ActionChunk, timing: Timing, *, stamped: bool) -> dict[str, Any]:
    """The map of an answer, with `actions` in single precision.

    Raises:
        AnswerError: an action is not finite and must not reach a robot.
    """
    actions = _single(chunk.actions)
    if not np.isfinite(actions).all():
        raise AnswerError("the policy returned actions that are not finite in single precision.")
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
        stamp_ns: stamp of the request's observation.
        horizon: number of actions that the chunk must have.

    Raises:
        AnswerError: not an answer, or the answer to another observation.
    """
    actions = message.get("actions") if isinstance(message, dict) else None
    if not isinstance(actions, np.ndarray) or actions.shape != (horizon, DIMENSIONS) or actions.dtype.kind != "f":
        raise AnswerError(f"the policy server's answer has no actions of shape [{horizon}, {DIMENSIONS}].")
    if not np.isfinite(_single(actions)).all():
        raise AnswerError("the policy server's answer has actions that are not finite.")
    answered = message.get(STAMP)
    if type(answered) is not int or answered != stamp_ns:
        raise AnswerError(f"the policy server answered observation {str(answered)[:80]} instead of {stamp_ns}.")
    rate_hz = message.get("rate_hz")
    if not isinstance(rate_hz, float) or not 0.0 < rate_hz < float("inf"):
        raise AnswerError(f"the policy server's answer has an invalid rate_hz, {str(rate_hz)[:80]}.")
    return ActionChunk(stamp_ns, rate_hz, actions)


def encode_error(error: HlmError, kind: str | None = None) -> str:
    """The text frame of an error; `kind` is by default the name of its class."""
    text = " ".join(str(error).split())[:_MAX_ERROR_CHARACTERS]
    return json.dumps({"error": {"type": kind or type(error).__name__, "message": text}})


def decode_error(text: str) -> RefusedError:
    """The error in a text frame; openpi's servers send a traceback, whose last line says what went wrong."""
    try:
        error = json.loads(text)["error"]
        return refusal(str(error["type"])[:80], str(error["message"])[:_MAX_ERROR_CHARACTERS])
    except (ValueError, TypeError, KeyError, RecursionError):
        lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()] or [""]
        last = lines[-1] if text.startswith("Traceback") else " ".join(lines)
        return PolicyFailedError("unknown", last[:_MAX_ERROR_CHARACTERS])


def _state(message: Mapping[str, Any], embodiment: str) -> FloatArray:
    if STATE in message and OPENPI_STATE in message:
        raise InputError(f"the state occurs twice, as '{STATE}' and as '{OPENPI_STATE}'.")
    state = _numbers(message, OPENPI_STATE if OPENPI_STATE in message else STATE)
    # OpenHLM's client sends zeros while it has no measurement. A real robot never measures 34 exact zeros.
    if message.keys() & OPENHLM_CAMERAS.keys() and not state.any():
        raise InputError(f"'{STATE}' is all zeros, which OpenHLM's client sends while it has no robot state.")
    must_be_possible(state, embodiment)
    return state


def _frames(message: Mapping[str, Any], stamp_ns: int, cameras: Collection[str]) -> dict[str, CameraFrame]:
    # A robot may have cameras that this policy does not use; those of other clients are always accepted.
    known = {*cameras, *FOREIGN_CAMERAS.values()}
    frames = {}
    for key, array in message.items():
        camera = camera_of(key, cameras)
        if camera is None:
            continue
        if camera not in known:
            raise UnknownNameError("camera", camera[:80], known)
        image = request_image(array, key)
        if camera in frames:
            raise InputError(f"camera '{camera}' occurs twice, by different names.")
        # OpenHLM's and openpi's clients send zeros for a camera without images, and their policies were trained with
        # zeros for a missing camera. Here such a camera counts as missing. No real image is all zeros.
        if not key.startswith(IMAGE) and not image.any():
            continue
        frames[camera] = CameraFrame(stamp_ns, image)
    return frames


def _prompt(message: Mapping[str, Any]) -> str:
    prompt = message.get(PROMPT)
    if not isinstance(prompt, str):
        raise InputError(f"a request needs '{PROMPT}', a string; got {type(prompt).__name__}.")
    if len(prompt) > MAX_PROMPT_CHARACTERS:
        raise InputError(f"'{PROMPT}' has {len(prompt)} characters; the limit is {MAX_PROMPT_CHARACTERS}.")
    return prompt


def _prefix(message: Mapping[str, Any], horizon: int) -> ActionPrefix | None:
    if not any(key in message for key in (PREFIX, DELAY, EXECUTE)):
        return None
    if PREFIX in message and message[PREFIX] is None:  # Clients that continue chunks send this before the first chunk.
        return None
    actions = _numbers(message, PREFIX, horizon)
    delay = _whole(message, DELAY)
    return ActionPrefix(actions, delay, delay if message.get(EXECUTE) is None else _whole(message, EXECUTE))


def _chunks(message: Mapping[str, Any]) -> int:
    chunks = _whole(message, CHUNKS) if CHUNKS in message else 0
    if not 0 <= chunks <= MAX_CHUNKS:
        raise InputError(f"'{CHUNKS}' must be 0 to {MAX_CHUNKS}, got {chunks}; restart from another seed.")
    return chunks


def _whole(message: Mapping[str, Any], key: str) -> int:
    """An integer of 64 bits.

    Raises:
        InputError: missing, or of another type.
    """
    number = message.get(key)
    if type(number) is bool or not isinstance(number, int | np.integer) or int(number) not in _INT64:
        raise InputError(f"'{key}' must be an integer, got {str(number)[:80]}.")
    return int(number)


def _numbers(message: Mapping[str, Any], key: str, most: int | None = None) -> FloatArray:
    """[34] finite numbers, or [time, 34] with at most `most` rows; checked before they are copied.

    Raises:
        InputError: missing, of another type, or not finite.
        MismatchError: of another shape.
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
    """The values in single precision; too large ones become infinite."""
    with np.errstate(over="ignore"):
        return array.astype(np.float32)
