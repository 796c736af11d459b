"""What the demo prints: one line an event, with the time since the start; in colour on a terminal, plain in a pipe."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import TextIO

_COLOURS = {"bold": "1", "dim": "2", "green": "32", "yellow": "33", "blue": "34", "red": "31", "cyan": "36"}


class Console:
    """Writes the story. On a terminal the line that is waiting is replaced when what it waits for has come."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._live = self._out.isatty() and "NO_COLOR" not in os.environ
        self._start = time.monotonic()

    def paint(self, text: str, *styles: str) -> str:
        """The text in these styles where the output is a terminal, else as it is."""
        if not self._live:
            return text
        return "".join(f"\033[{_COLOURS[style]}m" for style in styles) + text + "\033[0m"

    def title(self, text: str) -> None:
        """A headline with an empty line before it."""
        self._write(f"\n{self.paint(text, 'bold', 'cyan')}\n")

    def done(self, text: str, detail: str = "") -> None:
        """Something that has happened."""
        self._line("✓", text, detail, "green")

    def act(self, text: str, detail: str = "") -> None:
        """Something that a person does."""
        self._line("▸", text, detail, "blue")

    def failed(self, text: str) -> None:
        """Something that went wrong, in one sentence."""
        self._line("✗", text, "", "red")

    def waiting(self, text: str) -> None:
        """What is awaited now. In a pipe it is said once; on a terminal the next line takes its place."""
        line = f"{self._clock()} {self.paint('…', 'yellow')} {self.paint(text, 'dim')}"
        self._write(f"\r\033[K{line}" if self._live else f"{line}\n")

    def quote(self, text: str) -> None:
        """A text as somebody wrote it, set off by a bar."""
        for line in text.rstrip().splitlines():
            self._write(f"       {self.paint('│', 'dim')} {line}\n")

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Columns as wide as their widest cell."""
        widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
        for number, row in enumerate([head, *rows]):
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            self._write(f"       {self.paint(line, 'bold') if number == 0 else line}\n")

    def text(self, text: str) -> None:
        """A plain line."""
        self._write(f"{text}\n")

    def _line(self, sign: str, text: str, detail: str, colour: str) -> None:
        erase = "\r\033[K" if self._live else ""
        more = f"  {self.paint(detail, 'dim')}" if detail else ""
        self._write(f"{erase}{self._clock()} {self.paint(sign, colour)} {text}{more}\n")

    def _clock(self) -> str:
        return self.paint(f"{time.monotonic() - self._start:6.2f}", "dim")

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
