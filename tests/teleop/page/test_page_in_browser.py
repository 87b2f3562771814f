"""The page in a real browser: a session without a robot is run by clicks, drags and keys."""

from contextlib import contextmanager

import numpy as np
import pytest
from fakes_browser import chromium, until, without_view
from fakes_page import INSTRUCTIONS, Loop

from hlm.core.clock import MonotonicClock
from hlm.teleop.page.page_event import RedoLast

pytest.importorskip("viser", reason="viser is not installed")


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def loop(browser):
    with Loop() as loop:
        yield loop


@pytest.fixture
def page(browser, loop):
    loop.session.__init__()
    page = browser.new_page(viewport={"width": 1000, "height": 800})
    page.set_default_timeout(30_000)
    without_view(page)
    page.goto(loop.page.address)
    page.wait_for_selector("body[data-role=commands]")
    yield page
    page.close()
    MonotonicClock().wait_until(MonotonicClock().now_ns() + 300_000_000)  # until the server knows


def state_is(page, state):
    page.wait_for_selector(f"body[data-state={state}]")


def test_two_episodes_are_recorded_one_is_discarded_and_one_relabelled(page, loop):
    page.click("[data-button=engage]")
    state_is(page, "following")
    page.click("[data-button=record]")
    state_is(page, "recording")
    page.click("[data-button=success]")
    state_is(page, "idle")
    page.keyboard.press("f")
    state_is(page, "following")
    page.keyboard.press("r")
    state_is(page, "recording")
    page.keyboard.press("x")
    state_is(page, "idle")
    page.keyboard.press("f")
    state_is(page, "following")
    page.keyboard.press("r")
    state_is(page, "recording")
    page.keyboard.press("n")
    page.wait_for_selector("[data-episode=episode_000001]")
    assert [card.outcome for card in loop.session.episodes] == ["failure", "success"]

    row = page.locator("[data-episode=episode_000001]")
    row.get_by_text("Relabel").click()
    row.locator("select").select_option("success")
    row.locator("input").first.fill(INSTRUCTIONS[1])
    row.get_by_text("Save").click()
    until(page, lambda: loop.session.episodes[0].outcome == "success")
    assert loop.session.episodes[0].instruction == INSTRUCTIONS[1]

    page.locator("[data-episode=episode_000000]").get_by_text("Delete").click()
    assert len(loop.session.episodes) == 2, "the first click only asks"
    page.get_by_text("Delete for ever").click()
    until(page, lambda: len(loop.session.episodes) == 1)


def test_a_closed_page_is_opened_again_in_the_middle_of_an_episode(browser, page, loop):
    page.keyboard.press("f")
    state_is(page, "following")
    page.keyboard.press("z")
    until(page, lambda: loop.command.gripper_opening[0] == 0.0)
    page.keyboard.press("r")
    state_is(page, "recording")
    page.reload()
    state_is(page, "recording")
    page.wait_for_selector("body[data-role=commands]")
    page.wait_for_selector("[data-gripper=left_gripper][aria-pressed=true]")
    page.keyboard.press("z")
    until(page, lambda: loop.command.gripper_opening[0] == 1.0)
    page.keyboard.press("y")
    state_is(page, "idle")
    assert len(loop.session.episodes) == 1


def test_a_second_page_watches_may_stop_and_takes_over_when_asked(browser, page, loop):
    other = browser.new_page(viewport={"width": 400, "height": 800})
    other.goto(loop.page.address)
    other.wait_for_selector("body[data-role=watches]")
    assert other.locator("[data-button=engage]").is_disabled()
    other.keyboard.press("f")
    other.click("#take")
    other.wait_for_selector("body[data-role=commands]")
    page.wait_for_selector("body[data-role=watches]")
    assert not loop.session.follows, "a page that watched pressed a key"
    page.click("#stop")
    state_is(other, "stopped")
    other.close()


def test_keys_walk_move_a_hand_and_free_it_again(page, loop):
    page.keyboard.down("w")
    until(page, lambda: loop.command.velocity_m_s[0] > 0.1)
    page.keyboard.up("w")
    until(page, lambda: loop.command.velocity_m_s[0] == 0.0)
    page.keyboard.press("1")
    page.keyboard.press("PageUp")
    until(page, lambda: loop.command.grips[0] is not None)
    height_m = loop.command.grips[0].position_in_world_m[2]
    page.keyboard.press("PageUp")
    until(page, lambda: loop.command.grips[0].position_in_world_m[2] > height_m + 0.005)
    assert loop.command.grips[1] is None
    page.keyboard.press("0")
    until(page, lambda: loop.command.grips[0] is None)


