import errno
import os
from pathlib import Path

import pytest

from hlm.core.errors import StorageError
from hlm.core.files import NEW, in_home, must_be_writable, replacing, storage_errors, write_atomic, write_durable


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_a_home_is_put_in_where_there_is_one(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert in_home(Path("~/data")) == tmp_path / "data"
    assert in_home(Path("~no-such-user/data")) == Path("~no-such-user/data")


def test_write_atomic_replaces_what_was_there(tmp_path):
    path = tmp_path / "file"
    for data in (b"first", b"", b"second"):
        write_atomic(path, data)
        assert path.read_bytes() == data
        assert names(tmp_path) == ["file"]


def test_hard_links_keep_the_old_content(tmp_path):
    path, link = tmp_path / "file", tmp_path / "link"
    path.write_bytes(b"old")
    link.hardlink_to(path)
    write_durable(path, b"new")
    assert (path.read_bytes(), link.read_bytes()) == (b"new", b"old")


def test_a_write_that_was_killed_is_replaced(tmp_path):
    (tmp_path / f"file{NEW}").write_bytes(b"half")
    write_atomic(tmp_path / "file", b"whole")
    assert (tmp_path / "file").read_bytes() == b"whole"
    assert names(tmp_path) == ["file"]


def test_replacing_appears_at_the_end(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with replacing(path) as new:
        assert new.read_bytes() == b""
        new.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["file"]


def test_replacing_keeps_the_usual_permissions(tmp_path):
    (tmp_path / "usual").touch()
    with replacing(tmp_path / "file") as new:  # as safetensors does: a private file of its own
        new.unlink()
        os.close(os.open(new, os.O_CREAT | os.O_WRONLY, 0o600))
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_replacing_leaves_the_old_file_after_an_error(tmp_path, error):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(error), replacing(path) as new:
        new.write_bytes(b"half")
        raise error
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (errno.ENOSPC, "no space left on device. Free some space. Keep it."),
        (errno.EACCES, "permission denied. Check the permissions, or choose another folder. Keep it."),
        (errno.EIO, "input/output error. Keep it."),
    ],
)
def test_refusals_are_one_line(code, text):
    with pytest.raises(StorageError) as refusal, storage_errors("write", "x", "Keep it."):
        raise OSError(code, os.strerror(code))
    assert str(refusal.value) == f"could not write x: {text}"


def test_a_refusal_without_advice_and_hint_ends_with_the_reason():
    with pytest.raises(StorageError, match=r"^could not read x: input/output error\.$"), storage_errors("read", "x"):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_write_atomic_leaves_no_half_file_on_a_full_disk(small_disk):
    (small_disk / "file").write_bytes(b"old")
    with pytest.raises(OSError, match="No space left"):
        write_atomic(small_disk / "file", bytes(10**6))
    assert names(small_disk) == ["file"]
    assert (small_disk / "file").read_bytes() == b"old"


def test_what_cannot_be_written_is_told_before_it_is_needed(tmp_path):
    (tmp_path / "file").touch()
    must_be_writable(tmp_path / "new" / "deeper", "Choose another.")
    must_be_writable(tmp_path / "file", "Choose another.")
    assert {entry.name for entry in tmp_path.iterdir()} == {"file"}
    with pytest.raises(StorageError, match=r"file is a file. Choose another\.$"):
        must_be_writable(tmp_path / "file" / "below", "Choose another.")


def test_a_folder_without_permission_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)  # the superuser may write anywhere
    with pytest.raises(StorageError, match=r"no permission for .*Choose another"):
        must_be_writable(tmp_path / "new", "Choose another.")
