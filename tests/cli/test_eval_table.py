"""Several schedulers and delays: a folder of evaluations, one table."""

import json
from shutil import copytree

import pytest
from fake_rollouts import scored, stopping

from hlm.cli.main import main
from hlm.evaluation.delay_table import FIGURES_FILE, TABLE_FILE
from hlm.evaluation.results import Scheduling, load_result

NAMES = ["synchronous_0ms", "asynchronous_0ms", "synchronous_200ms", "asynchronous_200ms"]
CHOICE = ["--scheduler", "synchronous,asynchronous", "--delay-ms", "0,200"]


@pytest.fixture
def words(folder, checkpoint):
    copytree(checkpoint, folder / "policy")
    return ["eval", "policy", "--rollouts", "3", "--seed", "8", "--workers", "1"]


def cells(folder):
    return sorted(entry.name for entry in (folder / "out").iterdir() if entry.is_dir())


def test_every_pair_is_an_evaluation_and_the_table_shows_them_all(folder, rollouts, words, capsys):
    asked = rollouts(scored)
    assert main([*words, *CHOICE, "--out", "out", "--json", "table.json"]) == 0
    assert asked == [8, 9, 10] * 4
    assert cells(folder) == sorted(NAMES)
    text = capsys.readouterr().out
    assert text.count("2 of 3 = 66.7%") == 4
    figures = json.loads((folder / "table.json").read_text())
    assert figures == json.loads((folder / "out" / FIGURES_FILE).read_text())
    found = [(cell["scheduler"], cell["delay_ms"], cell["successes"], cell["lost_points"]) for cell in figures["cells"]]
    assert found == [
        ("synchronous", 0.0, 2, 0.0),
        ("synchronous", 200.0, 2, 0.0),
        ("asynchronous", 0.0, 2, 0.0),
        ("asynchronous", 200.0, 2, 0.0),
    ]
    assert load_result(folder / "out" / NAMES[3]).scheduling == Scheduling(scheduler="asynchronous", delay_ms=200.0)
    page = (folder / "out" / "report.html").read_text()
    assert "data:image/png" in page
    assert "asynchronous" in page
    assert text.endswith("report: out/report.html\n")


def test_a_table_that_was_stopped_goes_on_where_it_was(folder, rollouts, words, capsys):
    count = 0

    def stop_at_sixth(seed):
        nonlocal count
        count += 1
        if count == 6:
            raise KeyboardInterrupt
        return scored(seed)

    rollouts(stop_at_sixth)
    assert main([*words, *CHOICE, "--out", "out"]) == 130
    captured = capsys.readouterr()
    assert captured.err.endswith("go on with `hlm eval --resume out`\n")
    assert "2 of 3" in captured.out
    asked = rollouts(scored)
    assert main([*words, *CHOICE, "--out", "out"]) == 2
    assert "out holds a table: go on with `hlm eval --resume out`, or name another --out." in capsys.readouterr().err
    asked.clear()
    assert main(["eval", "--resume", "out"]) == 0
    assert asked == [10, *[8, 9, 10] * 2]
    assert len(json.loads((folder / "out" / FIGURES_FILE).read_text())["cells"]) == 4
    asked.clear()
    assert main(["eval", "--resume", "out"]) == 0
    assert asked == []


def test_a_table_of_nothing_leaves_nothing(folder, rollouts, words):
    rollouts(stopping(8, KeyboardInterrupt()))
    assert main([*words, *CHOICE, "--out", "out"]) == 130
    assert not (folder / "out").exists()


def test_a_cell_that_finds_nothing_is_begun_again(folder, rollouts, words):
    count = 0

    def stop_at_fourth(seed):
        nonlocal count
        count += 1
        if count == 4:
            raise KeyboardInterrupt
        return scored(seed)

    rollouts(stop_at_fourth)
    assert main([*words, *CHOICE, "--out", "out"]) == 130
    assert cells(folder) == NAMES[:1]
    asked = rollouts(scored)
    asked.clear()
    assert main(["eval", "--resume", "out"]) == 0
    assert asked == [8, 9, 10] * 3


def test_one_pair_is_an_ordinary_evaluation_that_says_how(folder, rollouts, words, capsys):
    assert main([*words, "--delay-ms", "150", "--out", "out"]) == 0
    assert not (folder / "out" / TABLE_FILE).exists()
    assert load_result(folder / "out").scheduling == Scheduling(scheduler="synchronous", delay_ms=150.0)
    assert "synchronous; answers take 150 ms" in (folder / "out" / "report.html").read_text()
    assert json.loads((folder / "out" / "evaluation.json").read_text())["scheduling"] == {
        "scheduler": "synchronous",
        "delay_ms": 150.0,
    }


def test_who_asks_for_nothing_new_gets_nothing_new(folder, rollouts, words):
    assert main([*words, "--out", "out"]) == 0
    for path in (folder / "out").iterdir():
        assert b"schedul" not in path.read_bytes().replace(b"schedule", b"") or path.name == "report.html"
    assert b'"chunks"' not in (folder / "out" / "rollouts.jsonl").read_bytes()
    assert b"scheduling" not in (folder / "out" / "evaluation.json").read_bytes()
    assert b"scheduling" not in (folder / "out" / "results.json").read_bytes()


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        (["--scheduler", "async"], "no scheduler 'async'. Known: asynchronous, ensemble, synchronous."),
        (["--scheduler", "synchronous,synchronous"], "--scheduler takes values separated by commas, each once"),
        (["--delay-ms", "0,"], "--delay-ms takes values separated by commas, each once, got '0,'."),
        (["--delay-ms", "fast"], "--delay-ms takes milliseconds, such as 0,100,200, got 'fast'."),
        (["--delay-ms", "nan"], "a delay must be 0 to 10000 ms, got nan."),
        (["--delay-ms", "-1"], "a delay must be 0 to 10000 ms, got -1."),
        (["--delay-ms", "10001"], "a delay must be 0 to 10000 ms, got 10001."),
        (["--delay-ms", "100,1e2"], "--delay-ms names a delay twice: 100,1e2."),
    ],
)
def test_schedulings_that_cannot_be_are_one_line(refused, choice, text):
    assert text in refused("eval", "runs/policy", *choice)


@pytest.mark.parametrize("option", [["--delay-ms", "100"], ["--scheduler", "ensemble"]])
def test_the_scripted_operator_has_no_chunks(refused, option):
    assert f"{option[0]} does nothing with --source scripted" in refused("eval", "--source", "scripted", *option)
