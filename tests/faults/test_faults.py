"""Every fault of the catalog: the robot stands or is braked in time, says why in one line, and keeps its episode.

`scripts/fault_table.py` drives them too, and writes the table of docs/faults.md.
"""

import os

import pytest
from faults.catalog import REAL_TIME, SIMULATED, STREAMED
from faults.table import drive, rows_of_page

# The fastest and the most different: a picture, a chunk and a measurement that are wrong.
QUICK = ("robot mute", "policy lies: huge")


def must_be_safe(name, folder):
    driven = drive(name, folder)
    assert not driven.complaints, driven.row


@pytest.mark.parametrize("name", [*QUICK, *STREAMED])
def test_the_robot_is_safe(name, tmp_path):
    must_be_safe(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SIMULATED if name not in QUICK])
def test_the_robot_is_safe_whatever_fails(name, tmp_path):
    must_be_safe(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL_TIME)
def test_the_robot_is_safe_in_real_time(name, tmp_path):
    if name == "disk full" and os.geteuid():
        pytest.skip("only root may make a file system")
    must_be_safe(name, tmp_path)


def test_the_docs_have_the_rows_that_are_driven():
    rows = rows_of_page()
    catalog = SIMULATED | STREAMED | REAL_TIME
    assert list(rows) == list(catalog)
    for name, row in rows.items():
        assert row.injected == catalog[name].injected
        assert catalog[name].says in row.why
