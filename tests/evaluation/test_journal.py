import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hlm.core.errors import CorruptError, MissingFileError, StorageError
from hlm.evaluation import journal
from hlm.evaluation.plan import PLAN_FILE, Plan, plan_bytes, read_plan
from hlm.evaluation.results import PolicyIdentity, RolloutResult

PLAN = Plan(task="shelf", policy="scripted", kind="scripted", first_seed=7, rollouts=4, videos=2)


def result_of(seed, fault=""):
    return RolloutResult(
        seed=seed,
        instruction="nimm die grüne Tasse\u2028",
        success=not fault,
        stage=1,
        stages=("reach", "place"),
        progress=0.1 + 0.2,
        wrong_object=False,
        fell=False,
        duration_s=seed / 30,
        steps=seed,
        fault=fault,
        video=f"seed_{seed}.mp4",
    )


RESULTS = [result_of(9), result_of(7, "the policy's actions\nare not finite"), result_of(10)]


@pytest.fixture
def folder(tmp_path):
    for result in RESULTS:
        journal.append(tmp_path, result)
    return tmp_path


def test_what_was_written_is_read_exactly(folder, tmp_path):
    assert journal.read(folder, PLAN) == {result.seed: result for result in RESULTS}
    assert journal.finished(folder) == len(RESULTS)


def test_there_is_nothing_before_the_first_result(tmp_path):
    assert (journal.read(tmp_path, PLAN), journal.finished(tmp_path)) == ({}, 0)


def test_a_journal_that_was_cut_anywhere_keeps_its_whole_lines_and_takes_more(folder):
    path = folder / journal.JOURNAL_FILE
    whole = path.read_bytes()
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        kept = whole[:length].count(b"\n")
        assert journal.finished(folder) == kept
        assert path.read_bytes() == whole[:length]
        assert list(journal.read(folder, PLAN).values()) == RESULTS[:kept]
        journal.append(folder, result_of(8))
        assert list(journal.read(folder, PLAN)) == [*(result.seed for result in RESULTS[:kept]), 8]


@pytest.mark.parametrize("line", [b"{}", b"[]", b"3", b"\xff", b'{"seed": 7}', b""])
def test_a_damaged_line_is_told_by_its_number(folder, line):
    path = folder / journal.JOURNAL_FILE
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([lines[0], line, *lines[1:]]))
    with pytest.raises(CorruptError, match=r"line 2 of .*rollouts\.jsonl is damaged .* delete it"):
        journal.read(folder, PLAN)


def test_another_evaluations_line_is_no_result(folder):
    journal.append(folder, result_of(11))
    with pytest.raises(CorruptError, match=r"line 4 of .* has seed 11, which is not of this evaluation"):
        journal.read(folder, PLAN)


def test_a_full_disk_is_told_and_what_was_there_stays(small_disk):
    journal.append(small_disk, RESULTS[0])
    with pytest.raises(OSError, match="No space left"):
        (small_disk / "film").write_bytes(bytes(10**6))
    with pytest.raises(StorageError, match=r"could not write to .*rollouts\.jsonl: no space left on device"):
        for _ in range(100):
            journal.append(small_disk, RESULTS[1])
    (small_disk / "film").unlink()
    assert list(journal.read(small_disk, PLAN)) == [9, 7] or list(journal.read(small_disk, PLAN)) == [9]


@given(
    st.builds(
        Plan,
        task=st.text(),
        policy=st.text(),
        kind=st.sampled_from(["checkpoint", "server", "scripted"]),
        first_seed=st.integers(0, 2**62),
        rollouts=st.integers(1, 100),
        euler_steps=st.none() | st.integers(1, 9),
        unseen=st.sampled_from([True, False, None]),
        identity=st.builds(PolicyIdentity, trained_on=st.tuples(st.text()), horizon=st.integers()),
        json=st.none(),
    )
)
def test_a_plan_is_read_as_it_was_written(tmp_path_factory, plan):
    folder = tmp_path_factory.mktemp("plan")
    (folder / PLAN_FILE).write_bytes(plan_bytes(plan))
    assert read_plan(folder) == plan


def test_a_plan_that_cannot_be_read_says_why(tmp_path):
    with pytest.raises(MissingFileError, match=r"no evaluation in .*: there is no evaluation\.json"):
        read_plan(tmp_path)
    for change, text in (
        ({"schema": 9}, "has schema 9, this hlm reads 1"),
        ({"rollouts": "x"}, "is damaged"),
        ({"rollouts": 0}, "is damaged: 0 rollouts"),
        ({"videos": 5}, "is damaged: 4 rollouts with 5 videos"),
        ({"first_seed": -1}, "is damaged: 4 seeds from -1 on"),
        ({"first_seed": 2**63 - 3}, "is damaged: 4 seeds from"),
    ):
        (tmp_path / PLAN_FILE).write_text(json.dumps(json.loads(plan_bytes(PLAN)) | change))
        with pytest.raises(CorruptError, match=text):
            read_plan(tmp_path)


def test_a_plan_names_its_seeds_films_and_results():
    assert list(PLAN.seeds) == [7, 8, 9, 10]
    assert PLAN.filmed == {7, 8}
    part = PLAN.result(RESULTS, "interrupted")
    assert [one.seed for one in part.rollouts] == [7, 9, 10]
    assert (part.partial, part.planned, part.stopped) == (True, 4, "interrupted")
    whole = PLAN.result([*RESULTS, result_of(8)])
    assert (whole.partial, whole.stopped) == (False, "")
