"""Notice releases that somebody else made, by hand or with another tool: told once, on one page, and left alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.core.hub import RepositoryId
from bot.core.refusal import BadConfiguration
from bot.core.snapshot import TAGS, version_of_tag
from bot.core.text import found as words
from bot.core.text.quote import marker
from bot.core.tree import object_id
from bot.core.version import Version
from bot.flows.desk import Desk
from bot.outage import Denied
from bot.reading import read_configuration

MARK = marker("by-hand", "releases")


def look_for_tags(desk: Desk, which: RepositoryId) -> int:
    """Find release tags that are new and not ours, and have the one page list them; how many there are.

    Those that are there when a repository is first served are nobody's news. One that no release was ever asked for
    in is none that is served: its tags may look like releases and mean something else.
    """
    if not desk.store.releases(which.id):
        return 0
    repository = desk.repository(which)
    with desk.mirror(repository) as mirror:
        refs = mirror.refs()
        mirror.fetch(refs)
        config = read_configuration(mirror, refs, repository.default_branch())
    if isinstance(config, BadConfiguration):
        return 0
    names = [ref.removeprefix(TAGS) for ref in refs if ref.startswith(TAGS) and not ref.endswith("^{}")]
    versions = {name: version for name in names if (version := version_of_tag(name, config)) is not None}
    key = f"tags/{which.id}"
    fact = desk.store.fact(key)
    known: dict[str, Any] = json.loads(fact) if fact else {"seen": sorted(versions), "found": [], "told": 0}
    new = _made_by_others(desk, which, refs, versions, known)
    known["seen"] = sorted({*known["seen"], *versions})
    known["found"] += new
    if (now := json.dumps(known)) != fact:
        desk.store.remember(key, now)
    if known["told"] < len(known["found"]):
        _tell(desk, which, known["found"])
        desk.store.remember(key, json.dumps({**known, "told": len(known["found"])}))
    return len(known["found"])


def _made_by_others(
    desk: Desk, which: RepositoryId, refs: Mapping[str, str], versions: Mapping[str, Version], known: Mapping[str, Any]
) -> list[list[str]]:
    """The tags that were not there before and are not ours: name, commit, day."""
    day = f"{desk.time():%Y-%m-%d}"
    return [
        [name, refs.get(f"{TAGS}{name}^{{}}", refs[TAGS + name]), day]
        for name, version in sorted(versions.items(), key=lambda each: each[1])
        if name not in known["seen"] and not _is_ours(desk, which, version, refs[TAGS + name])
    ]


def _is_ours(desk: Desk, which: RepositoryId, version: Version, tag: str) -> bool:
    """Whether this tag object is the one that we pushed, or wrote down before we pushed it."""
    release = desk.store.release(which.id, str(version))
    if release is None:
        return False
    made = object_id("tag", release.tag_payload) if release.tag_payload else release.tag_object
    return tag in (made, release.tag_object)


def _tell(desk: Desk, which: RepositoryId, found: list[list[str]]) -> None:
    rows = [(name, commit, day) for name, commit, day in found]
    try:
        desk.repository(which).keep_issue(words.HAND_TITLE, words.by_hand(rows), MARK)
    except Denied as refusal:
        if refusal.status not in (403, 404, 410):
            raise  # a repository whose issues are switched off has no place for it
