"""What a mirror reads: refs, trees, commits, tags, and what it refuses to read as a manifest repository."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

import pytest

from bot.core.objects import Identity, commit_payload
from bot.core.tree import EXECUTABLE, FILE, LINK, Entry
from bot.mirror import Mirrors
from bot.outage import Denied, Outage
from tests.git_server import FILES, Asked, GitServer, Project
from tests.mirror.conftest import Opened

WHEN = datetime(2013, 10, 24, tzinfo=UTC)
BOT = Identity("release bot", "bot@example.com")


def of_service(server: GitServer, service: str) -> list[Asked]:
    return [each for each in server.asked if service in each.path]


def test_refs_are_what_the_server_has_with_tags_peeled(mirrors: Mirrors, server: GitServer, project: Project) -> None:
    commit = project.commit(FILES)
    tag = project.tag("v115.0.0", commit)
    project.git("update-ref", "refs/pull/1/head", commit)
    project.git("update-ref", "refs/manifest-release-bot/hold", commit)
    with mirrors.open(7, server.url("manifest"), None) as mirror:
        assert mirror.refs() == {
            "refs/heads/master": commit,
            "refs/manifest-release-bot/hold": commit,
            "refs/tags/v115.0.0": tag,
            "refs/tags/v115.0.0^{}": commit,
        }
        assert mirror.refs("refs/heads/master", "refs/heads/none") == {"refs/heads/master": commit}


def test_an_empty_repository_has_no_refs_and_nothing_is_fetched(opened: Opened, server: GitServer) -> None:
    with opened() as mirror:
        assert mirror.refs() == {}
    assert not [each for each in server.asked if each.method == "POST" and "upload-pack" in each.path][2:]


def test_a_tree_is_read_with_modes_links_and_folders(opened: Opened, project: Project) -> None:
    commit = project.commit({**FILES, "run": ("100755", b"#!"), "empty": "", "caf\udce9": "latin"})
    with opened() as mirror:
        tree = mirror.tree(commit)
    assert tree.entries == {
        "caf\udce9": Entry(FILE, b"latin"),
        "default.xml": Entry(LINK, b"build-115.xml"),
        "docs/a.md": Entry(FILE, b"a\n"),
        "empty": Entry(FILE, b""),
        "run": Entry(EXECUTABLE, b"#!"),
        "version.txt": Entry(FILE, b"COREOS_BUILD=115\n"),
    }
    assert list(tree) == sorted(tree, key=os.fsencode)


def test_what_is_here_already_is_not_fetched_again(opened: Opened, server: GitServer, project: Project) -> None:
    project.commit(FILES)
    with opened():
        before = len(of_service(server, "upload-pack"))
    with opened():
        after = len(of_service(server, "upload-pack"))
    assert after - before == 1  # what the server has is asked anew, and nothing else


def test_a_fetch_prunes_and_follows_a_branch_that_was_rewound(opened: Opened, project: Project) -> None:
    first = project.commit(FILES)
    project.commit(FILES, first, message="second")
    project.commit(FILES, ref="refs/heads/topic", message="topic")
    with opened():
        pass
    other = project.commit({"a": "b"})
    project.git("update-ref", "-d", "refs/heads/topic")
    project.git("update-ref", "refs/heads/topic/deeper", other)
    with opened() as mirror:
        assert mirror.tree(other).read("a") == b"b"
        assert mirror.refs() == project.refs()


def test_a_commit_that_was_made_and_not_pushed_outlives_a_fetch(opened: Opened, project: Project) -> None:
    base = project.commit(FILES)
    with opened() as mirror:
        tree = mirror.write_tree(base, {"version.txt": Entry(FILE, b"x")})
        made = mirror.write("commit", commit_payload(tree, [base], BOT, BOT, WHEN, "kept"))
    project.commit({"a": "b"}, base)
    with opened() as mirror:
        assert mirror.commit(made).message == "kept\n"
        assert mirror.is_ancestor(base, made)


def test_a_commit_is_read_whole(opened: Opened, project: Project) -> None:
    first = project.commit(FILES)
    second = project.commit({"a": "b"}, first, message="Übermut\n\nmore")
    with opened() as mirror:
        commit = mirror.commit(second)
    assert (commit.sha, commit.parents, commit.message) == (second, (first,), "Übermut\n\nmore\n")
    assert commit.tree == project.git("rev-parse", f"{second}^{{tree}}")
    assert commit.committed_at == WHEN
    assert commit.author == "name@example.com <email@example.com> 1382572800 +0000"


def test_a_tag_object_is_read_whole_and_a_lightweight_tag_is_none(opened: Opened, project: Project) -> None:
    commit = project.commit(FILES)
    made = project.tag("v1.0.0", commit)
    with opened() as mirror:
        tag = mirror.tag(made)
        assert mirror.tag(commit) is None
    assert tag is not None
    assert (tag.object, tag.target, tag.type, tag.tag) == (made, commit, "commit", "v1.0.0")
    assert (tag.date, tag.message) == (WHEN, "about v1.0.0\n")
    assert tag.payload.decode() == project.git("cat-file", "tag", made) + "\n"


def test_a_commit_that_is_not_there_yet_is_an_outage(opened: Opened, server: GitServer, project: Project) -> None:
    project.commit(FILES)
    with opened() as mirror, pytest.raises(Outage, match="111111111111 is not on the server yet"):
        mirror.commit("1" * 40)


def test_a_tree_where_a_commit_should_be_is_denied(opened: Opened, project: Project) -> None:
    commit = project.commit(FILES)
    tree = project.git("rev-parse", f"{commit}^{{tree}}")
    with opened() as mirror, pytest.raises(Denied, match="is a tree, not a commit"):
        mirror.commit(tree)


def test_ancestry_first_parents_and_how_far_a_branch_leads(opened: Opened, project: Project) -> None:
    one = project.commit(FILES)
    two = project.commit({"a": "2"}, one)
    side = project.commit({"a": "3"}, one, ref="refs/heads/side")
    merge = project.commit({"a": "4"}, two, side)
    with opened() as mirror:
        assert mirror.is_ancestor(side, merge)
        assert mirror.is_ancestor(one, one)
        assert not mirror.is_ancestor(merge, side)
        assert not mirror.is_ancestor("1" * 40, merge)
        assert mirror.first_parents(merge, 5) == (merge, two, one)
        assert mirror.first_parents(merge, 2) == (merge, two)
        assert (mirror.lead(merge, one), mirror.lead(side, merge), mirror.lead(merge, two)) == (3, 0, 2)


def refused_tree(opened: Opened, commit: str) -> str:
    with opened() as mirror, pytest.raises(Denied) as refusal:
        mirror.tree(commit)
    return refusal.value.reason


def test_a_submodule_is_refused_with_a_sentence(opened: Opened, project: Project) -> None:
    tree = project.git("mktree", "--missing", data=f"160000 commit {'1' * 40}\tsub\n".encode())
    commit = project.git("commit-tree", "-m", "x", tree)
    project.git("update-ref", "refs/heads/master", commit)
    assert refused_tree(opened, commit) == ("the repository holds a submodule; that is no manifest repository")


def test_a_file_of_more_than_a_mebibyte_is_refused_not_left_out(opened: Opened, project: Project) -> None:
    fits = project.commit({"a": b"x" * 1024 * 1024})
    large = project.commit({"a": b"x" * (1024 * 1024 + 1)}, ref="refs/heads/large")
    assert "a file is larger than 1,024 KiB" in refused_tree(opened, large)
    with opened() as mirror:
        assert len(mirror.tree(fits).read("a") or b"") == 1024 * 1024


def test_more_than_two_thousand_files_are_refused(opened: Opened, project: Project) -> None:
    blob = project.git("hash-object", "-w", "--stdin")
    rows = "".join(f"100644 blob {blob}\tf{number}\n" for number in range(2001))
    tree = project.git("mktree", data=rows.encode())
    commit = project.git("commit-tree", "-m", "x", tree)
    project.git("update-ref", "refs/heads/master", commit)
    assert "more than 2,000 files" in refused_tree(opened, commit)


def test_a_tree_of_trees_without_end_is_refused_at_once(opened: Opened, project: Project) -> None:
    tree = project.git("mktree", data=b"")
    for _ in range(12):
        tree = project.git("mktree", data="".join(f"040000 tree {tree}\t{n}\n" for n in range(10)).encode())
    commit = project.git("commit-tree", "-m", "x", tree)
    project.git("update-ref", "refs/heads/master", commit)
    began = time.monotonic()
    assert "more than 2,000 files" in refused_tree(opened, commit)
    assert time.monotonic() - began < 10


def test_a_very_deep_tree_is_refused(opened: Opened, project: Project) -> None:
    tree = project.tree({"a": "a"})
    for _ in range(40):
        tree = project.git("mktree", data=f"040000 tree {tree}\td\n".encode())
    commit = project.git("commit-tree", "-m", "x", tree)
    project.git("update-ref", "refs/heads/master", commit)
    assert "folders inside each other" in refused_tree(opened, commit)
