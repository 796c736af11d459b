"""How foreign words stand inside the core's own sentences: cut, printable ASCII, in a code span nothing can close.

The readers of files quote what they found, and their sentences are shown as they are in comments, terminals and
logs. So what they quote is made harmless at this one place.
"""

from __future__ import annotations

LIMIT = 60


def shown(text: str) -> str:
    """`text` in a code span: at most `LIMIT` characters, everything but printable ASCII as a question mark."""
    cut = text if len(text) <= LIMIT else text[: LIMIT - 3] + "..."
    plain = "".join(c if " " <= c <= "~" and c != "`" else "?" for c in cut)
    return f"`{plain}`" if plain.strip() else "(empty)"
