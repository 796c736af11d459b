"""A history is fetched once, without files where the server can, and never from a place that must not be asked."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from bot.core.fetch_policy import FetchPolicy
from bot.core.hub import Comparison
from bot.histories import Histories
from bot.outage import Denied, Outage
from tests.git_server import FILES, Asked, GitServer, Project, Reply, git_server
from tests.histories.conftest import MASTER, NEXT, TAG, UNKNOWN, chain, heads

# What is fetched, and that nothing is fetched afterwards


def test_only_commits_are_fetched_and_only_once(
    histories: Histories, project: Project, server: GitServer, url: str, tmp_path: Path
) -> None:
    first, last = chain(project, 2)
    project.tag("v1", last)
    assert histories.compare(url, heads(project), first, last) is not None
    (scratch,) = (tmp_path / "scratch").iterdir()
    everything = Project.__new__(Project)
    everything.path = scratch
    kinds = everything.git("cat-file", "--batch-all-objects", "--batch-check=%(objecttype)").split()
    assert sorted(kinds) == ["commit", "commit", "tag"]
    asked = len(server.asked)
    histories.compare(url, heads(project), last, first)
    assert len(server.asked) == asked


def test_what_is_unknown_here_is_asked_of_no_server(
    histories: Histories, project: Project, server: GitServer, url: str
) -> None:
    first, last = chain(project, 2)
    every = heads(project)
    assert histories.holding(url, every, first, [MASTER]) == {MASTER: True}
    asked = len(server.asked)
    fork = project.commit(FILES, last, ref="refs/pull/1/head", message="a fork's")
    tree, blob = project.git("rev-parse", f"{last}^{{tree}}", f"{last}:version.txt").split()
    for strange in (UNKNOWN, "0" * 40, fork, tree, blob):
        assert histories.lengthen(url, every, strange[:7]) == ()
        assert histories.holding(url, every, strange, [MASTER]) == {MASTER: False}
        assert histories.compare(url, every, strange, last) is None
        assert histories.compare(url, every, last, strange) is None
    assert len(server.asked) == asked


def test_heads_that_moved_are_fetched_anew(histories: Histories, project: Project, server: GitServer, url: str) -> None:
    first = chain(project, 3)[0]
    project.git("branch", "old/er", first)
    old = heads(project)
    assert histories.lengthen(url, old, old[MASTER][:7]) == (old[MASTER],)
    project.git("branch", "-D", "old/er")
    project.git("branch", "old", first)
    rewound = project.commit(FILES, first, message="instead")
    asked = len(server.asked)
    assert histories.compare(url, heads(project), first, rewound) == Comparison(1, 0, ("instead",))
    assert len(server.asked) > asked
    assert histories.lengthen(url, heads(project), old[MASTER][:7]) == ()
    tree = project.git("rev-parse", f"{first}^{{tree}}")
    asked = len(server.asked)
    assert histories.holding(url, heads(project), tree, [MASTER]) == {MASTER: False}
    assert len(server.asked) == asked


def test_a_server_that_cannot_filter_sends_all_and_the_answers_are_the_same(
    histories: Histories, project: Project, server: GitServer, url: str
) -> None:
    project.git("config", "uploadpack.allowFilter", "false")
    first, last = chain(project, 2)
    blob = project.git("rev-parse", f"{last}:version.txt")
    project.git("update-ref", "refs/tags/a-file", blob)
    every = heads(project)
    assert histories.compare(url, every, first, last) == Comparison(1, 0, ("step 1",))
    assert histories.lengthen(url, every, blob[:7]) == ()
    assert histories.holding(url, every, blob, [MASTER, "refs/tags/a-file"]) == {
        MASTER: False,
        "refs/tags/a-file": False,
    }
    asked = len(server.asked)
    assert histories.compare(url, every, first, UNKNOWN) is None
    assert len(server.asked) == asked


@pytest.mark.parametrize("annotated", [False, True])
@pytest.mark.parametrize("what", ["^{tree}", ":version.txt", ":docs"])
def test_a_tag_of_a_folder_or_file_holds_nothing_and_spoils_nothing(
    what: str, annotated: bool, histories: Histories, project: Project, url: str
) -> None:
    first, last = chain(project, 2)
    project.git("tag", *(["-a", "-m", "odd"] if annotated else []), "v1", f"{first}{what}")
    every = heads(project)
    assert histories.holding(url, every, first, [MASTER, TAG]) == {MASTER: True, TAG: False}
    assert histories.holding(url, every, every[TAG], [MASTER, TAG]) == {MASTER: False, TAG: False}
    assert histories.compare(url, every, first, last) == Comparison(1, 0, ("step 1",))


def test_an_old_commit_with_crooked_lines_does_not_keep_a_history_away(
    histories: Histories, project: Project, url: str
) -> None:
    tree = project.tree(FILES)
    crooked = f"tree {tree}\nauthor A <a@b> 1313584730 +051800\ncommitter A<a@b> 01313584730 +051800\n\nold\n".encode()
    old = project.git("hash-object", "-w", "-t", "commit", "--literally", "--stdin", data=crooked)
    tip = project.commit(FILES, old, message="new")
    assert histories.compare(url, heads(project), old, tip) == Comparison(1, 0, ("new",))


# Servers that refuse, move, dawdle or send too much


@pytest.mark.parametrize(
    ("status", "kind"), [(401, Denied), (403, Denied), (404, Denied), (410, Denied), (500, Outage)]
)
def test_a_server_that_refuses_is_denied_and_one_that_fails_an_outage(
    status: int, kind: type[Exception], histories: Histories, server: GitServer, url: str, tmp_path: Path
) -> None:
    server.rules.append(lambda asked: Reply(status))
    with pytest.raises(kind):
        histories.lengthen(url, {MASTER: UNKNOWN}, "1234567")
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_host_that_cannot_be_reached_is_an_outage(tmp_path: Path) -> None:
    with git_server(tmp_path / "served") as gone:
        policy, url = FetchPolicy(origin=gone.origin), gone.url("etcd")
    with Histories(policy, tmp_path / "scratch") as histories, pytest.raises(Outage):
        histories.compare(url, {MASTER: UNKNOWN}, UNKNOWN, "2" * 40)


@pytest.mark.parametrize(
    "url", ["https://example.com/o/r", "file:///etc", "--upload-pack=x", "ssh://git@example.com/r"]
)
def test_an_address_that_the_operator_did_not_allow_is_never_asked(url: str, histories: Histories) -> None:
    with pytest.raises(Denied, match="not on a host"):
        histories.compare(url, {MASTER: UNKNOWN}, UNKNOWN, "2" * 40)


def test_a_repository_without_branches_and_tags_knows_nothing_unasked(
    histories: Histories, server: GitServer, url: str
) -> None:
    assert histories.lengthen(url, {}, "1234567") == ()
    assert histories.holding(url, {"HEAD": UNKNOWN}, UNKNOWN, ["HEAD"]) == {"HEAD": False}
    assert histories.compare(url, {}, UNKNOWN, UNKNOWN) is None
    assert server.asked == []


def test_a_branch_that_was_thrown_away_meanwhile_is_an_outage_that_may_pass(
    histories: Histories, project: Project, url: str
) -> None:
    chain(project, 1)
    with pytest.raises(Outage, match="moved while they were read"):
        histories.lengthen(url, {**heads(project), NEXT: UNKNOWN}, "1234567")
    assert histories.lengthen(url, heads(project), heads(project)[MASTER][:7])


def test_a_redirect_on_the_same_host_is_followed(histories: Histories, project: Project, server: GitServer) -> None:
    first, last = chain(project, 2)

    def elsewhere(asked: Asked) -> Reply | None:
        return (
            Reply(301, headers={"Location": asked.path.replace("/old/", "/etcd.git/")})
            if "/old/" in asked.path
            else None
        )

    server.rules.append(elsewhere)
    every = heads(project)
    assert histories.compare(f"{server.origin}/old", every, first, last) == Comparison(1, 0, ("step 1",))
    asked = len(server.asked)
    assert histories.compare(f"{server.origin}/old", every, first, UNKNOWN) is None
    assert len(server.asked) == asked


def test_a_redirect_to_another_host_is_not_followed(
    histories: Histories, project: Project, server: GitServer, url: str, tmp_path: Path
) -> None:
    chain(project, 1)
    with git_server(tmp_path / "other") as other:
        server.rules.append(lambda asked: Reply(302, headers={"Location": other.origin + asked.path}))
        with pytest.raises(Outage, match="302"):
            histories.lengthen(url, heads(project), "1234567")
        assert other.asked == []


def test_a_server_that_dawdles_is_an_outage_and_leaves_nothing(
    project: Project, server: GitServer, url: str, tmp_path: Path
) -> None:
    chain(project, 1)
    over = threading.Event()
    server.rules.append(lambda asked: Reply(404) if over.wait(60) else None)
    try:
        with Histories(FetchPolicy(origin=server.origin), tmp_path / "scratch", limit=0.5) as histories:
            with pytest.raises(Outage, match=r"longer than 0\.5 seconds"):
                histories.lengthen(url, heads(project), "1234567")
            assert list((tmp_path / "scratch").iterdir()) == []
    finally:
        over.set()


def test_a_server_that_sends_too_much_is_denied_and_leaves_nothing(
    project: Project, server: GitServer, url: str, tmp_path: Path
) -> None:
    project.git("config", "uploadpack.allowFilter", "false")
    commit = project.commit({"large": random.Random(1).randbytes(3 << 20)})
    with Histories(FetchPolicy(origin=server.origin), tmp_path / "scratch", largest=1 << 20) as histories:
        with pytest.raises(Denied, match="larger than 1 MiB"):
            histories.lengthen(url, heads(project), commit[:7])
        assert list((tmp_path / "scratch").iterdir()) == []
        project.git("config", "uploadpack.allowFilter", "true")
        assert histories.lengthen(url, heads(project), commit[:7]) == (commit,)


def test_after_the_end_the_scratch_folder_is_gone(
    project: Project, server: GitServer, url: str, tmp_path: Path
) -> None:
    commit = chain(project, 1)[0]
    with Histories(FetchPolicy(origin=server.origin), tmp_path / "scratch") as histories:
        assert histories.lengthen(url, heads(project), commit[:7]) == (commit,)
        assert (tmp_path / "scratch").is_dir()
    assert not (tmp_path / "scratch").exists()


def test_a_server_of_plain_files_is_read_like_any_other(
    histories: Histories, project: Project, server: GitServer, url: str
) -> None:
    first, last = chain(project, 2)
    fork = project.commit(FILES, last, ref="refs/pull/1/head", message="a fork's")
    project.git("repack", "-a", "-d", "-q")  # one file with all of it, the fork's commit too
    project.git("update-server-info")

    def plain(asked: Asked) -> Reply:
        path = server.root / asked.path.partition("?")[0].strip("/")
        return Reply(200, path.read_bytes()) if path.is_file() else Reply(404)

    server.rules.append(plain)
    every = heads(project)
    assert histories.compare(url, every, first, last) == Comparison(1, 0, ("step 1",))
    assert histories.lengthen(url, every, fork[:9]) == ()
    assert histories.holding(url, every, fork, [MASTER]) == {MASTER: False}
    assert histories.compare(url, every, first, fork) is None
