"""What the API can answer, or not answer, and what becomes of it: Outage, Denied or nothing there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.gh import Hub
from bot.gh.auth import Grant, Tokens
from bot.gh.line import Lines
from bot.outage import Denied, Outage
from tests.gh.scripted import HOME, NOW, Answer, Server


@pytest.fixture(scope="module")
def key() -> str:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.http.shutdown()
    server.thread.join()
    server.http.server_close()


@pytest.fixture
def hub(server: Server, key: str) -> Iterator[Hub]:
    hub = Hub(server.url, 42, key, clock=lambda: NOW, timeout=1)
    yield hub
    hub.close()


PULL = "/repositories/7/pulls/1"
COMMENTS = "/repositories/7/issues/1/comments"


def test_a_read_is_tried_three_times(server: Server, hub: Hub) -> None:
    server.answers["/repositories/7"] = [
        Answer(status=502),
        Answer(status=503),
        Answer({"default_branch": "master", "clone_url": "https://example.com/a.git"}),
    ]
    assert hub.repository(HOME).default_branch() == "master"
    assert server.seen("/repositories/7") == 3


def test_a_write_is_never_repeated(server: Server, hub: Hub) -> None:
    server.answers["/repositories/7/actions/workflows/image.yml/dispatches"] = [Answer(status=502)]
    with pytest.raises(Outage, match=r"could not start image\.yml: GitHub answered 502"):
        hub.builds(HOME, "coreos/scripts").dispatch("image.yml", "main", {})
    assert server.seen("/repositories/7/actions/workflows/image.yml/dispatches") == 1


def test_no_answer_in_time_is_an_outage(server: Server, hub: Hub) -> None:
    server.answers["/repositories/7/pulls"] = [Answer(delay=1.3)]
    with pytest.raises(Outage, match="no answer in time"):
        hub.repository(HOME).open_pull("a", "b", "title", "body")
    assert server.seen("/repositories/7/pulls") == 1


def test_no_connection_is_an_outage(key: str) -> None:
    hub = Hub("http://127.0.0.1:1", 42, key)
    with pytest.raises(Outage, match="no connection"):
        hub.installations()
    hub.close()


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (Answer({"message": "slow down"}, 429), 60),
        (Answer({"message": "slow down"}, 403, {"Retry-After": "7"}), 7),
        (Answer({"message": "slow down"}, 429, {"Retry-After": "Sun, 01 Mar 2026 12:00:09 GMT"}), 9),
        (Answer({"message": "You have exceeded a secondary rate limit. Please wait"}, 403), 60),
        (
            Answer(
                {"message": "API rate limit exceeded for installation ID 3."},
                403,
                {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW.timestamp()) + 100)},
            ),
            101,
        ),
    ],
)
def test_a_rate_limit_is_an_outage_that_says_how_long(server: Server, hub: Hub, answer: Answer, seconds: float) -> None:
    server.answers[PULL] = [answer]
    with pytest.raises(Outage) as caught:
        hub.repository(HOME).pull(1)
    assert caught.value.retry_after == seconds
    assert server.seen(PULL) == 1


@pytest.mark.parametrize("status", [403, 405, 409, 422])
def test_a_refusal_is_not_worth_another_attempt(server: Server, hub: Hub, status: int) -> None:
    server.answers[PULL] = [Answer({"message": "No\x1b[2J", "errors": [{"code": "custom", "message": "why"}]}, status)]
    with pytest.raises(Denied) as caught:
        hub.repository(HOME).pull(1)
    assert caught.value.status == status
    assert caught.value.reason == f"could not read a pull request: GitHub answered {status} (No\\u001b[2J; why)"


def test_what_is_gone_is_none(server: Server, hub: Hub) -> None:
    repository = hub.repository(HOME)
    assert repository.pull(1) is None
    assert repository.comment(5) is None
    assert repository.compare("a" * 40, "b" * 40) is None
    assert repository.commit(None, "abc1234") is None
    assert repository.holds("other/project", "a" * 40, "master") is None
    repository.react(5, "eyes")
    with pytest.raises(Denied):
        repository.role("somebody")


@pytest.mark.parametrize(
    "raw",
    [b"{", b"[]", b"null", b"{}", b"7", b'"x"', b"<html>", b'{"number": "1"}', b'{"number": 1, "head": []}', b"\xff"],
)
def test_a_read_with_an_unreadable_answer_is_an_outage(server: Server, hub: Hub, raw: bytes) -> None:
    server.answers[PULL] = server.answers[COMMENTS] = [Answer(raw=raw)]
    with pytest.raises(Outage):
        hub.repository(HOME).pull(1)


@pytest.mark.parametrize("raw", [b"{", b"{}", b"7", b'"x"', b"<html>", b"[7]", b"[{}]", b'[{"user": 7}]'])
def test_a_list_with_an_unreadable_answer_is_an_outage(server: Server, hub: Hub, raw: bytes) -> None:
    server.answers["/repositories/7/issues/comments"] = [Answer(raw=raw)]
    with pytest.raises(Outage):
        hub.repository(HOME).comments_since(NOW)


def test_a_truncated_answer_is_an_outage(server: Server, hub: Hub) -> None:
    server.answers[PULL] = [Answer(raw=b"{}", length=200)]
    with pytest.raises(Outage):
        hub.repository(HOME).pull(1)


def test_a_redirect_to_another_host_is_not_followed(server: Server, hub: Hub) -> None:
    server.answers[PULL] = [Answer(status=301, headers={"Location": "http://localhost:9/elsewhere"})]
    with pytest.raises(Outage, match="unreadable"):
        hub.repository(HOME).pull(1)


def test_an_unknown_token_is_replaced_once(server: Server, hub: Hub) -> None:
    bad = Answer({"message": "Bad credentials"}, 401)
    server.answers["/repositories/7/collaborators/ada/permission"] = [
        bad,
        Answer({"role_name": "maintain", "permission": "write"}),
        bad,
        bad,
    ]
    repository = hub.repository(HOME)
    assert repository.role("ada") == "maintain"
    with pytest.raises(Denied) as caught:
        repository.role("ada")
    assert caught.value.status == 401
    used = [request.token for request in server.requests if request.path.endswith("permission")]
    assert used == [f"Bearer ghs_canary{n}" for n in (1, 2, 2, 3)]


def test_a_role_is_only_what_github_says_of_that_very_person(server: Server, hub: Hub) -> None:
    path = "/repositories/7/collaborators/ada/permission"
    server.answers[path] = [Answer({"role_name": "release-manager", "permission": "write", "user": {"id": 5}})]
    assert hub.repository(HOME).role("ada", 5) == "write"
    assert hub.repository(HOME).role("ada", 6) == "none"
    server.answers[path] = [Answer({"role_name": "x", "permission": "y"})]
    with pytest.raises(Outage):
        hub.repository(HOME).role("ada")


def test_a_token_is_kept_until_five_minutes_before_its_end(server: Server, key: str) -> None:
    now = [NOW]
    hub = Hub(server.url, 42, key, clock=lambda: now[0], timeout=1)
    assert hub.token(3, (7,), {"contents": "read"}) == "ghs_canary1"
    now[0] = server.clock = NOW + timedelta(minutes=54)
    assert hub.token(3, (7,), {"contents": "read"}) == "ghs_canary1"
    assert hub.token(3, (7,), {"contents": "write"}) == "ghs_canary2"
    now[0] = server.clock = NOW + timedelta(minutes=55)
    assert hub.token(3, (7,), {"contents": "read"}) == "ghs_canary3"
    hub.close()
    assert server.requests[0].body == {"repository_ids": [7], "permissions": {"contents": "read"}}


def test_an_expired_token_is_forgotten_when_another_is_made(server: Server, key: str) -> None:
    now = [NOW]
    lines = Lines(server.url, 1, lambda: now[0])
    tokens = Tokens(lines, 42, key, lambda: now[0])
    first, second = (Grant.on(3, (number,), {"contents": "read"}) for number in (7, 8))
    tokens.get(first)
    now[0] = server.clock = NOW + timedelta(minutes=59)
    tokens.get(second)
    assert tokens.holds(first)
    now[0] = server.clock = NOW + timedelta(hours=1)
    tokens.get(second)
    assert not tokens.holds(first)
    lines.close()


def test_a_token_for_no_repository_in_particular_is_not_made(hub: Hub) -> None:
    with pytest.raises(ValueError, match="reach all"):
        hub.token(3, (), {"contents": "write"})


def test_the_jwt_is_dated_back_a_minute_and_lasts_nine(server: Server, hub: Hub) -> None:
    server.answers["/app/installations"] = [
        Answer([{"id": 3, "suspended_at": None}, {"id": 4, "suspended_at": "2026-01-01T00:00:00Z"}])
    ]
    assert hub.installations() == [3]
    proof = server.requests[0].token.removeprefix("Bearer ")
    claims = jwt.decode(proof, options={"verify_signature": False})
    assert claims == {"iat": NOW.timestamp() - 60, "exp": NOW.timestamp() + 480, "iss": "42"}


@pytest.mark.parametrize("off", [timedelta(days=1), timedelta(days=-1), timedelta(minutes=11)])
def test_a_wrong_clock_of_ours_is_noticed_and_put_right(server: Server, hub: Hub, off: timedelta) -> None:
    assert hub.skew is None
    assert hub.time() == NOW
    server.clock = NOW + off
    server.answers["/app/installations"] = [Answer({"message": "'exp' is too far in the future"}, 401), Answer([])]
    assert hub.installations() == []
    assert hub.skew == off
    assert hub.time() == NOW + off
    sent = [request.token.removeprefix("Bearer ") for request in server.requests]
    issued = [jwt.decode(each, options={"verify_signature": False})["iat"] for each in sent]
    assert issued == [int(NOW.timestamp()) - 60, int((NOW + off).timestamp()) - 60]


def test_clocks_that_differ_by_the_time_of_an_answer_agree(server: Server, hub: Hub) -> None:
    server.clock = NOW - timedelta(seconds=2)
    server.answers["/app/installations"] = [Answer([])]
    hub.installations()
    assert hub.time() == NOW


def test_a_fault_says_nothing_of_our_token(server: Server, hub: Hub) -> None:
    server.answers[PULL] = [
        Answer(status=500),
        Answer({"message": "no"}, 403),
        Answer(raw=b"{"),
        Answer(raw=b"", length=9),
    ]
    repository = hub.repository(HOME)
    for _ in range(4):
        with pytest.raises((Outage, Denied)) as caught:
            repository.pull(1)
        assert "canary" not in "".join(str(part) for part in (caught.getrepr(style="long"), repr(caught.value)))


def test_a_build_repository_has_the_manifests_owner(hub: Hub) -> None:
    for name in ("evil/scripts", "coreos", "/scripts", "coreos/"):
        with pytest.raises(Denied, match="another owner"):
            hub.builds(HOME, name)


@pytest.mark.parametrize("name", ["../app", "coreos/..", "coreos/.", "a/b/c", "coreos/x?y", "coreos/é", "coreos"])
def test_a_projects_name_cannot_lead_to_another_address(server: Server, hub: Hub, name: str) -> None:
    assert hub.repository(HOME).compare("a" * 40, "b" * 40, name) is None
    assert server.requests == []


def test_the_api_is_reached_over_https_or_on_this_machine() -> None:
    for url in ("http://api.github.com", "http://127.0.0.1.example.com", "ftp://127.0.0.1", "api.github.com"):
        with pytest.raises(ValueError, match="https only"):
            Lines(url, 20, lambda: NOW)


def test_threads_never_use_each_others_token(server: Server, hub: Hub) -> None:
    lines = Lines(server.url, 5, lambda: NOW)

    def ask(name: str) -> None:
        for _ in range(20):
            lines.ask("test", name, lambda github: github.requester.requestJsonAndCheck("GET", f"/{name}"))

    names = [f"thread{n}" for n in range(8)]
    server.answers = {f"/{name}": [Answer({})] for name in names}
    threads = [threading.Thread(target=ask, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lines.calls["test"] == 160
    lines.close()
    assert all(request.token == f"Bearer {request.path[1:]}" for request in server.requests)
    assert len(server.requests) == 160
