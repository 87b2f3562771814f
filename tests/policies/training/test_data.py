import dataclasses

import numpy as np
import pytest
import torch

from hlm.core.errors import CorruptError, InputError, MismatchError, UnknownNameError
from hlm.datasets.reader import open_dataset
from hlm.policies.training import data as data_module
from hlm.policies.training.batches import _weighted_rows, augmented, draw_batch, plain_batch
from hlm.policies.training.candidates import candidates_of, reaching
from hlm.policies.training.config import Recipe
from hlm.policies.training.sources import open_sources


@pytest.fixture
def run(prepared):
    return prepared(batch=32)


def row_of(run, episode, row):
    """Number of an episode's row in the training data, and the episode."""
    episodes = run.sources.training
    return sum(len(before) for before in episodes[:episode]) + row, episodes[episode]


@pytest.mark.parametrize(("episode", "row"), [(0, 0), (1, 13), (2, 23)])
def test_rows_hold_what_their_episode_recorded(run, episode, row):
    number, recorded = row_of(run, episode, row)
    batch = plain_batch(run.data, torch.tensor([number]))
    words = run.encoding.vocabulary.undo(batch.inputs.words[0].numpy())
    asked = recorded.info.extra["candidate"]
    assert words == recorded.info.instruction
    np.testing.assert_array_equal(run.data.images[number, 1], recorded.images("wrist", [row])[0])
    np.testing.assert_array_equal(batch.target_m[0, :3], recorded.label("candidate_in_hand_m")[row, asked])
    np.testing.assert_array_equal(batch.target_m[0, 3:], recorded.label("goal_in_hand_m")[row])
    moving = run.encoding.state.active
    state = run.encoding.state.undo(batch.inputs.state[0].numpy())
    np.testing.assert_allclose(state[moving], recorded.state[row][moving], atol=1e-6)


def test_chunks_start_at_their_row_and_hold_the_last_action(run):
    number, recorded = row_of(run, 0, 20)
    chunk = run.encoding.actions(run.data.coefficients[number].numpy())
    moving = run.encoding.action.active
    expected = recorded.action[[min(20 + i, 23) for i in range(16)]][:, moving]
    residual = np.abs(chunk[:, moving] - expected).max()
    assert residual < 0.1 * np.abs(expected).max()


def test_swapped_rows_name_the_other_object_and_where_it_is(run):
    number, recorded = row_of(run, 1, 9)
    batch = plain_batch(run.data, torch.tensor([number]), swapped=True)
    other = 1 - recorded.info.extra["candidate"]
    assert run.encoding.vocabulary.undo(batch.inputs.words[0].numpy()) == recorded.info.extra["candidates"][other]
    np.testing.assert_array_equal(batch.target_m[0, :3], recorded.label("candidate_in_hand_m")[9, other])


def test_a_batch_is_three_quarters_demonstrated_and_the_rest_counterfactual(run):
    batch = draw_batch(run.data, 32, run.config.recipe, torch.Generator().manual_seed(0))
    assert len(batch.coefficients) == 24
    assert len(batch.inputs.images) == len(batch.target_m) == 32
    # Each picture says where both objects are; the counterfactual rows' targets must be those of the words.
    for sample in range(32):
        asked = run.encoding.vocabulary.undo(batch.inputs.words[sample].numpy())
        matches = [
            row
            for row in range(len(run.data))
            for candidate in range(2)
            if torch.equal(run.data.candidate_m[row, candidate], batch.target_m[sample, :3])
            and run.encoding.vocabulary.undo(run.data.candidate_words[row, candidate].numpy()) == asked
        ]
        assert matches
        assert all((int(run.data.asked[row]) != asked_index(run, row, asked)) == (sample >= 24) for row in matches)


def asked_index(run, row, instruction):
    words = [run.encoding.vocabulary.undo(words.numpy()) for words in run.data.candidate_words[row]]
    return words.index(instruction)


def test_rows_are_undecided_until_the_target_was_reached_once():
    distance_m = np.array([0.3, 0.2, 0.1, 0.05, 0.02, 0.2, 0.3, 0.4])
    stamp_ns = np.arange(8) * 400_000_000
    undecided, deciding = reaching(stamp_ns, np.stack([distance_m, np.zeros(8), np.zeros(8)], 1))
    assert undecided.tolist() == [True] * 3 + [False] * 5
    assert deciding.tolist() == [True] * 6 + [False] * 2


def test_a_target_that_was_never_reached_stays_undecided():
    undecided, deciding = reaching(np.arange(4) * 10**9, np.full((4, 3), 0.5))
    assert undecided.all()
    assert deciding.all()


