"""Learn what a lost store knew, from what cannot be lost with it: refs, tags and the plans sealed in pull requests.

Without this, a bot with an empty store would propose beside releases that are under way, and would ask for image
builds that were asked for before.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.core.audit import is_held
from bot.core.config import Config
from bot.core.hub import Pull, RepositoryId, Run
from bot.core.record import PREFIX, BuildOrder, Record, Sealed, correlation_id
from bot.core.refusal import BadConfiguration
from bot.core.snapshot import HEADS, TAGS
from bot.core.text import found as words, progress
from bot.core.text.quote import marker, short
from bot.core.version import Version
from bot.flows.desk import Desk
from bot.mirror import Mirror
from bot.outage import Denied
from bot.reading import read_configuration
from bot.store import ReleaseState

log = logging.getLogger(__name__)

MOST_PULLS = 3000
"""So many pull requests are looked through, the last changed first: GitHub lists a hundred with each call."""
RECENT = timedelta(days=14)
"""Image builds of releases that were merged within this time are looked for, and of the newest of each line."""
MOST_BUILDS = 20
SPARE = timedelta(minutes=10)
"""How long before a merge the run of its image build may seem to have begun: clocks differ."""


@dataclass(frozen=True)
class Lost:
    """One release as GitHub and git show it, before it is written down."""

    sealed: Sealed
    pull: Pull
    state: ReleaseState
    tag: str = ""
    run: Run | None = None
    reason: str = ""

    @property
    def record(self) -> Record:
        """Its plan."""
        return self.sealed.record


def ensure_known(desk: Desk, which: RepositoryId) -> bool:
    """Have the store know the releases of this repository. True where it had never seen it and learned them now.

    Whoever decides by the store calls it first; the mirror must not be open. Costs nothing once it is known.
    """
    mark = f"known/{which.id}"
    if desk.store.fact(mark) is not None:
        return False
    rebuild(desk, which)
    desk.store.remember(mark, desk.now().isoformat())
    return True


def rebuild(desk: Desk, which: RepositoryId) -> None:
    """Write down every release that a pull request of ours tells of, and ask about builds that nobody knows of."""
    lost = _with_builds(desk, which, _look(desk, which))
    for each in lost:
        desk.store.recovered(which.id, each.record, each.state, _columns(each))
    for each in lost:
        known = desk.store.release(which.id, each.record.version)
        if known is not None and known.reason == words.LOST_BUILD:
            _ask_about(desk, which, each)


def _look(desk: Desk, which: RepositoryId) -> list[Lost]:
    """Every release of ours, each version once: the one that is open, else the one that was merged, else the newest."""
    repository = desk.repository(which)
    plans = list(_plans(desk, which, repository.pulls("all", limit=MOST_PULLS)))
    if not plans:
        return []  # most repositories that an App is installed on are no manifest repositories
    with desk.mirror(repository) as mirror:
        refs = mirror.refs()
        mirror.fetch(refs)
        config = read_configuration(mirror, refs, repository.default_branch())
        # With one that cannot be read nothing is published; what stands half-way is told by the usual names.
        usual = Config() if isinstance(config, BadConfiguration) else config
        found = [_as_it_is(mirror, refs, usual, pull, sealed) for pull, sealed in plans]
    return list({each.record.version: each for each in sorted(found, key=_weight)}.values())


def _plans(desk: Desk, which: RepositoryId, pulls: Iterable[Pull]) -> Iterator[tuple[Pull, Sealed]]:
    ours = desk.hub.bot().user_id
    for pull in pulls:
        if pull.author_id != ours or pull.head_repository != which.id or not pull.head.startswith(PREFIX):
            continue
        sealed = desk.sealed(which, pull)
        if sealed is not None and sealed.number == pull.number and sealed.record.repository == which.id:
            yield pull, sealed


def _weight(each: Lost) -> tuple[int, int]:
    """What counts more stands later. A release that was published counts more than anything that came after it."""
    order = ("withdrawn", "superseded", "proposed", "merged", "published")
    return order.index(each.state), each.pull.number


def _as_it_is(mirror: Mirror, refs: Mapping[str, str], config: Config, pull: Pull, sealed: Sealed) -> Lost:
    record = sealed.record
    if pull.state == "open":
        return Lost(sealed, pull, "proposed")
    if not pull.merged:
        return Lost(sealed, pull, "withdrawn")
    tag = refs.get(TAGS + record.tag)
    if tag is not None and _is_its_tag(mirror, tag, pull, record):
        return Lost(sealed, pull, "published", tag=tag)
    head = refs.get(HEADS + record.base)
    held = head is not None and is_held(record, mirror.tree(head), config)
    return Lost(sealed, pull, "merged" if held else "superseded")


def _is_its_tag(mirror: Mirror, tag: str, pull: Pull, record: Record) -> bool:
    """Whether the tag is the release's: of this merge and this plan. Publishing proves it before it goes on from it."""
    if record.adoption is not None and record.adoption.tag == tag:
        return True
    found = mirror.tag(tag)
    return found is not None and found.target == pull.merge_commit and f"\nPlan: {record.digest}\n" in found.message


