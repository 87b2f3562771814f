import json
from dataclasses import replace
from functools import partial

import pytest
from fake_rollouts import rollout as fake_rollout

from hlm.core.errors import CorruptError, MissingFileError
from hlm.evaluation.chunk_figures import ChunkFigures
from hlm.evaluation.chunk_summary import chunk_summary
from hlm.evaluation.delay_page import COLUMNS, rows, write_delay_page
from hlm.evaluation.delay_plot import delay_plot
from hlm.evaluation.delay_table import (
    TABLE_FILE,
    TablePlan,
    cell_name,
    lost_points,
    ordered,
    read_table,
    table_bytes,
    table_figures,
)
from hlm.evaluation.plan import Plan
from hlm.evaluation.results import EvalResult, Scheduling

FIGURES = ChunkFigures(
    asked=9,
    joined=8,
    late=1,
    refused=0,
    failed=0,
    rests=2,
    rest_steps=30,
    seam_jerk_rad_s3=30.0,
    other_jerk_rad_s3=None,
)
PLAN = Plan(task="shelf", policy="runs/policy", kind="checkpoint", first_seed=7, rollouts=4)
TABLE = TablePlan(
    plan=PLAN,
    schedulings=(Scheduling(scheduler="asynchronous", delay_ms=200.0), Scheduling(scheduler="ensemble", delay_ms=0.5)),
)


def cell(scheduler, delay_ms, successes, rollouts=4, chunks=FIGURES):
    done = tuple(fake_rollout(seed, 3 if seed < successes else 1, chunks=chunks) for seed in range(rollouts))
    scheduling = Scheduling(scheduler=scheduler, delay_ms=delay_ms)
    return EvalResult(task="shelf", policy="runs/policy", first_seed=0, rollouts=done, scheduling=scheduling)


CELLS = [
    cell("synchronous", 200.0, 1),
    cell("asynchronous", 200.0, 3),
    cell("synchronous", 0.0, 4),
    cell("ensemble", 500.0, 0),
]


def test_a_plan_is_read_back_as_it_was_written(tmp_path):
    (tmp_path / TABLE_FILE).write_bytes(table_bytes(TABLE))
    assert read_table(tmp_path) == TABLE


@pytest.mark.parametrize(
    ("change", "text"),
    [({"schema": 9}, "has schema 9, this hlm reads 1"), ({"schedulings": 3}, "is damaged: table.json.schedulings")],
)
def test_a_plan_that_cannot_be_read_says_so(tmp_path, change, text):
    document = json.loads(table_bytes(TABLE)) | change
    (tmp_path / TABLE_FILE).write_text(json.dumps(document))
    with pytest.raises(CorruptError, match=text):
        read_table(tmp_path)


def test_a_folder_without_a_table(tmp_path):
    with pytest.raises(MissingFileError, match=r"there is no table\.json"):
        read_table(tmp_path)


def test_a_cell_is_the_common_plan_with_its_own_scheduling():
    assert [replace(TABLE.cell(one), scheduling=None) for one in TABLE.schedulings] == [PLAN, PLAN]
    assert [cell_name(one) for one in TABLE.schedulings] == ["asynchronous_200ms", "ensemble_0.5ms"]


def test_cells_stand_in_order_whenever_they_were_run():
    found = [cell_name(one.scheduling) for one in ordered(CELLS)]
    assert found == ["synchronous_0ms", "synchronous_200ms", "asynchronous_200ms", "ensemble_500ms"]


def test_what_a_delay_costs_is_told_where_it_is_known():
    assert [lost_points(one, CELLS) for one in CELLS] == [75.0, None, 0.0, None]


def test_figures_are_those_of_the_cells():
    figures = table_figures(CELLS)
    assert [one["successes"] for one in figures["cells"]] == [4, 1, 3, 0]
    first = figures["cells"][0]
    assert (first["seam_jerk_rad_s3"], first["other_jerk_rad_s3"], first["rest_s"]) == (30.0, None, 1.0)
    json.dumps(figures)


def test_a_row_for_each_cell_and_a_text_for_each_column():
    texts = rows(CELLS)
    assert [row[:3] for row in texts][:2] == [("synchronous", "0", "4 of 4"), ("synchronous", "200", "1 of 4")]
    assert {len(row) for row in texts} == {len(COLUMNS)}


def test_the_page_shows_table_plot_and_words(tmp_path):
    page = write_delay_page(tmp_path, CELLS, "hlm eval runs/policy").read_text(encoding="utf-8")
    assert page.count("<tr>") > len(CELLS)
    for text in ("data:image/png", "word-jerk-at-seams", "hlm eval runs/policy", ">asynchronous<"):
        assert text in page


def test_the_plot_is_a_picture_of_any_cells():
    for some in (CELLS, CELLS[:1], [cell("ensemble", 0.0, 2, chunks=None)]):
        assert delay_plot(table_figures(some)).startswith(b"\x89PNG")


def test_the_plot_tells_cells_that_are_not_whole_and_jerks_of_zero_from_none():
    plots = [delay_plot(table_figures([one])) for one in (CELLS[0], CELLS[0], replace(CELLS[0], planned=50))]
    assert plots[0] == plots[1] != plots[2]
    still, unknown = (replace(FIGURES, seam_jerk_rad_s3=jerk) for jerk in (0.0, None))
    drawn = [delay_plot(table_figures([cell("ensemble", 0.0, 2, chunks=chunks)])) for chunks in (still, unknown)]
    assert drawn[0] != drawn[1]


def test_figures_per_rollout_are_means_and_roots_of_mean_squares():
    other = partial(replace, FIGURES)
    chunks = [FIGURES, other(joined=4, seam_jerk_rad_s3=40.0), other(seam_jerk_rad_s3=None, other_jerk_rad_s3=3.0)]
    done = tuple(fake_rollout(seed, 3, chunks=one) for seed, one in enumerate(chunks))
    summary = chunk_summary(EvalResult(task="shelf", policy="p", first_seed=0, rollouts=done))
    assert summary.joined == pytest.approx(20 / 3)
    assert summary.seam_jerk_rad_s3 == pytest.approx((2500 / 2) ** 0.5)
    assert summary.other_jerk_rad_s3 == pytest.approx(3.0)


def test_without_chunks_there_is_no_summary():
    done = (fake_rollout(1, 3),)
    assert chunk_summary(EvalResult(task="shelf", policy="p", first_seed=1, rollouts=done)) is None


def test_results_with_chunks_are_read_back():
    found = CELLS[0]
    assert EvalResult.from_json(found.to_json()) == found
