import math
import warnings

import pytest

from hlm.policies.training.plots import axis_limits, loss_plot, panels

NAN = float("nan")
HISTORY = {
    "step": [20.0, 40.0],
    "loss": [1.0, 0.5],
    "loss/a": [1.5, NAN],
    "loss/b": [0.5, 0.4],
    "auxiliary": [0.1, 0.2],
    "data_error": [0.1, 0.2],
    "asked_error_cm": [3.0, 2.0],
    "other_error_cm": [12.0, 2.0],
    "slip_m": [0.1, 0.2],
    "unknown": [NAN, NAN],
    "validation_step": [40.0],
    "validation_loss": [0.6],
    "validation_auxiliary": [0.3],
    "validation_asked_error_cm": [0.3],
    "validation_chunk_square_3": [0.2],
    "validation_error_3/left_arm": [0.1],
}


@pytest.mark.parametrize(
    "history",
    [
        HISTORY,
        {},
        {"step": [20.0], "loss": [1.0]},
        {"step": [1.0], "loss": [NAN]},
        {"step": [1.0, 2.0], "loss": [0.0, 0.0]},
        {"step": [1.0, 2.0], "loss": [1e-12, 3e5], "kl": [math.inf, 0.0]},
    ],
)
def test_any_history_can_be_drawn_without_a_warning(history):
    with warnings.catch_warnings(action="error"):
        assert loss_plot(history).startswith(b"\x89PNG")


def test_figures_of_two_units_never_share_an_axis():
    shown = panels(HISTORY)
    units = [
        {"cm" if name.endswith("_cm") else "m" if name.endswith("_m") else "" for name, _ in panel.curves}
        for panel in shown
    ]
    assert all(unit == {panel.unit} for unit, panel in zip(units, shown, strict=True))
    assert [panel.unit for panel in shown].count("cm") == 1
    # Of a unit that the name does not say, nothing else may be on the axis but the same figure in validation.
    together = [{name.removeprefix("validation_") for name, _ in panel.curves} for panel in shown if not panel.unit]
    assert {"auxiliary"} in together
    assert {"data_error"} in together


def test_everything_that_counted_is_shown_once():
    names = [name for panel in panels(HISTORY) for name, _ in panel.curves]
    assert len(set(names)) == len(names)
    assert set(HISTORY) - set(names) == {"step", "validation_step", "unknown", "validation_error_3/left_arm"}


def test_one_dataset_is_the_whole_loss():
    (panel,) = panels({"step": [1.0], "loss": [1.0], "loss/a": [1.0]})
    assert [name for name, _ in panel.curves] == ["loss"]


@pytest.mark.parametrize("values", [[0.6, 0.7], [1.0], [0.05, 0.3], [3.0, 1e4], [2.0, 5.0], [7e-9, NAN, 9e-9]])
def test_an_axis_begins_and_ends_with_numbers_that_it_labels(values):
    low, high = axis_limits(values)
    finite = [value for value in values if math.isfinite(value)]
    assert low < high
    assert low <= min(finite) * 1.000001
    assert high >= max(finite) * 0.999999
    for limit in (low, high):
        assert limit / 10.0 ** math.floor(math.log10(limit) + 1e-9) == pytest.approx(1.0) or round(
            limit / 10.0 ** math.floor(math.log10(limit) + 1e-9), 6
        ) in (2.0, 5.0)
