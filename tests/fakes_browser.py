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


def until(page, condition):
    """Wait until something holds on this side of the line."""
    for _ in range(1200):
        if condition():
            return
        page.wait_for_timeout(50)
    pytest.fail("it never came true")
