"""Low-rank adapters (LoRA), trained in place of all weights."""

from __future__ import annotations

from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn

ADAPTER = ".lora_"
_BASE = ".base_layer."
# Dimensions beyond the pretrained 32 are new; adapters alone would not learn them.
_WHOLE = r"model\.action_(in|out)_proj"


def plain_name(name: str) -> str:
    """A tensor's name in the network without adapters."""
    return name.replace(_BASE, ".")


def add_adapters(network: nn.Module, *, rank: int, alpha: int) -> None:
    """Add adapters to LeRobot's choice of layers; train only them and the action expert's input and output projections.

    Args:
        network: network with LeRobot's names of weights; changed in place.
        rank: rank of the adapters.
        alpha: the adapters' output is scaled by alpha / rank.
    """
    from lerobot.policies.pi05.modeling_pi05 import PI05Policy

    targets = PI05Policy._get_default_peft_targets(None)["target_modules"]  # noqa: SLF001
    inject_adapter_in_model(
        LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets, exclude_modules=_WHOLE), network
    )
    for name, weight in network.named_parameters():
        if ADAPTER in name:  # Most steps of the optimizer are too small for half precision.
            weight.data = weight.data.float()
        weight.requires_grad_(ADAPTER in name or name.startswith(("model.action_in_proj.", "model.action_out_proj.")))


def merge_adapters(network: nn.Module) -> None:
    """Add the adapters to the adapted weights and remove them: the same function, with LeRobot's names."""
    adapted = {name: part for name, part in network.named_modules() if isinstance(part, BaseTunerLayer)}
    for name, part in adapted.items():
        part.merge()
        owner, _, own = name.rpartition(".")
        setattr(network.get_submodule(owner), own, part.get_base_layer())
