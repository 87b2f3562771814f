"""What a person moves the page with: keys, a mouse, or fingers. Each of them does everything alone."""

from __future__ import annotations

from typing import Any, Protocol

SQUAT = {"pelvis_height_m": 0.60, "pelvis_pitch_rad": 0.30}
# Steps of the keys that squat so far, and of a mouse on its way along a slider.
_KEY_STEPS, _DRAG_STEPS = 7, 15
_BUTTON_KEYS = {"engage": "f", "record": "r", "success": "y", "discard": "x"}


class Means(Protocol):
    """A way to press and move what is on the page."""

    def press(self, button: str) -> None:
        """Press a button of the session: engage, record, success or discard."""
        ...

    def choose_hand(self) -> None:
        """Choose the handle of the right hand."""
        ...

    def nudge(self, key: str, times: int, *, turn: bool = False) -> None:
        """Move the chosen handle by steps, or turn it.

        Args:
            key: that does it, such as `ArrowUp`.
            times: how many steps.
            turn: whether it is turned.
        """
        ...

    def grip(self) -> None:
        """Close the right gripper, or open it."""
        ...

    def walk(self, sign: int) -> None:
        """Walk ahead or back until `stand`."""
        ...

    def stand(self) -> None:
        """Walk no more."""
        ...

    def squat(self) -> None:
        """Go down, and lean ahead."""
        ...

    def upright(self) -> None:
        """Stand upright."""
        ...


class Keys:
    """The keyboard alone."""

    def __init__(self, page: Any) -> None:
        self._page, self._keyboard = page, page.keyboard

    def press(self, button: str) -> None:
        """Press a button of the session."""
        self._keyboard.press(_BUTTON_KEYS[button])

    def choose_hand(self) -> None:
        """Choose the handle of the right hand."""
        self._keyboard.press("2")

    def nudge(self, key: str, times: int, *, turn: bool = False) -> None:
        """Move the chosen handle by steps, or turn it."""
        for _ in range(times):
            self._keyboard.press(f"Shift+{key}" if turn else key)

    def grip(self) -> None:
        """Close the right gripper, or open it."""
        self._keyboard.press("c")

    def walk(self, sign: int) -> None:
        """Walk ahead or back until `stand`."""
        self._keyboard.down("w" if sign > 0 else "s")

    def stand(self) -> None:
        """Walk no more."""
        for key in ("w", "s"):
            self._keyboard.up(key)

    def squat(self) -> None:
        """Go down, and lean ahead."""
        for _ in range(_KEY_STEPS):
            for key in ("g", "b"):
                self._keyboard.press(key)
            self._page.wait_for_timeout(30)

    def upright(self) -> None:
        """Stand upright."""
        for key in ("3", "0", "2"):
            self._keyboard.press(key)


class Pointer:
    """A mouse alone."""

    def __init__(self, page: Any) -> None:
        self._page, self._mouse = page, page.mouse

    def press(self, button: str) -> None:
        """Press a button of the session."""
        self._tap(f"[data-button={button}]")

    def choose_hand(self) -> None:
        """Choose the handle of the right hand."""
        self._tap("[data-part=right_hand]")

    def nudge(self, key: str, times: int, *, turn: bool = False) -> None:
        """Move the chosen handle by steps, or turn it."""
        if not times:
            return
        if turn is not (self._page.locator("#turn").get_attribute("aria-pressed") == "true"):
            self._tap("#turn")
        place = self._place(f"[data-nudge={key}]")
        for _ in range(times):
            self._tap_at(*place)

    def grip(self) -> None:
        """Close the right gripper, or open it."""
        self._tap("[data-gripper=right_gripper]")

    def walk(self, sign: int) -> None:
        """Walk ahead or back until `stand`."""
        self._mouse.move(*self._place("#stick"))
        self._mouse.down()
        self._mouse.move(*self._place("#stick", y=0.5 - 0.45 * sign), steps=3)

    def stand(self) -> None:
        """Walk no more."""
        self._mouse.up()

    def squat(self) -> None:
        """Go down, and lean ahead."""
        for name, value in SQUAT.items():
            self._mouse.move(*self._thumb(name))
            self._mouse.down()
            self._mouse.move(*self._thumb(name, value), steps=_DRAG_STEPS)
            self._mouse.up()

    def upright(self) -> None:
        """Stand upright."""
        self._tap("#sliders [data-free=pelvis]")

    def _tap(self, selector: str) -> None:
        self._tap_at(*self._place(selector))

    def _tap_at(self, x_px: float, y_px: float) -> None:
        self._mouse.click(x_px, y_px)

    def _place(self, selector: str, x: float = 0.5, y: float = 0.5) -> tuple[float, float]:
        """Pixel at shares of the width and height of something."""
        one = self._page.locator(selector)
        one.scroll_into_view_if_needed()
        box = one.bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def _thumb(self, slider: str, value: float | None = None) -> tuple[float, float]:
        """Pixel of a slider's thumb, as it is or would be."""
        one = self._page.locator(f"[data-slider={slider}]")
        one.scroll_into_view_if_needed()
        low, high, now = (float(one.evaluate(f"one => one.{name}")) for name in ("min", "max", "value"))
        box, share = one.bounding_box(), ((now if value is None else value) - low) / (high - low)
        thumb_px = box["height"]
        return box["x"] + 0.5 * thumb_px + share * (box["width"] - thumb_px), box["y"] + 0.5 * thumb_px


class Fingers(Pointer):
    """Fingers on a screen alone."""

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        self._line = page.context.new_cdp_session(page)

    def walk(self, sign: int) -> None:
        """Walk ahead or back until `stand`."""
        self._touch("touchStart", self._place("#stick"))
        self._touch("touchMove", self._place("#stick", y=0.5 - 0.45 * sign))

    def stand(self) -> None:
        """Walk no more."""
        self._touch("touchEnd")

    def squat(self) -> None:
        """Go down, and lean ahead."""
        for name, value in SQUAT.items():
            self._tap_at(*self._thumb(name, value))

    def _tap_at(self, x_px: float, y_px: float) -> None:
        self._page.touchscreen.tap(x_px, y_px)

    def _touch(self, kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x_px, "y": y_px} for x_px, y_px in places]
        self._line.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


MEANS: dict[str, type[Keys | Pointer]] = {"keys": Keys, "mouse": Pointer, "fingers": Fingers}
