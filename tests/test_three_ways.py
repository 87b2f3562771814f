"""The study of three ways, with programs of a line in the place of `hlm`."""

import importlib
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Writes what stands behind --json, or ends with a code; notes that it ran.
PROGRAM = """
import json, pathlib, sys
words = sys.argv[1:]
pathlib.Path("ran").open("a").write(words[0] + "\\n")
if {code}:
    sys.stderr.write("hlm: no such task\\n")
    sys.exit({code})
row = dict(seed=int(words[words.index("--seed") + 1]), success=True)
path = pathlib.Path(words[words.index("--json") + 1])
path.write_text(json.dumps(dict(results=[row]) if words[0] == "eval" else row))
"""


@pytest.fixture
def study(monkeypatch, tmp_path):
    """Runs the study with a program that ends with a code; returns its rows by way."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts" / "studies"))
    monkeypatch.chdir(tmp_path)
    three_ways = importlib.import_module("three_ways")

    def run(code=0):
        monkeypatch.setattr(three_ways, "HLM", (sys.executable, "-c", PROGRAM.format(code=code)))
        words = ["policy", "--rollouts", "2", "--ways", "eval", "mujoco", "--out", "out"]
        assert three_ways.main(words) == 0
        return [json.loads(path.read_text()) for path in sorted(Path("out").glob("*/1*.json"))]

    return run


def ran():
    return Path("ran").read_text().split()


def test_each_seed_runs_once_each_way_however_often_it_is_asked(study):
    rows = study()
    assert [(row["seed"], row["success"]) for row in rows] == [(100000, True), (100001, True)] * 2
    assert study() == rows
    assert ran() == ["eval", "eval", "deploy", "deploy"]


def test_a_program_that_breaks_is_a_failure_that_says_so(study):
    faults = [row["fault"] for row in study(code=1)]
    assert faults == ["no result: hlm eval ended with 1"] * 2 + ["no result: hlm deploy ended with 1"] * 2


def test_a_program_that_refuses_to_begin_is_no_failure(study):
    with pytest.raises(SystemExit, match="hlm: no such task"):
        study(code=2)
    assert ran() == ["eval"]
    assert len(study()) == 4


def test_what_an_interrupted_evaluation_left_is_not_in_the_way(study):
    Path("out/eval/100000").mkdir(parents=True)
    assert len(study()) == 4
    assert not Path("out/eval/100000").exists()
