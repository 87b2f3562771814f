import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from fakes_recording import INFO, SPEC, plan, step

from hlm.core.errors import ExistsError, MismatchError
from hlm.datasets.command import in_command
from hlm.datasets.reader import open_dataset
from hlm.datasets.recover import recover
from hlm.datasets.store.journal import Header, steps_written
from hlm.runtime.recorder_process import Ending, Recorded, RecorderProcess
from hlm.runtime.step_records import step_dtype, step_from_record, step_to_record

PATIENCE_S = 30.0
DONE = Ending("success", 2, "", {"missed_slots": 4})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "demos.zarr"


def eventually(condition):
    end = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < end
        threading.Event().wait(0.01)
    return found


def test_steps_come_back_from_their_records():
    for dtype, one, stage in (
        (step_dtype(SPEC.cameras, ("state", "image_head"), {"hand_m": (2, 3)}), step(7, in_command="policy"), 1),
        (step_dtype(SPEC.cameras, (), {}), step(8, images={}, age_s={}, privileged={}), None),
    ):
        found, reached = step_from_record(step_to_record(dtype, one, stage))
        assert (found.stamp_ns, found.in_command, reached) == (one.stamp_ns, one.in_command, stage)
        assert dict(found.age_s) == dict(one.age_s)
        for group in ("images", "privileged"):
            assert getattr(found, group).keys() == getattr(one, group).keys()
            for name, value in getattr(one, group).items():
                np.testing.assert_array_equal(getattr(found, group)[name], value)
        np.testing.assert_array_equal(found.values()["state"], one.state)
        np.testing.assert_array_equal(found.values()["action"], one.action)


def test_what_was_not_announced_is_refused():
    dtype = step_dtype(SPEC.cameras, ("state", "image_head"), {"hand_m": (2, 3)})
    for wrong in (step(1, size=(8, 8)), step(1, privileged={"foot_m": 0.0}), step(1, age_s={"glove": 0.1})):
        with pytest.raises(MismatchError, match="which was not announced"):
            step_to_record(dtype, wrong, None)
    with pytest.raises(MismatchError, match="is too long a name: at most 64 bytes"):
        step_to_record(dtype, step(1, in_command=65 * "x"), None)


def test_what_is_read_back_is_what_was_handed_over(path):
    with RecorderProcess(plan(path)) as recorder:
        for number in range(40):
            recorder.append(step(number), stage=1)
        recorded = recorder.commit(DONE)
        assert recorder.trouble() == ""
    assert recorded == Recorded(path=path / "episode_000000", steps=40)
    (episode,) = open_dataset(path).episodes
    assert (episode.info.outcome, episode.info.stage, episode.info.fault) == ("success", 2, "")
    assert (episode.info.source, episode.info.instruction) == (INFO.source, INFO.instruction)
    assert episode.info.extra == {"missed_slots": 4}
    np.testing.assert_array_equal(episode.stamp_ns, 1 + np.arange(40))
    np.testing.assert_array_equal(episode.state[:, 5], np.arange(40))
    np.testing.assert_array_equal(episode.action[:, 5], -np.arange(40))
    np.testing.assert_allclose(episode.age_s("image_head"), 0.002 * np.arange(40), rtol=1e-6)


def test_an_episode_without_steps_leaves_no_episode_and_no_dataset_of_its_own(path):
    with RecorderProcess(plan(path)) as recorder:
        assert recorder.commit(DONE) == Recorded(trouble="there was no step to record")
    assert not path.exists()


def test_a_session_that_ends_before_its_first_step_leaves_a_dataset_that_was_there(path):
    with RecorderProcess(plan(path)) as recorder:
        recorder.append(step(0))
        recorder.commit(DONE)
    with RecorderProcess(plan(path)):
        pass
    assert len(open_dataset(path).episodes) == 1


def test_a_place_that_cannot_be_recorded_into_is_told_before_anything_moves(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ExistsError, match="exists and is not a dataset"), RecorderProcess(plan(tmp_path)):
        pass


def test_a_disk_that_is_slow_costs_steps_and_says_so(path):
    with RecorderProcess(plan(path, buffer_s=0.2)) as recorder:
        os.kill(recorder.pid, signal.SIGSTOP)
        for number in range(20):
            recorder.append(step(number))
        os.kill(recorder.pid, signal.SIGCONT)
        assert eventually(lambda: recorder.lost) == 14
        assert recorder.trouble() == ""
        recorded = recorder.commit(DONE)
    assert (recorded.steps, recorded.lost, recorded.trouble) == (6, 14, "14 steps not recorded")
    (episode,) = open_dataset(path).episodes
    assert episode.info.extra["steps_lost"] == 14
    np.testing.assert_array_equal(episode.stamp_ns, 15 + np.arange(6))


def test_a_recorder_that_is_killed_says_so_and_what_it_wrote_can_be_recovered(path):
    with RecorderProcess(plan(path)) as recorder:
        for number in range(10):
            recorder.append(step(number))
        eventually(lambda: _written(path) >= 10)
        os.kill(recorder.pid, signal.SIGKILL)
        eventually(recorder.trouble)
        assert recorder.trouble().startswith("the recorder process was killed by SIGKILL; `hlm data recover ")
        recorder.append(step(10))
        assert recorder.commit(DONE).trouble == recorder.trouble()
    (recovery,) = recover(path)
    assert recovery.steps == 10


def test_when_who_records_is_killed_the_episode_is_kept_and_marked(path):
    program = "import sys\nfrom fakes_recording import record_until_killed as job\n"
    program += "if __name__ == '__main__':\n    job(sys.argv[1])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    parent = subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE, env=environment)
    assert parent.stdout.readline()
    parent.kill()
    parent.communicate()
    eventually(lambda: (path / "episode_000000").is_dir())
    (episode,) = open_dataset(path).episodes
    assert len(episode) == 10
    assert (episode.info.outcome, episode.info.stage) == ("failure", 1)
    assert episode.info.fault == "the session ended without saying how: its process was killed"
    assert in_command(episode) == ["policy"] * 6 + ["keyboard"] * 4


def test_a_full_disk_is_told_at_once_and_what_was_written_can_be_recovered(small_disk):
    path = small_disk / "demos.zarr"
    noise = np.random.default_rng(0)
    with RecorderProcess(plan(path)) as recorder:
        for number in range(4000):
            images = {name: noise.integers(0, 255, (16, 24, 3), np.uint8) for name in SPEC.cameras}
            recorder.append(step(number, images=images))
            if recorder.trouble():
                break
            threading.Event().wait(0.001)
        assert "keeps what was recorded so far" in recorder.trouble()
        recorded = recorder.commit(DONE)
    assert recorded.path is None
    assert "keeps what was recorded so far" in recorded.trouble


def _written(path):
    """Steps in the journal of the open episode."""
    folder = path / "episode_000000.partial"
    try:
        return steps_written(folder, Header.read(folder).columns)
    except Exception:  # noqa: BLE001 - not there yet
        return 0
