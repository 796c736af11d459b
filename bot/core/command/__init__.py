"""What people type: the commands as data, and how a comment is read for one.

`spec` holds the vocabulary, `markdown` finds the lines of a comment that count, `words` splits such a line, and
`parse` makes a Command, a Mistake or nothing of it. Help, README table and pages are made from `COMMANDS`.
"""

from __future__ import annotations

from bot.core.command.markdown import looks_like_command
from bot.core.command.parse import Command, Mistake, MistakeKind, Override, parse
from bot.core.command.spec import (
    COMMANDS,
    EVERYWHERE,
    Argument,
    CommandSpec,
    Flag,
    Option,
    Place,
    Who,
    find,
    help_for,
)
from bot.core.command.tables import render_options, render_table

__all__ = [
    "COMMANDS",
    "EVERYWHERE",
    "Argument",
    "Command",
    "CommandSpec",
    "Flag",
    "Mistake",
    "MistakeKind",
    "Option",
    "Override",
    "Place",
    "Who",
    "find",
    "help_for",
    "looks_like_command",
    "parse",
    "render_options",
    "render_table",
]
