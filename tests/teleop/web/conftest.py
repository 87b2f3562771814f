"""A web server of the tests."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from hlm.teleop.web.config import WebConfig
from hlm.teleop.web.server import WebServer


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder of pages, beside a secret that is none."""
    pages = tmp_path / "pages"
    (pages / "parts").mkdir(parents=True)
    (pages / "index.html").write_text("<p>hello")
    (pages / "parts" / "code.js").write_text("1")
    (pages / ".hidden.js").write_text("secret")
    (tmp_path / "secret.js").write_text("secret")
    (pages / "link.js").symlink_to(tmp_path / "secret.js")
    return pages


@pytest.fixture
def serve(folder, tmp_path):
    """Starts servers of the folder, which stop after the test."""
    with ExitStack() as stack:

        def started(clock=None, before=lambda server: None, **config):
            server = WebServer(
                WebConfig(port=0, **config), {"": folder, "app": folder}, clock=clock, state_folder=tmp_path / "state"
            )
            before(server)
            return stack.enter_context(server)

        yield started
