"""Evaluations that end early keep what they have, say how to go on, and end as if nothing had happened."""

import errno
import json
import os
import signal
from dataclasses import replace
from shutil import rmtree

import pytest
from fake_rollouts import WORDS, scored, stopping

from hlm.cli.main import main
from hlm.core.errors import LostError, StorageError
from hlm.core.files import NEW
from hlm.evaluation import journal
from hlm.evaluation.results import load_result


def signalled(seed, number):
    def run(now):
        if now == seed:
            os.kill(os.getpid(), number)
        return scored(now)

    return run


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


@pytest.fixture
def whole(folder, rollouts, capsys):
    """The results of the evaluation when nothing ends it."""
    assert main([*WORDS, "--out", "whole"]) == 0
    capsys.readouterr()
    return (folder / "whole" / "results.json").read_bytes()


ENDS = {
    "ctrl+c": (stopping(10, KeyboardInterrupt()), 130, "interrupted"),
    "sigterm": (signalled(10, signal.SIGTERM), 143, "stopped by SIGTERM"),
    "sighup": (signalled(10, signal.SIGHUP), 129, "stopped by SIGHUP"),
    "server": (stopping(10, LostError("the server\nis gone.")), 2, "the server is gone"),
    "memory": (stopping(10, MemoryError()), 2, "the memory is full; try fewer --workers"),
    "disk": (stopping(10, OSError(errno.ENOSPC, "No space left")), 2, "no space left"),
}


@pytest.mark.parametrize("end", ENDS)
def test_what_was_done_is_printed_kept_marked_and_resumed(folder, rollouts, whole, capsys, end):
    run, code, reason = ENDS[end]
    rollouts(run)
    assert main([*WORDS, "--out", "out"]) == code
    text = capsys.readouterr()
    assert text.err == f"hlm: {reason}; 2 of 5 rollouts are kept; go on with `hlm eval --resume out`\n"
    assert "1 of 2 = 50%" in text.out
    assert "2 of 5 rollouts" in text.out
    part = load_result(folder / "out")
    assert (part.partial, part.planned, part.stopped, len(part.rollouts)) == (True, 5, reason, 2)
    assert names(folder / "out") == ["evaluation.json", "report.html", "results.json", "rollouts.jsonl"]

    asked = rollouts(scored)
    asked.clear()
    assert main(["eval", "--resume", "out"]) == 0
    assert asked == [10, 11, 12]
    assert (folder / "out" / "results.json").read_bytes() == whole
    assert capsys.readouterr().err == ""


def test_after_an_error_in_the_program_the_figures_come_before_the_traceback(folder, rollouts, capsys, whole):
    rollouts(stopping(10, TypeError("a bug")))
    with pytest.raises(TypeError, match="a bug"):
        main([*WORDS, "--out", "out"])
    text = capsys.readouterr()
    assert "2 of 5 rollouts" in text.out
    assert text.err == "hlm: TypeError: a bug; 2 of 5 rollouts are kept; go on with `hlm eval --resume out`\n"
    rollouts(scored)
    assert main(["eval", "--resume", "out"]) == 0
    assert (folder / "out" / "results.json").read_bytes() == whole


def test_an_error_in_the_program_before_the_first_result_leaves_nothing(folder, rollouts):
    rollouts(stopping(8, TypeError("a bug")))
    with pytest.raises(TypeError, match="a bug"):
        main([*WORDS, "--out", "out"])
    assert list(folder.iterdir()) == []


def test_a_signal_that_is_ignored_stays_so(folder, rollouts, monkeypatch):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        rollouts(signalled(10, signal.SIGHUP))
        assert main([*WORDS, "--out", "out"]) == 0
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_sigterm_before_the_first_result_leaves_nothing(folder, rollouts, capsys):
    rollouts(signalled(8, signal.SIGTERM))
    assert main([*WORDS, "--out", "out"]) == 143
    assert capsys.readouterr().err == "hlm: stopped by SIGTERM\n"
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (KeyboardInterrupt(), 130, "hlm: interrupted\n"),
        (LostError("the server is gone."), 2, "hlm: the server is gone.\n"),
        (OSError(errno.ENOSPC, "No space left"), 2, "hlm: No space left\n"),
    ],
)
def test_an_evaluation_that_ends_before_its_first_result_leaves_nothing(folder, rollouts, capsys, error, code, text):
    rollouts(stopping(8, error))
    assert main([*WORDS, "--out", "out"]) == code
    assert capsys.readouterr().err == text
    assert list(folder.iterdir()) == []