def test_buttons_move_and_turn_a_hand_as_keys_do(page, loop):
    page.click("[data-part=right_hand]")
    page.click("[data-nudge=PageUp]")
    until(page, lambda: loop.command.grips[1] is not None)
    before = loop.command.grips[1]
    page.click("[data-nudge=ArrowUp]")
    until(page, lambda: loop.command.grips[1].position_in_world_m[0] > before.position_in_world_m[0] + 0.005)
    page.click("#turn")
    page.click("[data-nudge=PageUp]")
    until(page, lambda: not np.allclose(*[one.quat_world_from_frame_wxyz for one in (loop.command.grips[1], before)]))
    page.click("#turn")
    page.locator("[data-nudge=PageUp]").focus()
    height_m = loop.command.grips[1].position_in_world_m[2]
    page.keyboard.press("Enter")
    until(page, lambda: loop.command.grips[1].position_in_world_m[2] > height_m + 0.005)
    page.keyboard.press("0")
    until(page, lambda: loop.command.grips[1] is None)


def test_a_button_that_is_held_repeats_until_it_is_let_go(page, loop):
    page.keyboard.press("1")
    page.locator("[data-nudge=PageUp]").hover()
    page.mouse.down()
    until(page, lambda: loop.command.grips[0] is not None)
    height_m = loop.command.grips[0].position_in_world_m[2]
    until(page, lambda: loop.command.grips[0].position_in_world_m[2] > height_m + 0.04)
    page.mouse.up()
    page.wait_for_timeout(300)
    height_m = loop.command.grips[0].position_in_world_m[2]
    page.wait_for_timeout(300)
    assert loop.command.grips[0].position_in_world_m[2] == height_m
    page.keyboard.press("0")


def test_ways_from_the_chosen_hand_change_as_it_moves(page):
    page.keyboard.press("2")
    ahead = page.locator("#aims tbody tr", has_text="cup").locator("td").first
    until(page, lambda: ahead.count() == 1)
    before_cm = float(ahead.inner_text())
    for _ in range(5):
        page.keyboard.press("ArrowUp")
    until(page, lambda: float(ahead.inner_text()) < before_cm - 3.0)
    left_cm = float(page.locator("#aims tbody td").nth(1).inner_text())
    page.keyboard.press("1")
    until(page, lambda: "left hand" in page.locator("#aims caption").inner_text())
    until(page, lambda: float(page.locator("#aims tbody td").nth(1).inner_text()) < left_cm - 20.0)
    page.keyboard.press("0")
    page.keyboard.press("2")
    page.keyboard.press("0")


def test_steps_of_a_slider_by_keys_are_none_too_few(page, loop):
    """Keys that repeat come faster than the page is told what became of them."""
    page.get_by_text("Stand upright").click()
    until(page, lambda: loop.command.pelvis_height_m is None)
    for _ in range(6):
        page.keyboard.press("g")
    until(page, lambda: loop.command.pelvis_height_m == pytest.approx(0.62, abs=0.003))
    page.get_by_text("Stand upright").click()
    until(page, lambda: loop.command.pelvis_height_m is None)


def test_a_slider_that_was_dragged_leaves_the_arrow_keys_to_the_handle(page, loop):
    slider = page.locator("[data-slider=pelvis_height_m]")
    slider.scroll_into_view_if_needed()
    slider.click()
    page.keyboard.press("2")
    page.keyboard.press("ArrowUp")
    until(page, lambda: loop.command.grips[1] is not None)
    page.keyboard.press("0")
    page.get_by_text("Stand upright").click()
    until(page, lambda: loop.command.pelvis_height_m is None and loop.command.grips[1] is None)


def test_the_stick_and_the_sliders(page, loop):
    page.locator("[data-slider=pelvis_height_m]").fill("0.6")
    until(page, lambda: loop.command.pelvis_height_m == pytest.approx(0.6))
    page.get_by_text("Stand upright").click()
    until(page, lambda: loop.command.pelvis_height_m is None)
    page.locator("#stick").scroll_into_view_if_needed()
    box = page.locator("#stick").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 5)
    until(page, lambda: loop.command.velocity_m_s[0] > 0.1)
    page.mouse.up()
    until(page, lambda: loop.command.velocity_m_s[0] == 0.0)


