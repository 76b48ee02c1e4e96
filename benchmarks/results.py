"""Where results go and how they look: a JSON file with all numbers, a page of Markdown, and plots."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.facts import fact_lines

RESULTS = Path(__file__).parent / "results"
MISSING = "not measured"
"""What a cell says whose precondition is missing; the page says which."""


def table(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first row is the head."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, f"|{' --- |' * len(rows[0])}")
    return "\n".join(lines)


def fill(page: str, parts: Mapping[str, str]) -> str:
    """The page with its generated parts anew. KeyError for a part that the page has no place for."""
    for name, text in parts.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not pattern.search(page):
            raise KeyError(name)
        page = pattern.sub(lambda match, text=text: f"{match[1]}{text}\n{match[2]}", page)
    return page


def geometric_mean(values: Sequence[float]) -> float:
    """Of positive numbers."""
    return math.exp(sum(map(math.log, values)) / len(values))


def page(title: str, facts: Mapping[str, str], *parts: str) -> str:
    """A page: its title, where it was measured, then tables and paragraphs."""
    return "\n\n".join([f"# {title}", "\n".join(fact_lines(facts)), *parts]) + "\n"


def save(name: str, facts: Mapping[str, str], numbers: Mapping[str, Any], text: str) -> None:
    """Write NAME.json and NAME.md to RESULTS, and show the page. numbers: all of them, as JSON has them."""
    RESULTS.mkdir(exist_ok=True)
    document = {"facts": dict(facts), **numbers}
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    print(text, end="", flush=True)
