"""Loss curves of a run."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence

VALIDATION = "validation_"
DATASET = "loss/"


def loss_plot(history: Mapping[str, Sequence[float]]) -> bytes:
    """PNG of the losses over the updates: the main loss, the loss per dataset, and the other terms.

    Args:
        history: columns of figures by name; `step` belongs to the training columns, `validation_step` to the validation
            columns.
    """
    from matplotlib.figure import Figure

    panels = [panel for panel in _panels(history) if panel[1]] or [("loss", [])]
    figure = Figure(figsize=(5.5 * len(panels), 4.0), layout="constrained")
    for axes, (title, columns) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for column, name in columns:
            validation = column.startswith(VALIDATION)
            steps, values = history[f"{VALIDATION}step" if validation else "step"], history[column]
            axes.plot(steps, values, label=name, linewidth=1.0, marker="o" if validation else None, markersize=3)
        axes.set(title=title, xlabel="update")
        axes.grid(visible=True, alpha=0.3)
        if columns:
            axes.set_yscale("log")
            axes.legend(fontsize="small")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def _panels(history: Mapping[str, Sequence[float]]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Per panel, its title and its columns with their labels."""
    # Terms that never counted are nan throughout.
    drawn = [name for name, values in history.items() if not all(math.isnan(value) for value in values)]
    training = [name for name in drawn if not name.startswith(VALIDATION) and name not in ("step", "loss")]
    loss = [("loss", "training")] if "loss" in drawn else []
    loss += [(f"{VALIDATION}loss", "validation")] if f"{VALIDATION}loss" in drawn else []
    datasets = [(name, name.removeprefix(DATASET)) for name in training if name.startswith(DATASET)]
    others = [name for name in training if not name.startswith(DATASET)]
    terms = [(name, name.replace("_", " ")) for name in others]
    terms += [
        (VALIDATION + name, f"validation {name.replace('_', ' ')}") for name in others if VALIDATION + name in drawn
    ]
    errors = [(name, name.removeprefix(VALIDATION).replace("_", " ")) for name in drawn if "chunk_square" in name]
    return [
        ("loss", loss),
        ("loss per dataset", datasets if len(datasets) > 1 else []),
        ("other terms", terms),
        ("squared error of validation chunks, by Euler steps", errors),
    ]
