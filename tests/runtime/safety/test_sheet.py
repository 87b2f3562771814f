"""What the page says of the safety is what the code does."""

import re
from pathlib import Path

from hlm.runtime.safety.config import SafetyConfig
from hlm.runtime.safety.sheet import limits_markdown, transitions_markdown

PAGE = Path(__file__).resolve().parents[3] / "docs" / "deploy.md"


def printed(mark):
    (table,) = re.findall(rf"<!-- {mark} -->\n(.*?)<!-- /{mark} -->\n", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return table


def test_the_page_prints_the_transitions():
    assert printed("transitions") == transitions_markdown(SafetyConfig())


def test_the_page_prints_the_limits():
    assert printed("limits") == limits_markdown(SafetyConfig())


def test_every_number_is_printed_once_and_explained():
    rows = [line.strip("| ").split(" | ") for line in limits_markdown(SafetyConfig()).splitlines()[2:]]
    assert {name.strip("`"): float(value) for name, value, _ in rows} == SafetyConfig().numbers()
    assert len(rows) == len(SafetyConfig().numbers())
    assert all(meaning for _, _, meaning in rows)
