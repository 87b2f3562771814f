"""What a checkpoint's card says of the data that it was trained on. Imports no torch."""

from __future__ import annotations

from pathlib import Path

CARD_FILE = "card.md"
_MARK = "- data: "


def data_line(text: str) -> str:
    """The line of a card for a dataset, which `data_of_card` finds again."""
    return f"{_MARK}{text}"


def data_of_card(path: Path) -> tuple[str, ...]:
    """A line for each dataset that a checkpoint in a folder was trained on; empty without a card that can be read."""
    try:
        lines = (path / CARD_FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ()
    return tuple(line.removeprefix(_MARK) for line in lines if line.startswith(_MARK))
