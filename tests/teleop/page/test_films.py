"""A saved episode has a small film, and one that cannot be read has none."""

import io
import queue
import threading

import numpy as np
import pytest
from PIL import Image

from hlm.core.errors import HlmError
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.writer import DatasetWriter
from hlm.teleop.page.films import Films, episode_film, film_key


@pytest.fixture
def episode(tmp_path):
    spec = DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras={"head": (96, 144)})
    with DatasetWriter.open(tmp_path / "demo.zarr", spec) as writer:
        saved = writer.episode(EpisodeInfo(instruction="lift", source="scripted"))
        for number in range(40):
            image = np.full((96, 144, 3), 6 * number, np.uint8)
            saved.append(
                Step(
                    stamp_ns=number * 10**9 // 30,
                    state=np.zeros(34),
                    action=np.zeros(34),
                    images={"head": image},
                    age_s={"state": 0.0, "head": 0.0},
                )
            )
        saved.commit(outcome="success")
    return tmp_path / "demo.zarr" / "episode_000000"


def test_a_film_goes_from_the_first_picture_to_the_last(episode):
    film = Image.open(io.BytesIO(episode_film(episode, ("left_wrist", "head"))))
    assert (film.size, film.n_frames) == ((108, 72), 16)
    shades = []
    for frame in (0, 8, 15):
        film.seek(frame)
        shades.append(np.mean(film.convert("RGB")))
    assert shades == pytest.approx([0, 6 * 21, 6 * 39], abs=8)


def test_without_its_cameras_there_is_no_film(episode):
    assert episode_film(episode, ("left_wrist",)) == b""


def test_an_episode_that_is_gone_is_an_error_for_one_and_an_empty_film_for_the_page(tmp_path):
    with pytest.raises(HlmError):
        episode_film(tmp_path / "gone", ("head",))
    told, ready = [], threading.Event()
    films = Films(("head",), lambda name, film: (told.append((name, film)), ready.set()))
    films.ask("episode_000007", tmp_path / "gone")
    assert ready.wait(10.0)
    assert told == [("episode_000007", b"")]


def test_an_episode_that_took_the_name_of_a_deleted_one_has_a_film_of_its_own(episode, tmp_path):
    before = film_key(episode)
    episode.rename(tmp_path / "away")
    assert film_key(episode) is None
    episode.mkdir()
    assert film_key(episode) not in (before, None)
    assert film_key(None) is None


def test_a_film_that_failed_once_is_made_when_it_is_asked_for_again(episode, tmp_path):
    told: queue.SimpleQueue = queue.SimpleQueue()
    films = Films(("head",), lambda key, film: told.put((key, film)))
    away = episode.rename(tmp_path / "away")
    films.ask("one", episode)
    assert told.get(timeout=10.0) == ("one", b"")
    away.rename(episode)
    films.ask("one", episode)
    key, film = told.get(timeout=10.0)
    assert (key, film[:4]) == ("one", b"RIFF")
