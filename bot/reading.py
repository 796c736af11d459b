"""Read a manifest repository for planning: one branch as it is now, and what a request needs of earlier releases.

It reads through a `Source`, which the bot's mirror is as well as a person's clone, so both plan from the same values.
Nothing here writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from bot.core.config import CONFIG_FILE, BadConfig, Config, read as read_config
from bot.core.fetch_policy import FetchPolicy
from bot.core.manifest import style_in
from bot.core.objects import Commit, Tag
from bot.core.plan import Request, earlier, recall, release_manifests, sdk_in_question, sdk_of
from bot.core.refusal import BadConfiguration
from bot.core.snapshot import HEADS, TAGS, Past, Snapshot, released
from bot.core.tree import Tree
from bot.core.version import BadVersionFile, Version, VersionFile
from bot.outage import Denied

_GROUP = re.compile(r"^Group: ([A-Za-z0-9][A-Za-z0-9._-]{0,62})$", re.MULTILINE)
MOST_HISTORY = 5_000
"""So many commits are looked through for an SDK version that no tag has."""
MOST_PATTERNS = 50
"""So many commits are looked through for a release manifest to write the next like it."""


class Source(Protocol):
    """A repository that can be read: its server's refs, and objects by their ids."""

    def refs(self) -> dict[str, str]:
        """Every ref of the server, annotated tags also peeled as `ref^{}`."""

    def fetch(self, refs: Mapping[str, str]) -> None:
        """Have every object of these refs."""

    def tree(self, commit: str) -> Tree:
        """All files of a commit."""

    def commit(self, sha: str) -> Commit:
        """One commit."""

    def tag(self, sha: str) -> Tag | None:
        """An annotated tag; None for a lightweight one."""

    def lead(self, branch: str, over: str) -> int:
        """How many commits are reachable from `branch` and not from `over`."""

    def history_of(self, path: str, most: int) -> Iterator[tuple[str, bytes]]:
        """The commits that changed a file, newest first, each with what the file is from there on."""

    def first_parents(self, commit: str, most: int) -> tuple[str, ...]:
        """The commit and those before it by first parents."""


@dataclass(frozen=True)
class Home:
    """The manifest repository that is read: its number on GitHub (0 without GitHub), its address, who owns it.

    `policy` says where projects may be fetched from; `web` is GitHub's web address.
    """

    repository: int
    url: str
    owner: str
    policy: FetchPolicy
    web: str = "https://github.com"


def read_configuration(source: Source, refs: Mapping[str, str], default_branch: str) -> Config | BadConfiguration:
    """The repository's configuration, from its default branch only."""
    commit = refs.get(HEADS + default_branch)
    data = source.tree(commit).read(CONFIG_FILE) if commit else None
    try:
        return read_config(data)
    except BadConfig as bad:
        return BadConfiguration(str(bad))


def read_snapshot(
    source: Source, home: Home, line: str | None, default_branch: str, request: Request | None = None
) -> Snapshot | BadConfiguration:
    """The release branch `line`, or (None) the main branch, as the server has it now, ready to plan `request` from."""
    refs = source.refs()
    source.fetch(refs)
    config = read_configuration(source, refs, default_branch)
    if isinstance(config, BadConfiguration):
        return config
    base = config.manifest.main_branch if line is None else _branch(line, config)
    commit = refs.get(HEADS + base, "")
    snapshot = Snapshot(
        repository=home.repository,
        url=home.url,
        base=base,
        commit=commit,
        tree=source.tree(commit) if commit else Tree(),
        config=config,
        refs=refs,
        channel_files=_channel_files(source, refs, config),
        owner=home.owner,
        policy=home.policy,
        web=home.web,
    )
    return snapshot if request is None else with_past(source, snapshot, request)


def _branch(line: str, config: Config) -> str:
    """People name a line `build-N`, whatever its branch is called here."""
    named = re.fullmatch(r"build-([1-9][0-9]{0,5})", line)
    return config.line_branch(int(named[1])) if named else line


def with_past(source: Source, snapshot: Snapshot, request: Request) -> Snapshot:
    """The snapshot with what this request needs of the past."""
    wanted = recall(snapshot, request)
    releases = {
        version: found
        for version in wanted.releases
        if (found := earlier(_tree(source, snapshot.released[version]), snapshot.config)) is not None
    }
    past = Past(
        releases=releases,
        lead=max((source.lead(_peeled(snapshot, ref), snapshot.commit) for ref in wanted.line), default=0),
        group=_group(source, snapshot, wanted.record) if wanted.record else None,
        manifest=_pattern(source, snapshot) if wanted.manifest else None,
    )
    whole = replace(snapshot, past=past)
    sdk = sdk_in_question(whole, request)
    return whole if sdk is None else replace(whole, past=replace(past, sdk_said=_says(source, whole, sdk)))


def _peeled(snapshot: Snapshot, ref: str) -> str:
    return snapshot.refs.get(ref + "^{}", snapshot.refs[ref])


def checked(snapshot: Snapshot, request: Request, ask: Callable[[str], str | None]) -> Snapshot:
    """The snapshot, knowing whether the SDK that this request would build with can be downloaded."""
    sdk = sdk_of(snapshot, request)
    return replace(snapshot, past=replace(snapshot.past, sdk_problem=ask(sdk))) if sdk else snapshot


def _tree(source: Source, commit: str) -> Tree:
    """The files of an old release; one that holds what no manifest repository does says nothing."""
    try:
        return source.tree(commit)
    except Denied:
        return Tree()


def _group(source: Source, snapshot: Snapshot, version: Version) -> str | None:
    """The group that the release record of this version names."""
    tag = source.tag(snapshot.refs[TAGS + snapshot.config.tag_name(version)])
    found = _GROUP.findall(tag.message) if tag else []
    return found[-1] if found else None


def _pattern(source: Source, snapshot: Snapshot) -> bytes | None:
    """The newest release manifest before that can be read."""
    for commit in source.first_parents(snapshot.commit, MOST_PATTERNS):
        before = replace(snapshot, tree=_tree(source, commit))
        for data in release_manifests(before):
            if data and style_in(data):
                return data
    return None


def _says(source: Source, snapshot: Snapshot, sdk: str) -> str | None:
    """The newest commit whose version file says this version."""
    for commit, data in source.history_of(snapshot.config.manifest.version_file, MOST_HISTORY):
        try:
            if str(VersionFile.parse(data).version) == sdk:
                return commit
        except BadVersionFile:
            continue
    return None


def _channel_files(source: Source, refs: Mapping[str, str], config: Config) -> dict[str, Version]:
    """What version.txt says at each channel ref that is no tagged release."""
    tagged = set(released(refs, config).values())
    found = {}
    for name in config.channels:
        commit = refs.get(HEADS + name)
        if commit and commit not in tagged:
            version = version_at(source, commit, config)
            if version:
                found[HEADS + name] = version
    return found


def version_of(source: Source, refs: Mapping[str, str], config: Config, commit: str | None) -> Version | None:
    """The version that a commit is released as, else what its version.txt says; None where neither tells."""
    if commit is None:
        return None
    tagged = [version for version, target in released(refs, config).items() if target == commit]
    return max(tagged, default=None) or version_at(source, commit, config)


def version_at(source: Source, commit: str, config: Config) -> Version | None:
    """The version that a commit's version.txt says, or None where there is none to read."""
    data = source.tree(commit).read(config.manifest.version_file)
    try:
        return VersionFile.parse(data).version if data else None
    except BadVersionFile:
        return None
