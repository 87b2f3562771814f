"""The table of transitions as text, for the docs."""

from __future__ import annotations

from collections.abc import Iterator

from hlm.core.body import BodyState
from hlm.runtime.safety.config import SafetyConfig
from hlm.runtime.safety.transitions import TRANSITIONS, Transition


def transitions_markdown(config: SafetyConfig) -> str:
    """The table of transitions as Markdown; states that answer an event alike share a row.

    Args:
        config: whose times the bounds are given in.
    """
    numbers = {name: f"{value:g}" for name, value in config.numbers().items()}
    rows = ["| state | what happens | next state | what it does | bound |", "|---|---|---|---|---|"]
    for states, transition in _grouped():
        cells = (", ".join(states), transition.event, transition.next_state, transition.action, transition.bound)
        rows.append("| " + " | ".join(cell.format(**numbers) for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _grouped() -> Iterator[tuple[list[BodyState], Transition]]:
    """States whose rows differ in nothing else, with one of the rows."""
    groups: dict[Transition, list[BodyState]] = {}
    for transition in TRANSITIONS:
        groups.setdefault(transition._replace(state=BodyState.DISARMED), []).append(transition.state)
    for transition, states in groups.items():
        yield states, transition