def _with_builds(desk: Desk, which: RepositoryId, lost: Sequence[Lost]) -> list[Lost]:
    """The same with what became of their image builds, as far as that is looked for."""
    wanted = {each.record.version for each in _worth_a_look(desk, lost)}
    return [_with_build(desk, which, each, each.record.version in wanted) for each in lost]


def _worth_a_look(desk: Desk, lost: Sequence[Lost]) -> list[Lost]:
    """Published releases whose build may matter still: the newest of each line, and those of the last days."""
    built = [each for each in lost if each.state == "published" and each.record.build is not None]
    built.sort(key=lambda each: Version.parse(each.record.version))
    newest = {Version.parse(each.record.version).build: each for each in built}
    since = desk.time() - RECENT
    recent = [each for each in built if each.pull.merged_at and each.pull.merged_at >= since]
    chosen = {each.record.version: each for each in (*newest.values(), *recent)}
    return sorted(chosen.values(), key=lambda each: each.pull.number)[-MOST_BUILDS:]


def _with_build(desk: Desk, which: RepositoryId, lost: Lost, look: bool) -> Lost:
    order = lost.record.build
    if lost.state != "published" or order is None:
        return lost
    run = _run(desk, which, lost, order) if look else None
    if run is not None:
        return Lost(lost.sealed, lost.pull, "building", lost.tag, run)
    return Lost(lost.sealed, lost.pull, "published", lost.tag, reason=words.LOST_BUILD if look else words.OLD_BUILD)


def _run(desk: Desk, which: RepositoryId, lost: Lost, order: BuildOrder) -> Run | None:
    since = (lost.pull.merged_at or desk.time() - RECENT) - SPARE
    try:
        return desk.hub.builds(which, order.repository).find_run(order.workflow, correlation_id(lost.tag), since)
    except Denied:
        return None  # nobody lets us look: then a person is asked


def _columns(lost: Lost) -> dict[str, Any]:
    """What the store keeps of it."""
    pull, run = lost.pull, lost.run
    rows = [progress.Row("tag", "done", None, f"object {short(lost.tag)}, found on the server")] if lost.tag else []
    if lost.state in ("published", "building"):
        rows += [
            progress.Row(order.name, "skipped", None, "left where it is: the store was lost")
            for order in lost.record.channels
        ]
    return {
        "pull": pull.number,
        "head_sha": lost.sealed.head,
        "merge_commit": pull.merge_commit or "",
        "merged_at": pull.merged_at.isoformat() if pull.merged_at else None,
        "tag_object": lost.tag,
        "correlation_id": correlation_id(lost.tag) if run else "",
        "dispatched_at": run.created_at.isoformat() if run and run.created_at else None,
        "run_id": run.id if run else None,
        "run_url": run.url if run else None,
        "reason": lost.reason,
        "progress": json.dumps(progress.rows_to_json(rows)),
    }


def _ask_about(desk: Desk, which: RepositoryId, lost: Lost) -> None:
    """No display: without this question nobody would start the build. An outage has everything read again."""
    tag, number = lost.record.tag, lost.pull.number
    try:
        desk.repository(which).say(number, words.build_unknown(tag), marker("unknown-build", tag))
    except Denied as refusal:
        log.warning("the image build of %s cannot be asked about: %s", tag, refusal)
