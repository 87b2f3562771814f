from pathlib import Path

import pytest

from hlm.core.errors import CorruptError, InputError, UnknownNameError
from hlm.datasets.reader import open_dataset
from hlm.datasets.schema import EpisodeInfo
from hlm.datasets.selection import chosen_episodes, parse_selection, ranges

PATH = Path("cups.zarr")


def info(number):
    """Even ones succeed, every third is teleoperated; 4 was deleted."""
    return EpisodeInfo(
        instruction=f"put the {'red' if number < 5 else 'blue'} cup, please = now",
        source="scripted" if number % 3 else "teleop",
        outcome="failure" if number % 2 else "success",
        seed=100 + number,
        stage=None if number == 0 else number,
    )


INFOS = {number: info(number) for number in range(10) if number != 4}


def choose(*words):
    return parse_selection(words).choose(INFOS, PATH)


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ([], [0, 1, 2, 3, 5, 6, 7, 8, 9]),
        (["all"], [0, 1, 2, 3, 5, 6, 7, 8, 9]),
        (["3"], [3]),
        (["3", "1", "3"], [1, 3]),
        (["1,3,8-9"], [1, 3, 8, 9]),
        (["3-7"], [3, 5, 6, 7]),
        (["8-", "0"], [0, 8, 9]),
        (["8-1000"], [8, 9]),
        (["outcome=failure"], [1, 3, 5, 7, 9]),
        (["0-5", "outcome=failure"], [1, 3, 5]),
        (["outcome=failure", "source=teleop"], [3, 9]),
        (["outcome=failure", "outcome=success"], [0, 1, 2, 3, 5, 6, 7, 8, 9]),
        (["seed=103-106"], [3, 5, 6]),
        (["stage=1", "stage=9"], [1, 9]),
        (["instruction=put the blue cup, please = now"], [5, 6, 7, 8, 9]),
        (["instruction=*red*"], [0, 1, 2, 3]),
        (["task="], [0, 1, 2, 3, 5, 6, 7, 8, 9]),
    ],
)
def test_choice(words, numbers):
    assert choose(*words) == numbers


@pytest.mark.parametrize(
    ("words", "error", "text"),
    [
        (["4"], InputError, "no episode 4 in cups.zarr; it has 0-3, 5-9."),
        (["20-30"], InputError, "no episode 20-30 in cups.zarr; it has 0-3, 5-9."),
        (["7-3"], InputError, "range '7-3' runs backwards; write 3-7."),
        (["three"], InputError, "'three' selects no episodes. Write numbers"),
        (["-3"], InputError, "'-3' selects no episodes"),
        (["1,,2"], InputError, "'1,,2' selects no episodes"),
        (["9" * 20], InputError, "selects no episodes"),
        (["outcom=failure"], UnknownNameError, "no selection key 'outcom'. Known: .* Did you mean 'outcome'"),
        (["outcome=fail"], UnknownNameError, "no outcome 'fail'. .* Did you mean 'failure'"),
        (["source=humi"], InputError, "no episode of cups.zarr with source 'humi'; there is 'scripted', 'teleop'."),
        (["0-1", "stage=7"], InputError, "with stage '7' among 0-1; there is 1, none."),
        (["seed=x"], InputError, "'seed=x' selects no episodes"),
        (["instruction=put the [red] cup"], InputError, "with instruction 'put the \\[red\\] cup'; there is"),
    ],
)
def test_refusals(words, error, text):
    with pytest.raises(error, match=text):
        choose(*words)


def test_an_episode_that_cannot_be_read_can_only_be_named():
    infos = {**INFOS, 2: None}
    assert parse_selection(["2"]).choose(infos, PATH) == [2]
    assert parse_selection(["3-", "outcome=failure"]).choose(infos, PATH) == [3, 5, 7, 9]
    with pytest.raises(CorruptError, match=r"episode 2 of cups.zarr cannot be read, .* `hlm data delete cups.zarr 2`"):
        parse_selection(["outcome=failure"]).choose(infos, PATH)


@pytest.mark.parametrize("numbers", [[], [3], [0, 1, 2], [0, 2, 3, 9], [5, 6, 8, 9, 10]])
def test_ranges_read_back(numbers):
    words = [word.strip() for word in ranges(numbers).split(",") if word]
    assert not numbers or parse_selection(words).choose(dict.fromkeys(range(20)), PATH) == numbers
    assert bool(words) == bool(numbers)


def test_episodes_of_an_open_dataset(maker, path):
    dataset = open_dataset(maker.dataset(path, (1, 2, 3)))
    assert [episode.number for episode in chosen_episodes(dataset, ["0", "2"])] == [0, 2]
    with pytest.raises(InputError, match="no episode 3 in"):
        chosen_episodes(dataset, ["3"])
