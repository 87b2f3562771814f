"""The seam between a kind of policy and everything around it: what a network sees, is told, draws, and gives back.

A network works in its own normalised space: `hlm.policies.encoding.Encoding` makes it from recorded rows and live
observations alike, and undoes it. Training (`hlm.policies.training`), serving (`hlm.policies.trained`) and validation
know networks by this file alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from hlm.core.errors import InputError

# Method of a layer that is shared out, which gathers it, calls a function, and lets it go again.
INSIDE = "run_gathered"


class Inputs(NamedTuple):
    """What a network sees of a batch of observations.

    Attributes:
        images: [batch, view, 3, height, width] float32, -1 black to 1 white; anything where a view is not available.
        available: [batch, view] bool.
        state: [batch, dimension] normalised float32, in the network's order; None when proprioception is off.
        tokens: [batch, slot] int64 of the instruction or prompt, 0 in empty slots; no slots without language.
        token_mask: [batch, slot] bool, True where there is a token.
    """

    images: Tensor
    available: Tensor
    state: Tensor | None
    tokens: Tensor
    token_mask: Tensor


class Batch(NamedTuple):
    """Samples to learn from.

    Attributes:
        inputs: what the network sees, augmented.
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
    """Random numbers of a batch. Each sample's come from a stream of its own, whatever process and batch it is in.

    A second call goes on in each stream, so that equal calls in equal order give equal numbers.
    """

    def normal(self, *shape: int) -> Tensor:
        """[batch, *shape] float32, standard normal, on the batch's device."""
        ...

    def uniform(self, *shape: int) -> Tensor:
        """[batch, *shape] float32, uniform in [0, 1), on the batch's device."""
        ...


class Term(NamedTuple):
    """A part of a loss: the weighted mean of its values, over all samples of all processes.

    Attributes:
        values: [item] float32.
        weights: [item] float32 >= 0, how much each counts.
        factor: of the weighted mean in the whole loss; 0 for a figure that is only to be reported.
    """

    values: Tensor
    weights: Tensor
    factor: float = 1.0


class Losses(NamedTuple):
    """What training minimises: the sum of factor * weighted mean over all terms.

    Attributes:
        main: one item per sample of the batch, in its order; reported per source.
        others: by name.
    """

    main: Term
    others: Mapping[str, Term]


@dataclass(frozen=True, slots=True, eq=False)
class Prefix:
    """Actions that will already have been played, or are on their way, when a new chunk arrives (real-time chunking).

    Attributes:
        actions: [batch, time <= horizon, dimension] what is left of the old chunk, normalised, from now on.
        delay: actions of it that will surely be played, >= 0: the new chunk must begin with them.
        execution_horizon: actions after which the new chunk is free of the old one, >= delay.
    """

    actions: Tensor
    delay: int
    execution_horizon: int

    def __post_init__(self) -> None:
        """Check the order of the numbers.

        Raises:
            InputError: they do not fit each other.
        """
        if not 0 <= self.delay <= self.execution_horizon:
            raise InputError(
                f"a delay of {self.delay} actions does not fit an execution_horizon of {self.execution_horizon}."
            )


class Network(Protocol):
    """A policy's network: a `torch.nn.Module` with these methods.

    It may also have `continues_chunks = False`, where `sample` takes no prefix; `prepare_sampling(device)`, called once
    when it will not be trained any more, which makes `sample` faster there; and `sharded_layers`, modules in their
    order that FSDP shares out one by one, and which are used by calling them or with `inside`.
    """

    noise_shape: tuple[int, ...]
    """Shape of the noise of one sample that `sample` starts from."""

    def __call__(self, batch: Batch, draws: Draws) -> Losses:
        """The loss of a batch (the module's `forward`, so that wrappers for several devices see it)."""
        ...

    def sample(self, inputs: Inputs, noise: Tensor, steps: int, prefix: Prefix | None = None) -> Tensor:
        """[batch, horizon, dimension] normalised actions.

        Args:
            inputs: observations.
            noise: [batch, *noise_shape] standard normal.
            steps: Euler steps of a flow, >= 1; ignored by networks that are none.
            prefix: actions that the chunk has to continue, or None.

        Raises:
            MismatchError: a prefix is given and the network cannot continue one.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadReport:
    """What became of each tensor of a network that was initialised from a pretrained one.

    Attributes:
        origin: where the weights are from, for people.
        loaded: names of tensors that were taken as they are.
        resized: names of tensors that were fitted, and how, in words.
        random: names of tensors that were drawn afresh, and why, in words.
        ignored: names in the file that the network has no use for, and why, in words.
    """

    origin: str
    loaded: tuple[str, ...] = ()
    resized: Mapping[str, str] = field(default_factory=dict)
    random: Mapping[str, str] = field(default_factory=dict)
    ignored: Mapping[str, str] = field(default_factory=dict)


def inside[Result](layer: nn.Module, function: Callable[..., Result], *arguments: Any) -> Result:
    """What a function of a layer's weights gives: a layer that is shared out between processes is whole meanwhile.

    Args:
        layer: one of `sharded_layers`, shared out or not.
        function: computes with its weights.
        arguments: that it takes.
    """
    run: Callable[..., Result] | None = getattr(layer, INSIDE, None)
    return function(*arguments) if run is None else run(function, *arguments)


def module(network: Network) -> nn.Module:
    """The network as torch knows it.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(network, nn.Module):
        raise TypeError(f"a network must be a torch.nn.Module, got {type(network).__name__}.")
    return network


def weighted_mean(term: Term) -> Tensor:
    """Mean of a term's values, by their weights; 0 when none counts."""
    return (term.values * term.weights).sum() / term.weights.sum().clamp(min=torch.finfo(torch.float32).tiny)
