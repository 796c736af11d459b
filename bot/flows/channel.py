"""The commands about channels: show where each is, and move one by hand, with a reason and a record of it.

A move is one atomic push of the channel and of its record, each only from what was seen; so no move goes unrecorded,
and none overwrites what somebody else did meanwhile.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from bot.core import refusal as no
from bot.core.channel_log import LOG, ChannelMove, move_message, read_move
from bot.core.command import Command
from bot.core.config import Config
from bot.core.hub import RepositoryId
from bot.core.intent import Answer
from bot.core.objects import commit_payload
from bot.core.refusal import BadConfiguration, Refusal
from bot.core.snapshot import HEADS, TAGS, released
from bot.core.text import channel as words, refusals
from bot.core.version import Version
from bot.flows.desk import UNKNOWN, Desk
from bot.flows.outcome import Outcome, Steps
from bot.flows.reply import refuse, say
from bot.mirror import Mirror, RefUpdate
from bot.outage import Denied
from bot.reading import read_configuration, version_of

A_DAY = timedelta(days=1)
"""How long a move waits for the second person."""
Refs = Mapping[str, str]


def show(desk: Desk, intent: Answer, command: Command, steps: Steps) -> Outcome:
    """`/channel show`."""
    text = steps.run("read the channels", _table, desk, intent.repository)
    return say(desk, intent, steps, text, "+1", "shown", state="done")


def set_(desk: Desk, intent: Answer, command: Command, steps: Steps) -> Outcome:
    """`/channel set`: move it, or remember the wish until a second person agrees."""
    name, version = command.args
    made = steps.run("move the channel", _set, desk, intent, name, version, command.text)
    return _told(desk, intent, steps, made)


def confirm(desk: Desk, intent: Answer, command: Command, steps: Steps) -> Outcome:
    """`/channel confirm`: the second person's word."""
    return _told(desk, intent, steps, steps.run("move the channel", _confirm, desk, intent))


def _told(desk: Desk, intent: Answer, steps: Steps, made: Mapping[str, str]) -> Outcome:
    if "refused" in made:
        return refuse(desk, intent, steps, made["refused"], "not moved")
    return say(desk, intent, steps, made["text"], "+1", "moved" if made.get("moved") else "waits", state="done")


def _set(desk: Desk, intent: Answer, name: str, version: str, reason: str) -> dict[str, str]:
    repository = desk.repository(intent.repository)
    with desk.mirror(repository) as mirror:
        read = _read(desk, mirror, intent.repository)
        if isinstance(read, BadConfiguration):
            return _refused(read)
        refs, config = read
        if name not in config.channels:
            return _refused(no.NoSuchChannel(name, tuple(sorted(config.channels))))
        tagged = released(refs, config)
        target, wanted = tagged.get(Version.parse(version)), Version.parse(version)
        if target is None:
            near = sorted(tagged, key=lambda each: (each.build == wanted.build, each), reverse=True)[:3]
            return _refused(no.NotReleased(version, tuple(map(str, near))))
        now = refs.get(HEADS + name)
        before = _version(mirror, refs, config, now)
        move = ChannelMove(name, now, target, before, version, intent.author, reason, intent.comment)
        if config.permissions.second_person:
            if _waiting(desk, intent).get("comment", 0) <= intent.comment:  # a later wish may have come in before
                desk.store.remember(_key(intent), json.dumps({**asdict(move), "at": desk.now().isoformat()}))
            return {"text": words.pending(name, before, version, intent.author)}
        return _move(desk, mirror, refs, config, move, intent)


def _confirm(desk: Desk, intent: Answer) -> dict[str, str]:
    waiting = _waiting(desk, intent)
    if waiting.get("confirmed") == intent.comment:
        return {"text": str(waiting["text"]), "moved": "yes"}
    asked = datetime.fromisoformat(waiting.pop("at")) if "at" in waiting else None
    # Nobody agrees to what was asked for after they wrote, though it may come in before.
    if asked is None or desk.now() - asked > A_DAY or waiting["comment"] > intent.comment:
        return _refused(no.NothingPending())
    move = ChannelMove(**waiting)
    if move.set_by == intent.author:
        return _refused(no.SamePerson(move.channel))
    repository = desk.repository(intent.repository)
    with desk.mirror(repository) as mirror:
        read = _read(desk, mirror, intent.repository)
        if isinstance(read, BadConfiguration):
            return _refused(read)
        refs, config = read
        made = _move(desk, mirror, refs, config, replace(move, confirmed_by=intent.author), intent)
    if "moved" in made:
        desk.store.remember(_key(intent), json.dumps({"confirmed": intent.comment, "text": made["text"]}))
    return made


