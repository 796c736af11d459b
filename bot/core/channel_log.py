"""The record of a channel that people moved by hand: one commit a move, on a ref of its own beside the channel.

Tags say why a release moved a channel; nothing else would say why a person did. So each such move is written as a
commit with the files that the channel leads to, and pushed together with the channel, all or nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LOG = "refs/manifest-release-bot/channels/"
"""Where the records are; a channel's name follows."""
_SUBJECT = re.compile(r"(?P<channel>.+): (?P<before>\S+) -> (?P<after>\S+)")
_TRAILER = re.compile(r"^([A-Z][a-z-]+): (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class ChannelMove:
    """One move by hand. Commits are full ids, `came_from` None where the channel was new; versions may be unknown.

    `confirmed_by` is the second person, where one was asked for. `comment` is the id of the command.
    """

    channel: str
    came_from: str | None
    went_to: str
    before: str | None
    after: str
    set_by: str
    reason: str
    comment: int
    confirmed_by: str | None = None


def move_message(move: ChannelMove) -> str:
    """The message of the commit that records it."""
    confirmed = f"Confirmed-by: {move.confirmed_by}\n" if move.confirmed_by else ""
    return (
        f"{move.channel}: {move.before or 'new'} -> {move.after}\n\n"
        f"{move.reason}\n\n"
        f"From: {move.came_from or 'none'}\n"
        f"To: {move.went_to}\n"
        f"Set-by: {move.set_by}\n"
        f"{confirmed}"
        f"Comment: {move.comment}\n"
    )


def read_move(message: str) -> ChannelMove | None:
    """The move that such a message records; None for a message that records none."""
    subject, _, rest = message.partition("\n\n")
    reason, _, trailers = rest.rpartition("\n\n")
    told = dict(_TRAILER.findall(trailers))
    found = _SUBJECT.fullmatch(subject)
    if found is None or not {"From", "To", "Set-by", "Comment"} <= told.keys() or not told["Comment"].isdecimal():
        return None
    came_from = None if told["From"] == "none" else told["From"]
    before = None if found["before"] == "new" else found["before"]
    who = (told["Set-by"], reason, int(told["Comment"]), told.get("Confirmed-by"))
    return ChannelMove(found["channel"], came_from, told["To"], before, found["after"], *who)
