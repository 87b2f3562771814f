import numpy as np
import pytest

from hlm.core.errors import InputError, MismatchError, MissingFileError
from hlm.policies.pi05.tokenizer import PromptTokenizer
from hlm.policies.transforms.state_prompt import prompt


@pytest.fixture
def tokenizer(tokenizer_folder):
    return PromptTokenizer.load(tokenizer_folder, slots=60)


def test_a_prompt_is_filled_up_on_the_right(tokenizer):
    state = np.array([-1.0, 0.0, 1.0], np.float32)
    numbers, mask = tokenizer.encode("pick_up the cup\n", state)
    text = prompt("pick_up the cup\n", state)
    assert numbers.dtype == np.int64
    assert len(numbers) == len(mask) == tokenizer.slots == 60
    assert mask.sum() == 1 + len(text)
    assert numbers[0] == tokenizer.tokenizer.bos_token_id
    assert tokenizer.tokenizer.decode(numbers[mask][1:]) == text
    assert mask[: mask.sum()].all()
    assert not numbers[~mask].any()


def test_without_a_state_the_instruction_stands_alone(tokenizer):
    numbers, mask = tokenizer.encode("wave")
    assert tokenizer.tokenizer.decode(numbers[mask][1:]) == "wave\n"


def test_tokens_are_lerobots(tokenizer, tokenizer_folder):
    import torch
    from lerobot.lerobot_types import TransitionKey
    from lerobot.policies.pi05.processor_pi05 import Pi05PrepareStateTokenizerProcessorStep
    from lerobot.processor import TokenizerProcessorStep

    state = torch.tensor([[-1.3, -0.51, 0.0, 0.99, 1.0]])
    transition = {
        TransitionKey.OBSERVATION: {"observation.state": state},
        TransitionKey.COMPLEMENTARY_DATA: {"task": ["put the_cup away"]},
    }
    transition = Pi05PrepareStateTokenizerProcessorStep()(transition)
    step = TokenizerProcessorStep(
        tokenizer=tokenizer.tokenizer, max_length=60, padding_side="right", padding="max_length"
    )
    theirs = step(transition)[TransitionKey.OBSERVATION]
    numbers, mask = tokenizer.encode("put the_cup away", state[0].numpy())
    assert theirs["observation.language.tokens"][0].tolist() == numbers.tolist()
    assert theirs["observation.language.attention_mask"][0].tolist() == mask.tolist()


def test_what_does_not_fit_is_refused_with_its_length(tokenizer):
    state = np.zeros(3, np.float32)
    length = 1 + len(prompt("x" * 40, state))
    with pytest.raises(InputError, match=rf"with a state of 3 dimensions has {length} tokens; .* at most 60: 'xxx"):
        tokenizer.encode("x" * 40, state)
    with pytest.raises(InputError, match="the instruction has 62 tokens"):
        tokenizer.encode("x" * 60)
    assert tokenizer.encode("x" * 58)[1].all()


def test_an_instruction_is_checked_for_every_state(tokenizer):
    tokenizer.check("wave", 5)
    tokenizer.check("wave", 0)
    # It fits with short numbers, and would not with long ones.
    instruction = "x" * 15
    tokenizer.encode(instruction, np.full(6, -0.99, np.float32))
    with pytest.raises(InputError, match="tokens; the policy reads at most 60"):
        tokenizer.check(instruction, 6)


def test_saved_and_loaded_it_gives_the_same_without_a_network(tokenizer, tmp_path, monkeypatch):
    tokenizer.save(tmp_path / "tokenizer")
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("asked the network"))
    again = PromptTokenizer.load(tmp_path / "tokenizer", slots=60)
    state = np.linspace(-1, 1, 5)
    for before, after in zip(tokenizer.encode("wave", state), again.encode("wave", state), strict=True):
        assert np.array_equal(before, after)


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    with pytest.raises(MissingFileError, match=r"no usable tokenizer in .*"):
        PromptTokenizer.load(tmp_path)


def test_a_tokenizer_that_cannot_be_fetched_names_the_command(monkeypatch):
    def refuse(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    with pytest.raises(
        MissingFileError, match=r"\(no network\).*hf download google/paligemma-3b-pt-224 \(after hf auth"
    ):
        PromptTokenizer.load("google/paligemma-3b-pt-224")


def test_marks_beyond_the_words_have_no_number_in_the_network(tokenizer, make_network, monkeypatch):
    # PaliGemma's tokenizer has one: <image>, next to its last word.
    tokenizer.tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    assert len(tokenizer.tokenizer) == 51
    monkeypatch.setattr("hlm.policies.pi05.sizes._VOCABULARY", {"gemma_toy": 50})
    make_network(text=tokenizer)
    assert tokenizer.encode("wave").mask.sum() == 6
    with pytest.raises(InputError, match="no embedding for '<image>' in the instruction 'wave <image>'"):
        tokenizer.encode("wave <image>")


def test_a_network_of_fewer_words_is_refused(tokenizer, make_network, monkeypatch):
    monkeypatch.setattr("hlm.policies.pi05.sizes._VOCABULARY", {"gemma_toy": 20})
    with pytest.raises(MismatchError, match="vocabulary has 50 tokens, and the network's 20"):
        make_network(text=tokenizer)


@pytest.mark.parametrize("blank", ["", " \n"])
def test_an_empty_instruction_is_refused(tokenizer, blank):
    with pytest.raises(InputError, match="the instruction is empty; say in words what is to be done"):
        tokenizer.encode(blank, np.zeros(3, np.float32))
