"""A person takes over on the page, as they do it: the true `hlm record` and `hlm deploy`, a real browser, its keys."""

import json
from pathlib import Path

import numpy as np
import pytest
from fakes_browser import chromium, until
from fakes_page_command import page_commands

from hlm.datasets.command import commanders, in_command
from hlm.datasets.reader import open_dataset
from hlm.datasets.verify import verify

pytestmark = pytest.mark.slow

SHIPPED = Path(__file__).resolve().parents[3] / "policies" / "shipped" / "shelf_cup_transfer"
LIMIT_RAD = 0.05


@pytest.fixture
def started(tmp_path):
    with page_commands(tmp_path) as start:
        yield lambda *words: start(*words, "--takeover", "page")


def shown(page, name):
    return page.locator(name).text_content()


def take_over_and_hand_back(page):
    """By the button, and by its key; between them the robot is lowered a little."""
    until(page, lambda: shown(page, "#in-command") == "in command: policy")
    until(page, lambda: shown(page, "#engage-text") == "Take over")
    # Not by the mouse, which would wait for the picture to stand still on a machine that is busy with drawing it.
    page.locator('[data-button="engage"]').dispatch_event("click")
    until(page, lambda: shown(page, "#in-command") == "in command: you")
    assert shown(page, "#engage-text") == "Hand back"
    page.keyboard.press("g")
    page.wait_for_timeout(1000)
    page.keyboard.press("f")
    until(page, lambda: shown(page, "#in-command") == "in command: policy")


def check(path):
    """The episode says who was in command, and nothing jumped."""
    (episode,) = open_dataset(path)
    assert commanders(episode.info) == ("policy", "page", "policy")
    names, actions = in_command(episode), episode.action[:, :29]
    for step in (step for step in range(1, len(names)) if names[step] != names[step - 1]):
        assert np.abs(actions[step] - actions[step - 1]).max() < LIMIT_RAD
    # Real time misses slots on a busy machine, and says so.
    assert [problem for problem in verify(path) if "gap of" not in problem.text] == []
    return episode


def test_a_policy_is_recorded_and_corrected_on_the_page(started, tmp_path):
    program, address = started("record", "--source", "policy", str(SHIPPED), "--out", "d.zarr", "--episodes", "2")
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(address)
        until(page, lambda: "Record lets the policy begin" in shown(page, "#message"))
        assert shown(page, "#in-command") == "in command: nobody"
        page.keyboard.press("r")
        take_over_and_hand_back(page)
        page.keyboard.press("r")
        until(page, lambda: page.locator("#episodes >> text=episode_000000").count() > 0)
        page.keyboard.press("Escape")
        assert program.wait(120) == 0
    episode = check(tmp_path / "d.zarr")
    assert (episode.info.source, episode.info.seed) == ("policy", 0)


def test_a_person_takes_over_from_a_deployed_policy_on_the_page_and_stops_it(started, tmp_path):
    program, address = started("deploy", str(SHIPPED), "--seed", "100003", "--record", "d.zarr", "--json", "f.json")
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(address)
        take_over_and_hand_back(page)
        page.keyboard.press("Escape")
        assert program.wait(120) == 130
    check(tmp_path / "d.zarr")
    result = json.loads((tmp_path / "f.json").read_text())
    assert result["fault"] == "the operator stopped it (page)"
    assert [event["state"] for event in result["safety_events"]][-3:] == ["holding", "crouching", "damping"]
