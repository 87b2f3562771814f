import pytest

from hlm.core.errors import InputError
from hlm.datasets.store.naming import array_names, checked_name, episode_folder, is_episode_folder, numbered_episodes


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("number", [0, 7, 999_999, 1_000_000])
def test_a_folder_is_found_by_its_number(tmp_path, number, partial):
    folder = tmp_path / episode_folder(number, partial=partial)
    folder.mkdir()
    assert is_episode_folder(folder.name)
    assert numbered_episodes(tmp_path, partial=partial) == [(number, folder)]
    assert numbered_episodes(tmp_path, partial=not partial) == []


@pytest.mark.parametrize("name", ["episode_1", "episode_0000001", "episode_00000x", "Episode_000001", "label"])
def test_other_folders_are_no_episodes(tmp_path, name):
    (tmp_path / name).mkdir()
    assert numbered_episodes(tmp_path, partial=False) == []


def test_arrays_of_an_episode():
    names = array_names(["head", "state"], ["goal_m"])
    assert names == ["stamp_ns", "state", "action", "age_head_s", "age_state_s", "privileged/goal_m"]


@pytest.mark.parametrize("name", ["", "Head", "1head", "a/b", "../a", "a b", "ä", None])
def test_names_that_cannot_be_part_of_an_array(name):
    with pytest.raises(InputError, match=r"camera name .* must be lower-case letters, digits and _, starting with"):
        checked_name("camera", name)
