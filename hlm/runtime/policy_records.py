"""Requests to a policy and its answers as records of shared memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.errors import InputError, MismatchError
from hlm.core.layout import DIMENSIONS
from hlm.core.policy import ActionPrefix
from hlm.core.values import ActionChunk, CameraFrame, Observation

_LONGEST_INSTRUCTION, _LONGEST_ERROR = 4096, 1024  # bytes of UTF-8
_ABSENT = -1


def request_dtype(images: Mapping[str, tuple[int, int]], horizon: int) -> np.dtype[Any]:
    """Type of the record of a request.

    Args:
        images: height and width of the images by camera, px.
        horizon: most actions of a prefix.
    """
    return np.dtype(
        [
            ("number", np.int64),
            ("episode", np.int64),
            ("seed", np.uint64),
            ("asked_ns", np.int64),
            ("stamp_ns", np.int64),
            ("state", np.float64, DIMENSIONS),
            ("instruction", f"S{_LONGEST_INSTRUCTION}"),
            ("prefix", np.float64, (horizon, DIMENSIONS)),
            ("prefix_actions", np.int64),
            ("delay", np.int64),
            ("execution_horizon", np.int64),
            *[(f"stamp_{name}_ns", np.int64) for name in images],
            *[(f"image_{name}", np.uint8, (*size, 3)) for name, size in images.items()],
        ]
    )


def request_to_record(dtype: np.dtype[Any], observation: Observation, prefix: ActionPrefix | None) -> np.void:
    """The record of a request; `request_from_record` is its inverse.

    Raises:
        InputError: an instruction or a prefix that is too long.
        MismatchError: a camera or an image size that the record has no place for.
    """
    records = np.zeros(1, dtype)
    record: np.void = records[0]
    record["stamp_ns"], record["state"] = observation.stamp_ns, observation.state
    instruction = observation.instruction.encode()
    if len(instruction) > _LONGEST_INSTRUCTION:
        raise InputError(f"an instruction may have {_LONGEST_INSTRUCTION} bytes, this one has {len(instruction)}.")
    record["instruction"] = instruction
    for name in _cameras(dtype):
        record[f"stamp_{name}_ns"] = _ABSENT
    for name, frame in observation.frames.items():
        _write_image(record, name, frame)
    if prefix is not None:
        _write_prefix(record, prefix)
    return record


def request_from_record(record: np.void) -> tuple[Observation, ActionPrefix | None]:
    """The request in a record."""
    frames = {
        name: CameraFrame(int(record[f"stamp_{name}_ns"]), record[f"image_{name}"])
        for name in _cameras(record.dtype)
        if record[f"stamp_{name}_ns"] != _ABSENT
    }
    instruction = bytes(record["instruction"]).decode()
    observation = Observation(int(record["stamp_ns"]), record["state"], frames, instruction)
    length = int(record["prefix_actions"])
    if not length:
        return observation, None
    actions: FloatArray = record["prefix"][:length]
    return observation, ActionPrefix(actions, int(record["delay"]), int(record["execution_horizon"]))


def answer_dtype(horizon: int) -> np.dtype[Any]:
    """Type of the record of an answer; `horizon`: most actions of a chunk."""
    return np.dtype(
        [
            ("number", np.int64),
            ("episode", np.int64),
            ("asked_ns", np.int64),
            ("answered_ns", np.int64),
            ("stamp_ns", np.int64),
            ("rate_hz", np.float64),
            ("length", np.int64),
            ("actions", np.float64, (horizon, DIMENSIONS)),
            ("error", f"S{_LONGEST_ERROR}"),
        ]
    )


def answer_to_record(dtype: np.dtype[Any], request: np.void, answer: ActionChunk | str, answered_ns: int) -> np.void:
    """The record of an answer; `chunk_from_record` is its inverse.

    Args:
        dtype: of the record.
        request: that it answers.
        answer: a chunk, or why there is none.
        answered_ns: instant of the answer.
    """
    records = np.zeros(1, dtype)
    record: np.void = records[0]
    for name in ("number", "episode", "asked_ns"):
        record[name] = request[name]
    record["answered_ns"] = answered_ns
    error = answer if isinstance(answer, str) else _wrong(answer, int(request["stamp_ns"]), dtype)
    if isinstance(answer, str) or error:
        record["error"] = error.encode()[:_LONGEST_ERROR] or b"the policy failed"
        return record
    record["stamp_ns"], record["rate_hz"], record["length"] = answer.stamp_ns, answer.rate_hz, len(answer.actions)
    record["actions"][: len(answer.actions)] = answer.actions
    return record


def chunk_from_record(record: np.void) -> ActionChunk:
    """The chunk in the record of an answer.

    Raises:
        MismatchError: it has none; the text says why.
    """
    if error := bytes(record["error"]):
        raise MismatchError(error.decode(errors="replace"))
    return ActionChunk(int(record["stamp_ns"]), float(record["rate_hz"]), record["actions"][: int(record["length"])])


def _wrong(chunk: ActionChunk, asked_ns: int, dtype: np.dtype[Any]) -> str:
    """Why an answer is no chunk that may be executed; empty when it is one."""
    most = dtype["actions"].shape[0]
    if len(chunk.actions) > most:
        return f"the policy answered {len(chunk.actions)} actions, and its chunks have {most}."
    if chunk.stamp_ns != asked_ns:
        return f"the policy answered for {chunk.stamp_ns} ns, and was asked for {asked_ns} ns."
    if not np.isfinite(chunk.actions).all():
        return "the policy answered with actions that are not finite."
    return ""


def _write_image(record: np.void, name: str, frame: CameraFrame) -> None:
    cameras = _cameras(record.dtype)
    if name not in cameras:
        raise MismatchError(f"camera '{name}' is not one that the policy was opened for: {', '.join(cameras)}.")
    height, width, _ = record.dtype[f"image_{name}"].shape
    if frame.image.shape[:2] != (height, width):
        found = " x ".join(map(str, frame.image.shape[:2]))
        raise MismatchError(f"camera '{name}' gives {found} px; the policy was opened for {height} x {width}.")
    record[f"stamp_{name}_ns"], record[f"image_{name}"] = frame.stamp_ns, frame.image


def _write_prefix(record: np.void, prefix: ActionPrefix) -> None:
    length, most = len(prefix.actions), record.dtype["prefix"].shape[0]
    if length > most:
        raise InputError(f"a prefix of {length} actions is longer than the policy's chunks, which have {most}.")
    record["prefix"][:length], record["prefix_actions"] = prefix.actions, length
    record["delay"], record["execution_horizon"] = prefix.delay, prefix.execution_horizon


def _cameras(dtype: np.dtype[Any]) -> list[str]:
    return [name.removeprefix("image_") for name in dtype.names or () if name.startswith("image_")]
