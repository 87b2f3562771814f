import pytest

from hlm.datasets.store.swap import swap


def test_folders_change_places(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        (folder / "name").write_text(folder.name)
    swap(first, second)
    assert (first / "name").read_text() == "second"
    assert (second / "name").read_text() == "first"
    with pytest.raises(FileNotFoundError):
        swap(first, tmp_path / "nothing")
