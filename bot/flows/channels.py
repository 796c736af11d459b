"""Move the channels of a release, each by its own compare-and-swap. A channel delays nothing and vetoes nothing."""

from __future__ import annotations

from bot.core.hub import RepositoryId
from bot.core.plan.orders import channel_moves
from bot.core.record import ChannelOrder, Record
from bot.core.refusal import BadConfiguration
from bot.core.text import progress as words
from bot.core.text.quote import code, short
from bot.core.version import Version
from bot.flows.desk import UNKNOWN, Desk
from bot.gh import Repository
from bot.mirror import Mirror, RefUpdate
from bot.outage import Denied, Outage
from bot.reading import read_configuration, version_of

TRIES = 5
"""How often it is decided again when a channel moves between the decision and the push."""


def move_channels(desk: Desk, which: RepositoryId, version: str) -> bool:
    """Each channel that is to move, by its own compare-and-swap. A channel delays nothing and vetoes nothing.

    Returns whether one was left because git did not answer: it is tried again later, and the build does not wait.
    """
    release = desk.store.release(which.id, version)
    if release is None:
        raise LookupError(f"release {version} of {which.name} is not in the store")
    record = release.plan
    repository = desk.repository(which)
    rows = []
    settled = {row.step for row in words.rows_from_json(release.rows) if row.state in ("done", "skipped")}
    for order in record.channels:
        if order.name in settled:
            continue  # decided once: where a person moves it afterwards is that person's decision
        try:
            with desk.mirror(repository) as mirror:
                rows.append(_move_channel(desk, mirror, repository, order, record, release.merge_commit))
        except Outage as outage:
            rows.append(words.Row(order.name, "waiting", desk.now(), code(outage.reason)))
    desk.store.add_rows(which.id, version, words.rows_to_json(rows))
    return any(row.state == "waiting" for row in rows)


def _move_channel(
    desk: Desk, mirror: Mirror, repository: Repository, order: ChannelOrder, record: Record, target: str
) -> words.Row:
    for _ in range(TRIES):
        refs = mirror.refs()
        now = refs.get(order.ref)
        if now == target:
            return words.Row(order.name, "done", desk.now(), f"at {short(target)}")
        mirror.fetch(refs)
        config = read_configuration(mirror, refs, repository.default_branch())
        if isinstance(config, BadConfiguration):
            return words.Row(order.name, "failed", desk.now(), code(config.sentence))
        seen = version_of(mirror, refs, config, now)
        if now and seen is None and order.mode == "newer":
            return words.Row(order.name, "failed", desk.now(), "stays: it is at a version that I cannot read")
        if not channel_moves(order.mode, seen, Version.parse(record.version)):
            return words.Row(order.name, "skipped", desk.now(), f"stays at {seen or 'where it is'}")
        if order.mode == "ff" and now and not mirror.is_ancestor(now, target):
            return words.Row(order.name, "skipped", desk.now(), "stays: not a fast-forward")
        try:
            result = mirror.push([RefUpdate(order.ref, now, target)])
        except Denied as refusal:
            if refusal.status in UNKNOWN:
                raise
            return words.Row(order.name, "failed", desk.now(), f"not allowed: {code(refusal.reason, 300)}")
        if result.ok:
            return words.Row(order.name, "done", desk.now(), f"{short(now) if now else 'new'} → {short(target)}")
    return words.Row(order.name, "failed", desk.now(), "kept moving; left where it is")
