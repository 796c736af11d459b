"""The mirror against a real git server: what it reads, what it refuses, how it heals."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.core.objects import Identity, commit_payload, tag_payload
from bot.core.tree import EXECUTABLE, FILE, LINK, Entry
from bot.mirror import MOST_PACKS, Mirror, Mirrors
from bot.outage import Denied, Outage
from tests.git_server import Asked, GitServer, Project, Reply, git_server

WHEN = datetime(2013, 10, 24, tzinfo=UTC)
BOT = Identity("release bot", "bot@example.com")
FILES = {"version.txt": "COREOS_BUILD=115\n", "docs/a.md": "a\n", "default.xml": ("120000", b"build-115.xml")}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with git_server(tmp_path / "served") as running:
        yield running


@pytest.fixture
def project(server: GitServer) -> Project:
    return server.project("manifest")


@pytest.fixture
def mirrors(tmp_path: Path) -> Mirrors:
    return Mirrors(tmp_path / "mirrors", allow_http=True)


@contextmanager
def opened(mirrors: Mirrors, server: GitServer) -> Iterator[Mirror]:
    """The mirror, with everything that the server has now."""
    with mirrors.open(7, server.url("manifest"), None) as mirror:
        mirror.fetch(mirror.refs())
        yield mirror


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


def test_an_empty_repository_has_no_refs_and_nothing_is_fetched(
    mirrors: Mirrors, server: GitServer, project: Project
) -> None:
    with opened(mirrors, server) as mirror:
        assert mirror.refs() == {}
    assert not [each for each in server.asked if each.method == "POST" and "upload-pack" in each.path][2:]


def test_a_tree_is_read_with_modes_links_and_folders(mirrors: Mirrors, server: GitServer, project: Project) -> None:
    commit = project.commit({**FILES, "run": ("100755", b"#!"), "empty": "", "caf\udce9": "latin"})
    with opened(mirrors, server) as mirror:
        tree = mirror.tree(commit)
    assert tree.entries == {
        "caf\udce9": Entry(FILE, b"latin"),
        "default.xml": Entry(LINK, b"build-115.xml"),
        "docs/a.md": Entry(FILE, b"a\n"),
        "empty": Entry(FILE, b""),
        "run": Entry(EXECUTABLE, b"#!"),
        "version.txt": Entry(FILE, b"COREOS_BUILD=115\n"),
    }
    assert list(tree) == [path for path in sorted(tree, key=os.fsencode)]


def test_what_is_here_already_is_not_fetched_again(mirrors: Mirrors, server: GitServer, project: Project) -> None:
    project.commit(FILES)
    with opened(mirrors, server):
        before = len(of_service(server, "upload-pack"))
    with opened(mirrors, server):
        after = len(of_service(server, "upload-pack"))
    assert after - before == 2  # the two requests of one ls-remote


def test_a_fetch_prunes_and_follows_a_branch_that_was_rewound(
    mirrors: Mirrors, server: GitServer, project: Project
) -> None:
    first = project.commit(FILES)
    project.commit(FILES, first, message="second")
    project.commit(FILES, ref="refs/heads/topic", message="topic")
    with opened(mirrors, server):
        pass
    other = project.commit({"a": "b"})
    project.git("update-ref", "-d", "refs/heads/topic")
    project.git("update-ref", "refs/heads/topic/deeper", other)
    with opened(mirrors, server) as mirror:
        assert mirror.tree(other).read("a") == b"b"
        assert mirror.refs() == project.refs()


def test_a_commit_that_was_made_and_not_pushed_outlives_a_fetch(
    mirrors: Mirrors, server: GitServer, project: Project
) -> None:
    base = project.commit(FILES)
    with opened(mirrors, server) as mirror:
        tree = mirror.write_tree(base, {"version.txt": Entry(FILE, b"x")})
        made = mirror.write("commit", commit_payload(tree, [base], BOT, BOT, WHEN, "kept"))
    project.commit({"a": "b"}, base)
    with opened(mirrors, server) as mirror:
        assert mirror.commit(made).message == "kept\n"
        assert mirror.is_ancestor(base, made)


def test_a_commit_is_read_whole(mirrors: Mirrors, server: GitServer, project: Project) -> None:
    first = project.commit(FILES)
    second = project.commit({"a": "b"}, first, message="Übermut\n\nmore")
    with opened(mirrors, server) as mirror:
        commit = mirror.commit(second)
    assert (commit.sha, commit.parents, commit.message) == (second, (first,), "Übermut\n\nmore\n")
    assert commit.tree == project.git("rev-parse", f"{second}^{{tree}}")
    assert commit.committed_at == WHEN
    assert commit.author == "name@example.com <email@example.com> 1382572800 +0000"


def test_a_tag_object_is_read_whole_and_a_lightweight_tag_is_none(
    mirrors: Mirrors, server: GitServer, project: Project
) -> None:
    commit = project.commit(FILES)
    made = project.tag("v1.0.0", commit)
    with opened(mirrors, server) as mirror:
        tag = mirror.tag(made)
        assert mirror.tag(commit) is None
    assert tag is not None
    assert (tag.object, tag.target, tag.type, tag.tag) == (made, commit, "commit", "v1.0.0")
    assert (tag.date, tag.message) == (WHEN, "about v1.0.0\n")
    assert tag.payload.decode() == project.git("cat-file", "tag", made) + "\n"


def test_a_commit_that_is_not_there_yet_is_an_outage(mirrors: Mirrors, server: GitServer, project: Project) -> None:
    project.commit(FILES)
    with opened(mirrors, server) as mirror, pytest.raises(Outage, match="111111111111 is not on the server yet"):
        mirror.commit("1" * 40)


def test_a_tree_where_a_commit_should_be_is_denied(mirrors: Mirrors, server: GitServer, project: Project) -> None:
    commit = project.commit(FILES)
    tree = project.git("rev-parse", f"{commit}^{{tree}}")
    with opened(mirrors, server) as mirror, pytest.raises(Denied, match="is a tree, not a commit"):
        mirror.commit(tree)


def test_ancestry_and_the_first_parents_between_two_commits(
    mirrors: Mirrors, server: GitServer, project: Project
) -> None:
    one = project.commit(FILES)
    two = project.commit({"a": "2"}, one)
    side = project.commit({"a": "3"}, one, ref="refs/heads/side")
    merge = project.commit({"a": "4"}, two, side)
    with opened(mirrors, server) as mirror:
        assert mirror.is_ancestor(side, merge)
        assert mirror.is_ancestor(one, one)
        assert not mirror.is_ancestor(merge, side)
        assert not mirror.is_ancestor("1" * 40, merge)
        assert mirror.first_parent_path(one, merge) == (two, merge)
        assert mirror.first_parent_path(merge, merge) == ()
        assert mirror.first_parent_path(side, merge) is None
        assert mirror.first_parent_path(merge, one) is None


def refused_tree(mirrors: Mirrors, server: GitServer, commit: str) -> str:
    with opened(mirrors, server) as mirror, pytest.raises(Denied) as refusal:
        mirror.tree(commit)
    return refusal.value.reason


def test_a_submodule_is_refused_with_a_sentence(mirrors: Mirrors, server: GitServer, project: Project) -> None:
    tree = project.git("mktree", "--missing", data=f"160000 commit {'1' * 40}\tsub\n".encode())
    commit = project.git("commit-tree", "-m", "x", tree)
    project.git("update-ref", "refs/heads/master", commit)
    assert refused_tree(mirrors, server, commit) == ("the repository holds a submodule; that is no manifest repository")


def test_a_file_of_more_than_a_mebibyte_is_refused_not_left_out(
    mirrors: Mirrors, server: GitServer, project: Project
) -> None:
    fits = project.commit({"a": b"x" * 1024 * 1024})
    large = project.commit({"a": b"x" * (1024 * 1024 + 1)}, ref="refs/heads/large")
    assert "a file is larger than 1,024 KiB" in refused_tree(mirrors, server, large)
    with opened(mirrors, server) as mirror:
        assert len(mirror.tree(fits).read("a") or b"") == 1024 * 1024


def test_more_than_two_thousand_files_are_refused(mirrors: Mirrors, server: GitServer, project: Project) -> None:
    blob = project.git("hash-object", "-w", "--stdin")
    rows = "".join(f"100644 blob {blob}\tf{number}\n" for number in range(2001))
    tree = project.git("mktree", data=rows.encode())
    commit = project.git("commit-tree", "-m", "x", tree)
    project.git("update-ref", "refs/heads/master", commit)
    assert "more than 2,000 files" in refused_tree(mirrors, server, commit)


def test_a_tree_of_trees_without_end_is_refused_at_once(mirrors: Mirrors, server: GitServer, project: Project) -> None:
    tree = project.git("mktree", data=b"")
    for _ in range(12):
        tree = project.git("mktree", data="".join(f"040000 tree {tree}\t{n}\n" for n in range(10)).encode())
    commit = project.git("commit-tree", "-m", "x", tree)
    project.git("update-ref", "refs/heads/master", commit)
    began = time.monotonic()
    assert "more than 2,000 files" in refused_tree(mirrors, server, commit)
    assert time.monotonic() - began < 2


def test_a_very_deep_tree_is_refused(mirrors: Mirrors, server: GitServer, project: Project) -> None:
    tree = project.tree({"a": "a"})
    for _ in range(40):
        tree = project.git("mktree", data=f"040000 tree {tree}\td\n".encode())
    commit = project.git("commit-tree", "-m", "x", tree)
    project.git("update-ref", "refs/heads/master", commit)
    assert "folders inside each other" in refused_tree(mirrors, server, commit)


def test_a_tree_is_written_as_git_would_write_it(mirrors: Mirrors, server: GitServer, project: Project) -> None:
    base = project.commit({**FILES, "old.xml": "old"})
    changes = {
        "version.txt": Entry(FILE, b"new\n"),
        "release.xml": Entry(LINK, b"build-115.xml"),
        "docs/b/c.md": Entry(EXECUTABLE, b"c"),
        "old.xml": None,
    }
    with opened(mirrors, server) as mirror:
        made = mirror.write_tree(base, changes)
        wanted = mirror.tree(base).with_changes(changes)
        commit = mirror.write("commit", commit_payload(made, [base], BOT, BOT, WHEN, "x"))
        assert mirror.tree(commit) == wanted
    files = {path: (entry.mode, entry.data) for path, entry in wanted.entries.items()}
    assert made == project.tree(files)


@pytest.mark.parametrize("path", ["../out", "/abs", ".git/config", "a//b", "a/../b", ""])
def test_a_path_that_leads_elsewhere_is_never_written(
    path: str, mirrors: Mirrors, server: GitServer, project: Project
) -> None:
    base = project.commit(FILES)
    with opened(mirrors, server) as mirror, pytest.raises(ValueError, match=r"\S"):
        mirror.write_tree(base, {path: Entry(FILE, b"x")})


def test_a_path_cannot_be_a_file_and_a_folder(mirrors: Mirrors, server: GitServer, project: Project) -> None:
    base = project.commit(FILES)
    with opened(mirrors, server) as mirror, pytest.raises(ValueError, match="a file and a folder"):
        mirror.write_tree(base, {"version.txt/x": Entry(FILE, b"x")})


def test_an_object_that_is_none_is_refused_and_the_mirror_stays(
    mirrors: Mirrors, server: GitServer, project: Project, tmp_path: Path
) -> None:
    commit = project.commit(FILES)
    with opened(mirrors, server) as mirror:
        with pytest.raises(ValueError, match=r"\S"):
            mirror.write("commit", b"nonsense")
        with pytest.raises(ValueError, match=r"\S"):
            mirror.write("tag", tag_payload(commit, "v1", BOT, WHEN, "x").replace(b"tagger", b"tigger"))
        assert mirror.commit(commit)


def damage_object(mirror: Path) -> None:
    for path in (mirror / "objects").rglob("*.pack"):
        data = bytearray(path.read_bytes())
        data[20:] = bytes(len(data) - 20)
        path.chmod(0o600)
        path.write_bytes(data)


def lose_objects(mirror: Path) -> None:
    shutil.rmtree(mirror / "objects" / "pack")


def break_configuration(mirror: Path) -> None:
    (mirror / "config").write_text("[[[")


def lose_head(mirror: Path) -> None:
    (mirror / "HEAD").write_text("garbage")


def leave_a_lock(mirror: Path) -> None:
    for path in (mirror / "objects").rglob("*.pack"):
        path.unlink()
    (mirror / "refs" / "heads" / "master.lock").touch()


@pytest.mark.parametrize(
    "damage", [damage_object, lose_objects, break_configuration, lose_head, leave_a_lock], ids=lambda f: f.__name__
)
def test_a_damaged_mirror_is_made_anew_by_the_second_try_at_the_latest(
    damage: object, mirrors: Mirrors, server: GitServer, project: Project, tmp_path: Path
) -> None:
    commit = project.commit(FILES)
    with opened(mirrors, server):
        pass
    assert callable(damage)
    damage(tmp_path / "mirrors" / "7.git")
    project.commit({"a": "b"}, commit)
    try:
        with opened(mirrors, server) as mirror:
            mirror.tree(commit)
    except Outage as outage:
        assert "made anew" in outage.reason
    with opened(mirrors, server) as mirror:
        assert mirror.tree(commit).read("version.txt") == b"COREOS_BUILD=115\n"


FULL = """
import resource, sys
from pathlib import Path
from bot.mirror import Mirrors
from bot.outage import Outage
with Mirrors(Path(sys.argv[1]), True).open(7, sys.argv[2], None) as mirror:
    refs = mirror.refs()
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
    for act in (lambda: mirror.fetch(refs), lambda: mirror.write("commit", bytes(65537))):
        try:
            act()
        except Outage as outage:
            print(outage)
