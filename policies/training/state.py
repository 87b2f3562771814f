"""Everything that training changes, and one update of it."""

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

from hlm.core.errors import CorruptError
from hlm.policies.network import Batch, Draws, Term
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
    """What training changes. In several processes each has one, and they stay equal.

    Attributes:
        accelerator: the processes.
        network: live network, wrapped for the processes.
        optimizer: AdamW.
        average: moving averages of the trained weights, by name, float32, and shared out between processes like these;
            empty where training does not average.
        bfloat16: whether the network computes in half precision.
        step: updates made.
        steps: updates that will be made; None until that can be told.
        seconds: time spent on them, s.
        history: figures of the run so far, a column each.
    """

    accelerator: Accelerator
    network: nn.Module
    optimizer: torch.optim.Optimizer
    average: dict[str, Tensor]
    bfloat16: bool
    step: int = 0
    steps: int | None = None
    seconds: float = 0.0
    history: dict[str, list[float]] = field(default_factory=dict)

    @classmethod
    def start(cls, network: nn.Module, config: TrainConfig, accelerator: Accelerator, *, bfloat16: bool) -> TrainState:
        """A state before the first update."""
        if config.sharding == "fsdp":
            shard(network, accelerator)
        else:
            network = accelerator.prepare_model(network)
        trained = [weight for weight in network.parameters() if weight.requires_grad]
        # A fused update wants weights of one sort.
        groups = [[weight for weight in trained if is_shared(weight) is shared] for shared in (True, False)]
        optimizer = torch.optim.AdamW(
            [{"params": group} for group in groups if group],
            config.learning_rate,
            betas=config.betas,
            weight_decay=config.weight_decay,
            fused=True,
        )
        state = cls(accelerator, network, optimizer, {}, bfloat16, steps=config.steps)
        if config.average_decay > 0.0:
            # In half precision, a step of the average would often be too small to change anything.
            state.average = {
                name: weight.detach().to(torch.float32, copy=True) for name, weight in state._trained().items()
            }
        return state

    @property
    def bare(self) -> nn.Module:
        """The network without its wrapping."""
        network = self.network
        return network.module if isinstance(network, DistributedDataParallel) else network

    @property
    def checkpoint_bytes(self) -> int:
        """About what a checkpoint takes on a disk, with everything that resuming needs."""
        served = sum(tensor.numel() * tensor.element_size() for tensor in self.bare.state_dict().values())
        moments = sum(2 * weight.numel() * weight.element_size() for weight in self._trained().values())
        return 2 * served + moments + sum(4 * average.numel() for average in self.average.values())

    def update(self, batch: Batch, draws: Draws, config: TrainConfig) -> Mapping[str, Term]:
        """Make one update; returns the terms of the loss, detached."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, self.steps, config)
        self.network.train()
        self.optimizer.zero_grad()  # before the forward pass, which needs the memory more than old gradients do
        with torch.autocast(self.accelerator.device.type, torch.bfloat16, enabled=self.bfloat16):
            losses = self.network(batch, draws)
        terms = {"loss": losses.main, **losses.others}
        self._loss(terms).backward()
        if config.sharding == "fsdp":
            average_gradients(self.network, self.accelerator)
            clip_gradients(self.network, config.gradient_norm)
        else:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), config.gradient_norm)
        self.optimizer.step()
        self.step += 1
        self._average(config)
        return {name: term._replace(values=term.values.detach()) for name, term in terms.items()}

    @contextmanager
    def averaged(self) -> Iterator[nn.Module]:
        """Inside, the network has the averaged weights, and is in evaluation mode; updates must not be made."""
        trained = self._trained()
        live = {name: trained[name].detach().clone() for name in self.average}
        self._put(self.average)
        self.network.eval()
        try:
            yield self.bare
        finally:
            self._put(live)

    def record(self, figures: Mapping[str, float]) -> None:
        """Add figures to the history, each to the column of its name."""
        for column, value in figures.items():
            self.history.setdefault(column, []).append(value)

    def to_document(self) -> dict[str, Any]:
        """Tensors, numbers and lists that `restore` continues from.

        Every process must ask; the tensors are collected in the first one, and on a CPU they are what training goes on
        to change.
        """
        moments = {name: self.optimizer.state.get(weight) for name, weight in self._trained().items()}
        return {
            "model": self._collected(self.bare.state_dict()),
            "average": self._collected(self.average),
            # Weights that nothing used have none.
            "optimizer": {"state": {name: self._collected(found) for name, found in moments.items() if found}},
            "bfloat16": self.bfloat16,
            "step": self.step,
            "steps": self.steps,
            "seconds": self.seconds,
            "history": self.history,
        }

    def restore(self, document: Mapping[str, Any]) -> None:
        """Become the state that `to_document` described.

        Raises:
            CorruptError: it is of another network, or incomplete.
        """
        trained = self._trained()
        try:
            for name, weight in self.bare.state_dict().items():
                kept = document["model"][name]
                if kept.shape != weight.shape:
                    raise ValueError(f"{name} has shape {list(kept.shape)}, not {list(weight.shape)}")
                # One after the other, so that no device holds all at once.
                part_of(weight).copy_(part_of(shared_like(kept, weight)))
            self.average = {name: shared_like(document["average"][name], like) for name, like in self.average.items()}
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

    def _collected(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Whole tensors on the CPU, in the first process; one after the other, so that no device holds all at once."""
        found = {}
        for name, tensor in tensors.items():
            whole = whole_of(tensor.detach())
            if self.accelerator.is_main_process:
                found[name] = whole.cpu()
        return found

    def _loss(self, terms: Mapping[str, Term]) -> Tensor:
        """Sum of the terms' weighted means over the samples of all processes, as this process' share of it.

        Processes average their gradients, so that each divides by the mean of all processes' weights.
        """
        used = [term for term in terms.values() if term.factor]
        weights = torch.stack([term.weights.sum() for term in used]).detach()
        weights = self.accelerator.reduce(weights, "mean").clamp(min=torch.finfo(torch.float32).tiny)
        sums = torch.stack([term.factor * (term.values * term.weights).sum() for term in used])
        return (sums / weights).sum()

    def _average(self, config: TrainConfig) -> None:
        if not self.average:
            return
        decay = min(config.average_decay, (1.0 + self.step) / (10.0 + self.step))
        with torch.no_grad():
            average = [part_of(weight) for weight in self.average.values()]
            live = [part_of(weight.detach()).to(torch.float32) for weight in self._trained().values()]
            torch._foreach_lerp_(average, live, 1.0 - decay)

    def _trained(self) -> dict[str, nn.Parameter]:
        """Trained weights by name; one that is tied to others has several."""
        named = self.bare.named_parameters(remove_duplicate=False)
        return {name: weight for name, weight in named if weight.requires_grad}

    def _put(self, weights: Mapping[str, Tensor]) -> None:
        trained = self._trained()
        with torch.no_grad():
            for name, weight in weights.items():
                part_of(trained[name]).copy_(part_of(weight))


def served_weights(document: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights to serve, of what `to_document` gave the first process: averaged where training averages."""
    live: dict[str, Tensor] = dict(document["model"])
    return live | {name: weight.to(live[name].dtype) for name, weight in document["average"].items()}


def learning_rate(step: int, steps: int | None, config: TrainConfig) -> float:
    """Of update number `step`, from 0: linear warm-up, then a cosine to `last_rate` of the peak at `steps`."""
    warm = min(1.0, (step + 1) / max(1, config.warmup_steps))
    done = 0.0 if steps is None else min(1.0, step / steps)
    cosine = 0.5 * (1.0 + math.cos(math.pi * done))
    return config.learning_rate * warm * (config.last_rate + (1.0 - config.last_rate) * cosine)
