"""Everything that an update changes, and the update itself."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import get_ema_multi_avg_fn

from hlm.core.errors import CorruptError
from hlm.policies.network import Batch, Draws, Network, Term
from hlm.policies.training.config import TrainConfig
from hlm.policies.training.sharding import (
    average_gradients,
    clip_gradients,
    is_shared,
    part_of,
    shard,
    shared_like,
    whole_of,
)


@dataclass(slots=True, eq=False)
class TrainState:
    """What training changes. With several processes each has one, and they stay equal.

    Attributes:
        accelerator: the processes.
        network: the network being trained, wrapped for the processes.
        optimizer: AdamW.
        ema: exponential moving averages of the trained weights, by name, float32, sharded like the weights; empty
            without averaging. Torch's `AveragedModel` would not do: it copies the module, which FSDP2 refuses, and
            averages in the weights' own precision, where bfloat16 rounds the small steps of the average away.
        bfloat16: whether the network computes in bfloat16.
        step: updates made.
        steps: updates planned; None until they can be estimated.
        seconds: time spent on the updates so far, s.
        history: figures of the run so far, one column per name.
    """

    accelerator: Accelerator
    network: nn.Module
    optimizer: torch.optim.Optimizer
    ema: dict[str, Tensor]
    bfloat16: bool
    step: int = 0
    steps: int | None = None
    seconds: float = 0.0
    history: dict[str, list[float]] = field(default_factory=dict)

    @classmethod
    def start(cls, network: Network, config: TrainConfig, accelerator: Accelerator, *, bfloat16: bool) -> TrainState:
        """The state before the first update."""
        if config.sharding == "fsdp":
            shard(network, accelerator)
        else:
            network = accelerator.prepare_model(network)
        trained = [weight for weight in network.parameters() if weight.requires_grad]
        # AdamW's fused update takes either sharded or whole weights.
        groups = [[weight for weight in trained if is_shared(weight) is shared] for shared in (True, False)]
        optimizer = torch.optim.AdamW(
            [{"params": group} for group in groups if group],
            config.learning_rate,
            betas=config.betas,
            weight_decay=config.weight_decay,
            fused=True,
        )
        state = cls(accelerator, network, optimizer, {}, bfloat16, steps=config.steps)
        if config.ema_decay > 0.0:
            state.ema = {
                name: weight.detach().to(torch.float32, copy=True) for name, weight in state._trained().items()
            }
        return state

    @property
    def bare(self) -> nn.Module:
        """The network without its wrapper."""
        network = self.network
        return network.module if isinstance(network, DistributedDataParallel) else network

    @property
    def checkpoint_bytes(self) -> int:
        """Approximate size of a checkpoint on disk, with everything needed to resume."""
        served = sum(tensor.numel() * tensor.element_size() for tensor in self.bare.state_dict().values())
        moments = sum(2 * weight.numel() * weight.element_size() for weight in self._trained().values())
        return 2 * served + moments + sum(4 * average.numel() for average in self.ema.values())

    def update(self, batch: Batch, draws: Draws, config: TrainConfig) -> Mapping[str, Term]:
        """Make one update; the terms of the loss, detached."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, self.steps, config)
        self.network.train()
        self.optimizer.zero_grad()  # Before the forward pass, to free the gradients' memory for it.
        with torch.autocast(self.accelerator.device.type, torch.bfloat16, enabled=self.bfloat16):
            losses = self.network(batch, draws)
        terms = {"loss": losses.main, **losses.others}
        self._loss(terms).backward()
        if config.sharding == "fsdp":
            average_gradients(self.network, self.accelerator)
            clip_gradients(self.network, config.max_grad_norm)
        else:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), config.max_grad_norm)
        self.optimizer.step()
        self.step += 1
        self._update_ema(config)
        return {name: term._replace(values=term.values.detach()) for name, term in terms.items()}

    @contextmanager
    def ema_applied(self) -> Iterator[nn.Module]:
        """Within the context the network has the averaged weights and is in evaluation mode; no updates may be made."""
        trained = self._trained()
        live = {name: trained[name].detach().clone() for name in self.ema}
        self._put(self.ema)
        self.network.eval()
        try:
            yield self.bare
        finally:
            self._put(live)

    def record(self, figures: Mapping[str, float]) -> None:
        """Append figures to the history, each to its column."""
        for column, value in figures.items():
            self.history.setdefault(column, []).append(value)

    def to_document(self) -> dict[str, Any]:
        """Tensors, numbers and lists that `restore` continues from.

        Every process must call this; the tensors are gathered in the first one. On a CPU they are not copies: further
        updates change them.
        """
        moments = {name: self.optimizer.state.get(weight) for name, weight in self._trained().items()}
        return {
            "model": self._gathered(self.bare.state_dict()),
            "ema": self._gathered(self.ema),
            # Weights that were never used have no moments.
            "optimizer": {"state": {name: self._gathered(found) for name, found in moments.items() if found}},
            "bfloat16": self.bfloat16,
            "step": self.step,
            "steps": self.steps,
            "seconds": self.seconds,
            "history": self.history,
        }

    def restore(self, document: Mapping[str, Any]) -> None:
        """Become the state that `to_document` described.

        Raises:
            CorruptError: it belongs to another network, or is incomplete.
        """
        trained = self._trained()
        try:
            for name, weight in self.bare.state_dict().items():
                kept = document["model"][name]
                if kept.shape != weight.shape:
                    raise ValueError(f"{name} has shape {list(kept.shape)}, not {list(weight.shape)}")
                # One by one, so that no device holds all at once.
                part_of(weight).copy_(part_of(shared_like(kept, weight)))
            self.ema = {name: shared_like(document["ema"][name], like) for name, like in self.ema.items()}
            for name, moments in document["optimizer"]["state"].items():
                self.optimizer.state[trained[name]] = {
                    key: shared_like(value, trained[name]) for key, value in moments.items()
                }
            self.bfloat16 = bool(document["bfloat16"])
            self.step = int(document["step"])
            self.steps = None if document["steps"] is None else int(document["steps"])
            self.seconds = float(document["seconds"])
            self.history = {name: list(values) for name, values in document["history"].items()}
        except (KeyError, ValueError, TypeError, RuntimeError, AttributeError) as error:
            raise CorruptError(
                f"the training state does not fit this run: {' '.join(str(error).split())[:200]}"
            ) from error

    def _gathered(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Whole tensors on the CPU, in the first process; one by one, so that no device holds all at once."""
        found = {}
        for name, tensor in tensors.items():
            whole = whole_of(tensor.detach())
            if self.accelerator.is_main_process:
                found[name] = whole.cpu()
        return found

    def _loss(self, terms: Mapping[str, Term]) -> Tensor:
        """This process' share of the loss: the sum of the terms' weighted means over the samples of all processes.

        Gradients are averaged over processes, so each process divides by the mean of all processes' weights.
        """
        used = [term for term in terms.values() if term.factor]
        weights = torch.stack([term.weights.sum() for term in used]).detach()
        weights = self.accelerator.reduce(weights, "mean").clamp(min=torch.finfo(torch.float32).tiny)
        sums = torch.stack([term.factor * (term.values * term.weights).sum() for term in used])
        return (sums / weights).sum()

    def _update_ema(self, config: TrainConfig) -> None:
        if not self.ema:
            return
        # A short memory at first, so that the random initial weights are forgotten.
        decay = min(config.ema_decay, (1.0 + self.step) / (10.0 + self.step))
        average = [part_of(weight) for weight in self.ema.values()]
        live = [part_of(weight.detach()).to(torch.float32) for weight in self._trained().values()]
        get_ema_multi_avg_fn(decay)(average, live, self.step)

    def _trained(self) -> dict[str, nn.Parameter]:
        """Trained weights by name; a tied weight has several names."""
        named = self.bare.named_parameters(remove_duplicate=False)
        return {name: weight for name, weight in named if weight.requires_grad}

    def _put(self, weights: Mapping[str, Tensor]) -> None:
        trained = self._trained()
        with torch.no_grad():
            for name, weight in weights.items():
                part_of(trained[name]).copy_(part_of(weight))


def served_weights(document: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights to serve, from what `to_document` gave the first process: the averages where there are any."""
    live: dict[str, Tensor] = dict(document["model"])
    return live | {name: weight.to(live[name].dtype) for name, weight in document["ema"].items()}


def learning_rate(step: int, steps: int | None, config: TrainConfig) -> float:
    """Learning rate of update `step`, from 0 on: linear warm-up, and cosine decay that ends at `steps`.

    Args:
        step: updates made so far.
        steps: updates planned; None keeps the rate at its peak.
        config: peak, warm-up, and the ratio that the decay ends at.
    """
    warm = min(1.0, (step + 1) / max(1, config.warmup_steps))
    done = 0.0 if steps is None else min(1.0, step / steps)
    cosine = 0.5 * (1.0 + math.cos(math.pi * done))
    return (
        config.learning_rate
        * warm
        * (config.final_learning_rate_ratio + (1.0 - config.final_learning_rate_ratio) * cosine)
    )
