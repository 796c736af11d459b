"""How foreign words are shown in Markdown: cut, in a code span, never as a link, a mention or HTML.

Everything that a person, a project or a server wrote goes through `code` or `link_text` before it stands in a
text of ours. Logins and URLs have their own functions, which accept only what cannot do harm.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})(?:\[bot\])?")
_URL = re.compile(
    r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~!$&+,;=:@%/^-]*)?(?:\?[A-Za-z0-9._=&-]*)?(?:#[A-Za-z0-9_-]*)?"
)
LIMIT = 120


def code(text: str, limit: int = LIMIT) -> str:
    """`text` in a code span that nothing inside can close, on one line, at most `limit` characters."""
    flat = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    if len(flat) > limit:
        flat = flat[: limit - 1] + "…"
    if not flat.strip():
        return "(empty)"
    longest = max((len(run) for run in re.findall(r"`+", flat)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def cell(text: str, limit: int = LIMIT) -> str:
    """A code span for a table cell, where even inside code a bar would end the cell."""
    return code(text, limit).replace("|", "\\|")


def codes(texts: Iterable[str], most: int = 5) -> str:
    """A few code spans in a row, the rest counted."""
    shown = list(texts)
    rest = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(code(text) for text in shown[:most]) + rest


def mention(login: str) -> str:
    """`@login` where it is one of GitHub's logins, so that the person is told; else a code span."""
    if login.endswith("[bot]"):
        return code(login)
    return f"@{login}" if _LOGIN.fullmatch(login) else code(login)


def link(words: str, url: str) -> str:
    """A link whose words are ours and whose address holds nothing that could end it; else only the words."""
    return f"[{words}]({url})" if _URL.fullmatch(url) else words


def short(commit: str) -> str:
    """The first seven characters of a commit id in a code span, which may stand in a table too."""
    return cell(commit[:7])


def marker(name: str, *values: object) -> str:
    """The hidden line that ends a text of ours, by which it is found again."""
    return f"<!-- manifest-release-bot:{name} {' '.join(str(value) for value in values)} -->"
