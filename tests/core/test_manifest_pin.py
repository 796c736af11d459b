"""Pinning without a clone: what must be asked, where it is asked, and what the answers make of a manifest."""

from __future__ import annotations

import pytest

from bot.core.manifest import BadManifest, Manifest, Query, RefNotFound, needed, pinned, read, select
from bot.core.tree import FILE, Entry, Tree

URL = "https://example.org/coreos/manifest"
SHA, OTHER = "1" * 40, "2" * 40


def of(body: str) -> Manifest:
    return read(Tree({"a.xml": Entry(FILE, f"<manifest>{body}</manifest>".encode())}), "a.xml")


def test_one_question_is_asked_for_each_repository() -> None:
    manifest = of(
        '<remote name="r" fetch=".."/><remote name="s" fetch="../fork"/><default remote="r" revision="main"/>'
        '<project name="a"/><project name="b" remote="s"/><project name="a" path="2" revision="refs/tags/v1"/>'
        f'<project name="a" path="3" revision="main"/><project name="c" revision="{SHA}"/>'
    )
    assert needed(manifest, URL) == (
        Query("https://example.org/a", ("refs/heads/main", "refs/tags/v1")),
        Query("https://example.org/fork/b", ("refs/heads/main",)),
    )


@pytest.mark.parametrize(
    ("revision", "ref"),
    [
        ("main", "refs/heads/main"),
        ("coreos/master", "refs/heads/coreos/master"),
        ("v1.0", "refs/heads/v1.0"),
        ("HEAD", "refs/heads/HEAD"),
        ("refs/tags/v1.0", "refs/tags/v1.0"),
        ("refs/pull/1/head", "refs/pull/1/head"),
        (SHA[:12], "refs/heads/" + SHA[:12]),
        ("A" * 40, "refs/heads/" + "A" * 40),
    ],
)
def test_a_short_name_is_a_branch_whatever_it_looks_like(revision: str, ref: str) -> None:
    manifest = of(f'<remote name="r" fetch=".."/><project name="a" remote="r" revision="{revision}"/>')
    assert needed(manifest, URL) == (Query("https://example.org/a", (ref,)),)


def test_every_project_gets_its_commit_and_a_commit_stays() -> None:
    manifest = of(
        '<remote name="r" fetch=".."/><default remote="r" revision="main"/>'
        f'<project name="a"/><project name="b" revision="{OTHER}"/>'
    )
    answers = {("https://example.org/a", "refs/heads/main"): SHA, ("https://example.org/b", "refs/heads/main"): SHA}
    assert [(p.revision, p.pin) for p in pinned(manifest, URL, answers).projects] == [("main", SHA), (OTHER, OTHER)]


def test_nothing_is_pinned_where_one_ref_is_missing() -> None:
    manifest = of(
        '<remote name="r" fetch=".."/><default remote="r" revision="main"/><project name="a"/><project name="b"/>'
    )
    with pytest.raises(RefNotFound, match=r"`b` has no `refs/heads/main`\.") as missing:
        pinned(manifest, URL, {("https://example.org/a", "refs/heads/main"): SHA})
    assert (missing.value.project.name, missing.value.ref) == ("b", "refs/heads/main")
    with pytest.raises(BadManifest, match="1 more project cannot be pinned either"):
        pinned(manifest, URL, {})


@pytest.mark.parametrize(
    ("fetch", "manifest_url", "address"),
    [
        ("..", "https://h/coreos/manifest", "https://h/p"),
        ("../", "https://h/coreos/manifest/", "https://h/p"),
        (".", "https://h/coreos/manifest", "https://h/coreos/p"),
        ("../ext", "https://h/coreos/manifest", "https://h/ext/p"),
        ("/abs", "https://h/coreos/manifest", "https://h/abs/p"),
        ("https://other//x/", "https://h/coreos/manifest", "https://other//x/p"),
        ("..", "ssh://git@h/coreos/manifest", "ssh://git@h/p"),
        ("..", "git@h:coreos/manifest", "ssh://git@h/p"),
        ("git@o:x", "https://h/coreos/manifest", "ssh://git@o/x/p"),
        ("https://o/x", "ssh://git@h/coreos/manifest", "https://o/x/p"),
        ("ssh://git@o/x", "ssh://git@h/coreos/manifest", "ssh://git@o/x/p"),
        ("..", "persistent-https://h/coreos/manifest", "persistent-https://h/p"),
        ("..", "/srv/git/coreos/manifest", "/srv/git/p"),
        ("../x", "host:coreos/manifest", "host:coreos/x/p"),
        ("file:///srv/farm", "https://h/coreos/manifest", "file:///srv/farm/p"),
    ],
)
def test_an_address_is_fetch_joined_to_the_manifests_own(fetch: str, manifest_url: str, address: str) -> None:
    manifest = of(f'<remote name="r" fetch="{fetch}"/><project name="p" remote="r" revision="x"/>')
    assert manifest.url(manifest.projects[0], manifest_url) == address


GROUPED = (
    '<remote name="r" fetch=".."/><default remote="r" revision="main"/>'
    '<project name="a"><project name="n" path="n" groups="notdefault,extra"/></project>'
    '<project name="b" groups="x"/><project name="c" groups="x,notdefault"/>'
    '<project name="d" groups="platform-linux,notdefault"/>'
    '<project name="e" groups="notdefault"><project name="n" path="n"/></project>'
)


@pytest.mark.parametrize(
    ("groups", "paths"),
    [
        (None, "a b"),
        ("", "a b"),
        ("default", "a b d"),
        ("all", "a a/n b c d e e/n"),
        ("x", "b c d"),
        ("default, -x", "a d"),
        ("-x,default", "a b d"),
        ("all,-notdefault", "a b d"),
        ("name:c,path:a", "a c d"),
        ("extra", "d"),
    ],
)
def test_groups_choose_projects_from_left_to_right(groups: str | None, paths: str) -> None:
    assert " ".join(project.path for project in select(of(GROUPED), groups).projects) == paths
