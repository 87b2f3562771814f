"""Curves of a run as a picture."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence

# Panels from left to right: title, unit, and the columns of the history that it shows with their names.
PANELS = (
    ("flow-matching loss", "", (("flow", "training"), ("validation_flow", "validation"))),
    (
        "predicted target, error per axis",
        "cm",
        (
            ("asked_error_cm", "training, as demonstrated"),
            ("other_error_cm", "training, other object named"),
            ("validation_asked_error_cm", "validation, as demonstrated"),
            ("validation_other_error_cm", "validation, other object named"),
        ),
    ),
)


def loss_plot(history: Mapping[str, Sequence[float]]) -> bytes:
    """PNG file of the losses over the updates.

    Args:
        history: columns of figures; `step` goes with the training columns, `validation_step` with those of validation.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 4.0), layout="constrained")
    for axes, (title, unit, columns) in zip(figure.subplots(1, len(PANELS)), PANELS, strict=True):
        drawn = False
        for column, name in columns:
            validation = column.startswith("validation")
            steps, values = history.get("validation_step" if validation else "step", ()), history.get(column, ())
            # A nan stands for "nothing was labelled".
            if not all(math.isnan(value) for value in values):
                axes.plot(steps, values, label=name, linewidth=1.0, marker="o" if validation else None, markersize=3)
                drawn = True
        axes.set(title=title, xlabel="update", ylabel=unit)
        axes.grid(visible=True, alpha=0.3)
        if drawn:
            axes.set_yscale("log")
            axes.legend(fontsize="small")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
