"""The commands by hand that only look: a plan, the difference of two releases, whether a release is consistent."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from bot.core.difference import difference
from bot.core.manifest import Manifest
from bot.core.plan import digest, earlier, to_json
from bot.core.shown import shown
from bot.core.signature import BadTrustFile, TrustedKey, read_trusted
from bot.core.snapshot import HEADS, TAGS, Snapshot
from bot.core.text import difference as difference_words, plan as plan_words, pull, verify as verify_words
from bot.core.tree import Tree
from bot.core.verify import Published, ok, verify
from bot.core.version import Version
from bot.hand.session import Session, session
from bot.hand.status import DONE, MISUSED, WRONG, Refused
from bot.reading import version_at
from bot.signing import Keyring


def plan(options: argparse.Namespace) -> int:
    """The plan, as text and patch, as Markdown or as JSON; nothing is written."""
    with session(options) as opened:
        snapshot, made = opened.planned(options.words)
        match options.format:
            case "text":
                text = plan_words.as_text(made) + plan_words.as_diff(made, snapshot.tree)
            case "diff":
                text = plan_words.as_diff(made, snapshot.tree)
            case "markdown":
                text = pull.body(made, 0) + "\n"
            case _:
                text = json.dumps({**to_json(made), "digest": digest(made)}, indent=2, sort_keys=True) + "\n"
    sys.stdout.write(text)
    return DONE


def diff(options: argparse.Namespace) -> int:
    """What changed between two releases."""
    with session(options) as opened:
        snapshot = opened.snapshot(None)
        old, new = (_manifest(opened, snapshot, _version(text)) for text in (options.old, options.new))
        found = difference(old, new, opened.home.url)
    if options.format == "markdown":
        sys.stdout.write(difference_words.as_markdown(found, snapshot.compare_page) + "\n")
    else:
        sys.stdout.write(difference_words.as_text(found))
    return DONE


def _version(text: str) -> Version:
    try:
        return Version.parse(text)
    except ValueError as wrong:
        raise Refused(str(wrong), MISUSED) from None


def _manifest(opened: Session, snapshot: Snapshot, version: Version) -> Manifest:
    commit = snapshot.released.get(version)
    if commit is None:
        raise Refused(_not_released(version, snapshot))
    found = earlier(opened.clone.tree(commit), snapshot.config)
    if found is None:
        raise Refused(f"The manifest of {version} cannot be read; `verify {version}` says why.")
    return found.manifest


def _not_released(version: Version, snapshot: Snapshot) -> str:
    near = sorted(snapshot.released, key=lambda each: (abs(each.build - version.build), each))[:3]
    there = f" Near it: {', '.join(map(str, near))}." if near else ""
    return f"There is no release {version} in this repository.{there}"


def check(options: argparse.Namespace) -> int:
    """Whether a release is consistent."""
    trusted = _trusted(options.trusted) if options.trusted else ()
    with session(options) as opened:
        snapshot = opened.snapshot(None)
        published = _published(opened, snapshot, _version(options.version))
    judged = Keyring(trusted).judge(published.tag.payload) if trusted and published.tag else None
    findings = verify(replace(published, trusted=trusted, signature=judged))
    text = verify_words.as_markdown(findings) + "\n" if options.format == "markdown" else verify_words.as_text(findings)
    sys.stdout.write(text)
    return DONE if ok(findings) else WRONG


def _trusted(path: Path) -> tuple[TrustedKey, ...]:
    """The keys of the person's trust file."""
    try:
        return read_trusted(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise Refused(f"{shown(str(path))} is no trust file: it is not text.", MISUSED) from None
    except BadTrustFile as bad:
        raise Refused(f"The trust file {shown(str(path))} cannot be used: {bad}.", MISUSED) from None


def _published(opened: Session, snapshot: Snapshot, version: Version) -> Published:
    """Everything about one release, read now."""
    clone, refs, config = opened.clone, snapshot.refs, snapshot.config
    commit = snapshot.released.get(version)
    if commit is None:
        raise Refused(_not_released(version, snapshot))
    parents = clone.commit(commit).parents
    line = refs.get(HEADS + config.line_branch(version.build))
    channels = {HEADS + name: refs.get(HEADS + name) for name in config.channels}
    return Published(
        version=version,
        config=config,
        url=opened.home.url,
        refs=refs,
        tag=clone.tag(refs[TAGS + config.tag_name(version)]),
        commit=commit,
        tree=clone.tree(commit),
        parent_tree=clone.tree(parents[0]) if parents else Tree(),
        on_branches=_holding(opened, snapshot, commit, version),
        branch_version=version_at(clone, line, config) if line else None,
        channel_versions={ref: version_at(clone, tip, config) if tip else None for ref, tip in channels.items()},
        policy=opened.home.policy,
    )


def _holding(opened: Session, snapshot: Snapshot, commit: str, version: Version) -> frozenset[str]:
    """The branches that contain a release. Its release branch should; only where it does not are others looked at."""
    line = HEADS + snapshot.config.line_branch(version.build)
    tips = {ref: tip for ref, tip in snapshot.refs.items() if ref.startswith(HEADS)}
    if line in tips and opened.clone.is_ancestor(commit, tips[line]):
        return frozenset({line})
    return frozenset(ref for ref, tip in tips.items() if opened.clone.is_ancestor(commit, tip))
