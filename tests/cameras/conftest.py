"""Senders and films for drivers of cameras."""

import pytest
from fakes_camera_servers import ListServer, Publisher, film_of


@pytest.fixture
def publish():
    """Starts publishers, and ends them after the test."""
    publishers = []

    def start(make, port=None):
        publishers.append(Publisher(make, port))
        return publishers[-1]

    yield start
    for publisher in publishers:
        publisher.close()


@pytest.fixture
def answer():
    """Starts a server that answers with a document, and ends it after the test."""
    servers = []

    def start(document):
        servers.append(ListServer(document))
        return servers[-1].port

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def film(tmp_path):
    """A film of 12 scenes at 30 Hz."""
    return film_of(tmp_path / "film.mp4", 12)
