"""The training loop."""

from __future__ import annotations

import math
import shlex
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from hlm.core.clock import NS_PER_S, Clock, MonotonicClock
from hlm.core.errors import HlmError
from hlm.core.wording import counted
from hlm.datasets.store.lock import FolderLock
from hlm.policies.training.batches import augmented_batch
from hlm.policies.training.config import TrainConfig
from hlm.policies.training.display import Display
from hlm.policies.training.draws import SampleDraws
from hlm.policies.training.loading import read_batches
from hlm.policies.training.output_folder import must_be_new, must_have_space
from hlm.policies.training.pace import Pace
from hlm.policies.training.processes import any_of, fail_together, noticing_losses, together
from hlm.policies.training.reports import Reports
from hlm.policies.training.run import Run, prepare
from hlm.policies.training.samples import RawBatch
from hlm.policies.training.saving import DivergedError, Saver
from hlm.policies.training.stopping import StopRequest
from hlm.policies.training.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Generator

REPORT_STEPS = 20
# Fraction of the time limit for updates; the rest is for validating and saving.
UPDATE_SHARE = 0.95
# A plan that moves by more than this fraction is told again.
PLAN_CHANGE = 0.1


def train(config: TrainConfig, command: str = "", *, stop_after: int | None = None) -> Path:
    """Train a policy and return the folder of its checkpoint.

    A checkpoint is written every `save_every_minutes`, at the end, and on Ctrl+C or SIGTERM. A run that is resumed from
    it becomes exactly what it would have become. Under `torchrun` or `accelerate launch` every process calls this.

    Args:
        config: the run.
        command: command line, for the checkpoint's card.
        stop_after: save and return after this many updates, to be resumed later; by default, train to the end.

    Raises:
        HlmError: data or config cannot be used, or training diverged.
        KeyboardInterrupt: stopped by a signal, after saving.
    """
    with ExitStack() as stack:
        display = stack.enter_context(Display())
        stack.enter_context(torch.random.fork_rng(devices=[]))
        lock = FolderLock(config.out)
        stack.callback(lock.release)
        run = prepare(config, command, display, lock)
        return Trainer(run, display, MonotonicClock(), lock).run_until(stop_after)


