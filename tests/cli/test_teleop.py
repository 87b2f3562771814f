"""`hlm teleop check`: a device alone, and its own page."""

import socket

import pytest

from hlm.cli.main import main
from hlm.teleop.page.page_process import PageProcess


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--source", "webxr", "--port", "0"], "--port does nothing here: it goes with --source page."),
        (["--source", "pico", "--body"], "--body does nothing here: it goes with --source webxr."),
        (
            ["--source", "keyboard", "--headset-port", "1"],
            "--headset-port does nothing here: it goes with --source webxr",
        ),
        (["--source", "webxr", "--headset-port", "70000"], "port 70000 is not valid"),
        (["--seconds", "0"], "--seconds must be above 0 and at most 3600, got 0."),
    ],
)
def test_what_cannot_be_checked_is_one_line(words, text, refused):
    assert text in refused("teleop", "check", *words)


@pytest.mark.parametrize("body", [[], ["--body"]])
def test_a_headset_is_checked_without_the_operators_page(body, folder, capsys, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    monkeypatch.setattr(PageProcess, "__enter__", lambda page: pytest.fail("the operator's page was opened"))
    assert main(["teleop", "check", "--source", "webxr", "--headset-port", "0", "--seconds", "0.1", *body]) == 1
    told = capsys.readouterr().out
    assert "https://" in told
    assert "http://" not in told


def test_the_port_of_the_headset_is_the_one_that_was_said(folder, capsys, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    with socket.socket() as free:
        free.bind(("0.0.0.0", 0))
        port = free.getsockname()[1]
    words = ["--source", "webxr", "--headset-port", str(port), "--seconds", "0.1"]
    assert main(["teleop", "check", *words]) == 1
    assert f":{port}/headset/" in capsys.readouterr().out