"""


def test_a_full_disk_is_an_outage_and_no_reason_to_throw_the_mirror_away(
    mirrors: Mirrors, server: GitServer, project: Project, tmp_path: Path
) -> None:
    first = project.commit(FILES)
    with opened(mirrors, server):
        pass
    project.commit({"a": os.urandom(200_000)}, first)
    command = [sys.executable, "-c", FULL, str(tmp_path / "mirrors"), server.url("manifest")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert len(done.stdout.splitlines()) == 2
    with mirrors.open(7, server.url("manifest"), None) as mirror:
        assert mirror.tree(first)


def test_many_packs_are_put_into_one(mirrors: Mirrors, server: GitServer, project: Project, tmp_path: Path) -> None:
    commit = project.commit(FILES)
    for number in range(MOST_PACKS + 2):
        commit = project.commit({"a": str(number)}, commit)
        with opened(mirrors, server):
            pass
    packs = list((tmp_path / "mirrors" / "7.git" / "objects" / "pack").glob("*.pack"))
    assert len(packs) < 10
    with opened(mirrors, server) as mirror:
        assert mirror.tree(commit).read("a") == str(MOST_PACKS + 1).encode()


def test_one_user_at_a_time_and_the_next_waits(mirrors: Mirrors, server: GitServer, project: Project) -> None:
    project.commit(FILES)
    order: list[str] = []

    def second() -> None:
        with opened(mirrors, server):
            order.append("second")

    with opened(mirrors, server):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_who_waits_too_long_for_the_mirror_gets_an_outage(server: GitServer, project: Project, tmp_path: Path) -> None:
    mirrors = Mirrors(tmp_path / "mirrors", allow_http=True, patience=0.05)
    with (
        mirrors.open(7, server.url("manifest"), None),
        pytest.raises(Outage, match="in use"),
        mirrors.open(7, server.url("manifest"), None),
    ):
        pass


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (401, "the server does not accept the token, or asks for one"),
        (403, "the server forbids it"),
        (404, "there is no such repository, or the token may not see it"),
    ],
)
def test_a_refusal_of_the_server_is_denied_with_its_status(
    status: int, sentence: str, mirrors: Mirrors, server: GitServer, project: Project
) -> None:
    server.rules.append(lambda asked: Reply(status, headers={"WWW-Authenticate": "Basic"} if status == 401 else {}))
    with mirrors.open(7, server.url("manifest"), None) as mirror, pytest.raises(Denied) as refusal:
        mirror.refs()
    assert (refusal.value.reason, refusal.value.status) == (sentence, status)


@pytest.mark.parametrize("status", [301, 429, 500, 503])
def test_a_server_in_trouble_is_an_outage(status: int, mirrors: Mirrors, server: GitServer, project: Project) -> None:
    server.rules.append(lambda asked: Reply(status, headers={"Location": asked.path.replace("manifest", "x")}))
    with mirrors.open(7, server.url("manifest"), None) as mirror, pytest.raises(Outage, match=f"answered {status}"):
        mirror.refs()
    assert not of_service(server, "/x.git")


def test_a_rate_limit_is_an_outage_though_its_status_is_403(
    mirrors: Mirrors, server: GitServer, project: Project
) -> None:
    said = b"You have exceeded a secondary rate limit.\n"
    server.rules.append(lambda asked: Reply(403, said, {"Content-Type": "text/plain"}))
    with mirrors.open(7, server.url("manifest"), None) as mirror, pytest.raises(Outage):
        mirror.refs()


@pytest.mark.parametrize(
    "body", [b"", b"0000", b"garbage", b"001e# service=git-upload-pack\n0000000fversion 2\n"], ids=range(4)
)
def test_garbage_from_the_server_is_an_outage(
    body: bytes, mirrors: Mirrors, server: GitServer, project: Project
) -> None:
    kind = {"Content-Type": "application/x-git-upload-pack-advertisement"}
    server.rules.append(lambda asked: Reply(200, body, kind))
    with mirrors.open(7, server.url("manifest"), None) as mirror, pytest.raises(Outage):
        mirror.refs()


def test_a_pack_that_breaks_off_is_an_outage_and_the_next_fetch_has_it_all(
    mirrors: Mirrors, server: GitServer, project: Project
) -> None:
    commit = project.commit({"a": os.urandom(100_000)})
    posts: list[str] = []

    def cut(asked: Asked) -> Reply | None:
        if asked.method != "POST":
            return None
        posts.append(asked.path)
        # The second POST of the first fetch is the one that brings the pack.
        return (
            Reply(200, b"000epackfile\n", {"Content-Type": "application/x-git-upload-pack-result"}, 9000)
            if len(posts) == 3
            else None
        )

    server.rules.append(cut)
    with pytest.raises(Outage), opened(mirrors, server):
        pass
    with opened(mirrors, server) as mirror:
        assert mirror.tree(commit)


def test_what_git_takes_for_broken_is_not_fetched(mirrors: Mirrors, server: GitServer, project: Project) -> None:
    tree = project.tree(FILES)
    payload = f"tree {tree}\nauthor a <a> 1 +0000\ncommitter no address\n\nx\n".encode()
    project.git("update-ref", "refs/heads/master", commit_of(project, payload))
    with pytest.raises(Denied, match="git's own check refuses"), opened(mirrors, server):
        pass


def commit_of(project: Project, payload: bytes) -> str:
    return project.git("hash-object", "-w", "-t", "commit", "--literally", "--stdin", data=payload)


def test_refs_that_move_between_reading_and_fetching_are_an_outage(
    mirrors: Mirrors, server: GitServer, project: Project
) -> None:
    project.commit(FILES)
    with mirrors.open(7, server.url("manifest"), None) as mirror:
        refs = mirror.refs()
        project.commit({"a": "b"})
        with pytest.raises(Outage, match="moved while they were read"):
            mirror.fetch(refs)


def test_a_name_that_is_no_full_ref_or_id_never_reaches_git(
    mirrors: Mirrors, server: GitServer, project: Project
) -> None:
    commit = project.commit(FILES)
    with opened(mirrors, server) as mirror:
        for bad in ("--upload-pack=x", "HEAD", commit[:39], commit.upper(), commit + "\n"):
            with pytest.raises(ValueError, match="object id"):
                mirror.commit(bad)
            with pytest.raises(ValueError, match="object id"):
                mirror.is_ancestor(bad, commit)
            with pytest.raises(ValueError, match="ref name"):
                mirror.refs(bad)


@pytest.mark.parametrize("url", ["ext::sh -c id", "file:///tmp", "--upload-pack=id", "https://user:pw@github.com/a/b"])
def test_an_address_that_is_not_plain_never_reaches_git(url: str, mirrors: Mirrors) -> None:
    with pytest.raises(ValueError, match="no plain") as refusal, mirrors.open(7, url, None):
        pass
    assert url not in str(refusal.value)


def test_http_is_refused_where_only_https_is_spoken(server: GitServer, project: Project, tmp_path: Path) -> None:
    with (
        Mirrors(tmp_path / "mirrors").open(7, server.url("manifest"), None) as mirror,
        pytest.raises(Outage, match="not allowed"),
    ):
        mirror.refs()
    assert not server.asked
