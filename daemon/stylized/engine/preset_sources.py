"""Where the values of a preset come from: the comments beside them in its TOML file.

A source stands behind its value, and goes on in lines that are nothing but an indented comment. That of a list of
layers stands behind the list's header; what stands behind its single layers is added to it. Free of torch.
"""

from __future__ import annotations

import re

_HEADER = re.compile(r"^\[(?:parameters\.?)?(\w*)\]\s*(?:#\s*(.*))?$")
_ENTRY = re.compile(r'^(\w+)\s*=\s*(?:"[^"]*"|[^"#]*?)\s*(?:#\s*(.*))?$')
_CONTINUATION = re.compile(r"^\s+#\s*(.*)$")


def read_sources(text: str) -> dict[str, str]:
    """Return what stands beside each value of a preset's `parameters`, by key; values without a comment are left out.

    text: a TOML file that `presets.parse_preset` accepts, one value to a line.
    """
    found: dict[str, list[str]] = {}
    table = ""
    key = ""
    for line in text.splitlines():
        if header := _HEADER.match(line):
            table = key = header[1]
            words = header[2]
        elif entry := _ENTRY.match(line):
            key = table if table not in ("", "parameters") else entry[1]
            words = f"{entry[1]}: {entry[2]}" if key == table and entry[2] else entry[2]
        elif more := _CONTINUATION.match(line):
            if key in found:
                found[key][-1] += " " + more[1]
            continue
        else:
            key, words = "", None
        if key and words:
            found.setdefault(key, []).append(words)
    return {key: "; ".join(words) for key, words in found.items()}
