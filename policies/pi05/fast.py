"""The fastest sampling that the device allows: compiled and recorded as one CUDA graph on a GPU, plain elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from hlm.policies.guidance import continued
from hlm.policies.network import Inputs, Prefix
from hlm.policies.pi05.expert import FusedExpert, fused_layer
from hlm.policies.pi05.lora import merge_adapters
from hlm.policies.pi05.model import Context, Pi05Model
from hlm.policies.pi05.transformer import prefix_layer

# Runs of a function before it is recorded, so that lazy initialisation is over.
WARM_UPS = 3

type Layers = tuple[Callable[..., Any], Callable[..., Any]]
"""A layer of the language model and one of the action expert, as functions."""


class FastSampler:
    """Samples from a network whose weights are final."""

    def __init__(self, network: Pi05Model, device: torch.device) -> None:
        """Take the network over: merge adapters, and for a GPU cast the weights of matrix products to bfloat16.

        Args:
            network: changed in place, then moved to the device.
            device: device to sample on.
        """
        merge_adapters(network)
        network.requires_grad_(requires_grad=False)
        self._device = device
        if device.type == "cuda":
            _cast(network)
        network.to(device)
        self._network = network
        self._expert = FusedExpert(network)
        self._programs: dict[tuple[object, ...], Plain | Recorded] = {}
        self._left_out: list[str] = []
        self._how = "not yet" if self._device.type == "cuda" else Plain.how

    @property
    def info(self) -> Mapping[str, object]:
        """How chunks are computed, and which faster ways failed and why, for people."""
        dtype = str(self._network.dtype).removeprefix("torch.")
        what = {"sampling": self._how, "device": str(self._device), "dtype": dtype}
        return what | ({"left_out": tuple(self._left_out)} if self._left_out else {})

    def sample(self, inputs: Inputs, noise: Tensor, steps: int, prefix: Prefix | None) -> Tensor:
        """[batch, horizon, dimension] actions; see `Pi05Model.sample`."""
        key = (steps, inputs.images.shape, inputs.tokens.shape)
        # A graph records the current device, which may not be the network's.
        with torch.cuda.device(self._device) if self._device.type == "cuda" else nullcontext():
            if key not in self._programs:
                self._programs[key] = self._program(inputs, noise, steps)
            return self._programs[key].sample(inputs, noise, prefix)

    def _program(self, inputs: Inputs, noise: Tensor, steps: int) -> Plain | Recorded:
        """The fastest program that works on this device."""
        plain = Plain(self._network, self._expert, (prefix_layer, fused_layer), steps)
        self._how = plain.how
        if self._device.type != "cuda":
            return plain
        compiled = Plain(self._network, self._expert, (_compiled(prefix_layer), _compiled(fused_layer)), steps)
        for how, program in {"compiled, in one CUDA graph": compiled, "in one CUDA graph": plain}.items():
            try:
                recorded = Recorded(program, inputs, noise)
            except Exception as error:  # noqa: BLE001  (compilers and drivers raise anything; slow sampling still works)
                self._left_out.append(f"{how}: {type(error).__name__}: {(str(error) or 'no reason').splitlines()[0]}")
            else:
                self._how = how
                return recorded
        return plain


class Plain:
    """Samples with a fixed number of flow steps, one after the other.

    Attributes:
        how: the way of sampling, in words.
        steps: number of flow steps.
        table: [step, norm, 1, 3 * width] modulations.
    """

    how = "step by step"

    def __init__(self, network: Pi05Model, expert: FusedExpert, layers: Layers, steps: int) -> None:
        self._network = network
        self._expert = expert
        self._layers = layers
        self.steps = steps
        self.table = expert.table(steps)

    def sample(self, inputs: Inputs, noise: Tensor, prefix: Prefix | None) -> Tensor:
        """[batch, horizon, dimension] actions."""
        context = self.observe(inputs)

        def flow(noisy: Tensor, step: int) -> Tensor:
            return self.velocity(context, noisy, self.table[step])

        return continued(flow, noise, self.steps, prefix)

    def observe(self, inputs: Inputs) -> Context:
        """The prefix that the action expert reads."""
        return self._network.observe(inputs, self._layers[0])

    def velocity(self, context: Context, noisy: Tensor, modulations: Tensor) -> Tensor:
        """[batch, horizon, dimension] velocity from data to noise; `modulations` is a row of the table."""
        return self._expert.velocity(context, noisy, modulations, self._layers[1])


class Recorded:
    """Samples by replaying CUDA graphs: one graph computes a whole chunk.

    A chunk that continues another one takes two graphs, one for the observation and one for a flow step, with LeRobot's
    guidance in between.
    """

    def __init__(self, plain: Plain, inputs: Inputs, noise: Tensor) -> None:
        """Record for inputs of these shapes."""
        self._plain = plain
        self._seen = Inputs(
            inputs.images.clone(), inputs.available.clone(), None, inputs.tokens.clone(), inputs.token_mask.clone()
        )
        self._noisy = noise.clone()
        self._modulations = plain.table[0].clone()
        self._chunk = CudaGraph(lambda: plain.sample(self._seen, self._noisy, None))
        self._parts: tuple[CudaGraph, CudaGraph] | None = None

    def sample(self, inputs: Inputs, noise: Tensor, prefix: Prefix | None) -> Tensor:
        """[batch, horizon, dimension] actions."""
        for place, tensor in zip(self._seen, inputs, strict=True):
            if place is not None and tensor is not None:
                place.copy_(tensor)
        if prefix is None:
            self._noisy.copy_(noise)
            return self._chunk.replay().clone()
        observation, velocity = self._parts or self._record_parts()
        observation.replay()

        def flow(noisy: Tensor, step: int) -> Tensor:
            self._noisy.copy_(noisy)
            self._modulations.copy_(self._plain.table[step])
            return velocity.replay().clone()

        return continued(flow, noise, self._plain.steps, prefix)

    def _record_parts(self) -> tuple[CudaGraph, CudaGraph]:
        observation = CudaGraph(lambda: self._plain.observe(self._seen))
        context = observation.replay()
        velocity = CudaGraph(lambda: self._plain.velocity(context, self._noisy, self._modulations))
        self._parts = observation, velocity
        return self._parts


def _compiled(layer: Callable[..., Any]) -> Callable[..., Any]:
    """The layer function, compiled at its first use for each shape and shared by all layers."""
    return torch.compile(layer, dynamic=False)


def _cast(network: Pi05Model) -> None:
    """Cast all large weights to bfloat16; small ones keep LeRobot's precision."""
    core = network.model
    layers = (*core.language.layers, *core.expert.layers)
    inner = [part for layer in layers for part in (layer.self_attn, layer.mlp)]
    for part in (core.paligemma.vision_tower, core.paligemma.multi_modal_projector, core.language.embed_tokens, *inner):
        part.to(torch.bfloat16)
    core.config.dtype = "bfloat16"


class CudaGraph:
    """A function of tensors at fixed addresses, recorded once and replayed."""

    def __init__(self, function: Callable[[], Any]) -> None:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                function()
        torch.cuda.current_stream().wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        # Other threads may use the GPU meanwhile, e.g. a server's or a camera decoder's.
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            self._result = function()

    def replay(self) -> Any:
        """The function's result for the current contents of its tensors; the next replay overwrites it."""
        self._graph.replay()
        return self._result
