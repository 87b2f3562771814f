"""Laws of what records a dataset: `hlm.datasets.writer.DatasetWriter`."""

import numpy as np
import pytest

from hlm.core.errors import HlmError, InputError
from hlm.datasets.schema import EpisodeInfo, Step

SIZE_PX = (16, 24)
INFO = EpisodeInfo(instruction="wave", source="scripted")


def step(number):
    """A step that names itself."""
    return Step(
        stamp_ns=1_000_000_000 + round(number * 1e9 / 30),
        state=np.full(34, number),
        action=np.full(34, number + 0.5),
        images={"head": np.full((*SIZE_PX, 3), 10 + number, np.uint8)},
        age_s={"state": 0.001, "image_head": 0.01},
        privileged={"goal_in_hand_m": np.full(3, number)},
    )


def write(writer, steps, **commit):
    episode = writer.episode(INFO)
    for number in range(steps):
        episode.append(step(number))
    episode.commit(**commit)


class DatasetWriterConformance:
    """What every writer does; a subclass gives `writer`, entered, and `read`, which lists the dataset's episodes."""

    @pytest.fixture
    def writer(self):
        raise NotImplementedError

    @pytest.fixture
    def read(self):
        raise NotImplementedError

    def test_what_was_written_is_read_back(self, writer, read):
        write(writer, 5, outcome="success", stage=2)
        (episode,) = read()
        assert len(episode) == 5
        np.testing.assert_array_equal(episode.stamp_ns, [step(number).stamp_ns for number in range(5)])
        np.testing.assert_array_equal(episode.state[:, 0], np.arange(5))
        np.testing.assert_array_equal(episode.action[:, 33], np.arange(5) + 0.5)
        np.testing.assert_array_equal(episode.privileged_quantity("goal_in_hand_m")[:, 0], np.arange(5))
        np.testing.assert_allclose(episode.images("head")[:, 0, 0, 0], 10 + np.arange(5), atol=2)
        assert (episode.info.outcome, episode.info.stage) == ("success", 2)

    def test_episodes_come_in_order_and_each_is_there_once_it_is_committed(self, writer, read):
        for count in (1, 2, 3):
            write(writer, count)
            assert [len(episode) for episode in read()] == list(range(1, count + 1))

    def test_an_open_episode_is_not_read(self, writer, read):
        episode = writer.episode(INFO)
        episode.append(step(0))
        assert read() == []
        episode.commit()
        assert len(read()) == 1

    def test_a_discarded_episode_leaves_nothing(self, writer, read):
        episode = writer.episode(INFO)
        episode.append(step(0))
        episode.discard()
        write(writer, 3)
        assert [len(episode) for episode in read()] == [3]

    def test_an_episode_without_steps_is_refused(self, writer, read):
        episode = writer.episode(INFO)
        with pytest.raises(InputError, match="no steps"):
            episode.commit()
        episode.discard()
        assert read() == []

    def test_time_must_go_on(self, writer):
        episode = writer.episode(INFO)
        episode.append(step(3))
        with pytest.raises(HlmError):
            episode.append(step(3))
        episode.discard()

    def test_a_finished_episode_takes_no_more(self, writer):
        episode = writer.episode(INFO)
        episode.append(step(0))
        episode.commit()
        with pytest.raises(HlmError):
            episode.append(step(1))

    def test_steps_are_copied(self, writer, read):
        state = np.zeros(34)
        episode = writer.episode(INFO)
        one = step(0)
        episode.append(Step(one.stamp_ns, state, one.action, one.images, one.age_s))
        state[:] = 9.0
        episode.commit()
        assert read()[0].state[0, 0] == 0.0
