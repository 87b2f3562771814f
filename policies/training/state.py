"""Everything that training changes, and one update of it."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch import Tensor

from hlm.core.errors import CorruptError
from hlm.policies.compact.config import CompactConfig
from hlm.policies.compact.model import CompactModel
from hlm.policies.training.batches import draw_batch
from hlm.policies.training.config import TrainConfig
from hlm.policies.training.data import TrainingData
from hlm.policies.training.objective import draw_flow, objective

BETAS = (0.9, 0.95)
LARGEST_GRADIENT = 1.0
# The learning rate falls along a cosine to this share of its peak.
LAST_RATE = 0.03


@dataclass(slots=True, eq=False)
class TrainState:
    """What training changes.

    Attributes:
        model: live network.
        average: moving average of its weights, which is what is served.
        optimizer: AdamW.
        generator: source of every random number.
        bfloat16: whether the network computes in half precision.
        step: updates made.
        steps: updates that will be made; None until the first ones were timed.
        seconds: time spent on them, s.
        history: figures of the run so far, a column each.
    """

    model: CompactModel
    average: CompactModel
    optimizer: torch.optim.AdamW
    generator: torch.Generator
    bfloat16: bool
    step: int = 0
    steps: int | None = None
    seconds: float = 0.0
    history: dict[str, list[float]] = field(default_factory=dict)

    @classmethod
    def start(cls, network: CompactConfig, config: TrainConfig, device: torch.device, *, bfloat16: bool) -> Self:
        """A new network and optimizer; depends on the config's seed alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            model = CompactModel(network)
        model.to(device)
        optimizer = torch.optim.AdamW(
            model.parameters(), config.learning_rate, betas=BETAS, weight_decay=config.recipe.weight_decay, fused=True
        )
        average = copy.deepcopy(model).eval().requires_grad_(False)  # noqa: FBT003
        generator = torch.Generator().manual_seed(config.seed)
        return cls(model, average, optimizer, generator, bfloat16, steps=config.steps)

    def update(self, data: TrainingData, config: TrainConfig) -> dict[str, Tensor]:
        """Make one update; returns the figures of `objective`, on the device."""
        device = data.state.device
        batch = draw_batch(data, config.batch, config.recipe, self.generator)
        draws = draw_flow(batch, config.recipe.flow_draws, self.generator)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, self.steps, config)
        with torch.autocast(device.type, torch.bfloat16, enabled=self.bfloat16):
            loss, figures = objective(self.model, batch, draws, data.active, config.recipe)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), LARGEST_GRADIENT)
        self.optimizer.step()
        self.step += 1
        decay = min(config.recipe.average_decay, (1.0 + self.step) / (10.0 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.model.parameters()), 1.0 - decay)
        return figures

    def record(self, column: str, value: float) -> None:
        """Add a figure to the history."""
        self.history.setdefault(column, []).append(value)

    def to_document(self) -> dict[str, Any]:
        """Tensors, numbers and lists that `restore` continues from."""
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
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
        try:
            self.model.load_state_dict(document["model"])
            self.average.load_state_dict(document["average"])
            self.optimizer.load_state_dict(document["optimizer"])
            self.generator.set_state(document["generator"])
            self.bfloat16 = bool(document["bfloat16"])
            self.step = int(document["step"])
            self.steps = None if document["steps"] is None else int(document["steps"])
            self.seconds = float(document["seconds"])
            self.history = {name: list(values) for name, values in document["history"].items()}
        except (KeyError, ValueError, TypeError, RuntimeError, AttributeError) as error:
            raise CorruptError(
                f"the training state does not fit this run: {' '.join(str(error).split())[:200]}"
            ) from error


def learning_rate(step: int, steps: int | None, config: TrainConfig) -> float:
    """Of update number `step`, from 0: linear warm-up, then a cosine to 3 % at the last of `steps`."""
    warm = min(1.0, (step + 1) / max(1, config.warmup_steps))
    done = 0.0 if steps is None else min(1.0, step / steps)
    cosine = 0.5 * (1.0 + math.cos(math.pi * done))
    return config.learning_rate * warm * (LAST_RATE + (1.0 - LAST_RATE) * cosine)
