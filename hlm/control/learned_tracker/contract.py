"""What a network's file says about itself, and whether that is what this robot needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from hlm.control.learned_tracker.observation import LATENCY_S, PREVIEW_SLOTS, TERMS, TRACKER_HZ, action_scale_rad
from hlm.core.embodiment import Embodiment

KEY = "hlm_tracker"
"""Name of the metadata that holds the contract, as JSON."""
FORMAT = 1
_TOLERANCE = 1e-6  # relative: figures pass through text and float32


def contract_of(embodiment: Embodiment) -> dict[str, Any]:
    """What a network must say that drives a robot; plain values for JSON.

    Where a reference and a robot meet the network: rates, layout of the observation, order of joints, gains, scale.
    """
    return {
        "format": FORMAT,
        "embodiment": embodiment.name,
        "rate_hz": TRACKER_HZ,
        "latency_s": LATENCY_S,
        "preview_slots": list(PREVIEW_SLOTS),
        "observation": [list(term) for term in TERMS],
        "joints": [joint.name for joint in embodiment.joints],
        "default_rad": embodiment.default_rad.tolist(),
        "lower_rad": embodiment.lower_rad.tolist(),
        "upper_rad": embodiment.upper_rad.tolist(),
        "effort_nm": embodiment.effort_nm.tolist(),
        "kp_nm_rad": embodiment.kp_nm_rad.tolist(),
        "kd_nm_s_rad": embodiment.kd_nm_s_rad.tolist(),
        "action_scale_rad": action_scale_rad(embodiment).tolist(),
    }


def contract_fault(metadata: Mapping[str, str], embodiment: Embodiment) -> str:
    """Why a network does not drive a robot, in words; empty when it does.

    Args:
        metadata: of the network's file.
        embodiment: the robot.
    """
    if KEY not in metadata:
        return f"it does not say what it sees (no metadata '{KEY}')"
    try:
        said = json.loads(metadata[KEY])
    except json.JSONDecodeError as error:
        return f"its metadata '{KEY}' is no JSON: {error}"
    if not isinstance(said, dict):
        return f"its metadata '{KEY}' is no JSON object"
    for name, wanted in contract_of(embodiment).items():
        if name not in said:
            return f"it does not say '{name}'"
        if not _equal(said[name], wanted):
            return f"its {name} is {_short(said[name])}, and this robot needs {_short(wanted)}"
    return ""


def _equal(said: object, wanted: object) -> bool:
    if isinstance(wanted, list) and all(isinstance(value, float) for value in wanted):
        if not isinstance(said, list) or len(said) != len(wanted):
            return False
        numbers = all(isinstance(value, int | float) for value in said)
        return numbers and bool(np.allclose(said, wanted, rtol=_TOLERANCE, atol=_TOLERANCE))
    return said == wanted


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
