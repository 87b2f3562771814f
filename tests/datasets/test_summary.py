"""What `hlm data info` shows is what is there."""

import pytest

from hlm.core.errors import InputError
from hlm.core.inputs import DEVICE
from hlm.datasets.device_age import device_age
from hlm.datasets.reader import open_dataset
from hlm.datasets.summary import summarize
from hlm.datasets.writer import DatasetWriter

KINDS = [
    ("shelf", "scripted", "success", 3),
    ("shelf", "teleop", "failure", 5),
    ("", "teleop", "unlabelled", 7),
    ("shelf", "scripted", "failure", 11),
    ("shelf", "scripted", "success", 13),
]


@pytest.fixture
def summary(maker, path):
    with DatasetWriter.open(path, maker.spec) as writer:
        for task, source, outcome, steps in KINDS:
            episode = writer.episode(maker.info(task=task, source=source, preview_s=0.2 if task else None))
            for step in range(steps):
                episode.append(maker.step(episode.number, step))
            episode.commit(outcome=outcome)
    return summarize(open_dataset(path))


def test_groups_by_task_and_source(summary):
    found = [(group.task, group.source, group.episodes, dict(group.outcomes)) for group in summary.groups]
    assert found == [
        ("", "teleop", 1, {"success": 0, "failure": 0, "unlabelled": 1}),
        ("shelf", "scripted", 3, {"success": 2, "failure": 1, "unlabelled": 0}),
        ("shelf", "teleop", 1, {"success": 0, "failure": 1, "unlabelled": 0}),
    ]
    assert [group.duration_s for group in summary.groups] == pytest.approx([7 / 30, 27 / 30, 5 / 30])


def test_groups_add_up_to_the_whole(summary):
    groups = summary.groups
    assert sum(group.episodes for group in groups) == len(summary.episodes) == len(KINDS)
    assert sum(group.duration_s for group in groups) == pytest.approx(summary.duration_s)
    for outcome, count in summary.outcomes.items():
        assert sum(group.outcomes[outcome] for group in groups) == count
    assert all(sum(group.outcomes.values()) == group.episodes for group in groups)


def test_previews_are_counted(summary):
    assert summary.previews_s == {0.2: 4, None: 1}
    assert [line.preview_s for line in summary.episodes] == [0.2, 0.2, None, 0.2, 0.2]


def test_size_is_that_of_the_files(summary):
    for line in summary.episodes:
        folder = summary.path / f"episode_{line.number:06d}"
        assert line.size_bytes == sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def test_nothing_to_sum_up(maker, path):
    with DatasetWriter.open(path, maker.spec):
        pass
    with pytest.raises(InputError, match="has no episodes"):
        open_dataset(path)


def test_ages_of_a_device_are_those_of_the_episodes_that_have_one(maker, path):
    assert device_age(open_dataset(maker.dataset(path, (4, 6)))) is None
    with DatasetWriter.open(path, maker.spec) as writer:
        episode = writer.episode(maker.info(source="teleop"))
        for step in range(100):
            episode.append(maker.step(2, step, age_s={"state": 0.0, DEVICE: 0.001 * (step + 1)}))
        episode.commit()
    found = device_age(open_dataset(path))
    assert found.episodes == 1
    assert found[1:] == pytest.approx((0.0505, 0.09901, 0.1), rel=1e-5)
