from dataclasses import replace

import numpy as np
import pytest
import torch

from hlm.core.layout import GROUPS, RIGHT_ARM
from hlm.policies.training.card import describe
from hlm.policies.training.validation import Validation, chunk_errors

CPU = torch.device("cpu")


@pytest.fixture
def run(prepared):
    return prepared()


@pytest.fixture
def chunks(run):
    """[row, time, dimension] smooth normalised chunks."""
    rng = np.random.default_rng(0)
    time = np.linspace(0.0, 1.0, 16)[:, None]
    start, turn = rng.uniform(-1.0, 1.0, (2, 5, 1, 34))
    return (np.sin(3.0 * time + start) + turn * time**2).astype(np.float32) * run.encoding.action_active


def test_figures_are_the_same_every_time(run):
    network = run.state.bare.eval()
    first, second = (run.held_out.score(network, [1, 3], CPU, 7) for _ in range(2))
    assert first == second
    assert first.step == 7
    assert [errors.euler_steps for errors in first.chunks] == [1, 3]
    assert {"loss", "auxiliary", "data_error", "asked_error_cm", "other_error_cm"} == first.terms.keys()


def test_scoring_changes_nothing(run):
    network = run.state.bare.eval()
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    state = torch.get_rng_state()
    run.held_out.score(network, [2], CPU, 0)
    assert all(torch.equal(weight, before[name]) for name, weight in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


def test_demonstrations_have_no_error_and_their_own_jerk(run, chunks):
    errors = chunk_errors(chunks, chunks, run.encoding, 3)
    assert errors.square == 0.0
    assert errors.jerk == 1.0
    assert errors.absolute == dict.fromkeys(GROUPS, 0.0)


@pytest.mark.parametrize("dials", [{}, {"order": "humanoid"}, {"actions": "relative"}])
def test_errors_are_told_by_body_part_in_radians(prepared, chunks, dials):
    encoding = prepared(**dials).encoding
    origin = np.zeros((len(chunks), 34), np.float32)
    played = encoding.undo_chunk(chunks, origin)
    off = played.copy()
    off[..., RIGHT_ARM.start] += 0.1
    errors = chunk_errors(encoding.chunk(off, origin), chunks * encoding.action_active, encoding, 3)
    # One of seven joints is off.
    assert errors.absolute["right arm"] == pytest.approx(0.1 / 7, rel=1e-3)
    assert all(error < 1e-5 for part, error in errors.absolute.items() if part != "right arm")


def test_short_and_still_chunks_have_no_jerk_to_compare(run, chunks):
    for still in (chunks[:, :3], np.zeros_like(chunks)):
        errors = chunk_errors(still, still, run.encoding, 1)
        assert errors.square == 0.0
        assert np.isnan(errors.jerk)


def test_shaking_shows_as_jerk(run, chunks):
    shaking = chunks + 0.05 * (-1.0) ** np.arange(16)[:, None]
    assert chunk_errors(shaking.astype(np.float32), chunks, run.encoding, 3).jerk > 5.0


def test_what_is_asked_of_a_perfect_network_is_right(run, monkeypatch):
    """A network that answers as was demonstrated has no error, whatever the rows."""
    network = run.state.bare.eval()
    answers = iter([raw.actions for raw in run.held_out._batches])
    monkeypatch.setattr(network, "sample", lambda inputs, noise, steps: next(answers))
    validation = run.held_out.score(network, [3], CPU, 0)
    assert validation.chunks[0].square == 0.0
    assert replace(validation.chunks[0], jerk=1.0) == validation.chunks[0]


def test_samples_are_spread_over_what_is_held_out(run):
    numbers = torch.cat([raw.numbers for raw in run.held_out._batches])
    assert numbers.tolist() == list(range(48))


@pytest.mark.filterwarnings("error")
def test_where_nothing_moves_there_is_nothing_to_compare(run, chunks, monkeypatch):
    monkeypatch.setattr(type(run.encoding), "action_active", np.zeros(34, bool))
    errors = chunk_errors(chunks, chunks, run.encoding, 3)
    assert np.isnan(errors.square) and np.isnan(errors.jerk)
    told = Validation(step=1, terms={"loss": 0.5, "still": 0.0}, chunks=(errors,))
    assert describe(told) == "validation: loss 0.5000; still 0"
