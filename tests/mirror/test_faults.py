"""What a mirror does when it is damaged, when the disk is full, and when the server is not as it should be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.core.objects import Identity
from bot.mirror import MOST_PACKS, Mirrors
from bot.outage import Denied, Outage
from tests.git_server import FILES, Asked, GitServer, Project, Reply
from tests.mirror.conftest import Opened

WHEN = datetime(2013, 10, 24, tzinfo=UTC)
BOT = Identity("release bot", "bot@example.com")


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
    damage: Callable[[Path], None], opened: Opened, mirrors: Mirrors, project: Project, tmp_path: Path
) -> None:
    commit = project.commit(FILES)
    with opened():
        pass
    damage(tmp_path / "mirrors" / "7.git")
    project.commit({"a": "b"}, commit)
    with suppress(Outage), opened() as mirror:
        mirror.tree(commit)
    with opened() as mirror:
        assert mirror.tree(commit).read("version.txt") == b"COREOS_BUILD=115\n"


FULL = """
import resource, sys
from pathlib import Path
from bot.core.tree import Entry
from bot.mirror import Mirrors
from bot.outage import Outage
with Mirrors(Path(sys.argv[1]), True).open(7, sys.argv[2], None) as mirror:
    refs = mirror.refs()
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
    changes = {"a": Entry("100644", bytes(65537))}
    for act in (lambda: mirror.fetch(refs), lambda: mirror.write_tree(sys.argv[3], changes)):
        try:
            act()
        except Outage as outage:
            print(outage)
