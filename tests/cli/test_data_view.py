"""Looking at episodes, as a person types it."""

import subprocess

import numpy as np
import pytest
from rerun.chunk import RrdReader

from hlm.cli import data_view
from hlm.cli.main import main
from hlm.core.layout import DIMENSIONS
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.writer import DatasetWriter

NAME = "mes données ½.zarr"


def record(path, embodiment="unitree_g1"):
    spec = DatasetSpec(embodiment=embodiment, rate_hz=30.0, cameras={"head": (8, 8)})
    with DatasetWriter.open(path, spec) as writer:
        for _ in range(2):
            with writer.episode(EpisodeInfo(instruction="look", source="scripted")) as episode:
                for step in range(3):
                    vector, image = np.full(DIMENSIONS, 0.01 * step), np.zeros((8, 8, 3), np.uint8)
                    episode.append(Step(round(step * 1e9 / 30), vector, vector, {"head": image}, {"head": 0.0}))
                episode.commit()
    return path


@pytest.fixture
def dataset(folder):
    record(folder / NAME)
    return NAME


@pytest.fixture
def viewer(monkeypatch):
    """Command lines of the viewer, which is not started."""
    calls = []

    def call(command, env):
        assert RrdReader(command[3]).recordings()[0].recording_id == f"{NAME} episode 0"
        calls.append((command, env))
        return 0

    monkeypatch.setattr(subprocess, "call", call)
    return calls


def robot_entities(file):
    chunks = RrdReader(file).store().stream().to_chunks()
    return {chunk.entity_path for chunk in chunks if chunk.entity_path.startswith("/robot/")}


def test_saving_a_recording(dataset, capsys):
    assert main(["data", "view", dataset, "--episode", "1", "--save", "one.rrd"]) == 0
    assert capsys.readouterr().out == "saved one.rrd; show it with: rerun one.rrd\n"
    assert RrdReader("one.rrd").recordings()[0].recording_id == f"{NAME} episode 1"
    assert {"/robot/pelvis", "/robot/left_finger_left"} <= robot_entities("one.rrd")


def test_another_robot_has_no_body(folder, capsys):
    record(folder / "other.zarr", embodiment="other")
    assert main(["data", "view", "other.zarr", "--save", "one.rrd"]) == 0
    assert "embodiment 'other' is unknown; its body is not shown" in capsys.readouterr().out
    assert not robot_entities("one.rrd")


def test_a_window(dataset, viewer, monkeypatch):
    monkeypatch.setenv("DISPLAY", ":0")
    assert main(["data", "view", dataset]) == 0
    [(command, _)] = viewer
    assert command[-4:] == ["--bind", "127.0.0.1", "--port", "auto"]


def test_a_browser_sees_only_this_machine(dataset, viewer, capsys, monkeypatch):
    monkeypatch.setattr(data_view, "_free", lambda port: port + 1)
    assert main(["data", "view", dataset, "--web"]) == 0
    [(command, _)] = viewer
    assert command[4:] == ["--bind", "127.0.0.1", "--serve-web", "--web-viewer-port", "9091", "--port", "9877"]
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "open http://127.0.0.1:9091?url=rerun%2Bhttp%3A%2F%2F127.0.0.1%3A9877%2Fproxy"
    assert said[1] == "from another machine first: ssh -L 9091:127.0.0.1:9091 -L 9877:127.0.0.1:9877 HOST"


def test_a_viewer_that_fails_is_one_line(dataset, monkeypatch, capsys):
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(subprocess, "call", lambda *_, **__: 1)
    assert main(["data", "view", dataset]) == 2
    assert capsys.readouterr().err == ("hlm: Rerun's viewer ended with exit code 1. Try --web, or --save FILE.rrd.\n")


def test_ctrl_c_ends_the_viewer_quietly(dataset, monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "call", interrupt)
    assert main(["data", "view", dataset, "--web"]) == 0
    assert capsys.readouterr().err == ""


def test_plot(dataset, folder, capsys):
    assert main(["data", "plot", dataset, "--save", "one.png"]) == 0
    assert capsys.readouterr().out == "saved one.png\n"
    assert (folder / "one.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["view", NAME], "no display to open a window on. Use --web, --save FILE.rrd"),
        (["view", NAME, "--save", "x.mp4"], "--save needs a file name that ends with .rrd"),
        (["view", NAME, "--save", "x.rrd", "--web"], "cannot be combined with --web"),
        (["view", NAME, "--save", "x.rrd", "--episode", "2"], "no episode 2 in"),
        (["view", NAME, "--save", "x.rrd", "--episode", "-1"], "episodes are numbered from 0"),
        (["view", NAME, "--save", "no/x.rrd"], "no folder no to write x.rrd into"),
        (["view", "nothing", "--save", "x.rrd"], "there is nothing"),
        (["plot", NAME, "--save", "x.jpg"], "needs a file name that ends with .png"),
        (["plot", NAME, "--save", "x.png", "--episode", "2"], "no episode 2 in"),
        (["plot", NAME], "--save is missing: "),
    ],
)
def test_bad_words_are_refused_in_one_line(refused, dataset, monkeypatch, words, text):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert text in refused("data", *words)
