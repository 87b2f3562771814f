"""Reading and writing topics on the DDS network that Unitree's binding has joined."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hlm.core.errors import LostError
from hlm.robots.dds.description import Description, Message, description
from hlm.robots.dds.library import SampleInfo, checked, library

_DOMAIN = 0
_BEST_EFFORT, _RELIABLE = 0, 1
_KEEP_LAST = 0
_OF_PARTICIPANT = 2  # where a topic is looked for
_CALLS = 16  # that wait for being read
_BLOCKS_NS = 100_000_000
_FREE_CONTENTS = 2


class Topics:
    """Topics on the network that the binding has joined in this process, as a part of its membership.

    A membership of our own would have every message sent to this process twice.

    Raises:
        MissingDependencyError: see `hlm.robots.dds.library.library`.
        LostError: the binding has joined no network; `hlm.robots.unitree_link.open_link` makes it.
    """

    def __init__(self) -> None:
        self._library = library()
        found = (ctypes.c_int32 * 1)()
        if not checked(self._library.dds_lookup_participant(_DOMAIN, found, 1), "find the network"):
            raise LostError("no DDS network was joined.")
        self._participant = found[0]
        self._entities: list[int] = []

    def newest[Kind: Message](self, topic: str, message: type[Kind]) -> Reader[Kind]:
        """A reader of what is newest, such as measurements; messages may be lost."""
        return self._reader(topic, message, _BEST_EFFORT, 1)

    def each[Kind: Message](self, topic: str, message: type[Kind]) -> Reader[Kind]:
        """A reader of each message, such as calls and answers."""
        return self._reader(topic, message, _RELIABLE, _CALLS)

    def writer[Kind: Message](self, topic: str, message: type[Kind]) -> Writer[Kind]:
        """A writer; readers of either kind hear it."""
        entity, _ = self._end(self._library.dds_create_writer, topic, message, _RELIABLE, 1)
        return Writer(entity, message)

    def close(self) -> None:
        """End all readers and writers; they must not be used any more."""
        while self._entities:
            self._library.dds_delete(self._entities.pop())

    def _reader[Kind: Message](self, topic: str, message: type[Kind], reliability: int, depth: int) -> Reader[Kind]:
        entity, about = self._end(self._library.dds_create_reader, topic, message, reliability, depth)
        return Reader(entity, message, about)

    def _end(
        self, create: Any, topic: str, message: type[Message], reliability: int, depth: int
    ) -> tuple[int, Description]:
        about = description(message)
        with self._qos() as qos:
            self._as_the_bindings(topic, qos)
            made = self._library.dds_create_topic(self._participant, ctypes.byref(about), topic.encode(), qos, None)
            self._entities.append(checked(made, f"make the topic {topic}"))
        with self._qos() as qos:
            self._library.dds_qset_reliability(qos, reliability, _BLOCKS_NS)
            self._library.dds_qset_history(qos, _KEEP_LAST, depth)
            self._entities.append(checked(create(self._participant, made, qos, None), f"join the topic {topic}"))
        return self._entities[-1], about

    def _as_the_bindings(self, topic: str, qos: Any) -> None:
        """Topics of one name and one member must be alike."""
        theirs = self._library.dds_find_topic(_OF_PARTICIPANT, self._participant, topic.encode(), None, 0)
        if theirs > 0:
            self._library.dds_get_qos(theirs, qos)
            self._library.dds_delete(theirs)

    @contextmanager
    def _qos(self) -> Iterator[Any]:
        qos = self._library.dds_create_qos()
        try:
            yield qos
        finally:
            self._library.dds_delete_qos(qos)


class Reader[Kind: Message]:
    """Takes messages of a topic; made by `Topics`."""

    def __init__(self, entity: int, message: type[Kind], about: Description) -> None:
        self._library = library()
        self._entity = entity
        self._about = about
        self._sample = message()
        self._place = ctypes.addressof(self._sample)
        self._places = (ctypes.c_void_p * 1)(self._place)
        self._info = SampleInfo()

    def take(self) -> Kind | None:
        """The next message, None if there is none; the next call overwrites it.

        Raises:
            LostError: DDS has failed.
        """
        if not self._about.fixed_size:  # strings of the message before
            self._library.dds_sample_free(self._place, ctypes.byref(self._about), _FREE_CONTENTS)
            ctypes.memset(self._place, 0, ctypes.sizeof(self._sample))
        taken = checked(self._library.dds_take(self._entity, self._places, self._info, 1, 1), "read")
        return self._sample if taken and self._info.valid_data else None

    @property
    def writers(self) -> int:
        """How many writers of this topic are on the network."""
        return int(self._library.dds_get_matched_publications(self._entity, None, 0))


class Writer[Kind: Message]:
    """Sends messages of a topic; made by `Topics`."""

    def __init__(self, entity: int, message: type[Kind]) -> None:
        self._library = library()
        self._entity = entity
        self._kind = message

    def write(self, message: Kind) -> None:
        """Send a message.

        Raises:
            TypeError: it is of another kind than the topic.
            LostError: DDS has failed.
        """
        if not isinstance(message, self._kind):
            raise TypeError(f"the topic takes {self._kind.__name__}, got {type(message).__name__}.")
        checked(self._library.dds_write(self._entity, ctypes.byref(message)), "write")

    @property
    def readers(self) -> int:
        """How many readers of this topic are on the network."""
        return int(self._library.dds_get_matched_subscriptions(self._entity, None, 0))
