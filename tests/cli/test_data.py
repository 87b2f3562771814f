import json
from dataclasses import replace

import numpy as np
import pytest

from hlm.cli.main import main
from hlm.cli.tables import duration
from hlm.core.inputs import DEVICE
from hlm.core.layout import DIMENSIONS
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.writer import DatasetWriter

SPEC = DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras={"head": (16, 24)})
INSTRUCTION = "put the [red] cup on the high shelf"


def append_steps(episode, steps, ages_s=None):
    for step in range(steps):
        vector = np.full(DIMENSIONS, 0.001 * step)
        image = np.full((16, 24, 3), 8 * step, np.uint8)
        stamp_ns = round(step * 1e9 / SPEC.rate_hz)
        episode.append(Step(stamp_ns, vector, vector, {"head": image}, ages_s or {"head": 0.01}))


def info():
    return EpisodeInfo(instruction=INSTRUCTION, source="scripted", task="shelf", seed=3, operator="script")


@pytest.fixture
def dataset(tmp_path):
    path = tmp_path / "some name.zarr"
    with DatasetWriter.open(path, SPEC) as writer:
        for _ in range(2):
            episode = writer.episode(info())
            append_steps(episode, 15)
            episode.commit(outcome="success", stage=4)
    return path


def test_info_shows_totals(dataset, capsys):
    assert main(["data", "info", str(dataset)]) == 0
    text = capsys.readouterr().out
    assert "2, 30 steps, 1.0 s" in text
    assert "head 24 x 16" in text
    assert f"2 {INSTRUCTION}" in text


@pytest.mark.parametrize(
    ("previews_s", "shown"),
    [((None, None), "unknown"), ((0.2, 0.2), "0.2 s"), ((0.2, None, 0.2), "0.2 s in 2 episodes, unknown in 1 episode")],
)
def test_info_shows_the_preview_that_was_recorded(tmp_path, capsys, previews_s, shown):
    path = tmp_path / "previews.zarr"
    with DatasetWriter.open(path, SPEC) as writer:
        for preview_s in previews_s:
            episode = writer.episode(replace(info(), preview_s=preview_s))
            append_steps(episode, 2)
            episode.commit()
    assert main(["data", "info", str(path)]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("preview")]
    assert line.removeprefix("preview").strip() == shown


def test_info_shows_how_old_what_a_persons_device_said_was(tmp_path, dataset, capsys):
    path = tmp_path / "person.zarr"
    with DatasetWriter.open(path, SPEC) as writer:
        episode = writer.episode(replace(info(), source="teleop"))
        append_steps(episode, 15, {DEVICE: 0.02})
        episode.commit()
    assert main(["data", "info", str(path)]) == 0
    assert "median 20, 99 % within 20, worst 20 ms, 1 episode" in capsys.readouterr().out
    assert main(["data", "info", str(dataset)]) == 0
    assert "device age" not in capsys.readouterr().out


def test_info_lists_episodes_when_asked(dataset, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    main(["data", "info", str(dataset), "--episodes"])
    steps = [line for line in capsys.readouterr().out.splitlines() if INSTRUCTION in line and "success" in line]
    assert len(steps) == 2


def test_verify_of_a_sound_dataset(dataset, capsys):
    assert main(["data", "verify", str(dataset)]) == 0
    assert "no problems" in capsys.readouterr().out


def test_verify_finds_a_flipped_byte(dataset, capsys):
    chunk = max((path for path in (dataset / "episode_000001" / "state").rglob("*") if path.is_file()), key=_size)
    flipped = bytearray(chunk.read_bytes())
    flipped[len(flipped) // 2] ^= 0xFF
    chunk.write_bytes(flipped)
    assert main(["data", "verify", str(dataset), "--json"]) == 1
    problems = json.loads(capsys.readouterr().out)
    assert [(problem["episode"], problem["array"]) for problem in problems] == [(1, "state")]


def test_recover_keeps_an_unfinished_episode(dataset, capsys):
    with DatasetWriter.open(dataset, SPEC) as writer, writer.episode(info()) as episode:
        append_steps(episode, 15)
    assert main(["data", "info", str(dataset)]) == 0
    assert "run `hlm data recover" in capsys.readouterr().out
    assert main(["data", "recover", str(dataset)]) == 0
    assert "episode 2: recovered, 15 steps" in capsys.readouterr().out
    assert main(["data", "info", str(dataset)]) == 0
    assert "2 success, 1 unlabelled" in capsys.readouterr().out


def test_nothing_to_recover(dataset, capsys):
    assert main(["data", "recover", str(dataset)]) == 0
    assert "nothing to recover" in capsys.readouterr().out


@pytest.mark.parametrize(("seconds", "text"), [(1.0, "1.0 s"), (150.0, "2.5 min"), (9000.0, "2.5 h")])
def test_duration(seconds, text):
    assert duration(seconds) == text


def _size(path):
    return path.stat().st_size
