"""Stamps that name their steps, and who was in command of them."""

import re

import numpy as np
import pytest

from hlm.core.errors import CorruptError, InputError
from hlm.datasets.command import IN_COMMAND, CommandLog, Stretch, command_text, commanders, in_command, stretches
from hlm.datasets.edits import operations
from hlm.datasets.edits.edit import edit
from hlm.datasets.reader import open_dataset
from hlm.datasets.verify import verify
from hlm.datasets.writer import DatasetWriter

NAMES = ["policy"] * 8 + ["scripted"] * 6 + ["policy"] * 4


def logged(maker, names):
    log = CommandLog()
    for step, name in enumerate(names):
        log.note(maker.step(0, step).stamp_ns, name)
    return log


def written(maker, path, names=NAMES, **changes):
    """A dataset of one episode with these in command."""
    log = logged(maker, names)
    with DatasetWriter.open(path, maker.spec) as writer:
        episode = writer.episode(maker.info())
        for step in range(len(names)):
            vector = np.full(34, 0.1 * max(step - 5, 0))
            episode.append(maker.step(0, step, state=vector, action=vector))
        episode.commit(outcome="success", extra={**log.extra, **changes})
    (found,) = open_dataset(path)
    return found


def test_what_is_read_back_is_what_was_noted(maker, path):
    episode = written(maker, path)
    assert in_command(episode) == NAMES
    assert commanders(episode.info) == ("policy", "scripted", "policy")
    assert command_text(episode) == "policy from 0.0 s, scripted from 0.3 s, policy from 0.5 s"


def test_it_survives_trimming(maker, path):
    written(maker, path)
    edit(path, lambda content: operations.trim(content, ["0"], operations.Idle(still=0.01, leave_s=0.0)))
    (episode,) = open_dataset(path)
    cut = episode.info.extra["trimmed"]
    assert cut["steps_before"] > 0
    assert in_command(episode) == NAMES[cut["steps_before"] : len(NAMES) - cut["steps_after"]]


def test_who_takes_over_is_counted_and_handing_back_is_not(maker):
    assert logged(maker, NAMES).takeovers == 1
    assert logged(maker, [*NAMES, "keyboard", "policy", "scripted"]).takeovers == 3
    assert logged(maker, ["policy"] * 3).takeovers == 0


def test_one_source_alone_says_nothing(maker):
    log = logged(maker, [""] * 3)
    assert (log.extra, log.takeovers) == ({}, 0)


def test_stretches_cover_all_steps_once():
    found = stretches(NAMES)
    assert found == [Stretch("policy", 0, 8), Stretch("scripted", 8, 14), Stretch("policy", 14, 18)]
    assert stretches([]) == []


def test_an_episode_that_does_not_say_is_one_line(maker, path):
    (episode,) = open_dataset(maker.dataset(path, (5,)))
    with pytest.raises(InputError, match="does not say who was in command; only episodes with a takeover do"):
        in_command(episode)
    assert commanders(episode.info) == ()


@pytest.mark.parametrize(
    ("told", "text"),
    [
        ("me", "must be a list of .stamp_ns, name.; it is 'me'"),
        ([[0, "policy", 1]], "must be a list of .stamp_ns, name."),
        ([[5, "policy"], [5, "scripted"]], "must increase"),
        ([[10**12, "policy"]], "does not say who was in command at its first step"),
        ([], "does not say who was in command at its first step"),
    ],
)
def test_nonsense_is_told(maker, path, told, text):
    episode = written(maker, path, **{IN_COMMAND: told})
    with pytest.raises(CorruptError, match=text):
        in_command(episode)
    assert any(re.search(text, problem.text) for problem in verify(path))
