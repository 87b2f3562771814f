"""Who commands: one page at a time; the others watch."""

from __future__ import annotations

from collections.abc import Collection


class CommandSeat:
    """The first page sits down; when it leaves, the seat is empty until a new page comes, or one that is there asks."""

    def __init__(self) -> None:
        self._holder: int | None = None
        self._known: set[int] = set()

    @property
    def holder(self) -> int | None:
        """Number of the page that commands; None when none does."""
        return self._holder

    def update(self, pages: Collection[int]) -> bool:
        """Learn which pages are there; whether another one commands from now on.

        Args:
            pages: numbers of all pages, of which later ones have higher numbers.
        """
        before = self._holder
        if self._holder not in pages:
            self._holder = None
        new = [page for page in sorted(pages) if page not in self._known]
        self._known = set(pages)
        if self._holder is None and new:
            self._holder = new[0]
        return self._holder is not None and self._holder != before

    def take(self, page: int) -> bool:
        """Let a page that is there command; whether another one did before."""
        changed = page in self._known and self._holder != page
        if changed:
            self._holder = page
        return changed
