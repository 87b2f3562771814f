"""Mailboxes give the newest value, events in their order, and pictures as they were."""

import numpy as np

from hlm.teleop.page import mailboxes


def test_the_newest_document_is_read():
    box = mailboxes.Mailboxes.new(()).views
    assert mailboxes.newest(box) is None
    for number in range(5):
        mailboxes.put(box, {"number": np.float32(number)})
    assert mailboxes.newest(box) == {"number": 4.0}


def test_events_are_read_once_and_in_their_order():
    box = mailboxes.Mailboxes.new(()).events
    for number in range(3):
        mailboxes.put(box, {"number": number})
    first, index = mailboxes.since(box, 0)
    mailboxes.put(box, {"number": 3})
    second, index = mailboxes.since(box, index)
    assert [one["number"] for one in first] == [0, 1, 2]
    assert [one["number"] for one in second] == [3]
    assert mailboxes.since(box, index) == ([], index)


def test_events_that_nobody_read_for_long_are_the_newest():
    box = mailboxes.Mailboxes.new(()).events
    for number in range(box.slots + 10):
        mailboxes.put(box, {"number": number})
    read, _ = mailboxes.since(box, 0)
    assert [one["number"] for one in read] == list(range(10, box.slots + 10))


def test_pictures_come_back():
    image = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    assert np.array_equal(mailboxes.image_from_bytes(mailboxes.image_bytes(image[:, ::-1])), image[:, ::-1])
