"""Lists of instructions in files."""

import pytest

from hlm.core.errors import InputError, MissingFileError
from hlm.teleop.session.instructions import MOST_BYTES, read_instructions


def test_lines_are_instructions_in_their_order(tmp_path):
    path = tmp_path / "tasks.txt"
    path.write_text("# cups\nput the  red cup on the shelf\n\n  take the blue cup \n", encoding="utf-8")
    assert read_instructions(path) == ("put the red cup on the shelf", "take the blue cup")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\n# nothing\n", "holds no instruction"),
        (b"\xff\xfe\x00", "is no text in UTF-8"),
        (b"x" * (MOST_BYTES + 1), "is larger than a list of instructions may be"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path, content, text):
    path = tmp_path / "tasks.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=text):
        read_instructions(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"no file of instructions at .*tasks\.txt"):
        read_instructions(tmp_path / "tasks.txt")
