"""Comments from the file, read for a command: area "command"."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from markdown_it import MarkdownIt

from bot.core.command import Command, Mistake, looks_like_command, parse
from bot.core.text.mistakes import mistake
from tests.bad_inputs.rows import Check, Kind, Outcome, Row

LARGE = 4_096
WITHOUT_A_COMMAND, WITH_ONE, SMALL = 5.0, 300.0, 100.0
RENDERED = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
MARKUP = {"link_open", "image", "html_inline", "html_block", "heading_open", "fence", "code_block"}


def work(row: Row) -> Callable[[], Outcome]:
    """Read the comment and, where there is a mistake, write the reply to it."""
    body = None if row.input is None else row.text()
    return lambda: outcome(parse(body))


def outcome(read: Command | Mistake | None) -> Outcome:
    """A command is taken, a mistake is refused with a reply, anything else is passed over."""
    if isinstance(read, Mistake):
        return Outcome("refuse", mistake(read, ("build-115", "build-110")), read)
    return Outcome("accept", value=read) if read else Outcome("ignore")


def milliseconds(row: Row) -> float:
    """What a comment may cost: little where no line looks like a command, more where it must be parsed."""
    body = "" if row.input is None else row.text()
    if len(body) < LARGE:
        return SMALL
    return WITH_ONE if looks_like_command(body) else WITHOUT_A_COMMAND


def harmless(came: Outcome) -> bool:
    """No reply holds a link, an image, HTML, a command, or a mention or number outside of code."""
    if came.kind != "refuse":
        return True
    blocks = RENDERED.parse(came.said)
    inside = [token for block in blocks for token in block.children or ()]
    prose = "".join(token.content for token in inside if token.type == "text")
    plain = not ({token.type for token in [*blocks, *inside]} & MARKUP) and not any(mark in prose for mark in "@#")
    return plain and parse(came.said) is None and all(c.isprintable() or c == "\n" for c in came.said)


def on_line(came: Outcome) -> bool:
    """It is the command for build-115, and nothing else."""
    return bool(came.value == Command("release", "patch", came.value.source, "build-115"))


def helps(came: Outcome) -> bool:
    """It asks for help."""
    return (came.value.family, came.value.verb) == ("release", "help")


def names(word: str) -> Check:
    """The reply shows this word."""
    return lambda came: f"`{word}`" in came.said


WANTED: Mapping[str, Kind] = {
    "comm-039": "accept",
    "comm-040": "accept",
    "comm-071": "refuse",
    "comm-073": "refuse",
    "comm-077": "accept",
}
CHECKS: Mapping[str, Check] = {
    "comm-002": on_line,
    "comm-004": on_line,
    "comm-006": names("build-115"),
    "comm-029": names("U+2010"),
    "comm-030": names("U+0661"),
    "comm-033": names("build-0115"),
    "comm-035": names("U+202E"),
    "comm-039": helps,
    "comm-040": helps,
    "comm-060": lambda came: "`` `id` ``" in came.said,
    "comm-066": names("[a](javascript:alert(1))"),
    "comm-069": names("U+0000"),
    "comm-070": names("U+001B"),
    "comm-077": on_line,
    "comm-071": names("U+000B"),
    "comm-073": names("U+0085"),
    "comm-078": lambda came: len(came.value.word) <= 80,
    "comm-082": names("U+0301"),
}
ELSEWHERE: Mapping[str, str] = {
    "comm-084": "tests/handlers/test_routes.py"
    "::test_bots_foreign_commands_and_a_sender_who_is_not_the_author_are_nothing_for_us",
}
