"""A verb's own arguments, parsed by tyro; a usage error becomes one line."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Sequence

from hlm.core.errors import InputError

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_FRAME = re.compile("[│╭╮╰╯]")
_RULE = re.compile("[─-]{3,}")
_NEAREST = "Perhaps you meant:"
_USAGE_ERROR = 2


def parse[Config](
    config: type[Config], program: str, arguments: Sequence[str], default: Config | None = None
) -> Config:
    """The config that `arguments` describe; `--help` prints and exits with code 0.

    Args:
        config: dataclass whose fields are the options, and whose docstring is the help text.
        program: what the person typed so far, e.g. `hlm data info`.
        arguments: what follows.
        default: values of the options that are not given; those of the class by default.

    Raises:
        InputError: unknown option, missing or malformed value; one line.
    """
    import tyro

    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            if default is None:
                return tyro.cli(config, prog=program, args=list(arguments))
            return tyro.cli(config, prog=program, args=list(arguments), default=default)
    except SystemExit as stop:
        if stop.code == _USAGE_ERROR:
            raise InputError(f"{one_line(complaint.getvalue())} See `{program} --help`.") from None
        raise
    finally:
        if not _is_box(complaint.getvalue()):
            sys.stderr.write(complaint.getvalue())


def one_line(box: str) -> str:
    """What a framed message of tyro's says, without frame, colours and line breaks.

    Rules divide it: a title, what is wrong, and perhaps the nearest option. Tyro frames in box-drawing characters or,
    where the terminal's encoding has none, in dashes.
    """
    sections = _RULE.split(_FRAME.sub(" ", _ANSI.sub("", box)))
    texts = [text for section in sections if (text := " ".join(section.split()).strip("─ "))]
    if len(texts) < 2:
        return " ".join(texts)
    nearest = [text.removeprefix(_NEAREST).split()[0].rstrip(",") for text in texts[2:] if text.startswith(_NEAREST)]
    hint = f" Did you mean '{nearest[0]}'?" if nearest else ""
    return texts[1].rstrip(".") + "." + hint


def _is_box(text: str) -> bool:
    return bool(_RULE.search(text)) or not text
