import numpy as np
import pytest

from hlm.datasets.store.journal import STEPS_FILE, Columns, Header, read_journal, record, steps_written

COLUMNS = Columns(cameras={"head": (4, 6)}, inputs=("state",), privileged={"goal_m": (3,), "score": ()})
HEADER = Header(description={"instruction": "wave"}, columns=COLUMNS, start_utc="2026-01-01T00:00:00", software="0")


def values(step):
    return {
        "stamp_ns": 1000 * step,
        "state": np.full(34, step, np.float32),
        "action": np.full(34, -step, np.float32),
        "age_state_s": np.float32(0.01),
        "privileged/goal_m": np.full(3, step, np.float32),
        "privileged/score": np.float32(step),
    }


def test_a_header_is_read_as_it_was_written(tmp_path):
    HEADER.write(tmp_path)
    assert Header.read(tmp_path) == HEADER


def test_records_are_read_as_they_were_written(tmp_path):
    data = b"".join(record(values(step), COLUMNS, {"head": (10 * step, 10)}) for step in range(5))
    (tmp_path / STEPS_FILE).write_bytes(data)
    records = read_journal(tmp_path, COLUMNS)
    assert len(records) == steps_written(tmp_path, COLUMNS) == 5
    for step, line in enumerate(records):
        for name, value in values(step).items():
            np.testing.assert_array_equal(line[name], value)
        assert line["frame_head"].tolist() == [10 * step, 10]


@pytest.mark.parametrize("kept", [0, 1, 4])
def test_records_end_before_the_first_damaged_one(tmp_path, kept):
    data = bytearray(b"".join(record(values(step), COLUMNS, {"head": (0, 10)}) for step in range(5)))
    size = len(data) // 5
    data[kept * size + 11] ^= 1
    (tmp_path / STEPS_FILE).write_bytes(data)
    assert len(read_journal(tmp_path, COLUMNS)) == kept
    (tmp_path / STEPS_FILE).write_bytes(data[: kept * size + size // 2])
    assert len(read_journal(tmp_path, COLUMNS)) == kept
    assert steps_written(tmp_path, COLUMNS) == kept
