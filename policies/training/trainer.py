"""The training loop."""

from __future__ import annotations

import math
import shlex
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from hlm.core.clock import NS_PER_S, Clock, MonotonicClock
from hlm.core.documents import to_document
from hlm.core.errors import HlmError
from hlm.datasets.storage import StorageError, write_atomic
from hlm.policies.checkpoint import Checkpoint, write_checkpoint
from hlm.policies.network import Network
from hlm.policies.training.batches import augmented_batch
from hlm.policies.training.card import RunFacts, card, describe
from hlm.policies.training.config import TrainConfig
from hlm.policies.training.display import Display
from hlm.policies.training.draws import SampleDraws
from hlm.policies.training.loading import read_batches
from hlm.policies.training.pace import Pace
from hlm.policies.training.plots import loss_plot
from hlm.policies.training.processes import any_of, fail_together, noticing_losses, together
from hlm.policies.training.reports import Reports
from hlm.policies.training.run import Run, prepare
from hlm.policies.training.samples import RawBatch
from hlm.policies.training.sharding import part_of
from hlm.policies.training.state import served_weights
from hlm.policies.training.stopping import StopRequest
from hlm.policies.training.tally import Tally
from hlm.policies.training.validation import HeldOut, Validation

if TYPE_CHECKING:
    from collections.abc import Generator

PLOT_FILE = "loss.png"
REPORT_STEPS = 20
# Part of the time budget that updates may take; the rest is for validation and saving.
UPDATE_SHARE = 0.95


class DivergedError(HlmError):
    """The loss is no longer a number."""


def train(config: TrainConfig, command: str = "", *, stop_after: int | None = None) -> Path:
    """Train a policy and return its checkpoint's folder.

    A checkpoint is written every `save_minutes`, at the end, and on Ctrl+C or SIGTERM, after which the run can be
    resumed to exactly what it would have become. Under `torchrun` or `accelerate launch` every process calls this.

    Args:
        config: what to do.
        command: what was typed, for the checkpoint's card.
        stop_after: updates of this call after which to save and return, for resuming later; none by default.

    Raises:
        HlmError: data or settings cannot be used, or training diverged.
        KeyboardInterrupt: stopped by a signal, after saving.
    """
    with Display() as display, torch.random.fork_rng(devices=[]):
        run = prepare(config, command, display)
        return Trainer(run, display, MonotonicClock()).run_until(stop_after)


