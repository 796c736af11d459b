"""What a reviewer of a release must see besides its commits: one row for each such change, and none for others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from bot.core.manifest import Annotation, FileCopy, Hooks, Manifest, Project, Remote, Superproject
from bot.core.sensitive import Sensitive, sensitive

GITHUB = Remote("github", "..", review="gerrit.example")
ETCD = Project("coreos/etcd", "src/etcd", "github", "aa" * 20)
CHROMITE = Project("coreos/chromite", "chromite", "github", "cc" * 20, copyfiles=(FileCopy("AUTHORS", "AUTHORS"),))
OLD = Manifest((CHROMITE, ETCD), {"github": GITHUB})
HOOKS = Hooks("coreos/chromite", ("pre-upload",))
SUPER = Superproject("coreos/all", "github", "refs/heads/main")


def with_etcd(**changes: Any) -> Manifest:
    return replace(OLD, projects=(CHROMITE, replace(ETCD, **changes)))


def with_remote(**changes: Any) -> Manifest:
    return replace(OLD, remotes={"github": replace(GITHUB, **changes)})


CROS = {"cros": Remote("cros", "https://chromium.googlesource.com/")}
BOTH = replace(OLD, remotes={**OLD.remotes, **CROS})
LINK = (FileCopy("bin/tool", "tool"),)


@pytest.mark.parametrize(
    ("new", "row"),
    [
        (BOTH, Sensitive("remote", "cros", "", "fetch=https://chromium.googlesource.com/")),
        (
            with_remote(fetch="https://evil.example"),
            Sensitive(
                "remote",
                "github",
                "fetch=.. review=gerrit.example",
                "fetch=https://evil.example review=gerrit.example",
            ),
        ),
        (with_remote(review=None), Sensitive("remote", "github", "fetch=.. review=gerrit.example", "fetch=..")),
        (
            with_remote(pushurl="ssh://x", revision="dev"),
            Sensitive(
                "remote",
                "github",
                "fetch=.. review=gerrit.example",
                "fetch=.. pushurl=ssh://x review=gerrit.example revision=dev",
            ),
        ),
        (with_etcd(name="evil/etcd"), Sensitive("address", "src/etcd", "../coreos/etcd", "../evil/etcd")),
        (replace(OLD, hooks=HOOKS), Sensitive("repo-hooks", "repo-hooks", "", "coreos/chromite: pre-upload")),
        (with_etcd(copyfiles=LINK), Sensitive("copyfile", "tool", "", "src/etcd/bin/tool")),
        (with_etcd(linkfiles=LINK), Sensitive("linkfile", "tool", "", "src/etcd/bin/tool")),
        (replace(OLD, projects=(ETCD,)), Sensitive("copyfile", "AUTHORS", "chromite/AUTHORS", "")),
        (
            with_etcd(copyfiles=(FileCopy("A", "AUTHORS"),)),
            Sensitive("copyfile", "AUTHORS", "chromite/AUTHORS", "chromite/AUTHORS src/etcd/A"),
        ),
        (
            replace(OLD, superproject=SUPER),
            Sensitive("superproject", "superproject", "", "../coreos/all refs/heads/main"),
        ),
        (
            replace(OLD, server="https://sync.example"),
            Sensitive("manifest-server", "manifest-server", "", "https://sync.example"),
        ),
        (
            replace(OLD, bug_url="https://bugs.example"),
            Sensitive("contactinfo", "contactinfo", "", "https://bugs.example"),
        ),
    ],
)
def test_each_kind_of_change_has_its_row_in_both_directions(new: Manifest, row: Sensitive) -> None:
    assert sensitive(OLD, new) == (row,)
    assert sensitive(new, OLD) == (replace(row, before=row.after, after=row.before),)


@pytest.mark.parametrize(
    "new",
    [
        OLD,
        with_etcd(revision="bb" * 20, upstream="refs/heads/build-115"),
        with_etcd(annotations=(Annotation("a", "b"),)),
        with_etcd(path="third_party/etcd"),
        with_remote(alias="origin", annotations=(Annotation("a", "b"),)),
        replace(OLD, projects=(ETCD, CHROMITE), notice="hello"),
        replace(OLD, projects=(*OLD.projects, Project("coreos/new", "new", "github", "main"))),
    ],
)
def test_pins_annotations_and_the_order_are_no_such_change(new: Manifest) -> None:
    assert sensitive(OLD, new) == ()


def test_a_project_that_takes_another_remote_shows_both_addresses() -> None:
    moved = replace(BOTH, projects=(CHROMITE, replace(ETCD, remote="cros")))
    assert sensitive(BOTH, moved) == (
        Sensitive("address", "src/etcd", "../coreos/etcd", "https://chromium.googlesource.com/coreos/etcd"),
    )


def test_another_name_for_the_same_remote_leaves_the_addresses_alone() -> None:
    renamed = tuple(replace(project, remote="hub") for project in OLD.projects)
    found = sensitive(OLD, Manifest(renamed, {"hub": replace(GITHUB, name="hub")}))
    assert [(row.kind, row.subject) for row in found] == [("remote", "github"), ("remote", "hub")]


def test_the_hooks_change_by_project_or_list_but_not_by_the_order_of_the_list() -> None:
    two = replace(OLD, hooks=Hooks("coreos/chromite", ("post-sync", "pre-upload")))
    assert [row.after for row in sensitive(replace(OLD, hooks=HOOKS), two)] == ["coreos/chromite: post-sync pre-upload"]
    assert sensitive(two, replace(OLD, hooks=Hooks("coreos/chromite", ("pre-upload", "post-sync")))) == ()
    assert len(sensitive(two, replace(OLD, hooks=Hooks("coreos/etcd", ("post-sync", "pre-upload"))))) == 1


def test_in_a_first_release_everything_is_new_except_its_remotes() -> None:
    first = replace(OLD, hooks=HOOKS, superproject=SUPER, server="https://sync.example", bug_url="https://b.example")
    assert [row.kind for row in sensitive(None, first)] == [
        "repo-hooks",
        "copyfile",
        "superproject",
        "manifest-server",
        "contactinfo",
    ]
    assert all(row.before == "" for row in sensitive(None, first))


def test_the_rows_come_kind_by_kind_and_by_subject() -> None:
    remotes = {name: Remote(name, f"https://{name}.example") for name in ("zeta", "alpha")}
    new = replace(with_etcd(linkfiles=LINK, name="evil/etcd"), remotes={**remotes, **OLD.remotes}, server="https://s")
    assert [(row.kind, row.subject) for row in sensitive(OLD, new)] == [
        ("remote", "alpha"),
        ("remote", "zeta"),
        ("address", "src/etcd"),
        ("linkfile", "tool"),
        ("manifest-server", "manifest-server"),
    ]


words = st.sampled_from(["a", "b", "c"])
copies = st.lists(st.builds(FileCopy, words, words), max_size=2).map(tuple)
projects = st.lists(
    st.builds(Project, words, words, st.just("github"), words, copyfiles=copies, linkfiles=copies),
    max_size=3,
    unique_by=lambda each: each.path,
).map(tuple)
manifests = st.builds(replace, st.just(OLD), projects=projects, hooks=st.none() | st.just(HOOKS))


@given(manifests)
def test_a_manifest_that_did_not_change_has_no_rows(some: Manifest) -> None:
    assert sensitive(some, some) == ()


@given(manifests, manifests)
def test_the_order_of_the_projects_makes_no_difference(old: Manifest, new: Manifest) -> None:
    turned = replace(old, projects=old.projects[::-1]), replace(new, projects=new.projects[::-1])
    assert sensitive(*turned) == sensitive(old, new)
