"""Samples are what their episode recorded, wherever and in whatever process they are read."""

import os
import pickle
import shutil
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from hlm.core.errors import CorruptError, InputError, MismatchError, UnknownNameError
from hlm.datasets.loader import Sample, Samples
from hlm.datasets.reader import open_dataset
from hlm.datasets.sampler import MixtureSampler
from hlm.datasets.schema import DatasetSpec
from hlm.datasets.writer import DatasetWriter

LENGTHS = (5, 1, 7)
HORIZON = 4


@pytest.fixture
def episodes(maker, path):
    return open_dataset(maker.dataset(path, LENGTHS)).episodes


@pytest.fixture
def samples(episodes):
    return Samples(episodes, horizon=HORIZON)


@pytest.fixture
def one_eyed(maker, path):
    """Episode 1 of 3 has no left wrist camera."""
    with DatasetWriter.open(path, maker.spec) as writer:
        for number, length in enumerate(LENGTHS):
            with writer.episode(maker.info(number, source="humi" if number == 1 else "teleop")) as episode:
                for step in range(length):
                    whole = maker.step(number, step)
                    images = {"head": whole.images["head"]} if number == 1 else whole.images
                    episode.append(maker.step(number, step, images=images))
                episode.commit(outcome="success")
    return open_dataset(path).episodes


def assert_same(first: Sample, second: Sample):
    for name in Sample._fields:
        one, other = getattr(first, name), getattr(second, name)
        if name == "images":
            assert list(one) == list(other)
            assert all(np.array_equal(one[camera], other[camera]) for camera in one)
        else:
            assert np.array_equal(one, other)


def test_every_sample_is_its_step(episodes, samples):
    assert len(samples) == sum(LENGTHS)
    steps = [(number, step) for number, length in enumerate(LENGTHS) for step in range(length)]
    for sample, (number, step) in zip(samples, steps, strict=True):
        episode = episodes[number]
        assert samples.locate(sample.number) == (episode, step)
        assert np.array_equal(sample.state, episode.state[step])
        assert sample.state.dtype == sample.action.dtype == np.float32
        assert sample.instruction == episode.info.instruction
        assert sample.source == "scripted"
        assert sample.available == {"head": True, "left_wrist": True}
        for camera in ("head", "left_wrist"):
            assert np.array_equal(sample.images[camera], episode.images(camera, [step])[0])


def test_chunks_do_not_reach_over_a_gap(maker, path):
    def stalled(step, made):
        # 150 ms are lost before step 3, one tick before step 6.
        return replace(made, stamp_ns=made.stamp_ns + (step >= 3) * 150_000_000 + (step >= 6) * 33_333_333)

    (episode,) = open_dataset(maker.dataset(path, (9,), stalled)).episodes
    for step, sample in enumerate(pickle.loads(pickle.dumps(Samples([episode], horizon=4)))):
        end = 3 if step < 3 else 9
        due = np.arange(step, step + 4)
        assert np.array_equal(sample.action_is_pad, due >= end)
        assert np.array_equal(sample.action, episode.action[np.minimum(due, end - 1)])


@pytest.mark.parametrize("horizon", [1, 3, 5, 50])
def test_chunks_end_with_their_episode(episodes, horizon):
    for sample in Samples(episodes, horizon=horizon):
        episode, step = Samples(episodes).locate(sample.number)
        there = min(horizon, len(episode) - step)
        assert sample.action.shape == (horizon, 34)
        assert np.array_equal(sample.action[:there], episode.action[step : step + there])
        assert np.array_equal(sample.action[there:], np.tile(episode.action[-1], (horizon - there, 1)))
        assert sample.action_is_pad.tolist() == [False] * there + [True] * (horizon - there)


def test_a_camera_that_is_not_there_is_masked(one_eyed):
    samples = Samples(one_eyed)
    for sample in samples:
        lacks = samples.locate(sample.number)[0].number == 1
        assert sample.source == ("humi" if lacks else "teleop")
        assert sample.available == {"head": True, "left_wrist": not lacks}
        assert sample.images["left_wrist"].shape == (8, 8, 3)
        assert sample.images["left_wrist"].any() == (not lacks)
        assert list(sample.images) == ["head", "left_wrist"]
        assert sample.images["head"].any()


