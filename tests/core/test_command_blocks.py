"""A law of reading: whatever blocks a command is put into, one in the other, it is talked about and not run."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings, strategies as st

from bot.core.command import COMMANDS, Command, parse

Wrap = Callable[[str], str]
EXAMPLES = [example for spec in COMMANDS for example in spec.examples]
TAGS = ("details", "details open", "DETAILS", "div", 'div title="a > b"', "pre", "blockquote", "table", "script", "ul")


def indented(first: str, rest: str) -> Wrap:
    """`first` before the first line, `rest` before all others."""
    return lambda text: first + text.replace("\n", "\n" + rest)


def fenced(character: str, info: str = "") -> Wrap:
    """A fence that is longer than every fence inside it."""

    def wrap(text: str) -> str:
        longest = max((len(run) for run in re.findall(re.escape(character) + "+", text)), default=0)
        fence = character * max(3, longest + 1)
        return f"{fence}{info}\n{text}\n{fence}"

    return wrap


def between(begin: str, end: str) -> Wrap:
    """The text between two others."""
    return lambda text: f"{begin}\n{text}\n{end}"


CONTAINERS: dict[str, Wrap] = {
    "a quote": indented("> ", "> "),
    "a quote without blanks": indented(">", ">"),
    "an item": indented("- ", "  "),
    "an item of another bullet": indented("+ ", "  "),
    "a numbered item": indented("1. ", "   "),
    "an item far to the right": indented("-    ", "     "),
    "a fence": fenced("`"),
    "a fence with a language": fenced("`", "sh"),
    "a fence of tildes": fenced("~", " text x`y"),
    "an indented block": indented("    ", "    "),
    "a comment": between("<!--", "-->"),
    **{f"<{tag}>": between(f"<{tag}>", f"</{tag.split()[0]}>") for tag in TAGS},
    **{f"<{tag}> and blank lines": between(f"<{tag}>\n", f"\n</{tag.split()[0]}>") for tag in TAGS},
}
"""What takes in any text."""
LEAVES: dict[str, Wrap] = {
    "a heading": indented("# ", ""),
    "an underlined heading": "{}\n===".format,
    "a code span": "`{}`".format,
    "a code span over lines": "so `\n{}\n`".format,
    "the lazy end of a quote": "> so\n{}".format,
    "the lazy end of an item": "- so\n{}".format,
    "a row of a table": "a | b\n--|--\n{}".format,
    "a link's text": "[so\n{}\n](https://x.example)".format,
    "a footnote": "[^1]: {}".format,
}
"""What takes in one line."""

commands = st.tuples(st.integers(0, 3), st.sampled_from(EXAMPLES)).map(lambda pair: " " * pair[0] + pair[1])
before = st.lists(
    st.sampled_from(
        ["Hello\n\n", "# Now\n\n", "- a\n- b\n\n", "> so\n\n", "```\nx\n```\n\n", "<b>so</b>\n\n", "a*b\n\n"]
    ),
    max_size=3,
).map("".join)


@st.composite
def blocks(draw: st.DrawFn) -> str:
    """A command inside one to four blocks."""
    text = draw(commands)
    wraps = [*draw(st.lists(st.sampled_from(list(LEAVES.values())), max_size=1))]
    wraps += draw(st.lists(st.sampled_from(list(CONTAINERS.values())), min_size=0 if wraps else 1, max_size=3))
    for wrap in wraps:
        text = wrap(text)
    return text


@given(before, blocks(), st.sampled_from(["\n", "\r\n"]))
@settings(deadline=None, max_examples=600)
def test_a_command_inside_blocks_never_runs(prose: str, block: str, newline: str) -> None:
    assert parse((prose + block).replace("\n", newline)) is None


@given(before, blocks())
@settings(deadline=None, max_examples=300)
def test_beside_a_command_inside_blocks_only_the_one_that_stands_free_can_run(prose: str, block: str) -> None:
    read = parse(f"{prose}{block}\n\n/release help new")
    assert read is None or (isinstance(read, Command) and read.source == "/release help new")


@pytest.mark.parametrize("wrap", [*CONTAINERS.values(), *LEAVES.values()], ids=[*CONTAINERS, *LEAVES])
def test_after_a_block_that_ends_a_command_runs(wrap: Wrap) -> None:
    read = parse(wrap("/release new") + "\n\n/release branch build-115")
    assert isinstance(read, Command)
    assert (read.verb, read.line) == ("branch", "build-115")


@given(before, st.sampled_from(EXAMPLES))
@settings(deadline=None)
def test_the_same_command_runs_where_no_block_holds_it(prose: str, command: str) -> None:
    read = parse(prose + command)
    assert isinstance(read, Command)
    assert read.source == command
