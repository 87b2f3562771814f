import numpy as np
import pytest

from hlm.cli.main import main
from hlm.core.layout import DIMENSIONS
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Row
from hlm.datasets.writer import DatasetWriter

SIDE = 32
TINY = ["--network.width", "32", "--network.heads", "2", "--network.prefix-layers", "1", "--network.expert-layers", "1"]


def write_dataset(path):
    spec = DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras={"head": (SIDE, SIDE)})
    rng = np.random.default_rng(0)
    with DatasetWriter.open(path, spec) as writer:
        for seed in range(3):
            info = EpisodeInfo(instruction="lift the cup", source="scripted", task="lift", seed=seed, operator="script")
            episode = writer.episode(info)
            for row in range(60):
                vector = np.full(DIMENSIONS, 0.005 * row)
                image = rng.integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
                stamp_ns = round(row * 1e9 / spec.rate_hz)
                episode.append(Row(stamp_ns, vector, vector, {"head": image}, {"head": 0.0}))
            episode.commit(outcome="success")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A checkpoint that `hlm train` made in two updates."""
    folder = tmp_path_factory.mktemp("a run")
    write_dataset(folder / "lift.zarr")
    run = ["--steps", "2", "--batch", "4", "--threads", "1", "--device", "cpu", "--validation", "0.4"]
    assert main(["train", "--datasets", str(folder / "lift.zarr"), "--out", str(folder / "policy"), *run, *TINY]) == 0
    return folder / "policy"


def test_info(checkpoint, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["policy", "info", str(checkpoint)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "robot unitree_g1, 30 Hz" in text
    assert f"cameras head; {SIDE} x {SIDE} px" in text
    assert "words cup, lift, the" in text
    assert "trained 2 updates on" in text
    assert "resumable yes" in text


def test_card(checkpoint, capsys):
    assert main(["policy", "info", str(checkpoint), "--card"]) == 0
    assert capsys.readouterr().out.strip() == (checkpoint / "card.md").read_text(encoding="utf-8").strip()


def test_sampling_is_kept(checkpoint, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["policy", "sampling", str(checkpoint), "--euler-steps", "7", "--execute", "11"]) == 0
    assert main(["policy", "info", str(checkpoint)]) == 0
    assert capsys.readouterr().out.count("7 Euler steps, 11 actions per chunk") == 2


def test_damaged_weights_are_one_line(checkpoint, tmp_path, capsys):
    copy = tmp_path / "damaged"
    copy.mkdir()
    for file in checkpoint.iterdir():
        if file.is_file():
            (copy / file.name).write_bytes(file.read_bytes())
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert main(["policy", "info", str(copy)]) == 2
    assert "is damaged" in capsys.readouterr().err
