"""Foreign words in our Markdown: shown, never rendered."""

from collections.abc import Iterator

import pytest
from hypothesis import example, given, strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.core.text.quote import cell, code, link, mention

HARMFUL = {"link_open", "image", "html_inline", "html_block", "heading_open", "fence", "blockquote_open", "em_open"}
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def tokens(text: str) -> Iterator[Token]:
    for token in PARSER.parse(text):
        yield token
        yield from token.children or ()


@given(st.text(max_size=200))
@example("`` `x`` `")
@example("a`b``c```d")
@example("<!-- x --> @octocat #1 [x](http://x) ![x](y)")
@example("\r\n\r\n# heading")
@example("\\")
def test_whatever_is_quoted_renders_as_one_code_span(text: str) -> None:
    found = list(tokens(f"before {code(text)} after"))
    assert not {token.type for token in found} & HARMFUL
    assert [token.type for token in found if token.type == "code_inline"] == ["code_inline"] * (code(text) != "(empty)")


@given(st.text(alphabet=st.sampled_from("|`\\ab @#<"), max_size=30))
def test_whatever_stands_in_a_cell_stays_in_it(text: str) -> None:
    found = list(tokens(f"| a | b |\n|---|---|\n| {cell(text)} | last |\n"))
    assert [token.type for token in found].count("td_open") == 2


def test_long_words_are_cut() -> None:
    assert len(code("x" * 10_000)) < 130


@pytest.mark.parametrize("login", ["octocat", "a-b"])
def test_a_login_is_mentioned(login: str) -> None:
    assert mention(login) == f"@{login}"


@pytest.mark.parametrize("login", ["a b", "x](y)", "@all", "release[bot]", ""])
def test_what_is_no_persons_login_is_only_quoted(login: str) -> None:
    assert not mention(login).startswith("@")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://x/)[y](z", "https://x/ y", "//x", ""])
def test_an_address_that_could_end_the_link_is_left_out(url: str) -> None:
    assert link("words", url) == "words"


def test_an_ordinary_address_is_linked() -> None:
    assert link("run 1", "https://github.com/coreos/scripts/actions/runs/1") == (
        "[run 1](https://github.com/coreos/scripts/actions/runs/1)"
    )
