"""Files that the server shows: those inside the folders that it was given, and no others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import unquote

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".gif": "image/gif",
    ".ico": "image/x-icon",
    ".webp": "image/webp",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".woff2": "font/woff2",
}
# No hidden files, and nothing that leads out of a folder.
_PART = re.compile(r"[\w-][\w. -]*", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Answer:
    """An answer to a request for a file.

    Attributes:
        status: of HTTP.
        body: its bytes.
        content_type: of the body.
        location: where to look instead; empty where the body is the answer.
    """

    status: HTTPStatus
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    location: str = ""


def answer(folders: Mapping[str, Path], path: str) -> Answer:
    """The file that a path of a request stands for; `index.html` where it ends in a slash.

    Args:
        folders: folder by the first part of the path; the empty name stands for all other paths.
        path: of the request without its query, as it was sent.
    """
    parts = unquote(path).removeprefix("/").split("/")
    if parts[-1] == "":
        parts[-1] = "index.html"
    elif len(parts) == 1 and parts[0] in folders:
        return Answer(status=HTTPStatus.FOUND, body=b"", location=f"/{parts[0]}/")
    name, rest = (parts[0], parts[1:]) if len(parts) > 1 and parts[0] in folders else ("", parts)
    content_type = _TYPES.get(Path(parts[-1]).suffix)
    missing = Answer(status=HTTPStatus.NOT_FOUND, body=b"there is no such page.\n")
    if name not in folders or content_type is None or not all(_PART.fullmatch(part) for part in rest):
        return missing
    folder = folders[name].resolve()
    try:
        file = folder.joinpath(*rest).resolve(strict=True)
        # A link inside the folder may lead out of it.
        return (
            Answer(status=HTTPStatus.OK, body=file.read_bytes(), content_type=content_type)
            if file.is_relative_to(folder)
            else missing
        )
    except (OSError, ValueError):
        return missing
