"""A list of instructions, for a person to record one after the other."""

from __future__ import annotations

from pathlib import Path

from hlm.core.errors import InputError, MissingFileError

MOST_BYTES = 1_000_000


def read_instructions(path: Path) -> tuple[str, ...]:
    """The lines of a text file that are neither empty nor begin with #.

    Raises:
        MissingFileError: there is no such file.
        InputError: it has no instruction, is no text, or is larger than a megabyte.
    """
    if not path.is_file():
        raise MissingFileError(f"there is no file of instructions at {path}.")
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"{path} is larger than a list of instructions may be, {MOST_BYTES} bytes.")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text in UTF-8: {error.reason}.") from error
    said = tuple(" ".join(line.split()) for line in lines if line.strip() and not line.lstrip().startswith("#"))
    if not said:
        raise InputError(f"{path} holds no instruction: write one a line.")
    return said
