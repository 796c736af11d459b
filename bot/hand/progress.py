"""How far the look-ups are, for somebody who waits at a terminal; nothing where nobody does."""

from __future__ import annotations

from typing import TextIO

STEP = 20
"""So many repositories between two lines."""


class Meter:
    """Writes "12 of 1,000 repositories read" over itself, and wipes it away at the end."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._width = 0

    def __enter__(self) -> Meter:
        return self

    def __exit__(self, *_: object) -> None:
        if self._width:
            self._out.write("\r" + " " * self._width + "\r")
            self._out.flush()

    def show(self, done: int, total: int) -> None:
        """Tell how far it is."""
        if not self._out.isatty() or (done % STEP and done != total):
            return
        words = f"{done:,} of {total:,} repositories read"
        self._out.write("\r" + words.ljust(self._width))
        self._out.flush()
        self._width = max(self._width, len(words))
