"""Who follows which branch: short and full names of one are the same, and what a release makes of each follower."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.core import refusal as no
from bot.core.command import Override
from bot.core.config import ManifestFiles
from bot.core.manifest import read
from bot.core.plan import Caution, Plan, look_up
from bot.core.resolve import Questions, likely_branches
from bot.core.snapshot import Earlier, Past, Snapshot
from bot.core.tree import FILE, Entry
from bot.core.version import Version
from sandbox import seed_files
from tests.core import world
from tests.core.test_pins import asked, names
from tests.core.world import (
    ETCD,
    NEW,
    OVERLAY,
    PINS,
    TIPS,
    made,
    new,
    outcome,
    request,
    snapshot,
    tracking_line,
    tracking_main,
    written,
)

MASTER, LINE, NEXT = "refs/heads/master", "refs/heads/build-115", "refs/heads/next"
BRANCHED = seed_files.BRANCHED


def changed(at: Snapshot, file: str, *changes: tuple[str, str]) -> Snapshot:
    """The branch with words of a file replaced, wherever they stand."""
    entry = at.tree.entries[file]
    text = entry.data.decode()
    for old, with_new in changes:
        assert old in text, old
        text = text.replace(old, with_new)
    return replace(at, tree=at.tree.with_changes({file: replace(entry, data=text.encode())}))


def lets(name: str, follow: str) -> tuple[str, str]:
    """A project of the tracking line that was pinned follows this from now on."""
    return f'revision="{PINS[name]}" upstream="{MASTER}"', f'revision="{follow}"'


def loose(at: Snapshot, whole: Plan) -> dict[str, str]:
    """What the branch's own manifest pins to no commit after the release."""
    line = read(at.tree.with_changes(whole.changes), "build-115.xml")
    return {project.name: project.revision for project in line.projects if len(project.revision) != 40}


# A branch by its short name

SHORT = changed(snapshot(), "build-115.xml", (f'upstream="{LINE}"', 'upstream="build-115"'))


def test_a_line_that_is_named_in_short_is_what_moves_by_itself() -> None:
    assert names(asked(SHORT, request()).followed) == BRANCHED
    assert names(asked(SHORT, request(Override("etcd", NEW))).waiting) == BRANCHED


def test_leaving_a_line_that_is_named_in_short_needs_to_be_meant() -> None:
    override = Override("coreos-overlay", NEW, MASTER)
    assert outcome(SHORT, request(override)) == no.Jump("coreos/coreos-overlay", 1, "build-115", MASTER)
    whole = made(SHORT, request(override, flags=frozenset({"allow-jump"})))
    assert whole.cautions == (Caution("upstream", "coreos/coreos-overlay", "build-115", MASTER),)


@pytest.mark.parametrize(("said", "found"), [("build-115", LINE), (LINE, "build-115")])
def test_the_full_name_of_the_branch_that_it_follows_is_no_other_branch(said: str, found: str) -> None:
    at = changed(snapshot(), "build-115.xml", (f'upstream="{LINE}"', f'upstream="{said}"'))
    whole = made(at, request(Override("coreos-overlay", NEW, found)))
    assert [change.new for change in whole.projects] == [NEW]
    assert whole.cautions == ()


def test_the_present_upstream_is_tried_first_by_its_full_name_however_it_is_written() -> None:
    project = replace(world.project(ETCD), upstream="next")
    assert likely_branches(project, "build-115", "master") == (NEXT, LINE, MASTER)
    assert likely_branches(replace(project, upstream="build-115"), "build-115", None) == (LINE,)


def test_what_follows_its_line_by_a_short_name_goes_on_following_it_as_it_is_written() -> None:
    at = changed(tracking_line(), "build-115.xml", (f'revision="{LINE}"', 'revision="build-115"'))
    whole = made(at, request())
    assert loose(at, whole) == dict.fromkeys(BRANCHED, "build-115")
    assert {name: pin for name, pin in pins(whole, at).items() if name in BRANCHED} == {n: TIPS[n] for n in BRANCHED}
    assert not [caution for caution in whole.cautions if caution.kind == "pinned"]


def test_what_follows_its_line_by_a_short_name_and_does_not_move_goes_on_following_it_though_pins_say_main() -> None:
    at = changed(tracking_line(), "build-115.xml", (f'revision="{LINE}"', 'revision="build-115"'))
    first = {"release.xml": Entry(FILE, seed_files.release_manifest(PINS, 0))}
    at = replace(at, tree=at.tree.with_changes(first))
    whole = made(at, request(projects="none", flags=world.EMPTY))
    assert loose(at, whole) == dict.fromkeys(BRANCHED, "build-115")


def pins(whole: Plan, at: Snapshot) -> dict[str, str]:
    released = read(at.tree.with_changes(whole.changes), "release.xml")
    return {project.name: project.revision for project in released.projects}