def test_a_rollout_that_breaks_is_counted_and_the_others_go_on(folder, rollouts, capsys):
    rollouts(lambda seed: scored(seed, fault="the chunk is not finite" if seed == 10 else ""))
    assert main([*WORDS, "--out", "out"]) == 0
    result = load_result(folder / "out")
    assert (result.successes, len(result.rollouts), result.fault_rate) == (2, 5, 0.2)
    assert "20%, mostly because the chunk is not finite (seed 10)" in capsys.readouterr().out


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_when_no_rollout_begins_it_is_an_error_and_no_score(refused, rollouts, count):
    asked = rollouts(lambda seed: scored(seed, fault="the images have another size.", steps=0))
    line = refused(*WORDS, "--rollouts", str(count), "--out", "out")
    assert line == "hlm: no rollout came as far as its first step: the images have another size."
    assert len(asked) == min(count, 3)


def test_one_that_begins_makes_the_others_failures(folder, rollouts):
    rollouts(lambda seed: scored(seed) if seed == 10 else scored(seed, fault="no chunk", steps=0))
    assert main([*WORDS, "--out", "out"]) == 0
    assert load_result(folder / "out").fault_rate == 0.8


def test_half_a_line_and_half_a_film_of_a_killed_process_are_nothing(folder, rollouts, whole):
    rollouts(stopping(11, KeyboardInterrupt()))
    main([*WORDS, "--out", "out"])
    path = folder / "out" / journal.JOURNAL_FILE
    path.write_bytes(path.read_bytes()[:-20])
    (folder / "out" / f"seed_11.mp4{NEW}").touch()
    asked = rollouts(scored)
    asked.clear()
    assert main(["eval", "--resume", "out"]) == 0
    assert asked == [10, 11, 12]
    assert (folder / "out" / "results.json").read_bytes() == whole
    assert not (folder / "out" / f"seed_11.mp4{NEW}").exists()


def test_a_finished_evaluation_is_only_reported_again(folder, rollouts, whole):
    asked = rollouts(scored)
    asked.clear()
    (folder / "whole" / "report.html").unlink()
    assert main(["eval", "--resume", "whole"]) == 0
    assert asked == []
    assert (folder / "whole" / "results.json").read_bytes() == whole
    assert (folder / "whole" / "report.html").is_file()


def test_a_film_that_was_deleted_costs_itself_alone(folder, rollouts):
    def run(seed):
        (folder / "out" / f"seed_{seed}.mp4").touch()
        return replace(scored(seed), video=f"seed_{seed}.mp4")

    rollouts(run)
    assert main([*WORDS, "--out", "out"]) == 0
    (folder / "out" / "seed_9.mp4").unlink()
    assert main(["eval", "--resume", "out"]) == 0
    assert [one.video is None for one in load_result(folder / "out").rollouts] == [False, True, False, False, False]


def test_what_was_begun_can_still_be_resumed_when_resuming_brings_nothing(folder, rollouts, capsys, whole):
    rollouts(stopping(10, KeyboardInterrupt()))
    main([*WORDS, "--out", "out"])
    (folder / "out" / journal.JOURNAL_FILE).unlink()  # as if it had been killed before the first result
    capsys.readouterr()
    rollouts(stopping(8, LostError("the server is gone.")))
    assert main(["eval", "--resume", "out"]) == 2
    assert capsys.readouterr().err == "hlm: the server is gone.\n"
    rollouts(scored)
    assert main(["eval", "--resume", "out"]) == 0
    assert (folder / "out" / "results.json").read_bytes() == whole


