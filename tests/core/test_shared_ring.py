import gc
from pathlib import Path

import numpy as np
import pytest
from fakes_processes import NUMBERS, die_at_once, numbered, refuse, write_without_pause

from hlm.core.clock import MonotonicClock
from hlm.core.errors import InputError, WorkerDiedError
from hlm.core.processes import ChildProcess
from hlm.core.records import dtype_of, from_record, to_record
from hlm.core.shared_ring import SharedRing
from hlm.core.shared_slots import SharedSlots
from hlm.core.values import JointCommand, Reference, RobotState


def test_an_empty_ring_has_no_newest_record():
    assert SharedRing(NUMBERS).newest() is None
    assert SharedRing(NUMBERS).since(0) == ([], 0, 0)


def test_the_newest_record_is_the_last_written_and_a_reader_learns_what_it_lost():
    ring = SharedRing(NUMBERS, slots=4)
    for number in range(7):
        assert ring.append(numbered(number)) == number
    assert ring.newest()["number"] == 6
    batch = ring.since(1)
    assert [record["number"] for record in batch.records] == [3, 4, 5, 6]
    assert (batch.next_index, batch.lost) == (7, 2)
    assert ring.since(7) == ([], 7, 0)


def test_a_record_whose_writer_died_in_the_middle_is_never_read():
    ring = SharedRing(NUMBERS, slots=2)
    ring.append(numbered(1))
    place = ring._memory._place(0) + 100
    ring._memory._memory[place : place + 8] = b"garbage!"
    assert ring.newest() is None
    assert ring.since(0) == ([], 0, 0)


def test_a_slot_whose_length_and_checksum_are_still_zero_is_never_read():
    ring = SharedRing(NUMBERS, slots=2)
    ring.append(numbered(1))
    place = ring._memory._place(0)
    ring._memory._memory[place + 8 : place + 24] = bytes(16)
    assert ring.newest() is None


def test_a_record_that_is_seen_later_than_its_count_is_left_to_the_next_call():
    ring = SharedRing(NUMBERS, slots=4)
    for number in range(3):
        ring.append(numbered(number))
    place = ring._memory._place(1)
    tag = ring._memory._memory[place : place + 8]
    ring._memory._memory[place : place + 8] = bytes(8)
    batch = ring.since(0)
    assert ([record["number"] for record in batch.records], batch.next_index, batch.lost) == ([0], 1, 0)
    ring._memory._memory[place : place + 8] = tag
    assert [record["number"] for record in ring.since(batch.next_index).records] == [1, 2]


def test_an_index_that_is_seen_sooner_than_its_record_does_not_go_back():
    ring = SharedRing(NUMBERS, slots=4)
    ring.append(numbered(0))
    assert ring.since(3) == ([], 3, 0)
    for number in range(1, 4):
        ring.append(numbered(number))
    assert [record["number"] for record in ring.since(3).records] == [3]


def test_contents_have_any_length_up_to_the_capacity():
    slots = SharedSlots(5, slots=2)
    for content in (b"", b"abcde", b"xy"):
        slots.append(content)
        assert slots.newest() == content
    assert slots.read(0) is None
    assert slots.read(1) == b"abcde"
    with pytest.raises(InputError, match="6 bytes do not fit into slots of 5 bytes"):
        slots.append(b"abcdef")


def test_records_of_another_type_are_refused():
    with pytest.raises(InputError, match="takes records of"):
        SharedRing(NUMBERS).append(to_record(Reference(1, np.zeros(34))))
    with pytest.raises(InputError, match="at least 2 slots"):
        SharedRing(NUMBERS, slots=1)


def test_a_record_that_another_process_writes_meanwhile_is_never_torn():
    ring, clock = SharedRing(NUMBERS, slots=2), MonotonicClock()
    child = ChildProcess("writer", write_without_pause, ring).start()
    try:
        child.wait_ready(30.0)
        seen = -1
        until_ns = clock.now_ns() + 1_000_000_000
        while clock.now_ns() < until_ns:
            record = ring.newest()
            if record is None:
                continue
            assert (record["same"] == record["number"]).all()
            assert record["number"] >= seen
            seen = record["number"]
        assert seen > 0
    finally:
        child.stop()
    assert not child.alive


def test_a_count_that_another_process_writes_meanwhile_never_goes_back():
    ring, clock = SharedRing(NUMBERS, slots=2), MonotonicClock()
    child = ChildProcess("writer", write_without_pause, ring).start()
    try:
        child.wait_ready(30.0)
        seen, until_ns = 0, clock.now_ns() + 1_000_000_000
        while clock.now_ns() < until_ns:
            for _ in range(1000):
                count = ring.written
                assert count >= seen
                seen = count
        assert seen > 0
    finally:
        child.stop()


def test_a_ring_that_nobody_holds_leaves_nothing_behind():
    gc.collect()
    before = len(list(Path("/proc/self/fd").iterdir()))
    ring = SharedRing(NUMBERS)
    del ring
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(
    "value",
    [
        RobotState(5, np.arange(29.0), -np.arange(29.0), np.array([1.0, 0, 0, 0]), np.arange(3.0), np.array([0.5, 1])),
        Reference(2**60, np.arange(34.0)),
        JointCommand(7, *(np.full(29, number) for number in range(5)), np.array([0.0, 1.0])),
    ],
)
def test_values_survive_the_round_trip(value):
    ring = SharedRing(dtype_of(type(value)))
    ring.append(to_record(value))
    back = from_record(type(value), ring.newest())
    assert back.stamp_ns == value.stamp_ns
    for name in value.__slots__:
        np.testing.assert_array_equal(getattr(back, name), getattr(value, name))


def test_a_process_that_dies_or_refuses_says_so():
    with pytest.raises(WorkerDiedError, match="the dying process was killed by SIGKILL"):
        ChildProcess("dying", die_at_once).start().wait_ready(30.0)
    with pytest.raises(InputError, match="there is no robot"):
        ChildProcess("refusing", refuse).start().wait_ready(30.0)
