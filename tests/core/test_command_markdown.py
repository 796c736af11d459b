"""Which lines of a comment count: GitHub's rendering decides, and hidden or quoted text never runs."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings, strategies as st
from markdown_it import MarkdownIt

from bot.core.command import Command, Mistake, looks_like_command, parse

PATCH = "/release patch build-115"

SHOWN = {
    "alone": PATCH,
    "with a newline": PATCH + "\n",
    "with CRLF": f"Thanks!\r\n\r\n{PATCH}\r\n",
    "three blanks before it": "   " + PATCH,
    "after prose of the same paragraph": f"Please do this:\n{PATCH}\nas soon as you can",
    "after marked-up prose": f"See **this** and `that` and [these](https://x.example) [ ] <b>now</b>:\n{PATCH}",
    "after a hard break": f"now\\\n{PATCH}",
    "after a list and a blank line": f"- one\n- two\n\n{PATCH}",
    "after a closed fence": f"```\n/release resume\n```\n{PATCH}",
    "after a heading": f"# Now\n{PATCH}",
    "after a closed folded block": f"<details>\n\nlog\n\n</details>\n\n{PATCH}",
    "after a comment of a template": f"<!-- write <details> here -->\n\n{PATCH}",
    "after an unmatched backtick": f"it`s time\n{PATCH}",
    "between rules": f"***\n{PATCH}\n\n***",
    "after a footnote": f"text[^1]\n\n[^1]: a note\n\n{PATCH}",
    "after a placeholder in angle brackets": f"use <commit> there\n\n{PATCH}",
    "after very much prose": "some words\n" * 5_900 + PATCH,
    "after very many blank lines": "\n" * 65_000 + PATCH,
}

HIDDEN = {
    "inside a sentence": f"please run {PATCH}",
    "a code block": "    " + PATCH,
    "a tab before it": "\t" + PATCH,
    "a fence": f"```\n{PATCH}\n```",
    "a fence of tildes": f"~~~ sh\n{PATCH}\n~~~",
    "an unclosed fence": f"```\n\n\n{PATCH}",
    "a fence inside a longer fence": f"````\n```\n````x\n{PATCH}\n````",
    "inline code": f"`{PATCH}`",
    "inline code over lines": f"so `\n{PATCH}\n`",
    "inline code of two backticks over lines": f"so ``x ` y\n{PATCH}\nz``",
    "a quote": "> " + PATCH,
    "a quote without a blank": ">" + PATCH,
    "the lazy end of a quote": f"> quoted\n{PATCH}",
    "a list item": "- " + PATCH,
    "a numbered item": "1. " + PATCH,
    "the lazy end of an item": f"- item\n{PATCH}",
    "the second paragraph of an item": f"- item\n\n  {PATCH}",
    "a table row": f"a | b\n--|--\n{PATCH}",
    "a table head": f"{PATCH} | b\n--|--\n",
    "a heading": "# " + PATCH,
    "an underlined heading": f"{PATCH}\n===",
    "a heading by accident": f"{PATCH}\n-- \nJohn",
    "an HTML comment": f"<!--\n{PATCH}\n-->",
    "an HTML comment with blank lines": f"<!--\n\n{PATCH}\n\n-->",
    "an HTML comment inside a paragraph": f"text <!--\n{PATCH}\n-->",
    "an HTML comment begun in another block": f"<div><!--\n\n{PATCH}\n\n-->",
    "an HTML block": f"<div>\n{PATCH}\n</div>",
    "an element around paragraphs": f"<blockquote>\n\n{PATCH}\n\n</blockquote>",
    "an attribute begun in another block": f'<p title="\n\n{PATCH}\n\n">',
    "an attribute over lines": f'text <a title="\n{PATCH}\n">x</a>',
    "preformatted HTML": f"<pre>\n\n{PATCH}\n</pre>",
    "a script": f"<script>\n\n{PATCH}\n</script>",
    "a folded block": f"<details>\n{PATCH}\n</details>",
    "a folded block of paragraphs": f"<details><summary>more</summary>\n\n{PATCH}\n\n</details>",
    "a folded block that never ends": f"<DETAILS open>\n\nx\n\n{PATCH}",
    "a folded block inside a paragraph": f"text <details>\n{PATCH}\n</details>",
    "the outer of two folded blocks": f"<details>\n\n<details>\n\n</details>\n\n{PATCH}",
    "a folded block closed in a comment": f"<details>\n\n<!-- </details> -->\n\n{PATCH}",
    "a folded block closed in an attribute": f'<details>\n\n<b title="</details>">\n\n{PATCH}',
    "a folded block closed in inline code": f"<details>\n\n`</details>`\n\n{PATCH}",
    "a folded block closed inside a table": f"<details>\n\n<table></details></table>\n\n{PATCH}",
    "a folded block opened in a list": f"- <details>\n\n{PATCH}",
    "a comment ended early": f"<!--> <details> -->\n\n{PATCH}",
    "a comment that only HTML 5 ends": f"<!-->\n\n{PATCH}\n\n-->",
    "a link's title": f"[x](<y>\n'\n{PATCH}\n')",
    "an image's text": f"![\n{PATCH}\n](x.png)",
    "an image's text by reference": f"![\n{PATCH}\n]\n\n[{PATCH}]: x.png",
    "a definition's title": f"[x]: y '\n{PATCH}\n'",
    "a footnote": f"[^1]: note\n{PATCH}",
    "a footnote's second paragraph": f"[^1]: note\n\n    {PATCH}",
    "struck out text": f"~~no\n{PATCH}\nno~~",
    "a fence after a bare carriage return": f"x\r```\n{PATCH}\n```",
    "a line of its own only by a bare carriage return": f"x\r{PATCH}",
    "a line of its own only by a vertical tab": f"x\v{PATCH}",
    "a line of its own only by U+0085": f"x\x85{PATCH}",
    "a line of its own only by U+2028": f"x\u2028{PATCH}",
    "after a byte order mark": "\ufeff" + PATCH,
    "another word": "/releasepatch build-115",
    "another command": "/release-notes",
    "a path": "/release/patch build-115",
    "a Cyrillic letter": "/rel\u0435ase patch build-115",
    "a long s": "/relea\u017fe patch build-115",
    "a division slash": "\u2215release patch build-115",
    "a blank after the slash": "/ release patch build-115",
    "somebody else's command": "/lgtm",
    "nothing": "",
}


@pytest.mark.parametrize("body", SHOWN.values(), ids=SHOWN)
def test_a_command_at_the_start_of_a_line_of_a_top_level_paragraph_is_read(body: str) -> None:
    command = parse(body)
    assert isinstance(command, Command)
    assert (command.verb, command.line, command.source) == ("patch", "build-115", PATCH)


@pytest.mark.parametrize("body", HIDDEN.values(), ids=HIDDEN)
def test_what_is_quoted_hidden_or_somebody_elses_is_ignored(body: str) -> None:
    assert parse(body) is None


def test_no_body_is_no_command() -> None:
    assert parse(None) is None
    assert not looks_like_command(None)


def test_two_commands_in_one_comment_are_one_mistake() -> None:
    mistake = parse(f"{PATCH}\n\nand\n/release resume")
    assert isinstance(mistake, Mistake)
    assert (mistake.kind, mistake.word, mistake.line) == ("too-many-commands", "/release resume", PATCH)


def test_a_quoted_command_beside_a_real_one_does_not_count() -> None:
    assert isinstance(parse(f"> {PATCH}\n\n/release resume"), Command)


def test_a_comment_that_is_too_much_to_read_is_said_to_be() -> None:
    mistake = parse("- a\n" * 16_000 + "\n" + PATCH)
    assert isinstance(mistake, Mistake)
    assert (mistake.kind, mistake.line) == ("too-long", PATCH)


NASTY = ["a\n", "- a\n", "- " * 9 + "a\n", "> " * 9 + "a\n", "1. a\n", "a|b\n-|-\n", "a\n\n", "[a]: b\n", "<a\n"]
NASTY += ["*", "**a ", "`", "`a``b", "[", "![", "[a](", "[a][", "<", "<a b='", "<!-- ", "\\", "&amp;", "~~", "\r"]
NASTY += ["   /release\n", "`\n/release\n", "[\n/release\n", "[^1]: a\n", "<details>\n\n", "</details>"]


@pytest.mark.parametrize("piece", NASTY)
@pytest.mark.parametrize("size", [8_000, 16_000, 32_000, 65_000])
def test_nasty_markdown_is_read_or_refused_in_time(piece: str, size: int) -> None:
    body = (piece * size)[:size] + "\n" + PATCH
    assert _seconds(lambda: parse(body)) < 0.3


@pytest.mark.parametrize("piece", ["a\n", "\n", " ", "x /release ", "/releases\n", "`", "é\n", "/"])
def test_a_comment_without_a_command_costs_next_to_nothing(piece: str) -> None:
    body = (piece * 65_536)[:65_536]
    assert not looks_like_command(body)
    assert _seconds(lambda: looks_like_command(body)) < 0.005


def _seconds(work: object) -> float:
    """The best of three, because other processes run here too."""
    assert callable(work)
    times = []
    for _ in range(3):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


text_line = st.text(st.characters(blacklist_characters="\r\n"), max_size=20)
prose = st.lists(text_line, max_size=4).map("\n".join)

WRAPPERS = {
    "quote": lambda before: f"{before}\n\n> x\n{PATCH}\n",
    "fence": lambda before: f"{before}\n\n```\n{PATCH}\n```\n",
    "list": lambda before: f"{before}\n\n- x\n{PATCH}\n",
    "folded": lambda before: f"{before}\n\n<details>\n\n{PATCH}\n\n</details>\n",
    "comment": lambda before: f"{before}\n\n<!--\n{PATCH}\n-->\n",
    "heading": lambda before: f"{before}\n\n# {PATCH}\n",
}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
@given(before=st.lists(st.sampled_from(["a", "# b", "`c", "[d", "*e", "<f", "g|h", ""]), max_size=6).map("\n\n".join))
@settings(deadline=None)
def test_a_command_inside_a_block_never_runs_whatever_stands_before(wrap: object, before: str) -> None:
    assert callable(wrap)
    assert parse(wrap(before)) is None


_INLINE = ("a", "b", "em", "strong")


class _Paragraphs(HTMLParser):
    """The text at the top level of a rendered comment, in paragraphs or bare. What is never closed hides the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.lines = [""]

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "br":
            self.lines[-1:] = [*self.lines[-1:], ""]
        elif tag.isalnum() and tag not in ("img", "hr", *_INLINE):
            self.open.append(tag)
        if self.open == ["p"] and tag == "p":
            self.lines.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self.open in ([], ["p"]):
            first, *rest = data.split("\n")
            self.lines[-1] += first
            self.lines += rest


_RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_FRAGMENTS = ["a", "- ", "1. ", "> ", "```", "`", "``", "~~~", "~~", "# ", "===", "---", "|", "a|b", "-|-"]
_FRAGMENTS += [
    "    ",
    "  ",
    "<details>",
    "</details>",
    "<div>",
    "</div>",
    "<!--",
    "-->",
    "<b>",
    "</b>",
    '<b title="',
    '">',
]
_FRAGMENTS += ["[", "]", "](", ")", "![", "[x]: y", "'", "\\", "*", "**", "\r", "<", ">", "&lt;", "<pre>", "</pre>"]
_FRAGMENTS += ["<table>", "</table>", "<a>", "</a>"]
_NEWLINES = ["\n", "\n", "\n\n", "\r\n"]
markdown = st.lists(st.sampled_from([*_FRAGMENTS, *_NEWLINES, "\n" + PATCH + "\n"]), max_size=14).map("".join)


@given(markdown)
@example(f"- a\n\n\n{PATCH}\n")
@settings(deadline=None, max_examples=400)
def test_what_runs_is_seen_by_a_reader_of_the_rendered_comment(body: str) -> None:
    if not isinstance(parse(body), Command) or "<![" in body:  # html.parser asserts that no one writes that
        return
    reader = _Paragraphs()
    reader.feed(_RENDERER.render(body))
    reader.close()
    assert any(re.match(r"[ \t]*" + re.escape(PATCH) + r"[ \t]*$", line) for line in reader.lines), reader.lines


@given(st.text() | prose | markdown)
@settings(deadline=None)
def test_no_text_makes_the_parser_raise(body: str) -> None:
    found = parse(body)
    assert found is None or looks_like_command(body)
    for start in ("/release ", "/release patch build-1 ", "/build ", "/channel "):
        assert parse(start + body.replace("\n", " ").replace("\r", " ")) is not None


def test_a_lone_carriage_return_ends_no_line() -> None:
    mistake = parse(f"{PATCH}\r/release resume")
    assert isinstance(mistake, Mistake)
    assert (mistake.kind, mistake.word) == ("bad-character", "U+000D")
