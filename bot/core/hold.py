"""A hold on releases: one commit on a ref of its own, so that no loss of our store can lift it.

There is one hold for the whole repository, and one for each pull request. Who holds, since when and why stands in the
commit; lifting it deletes the ref, each by an exact lease.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from bot.core.objects import Commit
from bot.core.text.quote import code, mention

HOLDS = "refs/manifest-release-bot/holds/"
_BY = re.compile(r"^Held-by: (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Hold:
    """Who holds releases since when, and why ("" where no reason was given). `pull` None: all of the repository."""

    pull: int | None
    by: str
    since: datetime
    reason: str

    @property
    def words(self) -> str:
        """As a part of a sentence: "on hold since … by …"."""
        what = f"#{self.pull} is" if self.pull else "Releases are"
        why = f": {code(self.reason, 300)}" if self.reason else ""
        return f"{what} on hold since {self.since:%Y-%m-%d %H:%M} UTC by {mention(self.by)}{why}"

    @property
    def plain(self) -> str:
        """The same without Markdown, for a check's title and the store."""
        what = "this release is" if self.pull else "releases are"
        return f"{what} on hold since {self.since:%Y-%m-%d} by {self.by}{': ' if self.reason else ''}{self.reason}"


def hold_ref(pull: int | None) -> str:
    """The ref that says that this is held."""
    return f"{HOLDS}pull-{pull}" if pull else f"{HOLDS}repository"


def hold_message(pull: int | None, by: str, reason: str, comment: int) -> str:
    """The message of the commit that holds."""
    what = f"pull request {pull}" if pull else "all releases"
    return f"Hold {what}\n\n{reason}\n\nHeld-by: {by}\nComment: {comment}\n"


def read_hold(pull: int | None, commit: Commit) -> Hold:
    """The hold that this commit records; of one made by other means, by its author."""
    said = _BY.findall(commit.message)
    reason = commit.message.partition("\n\n")[2].rpartition("\n\n")[0].strip() if said else ""
    return Hold(pull, said[-1] if said else commit.author.partition(" <")[0], commit.committed_at, reason)
