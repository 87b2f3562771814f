"""The lock of a dataset: whoever holds it is named, and it ends with its process at whatever instant that ends."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from hlm.datasets.store.lock import LOCK_FILE, FolderLock, LockedError


def test_killed_while_it_locks_or_unlocks_it_blocks_nobody(tmp_path):
    """Killed before each of its calls of the system in turn."""
    endings = []
    for calls in range(20):
        killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(calls)], check=False)
        endings.append(killed.returncode)
        with FolderLock(tmp_path), pytest.raises(LockedError, match=f"is being written by process {os.getpid()} on"):
            FolderLock(tmp_path).acquire()
        assert not (tmp_path / LOCK_FILE).exists()
        if killed.returncode == 0:
            break
    assert endings[-1] == 0
    assert endings.count(-signal.SIGKILL) >= 5


def test_the_name_of_an_earlier_holder_does_not_stay(tmp_path):
    (tmp_path / LOCK_FILE).write_text("process 1 on a machine with a very long name indeed\n" * 5)
    with FolderLock(tmp_path), pytest.raises(LockedError, match=rf"by process {os.getpid()} on [^ \n]+\. Wait"):
        FolderLock(tmp_path).acquire()


def test_many_take_turns_and_never_two_at_once(tmp_path):
    inside = []

    def take(_turn):
        try:
            with FolderLock(tmp_path):
                inside.append(1)
                assert len(inside) == 1
                inside.pop()
                return True
        except LockedError:
            return False

    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(take, range(500)))
    assert any(taken)
    assert not (tmp_path / LOCK_FILE).exists()


def test_giving_back_twice_is_nothing(tmp_path):
    lock = FolderLock(tmp_path).acquire()
    lock.release()
    with FolderLock(tmp_path):
        lock.release()
        assert (tmp_path / LOCK_FILE).exists()


KILLED = """
import fcntl, os, pathlib, signal, sys
from hlm.datasets.store.lock import FolderLock
left = int(sys.argv[2])
def counted(call):
    def wrapped(*args, **kwargs):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return call(*args, **kwargs)
    return wrapped
for module, names in ((os, ("open", "pwrite", "ftruncate", "fstat", "unlink", "close")), (fcntl, ("flock",))):
    for name in names:
        setattr(module, name, counted(getattr(module, name)))
with FolderLock(pathlib.Path(sys.argv[1])):
    pass
"""
