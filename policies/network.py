"""The interface of networks: inputs, batches, random numbers, losses, and the base class of every network.

A network works in a normalised space. `hlm.policies.encoding.Encoding` maps recorded steps and live observations into
it, and actions back. Training, validation and serving know networks by this file alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from hlm.core.errors import InputError

# Method of a sharded layer that gathers its weights, calls a function, and releases them again.
INSIDE = "run_gathered"


class Inputs(NamedTuple):
    """A batch of observations as a network sees it.

    Attributes:
        images: [batch, view, 3, height, width] float32, -1 black to 1 white; arbitrary where a view is not available.
        available: [batch, view] bool.
        state: [batch, dimension] normalised float32, in the network's order; None without proprioception.
        tokens: [batch, slot] int64 tokens of the instruction or prompt, 0 in empty slots; no slots without language.
        token_mask: [batch, slot] bool, True where a slot holds a token.
    """

    images: Tensor
    available: Tensor
    state: Tensor | None
    tokens: Tensor
    token_mask: Tensor


class Batch(NamedTuple):
    """Training samples.

    Attributes:
        inputs: augmented observations.
        actions: [batch, horizon, dimension] normalised float32, in the network's order.
        action_is_pad: [batch, horizon] bool, True beyond the episode's end, where the last action is held.
        privileged: [batch, ...] privileged quantities by name, as the policy type's `privileged` gives them. Empty for
            most types.
    """

    inputs: Inputs
    actions: Tensor
    action_is_pad: Tensor
    privileged: Mapping[str, Tensor]


class Draws(Protocol):
    """Random numbers for a batch. Each sample has a stream of its own, whatever process and batch it is in.

    Each call continues the streams: the same calls in the same order give the same numbers.
    """

    def normal(self, *shape: int) -> Tensor:
        """[batch, *shape] float32, standard normal, on the batch's device."""
        ...

    def uniform(self, *shape: int) -> Tensor:
        """[batch, *shape] float32, uniform in [0, 1), on the batch's device."""
        ...


class Term(NamedTuple):
    """A term of a loss: the weighted mean of its values, over all samples of all processes.

    Attributes:
        values: [item] float32.
        weights: [item] float32 weights of the values, >= 0.
        factor: factor of the weighted mean in the loss; 0 for quantities that are only reported.
    """

    values: Tensor
    weights: Tensor
    factor: float = 1.0


class Losses(NamedTuple):
    """The loss that training minimises: the sum of factor * weighted mean over all terms.

    Attributes:
        main: main term, with one item per sample of the batch in order; reported per dataset.
        others: other terms by name.
    """

    main: Term
    others: Mapping[str, Term]


@dataclass(frozen=True, slots=True, eq=False)
class Prefix:
    """Actions of the old chunk that a new chunk has to continue (real-time chunking).

    Attributes:
        actions: [batch, time <= horizon, dimension] rest of the old chunk from now on, normalised.
        delay: actions of it that will be executed before the new chunk arrives, >= 0; the new chunk begins with them.
        execution_horizon: actions after which the new chunk is independent of the old one, >= delay.
    """

    actions: Tensor
    delay: int
    execution_horizon: int

    def __post_init__(self) -> None:
        """Check the order of the numbers.

        Raises:
            InputError: delay and execution horizon contradict each other.
        """
        if not 0 <= self.delay <= self.execution_horizon:
            raise InputError(
                f"a prefix needs 0 <= delay <= execution_horizon, got {self.delay} and {self.execution_horizon}."
            )


class Network(nn.Module):
    """Base of every policy's network: what training, validation and serving know of it.

    Attributes:
        noise_shape: shape of the noise of one sample that `sample` starts from; set by the subclass.
        continues_chunks: whether `sample` takes a prefix.
    """

    noise_shape: tuple[int, ...]
    continues_chunks: bool = True

    @property
    def sharded_layers(self) -> Sequence[nn.Module]:
        """Layers that FSDP shards one by one, in the order of use; they are used by calling them or with `inside`."""
        return ()

    @property
    def sampling_info(self) -> Mapping[str, object]:
        """How chunks are computed, for people; may change with the first chunk."""
        return {}

    def forward(self, batch: Batch, draws: Draws) -> Losses:
        """The loss of a batch."""
        raise NotImplementedError

    def sample(self, inputs: Inputs, noise: Tensor, steps: int, prefix: Prefix | None = None) -> Tensor:
        """[batch, horizon, dimension] normalised actions.

        Args:
            inputs: observations.
            noise: [batch, *noise_shape] standard normal.
            steps: Euler steps of a flow, >= 1; ignored by networks without a flow.
            prefix: actions that the chunk has to continue, or None.

        Raises:
            MismatchError: a prefix is given and the network cannot continue one.
        """
        raise NotImplementedError

    def prepare_sampling(self, device: torch.device) -> None:
        """Move to a device for good, where only `sample` is used from now on."""
        self.to(device)


def inside[Result](layer: nn.Module, function: Callable[..., Result], *arguments: Any) -> Result:
    """Call a function that computes with a layer's weights; a sharded layer is gathered meanwhile.

    Args:
        layer: one of `sharded_layers`, sharded or not.
        function: computes with the layer's weights.
        arguments: arguments of the function.
    """
    run: Callable[..., Result] | None = getattr(layer, INSIDE, None)
    return function(*arguments) if run is None else run(function, *arguments)