def test_only_the_cameras_that_were_asked_for_are_read(episodes):
    for episode in episodes:
        shutil.rmtree(episode.path / "image_left_wrist")
    sample = Samples(episodes, cameras=["head"])[3]
    assert list(sample.images) == list(sample.available) == ["head"]


def test_images_come_in_the_size_that_was_asked_for(episodes):
    samples = Samples(episodes, image_size=(6, 6))
    for sample in samples:
        episode, step = samples.locate(sample.number)
        for camera, image in sample.images.items():
            assert np.array_equal(image, episode.images(camera, [step], (6, 6))[0])


def observe(sample, episode, step):
    return sample, episode.number, step


def test_a_transform_sees_the_sample_as_recorded_and_where_it_is_from(one_eyed):
    samples = Samples(one_eyed, horizon=HORIZON, transform=observe)
    for number in range(len(samples)):
        sample, episode, step = samples[number]
        assert samples.locate(number) == (one_eyed[episode], step)
        assert list(sample.images) == (["head"] if episode == 1 else ["head", "left_wrist"])
        assert sample.available == {"head": True, "left_wrist": episode != 1}


@pytest.mark.parametrize("name", ["state", "action"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_step_that_is_not_finite_is_named(episodes, name, value):
    broken = getattr(episodes[2], name).copy()
    broken[4, 3] = value
    setattr(episodes[2], name, broken)
    samples = Samples(episodes, horizon=HORIZON)
    where = rf"{episodes[2].path.name} step 4 holds nan or infinity in its {name}; leave the episode out"
    with pytest.raises(InputError, match=where):
        samples[10]
    assert samples[11 if name == "action" else 9].number


def test_an_instruction_can_be_replaced(episodes):
    told = episodes[0].with_instruction("wave")
    assert Samples([told])[0].instruction == "wave"
    assert Samples(episodes)[0].instruction == episodes[0].info.instruction != "wave"


def test_changing_a_sample_changes_no_other(samples):
    before = samples[2]
    changed = samples[2]
    for array in (changed.state, changed.action, changed.action_is_pad, *changed.images.values()):
        array[...] = 1
    assert_same(samples[2], before)


def test_reading_keeps_no_file_open(samples):
    before = os.listdir("/proc/self/fd")  # noqa: PTH208
    assert len(list(samples)) == sum(LENGTHS)
    assert os.listdir("/proc/self/fd") == before  # noqa: PTH208


def test_a_pickle_holds_no_arrays(samples):
    fresh = pickle.dumps(samples)
    original = list(samples)
    read = pickle.dumps(samples)
    assert len(read) == len(fresh)
    for first, second in zip(original, pickle.loads(read), strict=True):
        assert_same(first, second)


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_other_processes_read_the_same(samples, method):
    here = list(samples)
    with ProcessPoolExecutor(2, get_context(method)) as pool:
        for first, second in zip(here, pool.map(samples.__getitem__, range(len(samples))), strict=True):
            assert_same(first, second)


# The machine that runs the tests may have a single core.
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("workers", [0, 2])
def test_torch_makes_batches_of_tensors(one_eyed, workers):
    samples = Samples(one_eyed, image_size=(6, 6), horizon=HORIZON)
    loader = DataLoader(samples, batch_size=4, num_workers=workers)
    for batch in loader:
        size = len(batch.number)
        assert isinstance(batch, Sample)
        assert batch.images["head"].shape == (size, 6, 6, 3)
        assert batch.images["head"].dtype == torch.uint8
        assert batch.available["left_wrist"].dtype == batch.action_is_pad.dtype == torch.bool
        assert batch.action.shape == (size, HORIZON, 34)
        for place, number in enumerate(batch.number.tolist()):
            assert_same(
                Sample(
                    number=number,
                    images={name: images[place].numpy() for name, images in batch.images.items()},
                    available={name: bool(there[place]) for name, there in batch.available.items()},
                    state=batch.state[place].numpy(),
                    action=batch.action[place].numpy(),
                    action_is_pad=batch.action_is_pad[place].numpy(),
                    instruction=batch.instruction[place],
                    source=batch.source[place],
                ),
                samples[number],
            )


def numbers_of(loader, batches):
    iterator = iter(loader)
    return [next(iterator).number.tolist() for _ in range(batches)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_workers_that_were_spawned_make_the_same_batches(samples):
    here = DataLoader(samples, batch_size=4)
    there = DataLoader(samples, batch_size=4, num_workers=2, multiprocessing_context="spawn")
    for one, other in zip(here, there, strict=True):
        assert torch.equal(one.images["head"], other.images["head"])
        assert torch.equal(one.action, other.action)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_two_training_processes_learn_from_what_one_would(samples):
    def loader(rank, world_size, workers):
        sampler = MixtureSampler(sizes=(len(samples),), weights=(1.0,), seed=3, rank=rank, world_size=world_size)
        return DataLoader(samples, batch_size=6 // world_size, sampler=sampler, num_workers=workers)

    alone = numbers_of(loader(0, 1, 0), 4)
    first, second = (numbers_of(loader(rank, 2, 2), 4) for rank in range(2))
    assert [sorted(one + other) for one, other in zip(first, second, strict=True)] == [sorted(one) for one in alone]


def test_an_episode_that_was_replaced_meanwhile_is_noticed(maker, path, samples):
    assert samples[1].images["head"].any()
    shutil.rmtree(path)
    noise = np.random.default_rng(0).integers(0, 256, (16, 24, 3)).astype(np.uint8)
    maker.dataset(path, LENGTHS, lambda step, whole: replace(whole, images={**whole.images, "head": noise}))
    with pytest.raises(CorruptError, match=r"episode_000000.*step 1: the image is (damaged|missing)"):
        samples[1]


def test_a_dataset_that_is_gone_is_one_line(path, samples):
    list(samples)
    shutil.rmtree(path)
    with pytest.raises(Exception, match=r"could not read .*episode_000000.*moved or deleted meanwhile"):
        samples[1]


@pytest.mark.parametrize("number", [-1, 13])
def test_there_is_no_such_sample(samples, number):
    with pytest.raises(IndexError, match=f"no sample {number}; there are 13"):
        samples[number]


def test_what_cannot_be_sampled(maker, path, tmp_path, episodes):
    with pytest.raises(InputError, match="at least one episode"):
        Samples([])
    with pytest.raises(InputError, match="horizon and image size must be at least 1, got 0"):
        Samples(episodes, horizon=0)
    with pytest.raises(InputError, match="at least 1"):
        Samples(episodes, image_size=(0, 6))
    with pytest.raises(UnknownNameError, match=r"no camera 'haed'.*Did you mean 'head'"):
        Samples(episodes, cameras=["haed"])


def test_cameras_of_different_size_need_an_image_size(maker, tmp_path, episodes):
    wide = type(maker)(DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras={"head": (8, 32)}))
    both = [*episodes, *open_dataset(wide.dataset(tmp_path / "wide.zarr", (2,)))]
    with pytest.raises(MismatchError, match=r"camera 'head' is 8 x 32 px in .*wide.*16 x 24 px.*choose an image size"):
        Samples(both)
    assert Samples(both, image_size=(8, 8))[len(episodes)].images["head"].shape == (8, 8, 3)
    as_recorded = Samples(both, cameras=["head"], transform=lambda sample, *_: sample.images["head"].shape[:2])
    assert {as_recorded[number] for number in range(len(as_recorded))} == {(16, 24), (8, 32)}
    with pytest.raises(MismatchError, match=r"wide.*has none of the cameras left_wrist"):
        Samples(both, cameras=["left_wrist"])


def test_without_a_camera_there_is_nothing_to_sample(maker, tmp_path):
    blind = type(maker)(DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras={}))
    with pytest.raises(MismatchError, match=r"episode_000000 has no images: the dataset has no camera"):
        Samples(open_dataset(blind.dataset(tmp_path / "blind.zarr", (2,))).episodes)