def test_what_was_deleted_meanwhile_is_not_said_to_go_on(folder, rollouts, capsys):
    def run(seed):
        if seed == 10:
            rmtree(folder / "out")
        return scored(seed)

    rollouts(run)
    assert main([*WORDS, "--out", "out"]) == 2
    text = capsys.readouterr()
    assert "2 of 3" in text.out
    assert "moved or deleted meanwhile; 0 of 5 rollouts are kept" in text.err
    assert "--resume" not in text.err


def test_the_second_file_is_written_too(folder, rollouts, monkeypatch):
    rollouts(stopping(10, KeyboardInterrupt()))
    main([*WORDS, "--out", "out", "--json", "more/copy.json"])
    assert json.loads((folder / "more" / "copy.json").read_text())["partial"]
    rollouts(scored)
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    assert main(["eval", "--resume", "../out"]) == 0
    assert (folder / "more" / "copy.json").read_bytes() == (folder / "out" / "results.json").read_bytes()


def fail_once(monkeypatch, target, error):
    def fail(*_):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(target, fail)
        return main([*WORDS, "--out", "out", "--json", "copy.json"])


@pytest.mark.parametrize("error", [StorageError("the disk is full."), OSError(errno.ENOSPC, "Full")])
def test_without_a_page_the_figures_are_there(folder, rollouts, monkeypatch, capsys, whole, error):
    assert fail_once(monkeypatch, "hlm.evaluation.report.write_evaluation", error) == 2
    text = capsys.readouterr()
    assert "3 of 5 = 60%" in text.out
    assert text.err.startswith("hlm: no page: ")
    assert text.err.endswith("; go on with `hlm eval --resume out`\n")
    assert text.err.count("\n") == 1
    for path in (folder / "out" / "results.json", folder / "copy.json"):
        assert path.read_bytes() == whole
    assert main(["eval", "--resume", "out"]) == 0
    assert (folder / "out" / "report.html").is_file()


def test_a_second_interrupt_costs_the_page_alone(folder, rollouts, monkeypatch, capsys):
    rollouts(stopping(10, KeyboardInterrupt()))
    assert fail_once(monkeypatch, "hlm.evaluation.report.write_evaluation", KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == (
        "hlm: interrupted; 2 of 5 rollouts are kept; no page: interrupted; go on with `hlm eval --resume out`\n"
    )
    assert load_result(folder / "out").partial


def test_an_interrupt_while_the_page_is_written_is_one(folder, rollouts, monkeypatch, capsys):
    assert fail_once(monkeypatch, "hlm.evaluation.report.write_evaluation", KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "hlm: no page: interrupted; go on with `hlm eval --resume out`\n"


def test_when_nothing_can_be_written_at_the_end_the_figures_are_printed(folder, rollouts, monkeypatch, capsys, whole):
    monkeypatch.setattr("hlm.evaluation.results.write_result", lambda *_: (_ for _ in ()).throw(OSError(28, "Full")))
    assert fail_once(monkeypatch, "hlm.evaluation.report.write_evaluation", StorageError("full too.")) == 2
    text = capsys.readouterr()
    assert "3 of 5 = 60%" in text.out
    assert text.err == "hlm: the figures are not kept: full; no page: full too; go on with `hlm eval --resume out`\n"


def test_a_disk_that_fills_up_ends_it_and_what_fits_is_kept(folder, rollouts, monkeypatch, capsys, whole):
    append, closed = journal.append, []

    def in_order(open_rollouts, seeds, workers):
        try:
            with open_rollouts() as run:
                yield from map(run, seeds)
        finally:
            closed.append(not (folder / "out" / "results.json").exists())

    monkeypatch.setattr("hlm.evaluation.workers.in_parallel", in_order)

    def full(where, result):
        if result.seed == 10:
            assert closed == []
            raise StorageError("could not write to out/rollouts.jsonl: no space left.")
        append(where, result)

    monkeypatch.setattr(journal, "append", full)
    assert main([*WORDS, "--out", "out"]) == 2
    text = capsys.readouterr()
    assert closed == [True]  # no worker goes on while the figures are written
    assert "no space left" in text.err
    assert "2 of 3" in text.out  # what was done counts, although not all of it is kept
    monkeypatch.setattr(journal, "append", append)
    assert main(["eval", "--resume", "out"]) == 0
    assert (folder / "out" / "results.json").read_bytes() == whole
