"""The check `release / plan`, which tells on a pull request whether merging it would publish what was planned."""

from __future__ import annotations

from bot.core.audit import Foresight, foresee
from bot.core.hub import Pull
from bot.core.intent import Check
from bot.core.record import PREFIX
from bot.core.refusal import BadConfiguration
from bot.core.snapshot import HEADS, released
from bot.core.text import pull as words
from bot.core.tree import Tree
from bot.flows.desk import Desk
from bot.flows.evidence import weaker_tag
from bot.flows.hold import held
from bot.flows.outcome import Outcome, Steps
from bot.gh import Repository
from bot.reading import read_configuration


def check(desk: Desk, intent: Check, steps: Steps) -> Outcome:
    """Set the check on this pull request's head, where its base is a branch that releases are made from."""
    return Outcome("done", steps.run("set the check", set_check, desk, intent))


def set_check(desk: Desk, intent: Check) -> str:
    """Red with the reasons, green, or green with "not a release". Returns what was said."""
    repository = desk.repository(intent.repository)
    pull = repository.pull(intent.pull)
    if pull is None or pull.state != "open":
        return "the pull request is not open"
    reasons = _reasons(desk, repository, pull)
    if reasons is None:
        title, summary = words.check_not_a_release()
        repository.check(pull.head_sha, words.CHECK, "success", title, summary)
        return title
    sealed = desk.sealed(intent.repository, pull)
    if reasons or sealed is None:
        title, summary = words.check_red(reasons or ("its description holds no plan that I sealed",))
        repository.check(pull.head_sha, words.CHECK, "failure", title, summary)
        return title
    record = sealed.record
    title, summary = words.check(record.digest, record.version, record.tag, record.base)
    repository.check(pull.head_sha, words.CHECK, "success", title, summary)
    return title


def _reasons(desk: Desk, repository: Repository, pull: Pull) -> tuple[str, ...] | None:
    """Why it cannot be released as it is; None where it is no release pull request at all."""
    bot = desk.hub.bot()
    if pull.author_id != bot.user_id or not pull.head.startswith(PREFIX):
        return None
    sealed = desk.sealed(repository.id, pull)
    if sealed is None:
        return ("its description holds no plan that I sealed",)
    with desk.mirror(repository) as mirror:
        refs = mirror.refs()
        mirror.fetch(refs)
        config = read_configuration(mirror, refs, repository.default_branch())
        if isinstance(config, BadConfiguration):
            return (config.sentence,)
        base = refs.get(HEADS + pull.base)
        tree = mirror.tree(base) if base else Tree()
        line = sealed.record.line
        line_now = refs.get(line.ref) if line else None
        weaker = weaker_tag(desk, mirror, refs, config, sealed.record)
        hold = held(mirror, refs, pull.number)
        now = Foresight(bot, pull, tree, released(refs, config), config, line_now, weaker, hold.plain if hold else None)
        return foresee(sealed, now)
