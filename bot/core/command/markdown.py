"""Which lines of a comment are commands: those that GitHub renders at the start of a line of a top-level paragraph.

Text in code, quotes, lists, tables, headings, HTML and folded blocks is talked about, not meant. Only LF and CRLF
end a line of ours. The work is linear, and a comment that would take long is not read at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.core.command.html import OpenHtml
from bot.core.command.spec import FAMILIES

_START = re.compile(rf"^ {{0,3}}(/(?:{'|'.join(FAMILIES)}))(?![!-~])", re.MULTILINE | re.IGNORECASE | re.ASCII)
_ANYWHERE = tuple("/" + family for family in FAMILIES)

# A private mark takes the place of the slash, so that a command is recognised wherever the parser puts it.
_OPEN, _CLOSE = "\ue000", "\ue001"
_MARK = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")
_MARKED_LINE = re.compile(rf"(?:^|\n)[ \t]*{_OPEN}([0-9]+){_CLOSE}")

# Of plain prose only the first two lines of a run matter to the block structure.
_PROSE = re.compile(r"((?:^[A-Za-z][A-Za-z0-9 ,.]*+\r?\n){2})(?:[A-Za-z][A-Za-z0-9 ,.]*+\r?\n)++", re.MULTILINE)
# GitHub has footnotes and CommonMark has not; a list item takes in the same lines.
_FOOTNOTE = re.compile(r"^( {0,3})\[\^[^\]\s]+\]:[ \t]*", re.MULTILINE)
_COSTLY = re.compile(r"[\r\n](?![\r\n])|[-+*](?=\s)|>|[0-9][.)](?=\s)|`+|~+|<|!(?=\[)|\[|\](?=[\[(])")
MOST_WORK = 8_000
"""Lines, markers and brackets that are read; each costs ten to twenty microseconds."""

_INLINE = re.compile(r"[`<\[~]")

_MARKDOWN = MarkdownIt("commonmark", {"html": True, "maxNesting": 20}).enable(["table", "strikethrough"])
_MARKDOWN.disable("emphasis")
_MARKDOWN.core.ruler.enableOnly(["normalize", "block"])


def looks_like_command(body: str | None) -> bool:
    """Whether it is worth reading this comment: some line may begin with a command of ours. Cheap."""
    if not body:
        return False
    lowered = body.lower()
    return any(word in lowered for word in _ANYWHERE) and next(_candidates(body), None) is not None


def _candidates(body: str) -> Iterator[re.Match[str]]:
    for match in _START.finditer(body):
        after = body[match.end() : match.end() + 1]
        # `/release-notes` and `/releasing` are other words; a no-break space after `/release` is a slip to point at.
        if not after or after == " " or not after.isprintable():
            yield match


def command_lines(body: str) -> tuple[str, ...] | None:
    """The lines that count, without the blanks around them; None where the comment is too much to read."""
    candidates = list(_candidates(body))
    source = _prepare(body, candidates)
    if sum(1 for _ in _COSTLY.finditer(source)) > MOST_WORK:
        return None
    return tuple(line_at(body, candidates[number].start()) for number in _visible(source))


def first_line(body: str) -> str:
    """The first line that looks like a command, wherever it stands."""
    return next((line_at(body, match.start()) for match in _candidates(body)), "")


def line_at(body: str, start: int) -> str:
    """The line that begins at `start`, without the blanks around it."""
    end = body.find("\n", start)
    line = body[start:] if end < 0 else body[start:end].removesuffix("\r")
    return line.strip(" \t")


def _prepare(body: str, candidates: list[re.Match[str]]) -> str:
    """The comment with its candidates marked and its plain prose shortened."""
    pieces = []
    position = 0
    for number, match in enumerate(candidates):
        pieces += [_unmarked(body[position : match.start(1)]), f"{_OPEN}{number}{_CLOSE}"]
        position = match.start(1) + 1
    text = "".join(pieces) + _unmarked(body[position:])
    return _FOOTNOTE.sub(r"\1-   ", _PROSE.sub(r"\1", text))


def _unmarked(text: str) -> str:
    return text.replace(_OPEN, "?").replace(_CLOSE, "?")


def _visible(source: str) -> Iterator[int]:
    """The numbers of the candidates that are shown as the start of a line of a top-level paragraph, in order."""
    env: dict[str, Any] = {}
    html = OpenHtml()
    before: Token | None = None
    for token in _MARKDOWN.parse(source, env):
        if token.type == "html_block":
            html.feed(token.content)
        elif token.type == "inline":
            shown = list(_shown(token.content, env, html))
            if before and before.type == "paragraph_open" and before.level == 0:
                yield from shown
        before = token


def _shown(content: str, env: dict[str, Any], html: OpenHtml) -> Iterator[int]:
    """The candidates in one run of text that no code span, link, image, tag or open HTML swallows."""
    if not _INLINE.search(content):
        if not html:
            yield from (int(match[1]) for match in _MARKED_LINE.finditer(content))
        return
    tokens: list[Token] = []
    _MARKDOWN.inline.parse(content, _MARKDOWN, env, tokens)
    brackets = 0
    for token in tokens:
        if token.type == "html_inline":
            html.feed(token.content)
        if token.type != "text":
            continue
        mark = _MARK.match(token.content)
        if mark and token.level == 0 and not brackets and not html:
            yield int(mark[1])
        # Inside brackets it may be the text of a link or image that is defined elsewhere.
        brackets = max(0, brackets + token.content.count("[") - token.content.count("]"))
