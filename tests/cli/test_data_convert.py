import json

import cv2
import numpy as np
import pytest

from hlm.cli.main import main
from hlm.core.layout import DIMENSIONS
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.writer import DatasetWriter

SIZE = (32, 48)


@pytest.fixture
def dataset(folder):
    path = folder / "some name.zarr"
    spec = DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras={"head": SIZE})
    with (
        DatasetWriter.open(path, spec) as writer,
        writer.episode(EpisodeInfo(instruction="go", source="teleop")) as one,
    ):
        for step in range(4):
            vector, image = np.full(DIMENSIONS, 0.01 * step), np.full((*SIZE, 3), 30 * step, np.uint8)
            one.append(Step(step * 33_333_333, vector, vector, {"head": image}, {}))
        one.commit(outcome="success")
    return path


@pytest.fixture
def recordings(folder):
    """One whole episode of OpenHLM's and one whose video is not one."""
    for number in range(2):
        videos = folder / "raw" / "pour" / f"episode_{number:04d}" / "videos"
        videos.mkdir(parents=True)
        writer = cv2.VideoWriter(str(videos / "wrist_rgb_left.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 30.0, SIZE[::-1])
        for _ in range(5):
            writer.write(np.full((*SIZE, 3), 90, np.uint8))
        writer.release()
        hands = {f"{kind}_hand_{side}": 0.5 for kind in ("state", "action") for side in ("left", "right")}
        body = {"state_body": [0.0] * 32, "action_body": [0.0] * 32}
        place = {"video_path": "videos/wrist_rgb_left.mp4"}
        steps = [{"idx": step, "wrist_rgb_left": place | {"frame_index": step}, **body, **hands} for step in range(5)]
        content = {"info": {"video": {"fps": 30}}, "text": {"goal": "pour"}, "data": steps}
        (videos.parent / "data.json").write_text(json.dumps(content))
    (videos / "wrist_rgb_left.mp4").write_bytes(b"no video")
    return folder / "raw"


def test_convert_says_what_it_found_and_what_it_lost(recordings, capsys):
    assert main(["data", "convert", str(recordings), "out.zarr"]) == 1
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "OpenHLM's recordings" in text
    assert "pour/episode_0001 rejected 0 of ?" in text
    assert "1 of 2 episodes, 5 steps in out.zarr" in text
    assert main(["data", "info", "out.zarr"]) == 0
    assert "humi    1 " in capsys.readouterr().out


def test_convert_says_what_an_interrupt_leaves(recordings, monkeypatch, capsys):
    first, second = (
        recordings / "pour" / f"episode_000{number}" / "videos" / "wrist_rgb_left.mp4" for number in (0, 1)
    )
    second.write_bytes(first.read_bytes())

    def interrupt(recording, spec):
        if "0001" in recording.name:
            raise KeyboardInterrupt

    with monkeypatch.context() as interrupted:
        interrupted.setattr("hlm.datasets.convert.openhlm_import._check_sizes", interrupt)
        assert main(["data", "convert", str(recordings), "out.zarr"]) == 130
    told = "out.zarr was not written; the same command goes on with what is in .out.zarr.converting"
    assert told in " ".join(capsys.readouterr().err.split())
    assert main(["data", "convert", str(recordings), "out.zarr"]) == 0
    text = capsys.readouterr().out
    assert "going on with an interrupted conversion: 1 episode done" in text
    assert "2 of 2 episodes, 10 steps in out.zarr" in text


def test_convert_to_umi(dataset, folder, capsys):
    assert main(["data", "convert", str(dataset), "b.zarr.zip", "--to", "umi", "--episodes", "outcome=success"]) == 0
    assert "an hlm dataset" in capsys.readouterr().out
    assert (folder / "b.zarr.zip").is_file()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["some name.zarr", "x"], "choose --to lerobot or --to umi"),
        (["some name.zarr", "some name.zarr", "--to", "umi"], "is already there"),
        (["nothing", "x"], "nothing to convert at nothing"),
        (["some name.zarr", "x", "--to", "umi", "--cameras", "top"], "no camera 'top'. Known: head."),
        (["some name.zarr", "x", "--to", "umi", "--episodes", "5"], "no episode 5"),
        (
            ["some name.zarr", "x", "--to", "umi", "--image-codec", "avif"],
            "image codec and quality are for conversions to hlm",
        ),
        (["raw", "x", "--image-quality", "0"], "image quality must be from 1 to 100, got 0"),
        (["some name.zarr", "x", "--to", "umi", "--gripper-range", "0", "85"], "leave --gripper-range out"),
    ],
)
def test_convert_refuses_in_one_line(dataset, recordings, refused, words, text):
    assert text in refused("data", "convert", *words)
