"""A release pull request was closed unmerged: its branch goes, its version is free again."""

from __future__ import annotations

from bot.core.hub import RepositoryId
from bot.core.intent import Withdraw
from bot.core.record import PREFIX
from bot.core.snapshot import HEADS
from bot.core.text import pull as words
from bot.core.text.quote import marker
from bot.flows.desk import Desk
from bot.flows.display import show
from bot.flows.outcome import Outcome, Steps
from bot.mirror import RefUpdate


def withdraw(desk: Desk, intent: Withdraw, steps: Steps) -> Outcome:
    """Free what the pull request had reserved, if it is ours and still closed unmerged."""
    return Outcome("done", steps.run("free the version", free, desk, intent.repository, intent.pull))


def free(desk: Desk, which: RepositoryId, number: int) -> str:
    """Delete the bot's branch where it still holds the planned commit, mark the release withdrawn, say so once."""
    repository = desk.repository(which)
    pull = repository.pull(number)
    bot = desk.hub.bot()
    if pull is None or pull.merged or pull.state == "open" or pull.author_id != bot.user_id:
        return f"pull request {number} is not a withdrawn release"
    sealed = desk.sealed(which, pull)
    if sealed is None or not pull.head.startswith(PREFIX):
        return f"pull request {number} holds no plan of ours"
    if any(other.head_sha == sealed.head for other in repository.pulls("open", head=pull.head)):
        return f"another pull request is open for {sealed.record.tag}"
    desk.store.withdrawn(which.id, sealed.record.version, number)
    with desk.mirror(repository) as mirror:
        ref = HEADS + pull.head
        if mirror.refs().get(ref) == sealed.head:
            mirror.push([RefUpdate(ref, sealed.head, None)])
    show(lambda: repository.say(number, words.withdrawn(sealed.record.tag), marker("withdrawn", number)))
    return f"{sealed.record.tag} is free again"
