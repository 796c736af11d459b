"""Where the attributes of each start tag stand in a file, to the byte: what an edit needs and a parser forgets.

Only files that the parser has accepted are scanned, so no mistakes are looked for here; the scan goes from tag to
tag and steps over comments, instructions and literal text as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_MARKUP = re.compile(
    rb"""<!--.*?-->|<\?.*?\?>|<!\[CDATA\[.*?\]\]>|</[^>]*>|<([^\s/>]+)((?:\s+[^\s=<>/"']+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*/?>""",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(rb"""\s+([^\s=<>/"']+)\s*=\s*("[^"]*"|'[^']*')""")


@dataclass(frozen=True)
class Span:
    """An attribute's value, from `start` to `end` without its quotes, and the quote around it."""

    start: int
    end: int
    quote: str


@dataclass(frozen=True)
class StartTag:
    """A start tag or an empty element, with the place of every attribute value."""

    name: str
    attributes: Mapping[str, Span]


def start_tags(data: bytes) -> list[StartTag]:
    """Every start tag in the order of the file."""
    return [
        StartTag(match[1].decode(), _spans(data, match.start(2), match.end(2)))
        for match in _MARKUP.finditer(data)
        if match[1] is not None
    ]


def _spans(data: bytes, start: int, end: int) -> dict[str, Span]:
    return {
        match[1].decode(): Span(match.start(2) + 1, match.end(2) - 1, match[2][:1].decode())
        for match in _ATTRIBUTE.finditer(data, start, end)
    }
