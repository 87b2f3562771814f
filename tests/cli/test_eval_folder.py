import pytest

from hlm.cli import eval_folder
from hlm.cli.eval_folder import claim, clear, remove_half_films
from hlm.core.errors import ExistsError
from hlm.core.files import NEW


def test_of_two_processes_that_want_a_folder_one_gets_it(tmp_path, monkeypatch):
    # Both have looked before either has made it.
    monkeypatch.setattr(eval_folder, "must_be_new", lambda out: None)
    assert claim(tmp_path / "a" / "out").is_dir()
    with pytest.raises(ExistsError, match=r"was made by another process just now\. Name another --out"):
        claim(tmp_path / "a" / "out")


@pytest.mark.parametrize("make", ["mkdir", "touch", "dangling"])
def test_whatever_is_there_is_left_alone(tmp_path, make):
    out = tmp_path / "out"
    out.symlink_to("nowhere") if make == "dangling" else getattr(out, make)()
    with pytest.raises(ExistsError, match=r"out is already there\. Name another one"):
        claim(out)


def test_only_its_own_files_are_cleared(tmp_path):
    own = ["evaluation.json", "rollouts.jsonl", "seed_3.mp4", f"seed_4.mp4{NEW}"]
    for name in [*own, "notes.txt", "mine.mp4"]:
        (tmp_path / name).touch()
    remove_half_films(tmp_path)
    assert not (tmp_path / own[-1]).exists()
    clear(tmp_path, plan=False)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["evaluation.json", "mine.mp4", "notes.txt"]
    clear(tmp_path, plan=True)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["mine.mp4", "notes.txt"]
