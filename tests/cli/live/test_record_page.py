"""`hlm record --source page` as a person runs it: the command, a real browser, clicks, keys and a dragged stick."""

import re
import signal

import pytest
from fakes_browser import chromium, until, without_view
from fakes_page_command import page_commands

from hlm.datasets.reader import open_dataset
from hlm.datasets.verify import verify


@pytest.fixture
def session(tmp_path):
    with page_commands(tmp_path) as start:
        yield lambda *words: start("record", "--source", "page", *words)


def open_page(page, address):
    without_view(page)
    page.goto(address)


def state_of(page):
    return page.locator("body").get_attribute("data-state")


def wait_for(page, state):
    until(page, lambda: state_of(page) == state)


def begin(page):
    """Begin an episode; again where a busy machine's page was late, so that the wish has gone or the episode paused."""
    page.wait_for_selector("body[data-role=commands]")
    for _ in range(5):
        page.keyboard.press("f" if state_of(page) == "paused" else "r")
        page.wait_for_timeout(500)
        until(page, lambda: state_of(page) in ("recording", "paused", "following", "idle"))
        if state_of(page) == "recording":
            return
    pytest.fail("robot and page never agreed")


def recorded_s(page):
    """Length of the open episode, as the page shows it."""
    found = re.search(r"(\d+):(\d+)", page.locator("#state").inner_text())
    return 60 * int(found[1]) + int(found[2]) if found else 0


def wait_recorded(page, length_s):
    """Wait for so much of an episode: a busy machine simulates slowly."""
    start_s = recorded_s(page)
    until(page, lambda: recorded_s(page) >= start_s + length_s)


def record(page, do, verdict):
    """One episode, ended by its verdict."""
    begin(page)
    do()
    page.keyboard.press("r")
    wait_for(page, "review")
    page.locator(f'[data-button="{verdict}"]').click()
    wait_for(page, "idle")


def squat_and_reach(page):
    """By keys: lower, and the right hand ahead."""
    for _ in range(6):
        page.keyboard.press("g")
    page.keyboard.press("2")
    for _ in range(4):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("c")
    wait_recorded(page, 2)


def walk(page):
    """By the stick: a little to the left, and let go."""
    page.locator("#stick").scroll_into_view_if_needed()
    box = page.locator("#stick").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 0.4 * box["width"], y, steps=4)
    wait_recorded(page, 2)
    page.mouse.up()
    wait_recorded(page, 2)


def test_two_episodes_are_recorded_one_is_discarded_and_one_relabelled(session, tmp_path):
    program, address = session(
        "--task", "cola_placement", "--out", "mine.zarr", "--episodes", "2", "--countdown", "0.3", "--seed", "4"
    )
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        open_page(page, address)
        wait_for(page, "idle")
        record(page, lambda: squat_and_reach(page), "success")
        until(page, lambda: page.locator("#episodes >> text=episode_000000").count() > 0)
        record(page, lambda: page.wait_for_timeout(700), "discard")
        page.close()  # and opened again: the page keeps nothing
        page = browser.new_page(viewport={"width": 400, "height": 800})
        open_page(page, address)
        wait_for(page, "idle")
        page.get_by_role("button", name="Relabel").first.click()
        page.get_by_label("Instruction").last.fill("pick the can up")
        page.get_by_label("Note").fill("slowly")
        page.get_by_role("button", name="Save").click()
        until(page, lambda: page.locator("#episodes >> text=pick the can up").count() > 0)
        begin(page)
        walk(page)
        page.keyboard.press("n")
        assert program.wait(60) == 0
    first, second = open_dataset(tmp_path / "mine.zarr")
    assert (first.info.instruction, first.info.outcome, first.info.extra["note"]) == (
        "pick the can up",
        "success",
        "slowly",
    )
    assert (second.info.outcome, second.info.seed) == ("failure", 5)
    assert first.info.operator == second.info.operator == "page"
    knee = first.action[:, 19]
    assert knee.max() - knee[0] > 0.1, "it squatted"
    assert first.action[-1, 15] < 0.1, "the right gripper closed"
    assert second.action[:, 16:28].std(axis=0).max() > 0.05, "it walked"
    assert verify(tmp_path / "mine.zarr") == []


def test_ctrl_c_in_an_episode_keeps_it_recoverable(session, tmp_path):
    program, address = session("--out", "mine.zarr", "--countdown", "0")
    with chromium() as browser:
        page = browser.new_page()
        open_page(page, address)
        wait_for(page, "idle")
        begin(page)
        page.wait_for_timeout(500)
        program.send_signal(signal.SIGINT)
        assert program.wait(60) == 130
    assert [path.name for path in (tmp_path / "mine.zarr").glob("*.partial")] == ["episode_000000.partial"]
