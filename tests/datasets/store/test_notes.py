"""Changes of command, and pauses, survive whatever befalls the end of their file."""

import pytest

from hlm.datasets.store.notes import COMMAND_FILE, PAUSES_FILE, note_line, read_commands, read_pauses_ns

CHANGES = [(10, "policy"), (2_000_000_000, "keyboard"), (3_000_000_000, "Zoë at the page")]


def test_what_is_read_is_what_was_written(tmp_path):
    assert read_commands(tmp_path) == []
    (tmp_path / COMMAND_FILE).write_bytes(b"".join(note_line(*change) for change in CHANGES))
    assert read_commands(tmp_path) == CHANGES


@pytest.mark.parametrize("lost", [2, 30])
def test_a_torn_line_is_left_out(tmp_path, lost):
    lines = [note_line(*change) for change in CHANGES]
    (tmp_path / COMMAND_FILE).write_bytes(b"".join(lines)[:-lost])
    assert read_commands(tmp_path) == CHANGES[:2]


def test_nothing_after_a_damaged_line_is_believed(tmp_path):
    lines = [note_line(*change) for change in CHANGES]
    (tmp_path / COMMAND_FILE).write_bytes(lines[0] + lines[1].replace(b"keyboard", b"keybaord") + lines[2])
    assert read_commands(tmp_path) == CHANGES[:1]


def test_pauses_are_kept_apart_and_a_torn_one_is_left_out(tmp_path):
    assert read_pauses_ns(tmp_path) == []
    pauses_ns = [(10, 2_000_000_000), (3_000_000_000, 3_100_000_000)]
    lines = b"".join(note_line(*pause) for pause in pauses_ns)
    (tmp_path / PAUSES_FILE).write_bytes(lines)
    assert (read_pauses_ns(tmp_path), read_commands(tmp_path)) == (pauses_ns, [])
    (tmp_path / PAUSES_FILE).write_bytes(lines[:-3])
    assert read_pauses_ns(tmp_path) == pauses_ns[:1]
