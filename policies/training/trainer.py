"""The training loop."""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from hlm.core.clock import NS_PER_S, Clock, MonotonicClock
from hlm.core.errors import HlmError
from hlm.datasets.storage import write_atomic
from hlm.policies.checkpoint import Checkpoint, write_checkpoint
from hlm.policies.training.card import RunFacts, card, describe
from hlm.policies.training.config import TrainConfig
from hlm.policies.training.display import Display
from hlm.policies.training.objective import FIGURES
from hlm.policies.training.plots import loss_plot
from hlm.policies.training.run import Run, episode_list, prepare
from hlm.policies.training.stopping import StopRequest
from hlm.policies.training.validation import Validation, validate

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

PLOT_FILE = "loss.png"
LOG_FOLDER = "tensorboard"
REPORT_STEPS = 20
# Updates that are timed before their number is fixed, after some that only warm up caches and allocators.
UNTIMED_STEPS = 5
TIMED_STEPS = 25
# Part of the time budget that updates may take; the rest is for validation and saving.
UPDATE_SHARE = 0.95


class DivergedError(HlmError):
    """The loss is no longer a number."""


def train(config: TrainConfig, command: str = "", *, stop_after: int | None = None) -> Path:
    """Train a policy and return its checkpoint's folder.

    A checkpoint is written every `save_minutes`, at the end, and on Ctrl+C or SIGTERM, after which the run can be
    resumed to exactly what it would have become.

    Args:
        config: what to do.
        command: what was typed, for the checkpoint's card.
        stop_after: updates of this call after which to save and return, for resuming later; none by default.

    Raises:
        HlmError: data or settings cannot be used, or training diverged.
        KeyboardInterrupt: stopped by a signal, after saving.
    """
    with Display() as display:
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
        self._took_s: list[float] = []
        self._recent: list[dict[str, Tensor]] = []
        self._saved_step = -1

    def run_until(self, stop_after: int | None) -> Path:
        """Train to the last update, or for `stop_after` ones; see `train`."""
        state, config = self._run.state, self._run.config
        self._announce()
        start_ns = saved_ns = self._clock.now_ns()
        last = None if stop_after is None else state.step + stop_after
        with StopRequest() as stop, self._tensorboard() as log:
            while not (self._finished() or stop.requested or state.step == last):
                self._update()
                now_ns = self._clock.now_ns()
                state.seconds = self._spent_s + (now_ns - start_ns) / NS_PER_S
                if state.step % REPORT_STEPS == 0:
                    self._report(log, now_ns)
                if now_ns - saved_ns > config.save_minutes * 60.0 * NS_PER_S:
                    self._save(log)
                    saved_ns = self._clock.now_ns()
            self._save(log)
        if stop.requested and not self._finished():
            self._display.say(
                f"stopped and saved after {state.step} of {state.steps or '?'} updates; "
                f"go on with: hlm train --resume {shlex.quote(str(config.out))}"
            )
            raise KeyboardInterrupt
        return config.out

    def _finished(self) -> bool:
        state = self._run.state
        return state.steps is not None and state.step >= state.steps

    def _update(self) -> None:
        state, config = self._run.state, self._run.config
        before_ns = self._clock.now_ns()
        self._recent.append(state.update(self._run.data, config))
        self._took_s.append((self._clock.now_ns() - before_ns) / NS_PER_S)
        if state.steps is None and len(self._took_s) == TIMED_STEPS:
            left_s = UPDATE_SHARE * 60.0 * config.max_minutes - state.seconds
            state.steps = state.step + max(1, int(left_s / median(self._took_s[UNTIMED_STEPS:])))
            self._display.say(f"{state.steps} updates fit into {config.max_minutes:g} minutes")

    def _report(self, log: SummaryWriter, now_ns: int) -> None:
        state, config = self._run.state, self._run.config
        mean = {name: float(torch.stack([figures[name] for figures in self._recent]).nanmean()) for name in FIGURES}
        self._recent.clear()
        if not math.isfinite(mean["flow"]):
            raise DivergedError(f"the loss became {mean['flow']} by update {state.step}; try a lower --learning-rate.")
        took_s = self._took_s[-REPORT_STEPS:]
        shown = {
            "flow": mean["flow"],
            "data_error": mean["data_error"],
            "auxiliary": mean["auxiliary"],
            "asked_error_cm": 100.0 * mean["asked_error_m"],
            "other_error_cm": 100.0 * mean["other_error_m"],
        }
        self._note("", shown, log)
        rate = config.batch * len(took_s) / sum(took_s)
        log.add_scalar("samples_per_s", rate, state.step)
        figures = (
            f"{rate:.0f} samples/s, flow {mean['flow']:.4f}, "
            f"target {shown['asked_error_cm']:.1f} cm, other {shown['other_error_cm']:.1f} cm"
        )
        self._display.show(state.step, state.steps, figures, now_ns / NS_PER_S)

    def _note(self, prefix: str, figures: dict[str, float], log: SummaryWriter) -> None:
        """Add figures to the history and to the log."""
        state = self._run.state
        state.record(f"{prefix}step", float(state.step))
        for name, value in figures.items():
            state.record(f"{prefix}{name}", value)
            log.add_scalar(f"{prefix}{name}", value, state.step)

    def _save(self, log: SummaryWriter) -> None:
        """Validate, and write the checkpoint and the plot."""
        run, state, config = self._run, self._run.state, self._run.config
        if self._saved_step == state.step:
            return
        self._saved_step = state.step
        validation = self._validate(log) if run.held_out is not None and state.step else None
        checkpoint = Checkpoint(
            config=run.checkpoint, statistics=run.statistics, weights=state.average.state_dict(), step=state.step
        )
        training = state.to_document() | {"command": run.command, "episodes": episode_list(run.sources)}
        write_checkpoint(config.out, checkpoint, training, card(checkpoint, self._facts(), validation))
        write_atomic(config.out / PLOT_FILE, loss_plot(state.history))

    def _validate(self, log: SummaryWriter) -> Validation:
        run = self._run
        if run.held_out is None:
            raise ValueError("there is nothing to validate on")
        validation = validate(run.state.average, run.held_out, run.encoding, run.config.recipe, run.config.seed)
        figures = {
            "flow": validation.flow,
            "asked_error_cm": 100.0 * validation.asked_error_m,
            "other_error_cm": 100.0 * validation.other_error_m,
        }
        for errors in validation.chunks:
            figures[f"chunk_square_{errors.euler_steps}"] = errors.square
            figures[f"jerk_{errors.euler_steps}"] = errors.jerk
        self._note("validation_", figures, log)
        self._display.say(f"step {run.state.step}: {describe(validation)}")
        return validation

    def _facts(self) -> RunFacts:
        run = self._run
        return RunFacts(
            command=run.command,
            counts=run.sources.counts,
            training_episodes=len(run.sources.training),
            validation_episodes=len(run.sources.validation),
            step=run.state.step,
            steps=run.state.steps,
            batch=run.config.batch,
            seed=run.config.seed,
            hours=run.state.seconds / 3600.0,
        )

    def _announce(self) -> None:
        run, state = self._run, self._run.state
        for count in run.sources.counts:
            self._display.say(count)
        parameters = sum(weight.numel() for weight in state.model.parameters())
        self._display.say(
            f"{parameters / 1e6:.2f} million parameters, {len(run.data)} rows, {torch.get_num_threads()} threads, "
            f"{'bfloat16' if state.bfloat16 else 'float32'} on {run.data.state.device}"
        )
        self._display.begin("training", state.steps, state.step)

    def _tensorboard(self) -> SummaryWriter:
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(str(self._run.config.out / LOG_FOLDER), purge_step=self._run.state.step or None)
