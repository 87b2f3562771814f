"""Changes of command survive whatever befalls the end of their file."""

import pytest

from hlm.datasets.store.command_journal import COMMAND_FILE, command_line, read_commands

CHANGES = [(10, "policy"), (2_000_000_000, "keyboard"), (3_000_000_000, "Zoë at the page")]


def test_what_is_read_is_what_was_written(tmp_path):
    assert read_commands(tmp_path) == []
    (tmp_path / COMMAND_FILE).write_bytes(b"".join(command_line(*change) for change in CHANGES))
    assert read_commands(tmp_path) == CHANGES


@pytest.mark.parametrize("lost", [2, 30])
def test_a_torn_line_is_left_out(tmp_path, lost):
    lines = [command_line(*change) for change in CHANGES]
    (tmp_path / COMMAND_FILE).write_bytes(b"".join(lines)[:-lost])
    assert read_commands(tmp_path) == CHANGES[:2]


def test_nothing_after_a_damaged_line_is_believed(tmp_path):
    lines = [command_line(*change) for change in CHANGES]
    (tmp_path / COMMAND_FILE).write_bytes(lines[0] + lines[1].replace(b"keyboard", b"keybaord") + lines[2])
    assert read_commands(tmp_path) == CHANGES[:1]
