"""Pretrained weights for SmolVLA: a whole policy, or its vision-language model."""

from __future__ import annotations

from typing import Any

import torch

from hlm.core.errors import MismatchError
from hlm.core.serialization import read_json
from hlm.policies.load_report import LoadReport
from hlm.policies.pretrained.hub import WEIGHT_FILES, model_folder, unreadable
from hlm.policies.pretrained.lerobot_config import FixedFields, check_lerobot_config
from hlm.policies.pretrained.loading import load_tensors, random_report, read_tensors
from hlm.policies.pretrained.weights import CONFIG_FILE, locate
from hlm.policies.smolvla.config import SmolVLAConfig
from hlm.policies.smolvla.initialisation import draw_expert, draw_new_dimensions, draw_vision_language
from hlm.policies.smolvla.network import SmolVLANetwork

VLM = "model.vlm_with_expert.vlm."
# Tensors whose size follows from the number of dimensions; the pretrained policy has 32.
GROWING = tuple(
    f"model.{name}"
    for name in ("state_proj.weight", "action_in_proj.weight", "action_out_proj.weight", "action_out_proj.bias")
)
OLD_NORMALISATION = ("normalize_inputs.*", "normalize_targets.*", "unnormalize_outputs.*")
FIXED: FixedFields = {
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
}


def initialise(network: SmolVLANetwork, config: SmolVLAConfig) -> LoadReport:
    """Load the pretrained weights that the config names, and draw the others from torch's random state.

    Raises:
        MissingFileError: they are missing.
        CorruptError: they are damaged.
        MismatchError: they belong to another network.
    """
    if config.pretrained is not None:
        return _load_policy(network, config.pretrained)
    if config.load_vlm_weights:
        return _load_vlm(network, config.vlm)
    draw_vision_language(network)
    draw_expert(network)
    return random_report(network)


def _load_policy(network: SmolVLANetwork, source: str) -> LoadReport:
    folder = locate(source)
    check_lerobot_config(read_json(folder / CONFIG_FILE), "smolvla", FIXED, source)
    report = load_tensors(
        network,
        read_tensors(folder),
        source,
        growing=GROWING,
        ignored=dict.fromkeys(OLD_NORMALISATION, "normalisation of the data that it was trained on"),
    )
    draw_new_dimensions(network)
    return report


def _load_vlm(network: SmolVLANetwork, source: str) -> LoadReport:
    from transformers import AutoModelForImageTextToText
    from transformers.utils import logging

    folder = model_folder(source, "a vision-language model", WEIGHT_FILES)
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        loaded: Any = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    except (OSError, ValueError) as error:
        raise unreadable(folder, "vision-language model", error) from error
    finally:
        if shown:
            logging.enable_progress_bar()
    vlm, found = loaded
    if missing := sorted(found["missing_keys"]):
        raise MismatchError(f"the weights of {source} are incomplete: {len(missing)} missing ({missing[0]}, ...).")
    layers = range(network.model.vlm_with_expert.num_vlm_layers, vlm.config.text_config.num_hidden_layers)
    own = network.state_dict()
    report = load_tensors(
        network,
        {f"{VLM}{name}": tensor for name, tensor in vlm.state_dict().items()},
        source,
        drawn={name: "not part of the vision-language model" for name in own if not name.startswith(VLM)},
        ignored={f"{VLM}model.text_model.layers.{layer}.*": "layer beyond vlm_layers" for layer in layers},
    )
    draw_expert(network)
    return report
