"""What a training run is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hlm.core.errors import InputError
from hlm.policies.compact.config import NetworkSize


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """What the learning itself depends on; the defaults learn a two-object task from 300 demonstrations.

    Attributes:
        counterfactual: share of each batch that is asked for another candidate than the demonstrated one. It trains
            only the head that says where the target is; without it the instruction is ignored.
        deciding_weight: how often rows in which the asked object is reached for and grasped come up, against others.
        flow_draws: noise draws per encoded observation.
        auxiliary_weight: weight of the head that says where target and goal are.
        state_noise: standard deviation added to the normalised state.
        state_dropout: share of samples whose state is withheld.
        shift: largest shift of a picture, as a share of its side.
        contrast: largest change of contrast.
        brightness: standard deviation of each colour's change, of the half range.
        weight_decay: of AdamW.
        average_decay: of the moving average of the weights, which is what is served.
    """

    counterfactual: float = 0.25
    deciding_weight: float = 2.0
    flow_draws: int = 2
    auxiliary_weight: float = 0.5
    state_noise: float = 0.03
    state_dropout: float = 0.3
    shift: float = 4.0 / 96.0
    contrast: float = 0.2
    brightness: float = 0.075
    weight_decay: float = 1e-3
    average_decay: float = 0.998

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            InputError: a share outside [0, 1), or no draw.
        """
        for name in ("counterfactual", "state_dropout", "shift", "average_decay"):
            value = getattr(self, name)
            if not 0.0 <= value < 1.0:
                raise InputError(f"{name} must be in [0, 1), got {value}.")
        if not self.deciding_weight > 0.0:
            raise InputError(f"deciding_weight must be positive, got {self.deciding_weight}.")
        if self.flow_draws < 1:
            raise InputError(f"flow_draws must be at least 1, got {self.flow_draws}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """A training run.

    Attributes:
        datasets: datasets to learn from.
        out: folder of the checkpoint, which must not exist yet.
        resume: checkpoint to train on with the settings it was started with; only threads and save_minutes may differ.
        cameras: what the policy sees; all cameras of the datasets by default.
        image_size: height and width that pictures are resized to, px; as recorded by default.
        outcomes: which episodes to learn from.
        batch: samples per update.
        learning_rate: at its peak.
        warmup_steps: updates until the peak.
        steps: updates; by default as many as fit into max_minutes, estimated from the first ones.
        max_minutes: budget when steps is not given, min.
        validation: share of the episodes that is held out.
        save_minutes: time between checkpoints, min.
        seed: of everything random.
        threads: CPU threads; all cores that may be used by default.
        device: where to train; "auto" takes a GPU if there is one.
        precision: of the network's arithmetic; "auto" takes bfloat16 where the device is faster with it.
        euler_steps: flow steps that the checkpoint is to be served with.
        recipe: what the learning depends on.
        network: size of the network.
    """

    datasets: tuple[Path, ...] = ()
    out: Path = Path("runs/policy")
    resume: Path | None = None
    cameras: tuple[str, ...] = ()
    image_size: tuple[int, int] | None = None
    outcomes: tuple[str, ...] = ("success",)
    batch: int = 64
    learning_rate: float = 1e-3
    warmup_steps: int = 60
    steps: int | None = None
    max_minutes: float = 45.0
    validation: float = 0.05
    save_minutes: float = 5.0
    seed: int = 0
    threads: int | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    euler_steps: int = 3
    recipe: Recipe = field(default_factory=Recipe)
    network: NetworkSize = field(default_factory=NetworkSize)

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            InputError: no dataset, or a number out of range.
        """
        if not self.datasets and self.resume is None:
            raise InputError("training needs --datasets PATH..., or --resume CHECKPOINT to go on with a run.")
        for name, lowest in (("batch", 2), ("warmup_steps", 0), ("euler_steps", 1)):
            value = getattr(self, name)
            if value < lowest:
                raise InputError(f"{name} must be at least {lowest}, got {value}.")
        for name in ("learning_rate", "max_minutes", "save_minutes", "steps", "threads"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InputError(f"{name} must be positive, got {value}.")
        if not 0.0 <= self.validation < 1.0:
            raise InputError(f"validation must be in [0, 1), got {self.validation}.")
