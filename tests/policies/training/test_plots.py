import pytest

from hlm.policies.training.plots import _panels, loss_plot

NAN = float("nan")
HISTORY = {
    "step": [20.0, 40.0],
    "loss": [1.0, 0.5],
    "loss/a": [1.5, NAN],
    "loss/b": [0.5, 0.4],
    "auxiliary": [0.1, 0.2],
    "unknown": [NAN, NAN],
    "validation_step": [40.0],
    "validation_loss": [0.6],
    "validation_auxiliary": [0.3],
    "validation_chunk_square_3": [0.2],
    "validation_error_3/left_arm": [0.1],
}


@pytest.mark.parametrize("history", [HISTORY, {}, {"step": [20.0], "loss": [1.0]}, {"step": [1.0], "loss": [NAN]}])
def test_any_history_can_be_drawn(history):
    assert loss_plot(history).startswith(b"\x89PNG")


def test_curves_are_sorted_into_panels():
    panels = {title: [name for name, _ in curves] for title, curves in _panels(HISTORY)}
    assert panels["loss"] == ["loss", "validation_loss"]
    assert panels["loss per dataset"] == ["loss/a", "loss/b"]
    assert panels["other terms"] == ["auxiliary", "validation_auxiliary"]
    assert panels["squared error of validation chunks, by Euler steps"] == ["validation_chunk_square_3"]


def test_one_dataset_is_the_whole_loss():
    panels = dict(_panels({"step": [1.0], "loss": [1.0], "loss/a": [1.0]}))
    assert panels["loss per dataset"] == []
