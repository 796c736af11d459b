"""One command line as words: `key=value` with or without quotes, and all others as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Quotes count only right after the first `=`; everywhere else they are ordinary characters.
_WORD = re.compile(
    r"""(?P<head>[^ \t=]*+)
        (?:(?P<equals>=)(?:"(?P<double>[^"]*+)"(?![^ \t])|'(?P<single>[^']*+)'(?![^ \t])|(?P<bare>[^ \t]*+)))?""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Word:
    """`text` as typed; `key` and `value` where it holds an `=`. `unclosed`: its value's quote does not end it."""

    text: str
    key: str | None = None
    value: str = ""
    unclosed: bool = False


def split(line: str) -> Iterator[Word]:
    """The words of a line, separated by blanks and tabs."""
    position = 0
    while (position := _skip_blanks(line, position)) < len(line):
        match = _WORD.match(line, position)
        if match is None:  # cannot be: every part of the pattern may be empty, and no blank is at `position`
            return
        position = match.end()
        yield _word(match)


def _skip_blanks(line: str, position: int) -> int:
    while position < len(line) and line[position] in " \t":
        position += 1
    return position


def _word(match: re.Match[str]) -> Word:
    if not match["equals"]:
        return Word(match[0])
    quoted = match["double"] if match["double"] is not None else match["single"]
    if quoted is not None:
        return Word(match[0], match["head"], quoted)
    return Word(match[0], match["head"], match["bare"], unclosed=match["bare"].startswith(('"', "'")))


def fold(word: str) -> str:
    """A verb, key or flag as it is compared: ASCII case does not count and `_` equals `-`."""
    return "".join(c.lower() if "A" <= c <= "Z" else c for c in word).replace("_", "-")
