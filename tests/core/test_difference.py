"""The difference of two releases: what is matched with what, and the laws that hold whatever the manifests say."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import given, strategies as st

from bot.core.difference import Changed, Difference, difference, matched
from bot.core.manifest import Manifest, Project, Remote

URL = "https://github.com/coreos/manifest"
REMOTES = {"github": Remote("github", ".."), "cros": Remote("cros", "https://chromium.googlesource.com/")}
OLD, NEW = "aa" * 20, "bb" * 20


def project(name: str, path: str, revision: str = OLD, **more: Any) -> Project:
    return Project(name, path, more.pop("remote", "github"), revision, **more)


def manifest(*projects: Project) -> Manifest:
    return Manifest(projects, REMOTES)


ETCD = project("coreos/etcd", "src/etcd", upstream="refs/heads/master")
SCRIPTS = project("coreos/scripts", "src/scripts")


def compared(old: list[Project], new: list[Project]) -> Difference:
    return difference(manifest(*old), manifest(*new), URL)


def only(found: Difference) -> Changed:
    """The one project that changed, where nothing else did."""
    assert (found.added, found.removed, len(found.changed)) == ((), (), 1)
    return found.changed[0]


def test_a_new_pin_is_shown_with_the_address_to_compare_at() -> None:
    new = replace(ETCD, revision=NEW, upstream="refs/heads/release-0.1")
    found = compared([ETCD, SCRIPTS], [new, SCRIPTS])
    assert found.unchanged == 1
    address = "https://github.com/coreos/etcd"
    assert only(found) == Changed(
        path="src/etcd",
        old_path="src/etcd",
        name="coreos/etcd",
        old_name="coreos/etcd",
        url=address,
        old_url=address,
        old=OLD,
        new=NEW,
        old_upstream="refs/heads/master",
        new_upstream="refs/heads/release-0.1",
    )
    change = only(found)
    assert change.repinned
    assert change.follows_another
    assert not any((change.renamed, change.moved, change.readdressed))


def test_a_rename_at_the_same_path_is_one_change() -> None:
    change = only(compared([ETCD], [replace(ETCD, name="etcd-io/etcd")]))
    assert (change.old_name, change.name) == ("coreos/etcd", "etcd-io/etcd")
    assert change.renamed
    assert change.readdressed
    assert not any((change.moved, change.repinned, change.follows_another))
    assert (change.old_url, change.url) == ("https://github.com/coreos/etcd", "https://github.com/etcd-io/etcd")


def test_a_project_at_another_path_is_found_by_its_name() -> None:
    change = only(compared([ETCD], [replace(ETCD, path="third_party/etcd")]))
    assert (change.old_path, change.path) == ("src/etcd", "third_party/etcd")
    assert change.moved
    assert not any((change.renamed, change.repinned, change.readdressed))


def test_another_remote_alone_is_a_change_but_another_name_for_the_same_address_is_none() -> None:
    assert only(compared([ETCD], [replace(ETCD, remote="cros")])).readdressed
    remotes = {"hub": Remote("hub", "https://github.com/")}
    new = Manifest((replace(ETCD, remote="hub"),), remotes)
    assert difference(manifest(ETCD), new, URL).empty


def test_the_path_counts_before_the_name() -> None:
    found = compared([ETCD, SCRIPTS], [replace(SCRIPTS, path="src/etcd"), replace(ETCD, path="src/scripts")])
    assert [(change.old_name, change.name) for change in found.changed] == [
        ("coreos/etcd", "coreos/scripts"),
        ("coreos/scripts", "coreos/etcd"),
    ]


def test_of_several_places_of_one_name_the_unchanged_revision_decides() -> None:
    old = [project("linux", "a", OLD), project("linux", "b", NEW)]
    found = compared(old, [project("linux", "c", NEW)])
    assert [(change.old_path, change.path) for change in found.changed] == [("b", "c")]
    assert found.removed == (old[0],)


def test_what_has_no_counterpart_is_added_or_removed_in_the_order_of_its_manifest() -> None:
    found = compared([SCRIPTS, ETCD], [project("b", "b"), project("a", "a")])
    assert [each.name for each in found.added] == ["b", "a"]
    assert found.removed == (SCRIPTS, ETCD)
    assert (found.changed, found.unchanged, found.empty) == ((), 0, False)


def test_changes_stand_in_the_order_of_the_new_manifest() -> None:
    found = compared([ETCD, SCRIPTS], [replace(SCRIPTS, revision=NEW), replace(ETCD, revision=NEW)])
    assert [change.name for change in found.changed] == ["coreos/scripts", "coreos/etcd"]


names, few = st.sampled_from("abcd"), st.sampled_from([OLD, NEW])
projects = st.lists(
    st.builds(project, names, st.sampled_from("pqrst"), few, remote=st.sampled_from(sorted(REMOTES))),
    max_size=5,
    unique_by=lambda each: each.path,
)


@given(projects)
def test_a_manifest_does_not_differ_from_itself(some: list[Project]) -> None:
    found = compared(some, some)
    assert found.empty
    assert found.unchanged == len(some)


@given(projects, projects)
def test_every_project_of_both_releases_appears_exactly_once(old: list[Project], new: list[Project]) -> None:
    found = compared(old, new)
    before = matched(manifest(*old), manifest(*new))
    same = [path for path in before if path not in {change.path for change in found.changed}]
    assert len(same) == found.unchanged
    new_paths = [*(each.path for each in found.changed), *(each.path for each in found.added), *same]
    assert sorted(new_paths) == sorted(each.path for each in new)
    same_before = [before[path].path for path in same]
    old_paths = [*(each.old_path for each in found.changed), *(each.path for each in found.removed), *same_before]
    assert sorted(old_paths) == sorted(each.path for each in old)


@given(projects, projects, st.randoms())
def test_the_order_of_the_projects_does_not_matter_for_what_is_matched(
    old: list[Project], new: list[Project], dice: Any
) -> None:
    def sets(found: Difference) -> tuple[frozenset[Any], ...]:
        return frozenset(found.changed), frozenset(found.added), frozenset(found.removed)

    shuffled = dice.sample(old, len(old)), dice.sample(new, len(new))
    assert sets(compared(old, new)) == sets(compared(*shuffled))


@given(projects, projects)
def test_no_name_is_both_added_and_removed(old: list[Project], new: list[Project]) -> None:
    found = compared(old, new)
    assert not Counter(each.name for each in found.added) & Counter(each.name for each in found.removed)


@given(projects, projects)
def test_what_changed_says_in_what(old: list[Project], new: list[Project]) -> None:
    for change in compared(old, new).changed:
        assert change.renamed or change.moved or change.repinned or change.readdressed or change.follows_another
