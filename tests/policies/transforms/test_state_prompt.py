import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hlm.policies.transforms.state_prompt import BINS, digitise, prompt


def middles(numbers):
    """Middle of each part."""
    return (2.0 * numbers + 1.0) / BINS - 1.0


@given(st.lists(st.floats(-1.0, 1.0, exclude_max=True), min_size=1, max_size=34))
def test_a_value_is_within_half_a_part_of_its_middle(values):
    numbers = digitise(np.array(values))
    assert numbers.min() >= 0
    assert numbers.max() <= 255
    assert np.abs(middles(numbers) - values).max() <= 1.0 / 256.0 + 1e-7


@given(st.lists(st.integers(0, 255), min_size=1, max_size=34))
def test_the_middle_of_a_part_is_in_it(numbers):
    np.testing.assert_array_equal(digitise(middles(np.array(numbers))), numbers)


def test_values_outside_are_in_the_last_part_or_below_the_first():
    assert digitise(np.array([-1.01, -1.0, 0.0, 0.999, 1.0, 2.0])).tolist() == [-1, 0, 128, 255, 255, 255]


def test_a_prompt_tells_task_and_state():
    state = np.array([-1.0, 0.0, 1.0], np.float32)
    assert prompt(" pick_up\nthe can ", state) == "Task: pick up the can, State: 0 128 255;\nAction: "
    assert prompt(" pick_up\nthe can ") == "pick up the can\n"


def test_prompts_equal_those_of_lerobot():
    import torch
    from lerobot.lerobot_types import TransitionKey
    from lerobot.policies.pi05.processor_pi05 import Pi05PrepareStateTokenizerProcessorStep

    rng = np.random.default_rng(0)
    edges = np.linspace(-1.0, 1.0, 257).astype(np.float32)
    states = np.concatenate([rng.normal(0.0, 0.7, (64, 34)).astype(np.float32), edges[: 7 * 34].reshape(7, 34)])
    words = ["put the can on the mat", "  Pick_up the\nRED cup. ", "", "öffne die Tür"]
    tasks = [words[i % len(words)] for i in range(len(states))]
    transition = {
        TransitionKey.OBSERVATION: {"observation.state": torch.from_numpy(states)},
        TransitionKey.COMPLEMENTARY_DATA: {"task": tasks},
    }
    theirs = Pi05PrepareStateTokenizerProcessorStep(max_state_dim=34)(transition)
    ours = [prompt(task, state) for task, state in zip(tasks, states, strict=True)]
    assert theirs[TransitionKey.COMPLEMENTARY_DATA]["task"] == ours