def test_deciding_rows_come_up_more_often_by_their_weight(run):
    generator = torch.Generator().manual_seed(0)
    deciding = torch.zeros(len(run.data), dtype=torch.bool)
    deciding[5] = True
    data = dataclasses.replace(run.data, deciding=deciding)
    drawn = torch.cat([_weighted_rows(data, 1000, Recipe(deciding_weight=30.0), generator) for _ in range(20)])
    count = torch.bincount(drawn, minlength=len(data)).double()
    others = count[torch.arange(len(data)) != 5]
    assert float(count[5] / others.mean()) == pytest.approx(30.0, rel=0.1)
    assert others.min() > 0.0


def test_batches_depend_on_the_generator_alone(run):
    first, second = (draw_batch(run.data, 8, Recipe(), torch.Generator().manual_seed(5)) for _ in range(2))
    other = draw_batch(run.data, 8, Recipe(), torch.Generator().manual_seed(6))
    torch.testing.assert_close(first.inputs.images, second.inputs.images, rtol=0.0, atol=0.0)
    torch.testing.assert_close(first.inputs.state, second.inputs.state, rtol=0.0, atol=0.0)
    assert (first.inputs.images - other.inputs.images).abs().max() > 0.0


def test_drawing_a_batch_leaves_the_data_as_they_are(run):
    before = {name: getattr(run.data, name).clone() for name in ("images", "state", "asked", "candidate_m")}
    draw_batch(run.data, 32, Recipe(), torch.Generator().manual_seed(0))
    for name, tensor in before.items():
        torch.testing.assert_close(getattr(run.data, name), tensor, rtol=0.0, atol=0.0)


def test_noise_spares_inactive_dimensions(run):
    batch = draw_batch(run.data, 32, Recipe(state_noise=1.0), torch.Generator().manual_seed(0))
    inactive = ~torch.from_numpy(run.encoding.state.active)
    assert not batch.inputs.state[:, inactive].any()


def test_without_augmentation_pictures_are_as_recorded(run):
    plain = Recipe(shift=0.0, contrast=0.0, brightness=0.0)
    rows = torch.tensor([4, 9])
    seen = augmented(run.data.images, rows, plain, torch.Generator().manual_seed(0))
    torch.testing.assert_close(seen, plain_batch(run.data, rows).inputs.images, rtol=0.0, atol=0.0)


def test_episodes_without_labels_are_learnt_from_but_never_swapped(run):
    unlabelled = run.data.swappable[:0]
    data = dataclasses.replace(run.data, swappable=unlabelled)
    batch = draw_batch(data, 8, Recipe(), torch.Generator().manual_seed(0))
    assert len(batch.coefficients) == 8


def test_layouts_are_not_shared_between_training_and_validation(run):
    training, validation = (
        {episode.info.extra["scene"] for episode in part} for part in (run.sources.training, run.sources.validation)
    )
    assert validation
    assert not training & validation


def test_missing_views_are_marked(make_dataset, prepared):
    run = prepared(datasets=(make_dataset(lacking=(0, 1)),), validation=0.0)
    lacking = [episode for episode in run.sources.training if "wrist" not in episode.cameras]
    assert len(lacking) == 2
    assert run.data.available[:, 0].all()
    assert int((~run.data.available[:, 1]).sum()) == sum(len(episode) for episode in lacking)
    assert run.sources.optional_cameras == ("wrist",)


def test_only_wanted_outcomes_are_learnt_from(tiny_config):
    with pytest.raises(InputError, match=r"no episode with outcome failure; it has 6 success"):
        open_sources(tiny_config(outcomes=("failure",)))


def test_an_unknown_camera_names_the_known_ones(tiny_config):
    with pytest.raises(UnknownNameError, match=r"no camera 'haed'\. Known: head, wrist\. Did you mean 'head'"):
        open_sources(tiny_config(cameras=("haed",)))


def test_datasets_of_different_picture_sizes_do_not_mix(dataset_path, make_dataset, tiny_config):
    with pytest.raises(MismatchError, match=r"has camera size \(48, 48\), .* has \(32, 32\)"):
        open_sources(tiny_config(datasets=(dataset_path, make_dataset(side=48))))


def test_candidates_that_contradict_the_instruction_are_refused(dataset_path):
    episode = open_dataset(dataset_path).episodes[0]
    episode.info.extra["candidate"] = 1
    with pytest.raises(CorruptError, match="says that candidate 1"):
        candidates_of(episode)


def test_pictures_that_do_not_fit_into_memory_are_refused(prepared, monkeypatch):
    monkeypatch.setattr(data_module, "MEMORY_SHARE", 1e-9)
    with pytest.raises(InputError, match=r"GiB of memory; choose a smaller --image-size"):
        prepared()
