import errno

import pytest

from hlm.datasets.store.cloning import clone, copy, link


@pytest.fixture
def original(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_text("content")
    (tmp_path / "a" / "pointer").symlink_to("b")
    return tmp_path / "a"


@pytest.mark.parametrize(("place", "shared"), [(link, True), (copy, False)])
def test_a_clone_has_the_same_content(original, place, shared):
    twin = original.with_name("twin")
    clone(original, twin, place)
    assert (twin / "b" / "file").read_text() == "content"
    assert (twin / "pointer").is_symlink()
    assert (twin / "b" / "file").samefile(original / "b" / "file") is shared


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EPERM])
def test_without_links_files_are_copied(original, monkeypatch, code):
    def refuse(*_args, **_kwargs):
        raise OSError(code, "no links here")

    monkeypatch.setattr("os.link", refuse)
    link(original / "b" / "file", original / "copy")
    assert (original / "copy").read_text() == "content"


def test_other_refusals_are_not_hidden(original):
    with pytest.raises(FileExistsError):
        link(original / "b" / "file", original / "b" / "file")
