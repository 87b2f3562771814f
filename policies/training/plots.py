"""Loss curves of a run: one panel, and one axis, for each unit."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from hlm.core.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

VALIDATION = "validation_"
DATASET = "loss/"
# Figures with a unit end with it; a unit needs one axis for all of its figures.
_UNITS = {"cm": "cm", "m": "m", "rad": "rad", "s": "s"}
# These two count squared distances between normalised actions; both are numbers without a unit.
_CHUNK_ERROR = "chunk_square_"
_MARKED = 30  # curves of fewer points show each of them: a line through one point is nothing
_PANEL_IN, _WIDTH_IN, _DPI = 2.3, 6.5, 110


class Panel(NamedTuple):
    """Curves that share an axis.

    Attributes:
        title: what they are.
        unit: of the axis.
        curves: column of the history and label of each.
    """

    title: str
    unit: str
    curves: Sequence[tuple[str, str]]


def loss_plot(history: Mapping[str, Sequence[float]]) -> bytes:
    """PNG of the losses over the updates, panels below each other, so that a narrow page can show it.

    Args:
        history: columns of figures by name; `step` belongs to the training columns, `validation_step` to the validation
            columns.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    shown = panels(history) or [Panel("loss", "", ())]
    with rc_context({"font.size": 12.0, "axes.titlesize": 12.0}):
        figure = Figure(figsize=(_WIDTH_IN, 0.4 + _PANEL_IN * len(shown)), layout="constrained")
        for axes, panel in zip(figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0], shown, strict=True):
            _draw(axes, panel, history)
        axes.set_xlabel("updates")
        axes.set_xlim(0.0, 1.02 * max(_last_update(history), 1.0))  # few updates would leave room for halves of one
        axes.xaxis.get_major_locator().set_params(integer=True)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=_DPI)
    return buffer.getvalue()


def panels(history: Mapping[str, Sequence[float]]) -> list[Panel]:
    """What is drawn: the loss that is minimised, the loss per dataset, and then the other figures, unit by unit."""
    # Terms that never counted are nan throughout.
    drawn = [name for name, values in history.items() if any(math.isfinite(value) for value in values)]
    training = [name for name in drawn if not name.startswith(VALIDATION) and name not in ("step", "loss")]
    loss = [
        (name, label) for name, label in (("loss", "training"), (f"{VALIDATION}loss", "validation")) if name in drawn
    ]
    datasets = [(name, name.removeprefix(DATASET)) for name in training if name.startswith(DATASET)]
    found = [Panel("loss: what training minimises", "", loss)]
    found += [Panel("loss on each dataset", "", datasets)] if len(datasets) > 1 else []
    others: dict[str, list[tuple[str, str]]] = {}
    for name in training:
        if not name.startswith(DATASET):
            validation = VALIDATION + name
            others.setdefault(_unit(name) or name, []).extend(
                [(name, _label(name)), *([(validation, f"{_label(name)}, validation")] if validation in drawn else [])]
            )
    for unit, curves in others.items():
        known = unit in _UNITS.values()
        found.append(Panel(f"errors in {unit}" if known else _label(unit), unit if known else "", curves))
    chunks = [
        (name, counted(int(name.rpartition("_")[2]), "Euler step"))
        for name in drawn
        if name.startswith(VALIDATION + _CHUNK_ERROR)
    ]
    found.append(Panel("mean squared error of validation chunks (normalised actions)", "", chunks))
    return [panel for panel in found if panel.curves]


def axis_limits(values: Sequence[float]) -> tuple[float, float]:
    """The 1, 2 or 5 times a power of ten below and above all positive values; an axis labels such numbers."""
    positive = [value for value in values if math.isfinite(value) and value > 0.0]
    low, high = _round_number(min(positive), up=False), _round_number(max(positive), up=True)
    return (low, high) if low < high else (0.5 * low, 2.0 * high)


def _last_update(history: Mapping[str, Sequence[float]]) -> float:
    return max((steps[-1] for name in ("step", f"{VALIDATION}step") if (steps := history.get(name))), default=0.0)


def _draw(axes: Axes, panel: Panel, history: Mapping[str, Sequence[float]]) -> None:
    values: list[float] = []
    for column, label in panel.curves:
        validation = column.startswith(VALIDATION)
        steps, figures = history[f"{VALIDATION}step" if validation else "step"], history[column]
        marker = "o" if validation or len(steps) < _MARKED else None
        axes.plot(steps, figures, label=label, linewidth=1.3, marker=marker, markersize=4)
        values += figures
    axes.set_title(panel.title, loc="left")
    axes.grid(visible=True, alpha=0.3)
    if panel.unit:
        axes.set_ylabel(panel.unit)
    if len(panel.curves) > 1:
        axes.legend(fontsize="small")
    # A loss of exactly 0 has no place on a logarithmic axis.
    if values and all(value > 0.0 for value in values if math.isfinite(value)):
        _set_logarithmic(axes, *axis_limits(values))


def _set_logarithmic(axes: Axes, low: float, high: float) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_yscale("log")
    axes.set_ylim(low, high)
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high <= 100.0 * low else (1.0,), numticks=12))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _round_number(value: float, *, up: bool) -> float:
    """The nearest 1, 2 or 5 times a power of ten on one side of a positive value, or itself."""
    power = 10.0 ** math.floor(math.log10(value))
    steps = [step * power for step in (1.0, 2.0, 5.0, 10.0)]
    close = 1e-9 * value
    return (
        next(step for step in steps if step >= value - close)
        if up
        else max(step for step in steps if step <= value + close)
    )


def _unit(name: str) -> str:
    """Unit at the end of a figure's name; empty if none is known, and the figure shares its axis with no other."""
    return _UNITS.get(name.rpartition("_")[2], "")


def _label(name: str) -> str:
    unit = _unit(name)
    return name.removesuffix(f"_{unit}").replace("_", " ")
