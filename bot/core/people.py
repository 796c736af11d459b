"""Who may do what: from the role that GitHub tells to the rights that commands ask for."""

from __future__ import annotations

from bot.core.command import CommandSpec, Place, Who
from bot.core.command.spec import RIGHTS

_ORDER = ("none", "read", "triage", "write", "maintain", "admin")


def right_of(role: str, releaser: str = "write", admin: str = "maintain") -> Who:
    """The highest right that somebody with this role has; a role we do not know has none.

    `releaser` and `admin` are the least roles for these rights, as the configuration says.
    """
    if role not in _ORDER:
        return "everyone"
    if _ORDER.index(role) >= _ORDER.index(admin):
        return "admin"
    return "releaser" if _ORDER.index(role) >= _ORDER.index(releaser) else "everyone"


def may(spec: CommandSpec, right: Who) -> bool:
    """Whether this right suffices for the command, wherever it is typed."""
    return RIGHTS.index(right) >= RIGHTS.index(spec.who)


def works_in(spec: CommandSpec, place: Place) -> bool:
    """Whether the command is one for this place, whoever types it."""
    return place in spec.places