def test_what_is_pinned_from_its_line_by_a_short_name_follows_it_after_the_next_release() -> None:
    pinned = f'revision="{PINS["coreos/etcd"]}" upstream="{MASTER}"'
    at = changed(tracking_line(), "build-115.xml", (pinned, pinned.replace(MASTER, "build-115")))
    assert set(loose(at, made(at, request()))) == {*BRANCHED, "coreos/etcd"}


# A release manifest that says no upstreams


def plain() -> Snapshot:
    """The tracking line in a repository whose release manifests have no upstreams."""
    at = tracking_line()
    files = {}
    for path in ("release.xml", "build-115.xml"):
        text = at.tree.entries[path].data.decode()
        for branch in (MASTER, LINE):
            text = text.replace(f' upstream="{branch}"', "")
        files[path] = Entry(FILE, text.encode())
    return replace(at, tree=at.tree.with_changes(files))


@pytest.mark.parametrize("kind", ["branch", "patch"])
def test_what_follows_its_line_goes_on_though_no_upstream_is_written_that_says_so(kind: str) -> None:
    at = plain()
    whole = made(at, replace(request(), kind=kind))  # type: ignore[arg-type]
    assert b"upstream" not in written(whole, "release.xml")
    assert loose(at, whole) == dict.fromkeys(BRANCHED, LINE)
    assert "build-115.xml" not in whole.changes
    assert not [caution for caution in whole.cautions if caution.kind == "pinned"]


def test_what_is_taken_from_another_branch_leaves_its_line_though_no_upstream_is_written() -> None:
    at = plain()
    whole = made(at, request(Override("coreos-overlay", NEW, NEXT)))
    assert loose(at, whole) == {"coreos/portage-stable": LINE}


def test_pins_of_an_old_release_leave_their_line_only_where_they_came_from_elsewhere() -> None:
    at, version = plain(), Version(109, 0, 0)
    tree = world.tree().with_changes({"release.xml": Entry(FILE, seed_files.release_manifest(PINS, 0))})
    at = replace(at, past=Past(releases={version: Earlier(read(tree, "release.xml"), "109.0.0")}))
    whole = made(at, request(Override("coreos-overlay", "=@109.0.0"), flags=world.EMPTY))
    assert loose(at, whole) == {"coreos/portage-stable": LINE}


# Another branch than the line's


@pytest.mark.parametrize("branch", [NEXT, "next", "refs/tags/v1"])
@pytest.mark.parametrize("at", [tracking_line(), plain()])
def test_a_follower_of_another_branch_is_pinned_from_then_on_and_people_are_told(at: Snapshot, branch: str) -> None:
    row = lets("coreos/etcd", branch)
    at = changed(at, "build-115.xml", row if row[0].encode() in at.tree.entries["build-115.xml"].data else
                 (row[0].replace(f' upstream="{MASTER}"', ""), row[1]))  # fmt: skip
    whole = made(at, request())
    assert set(loose(at, whole)) == set(BRANCHED)
    assert [caution for caution in whole.cautions if caution.kind == "pinned"] == [
        Caution("pinned", "coreos/etcd", branch, "build-115")
    ]


def test_a_follower_of_another_branch_that_comes_to_the_line_is_not_said_to_be_pinned() -> None:
    at = changed(tracking_line(), "build-115.xml", lets("coreos/etcd", NEXT))
    whole = made(at, request(Override("etcd", NEW, LINE)))
    assert set(loose(at, whole)) == {*BRANCHED, "coreos/etcd"}
    assert "pinned" not in {caution.kind for caution in whole.cautions}


def test_off_the_main_branch_nobody_is_told_of_followers_for_main_goes_on_following() -> None:
    at = changed(tracking_main(), "master.xml", (f'path="{ETCD}"', f'path="{ETCD}" revision="next"'))
    assert "pinned" not in {caution.kind for caution in made(at, new()).cautions}


# Followers that are named


@pytest.mark.parametrize("upstream", [NEXT, "next"])
@pytest.mark.parametrize("at", [tracking_line(), tracking_main()])
def test_a_follower_whose_upstream_alone_is_named_is_looked_up_on_that_branch(at: Snapshot, upstream: str) -> None:
    wanted = (new if at.base == "master" else request)(Override("coreos-overlay", None, upstream))
    (want,) = asked(at, wanted).named
    assert (want.project.path, want.ref, want.upstream) == (OVERLAY, NEXT, upstream)


def test_a_project_that_the_configuration_names_by_two_words_gets_one_branch() -> None:
    config = replace(
        world.TRACKING, manifest=ManifestFiles(branch_projects=("scripts", "coreos/scripts", "src/scripts", "etcd"))
    )
    at = tracking_main(config=config)
    assert isinstance(look_up(at, new()), Questions)
    line = made(at, new()).record.line
    assert line is not None
    assert [project.name for project in line.projects] == ["coreos/scripts", "coreos/etcd"]
