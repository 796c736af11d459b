"""What is read of a manifest repository before a plan, from real repositories: its branch, and what it was before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bot.core import refusal as no
from bot.core.command import Override
from bot.core.fetch_policy import FetchPolicy
from bot.core.plan import Request, look_up
from bot.core.resolve import Questions
from bot.core.snapshot import Snapshot
from bot.core.tree import Tree
from bot.core.version import Version
from bot.hand.clone import Clone
from bot.mirror import Mirrors
from bot.reading import Home, Source, read_snapshot
from sandbox import seed_files
from tests.core import world
from tests.core.world import PINS, new, request
from tests.git_server import Files, GitServer, Project, git_server

V109, V110, V115, V116 = Version(109, 0, 0), Version(110, 0, 0), Version(115, 0, 0), Version(116, 0, 0)
Opened = Callable[[], AbstractContextManager[Source]]


def files(tree: Tree, **more: Any) -> Files:
    """A tree as files that a commit is made of; `version_txt=b"…"` and the like replace one, None removes it."""
    whole: dict[str, Any] = {path: (entry.mode, entry.data) for path, entry in tree.entries.items()}
    for name, data in more.items():
        whole.pop(name.replace("_txt", ".txt").replace("_xml", ".xml").replace("build_", "build-"), None)
        if data is not None:
            whole[name.replace("_txt", ".txt").replace("_xml", ".xml").replace("build_", "build-")] = data
    return whole


def says(version: Version, sdk: str = "110.0.0") -> bytes:
    """A version file."""
    text = f"BUILD={version.build}\nCOREOS_BRANCH={version.branch}\nCOREOS_PATCH={version.patch}"
    return f"COREOS_{text}\nCOREOS_SDK_VERSION={sdk}\n".encode()


@dataclass(frozen=True)
class Manifests:
    """A manifest repository on a server, and somebody who reads it."""

    server: GitServer
    project: Project
    opened: Opened

    def snapshot(self, wanted: Request) -> Snapshot:
        """What is read for this request."""
        home = Home(7, self.server.url("coreos/manifest"), "coreos", FetchPolicy(origin=self.server.origin))
        with self.opened() as source:
            found = read_snapshot(source, home, wanted.line, "master", wanted)
        assert isinstance(found, Snapshot), found
        return found

    def release(self, version: Version, commit: str, *message: str) -> None:
        """The annotated tag of a release."""
        words = [word for text in (f"CoreOS v{version}", *message) for word in ("-m", text)]
        self.project.git("tag", "-a", *words, f"v{version}", commit)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with git_server(tmp_path / "served") as running:
        yield running


@pytest.fixture
def manifests(server: GitServer, tmp_path: Path, request: pytest.FixtureRequest) -> Manifests:
    mirrors, home = Mirrors(tmp_path / "mirrors", allow_http=True), tmp_path / "scratch"
    by_hand = getattr(request, "param", "mirror") == "by hand"

    def opened() -> AbstractContextManager[Source]:
        return (
            Clone.open(server.url("coreos/manifest"), home)
            if by_hand
            else mirrors.open(7, server.url("coreos/manifest"), None)
        )

    return Manifests(server, server.project("coreos/manifest"), opened)


BOTH = pytest.mark.parametrize("manifests", ["mirror", "by hand"], indirect=True)


# Whether a release off the main branch would drop what its line has


@dataclass(frozen=True)
class Line:
    """build-116 of a repository: its first release, made off main, and two commits that main lacks."""

    first: str
    one: str
    two: str


def with_line(manifests: Manifests) -> Line:
    whole = files(world.main_tree(), version_txt=says(V116))
    first = manifests.project.commit(whole)
    one = manifests.project.commit({**whole, "a": "1"}, first, ref=None)
    two = manifests.project.commit({**whole, "a": "2"}, one, ref=None)
    manifests.release(V116, first)
    return Line(first, one, two)


AGAIN = new(build=116)


@BOTH
@pytest.mark.parametrize("annotated", [True, False])
def test_what_a_line_has_and_main_lacks_is_known_by_its_newest_tag_when_its_branch_is_gone(
    manifests: Manifests, annotated: bool
) -> None:
    line = with_line(manifests)
    if annotated:
        manifests.release(Version(116, 1, 0), line.two)
    else:
        manifests.project.git("tag", "v116.1.0", line.two)
    at = manifests.snapshot(AGAIN)
    assert look_up(at, AGAIN) == no.LineHasMore("build-116", 2, "master")


@pytest.mark.parametrize(("branch", "tag", "lead"), [("one", "two", 2), ("two", "one", 2), ("one", "first", 1)])
def test_of_a_branch_and_its_newest_tag_the_one_that_leads_by_more_counts(
    manifests: Manifests, branch: str, tag: str, lead: int
) -> None:
    line = with_line(manifests)
    manifests.project.git("update-ref", "refs/heads/build-116", getattr(line, branch))
    manifests.release(Version(116, 1, 0), getattr(line, tag))
    assert manifests.snapshot(AGAIN).past.lead == lead


def test_a_line_of_which_main_has_all_stops_nobody(manifests: Manifests) -> None:
    line = with_line(manifests)
    manifests.project.git("update-ref", "refs/heads/build-116", line.first)
    at = manifests.snapshot(AGAIN)
    assert at.past.lead == 0
    assert isinstance(look_up(at, AGAIN), Questions)


# Whose machines the last release was for


@pytest.mark.parametrize(
    ("message", "group"),
    [
        (("Group: alpha",), "alpha"),
        (("Group: lts.2605",), "lts.2605"),
        (("Group: LTS_2605-x",), "LTS_2605-x"),
        (("Group: alpha", "Group: beta"), "beta"),
        (("Group: @everyone",), None),
        (("Group: a b",), None),
        (("Group: ",), None),
        (("A release.\n Group: alpha",), None),
        ((), None),
    ],
)
def test_the_group_of_a_line_is_what_the_record_of_its_last_release_says(
    manifests: Manifests, message: tuple[str, ...], group: str | None
) -> None:
    commit = manifests.project.commit(files(world.tree()), ref="refs/heads/build-115")
    manifests.release(Version(115, 0, 0), commit, "Group: old")
    manifests.release(Version(115, 0, 1), commit, *message)
    assert manifests.snapshot(request()).past.group == group


def test_a_tag_without_words_names_no_group(manifests: Manifests) -> None:
    commit = manifests.project.commit(files(world.tree()), ref="refs/heads/build-115", message="Group: alpha")
    manifests.project.git("tag", "v115.0.0", commit)
    assert manifests.snapshot(request()).past.group is None


# What earlier releases had


@BOTH
def test_the_files_of_the_last_release_and_of_those_that_are_named_are_read_from_their_tags(
    manifests: Manifests,
) -> None:
    pins = {name: f"{number:02x}" * 20 for number, name in enumerate(PINS, start=160)}
    older = seed_files.release_manifest(pins, 0)
    old = manifests.project.commit(files(world.tree(), build_115_xml=older, version_txt=says(V109, "108.0.0")))
    last = manifests.project.commit(files(world.tree()), old, ref="refs/heads/build-115")
    manifests.release(V109, old)
    manifests.release(V115, last)
    edited = files(world.tree(), build_115_xml=seed_files.release_manifest({**PINS, "coreos/fleet": "ee" * 20}, 115))
    manifests.project.commit(edited, last, ref="refs/heads/build-115")
    releases = manifests.snapshot(request(Override("etcd", "=@109.0.0"))).past.releases
    assert {version: {p.name: p.revision for p in found.manifest.projects} for version, found in releases.items()} == {
        V109: pins,
        V115: PINS,
    }
    assert {version: found.sdk for version, found in releases.items()} == {V109: "108.0.0", V115: "110.0.0"}


@pytest.mark.parametrize("sub", [("160000", b""), None])
def test_a_release_whose_files_cannot_be_read_lends_nothing_and_stops_nothing_else(
    manifests: Manifests, sub: tuple[str, bytes] | None
) -> None:
    last = manifests.project.commit(files(world.tree()), ref="refs/heads/build-115")
    strange = {**files(world.tree()), "sub": sub} if sub else files(world.tree(), release_xml=None)
    manifests.release(V110, manifests.project.commit(strange, ref=None))
    manifests.release(V115, last)
    wanted = request(pins_of=V110)
    at = manifests.snapshot(wanted)
    assert list(at.past.releases) == [V115]
    assert look_up(at, wanted) == no.UnknownRelease("110.0.0", ("115.0.0",))


# How a release manifest is written here


PATTERN = seed_files.release_manifest(PINS, 0)
OTHER = PATTERN.replace(b' upstream="refs/heads/master"', b"")


def on_main_without(manifests: Manifests, *before: bytes | None) -> str:
    """A main branch without a release manifest, which had these in turn; the newest commit."""
    commit = ""
    plain = files(world.main_tree(), release_xml=None, build_115_xml=None, build_109_xml=None)
    for data in (*before, None):
        whole = {**plain, "build-7.xml": data} if data is not None else plain
        commit = manifests.project.commit(whole, *([commit] if commit else []))
    return commit


@BOTH
@pytest.mark.parametrize(
    ("before", "found"),
    [
        ((PATTERN,), PATTERN),
        ((OTHER, PATTERN, None, None), PATTERN),
        ((PATTERN, OTHER, None), OTHER),
        ((PATTERN, b"<broken", b"<manifest/>"), PATTERN),
        ((None,), None),
    ],
)
def test_where_no_release_manifest_is_left_the_newest_of_before_tells_how_one_is_written(
    manifests: Manifests, before: tuple[bytes | None, ...], found: bytes | None
) -> None:
    on_main_without(manifests, *before)
    assert manifests.snapshot(new()).past.manifest == found


def test_where_a_release_manifest_is_left_no_other_is_looked_for(manifests: Manifests) -> None:
    first = manifests.project.commit(files(world.main_tree()))
    manifests.project.commit(files(world.main_tree(), build_109_xml=None), first)
    assert manifests.snapshot(new()).past.manifest is None


# An SDK that no release tag has


@BOTH
def test_an_sdk_without_a_tag_is_known_by_the_newest_commit_that_says_its_version(manifests: Manifests) -> None:
    said = Version(111, 0, 0)
    project, plain = manifests.project, files(world.tree())
    one = project.commit({**plain, "version.txt": says(said)}, ref=None)
    two = project.commit({**plain, "version.txt": says(said, "109.0.0")}, one, ref=None)
    same = project.commit({**plain, "version.txt": says(said, "109.0.0"), "a": "b"}, two, ref="refs/heads/other")
    broken = project.commit({**plain, "version.txt": b"?"}, same, ref=None)
    last = project.commit(plain, broken, ref="refs/heads/build-115")
    manifests.release(V110, last)
    assert manifests.snapshot(request(sdk="111.0.0")).past.sdk_said == two
    assert manifests.snapshot(request(sdk="112.0.0")).past.sdk_said is None
    assert manifests.snapshot(request(sdk="110.0.0")).past.sdk_said is None


# Where the channels are


CHANNEL = "refs/heads/dev-channel"


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        (None, Version(115, 0, 0)),
        ("nightly", Version(115, 0, 0)),
        ("v120.0.0-rc1", Version(115, 0, 0)),
        ("v120.0.0", None),
    ],
)
def test_a_channel_is_at_what_its_version_file_says_unless_a_release_is_there(
    manifests: Manifests, tag: str | None, version: Version | None
) -> None:
    commit = manifests.project.commit(files(world.tree()), ref="refs/heads/build-115")
    manifests.project.git("update-ref", CHANNEL, commit)
    if tag:
        manifests.project.tag(tag, commit)
    assert manifests.snapshot(request()).channel_files == ({CHANNEL: version} if version else {})


def test_a_channel_without_a_version_file_has_no_version(manifests: Manifests) -> None:
    manifests.project.commit(files(world.tree()), ref="refs/heads/build-115")
    manifests.project.commit({"a": "b"}, ref=CHANNEL)
    assert manifests.snapshot(request()).channel_files == {}


# Which branch is read


def test_a_line_is_named_by_its_number_whatever_its_branch_is_called(manifests: Manifests) -> None:
    config = b'manifest: {line_branch: "flatcar-{build}"}\n'
    manifests.project.commit({**files(world.main_tree()), ".github/manifest-release.yml": config})
    commit = manifests.project.commit(files(world.tree()), ref="refs/heads/flatcar-115")
    at = manifests.snapshot(request())
    assert (at.base, at.commit) == ("flatcar-115", commit)
    assert look_up(replace(at, commit=""), request()) == no.NoSuchLine("flatcar-115", ("build-115",))


def test_a_configuration_that_cannot_be_read_is_said_and_no_branch_is(manifests: Manifests) -> None:
    manifests.project.commit({**files(world.main_tree()), ".github/manifest-release.yml": b"what: is this\n"})
    home = Home(7, manifests.server.url("coreos/manifest"), "coreos", FetchPolicy())
    with manifests.opened() as source:
        assert isinstance(read_snapshot(source, home, "build-115", "master", request()), no.BadConfiguration)
