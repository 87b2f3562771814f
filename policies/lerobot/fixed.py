"""What LeRobot lets one choose about its networks and hlm does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hlm.core.errors import MismatchError

# By kind, the field of LeRobot's configuration and the values that are the same as hlm's.
FIXED: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "act": {
        "n_obs_steps": (1,),
        "pre_norm": (False,),
        "feedforward_activation": ("relu",),
        "replace_final_stride_with_dilation": (False, 0),
        "temporal_ensemble_coeff": (None,),
        "use_peft": (False,),
    },
    "smolvla": {
        "n_obs_steps": (1,),
        "attention_mode": ("cross_attn",),
        "self_attn_every_n_layers": (2,),
        "num_expert_layers": (-1, 0),
        "add_image_special_tokens": (False,),
        "min_period": (4e-3,),
        "max_period": (4.0,),
        "adapt_to_pi_aloha": (False,),
        "use_peft": (False,),
        "use_delta_joint_actions_aloha": (False,),
    },
    "pi05": {
        "n_obs_steps": (1,),
        "min_period": (4e-3,),
        "max_period": (4.0,),
        "use_relative_actions": (False,),
        "use_peft": (False,),
    },
}


def check_fixed(kind: str, document: Mapping[str, Any], source: str) -> None:
    """Refuse a network of LeRobot's that hlm cannot be.

    Args:
        kind: that is expected.
        document: LeRobot's config.json.
        source: where it is from, for people.

    Raises:
        MismatchError: another kind, or a choice that hlm does not have.
    """
    if (found := document.get("type")) != kind:
        raise MismatchError(f"{source} holds a policy of type '{found}', not '{kind}'.")
    for field, allowed in FIXED[kind].items():
        if field in document and document[field] not in allowed:
            raise MismatchError(f"{source} has {field} = {document[field]!r}; hlm can only be {allowed[0]!r}.")
