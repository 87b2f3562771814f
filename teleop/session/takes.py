"""The episodes of a session: the one that is being recorded, and those that are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from hlm.core.errors import HlmError, InputError
from hlm.core.wording import counted
from hlm.datasets.edits.content import Content
from hlm.datasets.edits.draft import Draft
from hlm.datasets.edits.edit import edit
from hlm.datasets.edits.operations import delete, relabel
from hlm.datasets.edits.versions import Version
from hlm.datasets.reader import Episode, open_dataset
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Json, Step
from hlm.datasets.store.images import ImageFormat
from hlm.datasets.store.naming import numbered_episodes
from hlm.datasets.store.swap import is_there
from hlm.datasets.writer import DatasetWriter, EpisodeWriter
from hlm.teleop.session.session import Verdict

# In `EpisodeInfo.extra`: what the operator wrote, and what the task's own scoring says.
NOTE, SCORED = "note", "scored"


@dataclass(frozen=True, slots=True)
class Kept:
    """An episode that is in the dataset.

    Attributes:
        name: of its folder.
        path: its folder.
        info: its description.
        steps: how many.
    """

    name: str
    path: Path
    info: EpisodeInfo
    steps: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """What is known of an episode when it is over.

    Attributes:
        stage: of the task that it reached; None where nobody scored it.
        scored: whether the task's own scoring calls it a success; None where nobody scored it.
        fault: why the robot stopped following; empty when it did not.
        note: of the operator.
    """

    stage: int | None = None
    scored: bool | None = None
    fault: str = ""
    note: str = ""


class Takes:
    """Records one episode after the other, and lets those that are kept be deleted and relabelled between them.

    The dataset is locked while an episode is open, and only then.

    Args:
        path: of the dataset; it is made with the first episode.
        spec: of the dataset.
        images: how images are stored.
    """

    def __init__(self, path: Path, spec: DatasetSpec, images: ImageFormat) -> None:
        self.path = path
        self._spec = spec
        self._images = images
        self._writing = ExitStack()
        self._open: EpisodeWriter | None = None
        self._kept: tuple[Kept, ...] | None = None

    @property
    def steps(self) -> int:
        """Steps of the open episode; 0 when there is none."""
        return 0 if self._open is None else len(self._open)

    @property
    def is_open(self) -> bool:
        """Whether an episode has begun and not ended."""
        return self._open is not None

    def must_fit(self) -> None:
        """Check that what is at the path already can be added to, before a person has recorded anything.

        Raises:
            HlmError: it is no dataset, one of other cameras or another rate, or one that somebody else records into.
        """
        if is_there(self.path):
            DatasetWriter.open(self.path, self._spec, self._images).close()

    def begin(self, info: EpisodeInfo) -> None:
        """Start an episode.

        Raises:
            HlmError: one is open, or the dataset cannot be written.
        """
        self._must_be_closed()
        writer = DatasetWriter.open(self.path, self._spec, self._images)
        self._writing.callback(writer.close)
        self._open = writer.episode(info)

    def append(self, step: Step) -> None:
        """Record a step; a step after a pause ends it.

        Raises:
            HlmError: no episode is open, or the disk refused: what was written stays recoverable.
        """
        self._must_be_open().append(step)

    def pause(self) -> None:
        """The next step comes after a pause that was wanted."""
        if self._open is not None:
            self._open.pause()

    def end(self, verdict: Verdict, ending: Ending) -> Path | None:
        """End the open episode.

        Returns:
            Its folder; None when it was discarded, or had no steps.

        Raises:
            HlmError: no episode is open, or the disk refused: what was written stays recoverable.
        """
        episode = self._must_be_open()
        try:
            if verdict is Verdict.DISCARDED or not len(episode):
                episode.discard()
                return None
            extra: dict[str, Json] = {}
            if ending.note:
                extra[NOTE] = ending.note
            if ending.scored is not None:
                extra[SCORED] = "success" if ending.scored else "failure"
            before = self.kept()
            path = episode.commit(outcome=verdict.value, stage=ending.stage, fault=ending.fault, extra=extra)
            written = Episode(path, int(path.name.rpartition("_")[2]))
            self._kept = (*before, Kept(path.name, path, written.info, len(written)))
            return path
        finally:
            self.close()

    def close(self) -> None:
        """Let the dataset go; an episode that is open stays recoverable."""
        self._open = None
        self._writing.close()

    def kept(self) -> tuple[Kept, ...]:
        """The episodes that are in the dataset, in order, read again after each change; none if they cannot be."""
        if self._kept is None:
            self._kept = tuple(self._read())
        return self._kept

    def _read(self) -> Iterator[Kept]:
        if self.path.is_dir() and numbered_episodes(self.path, partial=False):
            with suppress(HlmError):
                for one in open_dataset(self.path):
                    yield Kept(one.path.name, one.path, one.info, len(one))

    def delete(self, names: Sequence[str]) -> None:
        """Delete episodes; `hlm data undo` brings them back.

        Raises:
            HlmError: an episode is open, there is no such episode, or the dataset cannot be written.
        """
        self._edit(lambda numbers: lambda content: _without(content, numbers), names)

    def relabel(self, name: str, *, instruction: str | None, outcome: str | None, note: str | None = None) -> None:
        """Change what an episode is said to be; `hlm data undo` takes it back.

        Args:
            name: of its folder.
            instruction: new one; None keeps it.
            outcome: new one; None keeps it.
            note: of the operator; None keeps it, and an empty one is none.

        Raises:
            HlmError: an episode is open, there is no such episode, or the dataset cannot be written.
        """
        if instruction is not None or outcome is not None:
            self._edit(
                lambda numbers: lambda content: relabel(content, numbers, instruction=instruction, outcome=outcome),
                [name],
            )
        if note is not None:
            self._edit(lambda numbers: lambda content: _noted(content, int(numbers[0]), note.strip()), [name])

    def _edit(self, make: Callable[[list[str]], Callable[[Content], Version]], names: Sequence[str]) -> None:
        self._must_be_closed()
        known = {one.name: one for one in self.kept()}
        if unknown := [name for name in names if name not in known]:
            raise InputError(f"no episode '{unknown[0]}' in {self.path}. It has: {', '.join(known) or 'none'}.")
        numbers = [str(int(name.rpartition("_")[2])) for name in names]
        edit(self.path, make(numbers))
        self._kept = tuple(self._read())

    def _must_be_open(self) -> EpisodeWriter:
        if self._open is None:
            raise InputError("no episode is being recorded; begin one.")
        return self._open

    def _must_be_closed(self) -> None:
        if self._open is not None:
            raise InputError("an episode is being recorded; end it first.")


def _without(content: Content, numbers: list[str]) -> Version:
    """The dataset without some episodes; a session's dataset may become empty, and fill again."""
    if len(numbers) < len(content.folders):
        return delete(content, numbers)
    return Version(attributes=content.attributes, drafts=(), did=f"delete {counted(len(numbers), 'episode')}")


def _noted(content: Content, number: int, note: str) -> Version:
    """The dataset with an operator's note at one episode."""
    drafts = {one: Draft(folder=folder, number=one) for one, folder in content.folders.items()}
    (episode,) = content.readable([number])
    extra = {name: value for name, value in episode.info.extra.items() if name != NOTE} | ({NOTE: note} if note else {})
    if extra != episode.info.extra:
        drafts[number] = replace(drafts[number], info=replace(episode.info, extra=extra))
    return Version(attributes=content.attributes, drafts=tuple(drafts.values()), did=f"note at episode {number}")