def test_fingers_alone_walk_squat_grip_and_record(browser, page, loop):
    context = browser.new_context(viewport={"width": 400, "height": 850}, has_touch=True, is_mobile=True)
    phone = context.new_page()
    without_view(phone)
    phone.goto(loop.page.address)
    phone.wait_for_selector("body[data-role=watches]")
    phone.tap("#take")
    phone.wait_for_selector("body[data-role=commands]")
    phone.tap("[data-button=engage]")
    state_is(phone, "following")
    with finger(context, phone, "#stick") as move:
        move(0.5, 0.05)
        until(phone, lambda: loop.command.velocity_m_s[0] > 0.1)
    until(phone, lambda: loop.command.velocity_m_s[0] == 0.0)
    with finger(context, phone, "[data-turn='1']"):
        until(phone, lambda: loop.command.turn_rate_rad_s > 0.1)
    until(phone, lambda: loop.command.turn_rate_rad_s == 0.0)
    phone.locator("[data-slider=pelvis_height_m]").tap()
    until(phone, lambda: loop.command.pelvis_height_m == pytest.approx(0.6, abs=0.05))
    phone.tap("[data-gripper=right_gripper]")
    until(phone, lambda: loop.command.gripper_opening[1] == 0.0)
    phone.tap("[data-gripper=right_gripper]")
    phone.get_by_text("Stand upright").tap()
    phone.tap("[data-button=record]")
    state_is(phone, "recording")
    phone.tap("[data-button=success]")
    state_is(phone, "idle")
    context.close()


@contextmanager
def finger(context, page, selector):
    """Keeps a finger on the middle of something, and moves it to shares of its width and height."""
    page.locator(selector).scroll_into_view_if_needed()
    box = page.locator(selector).bounding_box()
    line = context.new_cdp_session(page)

    def touch(kind, *shares):
        points = [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in shares]
        line.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (0.5, 0.5))
    yield lambda x, y: touch("touchMove", (x, y))
    touch("touchEnd")


def test_a_gamepad_walks_and_presses(page, loop):
    page.evaluate(
        """navigator.getGamepads = () => [{connected: true, mapping: "standard", id: "Test pad", axes: [0, -1, 0, 0],
           buttons: Array.from({length: 17}, (_, index) => ({value: index === 9 ? 1 : 0}))}]"""
    )
    until(page, lambda: loop.command.velocity_m_s[0] > 0.1)
    assert loop.page.device.read().buttons == {"engage"}
    page.evaluate("navigator.getGamepads = () => []")
    until(page, lambda: loop.command.velocity_m_s[0] == 0.0)


def test_a_gamepad_of_unknown_layout_is_named_and_moves_nothing(page, loop):
    page.evaluate(
        """navigator.getGamepads = () => [{connected: true, mapping: "", id: "Odd pad", axes: [0, -1, -1, -1],
           buttons: Array.from({length: 17}, () => ({value: 1}))}]"""
    )
    until(page, lambda: page.locator("#gamepad").text_content() == "Gamepad not used, its layout is unknown: Odd pad")
    page.wait_for_timeout(300)
    assert not loop.command.velocity_m_s.any()
    assert not loop.page.device.read().buttons
    page.evaluate("navigator.getGamepads = () => []")


def test_words_that_were_typed_count_when_their_field_is_left(page, loop):
    page.locator("#instruction").fill("carry the box")
    page.click("[data-button=engage]")
    until(page, lambda: loop.session.instruction == "carry the box")
    page.click("[data-button=engage]")


def test_a_line_that_fell_silent_is_said_to_be_lost_and_opened_again(page):
    page.add_init_script(DEAFENED)
    page.reload()
    page.wait_for_selector("body[data-role=commands]")
    page.evaluate("window.deaf = true")
    page.wait_for_selector("#lost:visible")
    page.evaluate("window.deaf = false")
    page.wait_for_selector("#lost", state="hidden")


def test_an_instruction_is_typed_while_its_letters_press_nothing(page, loop):
    page.keyboard.press("i")
    page.keyboard.press("Control+a")
    page.keyboard.type("carry for Fry")
    page.keyboard.press("Enter")
    until(page, lambda: loop.session.instruction == "carry for Fry")
    assert loop.session.state == "idle"


def test_redo_asks_once_more_before_it_deletes(page, loop):
    page.keyboard.press("f")
    state_is(page, "following")
    page.keyboard.press("r")
    state_is(page, "recording")
    page.keyboard.press("y")
    page.wait_for_selector("#redo:not(:disabled)")
    page.keyboard.press("u")
    page.wait_for_selector("#redo.danger")
    assert not any(isinstance(event, RedoLast) for event in loop.session.events)
    page.click("#redo")
    until(page, lambda: not loop.session.episodes)
    assert page.locator("#redo-text").inner_text() == "Redo last"


