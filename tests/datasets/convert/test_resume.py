"""A conversion that was killed goes on, and its result is that of one that was not."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hlm.core.errors import HlmError
from hlm.datasets.convert.convert import Request, convert
from hlm.datasets.convert.lerobot_openhlm import Repairs
from hlm.datasets.convert.progress import Progress
from hlm.datasets.convert.report import Converted
from hlm.datasets.convert.source_identity import source_identity
from hlm.datasets.convert.staging import PROGRESS_FILE, resumable, stage_folder
from hlm.datasets.reader import open_dataset
from hlm.datasets.store.images import ImageFormat, codec_of

CONVERT = """
import os, signal, sys
from pathlib import Path
from hlm.datasets.convert import progress
from hlm.datasets.convert.convert import Request, convert

source, target, place = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
kept = 0

def die():
    os.kill(os.getpid(), signal.SIGKILL)

plain = progress.Progress.add

def add(self, *arguments):
    global kept
    if place == f"before keeping {kept}":
        die()
    outcome = plain(self, *arguments)
    if place == f"after keeping {kept}":
        die()
    kept += 1
    return outcome

progress.Progress.add = add
shown = 0

def show(done, total):
    global shown
    shown += 1
    if place == f"at step {shown}":
        die()

convert(Request(path=source, target=target), show)
"""


def content(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def kill(source: Path, target: Path, place: str) -> None:
    child = subprocess.run([sys.executable, "-c", CONVERT, source, target, place], check=False)
    assert child.returncode == -signal.SIGKILL
    assert not target.exists()


@pytest.fixture
def recordings(openhlm):
    """Three episodes: one whole, one in two pieces, one that is rejected."""
    openhlm.episode(0, 20)
    split = openhlm.steps(1, 30)
    split[12]["state_body"] = None
    openhlm.episode(1, 30, content=split)
    (openhlm.episode(2) / "videos" / "rgb_left.mp4").unlink()
    openhlm.episode(3, 20)
    return openhlm.root


@pytest.fixture
def resumed(tmp_path):
    """Kills a conversion, goes on, and compares; returns what was said."""

    def run(source, *places):
        convert(Request(path=source, target=tmp_path / "whole" / "out.zarr"))
        wanted = content(tmp_path / "whole" / "out.zarr")
        said = []
        for place in places:
            kill(source, tmp_path / "out.zarr", place)
        report = convert(Request(path=source, target=tmp_path / "out.zarr"), say=said.append)
        assert content(tmp_path / "out.zarr") == wanted
        assert not stage_folder(tmp_path / "out.zarr").exists()
        shutil.rmtree(tmp_path / "whole")
        return report, said

    return run


@pytest.mark.parametrize(
    ("places", "done"),
    [
        (["at step 25"], "1 episode"),
        (["before keeping 1"], "1 episode"),
        (["after keeping 2"], "3 episodes"),
        (["after keeping 0", "at step 8", "after keeping 2"], "4 episodes"),
    ],
)
def test_recordings_go_on_after_kills(recordings, resumed, places, done):
    report, said = resumed(recordings, *places)
    assert said == [f"going on with an interrupted conversion: {done} done"]
    assert [one.episodes for one in report.episodes] == [(0,), (1, 2), (), (3,)]


def test_lerobot_datasets_go_on_after_a_kill(demo, tmp_path, resumed):
    exported = tmp_path / "lerobot"
    convert(Request(path=demo.dataset(tmp_path / "demo.zarr"), target=exported, to="lerobot"))
    report, said = resumed(exported, "at step 10")
    assert said == ["going on with an interrupted conversion: 1 episode done"]
    assert len(report.kept) == 3


def test_what_is_done_is_not_done_again(recordings, tmp_path):
    kill(recordings, tmp_path / "out.zarr", "after keeping 1")
    seen = []
    convert(Request(path=recordings, target=tmp_path / "out.zarr"), lambda done, total: seen.append(done))
    assert min(seen) > 20 + 30


CHANGES = {
    "another size": lambda root: (root / "pour/episode_0003/data.json").open("a").write(" "),
    "another time": lambda root: os.utime(root / "pour/episode_0000/videos/rgb_left.mp4"),
    "another file": lambda root: (root / "pour/episode_0003/notes").write_text("x"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_source_starts_over_and_says_so(recordings, tmp_path, change):
    kill(recordings, tmp_path / "out.zarr", "after keeping 1")
    CHANGES[change](recordings)
    said, seen = [], []
    request = Request(path=recordings, target=tmp_path / "out.zarr")
    report = convert(request, lambda done, total: seen.append(done), said.append)
    (line,) = said
    assert line.startswith("an earlier conversion to out.zarr was interrupted; its source, its options or hlm")
    assert line.endswith("so it starts over")
    assert min(seen) == 1
    assert report.made == 4


def test_other_options_start_over(recordings, tmp_path):
    kill(recordings, tmp_path / "out.zarr", "after keeping 1")
    said = []
    convert(Request(path=recordings, target=tmp_path / "out.zarr", episodes=("0",)), say=said.append)
    assert "so it starts over" in said[0]


def test_another_image_format_starts_over(recordings, tmp_path):
    kill(recordings, tmp_path / "out.zarr", "after keeping 1")
    said = []
    request = Request(path=recordings, target=tmp_path / "out.zarr", image_format=ImageFormat("avif", 40))
    convert(request, say=said.append)
    assert "so it starts over" in said[0]
    for episode in open_dataset(tmp_path / "out.zarr"):
        with episode.frames("head") as frames:
            assert codec_of(frames.file(0)) == "avif"


def test_exports_start_over_and_say_so(demo, tmp_path):
    source, target = demo.dataset(tmp_path / "demo.zarr", (3,)), tmp_path / "b.zarr"
    (stage_folder(target) / target.name).mkdir(parents=True)
    said = []
    convert(Request(path=source, target=target, to="umi"), say=said.append)
    assert said == ["an earlier conversion to b.zarr was interrupted; exports cannot go on, so it starts over"]


@pytest.mark.parametrize("after", [5, 45])
def test_an_interrupt_keeps_what_is_complete(recordings, tmp_path, after):
    def interrupt(done, total):
        if done == after:
            raise KeyboardInterrupt

    target = tmp_path / "new" / "out.zarr"
    with pytest.raises(KeyboardInterrupt):
        convert(Request(path=recordings, target=target), interrupt)
    assert not target.exists()
    # The first episode has 20 steps. Without anything to go on with, nothing stays.
    assert target.parent.exists() == stage_folder(target).exists() == (after > 20)
    said = []
    convert(Request(path=recordings, target=target), say=said.append)
    assert [*map(str, target.parent.iterdir())] == [str(target)]
    assert len(said) == (after > 20)


def test_an_error_keeps_nothing(tmp_path):
    with pytest.raises(HlmError, match="stop"), resumable(tmp_path / "out", "same", print) as stage:
        stage.path.mkdir()
        stage.progress.add(Converted(name="a", episodes=(0,), steps=1, found=1))
        raise HlmError("stop")
    assert list(tmp_path.iterdir()) == []


def test_what_was_put_right_before_a_kill_is_still_said(tmp_path):
    first = Repairs()
    first.absent("head", 1)
    for episode in (1, 1, 2):
        first.saw("left_wrist", episode, np.zeros((2, 2, 3), np.uint8))
    first.turned(2, 4)
    progress, second = Progress(tmp_path / PROGRESS_FILE), Repairs()
    for episode in range(3):
        progress.add(Converted(name=f"{episode}", episodes=(episode,), steps=1, found=1), first.of(episode))
    for episode in range(3):
        second.put_back(episode, Progress(tmp_path / PROGRESS_FILE).facts(f"{episode}"))
    assert second.notes() == first.notes()
    assert len(first.notes()) == 3


def test_a_line_that_was_cut_off_was_never_kept(tmp_path):
    file = tmp_path / PROGRESS_FILE
    outcomes = [Converted(name=f"e\u00e9\n{n}", episodes=(n, n + 7), steps=n, found=9, reason="r") for n in range(3)]
    for outcome in outcomes:
        assert Progress(file).add(outcome) is outcome
    assert [Progress(file).outcome(one.name) for one in outcomes] == outcomes
    whole = file.read_bytes()
    file.write_bytes(whole[:-5])
    progress = Progress(file)
    assert len(progress) == 2
    assert progress.numbers == {0, 1, 7, 8}
    progress.add(outcomes[2])
    assert file.read_bytes() == whole


def test_an_identity_follows_links_and_ends(tmp_path):
    source, bulk = tmp_path / "source", tmp_path / "bulk"
    source.mkdir()
    bulk.mkdir()
    (bulk / "file").write_text("x")
    (source / "videos").symlink_to(bulk)
    (bulk / "up").symlink_to(source)
    (source / "dangling").symlink_to("nowhere")
    before = source_identity(source, "options")
    assert before == source_identity(source, "options") != source_identity(source, "others")
    (bulk / "file").write_text("xy")
    assert source_identity(source, "options") != before