class Trainer:
    """Updates, validates, saves and shows a run.

    Args:
        run: what to train.
        display: what a person sees.
        clock: times the updates.
    """

    def __init__(self, run: Run, display: Display, clock: Clock) -> None:
        self._run = run
        self._display = display
        self._clock = clock
        self._spent_s = run.state.seconds
        self._pace = Pace(run.state.step, run.state.seconds)
        self._tally = Tally(run.sources.names)
        self._reported_step = run.state.step
        self._validation: Validation | None = None

    def run_until(self, stop_after: int | None) -> Path:
        """Train to the last update, or for `stop_after` ones; see `train`."""
        state, config, accelerator = self._run.state, self._run.config, self._run.accelerator
        self._announce()
        last = None if stop_after is None else state.step + stop_after
        with ExitStack() as stack:
            stop = stack.enter_context(StopRequest())
            stack.enter_context(noticing_losses(accelerator))
            with together(accelerator):
                reports = stack.enter_context(
                    Reports(config, state.step, self._display.say, wanted=accelerator.is_main_process)
                )
            # Closing it ends the processes that read ahead.
            batches = stack.enter_context(closing(self._batches()))
            stopped, late = self._learn(batches, stop, reports, last)
            self._end(reports, stopped=stopped, late=late)
        if stopped and not self._finished():
            self._display.say(f"stopped and saved after {self._progress()}")
            raise KeyboardInterrupt
        return config.out

    def _learn(
        self, batches: Generator[RawBatch], stop: StopRequest, reports: Reports, last: int | None
    ) -> tuple[bool, bool]:
        """Update until the run is finished; or somebody wants it to stop, or the time is over: whether they do."""
        state, config, accelerator = self._run.state, self._run.config, self._run.accelerator
        start_ns = saved_ns = self._clock.now_ns()
        while not (self._finished() or state.step == last):
            before_ns = self._clock.now_ns()
            batch = self._next(batches)
            waited_ns = self._clock.now_ns() - before_ns
            due = before_ns - saved_ns > config.save_minutes * 60.0 * NS_PER_S
            error = batch if isinstance(batch, HlmError) else None
            failed, stopped, late, due = any_of(accelerator, error is not None, stop.requested, self._late(), due)
            if stopped or late:
                return stopped, late
            if isinstance(batch, HlmError) or failed:
                fail_together(accelerator, error)
            if due:
                self._save(reports, needed=False)
                saved_ns = self._clock.now_ns()
            if state.steps is None or state.step % REPORT_STEPS == 0:
                self._plan()
            before_ns = self._clock.now_ns()
            self._update(batch)
            now_ns = self._clock.now_ns()
            self._pace.add((now_ns - before_ns + waited_ns) / NS_PER_S)
            state.seconds = self._spent_s + (now_ns - start_ns) / NS_PER_S
            if state.step % REPORT_STEPS == 0:
                self._report(reports)
        return False, False

    @staticmethod
    def _next(batches: Generator[RawBatch]) -> RawBatch | HlmError:
        """A batch, or what is wrong with it: the other processes must hear of it."""
        try:
            return next(batches)
        except HlmError as error:
            return error

    def _end(self, reports: Reports, *, stopped: bool, late: bool) -> None:
        state, minutes = self._run.state, self._run.config.max_minutes
        if state.step > self._reported_step:
            self._report(reports)
        if late and self._run.config.steps is None:
            state.steps = state.step  # A plan that was made by time alone is fulfilled when the time is over.
        # Whoever stops a run is in a hurry, and may soon kill it.
        self._save(reports, needed=True, quick=stopped)
        if late and not self._finished():
            self._display.say(f"{minutes:g} minutes are over after {self._progress()} --max-minutes MORE")

    def _progress(self) -> str:
        """How far the run is, and how to go on with it."""
        state, out = self._run.state, shlex.quote(str(self._run.config.out))
        return f"{state.step} of {state.steps or '?'} updates; go on with: hlm train --resume {out}"

    def _batches(self) -> Generator[RawBatch]:
        run, processes = self._run, self._run.accelerator
        world_size = processes.num_processes
        position = run.state.step * run.config.batch * world_size
        sampler = run.sources.sampler(
            run.config.seed, rank=processes.process_index, world_size=world_size, position=position
        )
        return read_batches(run.samples, sampler, run.config.batch, run.config.workers)

    def _finished(self) -> bool:
        state = self._run.state
        return state.steps is not None and state.step >= state.steps

    def _late(self) -> bool:
        minutes = self._run.config.max_minutes
        return minutes is not None and self._run.state.seconds >= UPDATE_SHARE * 60.0 * minutes

    def _update(self, raw: RawBatch) -> None:
        run, state, config = self._run, self._run.state, self._run.config
        processes = run.accelerator
        first = state.step * config.batch * processes.num_processes + processes.process_index
        numbers = range(first, first + config.batch * processes.num_processes, processes.num_processes)
        draws = SampleDraws(config.seed, list(numbers), processes.device)
        batch = augmented_batch(raw, run.encoding, processes.device, config.augmentation, draws)
        # Dropout and the like have no stream of their own; this makes them depend on nothing but the update.
        torch.manual_seed(np.random.SeedSequence([config.seed, first]).generate_state(1, np.uint64).item() >> 1)
        terms = state.update(batch, draws, config)
        self._tally.add(terms, torch.from_numpy(run.sources.part_of(raw.numbers.numpy())).to(processes.device))

    def _plan(self) -> None:
        """Tell how many updates fit into the time, unless that was told."""
        state, minutes, update_s = self._run.state, self._run.config.max_minutes, self._pace.update_s()
        if minutes is None or self._run.config.steps is not None or update_s is None:
            return
        left_s = UPDATE_SHARE * 60.0 * minutes - state.seconds
        plan = torch.tensor([left_s / update_s], device=self._run.accelerator.device)
        steps = state.step + max(1, int(self._run.accelerator.reduce(plan, "mean").item()))
        if state.steps is None:
            self._display.say(f"about {steps} updates fit into {minutes:g} minutes")
        state.steps = steps

    def _report(self, reports: Reports) -> None:
        run, state, config = self._run, self._run.state, self._run.config
        figures = self._tally.take(lambda sums: run.accelerator.reduce(sums, "sum"))
        with together(run.accelerator):
            if not math.isfinite(figures["loss"]):
                raise DivergedError(
                    f"the loss became {figures['loss']} by update {state.step}; the last checkpoint is kept. "
                    "Try a lower --learning-rate."
                )
        rate = config.batch * run.accelerator.num_processes / self._pace.latest_s(REPORT_STEPS)
        self._note("", figures, reports)
        fractions = {f"fraction/{name}": share for name, share in self._fractions().items()}
        reports.write({"samples_per_s": rate, **fractions}, state.step)
        self._reported_step = state.step
        sources = [f"{name} {figures[f'loss/{name}']:.3f}" for name in run.sources.names if len(run.sources.names) > 1]
        shown = ", ".join([f"{rate:.0f} samples/s", f"loss {figures['loss']:.4f}", *sources])
        self._display.show(state.step, state.steps, shown, self._clock.now_ns() / NS_PER_S)

    def _fractions(self) -> dict[str, float]:
        run = self._run
        drawn = run.state.step * run.config.batch * run.accelerator.num_processes
        return run.sources.fractions(run.config.seed, drawn)

    def _note(self, prefix: str, figures: dict[str, float], reports: Reports) -> None:
        """Add figures to the history and to the reports."""
        state = self._run.state
        state.record(f"{prefix}step", float(state.step))
        for name, value in figures.items():
            state.record(f"{prefix}{name}", value)
        reports.write({f"{prefix}{name}": value for name, value in figures.items()}, state.step)

    def _save(self, reports: Reports, *, needed: bool, quick: bool = False) -> None:
        """Validate, and write the checkpoint and the plot.

        Args:
            reports: where the figures of the validation go.
            needed: whether a full disk ends the run; otherwise a later save may do better.
            quick: leave out what the run does not need to go on.
        """
        run, state = self._run, self._run.state
        if state.step:
            with together(run.accelerator):
                self._must_be_sane()
            if run.held_out is not None and not quick:
                self._validation = self._validated(run.held_out, reports)
        training = state.to_document() | {
            "samples": run.config.batch * run.accelerator.num_processes,
            "command": run.command,
            "episodes": run.sources.document(),
            "loaded": None if run.loaded is None else to_document(run.loaded),
        }
        with together(run.accelerator):
            if run.accelerator.is_main_process:
                self._write(training, needed=needed, quick=quick)

    def _write(self, training: dict[str, Any], *, needed: bool, quick: bool) -> None:
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
            self._display.say(f"no checkpoint at update {state.step}: {error} Training goes on.")
            return
        if quick:
            return
        try:
            write_atomic(run.config.out / PLOT_FILE, loss_plot(state.history))
        except OSError as error:
            self._display.say(f"no plot at update {state.step}: {error}.")

    def _must_be_sane(self) -> None:
        for name, weight in self._run.state.bare.named_parameters():
            if not torch.isfinite(part_of(weight.detach())).all():
                raise DivergedError(
                    f"{name} is no longer finite at update {self._run.state.step}; the last checkpoint is kept. "
                    "Try a lower --learning-rate."
                )

    def _validated(self, held_out: HeldOut, reports: Reports) -> Validation:
        run = self._run
        with run.state.averaged() as averaged:
            network = cast(Network, averaged)
            # Where there is no noise to start from, there is no flow to follow in steps.
            steps = sorted({1, run.config.euler_steps, 10}) if math.prod(network.noise_shape) else [1]
            validation = held_out.score(network, steps, run.accelerator.device)
        self._note("validation_", validation.figures(), reports)
        self._display.say(f"step {run.state.step}: {describe(validation)}")
        return validation

    def _facts(self) -> RunFacts:
        run = self._run
        return RunFacts(
            command=run.command,
            counts=run.sources.counts,
            fractions=self._fractions(),
            training_episodes=len(run.sources.episodes),
            validation_episodes=len(run.sources.validation),
            step=run.state.step,
            steps=run.state.steps,
            batch=run.config.batch,
            processes=run.accelerator.num_processes,
            seed=run.config.seed,
            hours=run.state.seconds / 3600.0,
            loaded=run.loaded,
        )

    def _announce(self) -> None:
        run, state = self._run, self._run.state
        for count in run.sources.counts:
            self._display.say(count)
        weights = list(state.bare.parameters())
        trained = sum(weight.numel() for weight in weights if weight.requires_grad)
        processes = run.accelerator.num_processes
        self._display.say(
            f"{sum(weight.numel() for weight in weights) / 1e6:.2f} million parameters, {trained / 1e6:.2f} trained; "
            f"{len(run.samples)} rows; {'bfloat16' if state.bfloat16 else 'float32'} on {run.accelerator.device}, "
            f"{torch.get_num_threads()} threads{f', {processes} processes' if processes > 1 else ''}"
        )
        self._display.begin("training", state.steps, state.step)
