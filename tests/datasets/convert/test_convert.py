"""All of it or nothing: conversions that are refused, stopped and killed."""

import errno
import gc
import signal
import subprocess
import sys
from pathlib import Path

import PIL.Image
import pytest

from hlm.core.errors import ExistsError, HlmError, InputError, MissingFileError, StorageError, UnknownNameError
from hlm.datasets.convert.cameras import chosen_cameras, parse_cameras
from hlm.datasets.convert.convert import HLM, Request, convert, detect
from hlm.datasets.convert.staging import staged
from hlm.datasets.reader import open_dataset
from hlm.datasets.store.lock import LockedError

SLOW = """
import sys, time
from pathlib import Path
from hlm.datasets.convert.convert import Request, convert

def show(done, total):
    if done == 5:
        print("busy", flush=True)
        time.sleep(60)

convert(Request(path=Path(sys.argv[1]), target=Path(sys.argv[2]), to="umi"), show)
"""


def test_the_target_is_there_when_the_block_ends(tmp_path):
    with staged(tmp_path / "a" / "b.zarr") as path:
        path.mkdir()
        (path / "file").write_text("x")
        assert not (tmp_path / "a" / "b.zarr").exists()
    assert [entry.relative_to(tmp_path).as_posix() for entry in sorted(tmp_path.rglob("*"))] == [
        "a",
        "a/b.zarr",
        "a/b.zarr/file",
    ]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, HlmError, OSError])
