import numpy as np
import pytest
from fakes_policies import said
from hypothesis import given
from hypothesis import strategies as st

from hlm.core.errors import InputError
from hlm.policies.transforms.text import NoText
from hlm.policies.transforms.vocabulary import Vocabulary


@given(st.lists(st.sampled_from(["put", "red", "cup", "on", "shelf"]), min_size=1, max_size=6))
def test_undo_gives_the_instruction_back(words):
    vocabulary = Vocabulary.fit(["put red cup on shelf now"])
    assert said(vocabulary, vocabulary.encode(" ".join(words)).numbers) == " ".join(words)


def test_case_and_punctuation_do_not_matter():
    vocabulary = Vocabulary.fit(["Put the red cup on the shelf."])
    np.testing.assert_array_equal(vocabulary.encode("put THE red, cup"), vocabulary.encode("put the red cup"))


def test_an_unknown_word_names_the_known_ones():
    vocabulary = Vocabulary.fit(["put the red cup"])
    with pytest.raises(InputError, match=r"does not know 'green', 'jug'.*cup, put, red, the"):
        vocabulary.encode("put the green jug")


def test_an_empty_or_too_long_instruction_is_refused():
    vocabulary = Vocabulary.fit(["put the cup"])
    with pytest.raises(InputError, match="instruction is empty"):
        vocabulary.encode(" . ")
    with pytest.raises(InputError, match="has 4 words; the policy reads at most 3"):
        vocabulary.encode("put the the cup")


def test_a_vocabulary_needs_words():
    with pytest.raises(InputError, match="no training episode has an instruction"):
        Vocabulary.fit(["", " "])


def test_the_mask_tells_words_from_empty_slots():
    vocabulary = Vocabulary.fit(["put the red cup down"])
    numbers, mask = vocabulary.encode("put cup")
    assert numbers.dtype == np.int64
    assert mask.tolist() == [True, True, False, False, False]
    assert not numbers[~mask].any()


def test_words_do_not_depend_on_the_state():
    vocabulary = Vocabulary.fit(["put the cup"])
    for plain, told in zip(vocabulary.encode("the cup"), vocabulary.encode("the cup", np.ones(34)), strict=True):
        np.testing.assert_array_equal(plain, told)


def test_without_text_any_instruction_is_no_tokens():
    numbers, mask = NoText().encode("whatever this is", np.ones(34))
    assert (numbers.shape, mask.shape, NoText().slots) == ((0,), (0,), 0)
    assert (numbers.dtype, mask.dtype) == (np.int64, bool)
