"""What a run writes: validation figures, checkpoint, card and plot."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any, cast

import torch

from hlm.core.documents import to_document
from hlm.core.errors import HlmError, StorageError
from hlm.core.files import write_atomic
from hlm.policies.checkpoint import Checkpoint, write_checkpoint
from hlm.policies.checkpoint_config import WEIGHTS_FILE
from hlm.policies.network import Network
from hlm.policies.training.card import RunFacts, card, describe
from hlm.policies.training.held_out import HeldOut
from hlm.policies.training.plots import loss_plot
from hlm.policies.training.processes import together
from hlm.policies.training.reports import Reports
from hlm.policies.training.run import Run
from hlm.policies.training.sharding import part_of
from hlm.policies.training.state import served_weights
from hlm.policies.training.validation import Validation

PLOT_FILE = "loss.png"


class DivergedError(HlmError):
    """Loss or weights are no longer finite.

    Args:
        what: what is not, and since when.
        out: folder of the run.
    """

    def __init__(self, what: str, out: Path) -> None:
        kept = (out / WEIGHTS_FILE).is_file()
        left = "the last checkpoint is kept" if kept else "there is no checkpoint to go back to"
        super().__init__(f"{what}; {left}. Try a lower --learning-rate.")


class Saver:
    """Validates a run and writes its checkpoint.

    Args:
        run: the run.
        say: shows a line to a person.
    """

    def __init__(self, run: Run, say: Callable[[str], None]) -> None:
        self._run = run
        self._say = say
        self._validation = run.validation

    def save(self, reports: Reports, *, needed: bool, quick: bool = False) -> None:
        """Validate, and write checkpoint and plot; every process must call this.

        Args:
            reports: where the validation figures go.
            needed: whether failing to write ends the run; otherwise training goes on until the next save.
            quick: skip validation, which resuming does not need and which takes long.

        Raises:
            DivergedError: a weight is not finite; the previous checkpoint is kept.
            StorageError: the checkpoint is needed and cannot be written.
        """
        run, state = self._run, self._run.state
        if state.step:
            with together(run.accelerator):
                self._must_be_sane()
            if run.held_out is not None and not quick:
                self._validation = self._validated(run.held_out, reports)
        training = state.to_document() | {
            "samples": run.samples_per_update,
            "command": run.command,
            "episodes": run.episodes,
            "datasets": list(run.data.names),
            "folder": str(run.folder),
            "wandb": to_document(reports.wandb),
            "loaded": to_document(run.loaded),
            "validation": to_document(self._validation),
        }
        with together(run.accelerator):
            if run.accelerator.is_main_process:
                self._write(training, needed=needed)

    def _write(self, training: dict[str, Any], *, needed: bool) -> None:
        run, state = self._run, self._run.state
        checkpoint = Checkpoint(
            config=run.checkpoint,
            statistics=run.statistics,
            text=run.encoding.text,
            weights=served_weights(training),
            step=state.step,
        )
        page = card(checkpoint, self._facts(), self._validation)
        try:
            write_checkpoint(run.config.out, checkpoint, training, page)
        except StorageError as error:
            if needed:
                raise
            self._say(f"no checkpoint at update {state.step}: {error} Training continues.")
            return
        try:
            write_atomic(run.config.out / PLOT_FILE, loss_plot(state.history))
        except OSError as error:
            self._say(f"no plot at update {state.step}: {error}.")

    def _must_be_sane(self) -> None:
        run, state = self._run, self._run.state
        # What is served is the average, which may be spoilt while the weights are not.
        averages = ((f"the average of {name}", weight) for name, weight in state.ema.items())
        for name, weight in chain(state.bare.named_parameters(), averages):
            if not torch.isfinite(part_of(weight.detach())).all():
                raise DivergedError(f"{name} is no longer finite at update {state.step}", run.config.out)

    def _validated(self, held_out: HeldOut, reports: Reports) -> Validation:
        run, state = self._run, self._run.state
        with state.ema_applied() as averaged:
            network = cast(Network, averaged)
            # A network without noise is no flow, and takes no Euler steps.
            steps = sorted({1, run.config.euler_steps, 10}) if math.prod(network.noise_shape) else [1]
            validation = held_out.score(network, steps, run.accelerator.device, state.step)
        figures = {f"validation_{name}": value for name, value in validation.figures().items()}
        state.record({"validation_step": float(state.step), **figures})
        reports.write(figures, state.step)
        self._say(f"step {state.step}: {describe(validation)}")
        return validation

    def _facts(self) -> RunFacts:
        run = self._run
        return RunFacts(
            command=run.command,
            data=run.data.summary,
            fractions=run.fractions(),
            training_episodes=len(run.data.episodes),
            validation_episodes=0 if run.held_out is None else run.held_out.episodes,
            step=run.state.step,
            steps=run.state.steps,
            batch_size=run.config.batch_size,
            processes=run.accelerator.num_processes,
            seed=run.config.seed,
            hours=run.state.seconds / 3600.0,
            loaded=run.loaded,
        )
