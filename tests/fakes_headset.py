"""Headsets of the tests: a page that says what it is told to, and an emulated headset in a real browser."""

import json
import shutil
import subprocess
import tarfile
from contextlib import contextmanager, suppress

import pytest
from fakes_web import Browser

EMULATOR = "iwer@2.5.0"  # MIT; asked of npm, which keeps it
# The emulator calls every position a guess; here they are until the test says so.
_INSTALLED = """
globalThis.headset = new IWER.XRDevice(IWER.metaQuest3, { stereoEnabled: false });
headset.installRuntime();
headset.guesses = false;
Object.defineProperty(XRPose.prototype, "emulatedPosition", { get: () => headset.guesses });
"""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class FakeHeadset:
    """A page whose clock is `ahead_ms` ahead of the server's."""

    def __init__(self, server, clock, ahead_ms=5_000_000.0):
        self.page = Browser(server).open("/ws/headset")
        self.clock, self.ahead_ms = clock, ahead_ms

    def close(self):
        self.page.close()

    def now_ms(self):
        return self.clock.now_ns() * 1e-6 + self.ahead_ms

    def answer(self):
        """Answer the questions that have come."""
        with suppress(TimeoutError):
            while True:
                said = json.loads(self.page.recv(timeout=0.05))
                if said["type"] == "ping":
                    self.send(type="pong", index=said["index"], stamp_ms=self.now_ms())

    def send(self, **content):
        self.page.send(json.dumps(content))


@pytest.fixture(scope="session")
def emulator(tmp_path_factory):
    """The text of the emulator's script."""
    folder = tmp_path_factory.mktemp("emulator")
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed, which brings the emulated headset")
    asked = subprocess.run(
        ["npm", "pack", EMULATOR, "--prefer-offline"], cwd=folder, check=False, capture_output=True, timeout=60
    )
    if asked.returncode:
        pytest.skip(f"npm cannot bring the emulated headset: {asked.stderr.decode()[-200:]}")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        return archive.extractfile("package/build/iwer.min.js").read().decode()


@contextmanager
def emulated_headset(script):
    """A page of a real browser in which an emulated headset is `globalThis.headset`."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    # Chromium's own WebXR gives way to the emulator's.
    flags = ["--disable-features=WebXR", "--enable-unsafe-swiftshader", "--use-angle=swiftshader", "--no-sandbox"]
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_context(ignore_https_errors=True).new_page()
        page.add_init_script(script + _INSTALLED)
        try:
            yield page
        finally:
            browser.close()
