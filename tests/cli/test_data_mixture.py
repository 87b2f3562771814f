"""`hlm data stats` and `hlm data mixture` show what the library says, in a table and as JSON."""

import json

import numpy as np
import pytest

from hlm.cli.main import main
from hlm.core.layout import DIMENSIONS, NAMES
from hlm.datasets.mixture import open_mixture
from hlm.datasets.reader import open_dataset
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.statistics import Statistics, statistics
from hlm.datasets.writer import DatasetWriter

MIXTURE = """
datasets:
  - path: demo.zarr
    weight: 3
    source: teleop
  - path: demo.zarr
    weight: 1
    source: humi
    outcome: [success, unlabelled]
    prompt: point at it
"""


@pytest.fixture(autouse=True)
def _wide_screen_and_own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))


@pytest.fixture
def dataset(folder):
    """Three episodes: teleop, teleop that failed, HuMI without a head camera; the first dimension stands still."""
    path = folder / "demo.zarr"
    spec = DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras={"head": (8, 8), "left_wrist": (8, 8)})
    rng = np.random.default_rng(0)
    described = (("teleop", "success", 30), ("teleop", "failure", 9), ("humi", "unlabelled", 10))
    with DatasetWriter.open(path, spec) as writer:
        for source, outcome, steps in described:
            episode = writer.episode(EpisodeInfo(instruction="wave", source=source))
            for step in range(steps):
                vector = rng.normal(size=DIMENSIONS)
                vector[0] = 0.0001 * step
                image = np.full((8, 8, 3), step, np.uint8)
                images = {"left_wrist": image} if source == "humi" else {"head": image, "left_wrist": image}
                episode.append(Step(round(step * 1e9 / 30), vector, vector, images, {"state": 0.0}))
            episode.commit(outcome=outcome)
    return path


@pytest.fixture
def mixture(dataset):
    path = dataset.with_name("both.yaml")
    path.write_text(MIXTURE)
    return path


def shown(capsys, *words):
    assert main(["data", *words]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def cells(text, first):
    (line,) = (line for line in text.splitlines() if line.strip("│ ").startswith(first))
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_stats_of_a_dataset(dataset, capsys):
    text = shown(capsys, "stats", str(dataset), "source=teleop")
    state = statistics(open_dataset(dataset).episodes[:2]).state
    assert "39 teleop" in text
    assert text.count(NAMES[5]) == text.count(NAMES[33]) == 2
    step = cells(text.split("action")[0], NAMES[5])
    figures = (state.q01, state.q99, state.mean, state.std, state.min, state.max)
    assert step == [NAMES[5], "rad", *(f"{figure[5]:.3f}" for figure in figures), ""]
    assert cells(text.split("action")[0], NAMES[0])[-1] == "still"


def test_stats_by_source(dataset, capsys):
    text = shown(capsys, "stats", str(dataset))
    humi = statistics(open_dataset(dataset).episodes[2:]).state
    assert "39 teleop, 10 humi" in text
    assert cells(text.split("action")[0], NAMES[7])[-1] == f"{humi.q01[7]:.3f}, {humi.q99[7]:.3f}"


def test_stats_as_json(dataset, mixture, capsys):
    document = json.loads(shown(capsys, "stats", str(dataset), "0", "--json"))
    assert Statistics.from_dict(document).to_dict() == statistics(open_dataset(dataset).episodes[:1]).to_dict()
    assert list(document["sources"]) == ["teleop"]
    document = json.loads(shown(capsys, "stats", str(mixture), "--json"))
    assert Statistics.from_dict(document).to_dict() == open_mixture(mixture).statistics().to_dict()
    assert {name: found["steps"] for name, found in document["sources"].items()} == {"teleop": 30, "humi": 10}


def test_mixture_shows_what_it_takes_and_draws(mixture, capsys):
    text = shown(capsys, "mixture", str(mixture), "--draws", "4096")
    assert "2, 40 steps, 1.3 s" in text
    assert "1 teleop, 1 humi" in text
    assert "1 point at it" in text
    steps = [[cell.strip() for cell in line.strip("│").split("│")][1:] for line in text.splitlines() if "│" in line]
    assert steps == [
        ["1 of 3", "1 by source, 1 by outcome", "30", "75.00%", "75.00%", "102.40", ""],
        ["1 of 3", "2 by source", "10", "25.00%", "25.00%", "102.40", "head in 1"],
    ]


def test_mixture_as_json(mixture, capsys):
    document = json.loads(shown(capsys, "mixture", str(mixture), "--draws", "8", "--seed", "3", "--json"))
    assert document["embodiment"] == "unitree_g1"
    teleop, humi = document["datasets"]
    assert teleop["removed"] == {"source": 1, "outcome": 1}
    assert teleop["drawn"] + humi["drawn"] == 8
    assert humi["realised"] == humi["drawn"] / 8
    assert humi["lacking"] == {"head": 1}
    assert humi["prompt"] == "point at it"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("stats", "demo.zar"), "Did you mean 'demo.zarr'"),
        (("stats", "demo.zarr", "source=policy"), "no episode of demo.zarr with source 'policy'"),
        (("stats", "both.yaml", "0"), "both.yaml is a mixture, which selects its own episodes"),
        (("mixture", "demo.zarr"), "this is a folder; a mixture is a YAML file"),
        (("mixture", "nothing.yaml"), "there is nothing"),
        (("mixture", "both.yaml", "--draws", "0"), "--draws must be at least 1, got 0"),
        (("mixture", "both.yaml", "--seed", "-1"), "position and seed must not be negative"),
    ],
)
def test_what_cannot_be_shown_is_one_line(mixture, refused, words, text):
    assert text in refused("data", *words)
