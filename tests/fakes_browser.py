"""A real browser for tests of the page; skips with a reason where there is none."""

import shutil
from contextlib import contextmanager

import pytest

FLAGS = ["--enable-unsafe-swiftshader", "--use-angle=swiftshader", "--no-sandbox"]
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


@contextmanager
def chromium():
    """Headless Chromium."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium: apt-get install -y chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def without_view(page):
    """Leave the 3-D view out, which has tests of its own: drawing it by software takes a core."""

    def fetch(route):
        framed = route.request.resource_type == "document" and route.request.frame.parent_frame
        (route.abort if framed else route.continue_)()

    page.route("**/*", fetch)


def until(page, condition):
    """Wait until something holds on this side of the line."""
    for _ in range(1200):
        if condition():
            return
        page.wait_for_timeout(50)
    pytest.fail("it never came true")