def _move(desk: Desk, mirror: Mirror, refs: Refs, config: Config, move: ChannelMove, intent: Answer) -> dict[str, str]:
    """Push channel and record together; a move that an earlier try made is found by its record."""
    ref, log = HEADS + move.channel, LOG + move.channel
    now, record = refs.get(ref), refs.get(log)
    mode = config.channels[move.channel].mode if move.channel in config.channels else "never"
    made = _made_before(mirror, record, move.comment)
    if made is not None:
        return _done(made, mode)
    if now == move.went_to:
        return _refused(no.ChannelThere(move.channel, move.after))
    if now != move.came_from:
        return _refused(no.ChannelMoved(move.channel))
    when = datetime.fromisoformat(intent.created_at)
    tree = mirror.commit(move.went_to).tree
    parents = [record] if record else []
    payload = commit_payload(tree, parents, desk.identity, desk.identity, when, move_message(move))
    updates = [RefUpdate(ref, now, move.went_to), RefUpdate(log, record, mirror.write("commit", payload))]
    try:
        result = mirror.push(updates)
    except Denied as refusal:
        if refusal.status in UNKNOWN:
            raise
        return _refused(no.ChannelForbidden(move.channel, refusal.reason))
    return _done(move, mode) if result.ok else _refused(no.ChannelMoved(move.channel))


def _made_before(mirror: Mirror, record: str | None, comment: int) -> ChannelMove | None:
    """The move that this command led to at an earlier try, whatever came since."""
    for sha in mirror.first_parents(record, 100) if record else ():
        move = read_move(mirror.commit(sha).message)
        if move is not None and move.comment == comment:
            return move
    return None


def _done(move: ChannelMove, mode: str) -> dict[str, str]:
    text = words.moved(move.channel, move.before, move.after, move.came_from, move.went_to, mode)
    return {"text": text, "moved": "yes"}


def _read(desk: Desk, mirror: Mirror, which: RepositoryId) -> tuple[Refs, Config] | BadConfiguration:
    refs = mirror.refs()
    mirror.fetch(refs)
    config = read_configuration(mirror, refs, desk.repository(which).default_branch())
    return config if isinstance(config, BadConfiguration) else (refs, config)


def _refused(reason: Refusal) -> dict[str, str]:
    return {"refused": refusals.refused(reason)}


def _waiting(desk: Desk, intent: Answer) -> dict[str, Any]:
    """The move that waits for a second person where this was typed, or the confirmation that was given last."""
    found: dict[str, Any] = json.loads(desk.store.fact(_key(intent)) or "{}")
    return found


def _key(intent: Answer) -> str:
    return f"channel/pending/{intent.repository.id}/{intent.issue}"


def _version(mirror: Mirror, refs: Refs, config: Config, commit: str | None) -> str | None:
    found = version_of(mirror, refs, config, commit)
    return str(found) if found else None


def _table(desk: Desk, which: RepositoryId) -> str:
    repository = desk.repository(which)
    with desk.mirror(repository) as mirror:
        read = _read(desk, mirror, which)
        if isinstance(read, BadConfiguration):
            return refusals.refused(read)
        return words.table(channels_now(mirror, *read))


def channels_now(mirror: Mirror, refs: Refs, config: Config) -> list[words.Shown]:
    """Every configured channel, by name."""
    return [_shown(mirror, refs, config, name, channel.mode) for name, channel in sorted(config.channels.items())]


def _shown(mirror: Mirror, refs: Refs, config: Config, name: str, mode: str) -> words.Shown:
    commit = refs.get(HEADS + name)
    version = _version(mirror, refs, config, commit)
    record = refs.get(LOG + name)
    last = mirror.commit(record) if record else None
    move = read_move(last.message) if last else None
    if last and move and move.went_to == commit:
        return words.Shown(name, mode, commit, version, last.committed_at, move.set_by, move.reason)
    tagged = refs.get(TAGS + config.tag_name(Version.parse(version))) if version else None
    tag = mirror.tag(tagged) if tagged else None
    if commit is None or tag is None or tag.target != commit:
        return words.Shown(name, mode, commit, version, None, None)
    merged = re.search(r"^Merged-by: (\S+)$", tag.message, re.MULTILINE)
    return words.Shown(name, mode, commit, version, tag.date, merged[1] if merged else None)
