"""Chunks as fast as the device can make them: on a GPU compiled and recorded as one CUDA graph, elsewhere plainly."""

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

# How often a function runs before it is recorded, so that whatever it sets up is there.
WARM_UPS = 3

type Layers = tuple[Callable[..., Any], Callable[..., Any]]
"""A layer of the language model and one of the action expert, as functions."""


class FastSampler:
    """Samples from a network whose weights do not change any more.

    Attributes:
        info: how, for people; what could not be had and why.
    """

    def __init__(self, network: Pi05Model, device: torch.device) -> None:
        """Takes the network over: adapters are merged, and for a GPU every weight that products need is cast.

        Args:
            network: changed, and moved to the device when it is as small as it gets.
            device: where to sample.
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
        """How chunks are made, and what could not be had."""
        dtype = str(self._network.dtype).removeprefix("torch.")
        what = {"sampling": self._how, "device": str(self._device), "dtype": dtype}
        return what | ({"left_out": tuple(self._left_out)} if self._left_out else {})

    def sample(self, inputs: Inputs, noise: Tensor, steps: int, prefix: Prefix | None) -> Tensor:
        """[batch, horizon, dimension] actions; see `Pi05Model.sample`."""
        key = (steps, inputs.images.shape, inputs.tokens.shape)
        # A graph records what happens on the current device, which may be another one than the network's.
        with torch.cuda.device(self._device) if self._device.type == "cuda" else nullcontext():
            if key not in self._programs:
                self._programs[key] = self._made(inputs, noise, steps)
            return self._programs[key].sample(inputs, noise, prefix)

    def _made(self, inputs: Inputs, noise: Tensor, steps: int) -> Plain | Recorded:
        """The fastest program that works on this device."""
        plain = Plain(self._network, self._expert, (prefix_layer, fused_layer), steps)
        self._how = plain.how
        if self._device.type != "cuda":
            return plain
        compiled = Plain(self._network, self._expert, (_compiled(prefix_layer), _compiled(fused_layer)), steps)
        for how, program in {"compiled, in one CUDA graph": compiled, "in one CUDA graph": plain}.items():
            try:
                recorded = Recorded(program, inputs, noise)
            except Exception as error:  # noqa: BLE001  (compilers and drivers raise anything; slower is better than not)
                self._left_out.append(f"{how}: {type(error).__name__}: {(str(error) or 'no reason').splitlines()[0]}")
            else:
                self._how = how
                return recorded
        return plain


class Plain:
    """Chunks of a number of steps, step by step.

    Attributes:
        how: in words.
        steps: of the flow.
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
        """What the action expert reads of observations."""
        return self._network.observe(inputs, self._layers[0])

    def velocity(self, context: Context, noisy: Tensor, modulations: Tensor) -> Tensor:
        """[batch, horizon, dimension] velocity from data to noise; `modulations` is a row of the table."""
        return self._expert.velocity(context, noisy, modulations, self._layers[1])


class Recorded:
    """Chunks that a GPU makes without being told each step: one CUDA graph over everything.

    A chunk that continues another takes two: one over the observation, and one over a step of the flow, between which
    LeRobot's guidance has its say.
    """

    def __init__(self, plain: Plain, inputs: Inputs, noise: Tensor) -> None:
        """Record for batches of these shapes."""
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
    """The layer, compiled at its first use for each shape; all layers of a kind share what comes out."""
    return torch.compile(layer, dynamic=False)


def _cast(network: Pi05Model) -> None:
    """Everything large to bfloat16; what is small stays as precise as LeRobot has it."""
    core = network.model
    layers = (*core.language.layers, *core.expert.layers)
    inner = [part for layer in layers for part in (layer.self_attn, layer.mlp)]
    for part in (core.paligemma.vision_tower, core.paligemma.multi_modal_projector, core.language.embed_tokens, *inner):
        part.to(torch.bfloat16)
    core.config.dtype = "bfloat16"


class CudaGraph:
    """A function of tensors that stay at their places, recorded once and replayed."""

    def __init__(self, function: Callable[[], Any]) -> None:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                function()
        torch.cuda.current_stream().wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        # Other threads may go on using the GPU: a server's, or those of a camera that decodes on it.
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            self._result = function()

    def replay(self) -> Any:
        """What the function gives for what lies at its places now; the next replay overwrites it."""
        self._graph.replay()
        return self._result
