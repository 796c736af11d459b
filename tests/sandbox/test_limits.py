"""What GitHub takes away: requests that are too many, suspended and removed installations, archived repositories."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3

from sandbox.api import Route
from sandbox.person import Denied
from sandbox.server import ROUTES
from tests.sandbox.play import MANIFEST, RIGHTS, Play
from tests.sandbox.test_git import Clone

ROOT = f"/repos/{MANIFEST}"


def answer(play: Play, method: str, path: str, token: str, body: bytes = b"") -> urllib3.BaseHTTPResponse:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return play.pool.request(method, play.github.api_url + path, headers=headers, body=body, retries=False)


def said(got: urllib3.BaseHTTPResponse) -> tuple[int, str]:
    return got.status, got.json()["message"]


# Rates


def test_the_hourly_limit_refuses_what_is_too_much_until_the_hour_is_over(play: Play) -> None:
    token = play.token()
    play.github.limits.most = 3
    assert [answer(play, "GET", ROOT, token).status for _ in range(3)] == [200] * 3
    refused = answer(play, "GET", ROOT, token)
    assert said(refused) == (403, f"API rate limit exceeded for installation ID {play.installation}.")
    assert (refused.headers["X-RateLimit-Remaining"], refused.headers["X-RateLimit-Limit"]) == ("0", "3")
    assert answer(play, "GET", "/rate_limit", token).json()["rate"]["remaining"] == 0
    assert answer(play, "GET", ROOT, play.github.user("octocat").token).status == 200  # each has a limit of their own
    reset = datetime.fromtimestamp(int(refused.headers["X-RateLimit-Reset"]), UTC)
    play.clock.time = reset - timedelta(seconds=1)
    assert answer(play, "GET", ROOT, token).status == 403
    play.clock.time = reset + timedelta(seconds=1)
    assert answer(play, "GET", ROOT, play.token()).status == 200


def test_a_limit_may_be_told_as_429(play: Play) -> None:
    play.github.limits.most, play.github.limits.status = 0, 429
    assert answer(play, "GET", ROOT, play.github.user("octocat").token).status == 429


@pytest.mark.parametrize(("attribute", "most", "wait"), [("content_per_minute", 2, 60), ("content_per_hour", 2, 3600)])
def test_who_writes_too_much_is_told_how_long_to_wait(play: Play, attribute: str, most: int, wait: int) -> None:
    setattr(play.github.limits, attribute, most)
    token = play.github.user("octocat").token
    path, body = f"{ROOT}/issues", b'{"title": "a release"}'
    assert [answer(play, "POST", path, token, body).status for _ in range(most)] == [201] * most
    refused = answer(play, "POST", path, token, body)
    assert refused.status == 403
    assert refused.json()["message"].startswith("You have exceeded a secondary rate limit.")
    assert (refused.headers["Retry-After"], refused.headers["X-RateLimit-Remaining"] != "0") == (str(wait), True)
    assert answer(play, "GET", path, token).status == 200
    assert len(play.person("mallory").ask("GET", path)) == most
    play.clock.forward(wait - 1)
    assert answer(play, "POST", path, token, body).headers["Retry-After"] == "1"
    play.clock.forward(1)
    assert answer(play, "POST", path, token, body).status == 201


def test_lifted_limits_refuse_nothing(play: Play) -> None:
    play.github.limits.most = play.github.limits.content_per_minute = 0
    play.github.limits.lift()
    assert answer(play, "POST", f"{ROOT}/issues", play.token(), b'{"title": "a release"}').status == 201


# Installations


def test_a_suspended_installation_is_refused_everywhere_and_told_of_nothing(play: Play, tmp_path: Path) -> None:
    token, path = play.token(), f"/app/installations/{play.installation}"
    clone = Clone(play, tmp_path / "a", token)
    play.github.suspend(play.installation)
    told = (403, "This installation has been suspended")
    assert said(answer(play, "GET", ROOT, token)) == told
    assert said(answer(play, "POST", f"{path}/access_tokens", play.jwt())) == told
    assert "403" in clone.git("push", "origin", "HEAD:refs/heads/x").stderr
    assert play.ask("GET", path, play.jwt())[1]["suspended_at"] == play.clock.ago(0)
    play.person("octocat").open_issue(MANIFEST, "unheard")
    play.person("octocat").comment(MANIFEST, 1, "unheard")
    play.github.unsuspend(play.installation)
    assert answer(play, "GET", ROOT, token).status == 200
    assert play.ask("GET", path, play.jwt())[1]["suspended_at"] is None
    play.person("octocat").comment(MANIFEST, 1, "heard")
    assert [each["comment"]["body"] for each in play.heard("issue_comment")] == ["heard"]
    assert [each["action"] for each in play.heard("installation")] == ["created", "suspend", "unsuspend"]


def test_a_removed_installation_is_gone_with_its_tokens(play: Play, tmp_path: Path) -> None:
    token, path = play.token(), f"/app/installations/{play.installation}"
    clone = Clone(play, tmp_path / "a", token)
    play.github.uninstall(play.installation)
    assert said(answer(play, "GET", ROOT, token)) == (401, "Bad credentials")
    for method, address in (("GET", path), ("POST", f"{path}/access_tokens"), ("GET", f"{ROOT}/installation")):
        assert answer(play, method, address, play.jwt()).status == 404
    assert "Authentication failed" in clone.git("push", "origin", "HEAD:refs/heads/x").stderr
    assert play.heard("installation")[-1]["action"] == "deleted"


def test_a_token_has_no_more_than_its_installation_was_granted(play: Play) -> None:
    path, wanted = f"/app/installations/{play.installation}/access_tokens", {"permissions": {"contents": "write"}}
    token = play.token(**wanted)
    body = {"ref": "refs/heads/x", "sha": play.github.refs(MANIFEST)["refs/heads/master"]}
    play.github.grant(play.installation, {"contents": "read"})
    refused = (403, "Resource not accessible by integration")
    status, answered = play.ask("POST", f"{ROOT}/git/refs", token, body)
    assert (status, answered["message"]) == refused
    status, answered = play.ask("POST", path, play.jwt(), wanted)
    assert (status, answered["message"]) == (422, "The permissions requested are not granted to this installation.")
    assert play.ask("POST", path, play.jwt(), {})[1]["permissions"] == {"contents": "read", "metadata": "read"}
    assert (
        play.ask("GET", f"/app/installations/{play.installation}", play.jwt())[1]["permissions"]["contents"] == "read"
    )
    play.github.accept_permissions(play.installation)
    assert play.ask("POST", path, play.jwt(), wanted)[0] == 201
    assert play.heard("installation")[-1]["action"] == "new_permissions_accepted"


def test_on_plain_issues_only_the_permission_for_issues_speaks(play: Play) -> None:
    play.topic("topic")
    issue = play.person("octocat").open_issue(MANIFEST, "a release")
    pull = play.person("octocat").open_pull(MANIFEST, "topic", "build-115", "a note")
    for permission, spoken in {"issues": [201, 201], "pull_requests": [403, 201]}.items():
        token = play.token(permissions={permission: "write"})
        paths = [f"{ROOT}/issues/{number}/comments" for number in (issue, pull)]
        assert [play.ask("POST", path, token, {"body": "x"})[0] for path in paths] == spoken, permission


def addresses() -> list[tuple[Route, str]]:
    """Each route of a repository with an address; what its parts name need not be there."""
    return [
        (route, re.sub(r"<int:[^>]*>", "1", re.sub(r"<(path:)?[a-z]+>", "x", route.path)))
        for route in ROUTES
        if ":" in route.needs
    ]


def test_every_route_is_closed_to_tokens_without_its_right_and_of_other_repositories(play: Play) -> None:
    play.github.limits.lift()
    hidden = play.github.create_repository("coreos/hidden", private=True)
    play.github.add_repositories(play.installation, ["coreos/hidden"])
    elsewhere = play.token(repository_ids=[play.seeded.manifest.id])
    for route, path in addresses():
        permissions, level = route.needs.split(":")
        others = {name: held for name, held in RIGHTS.items() if name not in permissions.split("|")}
        weaker = {**others, **(dict.fromkeys(permissions.split("|"), "read") if level == "write" else {})}
        found = path.replace("{repo}", "coreos/hidden")
        if permissions != "metadata":
            narrow = play.token(repository_ids=[hidden.id], permissions=weaker)
            status, answered = play.ask(route.method, found, narrow)
            assert (status, answered["message"]) == (403, "Resource not accessible by integration"), route.name
        assert play.ask(route.method, found, elsewhere)[0] == 404, route.name
        by_number = path.replace("/repos/{repo}", f"/repositories/{hidden.id}")
        assert play.ask(route.method, by_number, elsewhere)[0] == 404, route.name
        for token in (play.jwt(), play.github.user("mallory").token):
            assert play.ask(route.method, found, token)[0] in (401, 404), route.name


def test_every_route_that_writes_is_closed_where_a_repository_is_archived(play: Play) -> None:
    play.github.limits.lift()
    play.github.archive(MANIFEST, "hubot")
    token = play.token()
    for route, path in addresses():
        if route.needs.endswith(":write"):
            status, answered = play.ask(route.method, path.replace("{repo}", MANIFEST), token)
            assert (status, answered["message"]) == (403, "Repository was archived so is read-only."), route.name


# Repositories and conversations


def test_a_transferred_repository_is_lost_to_the_installation_and_redirects(play: Play) -> None:
    play.github.create_organization("elsewhere")
    number, token = play.seeded.manifest.id, play.token()
    play.github.transfer_repository(MANIFEST, "elsewhere", "octocat")
    assert play.person("octocat").ask("GET", ROOT)["full_name"] == "elsewhere/manifest"
    assert answer(play, "GET", f"/repositories/{number}/issues/1", token).status == 404
    assert answer(play, "POST", f"/repositories/{number}/issues", token, b'{"title": "x"}').status == 404
    narrow = {"repository_ids": [number]}
    assert play.ask("POST", f"/app/installations/{play.installation}/access_tokens", play.jwt(), narrow)[0] == 422
    (told,) = play.heard("installation_repositories")
    assert [each["full_name"] for each in told["repositories_removed"]] == [MANIFEST]
    assert play.heard("repository") == []


def test_an_archived_repository_is_read_only(play: Play, tmp_path: Path) -> None:
    play.github.archive(MANIFEST, "hubot")
    token = play.token()
    read_only = "Repository was archived so is read-only."
    asked: list[tuple[str, str, Any]] = [
        ("POST", "/issues", {"title": "a release"}),
        ("POST", "/git/refs", {"ref": "refs/heads/x", "sha": play.github.refs(MANIFEST)["refs/heads/master"]}),
        ("POST", "/check-runs", {"name": "x", "head_sha": play.github.refs(MANIFEST)["refs/heads/master"]}),
    ]
    for method, path, body in asked:
        status, answered = play.ask(method, ROOT + path, token, body)
        assert (status, answered["message"]) == (403, read_only), path
    assert play.ask("GET", ROOT, token)[1]["archived"] is True
    clone = Clone(play, tmp_path / "a", token)
    assert clone.made.returncode == 0
    assert "403" in clone.git("push", "origin", "HEAD:refs/heads/x").stderr
    play.github.unarchive(MANIFEST, "hubot")
    assert clone.git("push", "origin", "HEAD:refs/heads/x").returncode == 0
    assert [each["action"] for each in play.heard("repository")] == ["archived", "unarchived"]


def test_a_locked_conversation_is_for_people_who_may_write(play: Play) -> None:
    number = play.person("octocat").open_issue(MANIFEST, "a release")
    play.github.lock_issue(MANIFEST, number)
    path = f"{ROOT}/issues/{number}/comments"
    status, answered = play.ask("POST", path, play.token(), {"body": "x"})
    assert (status, answered["message"]) == (403, "Unable to create comment because issue is locked.")
    with pytest.raises(Denied, match="locked"):
        play.person("mallory").comment(MANIFEST, number, "x")
    play.person("octocat").comment(MANIFEST, number, "x")
    assert play.ask("GET", f"{ROOT}/issues/{number}", play.token())[1]["locked"] is True
    play.github.unlock_issue(MANIFEST, number)
    assert play.ask("POST", path, play.token(), {"body": "x"})[0] == 201
