"""A made-up world for the core's tests: a seed-shaped release branch, a plan on it, and a merge that is in order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bot.core.command import Override
from bot.core.config import Build, Channel, Config
from bot.core.hub import Bot, Comparison, Pull, RepositoryId
from bot.core.manifest import Project, read
from bot.core.plan import Plan, Request, plan
from bot.core.record import Sealed
from bot.core.resolve import Answers, Found, Move
from bot.core.snapshot import Snapshot
from bot.core.tree import FILE, LINK, Entry, Tree
from bot.core.version import Version
from sandbox import seed_files

PINS = {name: f"{number:02x}" * 20 for number, name in enumerate(seed_files.PATHS, start=16)}
ETCD = "src/third_party/etcd"
OVERLAY = "src/third_party/coreos-overlay"
BASE, HEAD, MERGE, NOW = "ba" * 20, "4e" * 20, "3e" * 20, "b0" * 20
NEW = "cd" * 20
CHANNEL = "refs/heads/dev-channel"
CONFIG = Config(
    channels={"dev-channel": Channel()},
    build=Build(repository="coreos/scripts", formats=("qemu", "vmware")),
)
REPOSITORY = RepositoryId(7, 9, "coreos/manifest")
BOT = Bot(1, 99, "manifest-release-bot[bot]")
ASKED_AT = datetime(2013, 10, 25, 12, 1, tzinfo=UTC)


def tree(**files: bytes | None) -> Tree:
    """The seed's files on build-115; `version_txt=b"…"` and the like replace one, None removes it."""
    entries = {path: Entry(mode, data) for path, (mode, data) in seed_files.main_manifest().items()}
    entries |= {
        "build-115.xml": Entry(FILE, seed_files.release_manifest(PINS, 115)),
        "version.txt": Entry(FILE, seed_files.version_file(115, "110.0.0")),
        "default.xml": Entry(LINK, b"master.xml"),
        "release.xml": Entry(LINK, b"build-115.xml"),
    }
    changes = {
        name.replace("_txt", ".txt").replace("_xml", ".xml").replace("build_", "build-"): data
        for name, data in files.items()
    }
    return Tree(entries).with_changes(
        {path: Entry(entries[path].mode, data) if data is not None else None for path, data in changes.items()}
    )


def snapshot(**changes: Any) -> Snapshot:
    """build-115 just after v115.0.0."""
    whole = Snapshot(
        repository=7,
        url="https://github.com/coreos/manifest",
        base="build-115",
        commit=BASE,
        tree=tree(),
        config=CONFIG,
        refs={
            "refs/heads/build-115": BASE,
            "refs/heads/build-109": "09" * 20,
            "refs/heads/master": "aa" * 20,
            CHANNEL: BASE,
            "refs/tags/v109.0.0": "09" * 20,
            "refs/tags/v110.0.0": "10" * 20,
            "refs/tags/v115.0.0": "7a" * 20,
            "refs/tags/v115.0.0^{}": BASE,
        },
        channel_files={},
        owner="coreos",
    )
    return replace(whole, **changes)


def request(*overrides: Override, flags: frozenset[str] = frozenset(), **changes: Any) -> Request:
    """octocat's command."""
    whole = Request(
        kind="patch",
        line="build-115",
        overrides=overrides,
        flags=flags,
        actor="octocat",
        text="/release patch build-115",
        issue=40,
        comment=4000,
        asked_at=ASKED_AT,
    )
    return replace(whole, **changes)


def project(path: str) -> Project:
    """One project of the seed's manifest."""
    return next(each for each in read(tree(), "build-115.xml").projects if each.path == path)


def moved(path: str = ETCD, **changes: Any) -> dict[str, Found]:
    """An answer for one project: it moves to NEW, four commits on, on release-0.1."""
    whole = Move(NEW, "refs/heads/release-0.1", Comparison(4, 0, ("fix: one", "fix: two")))
    return {path: replace(whole, **changes)}


def planned(**changes: Any) -> Plan:
    """The plan of the story: coreos/etcd moves."""
    made = plan(snapshot(**changes), request(Override("coreos/etcd", NEW)), Answers(named=moved()))
    assert isinstance(made, Plan), made
    return made


def sealed() -> Sealed:
    """Its record, bound to pull request 42."""
    return Sealed(planned().record, HEAD, 42)


def pull(**changes: Any) -> Pull:
    """Pull request 42, merged as planned."""
    whole = Pull(
        number=42,
        title="build-115: release v115.0.1",
        body="",
        url="https://github.com/coreos/manifest/pull/42",
        state="closed",
        author=BOT.login,
        author_id=BOT.user_id,
        base="build-115",
        base_sha=BASE,
        base_repository=7,
        head="release-bot/v115.0.1",
        head_sha=HEAD,
        head_repository=7,
        commits=1,
        merged=True,
        merge_commit=MERGE,
        merged_by="hubot",
        merged_at=ASKED_AT,
    )
    return replace(whole, **changes)


def after() -> Tree:
    """The tree that the merge must have made."""
    return tree().with_changes(planned().changes)


VERSION = Version(115, 0, 1)
