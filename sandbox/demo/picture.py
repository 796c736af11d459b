"""Pictures for the README: plain output, drawn as a terminal in SVG. The title is for those who cannot see it.

python -m bot demo --once | python -m sandbox.demo.picture TITLE > docs/images/demo.svg
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape

WIDTH, LINE, SIDE = 118, 19, 22
QUOTED = 7
"""Lines that are kept of each quoted text."""
SIGNS = {"✓": "#3fb950", "▸": "#58a6ff", "…": "#d29922", "✗": "#f85149"}
GREY, WHITE, CYAN = "#8b949e", "#e6edf3", "#56d4dd"


def kept(lines: Iterable[str]) -> Iterator[str]:
    """Without what only fills the screen: waiting, empty quoted lines, the rest of long quotes."""
    quoted = 0
    for line in lines:
        inside = line.lstrip().startswith("│")
        quoted = quoted + 1 if inside else 0
        empty = inside and not line.strip("│ ")
        if " … " in line[:12] or empty or quoted > QUOTED + 1 or line.startswith("Ending"):
            continue
        yield "       │ …" if quoted == QUOTED + 1 else line


def coloured(line: str) -> list[tuple[str, str]]:
    """The line in pieces of (colour, text): times and addresses grey, signs in their colour."""
    found = re.fullmatch(r"( *\d+\.\d\d) (\S)( .*?)(  \S.*)?", line)
    if found and found[2] in SIGNS:
        return [(GREY, found[1] + " "), (SIGNS[found[2]], found[2]), (WHITE, found[3]), (GREY, found[4] or "")]
    heading = line[:1].isdigit() or (line[:1].isalpha() and not line.startswith("Git "))
    return [(CYAN if heading else GREY if line.lstrip().startswith("│") else WHITE, line)]


def draw(text: str, title: str) -> str:
    """The whole picture."""
    lines = [cut(line) for line in kept(text.splitlines())]
    height = LINE * (len(lines) + 2)
    width = WIDTH * 8 + 2 * SIDE
    rows = [row(number, line) for number, line in enumerate(lines) if line.strip()]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    style = 'font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="13" xml:space="preserve"'
    back = f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>'
    return "\n".join(
        [
            head,
            f"<title>{escape(title)}</title>",
            back,
            f"<g {style}>",
            *rows,
            "</g>",
            "</svg>",
            "",
        ]
    )


def row(number: int, line: str) -> str:
    """One line of text."""
    pieces = "".join(f'<tspan fill="{colour}">{escape(text)}</tspan>' for colour, text in coloured(line) if text)
    return f'<text x="{SIDE}" y="{LINE * (number + 1) + 6}">{pieces}</text>'


def cut(line: str) -> str:
    """At most WIDTH characters."""
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"


if __name__ == "__main__":
    sys.stdout.write(draw(sys.stdin.read(), " ".join(sys.argv[1:]) or "A terminal"))
