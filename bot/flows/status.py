"""`/release status`: what is merged and not published, lines, channels, what is open, the last builds. Reads only."""

from __future__ import annotations

import re

from bot.core.command import Command
from bot.core.config import Config
from bot.core.hub import RepositoryId
from bot.core.intent import Answer
from bot.core.refusal import BadConfiguration
from bot.core.snapshot import HEADS, TAGS, peeled, released
from bot.core.text import refusals, status as words
from bot.core.version import Version
from bot.flows.channel import Refs, channels_now
from bot.flows.desk import Desk
from bot.flows.hold import held
from bot.flows.outcome import Outcome, Steps
from bot.flows.propose import open_releases
from bot.flows.reply import say
from bot.gh import Repository
from bot.mirror import Mirror
from bot.reading import read_configuration
from bot.store import Release

MOST_LINES = 10
BUILD = {"published": "not started", "building": "running", "built": "built", "failed": "failed"}


def status(desk: Desk, intent: Answer, command: Command, steps: Steps) -> Outcome:
    """Of the repository, or of the line or version that was named."""
    about = command.args[0] if command.args else None
    text = steps.run("read how things stand", _text, desk, intent.repository, about)
    return say(desk, intent, steps, text, "+1", "status", state="done")


def _text(desk: Desk, which: RepositoryId, about: str | None) -> str:
    repository = desk.repository(which)
    with desk.mirror(repository) as mirror:
        refs = mirror.refs()
        mirror.fetch(refs)
        config = read_configuration(mirror, refs, repository.default_branch())
        if isinstance(config, BadConfiguration):
            return refusals.refused(config)
        if about and not about.startswith("build-"):
            return words.one(_one(desk, mirror, refs, config, which, about))
        return words.status(_all(desk, repository, mirror, refs, config, about))


def _all(
    desk: Desk, repository: Repository, mirror: Mirror, refs: Refs, config: Config, about: str | None
) -> words.Status:
    rows = desk.store.releases(repository.id.id)
    branches = {ref.removeprefix(HEADS) for ref in refs if ref.startswith(HEADS)}
    builds = sorted({n for name in branches if (n := config.build_number_of(name)) is not None}, reverse=True)
    wanted = [build for build in builds if about in (None, f"build-{build}")]
    shown = wanted[:MOST_LINES]
    bases = {config.line_branch(build) for build in wanted} | (
        {config.manifest.main_branch} if about is None else set()
    )
    return words.Status(
        lines=[_line(refs, config, build, rows) for build in shown],
        more=len(wanted) - len(shown),
        waiting=[
            words.Waiting(row.pull or 0, row.plan.tag, row.base, row.state, row.reason)
            for row in rows
            if row.state in words.UNPUBLISHED and row.base in bases
        ],
        proposed=[
            words.Proposed(pull.number, sealed.record.tag, pull.base, sealed.record.requested_by)
            for pull in open_releases(desk, repository)
            if (sealed := desk.sealed(repository.id, pull)) is not None and pull.base in bases
        ],
        channels=channels_now(mirror, refs, config),
        held=f"{hold.words}." if (hold := held(mirror, refs)) else "",
    )


def _line(refs: Refs, config: Config, build: int, rows: list[Release]) -> words.LineNow:
    latest = max((version for version in released(refs, config) if version.build == build), default=None)
    row = next((row for row in rows if row.version == str(latest)), None)
    return words.LineNow(
        config.line_branch(build), str(latest) if latest else None, BUILD.get(row.state if row else "", "–")
    )


def _one(desk: Desk, mirror: Mirror, refs: Refs, config: Config, which: RepositoryId, about: str) -> words.OneRelease:
    name = config.tag_name(Version.parse(about))
    tagged = refs.get(TAGS + name)
    tag = mirror.tag(tagged) if tagged else None
    row = desk.store.release(which.id, about)
    merged = re.search(r"^Merged-by: (\S+)$", tag.message, re.MULTILINE) if tag else None
    return words.OneRelease(
        tag=name,
        commit=peeled(refs, TAGS + name),
        date=f"{tag.date:%Y-%m-%d %H:%M} UTC" if tag and tag.date else "",
        merged_by=merged[1] if merged else "",
        pull=row.pull if row else None,
        state=row.state if row else "",
        reason=row.reason if row else "",
        run=(row.run_id, row.run_url or "") if row and row.run_id else None,
    )
