"""Sharded weights (FSDP2): each process keeps a shard of every tensor, its gradient and its optimizer state.

Accelerate shards on GPUs only, and ignores the option on CPUs in silence; `fully_shard` does the same on both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.utils import get_total_norm

from hlm.policies.network import INSIDE, Network

# As in torch's own clipping, which does not take sharded and whole weights together.
_NO_LENGTH = 1e-6


def shard(network: Network, accelerator: Accelerator) -> None:
    """Shard a network's weights over the processes, starting from the first process' weights.

    The network's `sharded_layers` are gathered one by one while they compute, and everything else at once. Scalars,
    and weights of another dtype than most of their unit, stay whole in every process.

    Args:
        network: network on its device; changed in place.
        accelerator: the processes.
    """
    mesh = init_device_mesh(accelerator.device.type, (accelerator.num_processes,))
    for tensor in (*network.parameters(), *network.buffers()):
        distributed.broadcast(tensor.detach(), 0)
    layers = network.sharded_layers
    whole: set[nn.Parameter] = set()
    for unit in (*layers, network):
        whole |= _odd(
            [weight for weight in unit.parameters() if not isinstance(weight, DTensor) and weight not in whole]
        )
        fully_shard(unit, mesh=mesh, reshard_after_forward=True, ignored_params=whole)
    for layer in layers:
        setattr(layer, INSIDE, _call)
        register_fsdp_forward_method(layer, INSIDE)
    register_fsdp_forward_method(network, "sample")


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


def average_gradients(network: nn.Module, accelerator: Accelerator) -> None:
    """Average the gradients of unsharded weights over the processes; FSDP averages those of sharded weights itself."""
    for weight in network.parameters():
        if weight.grad is not None and not isinstance(weight.grad, DTensor):
            distributed.all_reduce(weight.grad)
            weight.grad.div_(accelerator.num_processes)


def clip_gradients(network: nn.Module, max_norm: float) -> None:
    """Clip the gradients to a norm, the shards of all processes taken as one vector; every process must call this."""
    gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
    sorts = [[gradient for gradient in gradients if is_shared(gradient) is shared] for shared in (True, False)]
    norms = [whole_of(get_total_norm(sort)) for sort in sorts if sort]
    factor = (max_norm / (torch.linalg.vector_norm(torch.stack(norms)) + _NO_LENGTH)).clamp(max=1.0)
    torch._foreach_mul_([part_of(gradient) for gradient in gradients], factor)


def is_shared(tensor: Tensor) -> bool:
    """Whether each process has only a shard of a tensor."""
    return isinstance(tensor, DTensor)


def part_of(tensor: Tensor) -> Tensor:
    """This process' shard, sharing the tensor's memory; the tensor itself if it is not sharded."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole_of(tensor: Tensor) -> Tensor:
    """The whole tensor; every process must call this."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def shared_like(tensor: Tensor, like: Tensor) -> Tensor:
    """A copy of a whole tensor, on the device of another and sharded like it; scalars are never sharded."""
    copy = tensor.to(like.device, copy=True)
    if not isinstance(like, DTensor) or not tensor.ndim:
        return copy
    return distribute_tensor(copy, like.device_mesh, like.placements, src_data_rank=None)


def _odd(weights: list[nn.Parameter]) -> set[nn.Parameter]:
    """Weights that cannot be gathered and averaged together with the others."""
    sizes: Counter[torch.dtype] = Counter()
    for weight in weights:
        sizes[weight.dtype] += weight.numel() if weight.requires_grad else 0
    usual = max(sizes, key=lambda dtype: sizes[dtype], default=None)
    return {weight for weight in weights if weight.ndim == 0 or (weight.requires_grad and weight.dtype != usual)}
