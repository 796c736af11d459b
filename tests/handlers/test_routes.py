"""From a payload to what it asks for: each event by itself, without the door around it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from bot.core.hub import RepositoryId
from bot.core.intent import Acknowledge, Answer, AnswerNow, Check, Publish, Reconcile, RunChanged, Withdraw
from handlers import ROUTES
from handlers.events import Foreign, Found, Malformed, check_ids

MANIFEST = RepositoryId(7, 9, "coreos/manifest")
HUBOT = {"login": "hubot", "id": 4, "type": "User"}
BOT = {"login": "release-bot[bot]", "id": 5, "type": "Bot"}
ABOUT: dict[str, Any] = {
    "repository": {"id": 7, "full_name": "coreos/manifest"},
    "installation": {"id": 9},
    "sender": HUBOT,
}
AT = "2013-10-25T12:00:00Z"


def comment(body: str = "/release patch build-115", **changes: Any) -> dict[str, Any]:
    whole = {"id": 5, "user": HUBOT, "body": body, "created_at": AT, "performed_via_github_app": None, **changes}
    return {**ABOUT, "action": "created", "issue": {"number": 40}, "comment": whole}


def pull(action: str, **changes: Any) -> dict[str, Any]:
    head = {"ref": "release-bot/v115.0.1", "sha": "a" * 40, "repo": {"id": 7}}
    whole = {"number": 42, "merged": False, "merge_commit_sha": None, "head": head, "updated_at": AT, **changes}
    return {**ABOUT, "action": action, "pull_request": whole}


def asked(route: str, payload: dict[str, Any]) -> Found:
    found = ROUTES[route](payload)
    assert found is not None
    return found


def test_a_command_is_acknowledged_and_then_answered_in_its_turn() -> None:
    found = asked("issue_comment.created", comment())
    assert found.key == "comment/7/5"
    assert found.intents == (
        Acknowledge(MANIFEST, 5),
        Answer(MANIFEST, 40, False, 5, "hubot", 4, "/release patch build-115", "2013-10-25T12:00:00+00:00"),
    )


def test_a_comment_on_a_pull_request_says_so() -> None:
    payload = comment()
    payload["issue"] = {"number": 42, "pull_request": {"url": "x"}}
    answer = asked("issue_comment.created", payload).intents[1]
    assert isinstance(answer, Answer)
    assert answer.on_pull


@pytest.mark.parametrize("body", ["/release help", "/release pach build-115", "/release patch", "/release"])
def test_what_only_explains_does_not_wait_behind_a_release(body: str) -> None:
    assert isinstance(asked("issue_comment.created", comment(body)).intents[1], AnswerNow)


@pytest.mark.parametrize(
    "changes",
    [
        {"user": BOT},
        {"user": {"login": "admin", "id": 1, "type": "User"}},
        {"performed_via_github_app": {"id": 1}},
        {"body": "thanks"},
        {"body": "/lgtm"},
        {"body": None},
    ],
)
def test_bots_foreign_commands_and_a_sender_who_is_not_the_author_are_nothing_for_us(changes: dict[str, Any]) -> None:
    assert ROUTES["issue_comment.created"](comment(**changes)) is None


def test_a_merge_is_one_happening_however_often_it_is_told() -> None:
    merged = {"merged": True, "merge_commit_sha": "b" * 40}
    first = asked("pull_request.closed", pull("closed", **merged))
    later = asked("pull_request.closed", pull("closed", **merged, updated_at="2013-11-25T12:00:00Z"))
    assert first == later == Found(f"merged/7/42/{'b' * 40}", (Publish(MANIFEST, 42),))


def test_closing_again_is_another_happening() -> None:
    first = asked("pull_request.closed", pull("closed"))
    later = asked("pull_request.closed", pull("closed", updated_at="2013-10-26T12:00:00Z"))
    assert first.intents == later.intents == (Withdraw(MANIFEST, 42),)
    assert first.key != later.key


@pytest.mark.parametrize(
    "head",
    [
        {"ref": "topic", "sha": "a" * 40, "repo": {"id": 7}},
        {"ref": "release-bot/v1.0.0", "sha": "a" * 40, "repo": {"id": 8}},
        {"ref": "release-bot/v1.0.0", "sha": "a" * 40, "repo": None},
    ],
)
def test_forks_and_other_branches_release_nothing_and_are_still_checked(head: dict[str, Any]) -> None:
    assert ROUTES["pull_request.closed"](pull("closed", merged=True, merge_commit_sha="b" * 40, head=head)) is None
    assert asked("pull_request.opened", pull("opened", head=head)).intents == (Check(MANIFEST, 42),)


@pytest.mark.parametrize(
    ("route", "payload", "intents"),
    [
        (
            "check_run.rerequested",
            {"check_run": {"id": 3, "head_sha": "a" * 40, "pull_requests": [{"number": 1}, {"number": 2}]}},
            (Check(MANIFEST, 1), Check(MANIFEST, 2)),
        ),
        ("check_run.rerequested", {"check_run": {"id": 3, "head_sha": "a" * 40, "pull_requests": []}}, None),
        (
            "workflow_run.completed",
            {"workflow_run": {"id": 3, "status": "completed", "updated_at": AT, "run_attempt": 2, "name": None}},
            (RunChanged(MANIFEST, 3),),
        ),
        (
            "workflow_job.completed",
            {"workflow_job": {"id": 1, "run_id": 3, "status": "completed", "name": "vmware", "completed_at": AT}},
            (RunChanged(MANIFEST, 3),),
        ),
        ("push", {"ref": "refs/heads/build-115", "after": "a" * 40}, (Reconcile(MANIFEST),)),
        ("push", {"ref": "refs/tags/v1.0.0", "after": "a" * 40}, (Reconcile(MANIFEST),)),
        ("push", {"ref": "refs/notes/commits", "after": "a" * 40}, None),
        ("push", {"ref": "refs/heads/build-115", "after": "a" * 40, "sender": BOT}, None),
        ("repository.renamed", {"action": "renamed"}, (Reconcile(MANIFEST),)),
        (
            "installation_repositories.added",
            {"repositories_added": [{"id": 7, "full_name": "coreos/manifest"}]},
            (Reconcile(MANIFEST),),
        ),
        ("installation.created", {"repositories": [{"id": 7, "full_name": "coreos/manifest"}]}, (Reconcile(MANIFEST),)),
        ("installation.created", {"repositories": []}, None),
        ("installation.new_permissions_accepted", {}, None),
        (
            "installation.unsuspend",
            {"repositories": [{"id": 7, "full_name": "coreos/manifest"}]},
            (Reconcile(MANIFEST),),
        ),
    ],
)
def test_what_else_github_tells_becomes_a_look_at_how_things_are(
    route: str, payload: dict[str, Any], intents: Any
) -> None:
    found = ROUTES[route]({**ABOUT, **payload})
    assert (found.intents if found else None) == intents


@pytest.mark.parametrize(
    ("route", "payload"),
    [
        ("issue_comment.created", comment(created_at="soon")),
        ("issue_comment.created", comment(created_at="2013-10-25T12:00:00")),
        ("issue_comment.created", comment(user={"login": "a\nb", "id": 4, "type": "User"})),
        ("pull_request.closed", pull("closed", merge_commit_sha=5)),
        ("check_run.rerequested", {**ABOUT, "check_run": {"id": 3, "head_sha": "x", "pull_requests": 5}}),
        ("push", {**ABOUT, "ref": "refs/heads/a\0b", "after": "x"}),
        ("installation.created", {**ABOUT, "repositories": ["x"]}),
        ("repository.renamed", {**ABOUT, "action": "renamed", "repository": {"id": 7, "full_name": "x" * 2000}}),
    ],
)
def test_a_field_that_github_would_not_send_is_malformed(route: str, payload: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        ROUTES[route](payload)


def test_each_time_an_installation_wakes_its_repositories_are_looked_at_again() -> None:
    repositories = [{"id": 7, "full_name": "coreos/manifest"}]
    keys = set()
    for moment in (AT, "2013-10-26T12:00:00Z", 1382788800):
        installation = {**ABOUT["installation"], "updated_at": moment}
        found = ROUTES["installation.unsuspend"]({**ABOUT, "installation": installation, "repositories": repositories})
        keys.add(found.key if found else "")
    assert len(keys) == 3


def test_each_push_is_looked_at_though_it_brings_back_a_commit_that_was_there() -> None:
    a, b = "a" * 40, "b" * 40
    moves = ((a, b, 1382702400), (b, a, 1382702500), (a, b, 1382702600), (a, b, "2013-10-26T12:00:00Z"))
    keys = set()
    for before, after, when in moves:
        where = {**ABOUT["repository"], "pushed_at": when}
        payload = {**ABOUT, "repository": where, "ref": "refs/heads/x", "before": before, "after": after}
        keys.add(asked("push", payload).key)
        assert asked("push", payload).key in keys
    assert len(keys) == 4


def test_a_repository_that_gets_its_old_name_back_is_looked_at_each_time() -> None:
    keys = set()
    for when in (AT, "2013-10-26T12:00:00Z"):
        where = {**ABOUT["repository"], "updated_at": when}
        keys.add(asked("repository.renamed", {**ABOUT, "action": "renamed", "repository": where}).key)
    assert len(keys) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
SHAPES = {
    "issue_comment.created": comment(),
    "pull_request.closed": pull("closed", merged=True, merge_commit_sha="b" * 40),
    "pull_request.edited": pull("edited"),
    "check_run.rerequested": {**ABOUT, "check_run": {"id": 3, "head_sha": "x", "pull_requests": [{"number": 1}]}},
    "workflow_run.completed": {**ABOUT, "workflow_run": {"id": 3, "status": "completed", "updated_at": AT}},
    "workflow_job.completed": {**ABOUT, "workflow_job": {"run_id": 3, "status": "x", "name": "y", "started_at": AT}},
    "push": {**ABOUT, "ref": "refs/heads/x", "after": "y"},
    "installation.created": {**ABOUT, "repositories": [{"id": 7, "full_name": "a/b"}]},
}


@given(st.sampled_from(sorted(SHAPES)), st.data())
def test_one_field_of_any_value_is_understood_foreign_or_malformed_and_never_a_fault(
    route: str, data: st.DataObject
) -> None:
    payload: Any = SHAPES[route]
    path: list[str] = []
    place = payload
    while isinstance(place, dict) and place and (not path or data.draw(st.booleans())):
        path.append(data.draw(st.sampled_from(sorted(place))))
        place = place[path[-1]]
    changed = replaced(payload, path, data.draw(JSON))
    try:
        check_ids(changed)
        ROUTES[route](changed)
    except (Foreign, Malformed):
        pass


def replaced(payload: dict[str, Any], path: list[str], value: Any) -> dict[str, Any]:
    """The payload with the field at this path set to the value."""
    name, *rest = path
    return {**payload, name: replaced(payload[name], rest, value) if rest else value}
