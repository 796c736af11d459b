"""The commands as people read them in help, README and docs: Markdown tables made from `COMMANDS`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.core.command.spec import COMMANDS, EVERYWHERE, CommandSpec, Place, Who

_PLACES: Mapping[Place, str] = {
    "issue": "issues",
    "pull": "pull requests",
    "open pull": "open release pull requests",
    "merged pull": "merged release pull requests",
}
_WHO: Mapping[Who, str] = {"everyone": "everyone", "releaser": "releasers", "admin": "admins"}


def places_in_words(spec: CommandSpec) -> str:
    """Where it works: `anywhere`, or the places."""
    if set(spec.places) == set(EVERYWHERE):
        return "anywhere"
    return ", ".join(_PLACES[place] for place in spec.places)


def render_table(commands: Sequence[CommandSpec] = COMMANDS) -> str:
    """The commands as a Markdown table, one row each, ending in a newline."""
    rows = [
        f"| {_code(spec.usage)} | {places_in_words(spec)} | {_WHO[spec.who]} | {spec.effect}{_also(spec)} |\n"
        for spec in commands
    ]
    return "| command | where | who | what it does |\n|---|---|---|---|\n" + "".join(rows)


_OVERRIDES = (
    ("PROJECT=REV", "move this project to that commit, branch or tag"),
    ("PROJECT=released", "give this project the pin again that the line's last release had"),
    ("PROJECT=@115.0.0", "give this project the pin that this release had"),
    ("PROJECT.upstream=REF", "say which branch of this project the commit is on"),
)


def render_options(spec: CommandSpec) -> str:
    """What may follow the arguments of a command, as a Markdown table that ends in a newline; "" where nothing may."""
    words = [*(_OVERRIDES if spec.overrides else ())]
    words += [(option.written, option.effect) for option in spec.options]
    words += [(flag.written, flag.effect) for flag in spec.flags]
    if not words:
        return ""
    rows = [f"| {_code(written)} | {effect} |\n" for written, effect in words]
    return "| option | what it does |\n|---|---|\n" + "".join(rows)


def _also(spec: CommandSpec) -> str:
    return f" Also: {', '.join(_code(f'/{spec.family} {alias}') for alias in spec.aliases)}." if spec.aliases else ""


def _code(text: str) -> str:
    escaped = text.replace("|", "\\|")
    return f"`{escaped}`"
