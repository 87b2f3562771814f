"""Output that nobody reads, or that nobody can read any more, keeps nobody waiting."""

import os
import sys

import pytest

from hlm.cli.patient_writer import PatientWriter
from hlm.cli.process import silence_if_stuck

MORE_THAN_A_PIPE_HOLDS = "é" * 1_000_000


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        yield reader, stream


def test_a_pipe_that_is_full_is_not_waited_for(pipe, monkeypatch):
    reader, stream = pipe
    monkeypatch.setattr(sys, "stdout", stream)
    writer = PatientWriter()
    writer.write(MORE_THAN_A_PIPE_HOLDS)
    writer.flush()
    assert writer.busy
    writer.finish(0.01)
    read = b""
    while len(read) < 2 * len(MORE_THAN_A_PIPE_HOLDS):
        read += os.read(reader, 65536)
    assert read.decode() == MORE_THAN_A_PIPE_HOLDS
    writer.finish(60.0)
    assert not writer.busy
    os.close(reader)


def test_a_reader_that_is_gone_is_no_error(pipe, monkeypatch):
    reader, stream = pipe
    monkeypatch.setattr(sys, "stdout", stream)
    os.close(reader)
    writer = PatientWriter()
    writer.write("a line\n")
    writer.finish(60.0)
    assert writer.busy  # for ever: there is no sense in writing more
    writer.write("another\n")
    writer.flush()


def test_what_is_no_file_is_written_to_at_once(capsys):
    writer = PatientWriter()
    writer.write("a line\n")
    writer.flush()
    assert not writer.busy
    assert capsys.readouterr().out == "a line\n"
    writer.finish(0.0)


def test_only_a_stream_that_is_stuck_is_dropped(pipe):
    reader, stream = pipe
    silence_if_stuck(stream, 0.01)
    os.write(stream.fileno(), b"heard")
    assert os.read(reader, 100) == b"heard"
    os.set_blocking(stream.fileno(), False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(stream.fileno(), bytes(4096))
    os.set_blocking(stream.fileno(), True)
    silence_if_stuck(stream, 0.01)
    stream.write("dropped")
    stream.flush()
    os.close(reader)