class Trainer:
    """Updates, validates, saves and displays a run.

    Args:
        run: the run.
        display: progress display.
        clock: clock that times the updates.
        lock: lock of the run's folder; held while training.
    """

    def __init__(self, run: Run, display: Display, clock: Clock, lock: FolderLock) -> None:
        self._run = run
        self._display = display
        self._clock = clock
        self._spent_s = run.state.seconds
        self._pace = Pace(run.state.step, run.state.seconds)
        self._told_steps = run.state.steps
        self._tally = Tally(run.data.names)
        self._began_at = self._reported_step = run.state.step
        self._saver = Saver(run, display.say)
        self._lock = lock

    def run_until(self, stop_after: int | None) -> Path:
        """Train to the last update, or for `stop_after` updates; see `train`."""
        state, config, accelerator = self._run.state, self._run.config, self._run.accelerator
        self._announce()
        last = None if stop_after is None else state.step + stop_after
        with ExitStack() as stack:
            stop = stack.enter_context(StopRequest())
            stack.enter_context(noticing_losses(accelerator))
            with together(accelerator):
                if accelerator.is_main_process:
                    must_have_space(config.out, state.checkpoint_bytes)
                    stack.enter_context(self._lock)
                    if config.resume is None:
                        must_be_new(config.out)  # Another run may have been faster.
                reports = stack.enter_context(
                    Reports(
                        config,
                        state.step,
                        self._display.say,
                        wanted=accelerator.is_main_process,
                        wandb=self._run.wandb,
                    )
                )
            # Closing the iterator ends the worker processes.
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
        """Update until the run ends; whether it was stopped by a signal, and whether by the time limit."""
        state, config, accelerator = self._run.state, self._run.config, self._run.accelerator
        start_ns = saved_ns = self._clock.now_ns()
        while not (self._finished() or state.step == last):
            before_ns = self._clock.now_ns()
            batch = self._next(batches)
            waited_ns = self._clock.now_ns() - before_ns
            due = before_ns - saved_ns > config.save_every_minutes * 60.0 * NS_PER_S
            error = batch if isinstance(batch, HlmError) else None
            failed, stopped, late, due = any_of(accelerator, error is not None, stop.requested, self._late(), due)
            if stopped or late:
                return stopped, late
            if isinstance(batch, HlmError) or failed:
                self._save_before_failing(reports)
                fail_together(accelerator, error)
            if due:
                self._saver.save(reports, needed=False)
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
        """A batch, or the error, which the other processes must hear of."""
        try:
            return next(batches)
        except HlmError as error:
            return error

    def _save_before_failing(self, reports: Reports) -> None:
        """Keep the updates since the last save: data that cannot be read any more does not spoil them."""
        state = self._run.state
        if state.step == self._began_at:
            return
        try:
            if state.step > self._reported_step:
                self._report(reports)
            self._saver.save(reports, needed=True, quick=True)
            self._display.say(f"saved after {self._progress()}")
        except HlmError as error:
            self._display.say(f"not saved at update {state.step}: {error}")

    def _end(self, reports: Reports, *, stopped: bool, late: bool) -> None:
        state, minutes = self._run.state, self._run.config.max_minutes
        if state.step > self._reported_step:
            self._report(reports)
        if late and self._run.config.steps is None:
            state.steps = state.step  # Without --steps, the run is complete when its time is over.
        # A stopped process may soon be killed: save before anything else.
        self._saver.save(reports, needed=True, quick=stopped)
        if late and not self._finished():
            self._display.say(f"time limit of {minutes:g} minutes reached after {self._progress()} --max-minutes MORE")

    def _progress(self) -> str:
        """How far the run is, and how to continue it."""
        state, out = self._run.state, shlex.quote(str(self._run.config.out))
        return f"{state.step} of {state.steps or '?'} updates; continue with: hlm train --resume {out}"

    def _batches(self) -> Generator[RawBatch]:
        run, processes = self._run, self._run.accelerator
        sampler = run.data.sampler(
            run.config.seed,
            rank=processes.process_index,
            world_size=processes.num_processes,
            position=run.state.step * run.samples_per_update,
        )
        return read_batches(
            run.samples, sampler, run.config.batch_size, run.config.workers, in_worker=self._lock.leave_to_parent
        )

    def _finished(self) -> bool:
        state = self._run.state
        return state.steps is not None and state.step >= state.steps

    def _late(self) -> bool:
        minutes = self._run.config.max_minutes
        return minutes is not None and self._run.state.seconds >= UPDATE_SHARE * 60.0 * minutes

    def _update(self, raw: RawBatch) -> None:
        run, state, config = self._run, self._run.state, self._run.config
        processes = run.accelerator
        first = state.step * run.samples_per_update + processes.process_index
        numbers = range(first, first + run.samples_per_update, processes.num_processes)
        draws = SampleDraws(config.seed, list(numbers), processes.device)
        batch = augmented_batch(raw, run.encoding, processes.device, config.augmentation, draws)
        # Dropout has no stream of its own per sample; this makes it depend on nothing but the update.
        torch.manual_seed(np.random.SeedSequence([config.seed, first]).generate_state(1, np.uint64).item() >> 1)
        terms = state.update(batch, draws, config)
        self._tally.add(terms, torch.from_numpy(run.data.dataset_of(raw.numbers.numpy())).to(processes.device))

    def _plan(self) -> None:
        """Estimate how many updates fit into the time limit, unless steps were given.

        The learning rate falls with the updates made of those planned, not with the clock, so that it is smooth, and
        that the plan, which is saved, is all that the clock decides; the plan follows the pace, so that the rate has
        fallen when the time is over. A run that must be repeatable needs --steps.
        """
        state, minutes = self._run.state, self._run.config.max_minutes
        update_s = self._pace.update_s(state.seconds - self._spent_s)
        if minutes is None or self._run.config.steps is not None or update_s is None:
            return
        left_s = UPDATE_SHARE * 60.0 * minutes - state.seconds
        plan = torch.tensor([left_s / update_s], device=self._run.accelerator.device)
        steps = state.step + max(1, int(self._run.accelerator.reduce(plan, "mean").item()))
        if self._told_steps is None or abs(steps - self._told_steps) > PLAN_CHANGE * self._told_steps:
            self._told_steps = steps
            self._display.say(f"about {steps} updates fit into {minutes:g} minutes")
        state.steps = steps

    def _report(self, reports: Reports) -> None:
        run, state = self._run, self._run.state
        figures = self._tally.take(lambda sums: run.accelerator.reduce(sums, "sum"))
        with together(run.accelerator):
            if not math.isfinite(figures["loss"]):
                raise DivergedError(f"the loss became {figures['loss']} by update {state.step}", run.config.out)
        rate = run.samples_per_update / self._pace.latest_s(REPORT_STEPS)
        state.record({"step": float(state.step), **figures})
        fractions = {f"fraction/{name}": share for name, share in run.fractions().items()}
        reports.write(figures | {"samples_per_s": rate} | fractions, state.step)
        self._reported_step = state.step
        losses = [f"{name} {figures[f'loss/{name}']:.3f}" for name in run.data.names if len(run.data.names) > 1]
        shown = ", ".join([f"{rate:.0f} samples/s", f"loss {figures['loss']:.4f}", *losses])
        self._display.show(state.step, state.steps, shown, self._clock.now_ns() / NS_PER_S)

    def _announce(self) -> None:
        run, state = self._run, self._run.state
        for line in run.data.summary:
            self._display.say(line)
        weights = list(state.bare.parameters())
        trained = sum(weight.numel() for weight in weights if weight.requires_grad)
        processes = run.accelerator.num_processes
        held_out = 0 if run.held_out is None else run.held_out.episodes
        self._display.say(
            f"{sum(weight.numel() for weight in weights) / 1e6:.2f} million parameters, {trained / 1e6:.2f} trained; "
            f"{counted(len(run.samples), 'sample')}, {counted(held_out, 'episode')} held out; "
            f"{'bfloat16' if state.bfloat16 else 'float32'} on {run.accelerator.device}, "
            f"{torch.get_num_threads()} threads{f', {processes} processes' if processes > 1 else ''}"
        )
        if state.step:
            self._display.say(f"resuming after {state.step} of {state.steps or '?'} updates")
        self._display.begin("training", state.steps, state.step)
