"""A made-up world for the core's tests: seed-shaped branches in both layouts, plans on them, a merge in order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bot.core.command import Override
from bot.core.config import Build, Channel, Config, ManifestFiles
from bot.core.hub import Bot, Comparison, Pull, RepositoryId
from bot.core.manifest import Project, read
from bot.core.plan import Plan, Request, look_up, plan
from bot.core.record import Sealed
from bot.core.refusal import Refusal
from bot.core.resolve import Answers, Found, Move, Questions, Wanted
from bot.core.snapshot import Snapshot
from bot.core.tree import FILE, LINK, Entry, Tree
from bot.core.version import Version
from sandbox import seed_files

PINS = {name: f"{number:02x}" * 20 for number, name in enumerate(seed_files.PATHS, start=16)}
TIPS = {name: f"{number:02x}" * 20 for number, name in enumerate(seed_files.PATHS, start=64)}
"""What every project's branch is at when servers are asked."""
ETCD = "src/third_party/etcd"
OVERLAY = "src/third_party/coreos-overlay"
STABLE = "src/third_party/portage-stable"
BASE, HEAD, MERGE, NOW = "ba" * 20, "4e" * 20, "3e" * 20, "b0" * 20
MAIN = "aa" * 20
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


def _keyword(path: str) -> str:
    return path.replace(".", "_").replace("-", "_")


def new(*overrides: Override, **changes: Any) -> Request:
    """octocat's command for a release off the main branch, on day 116."""
    return request(*overrides, **{"kind": "new", "line": None, "text": "/release new", **changes})


def main_tree(**files: bytes | None) -> Tree:
    """The main branch just after v115.0.0, with the manifest of the release before."""
    released = {
        "build-109.xml": Entry(FILE, seed_files.release_manifest(dict.fromkeys(PINS, "09" * 20), 109)),
        "build-115.xml": Entry(FILE, seed_files.release_manifest(PINS, 0)),
    }
    given = {name for name, data in files.items() if data is not None}
    return tree(**files).with_changes({path: entry for path, entry in released.items() if _keyword(path) not in given})


def on_main(**changes: Any) -> Snapshot:
    """The main branch just after v115.0.0."""
    return snapshot(**{"base": "master", "commit": MAIN, "tree": main_tree(), **changes})


TRACKING = replace(CONFIG, manifest=ManifestFiles(branch_projects=("coreos-overlay", STABLE, "scripts")))
"""The configuration where projects get a branch of their own with each new line."""


def tracking_line(**changes: Any) -> Snapshot:
    """build-115 in layout tracking, where two projects follow it."""
    pinned = seed_files.release_manifest(PINS, 115)
    files = {
        "release.xml": Entry(FILE, pinned),
        "build-115.xml": Entry(FILE, following(pinned, "coreos/coreos-overlay", "coreos/portage-stable")),
        "default.xml": Entry(LINK, b"build-115.xml"),
    }
    return snapshot(**{"tree": tree().with_changes(files), "config": TRACKING, **changes})


def following(pinned: bytes, *names: str, ref: str = "refs/heads/build-115") -> bytes:
    """A release manifest of the seed where these projects follow a branch."""
    for name in names:
        was = f'revision="{PINS[name]}" upstream="{ref}"'.encode()
        assert pinned.count(was) == 1, was
        pinned = pinned.replace(was, f'revision="{ref}"'.encode())
    return pinned


def tracking_main(**changes: Any) -> Snapshot:
    """The main branch in layout tracking just after v115.0.0."""
    pinned = seed_files.release_manifest(PINS, 0)
    files = {"release.xml": Entry(FILE, pinned), "build-115.xml": Entry(FILE, pinned)}
    return on_main(**{"tree": main_tree().with_changes(files), "config": TRACKING, **changes})


EMPTY = frozenset({"allow-empty"})
ONE = Comparison(1, 0)
"""One commit on."""


def answered(questions: Questions | Refusal, since: Comparison | None = ONE) -> Answers:
    """What servers say that have every commit asked for, each branch at its tip; all is one commit on."""
    assert isinstance(questions, Questions), questions

    def found(want: Wanted) -> Found:
        commit = want.revision if want.is_commit else TIPS.get(want.project.name, NEW)
        return Move(commit, want.upstream or want.ref or want.project.upstream, since)

    return Answers(
        followed={want.project.path: found(want) for want in questions.followed},
        named={want.project.path: found(want) for want in questions.named},
        waiting={want.project.path: found(want) for want in questions.waiting},
    )


def still(at: Snapshot, asked: Request) -> Answers:
    """What servers say where nothing has moved since the release."""
    questions = look_up(at, asked)
    assert isinstance(questions, Questions), questions
    return Answers(
        followed={want.project.path: Move(want.held or NEW, want.ref, Comparison(0, 0)) for want in questions.followed}
    )


def outcome(at: Snapshot, asked: Request, since: Comparison | None = ONE) -> Plan | Refusal:
    """The plan that this request makes there when every server answers, or why there is none."""
    questions = look_up(at, asked)
    return plan(at, asked, answered(questions, since)) if isinstance(questions, Questions) else questions


def made(at: Snapshot, asked: Request, since: Comparison | None = ONE) -> Plan:
    """The same where there must be a plan."""
    whole = outcome(at, asked, since)
    assert isinstance(whole, Plan), whole
    return whole


def written(whole: Plan, path: str) -> bytes:
    """The bytes of a file that the release commit writes."""
    entry = whole.changes[path]
    assert entry is not None
    return entry.data


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
