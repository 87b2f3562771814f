import math

import pytest
import torch
from fakes_policies import weighted_mean

from hlm.policies.network import Term
from hlm.policies.training.tally import Tally


def draw(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def same(sums):
    return sums


def test_figures_are_weighted_means_over_all_batches():
    values, weights, parts = draw(30), draw(30, seed=1), torch.arange(30) % 3
    pairs, pair_weights = draw(12, seed=2), draw(12, seed=3)
    tally = Tally(("a", "b", "c"))
    for start in (0, 10, 20):
        rows = slice(start, start + 10)
        terms = {
            "loss": Term(values[rows], weights[rows]),
            "pairs": Term(pairs[start // 10 :: 3], pair_weights[start // 10 :: 3], 0.0),
        }
        tally.add(terms, parts[rows])
    figures = tally.take(same)
    assert figures["loss"] == pytest.approx(float((values * weights).sum() / weights.sum()))
    assert figures["pairs"] == pytest.approx(float((pairs * pair_weights).sum() / pair_weights.sum()))
    for part, name in enumerate("abc"):
        here = parts == part
        assert figures[f"loss/{name}"] == pytest.approx(float(weighted_mean(Term(values[here], weights[here]))))


def test_taking_starts_anew():
    tally = Tally(())
    tally.add({"loss": Term(torch.ones(2), torch.ones(2))}, torch.zeros(2))
    assert tally.take(same) == {"loss": 1.0}
    tally.add({"loss": Term(torch.full((2,), 3.0), torch.ones(2))}, torch.zeros(2))
    assert tally.take(same) == {"loss": 3.0}


def test_what_nothing_counted_for_is_nan():
    tally = Tally(("here", "not here"))
    tally.add({"loss": Term(torch.ones(2), torch.ones(2)), "none": Term(torch.ones(0), torch.ones(0))}, torch.zeros(2))
    figures = tally.take(same)
    assert figures["loss/here"] == 1.0
    assert math.isnan(figures["loss/not here"])
    assert math.isnan(figures["none"])


def test_processes_are_added_up():
    tally = Tally(("a",))
    tally.add({"loss": Term(torch.tensor([1.0]), torch.tensor([2.0]))}, torch.zeros(1))
    # Another process counted a loss of 4 with a weight of 1.
    assert tally.take(lambda sums: sums + torch.tensor([4.0, 1.0])) == pytest.approx({"loss": 2.0, "loss/a": 2.0})
