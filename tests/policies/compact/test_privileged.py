import pickle
from dataclasses import replace

import numpy as np
import pytest
from fakes_policies import said

from hlm.core.errors import CorruptError
from hlm.datasets.reader import open_dataset
from hlm.policies.compact.privileged import PrivilegedCandidates, instructions_of, reaching
from hlm.policies.transforms.vocabulary import Vocabulary


@pytest.fixture
def episodes(dataset_path):
    return open_dataset(dataset_path).episodes


@pytest.fixture
def privileged_of():
    """Privileged quantities of some episodes, and the vocabulary of their instructions."""

    def make(*episodes):
        text = Vocabulary.fit(instructions_of(episodes))
        return PrivilegedCandidates(episodes, text), text

    return make


@pytest.mark.parametrize(("episode", "step"), [(0, 0), (1, 13), (2, 23)])
def test_quantities_are_what_the_step_recorded(episodes, privileged_of, episode, step):
    privileged, text = privileged_of(*episodes)
    known, recorded = privileged(episodes[episode], step), episodes[episode]
    assert [said(text, tokens) for tokens in known["candidate_tokens"]] == list(recorded.info.candidates)
    np.testing.assert_array_equal(known["candidate_m"], recorded.privileged_quantity("candidate_in_hand_m")[step])
    np.testing.assert_array_equal(known["goal_m"], recorded.privileged_quantity("goal_in_hand_m")[step])
    assert known["candidate"] == recorded.info.candidate
    assert recorded.info.candidates[known["candidate"]] == recorded.info.instruction
    assert known["candidate_count"] == 2
    assert known["located"]


def test_steps_are_undecided_until_the_target_was_reached_once():
    distance_m = np.array([0.3, 0.2, 0.1, 0.05, 0.02, 0.2, 0.3, 0.4])
    stamp_ns = np.arange(8) * 400_000_000
    undecided, deciding = reaching(stamp_ns, np.stack([distance_m, np.zeros(8), np.zeros(8)], 1))
    assert undecided.tolist() == [True] * 3 + [False] * 5
    assert deciding.tolist() == [True] * 6 + [False] * 2


def test_a_target_that_was_never_reached_stays_undecided():
    undecided, deciding = reaching(np.arange(4) * 10**9, np.full((4, 3), 0.5))
    assert undecided.all()
    assert deciding.all()


def test_steps_tell_whether_they_are_undecided(episodes, privileged_of):
    privileged, _ = privileged_of(*episodes)
    episode = episodes[0]
    target_m = episode.privileged_quantity("candidate_in_hand_m")[:, episode.info.candidate]
    undecided, deciding = reaching(episode.stamp_ns, target_m)
    assert 0 < undecided.sum() < len(episode)
    steps = [privileged(episode, step) for step in range(len(episode))]
    assert [bool(step["undecided"]) for step in steps] == undecided.tolist()
    assert [bool(step["deciding"]) for step in steps] == deciding.tolist()


def test_lists_of_candidates_are_as_long_as_the_longest(episodes, privileged_of):
    plain = episodes[1].with_instruction("tidy up")
    plain.info = replace(plain.info, candidates=(), candidate=None)
    privileged, _ = privileged_of(episodes[0], plain)
    for name, value in privileged(episodes[0], 0).items():
        assert value.shape == privileged(plain, 5)[name].shape, name


def test_privileged_of_other_candidates_than_are_told_are_refused(episodes, privileged_of):
    episode = episodes[0]
    episode.info = replace(episode.info, candidates=(episode.info.instruction,), candidate=0)
    with pytest.raises(CorruptError, match=r"candidate_in_hand_m has shape \[24, 2, 3\], expected \[24, 1, 3\]"):
        privileged_of(episode)[0](episode, 0)


def test_an_episode_that_names_no_candidates_has_its_own_instruction_and_no_positions(episodes, privileged_of):
    episode = episodes[0]
    episode.info = replace(episode.info, candidates=(), candidate=None)
    privileged, text = privileged_of(episode, episodes[1])
    known = privileged(episode, 3)
    assert said(text, known["candidate_tokens"][0]) == episode.info.instruction
    assert (known["candidate"], known["candidate_count"]) == (0, 1)
    assert not any(known[name] for name in ("located", "undecided", "deciding"))
    assert not known["candidate_m"].any()
    assert known["candidate_m"].shape == (2, 3)


def test_a_prompt_rewords_the_candidate_that_was_given(episodes, privileged_of):
    recorded = episodes[0].info
    told = episodes[0].with_instruction("tidy up")
    given, other = recorded.candidate, 1 - recorded.candidate
    assert instructions_of([told])[given] == "tidy up"
    assert instructions_of([told])[other] == recorded.candidates[other]
    privileged, text = privileged_of(told, episodes[1])
    known, before = privileged(told, 3), privileged_of(episodes[0])[0](episodes[0], 3)
    assert said(text, known["candidate_tokens"][given]) == "tidy up"
    assert said(text, known["candidate_tokens"][other]) == recorded.candidates[other]
    # Everything but the words is as it was recorded.
    for name in known.keys() - {"candidate_tokens"}:
        np.testing.assert_array_equal(known[name], before[name], name)
    assert episodes[0].info == recorded


def test_one_candidate_alone_leaves_nothing_undecided(dataset_path, privileged_of, monkeypatch):
    episode = open_dataset(dataset_path).episodes[0]
    only = episode.privileged_quantity("candidate_in_hand_m")[:, :1]
    read = episode.privileged_quantity
    monkeypatch.setattr(episode, "privileged_quantity", lambda name: only if "cand" in name else read(name))
    episode.info = replace(episode.info, candidates=(episode.info.instruction,), candidate=0)
    privileged, _ = privileged_of(episode)
    known = privileged(episode, 0)
    assert known["located"]
    assert known["deciding"]
    assert not known["undecided"]


def test_what_a_worker_is_sent_does_not_grow(episodes, privileged_of):
    privileged, _ = privileged_of(*episodes)
    fresh = pickle.dumps(privileged)
    before = privileged(episodes[0], 3)
    assert pickle.dumps(privileged) == fresh
    after = pickle.loads(fresh)(episodes[0], 3)
    assert all(np.array_equal(after[name], value) for name, value in before.items())
    assert privileged(episodes[0], 3)["candidate_tokens"] is before["candidate_tokens"]
