"""Layout tracking: a second commit makes projects follow the new release branch, and releases from it pin them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from bot.core import refusal as no
from bot.core.command import Override
from bot.core.manifest import BadManifest, read
from bot.core.plan import Caution, RefChange, again, blobs, look_up
from bot.core.plan.tracking import follow, unpinned
from bot.core.record import LineOrder, ProjectBranch, from_json
from bot.core.snapshot import Earlier, Past, Snapshot
from bot.core.tree import EXECUTABLE, FILE, LINK, Entry
from bot.core.version import Version
from sandbox import seed_files
from tests.core import world
from tests.core.world import (
    EMPTY,
    ETCD,
    NEW,
    OVERLAY,
    PINS,
    STABLE,
    TIPS,
    made,
    new,
    on_main,
    request,
    snapshot,
    tracking_line,
    tracking_main,
    written,
)

LINE, NEXT = "refs/heads/build-115", "refs/heads/build-116"
BRANCHED = ("coreos/coreos-overlay", "coreos/portage-stable", "coreos/scripts")


def configured(at: Snapshot, **changes: Any) -> Snapshot:
    return replace(at, config=replace(at.config, manifest=replace(at.config.manifest, **changes)))


def following(printed: bytes, ref: str, pins: dict[str, str], names: Sequence[str]) -> bytes:
    """A release manifest of the seed off the main branch, where these projects follow `ref`."""
    for name in names:
        was = f'revision="{pins[name]}" upstream="refs/heads/master"'.encode()
        assert printed.count(was) == 1
        printed = printed.replace(was, f'revision="{ref}"'.encode())
    return printed


# A new release off the main branch


def test_a_new_release_has_the_same_pinned_bytes_in_both_files() -> None:
    whole = made(tracking_main(), new())
    printed = seed_files.release_manifest(TIPS, 0)
    assert whole.changes["release.xml"] == whole.changes["build-116.xml"] == Entry(FILE, printed)


def test_the_second_commit_makes_the_branched_projects_follow_the_new_branch_and_nothing_else() -> None:
    whole = made(tracking_main(), new())
    manifest = following(seed_files.release_manifest(TIPS, 0), NEXT, TIPS, BRANCHED)
    assert whole.second == {"build-116.xml": Entry(FILE, manifest), "default.xml": Entry(LINK, b"build-116.xml")}
    assert not {"release.xml", "version.txt"} & set(whole.second)


def test_the_order_for_the_release_branch_says_all_that_publishing_must_do() -> None:
    whole = made(tracking_main(), new())
    assert whole.record.line == LineOrder(
        branch="build-116",
        ref=NEXT,
        seen=None,
        files=blobs(whole.second),
        projects=tuple(
            ProjectBranch(name, seed_files.PATHS[name], f"https://github.com/{name}", TIPS[name]) for name in BRANCHED
        ),
    )
    assert from_json(whole.record.to_json()) == whole.record


def test_without_branched_projects_the_release_branch_is_at_the_merge_itself() -> None:
    whole = made(configured(tracking_main(), branch_projects=()), new())
    assert (whole.second, whole.record.line) == ({}, LineOrder("build-116", NEXT, None))
    assert RefChange(NEXT, None, "merge", "create") in whole.refs


def test_in_layout_link_nothing_is_branched_whatever_the_configuration_names() -> None:
    whole = made(on_main(config=world.TRACKING), new())
    assert (whole.second, whole.record.line) == ({}, LineOrder("build-116", NEXT, None))
    assert look_up(configured(on_main(), branch_projects=("nothing",)), new()) != no.UnknownProject("nothing", (), 12)


def test_a_branched_project_that_is_not_there_is_refused_before_any_server_is_asked() -> None:
    at = configured(tracking_main(), branch_projects=("etcdd",))
    assert look_up(at, new()) == no.UnknownProject("etcdd", ("coreos/etcd",), 12)


def test_a_branched_project_whose_pin_was_named_starts_its_branch_there() -> None:
    whole = made(tracking_main(), new(Override("scripts", NEW, "refs/heads/next")))
    assert whole.record.line is not None
    assert {each.name: each.commit for each in whole.record.line.projects}["coreos/scripts"] == NEW
    assert f'path="src/scripts" revision="{NEXT}"/>'.encode() in written_second(whole.second, "build-116.xml")


def written_second(second: Any, path: str) -> bytes:
    data: bytes = second[path].data
    return data


def test_default_xml_stays_on_the_branch_too_where_it_is_meant_to() -> None:
    whole = made(configured(tracking_main(), default_link="keep"), new())
    assert list(whole.second) == ["build-116.xml"]


# The same commit made again after the merge


SOME = st.sets(st.sampled_from([*seed_files.PATHS, *seed_files.PATHS.values()]), min_size=1, max_size=8)


@given(words=SOME, keep=st.booleans(), executable=st.booleans(), build=st.sampled_from([115, 116, 120]))
def test_from_the_merged_tree_the_same_second_commit_is_made_by_the_record_alone(
    words: set[str], keep: bool, executable: bool, build: int
) -> None:
    names = {next(name for name, path in seed_files.PATHS.items() if word in (name, path)) for word in words}
    at = configured(tracking_main(), branch_projects=tuple(sorted(names)), default_link="keep" if keep else "switch")
    if executable:
        mode = {"build-115.xml": replace(at.tree.entries["build-115.xml"], mode=EXECUTABLE)}
        at = replace(at, tree=at.tree.with_changes(mode))
    whole = made(at, new(build=build))
    line = from_json(whole.record.to_json()).line
    assert line is not None
    merged = at.tree.with_changes(whole.changes)
    assert again(merged, line) == whole.second
    assert blobs(again(merged, line)) == line.files
    branch = read(merged.with_changes(whole.second), f"build-{build}.xml")
    loose = {project.name for project in branch.projects if project.revision == f"refs/heads/build-{build}"}
    assert loose == names


def test_what_others_merged_beside_the_release_does_not_change_the_second_commit() -> None:
    whole = made(tracking_main(), new())
    assert whole.record.line is not None
    merged = tracking_main().tree.with_changes({**whole.changes, "NOTES": Entry(FILE, b"x")})
    assert again(merged, whole.record.line) == whole.second


def test_a_merged_manifest_without_the_project_makes_no_second_commit() -> None:
    whole = made(tracking_main(), new())
    assert whole.record.line is not None
    merged = tracking_main().tree.with_changes({**whole.changes, "build-116.xml": Entry(FILE, b"<manifest/>\n")})
    with pytest.raises(BadManifest, match="is not in the manifest"):
        again(merged, whole.record.line)


# A release from the release branch


def test_a_release_from_the_branch_pins_what_follows_it_and_lets_it_follow_again() -> None:
    whole = made(tracking_line(), request(kind="branch"))
    pins = {**PINS, **{name: TIPS[name] for name in seed_files.BRANCHED}}
    assert written(whole, "release.xml") == seed_files.release_manifest(pins, 115)
    assert "build-115.xml" not in whole.changes
    assert (whole.second, whole.record.line) == ({}, None)


def test_after_a_release_the_branchs_manifest_is_the_released_one_but_for_what_follows() -> None:
    whole = made(tracking_line(), request(Override("etcd", NEW, "refs/heads/next"), projects="branched"))
    at = tracking_line().tree.with_changes(whole.changes)
    line, released = read(at, "build-115.xml"), read(at, "release.xml")
    for follows, pinned in zip(line.projects, released.projects, strict=True):
        if follows.name in seed_files.BRANCHED:
            assert (follows.revision, follows.upstream, pinned.upstream) == (LINE, None, LINE)
        else:
            assert follows == pinned


@pytest.mark.parametrize(
    ("asked", "loose"),
    [
        (request(), {OVERLAY, STABLE}),
        (request(projects="none", flags=EMPTY), {OVERLAY, STABLE}),
        (request(projects="all"), {OVERLAY, STABLE}),
        (request(Override("etcd", NEW, "refs/heads/next")), {OVERLAY, STABLE}),
        (request(Override("etcd", NEW, LINE)), {OVERLAY, STABLE, ETCD}),
        (request(Override("coreos-overlay", NEW, LINE)), {OVERLAY, STABLE}),
        (request(Override("coreos-overlay", NEW, "refs/heads/master"), flags=frozenset({"allow-jump"})), {STABLE}),
    ],
)
def test_what_was_released_from_the_branch_follows_it_and_what_left_it_is_pinned(asked: Any, loose: set[str]) -> None:
    at = tracking_line()
    line = read(at.tree.with_changes(made(at, asked).changes), "build-115.xml")
    assert {project.path for project in line.projects if project.revision == LINE} == loose
    assert all(len(project.revision) == 40 for project in line.projects if project.revision != LINE)


def test_a_project_that_somebody_let_follow_the_branch_by_hand_is_pinned_by_the_next_release() -> None:
    at = tracking_line()
    by_hand = at.tree.entries["build-115.xml"].data.replace(
        f'revision="{PINS["coreos/etcd"]}" upstream="refs/heads/master"'.encode(), f'revision="{LINE}"'.encode()
    )
    at = replace(at, tree=at.tree.with_changes({"build-115.xml": Entry(FILE, by_hand)}))
    whole = made(at, request())
    row = f'path="{ETCD}" revision="{TIPS["coreos/etcd"]}" upstream="{LINE}"/>'.encode()
    assert row in written(whole, "release.xml")
    assert "build-115.xml" not in whole.changes


def test_a_project_that_by_hand_follows_another_branch_is_pinned_from_then_on_with_a_caution() -> None:
    at = tracking_line()
    by_hand = at.tree.entries["build-115.xml"].data.replace(
        f'revision="{PINS["coreos/etcd"]}" upstream="refs/heads/master"'.encode(), b'revision="refs/heads/next"'
    )
    at = replace(at, tree=at.tree.with_changes({"build-115.xml": Entry(FILE, by_hand)}))
    whole = made(at, request())
    row = f'path="{ETCD}" revision="{TIPS["coreos/etcd"]}" upstream="refs/heads/next"/>'.encode()
    assert row in written(whole, "release.xml")
    assert row in written(whole, "build-115.xml")
    assert Caution("pinned", "coreos/etcd", "refs/heads/next", "build-115") in whole.cautions


def test_the_first_release_from_the_branch_of_another_layout_leaves_link_alone() -> None:
    whole = made(snapshot(), request(Override("etcd", NEW)))
    assert "release.xml" not in whole.changes


# The rows themselves


ROW = '  <project name="a/b" path="c" revision="{r}" upstream="{u}"/>'


@pytest.mark.parametrize(
    ("row", "after"),
    [
        (f'<project name="a" revision="x" upstream="{LINE}"/>', f'<project name="a" revision="{LINE}"/>'),
        (
            f'  <project groups="g" name="a" revision="x" sync-c="true" upstream="{LINE}">',
            f'  <project groups="g" name="a" revision="{LINE}">',
        ),
        (
            f'<project dest-branch="{LINE}" name="a" revision="x" upstream="{LINE}"/>',
            f'<project dest-branch="{LINE}" name="a" revision="{LINE}"/>',
        ),
        (
            f'<project name="a" revision="x" upstream="{LINE}" dest-branch="m" groups="g"/>',
            f'<project name="a" revision="{LINE}" dest-branch="m" groups="g"/>',
        ),
        ('<project name="a" revision="x" upstream="refs/heads/build-1150"/>', None),
        ('<project name="a" revision="x" upstream="refs/heads/master"/>', None),
        ('<project name="a" revision="x"/>', None),
        (f'<default revision="x" upstream="{LINE}"/>', None),
        (f'<superproject name="a" revision="x" upstream="{LINE}"/>', None),
        (f'<projects name="a" revision="x" upstream="{LINE}"/>', None),
    ],
)
def test_only_a_project_of_the_branch_follows_it_and_what_stood_between_goes(row: str, after: str | None) -> None:
    assert unpinned(row.encode(), LINE).decode() == (after or row)


def test_a_project_without_a_path_of_its_own_is_found_by_its_name() -> None:
    assert follow(b'<project name="a" revision="x"/>', ["a"], LINE) == f'<project name="a" revision="{LINE}"/>'.encode()


def test_a_name_that_is_another_projects_path_is_not_taken_for_it() -> None:
    rows = '<project name="x/y" path="a" revision="1"/>\n<project name="a" path="z" revision="2"/>'
    assert follow(rows.encode(), ["a"], LINE).decode() == rows.replace('"1"', f'"{LINE}"')


@pytest.mark.parametrize("path", ["nowhere", "", "a/b", "copyfile"])
def test_a_project_that_is_not_there_is_an_error_and_no_silence(path: str) -> None:
    with pytest.raises(BadManifest, match="is not in the manifest"):
        follow(ROW.format(r="1" * 40, u=LINE).encode(), [path], LINE)


PATHS = st.sampled_from(list(seed_files.PATHS.values()))


@given(first=st.sets(PATHS), second=st.sets(PATHS))
def test_following_is_done_once_and_in_any_order(first: set[str], second: set[str]) -> None:
    printed = seed_files.release_manifest(PINS, 0)
    both = follow(printed, first | second, LINE)
    assert follow(follow(printed, first, LINE), second, LINE) == both
    assert follow(both, first | second, LINE) == both
    assert both.count(f'revision="{LINE}"'.encode()) == len(first | second)


@given(st.sets(st.sampled_from(list(PINS))))
def test_what_is_pinned_from_the_branch_and_let_follow_again_is_as_it_was(names: set[str]) -> None:
    """Releasing without a move leaves the branch's manifest alone, whoever follows the branch."""
    loose = following(seed_files.release_manifest(PINS, 0), LINE, PINS, sorted(names))
    pinned = seed_files.release_manifest(PINS, 0)
    for name in names:
        was = f'revision="{PINS[name]}" upstream="refs/heads/master"'.encode()
        pinned = pinned.replace(was, f'revision="{PINS[name]}" upstream="{LINE}"'.encode())
    at = tracking_line()
    files = {"build-115.xml": Entry(FILE, loose), "release.xml": Entry(FILE, pinned)}
    whole = made(replace(at, tree=at.tree.with_changes(files)), request(projects="none", flags=EMPTY))
    assert list(whole.changes) == ["version.txt"]


