"""Corrections: what others than the policy did in episodes in which they took over, as a dataset of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from hlm.core.errors import InputError, UnknownNameError
from hlm.core.wording import counted
from hlm.datasets.command import IN_COMMAND, Stretch, commanders, in_command, stretches, tells_command
from hlm.datasets.edits.content import Content, copying
from hlm.datasets.edits.draft import Draft
from hlm.datasets.edits.versions import Show, Version, create_datasets, quiet
from hlm.datasets.reader import Episode
from hlm.datasets.schema import RECORDING, SOURCES, EpisodeInfo, Json

POLICY = "policy"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which stretches are corrections.

    Attributes:
        by: names of those who corrected; empty for everybody but the policy.
        failures: also take them from episodes that did not end in success.
    """

    by: tuple[str, ...] = ()
    failures: bool = False

    def are(self, name: str) -> bool:
        """Whether what this one did is a correction."""
        return name in self.by if self.by else name != POLICY


def corrections(
    path: Path | str, into: Path | str, wanted: Wanted | None = None, *, dry_run: bool = False, show: Show = quiet
) -> Version:
    """Copy the corrections in a dataset into a new one, an episode for each, numbered from 0.

    Args:
        path: folder of the dataset.
        into: folder of the new one.
        wanted: which stretches; by default of everybody but the policy, in successful episodes.
        dry_run: only report what would be done.
        show: called with the number of finished episodes and of all episodes.

    Raises:
        InputError: no episode says who was in command, or there are no such corrections.
        UnknownNameError: somebody who was never in command.
        CorruptError: an episode cannot be read.
        ExistsError: the target exists.
        StorageError: the disk refused. Nothing is left behind.
    """
    wanted = Wanted() if wanted is None else wanted
    with copying(path) as content:
        episodes = [one for one in content.readable(content.folders) if tells_command(one.info)]
        _must_know(content, episodes, wanted)
        drafts: list[Draft] = []
        details: list[str] = []
        for episode, stretch in _found(episodes, wanted):
            drafts.append(_draft(episode, stretch, len(drafts)))
            length_s = (stretch.stop - stretch.start) / content.spec.rate_hz
            steps = f"steps {stretch.start} to {stretch.stop - 1}, {length_s:.1f} s"
            details.append(f"episode {episode.number}: {stretch.name}, {steps}")
        if not drafts:
            raise InputError(f"no corrections in {content.path}: {_why(episodes, wanted)}")
        did = f"copy {counted(len(drafts), 'correction')} into {into}"
        version = Version(attributes=content.attributes, drafts=tuple(drafts), did=did, details=tuple(details))
        if not dry_run:
            create_datasets({Path(into): version}, show)
    return version


def _must_know(content: Content, episodes: list[Episode], wanted: Wanted) -> None:
    if not episodes:
        raise InputError(
            f"no episode of {content.path} says who was in command; `hlm record --source policy --takeover` "
            "records such."
        )
    known = dict.fromkeys(name for episode in episodes for name in commanders(episode.info))
    for name in wanted.by:
        if name not in known:
            raise UnknownNameError("one in command", name, known)


def _found(episodes: list[Episode], wanted: Wanted) -> Iterator[tuple[Episode, Stretch]]:
    for episode in episodes:
        if wanted.failures or episode.info.outcome == "success":
            for stretch in stretches(in_command(episode)):
                if wanted.are(stretch.name):
                    yield episode, stretch


def _draft(episode: Episode, stretch: Stretch, number: int) -> Draft:
    """A copy of the stretch that says whose it is, and stays together with the rest of its recording."""
    info = episode.info
    since: Json = [[int(episode.stamp_ns[stretch.start]), stretch.name]]
    extra: dict[str, Json] = {RECORDING: str(episode.path.resolve()), **info.extra, IN_COMMAND: since}
    changed = replace(info, source=_source(info, stretch.name), operator=stretch.name, extra=extra)
    return Draft(folder=episode.path, number=number, info=changed, steps=(stretch.start, stretch.stop))


def _source(info: EpisodeInfo, name: str) -> str:
    """The source of what one did: a person's device is teleoperation."""
    if name == POLICY:
        return info.source
    return name if name in SOURCES else "teleop"


def _why(episodes: list[Episode], wanted: Wanted) -> str:
    outcomes = Counter(one.info.outcome for one in episodes if any(map(wanted.are, commanders(one.info))))
    if not outcomes:
        return f"nobody took over in {counted(len(episodes), 'episode')}."
    found = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
    return f"of the episodes in which somebody took over, none is a success ({found}). `--all` takes them too."