def test_whatever_stops_the_block_leaves_nothing(tmp_path, error):
    wanted = StorageError if error is OSError else error
    with pytest.raises(wanted), staged(tmp_path / "a" / "b.zarr") as path:
        path.mkdir()
        raise error("stop")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_there_stays(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(ValueError, match="stop"), staged(tmp_path / "a" / "b.zarr"):
        raise ValueError("stop")
    assert list((tmp_path / "a").iterdir()) == []


def test_one_conversion_to_a_target_at_a_time(tmp_path):
    with staged(tmp_path / "b.zarr") as path:
        with pytest.raises(LockedError, match="is being written by process"), staged(tmp_path / "b.zarr"):
            pass
        path.mkdir()
    assert (tmp_path / "b.zarr").is_dir()


def test_a_target_that_appears_meanwhile_is_not_overwritten(tmp_path):
    with pytest.raises(ExistsError), staged(tmp_path / "b.zarr") as path:
        path.mkdir()
        (tmp_path / "b.zarr").write_text("mine")
    assert (tmp_path / "b.zarr").read_text() == "mine"
    assert [entry.name for entry in tmp_path.iterdir()] == ["b.zarr"]


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_conversion_leaves_no_target_and_the_next_one_sweeps(demo, tmp_path, stop):
    source, target = demo.dataset(tmp_path / "demo.zarr", (6, 9)), tmp_path / "buffer.zarr"
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n" + SLOW
    child = subprocess.Popen(
        [sys.executable, "-c", program, source, target], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert child.stdout.readline() == b"busy\n"
    child.send_signal(stop)
    child.wait(timeout=20)
    child.stdout.close()
    assert not target.exists()
    assert (tmp_path / ".buffer.zarr.converting").exists() == (stop != signal.SIGINT)
    convert(Request(path=source, target=target, to="umi"))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["buffer.zarr", "demo.zarr"]


@pytest.mark.parametrize("to", ["umi", "lerobot"])
def test_an_interrupt_at_any_step_leaves_nothing(demo, tmp_path, to):
    source = demo.dataset(tmp_path / "demo.zarr", (4, 4))

    def interrupt(done, total):
        if done == total - 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(Request(path=source, target=tmp_path / "there", to=to), interrupt)
    gc.collect()  # LeRobot writes what it still holds when it goes
    assert [entry.name for entry in tmp_path.iterdir()] == ["demo.zarr"]


@pytest.mark.parametrize("to", ["umi", "lerobot"])
def test_a_full_disk_is_one_line_and_leaves_nothing(demo, tmp_path, to, monkeypatch):
    source = demo.dataset(tmp_path / "demo.zarr", (6, 6))
    used = 0

    def limited(original):
        def write(self, *arguments, **options):
            nonlocal used
            used += 1
            if used > 5:
                raise OSError(errno.ENOSPC, "No space left on device")
            return original(self, *arguments, **options)

        return write

    monkeypatch.setattr(Path, "write_bytes", limited(Path.write_bytes))
    monkeypatch.setattr(PIL.Image.Image, "save", limited(PIL.Image.Image.save))
    with pytest.raises(StorageError, match=r"(?i)no space left on device") as refusal:
        convert(Request(path=source, target=tmp_path / "there", to=to))
    assert used == 6
    assert "recover" not in str(refusal.value)
    gc.collect()
    assert [entry.name for entry in tmp_path.iterdir()] == ["demo.zarr"]


def test_progress_counts_steps(demo, tmp_path):
    source, seen = demo.dataset(tmp_path / "demo.zarr", (4, 5)), []
    convert(Request(path=source, target=tmp_path / "b", to="umi"), lambda done, total: seen.append((done, total)))
    assert seen == [(done, 18) for done in range(1, 19)]


def test_what_is_there(demo, openhlm, tmp_path):
    assert detect(demo.dataset(tmp_path / "demo.zarr", (2,))) == HLM
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    for name, text in (
        ("empty", "no hlm dataset .* no LeRobot dataset .* OpenHLM"),
        ("file", "a file"),
        ("no", "nothing"),
    ):
        with pytest.raises(MissingFileError, match=f"nothing to convert at .*{name}: .*{text}"):
            detect(tmp_path / name)


def test_hlm_is_one_of_the_two(demo, openhlm, tmp_path):
    source = demo.dataset(tmp_path / "demo.zarr", (2,))
    with pytest.raises(InputError, match=r"is an hlm dataset already; choose --to lerobot or --to umi"):
        convert(Request(path=source, target=tmp_path / "x"))
    openhlm.episode(0)
    with pytest.raises(InputError, match=r"is OpenHLM's recordings; convert it to hlm first, then that to umi"):
        convert(Request(path=openhlm.root, target=tmp_path / "x", to="umi"))


def test_nothing_is_overwritten(demo, tmp_path):
    source = demo.dataset(tmp_path / "demo.zarr", (2,))
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("mine", "link", "demo.zarr"):
        with pytest.raises(ExistsError, match="is already there"):
            convert(Request(path=source, target=tmp_path / name, to="umi"))
    assert (tmp_path / "mine").read_text() == "mine"
    assert len(open_dataset(source)) == 1


def test_requests_that_make_no_sense(openhlm, tmp_path):
    with pytest.raises(UnknownNameError, match="no format 'parquet'"):
        Request(path=tmp_path, target=tmp_path, to="parquet")
    with pytest.raises(UnknownNameError, match="no source 'ghost'"):
        Request(path=tmp_path, target=tmp_path, source="ghost")
    with pytest.raises(InputError, match="rate must be positive"):
        Request(path=tmp_path, target=tmp_path, rate_hz=0.0)
    openhlm.episode(0)
    with pytest.raises(InputError, match=r"chosen by number, not by outcome"):
        convert(Request(path=openhlm.root, target=tmp_path / "x", episodes=("outcome=success",)))


def test_cameras_by_name():
    assert parse_cameras(("top=head", "left_wrist")) == {"top": "head", "left_wrist": "left_wrist"}
    assert chosen_cameras(("a", "b"), {}) == {"a": "a", "b": "b"}
    for words, text in (
        (("=head",), "names no camera"),
        (("a=b", "c=b"), "already taken"),
        (("a=B",), "must be lower-case"),
    ):
        with pytest.raises(InputError, match=text):
            parse_cameras(words)
    with pytest.raises(UnknownNameError, match=r"no camera 'hed'.*Did you mean 'head'"):
        chosen_cameras(("head",), {"hed": "head"})