# A line whose first release was made off the main branch, so that its pins say master


def first_of_line() -> Snapshot:
    at = tracking_line()
    return replace(at, tree=at.tree.with_changes({"release.xml": Entry(FILE, seed_files.release_manifest(PINS, 0))}))


def recalled(version: Version) -> Past:
    tree = world.tree().with_changes({"release.xml": Entry(FILE, seed_files.release_manifest(PINS, 0))})
    return Past(releases={version: Earlier(read(tree, "release.xml"), "110.0.0")})


FIRST = Version(115, 0, 0)


@pytest.mark.parametrize(
    ("at", "asked"),
    [
        (first_of_line(), request(Override("etcd", NEW, "refs/heads/next"))),
        (first_of_line(), request(projects="none", flags=EMPTY)),
        (replace(tracking_line(), past=recalled(FIRST)), request(pins_of=FIRST, flags=EMPTY)),
        (replace(tracking_line(), past=recalled(FIRST)), request(Override("coreos-overlay", "=@115.0.0"), flags=EMPTY)),
        (replace(tracking_line(), past=recalled(FIRST)), request(Override("coreos-overlay", "=released"), flags=EMPTY)),
    ],
)
def test_a_project_of_the_line_that_does_not_move_goes_on_following_it(at: Snapshot, asked: Any) -> None:
    whole = made(at, asked)
    after = at.tree.with_changes(whole.changes)
    line, released = read(after, "build-115.xml"), read(after, "release.xml")
    assert {each.name for each in line.projects if each.revision == LINE} == set(seed_files.BRANCHED)
    pins = {each.name: (each.revision, each.upstream) for each in released.projects}
    assert {name: pins[name] for name in seed_files.BRANCHED} == {n: (PINS[n], LINE) for n in seed_files.BRANCHED}


def test_the_pins_of_another_line_take_the_project_off_this_one() -> None:
    other = Version(109, 0, 0)
    at = replace(tracking_line(), past=recalled(other))
    whole = made(at, request(pins_of=other, flags=frozenset({"allow-jump", "allow-empty"})))
    line = read(at.tree.with_changes(whole.changes), "build-115.xml")
    assert {each.revision for each in line.projects} == set(PINS.values())