def test_what_a_session_does_not_edit_is_off(page, loop):
    page.keyboard.press("f")
    state_is(page, "following")
    page.keyboard.press("r")
    state_is(page, "recording")
    page.keyboard.press("y")
    editing = ["#instruction", "#redo", "#episodes button >> nth=0", "#episodes button >> nth=1"]
    until(page, lambda: all(page.locator(one).is_enabled() for one in editing))
    loop.session.edits = False
    until(page, lambda: all(page.locator(one).is_disabled() for one in editing))
    assert page.locator("[data-button=engage]").is_enabled(), "buttons of the session are as they were"


def test_the_end_of_a_session_is_told_as_such(browser):
    page = browser.new_page()
    without_view(page)
    with Loop() as own:
        page.goto(own.page.address)
        page.wait_for_selector("body[data-role=commands]")
    page.wait_for_selector("#over:visible")
    until(page, lambda: page.locator("#state").text_content() == "ended")
    assert not page.locator("#lost").is_visible()
    page.close()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1400, 900), (1920, 1080)])
def test_the_robot_and_all_that_moves_it_are_on_one_screen(page, width, height):
    page.set_viewport_size({"width": width, "height": height})
    page.evaluate("scrollTo(0, 0)")
    for part in ("#scene", "#aims", "#stick", "#handles ul", "#sliders", "#grippers .row"):
        box = page.locator(part).bounding_box()
        assert box["y"] + box["height"] <= height, part
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    body, free = page.locator("#body").bounding_box(), page.get_by_text("Free waist").bounding_box()
    assert free["x"] + free["width"] < body["x"] + body["width"]


@pytest.mark.parametrize("width", [400, 900, 1600])
def test_nothing_is_cut_off(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    stop = page.locator("#stop").bounding_box()
    assert stop["y"] < 20
    assert stop["x"] + stop["width"] > width - 20


def test_no_gap_stands_beside_the_cameras(page):
    page.set_viewport_size({"width": 900, "height": 900})
    page.evaluate("document.querySelector('#watch').style.minHeight = '1200px'")
    task, episodes = (page.locator(name).bounding_box() for name in ("#task", "#episodes"))
    assert 0.0 <= episodes["y"] - task["y"] - task["height"] < 20.0


def test_every_field_and_button_has_a_name_and_readable_contrast(page):
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate(PALE) == []


# A network that is gone tells the browser nothing: its socket stays open.
DEAFENED = """
window.deaf = false;
window.WebSocket = class extends WebSocket {
  set onmessage(heard) { this.addEventListener("message", (event) => { if (!window.deaf) heard?.(event); }); }
};"""
NAMELESS = """[...document.querySelectorAll("button, input, select")].filter(
  (one) => !(one.textContent.trim() || one.title || one.labels?.length)).map((one) => one.outerHTML)"""

# Contrast by WCAG 2: (lighter + 0.05) / (darker + 0.05), 4.5 for text; of what is switched off nothing is asked.
# Colours and opacity of all that lies under a text count.
PALE = """(() => {
  const parse = (color) => { const [r, g, b, a] = color.match(/[0-9.]+/g).map(Number); return [r, g, b, a ?? 1]; };
  const over = (top, under, share) => [0, 1, 2].map((one) => top[one] * share + under[one] * (1 - share));
  const light = (color) => {
    const [r, g, b] = color.map((one) => one / 255)
      .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  // Of the last of nested nodes: the colours of its text and of the ground, as they are painted.
  const painted = (nodes, under) => {
    const [node, ...inner] = nodes;
    const style = getComputedStyle(node);
    const ground = over(parse(style.backgroundColor), under, parse(style.backgroundColor)[3]);
    const ink = parse(style.color);
    const seen = inner.length ? painted(inner, ground) : [over(ink, ground, ink[3]), ground];
    return seen.map((color) => over(color, under, Number(style.opacity)));
  };
  const nested = (node) => node ? [...nested(node.parentElement), node] : [];
  const pale = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((one) => one.nodeType === 3 && one.textContent.trim());
    if (!own || node.closest(":disabled, [hidden], datalist") || !node.offsetParent) continue;
    const [one, other] = painted(nested(node), [255, 255, 255]).map(light);
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) pale.push([node.textContent.trim().slice(0, 40), contrast]);
  }
  return pale;
})()"""
