"""What was not understood in a command, with the nearest right thing."""

from __future__ import annotations

from typing import assert_never

from bot.core.command import Mistake, find
from bot.core.text.quote import code, codes


def mistake(wrong: Mistake, lines: tuple[str, ...]) -> str:
    """What was not understood, with the nearest right thing. `lines` are release branches that exist, newest first."""
    word = code(wrong.word)
    match wrong.kind:
        case "unknown-verb":
            text = f"I do not know {code(f'/{wrong.family} {wrong.word}')}.{_did_you_mean(wrong, lines)}"
        case "not-yet":
            text = f"{word} is not available yet. `/release help` shows what is."
        case "missing-line":
            text = f"{code(f'/{wrong.family} {wrong.verb}')} needs a release line" + (
                f": {codes(lines[:3])}." if lines else "."
            )
        case "missing-word":
            text = f"{code(f'/{wrong.family} {wrong.verb}')} needs more words: {codes(wrong.near)}."
        case "bad-line":
            near = wrong.near or lines[:3]
            text = f"{word} is no release line; one looks like `build-115`." + (
                f" Near it: {codes(near)}." if near else ""
            )
        case "too-many-commands":
            text = "There is more than one command in this comment, so none was run. Post one comment for each."
        case "unknown-flag" | "unknown-option":
            hint = f" Did you mean {codes(wrong.near)}?" if wrong.near else ""
            text = f"I do not know {word} here.{hint} `/release help {wrong.verb or 'patch'}` shows what can be typed."
        case "bad-value":
            written = (
                f"It is written {codes(wrong.near)}." if wrong.near else "A revision is a commit, a branch or a tag."
            )
            text = f"{word} has a value that I cannot use. {written}"
        case "duplicate":
            text = f"{word} is given twice, so nothing was done. Say it once."
        case "bad-character":
            text = f"The command holds the character {word}. Only plain ASCII is read; type it again without it."
        case "trailing-text":
            text = f"I do not know what {word} means at the end of the command. Put remarks on lines of their own."
        case "unclosed-quote":
            text = f"A quotation mark is opened and not closed in {word}."
        case "too-long":
            text = "This comment is too long to be read for a command. Post the command in a comment of its own."
        case never:
            assert_never(never)
    return f"{text}{EDITS}"


EDITS = " Post a new comment; edits are not read."


def _did_you_mean(wrong: Mistake, lines: tuple[str, ...]) -> str:
    """The nearest command, whole, so that it can be copied: with the line that was typed, or one that exists."""
    spec = find(wrong.family, wrong.near[0]) if wrong.near else None
    if spec is None:
        return " `/release help` shows what there is."
    needs_line = any(argument.kind == "line" and argument.required for argument in spec.arguments)
    typed = [word for word in wrong.line.split() if word in lines]
    line = next(iter([*typed, *lines]), "build-N")
    return f" Did you mean **{code(spec.name + (f' {line}' if needs_line else ''))}**?"
