"""Who we are on GitHub, what we are let see, and with which token."""

from __future__ import annotations

import pytest

from bot.core.hub import RepositoryId
from bot.gh import Hub
from bot.gh.hub import READ
from bot.outage import Denied
from tests.gh.world import ALL, HOME, MARK, World


def test_who_we_are_is_asked_once(shared: World) -> None:
    hub = Hub(shared.sandbox.api_url, shared.app.id, shared.app.private_key)
    shared.requests()
    bot = hub.bot()
    assert (bot.app_id, bot.user_id, bot.login) == (shared.app.id, shared.app.bot.id, "release-bot[bot]")
    assert shared.requests() == [
        "GET /app",
        "GET /app/installations",
        "POST /app/installations/<installation_id>/access_tokens",
        "GET /users/<login>",
    ]
    assert hub.bot() == bot
    assert shared.requests() == []
    assert sum(hub.calls.values()) == 4
    hub.close()


def test_installations_and_their_repositories_are_listed(world: World) -> None:
    assert world.hub.installations() == [world.id.installation]
    listed = world.hub.repositories(world.id.installation)
    assert [each.name for each in listed] == [HOME, "coreos/scripts", "coreos/secret"]
    assert listed[0] == world.id


def test_naming_a_repository_asks_nothing(world: World) -> None:
    world.hub.repository(world.id)
    world.hub.builds(world.id, "coreos/scripts")
    assert world.requests() == []


def test_a_repository_tells_its_branch_and_address_in_one_request(world: World) -> None:
    repository = world.repository
    assert repository.default_branch() == "master"
    assert repository.clone_url() == f"{world.sandbox.url}/{HOME}.git"
    assert repository.name() == HOME
    assert world.requests() == ["GET "]


@pytest.mark.parametrize(
    ("login", "role"),
    [("hubot", "admin"), ("maintainer", "maintain"), ("octocat", "write"), ("triager", "triage"), ("reader", "read")],
)
def test_a_role_is_told_as_github_names_it(world: World, login: str, role: str) -> None:
    assert world.repository.role(login, world.sandbox.user(login).id) == role
    assert world.requests() == ["GET /collaborators/<login>/permission"]
    assert world.repository.role(login, 1) == "none"


def test_nobody_has_no_role_but_a_refusal(world: World) -> None:
    with pytest.raises(Denied):
        world.repository.role("nobody/../hubot")


def test_a_token_that_only_reads_cannot_write(world: World) -> None:
    reading = world.hub.repository(world.id, READ)
    issue = world.issue()
    assert reading.find_said(issue, MARK) is None
    with pytest.raises(Denied) as caught:
        reading.say(issue, "hello", MARK)
    assert caught.value.status == 403


def test_a_revoked_token_is_replaced_without_a_word(world: World) -> None:
    world.sandbox.world.tokens.clear()
    assert world.repository.default_branch() == "master"
    assert world.requests() == ["GET ", "POST /app/installations/<installation_id>/access_tokens", "GET "]


def test_a_renamed_repository_is_still_the_same(world: World) -> None:
    issue = world.issue()
    found = world.sandbox.world.repositories[world.id.id]
    found.name = "renamed"
    try:
        assert world.repository.say(issue, "hello", MARK).issue == issue
        assert world.repository.pulls("open") is not None
    finally:
        found.name = "manifest"


def test_a_foreign_key_is_refused(world: World) -> None:
    other = world.sandbox.create_app("other", "http://127.0.0.1:1/", "s", ALL, [])
    hub = Hub(world.sandbox.api_url, world.app.id, other.private_key)
    with pytest.raises(Denied) as caught:
        hub.installations()
    assert caught.value.status == 401
    hub.close()


def test_an_app_that_left_is_refused(world: World) -> None:
    gone = world.hub.repository(RepositoryId(world.id.id, 999999, HOME))
    with pytest.raises(Denied) as caught:
        gone.comment(1)
    assert caught.value.status == 403
    with pytest.raises(Denied):
        gone.commit(None, "a" * 40)
