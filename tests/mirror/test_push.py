"""A push with leases: all or nothing, read back, and each way in which it can fail told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.mirror import Mirrors, RefUpdate
from bot.outage import Denied, Outage
from tests.git_server import FILES, Asked, GitServer, Project, Reply
from tests.mirror.conftest import Opened

MASTER, BUILD, TAG = "refs/heads/master", "refs/heads/build-115", "refs/tags/v115.0.0"
RECEIVE = "git-receive-pack"


@pytest.fixture
def history(project: Project) -> list[str]:
    """Four commits, one upon the other; master is at the first and all are on the server."""
    commits = [project.commit(FILES)]
    for number in range(3):
        commits.append(project.commit({"a": str(number)}, commits[-1], ref="refs/heads/store"))
    return commits


def pushes(server: GitServer) -> list[Asked]:
    return [each for each in server.asked if RECEIVE in each.path and each.method == "POST"]


def test_a_tag_and_a_branch_are_made_in_one_push(
    opened: Opened, server: GitServer, project: Project, history: list[str]
) -> None:
    with opened() as mirror:
        result = mirror.push([RefUpdate(TAG, None, history[1]), RefUpdate(BUILD, None, history[1])])
    assert result.ok
    assert result.now == {TAG: history[1], BUILD: history[1]}
    assert project.refs()[TAG] == project.refs()[BUILD] == history[1]
    assert len(pushes(server)) == 1


def test_a_branch_moves_and_another_goes(opened: Opened, project: Project, history: list[str]) -> None:
    with opened() as mirror:
        updates = [RefUpdate(MASTER, history[0], history[2]), RefUpdate("refs/heads/store", history[3], None)]
        assert mirror.push(updates).ok
    assert project.refs() == {MASTER: history[2]}


def test_a_branch_can_go_back_by_its_lease(opened: Opened, project: Project, history: list[str]) -> None:
    with opened() as mirror:
        assert mirror.push([RefUpdate("refs/heads/store", history[3], history[1])]).ok
    assert project.refs()["refs/heads/store"] == history[1]


def test_a_ref_that_is_there_already_counts_as_done(
    opened: Opened, server: GitServer, project: Project, history: list[str]
) -> None:
    with opened() as mirror:
        updates = [RefUpdate(TAG, None, history[1]), RefUpdate(BUILD, None, history[1])]
        assert mirror.push(updates).ok
        assert mirror.push(updates).ok
        assert mirror.push([*updates, RefUpdate(MASTER, history[0], history[1])]).ok
    assert len(pushes(server)) == 2


def test_half_of_an_earlier_push_is_completed(opened: Opened, project: Project, history: list[str]) -> None:
    project.git("update-ref", TAG, history[1])
    with opened() as mirror:
        assert mirror.push([RefUpdate(TAG, None, history[1]), RefUpdate(BUILD, None, history[1])]).ok
    assert project.refs()[BUILD] == history[1]


@pytest.mark.parametrize("expected", [0, 1, None], ids=["a wrong value", "another wrong value", "none"])
def test_a_lease_on_another_value_moves_nothing(
    expected: int | None, opened: Opened, project: Project, history: list[str]
) -> None:
    with opened() as mirror:
        before = project.refs()
        lease = None if expected is None else history[expected]
        result = mirror.push([RefUpdate("refs/heads/store", lease, history[2]), RefUpdate(TAG, None, history[1])])
    assert not result.ok
    assert result.states == {"refs/heads/store": "other", TAG: "unchanged"}
    assert project.refs() == before


def test_a_ref_that_should_exist_and_does_not_moves_nothing(
    opened: Opened, project: Project, history: list[str]
) -> None:
    with opened() as mirror:
        result = mirror.push([RefUpdate(BUILD, history[0], history[1]), RefUpdate(MASTER, history[0], history[1])])
    assert result.states == {BUILD: "other", MASTER: "unchanged"}
    assert BUILD not in project.refs()


def test_a_ref_that_moves_while_the_push_is_under_way_stops_all_of_it(
    opened: Opened, project: Project, history: list[str]
) -> None:
    project.hook("pre-receive", f"unset GIT_QUARANTINE_PATH; git update-ref {MASTER} {history[3]}")
    with opened() as mirror:
        result = mirror.push([RefUpdate(MASTER, history[0], history[1]), RefUpdate(TAG, None, history[1])])
    assert not result.ok
    assert result.states == {MASTER: "other", TAG: "unchanged"}
    assert project.refs()[MASTER] == history[3]
    assert TAG not in project.refs()


def test_a_ref_that_moves_right_after_the_push_is_not_called_done(
    opened: Opened, project: Project, history: list[str]
) -> None:
    project.hook("post-receive", f"git update-ref {MASTER} {history[3]}")
    with opened() as mirror:
        result = mirror.push([RefUpdate(MASTER, history[0], history[1])])
    assert not result.ok
    assert result.states == {MASTER: "other"}
    assert result.now == {MASTER: history[3]}


def test_a_protected_ref_is_denied_in_the_servers_words_made_harmless(
    opened: Opened, project: Project, history: list[str]
) -> None:
    project.hook(
        "pre-receive",
        "printf 'error: GH006: Protected \\033[31mbranch update failed for refs/heads/master.\\n' >&2\n"
        "echo 'see https://github.com/o/r/rules?token=x' >&2; exit 1",
    )
    with opened() as mirror, pytest.raises(Denied) as refusal:
        mirror.push([RefUpdate(MASTER, history[0], history[1])])
    assert refusal.value.reason == (
        "the server refused the push: pre-receive hook declined "
        "GH006: Protected [31mbranch update failed for refs/heads/master. see"
    )
    assert project.refs()[MASTER] == history[0]


def test_one_forbidden_ref_holds_back_the_others(opened: Opened, project: Project, history: list[str]) -> None:
    project.git("config", "receive.denyDeletes", "true")
    with opened() as mirror, pytest.raises(Denied, match="deletion prohibited"):
        mirror.push([RefUpdate(MASTER, history[0], history[1]), RefUpdate("refs/heads/store", history[3], None)])
    assert project.refs() == {MASTER: history[0], "refs/heads/store": history[3]}


def test_a_lock_left_by_a_server_that_died_is_an_outage(opened: Opened, project: Project, history: list[str]) -> None:
    (project.path / "refs" / "heads" / "master.lock").touch()
    with opened() as mirror, pytest.raises(Outage):
        mirror.push([RefUpdate(MASTER, history[0], history[1])])
    with opened() as mirror:
        (project.path / "refs" / "heads" / "master.lock").unlink()
        assert mirror.push([RefUpdate(MASTER, history[0], history[1])]).ok


def test_an_answer_that_is_lost_after_the_effect_is_read_back_as_done(
    opened: Opened, server: GitServer, project: Project, history: list[str]
) -> None:
    def lose(asked: Asked) -> Reply | None:
        if asked.method == "POST" and RECEIVE in asked.path:
            project.git("update-ref", MASTER, history[1])
            return Reply(502)
        return None

    server.rules.append(lose)
    with opened() as mirror:
        assert mirror.push([RefUpdate(MASTER, history[0], history[1])]).ok


def test_half_a_push_by_a_server_that_died_is_an_outage_and_the_same_push_completes_it(
    opened: Opened, server: GitServer, project: Project, history: list[str]
) -> None:
    def die(asked: Asked) -> Reply | None:
        if asked.method == "POST" and RECEIVE in asked.path:
            project.git("update-ref", TAG, history[1])
            server.rules.clear()
            return Reply(502)
        return None

    server.rules.append(die)
    updates = [RefUpdate(TAG, None, history[1]), RefUpdate(MASTER, history[0], history[1])]
    with opened() as mirror:
        with pytest.raises(Outage, match="answered 502"):
            mirror.push(updates)
        assert mirror.push(updates).ok


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_that_breaks_before_the_effect_is_an_outage(
    status: int, opened: Opened, server: GitServer, project: Project, history: list[str]
) -> None:
    server.rules.append(lambda asked: Reply(status) if RECEIVE in asked.path else None)
    with opened() as mirror, pytest.raises(Outage, match=f"answered {status}"):
        mirror.push([RefUpdate(MASTER, history[0], history[1])])


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_may_not_push_is_denied_with_the_status(
    status: int, opened: Opened, server: GitServer, history: list[str]
) -> None:
    headers = {"WWW-Authenticate": "Basic"} if status == 401 else {}
    server.rules.append(lambda asked: Reply(status, headers=headers) if RECEIVE in asked.path else None)
    with opened() as mirror, pytest.raises(Denied) as refusal:
        mirror.push([RefUpdate(MASTER, history[0], history[1])])
    assert refusal.value.status == status


def test_a_push_that_is_forbidden_after_it_was_let_begin_is_an_outage(
    opened: Opened, server: GitServer, history: list[str]
) -> None:
    server.rules.append(lambda asked: Reply(403) if asked.path.endswith(f"/{RECEIVE}") else None)
    with opened() as mirror, pytest.raises(Outage, match="answered 403"):
        mirror.push([RefUpdate(MASTER, history[0], history[1])])


def test_a_push_whose_end_nobody_can_read_back_is_an_outage(
    opened: Opened, server: GitServer, history: list[str]
) -> None:
    with opened() as mirror:
        server.rules.append(lambda asked: Reply(503) if "upload-pack" in asked.path else None)
        with pytest.raises(Outage, match="what became of the push is unknown"):
            mirror.push([RefUpdate(MASTER, history[0], history[1])])


def test_a_push_that_hangs_is_ended_and_read_back(
    opened: Opened, server: GitServer, project: Project, history: list[str], tmp_path: Path
) -> None:
    with opened():
        project.hook("post-receive", "sleep 6")
    impatient = Mirrors(tmp_path / "mirrors", allow_http=True, limit=2.0)
    with impatient.open(7, server.url("manifest"), None) as mirror:
        assert mirror.push([RefUpdate(MASTER, history[0], history[1])]).ok


def test_a_push_of_objects_that_only_the_mirror_has_brings_them(
    opened: Opened, project: Project, history: list[str]
) -> None:
    payload = f"object {history[0]}\ntype commit\ntag v1\ntagger a <a@b> 1 +0000\n\nx\n".encode()
    with opened() as mirror:
        made = mirror.write("tag", payload)
        assert mirror.push([RefUpdate("refs/tags/v1", None, made)]).ok
    assert project.git("cat-file", "tag", made) + "\n" == payload.decode()


@pytest.mark.parametrize("name", ["a:b", "refs/heads/a:refs/heads/b", "+refs/heads/a", "refs/heads/*", "--force", ""])
def test_a_name_that_is_no_ref_never_reaches_git(
    name: str, opened: Opened, server: GitServer, history: list[str]
) -> None:
    with opened() as mirror, pytest.raises(ValueError, match="no ref name"):
        mirror.push([RefUpdate(name, None, history[0])])
    assert not pushes(server)


def test_who_was_first_with_a_tag_stays_the_winner_twenty_times(
    opened: Opened, project: Project, history: list[str]
) -> None:
    with opened() as mirror:
        for number in range(20):
            ref = f"refs/tags/v{number}"
            if number % 2:
                project.git("update-ref", ref, history[2])
            result = mirror.push([RefUpdate(ref, None, history[1])])
            assert result.ok is not bool(number % 2)
            assert result.now[ref] == project.refs()[ref]
