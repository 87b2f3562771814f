"""Transitions and limits of a body as tables of text, for the docs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from docstring_parser import parse as parse_docstring

from hlm.core.body import BodyState
from hlm.runtime.safety.command_limits import CommandLimitConfig
from hlm.runtime.safety.config import SafetyConfig
from hlm.runtime.safety.transitions import TRANSITIONS, Transition
from hlm.runtime.safety.watch import WatchConfig


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


def limits_markdown(config: SafetyConfig) -> str:
    """Every number of `SafetyConfig.numbers` as a Markdown table, with what its class says of it."""
    numbers, rows = config.numbers(), ["| number | value | meaning |", "|---|---|---|"]
    for part in (config, config.commands, config.watch):
        meanings = _meanings(part)
        names = [item.name for item in fields(part) if item.name in numbers]
        rows += [f"| `{name}` | {numbers[name]:g} | {meanings[name]} |" for name in names]
    return "\n".join(rows) + "\n"


def _meanings(part: SafetyConfig | CommandLimitConfig | WatchConfig) -> dict[str, str]:
    """What a docstring says of each attribute, on one line."""
    entries = parse_docstring(part.__doc__ or "").params
    return {entry.arg_name: " ".join((entry.description or "").split()) for entry in entries}


def _grouped() -> Iterator[tuple[list[BodyState], Transition]]:
    """States whose rows differ in nothing else, with one of the rows."""
    groups: dict[Transition, list[BodyState]] = {}
    for transition in TRANSITIONS:
        groups.setdefault(transition._replace(state=BodyState.DISARMED), []).append(transition.state)
    for transition, states in groups.items():
        yield states, transition
