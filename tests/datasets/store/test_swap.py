"""Two folders change places, at once or in turn, and a kill in between is made good."""

import errno
from pathlib import Path

import pytest
from killing import killed_at

from hlm.core.errors import StorageError
from hlm.datasets.store import swap as module
from hlm.datasets.store.swap import finish_swap, swap

EVENTS = ("open", "os.rename", "os.remove")


@pytest.fixture(
    params=[0, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP], ids=["at once", "EINVAL", "ENOSYS", "EOPNOTSUPP"]
)
def file_system(request, monkeypatch):
    """One that exchanges folders, or refuses in one of the ways of those that cannot."""
    if request.param:
        monkeypatch.setattr(module, "_exchange", lambda first, second: request.param)


@pytest.fixture
def in_turn(monkeypatch):
    monkeypatch.setattr(module, "_exchange", lambda first, second: errno.EINVAL)


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "name").write_text(name)
    return tmp_path / "first", tmp_path / "second"


def names(*folders: Path) -> list[str]:
    return [(folder / "name").read_text() for folder in folders]


def test_folders_change_places(file_system, folders):
    swap(*folders)
    assert names(*folders) == ["second", "first"]
    with pytest.raises(FileNotFoundError):
        swap(folders[0], folders[0].with_name("nothing"))
    assert names(*folders) == ["second", "first"]
    assert len(list(folders[0].parent.iterdir())) == 2


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_kill_at_any_step_is_made_good(in_turn, folders):
    kills, seen = 0, []
    while killed_at(kills, lambda: swap(*folders), EVENTS):
        missing = not folders[0].exists()
        # The completion can be killed as well.
        for step in range(2):
            killed_at(step, lambda: finish_swap(folders[0]), EVENTS)
        finish_swap(folders[0])
        assert sorted(entry.name for entry in folders[0].parent.iterdir()) == ["first", "second"]
        swapped = names(*folders) == ["second", "first"]
        assert swapped or names(*folders) == ["first", "second"]
        assert swapped or not missing
        seen.append((swapped, missing))
        if swapped:
            swap(*folders)
        kills += 1
    assert {(False, False), (True, True), (True, False)} <= set(seen)


def test_nothing_to_finish(folders):
    finish_swap(folders[0])
    finish_swap(folders[0].with_name("nothing"))
    finish_swap(Path("/"))
    assert names(*folders) == ["first", "second"]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_link_to_a_folder_without_its_name_finds_it(in_turn, folders):
    link = folders[0].with_name("link")
    link.symlink_to("first")
    step = 0
    while folders[0].exists():
        assert killed_at(step, lambda: swap(*folders), EVENTS)
        step += 1
    finish_swap(link)
    assert names(*folders, link) == ["second", "first", "second"]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_what_took_the_place_meanwhile_is_not_thrown_away(in_turn, folders):
    step = 0
    while folders[0].exists():
        assert killed_at(step, lambda: swap(*folders), EVENTS)
        step += 1
    folders[0].mkdir()
    with pytest.raises(StorageError, match=r"first is new, but .* Move .*first away"):
        finish_swap(folders[0])
    folders[0].rmdir()
    finish_swap(folders[0])
    assert names(*folders) == ["second", "first"]