"""


def test_a_full_disk_is_an_outage_and_no_reason_to_throw_the_mirror_away(
    opened: Opened, mirrors: Mirrors, server: GitServer, project: Project, tmp_path: Path
) -> None:
    first = project.commit(FILES)
    with opened():
        pass
    project.commit({"a": os.urandom(200_000)}, first)
    command = [sys.executable, "-c", FULL, str(tmp_path / "mirrors"), server.url("manifest"), first]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert len(done.stdout.splitlines()) == 2
    with mirrors.open(7, server.url("manifest"), None) as mirror:
        assert "version.txt" in mirror.tree(first)


def test_many_packs_are_put_into_one(opened: Opened, mirrors: Mirrors, project: Project, tmp_path: Path) -> None:
    commit = project.commit(FILES)
    with opened():
        pass
    path = tmp_path / "mirrors" / "7.git"
    for number in range(MOST_PACKS):
        made = subprocess.run(
            ["git", "hash-object", "-w", "--stdin"], cwd=path, input=b"%d" % number, check=True, capture_output=True
        )
        subprocess.run(["git", "pack-objects", "-q", "objects/pack/pack"], cwd=path, input=made.stdout, check=True)
    commit = project.commit({"a": "b"}, commit)
    with opened() as mirror:
        assert len(list(path.glob("objects/pack/*.pack"))) == 1
        assert mirror.tree(commit).read("a") == b"b"


def test_one_user_at_a_time_and_the_next_waits(opened: Opened, project: Project) -> None:
    project.commit(FILES)
    order: list[str] = []

    def second() -> None:
        with opened():
            order.append("second")

    with opened():
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_who_waits_too_long_for_the_mirror_gets_an_outage(
    mirrors: Mirrors, server: GitServer, tmp_path: Path, project: Project
) -> None:
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


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_in_trouble_is_an_outage(status: int, mirrors: Mirrors, server: GitServer, project: Project) -> None:
    server.rules.append(lambda asked: Reply(status, headers={"Retry-After": "5"}))
    with (
        mirrors.open(7, server.url("manifest"), None) as mirror,
        pytest.raises(Outage, match=f"answered {status}") as outage,
    ):
        mirror.refs()
    assert outage.value.retry_after == 5


def test_a_redirect_is_not_followed(mirrors: Mirrors, server: GitServer) -> None:
    server.rules.append(lambda asked: Reply(301, headers={"Location": asked.path.replace("manifest", "x")}))
    with mirrors.open(7, server.url("manifest"), None) as mirror, pytest.raises(Outage, match="redirects"):
        mirror.refs()
    assert len(server.asked) == 1


def test_a_connection_that_breaks_is_tried_once_more_at_once(mirrors: Mirrors, server: GitServer) -> None:
    replies = iter([Reply(200, b"00", length=9), Reply(200, b"0000"), *[Reply(200, b"00", length=9)] * 2])
    server.rules.append(lambda asked: next(replies))
    with mirrors.open(7, server.url("manifest"), None) as mirror:
        assert mirror.refs() == {}
        with pytest.raises(Outage, match="broke off"):
            mirror.refs()


def test_a_rate_limit_is_an_outage_though_its_status_is_403(
    mirrors: Mirrors, server: GitServer, project: Project
) -> None:
    said = b"You have exceeded a secondary rate limit.\n"
    server.rules.append(lambda asked: Reply(403, said, {"Content-Type": "text/plain"}))
    with mirrors.open(7, server.url("manifest"), None) as mirror, pytest.raises(Outage):
        mirror.refs()


@pytest.mark.parametrize(
    "body", [b"", b"0000000", b"garbage", b"001e# service=git-upload-pack\n0000000fversion 2\n"], ids=range(4)
)
def test_garbage_from_the_server_is_an_outage(
    body: bytes, mirrors: Mirrors, server: GitServer, project: Project
) -> None:
    kind = {"Content-Type": "application/x-git-upload-pack-advertisement"}
    server.rules.append(lambda asked: Reply(200, body, kind))
    with mirrors.open(7, server.url("manifest"), None) as mirror, pytest.raises(Outage):
        mirror.refs()


@pytest.mark.parametrize("page", [b"", b"0000"])
def test_an_empty_page_is_not_believed_where_there_were_refs(
    page: bytes, opened: Opened, server: GitServer, project: Project
) -> None:
    project.commit(FILES)
    with opened() as mirror:
        server.rules.append(lambda asked: Reply(200, page))
        with pytest.raises(Outage, match="though it had some"):
            mirror.refs()


def test_a_server_of_the_old_protocol_is_read_all_the_same(opened: Opened, server: GitServer, project: Project) -> None:
    commit = project.commit(FILES)
    tag = project.tag("v1", commit)

    def old(asked: Asked) -> Reply | None:
        asked.headers.pop("git-protocol", None)
        return None

    server.rules.append(old)
    with opened() as mirror:
        assert mirror.refs() == {"refs/heads/master": commit, "refs/tags/v1": tag, "refs/tags/v1^{}": commit}
        assert mirror.refs("refs/tags/v1") == {"refs/tags/v1": tag, "refs/tags/v1^{}": commit}


def test_a_pack_that_breaks_off_is_an_outage_and_the_next_fetch_has_it_all(
    opened: Opened, server: GitServer, project: Project
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
    with pytest.raises(Outage), opened():
        pass
    with opened() as mirror:
        assert "a" in mirror.tree(commit)


def test_what_git_takes_for_broken_is_not_fetched(opened: Opened, project: Project) -> None:
    tree = project.tree(FILES)
    payload = f"tree {tree}\nauthor a <a> 1 +0000\ncommitter no address\n\nx\n".encode()
    project.git("update-ref", "refs/heads/master", commit_of(project, payload))
    with pytest.raises(Denied, match="git's own check refuses"), opened():
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


def test_a_name_that_is_no_full_ref_or_id_never_reaches_git(opened: Opened, project: Project) -> None:
    commit = project.commit(FILES)
    with opened() as mirror:
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


def test_http_is_refused_where_only_https_is_spoken(server: GitServer, tmp_path: Path) -> None:
    with pytest.raises(Denied, match="only https"), Mirrors(tmp_path / "mirrors").open(7, server.url("a"), None):
        pass
    assert not server.asked
