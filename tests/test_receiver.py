"""The door: who is let in, what is stored, what each kind of bad delivery is answered."""

from __future__ import annotations

import gzip
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.door import OLD_SECRET, DoorUnderTest, comment_payload, door, sign
from tests.stage import SECRET

COMMAND = json.dumps(comment_payload()).encode()
REQUESTS = int(os.environ.get("DOOR_REQUESTS", "300"))
NOT_USED = "a secret that nobody configured here"


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DoorUnderTest]:
    with door(tmp_path_factory.mktemp("door")) as made:
        yield made


def test_a_command_is_stored_with_its_work_before_the_answer(at: DoorUnderTest) -> None:
    queued = at.queued()
    assert at.deliver(comment_payload(comment=100)) == 202
    key, intents = at.stored()[-1]
    assert key == "comment/7/100"
    assert [intent["kind"] for intent in json.loads(intents)] == ["Acknowledge", "Answer"]
    assert at.queued() == queued + 2


def test_the_same_comment_under_another_guid_adds_nothing(at: DoorUnderTest) -> None:
    assert at.deliver(comment_payload(comment=101)) == 202
    stored = at.stored()
    assert at.deliver(comment_payload(comment=101)) == 202
    assert at.stored() == stored


def test_a_repository_is_known_by_its_id_however_its_name_is_written(at: DoorUnderTest) -> None:
    other_case = {"id": 7, "full_name": "CoreOS/Manifest"}
    assert at.deliver(comment_payload(comment=105)) == 202
    stored = at.stored()
    assert at.deliver(comment_payload(comment=105, repository=other_case)) == 202
    assert at.stored() == stored


def test_a_nul_in_a_comment_is_stored_where_no_database_chokes_on_it(at: DoorUnderTest) -> None:
    assert at.deliver(comment_payload("/release patch build-115\0", comment=106)) == 202
    assert "\0" not in at.stored()[-1][1]
    assert json.loads(at.stored()[-1][1])[-1]["body"].endswith("\0")


def test_a_signature_of_sixty_kilobytes_is_refused_with_the_headers(at: DoorUnderTest) -> None:
    assert at.deliver(COMMAND, headers={"X-Hub-Signature-256": "sha256=" + "a" * 60_000}) == 431


def test_of_two_bodies_under_one_guid_the_first_stands(at: DoorUnderTest) -> None:
    guid = {"X-GitHub-Delivery": "0d1a26e6-7a1c-4e8a-9d0f-000000000033"}
    assert at.deliver(comment_payload(comment=102), headers=guid) == 202
    stored = at.stored()
    assert at.deliver(comment_payload(comment=103), headers=guid) == 202
    assert at.stored() == stored


def test_a_ping_is_answered_after_its_signature_was_checked(at: DoorUnderTest) -> None:
    assert at.deliver({"zen": "x"}, event="ping") == 200
    assert at.deliver({"zen": "x"}, event="ping", secret=NOT_USED) == 403


def test_the_secret_before_is_accepted_while_it_is_configured(at: DoorUnderTest) -> None:
    assert at.deliver(comment_payload(comment=104), secret=OLD_SECRET) == 202


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_post_is_taken(at: DoorUnderTest, method: str) -> None:
    assert at.deliver(comment_payload(), method=method) == 405


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "sha256",
        "sha256=",
        "sha1=" + "0" * 40,
        sign(COMMAND).upper().replace("SHA256", "sha256"),
        sign(COMMAND) + ",sha256=" + "0" * 64,
        "sha256=" + "a" * 1000,
        "sha256=\u00e9\u00e9".encode().decode("latin-1"),
        sign(COMMAND, NOT_USED),
        sign(json.dumps(json.loads(COMMAND), indent=1).encode()),
        sign(COMMAND)[:-1],
    ],
)
def test_without_a_valid_signature_nothing_is_read(at: DoorUnderTest, signature: str | None) -> None:
    headers = {"X-Hub-Signature-256": signature, "X-Hub-Signature": "sha1=" + "0" * 40}
    assert at.deliver(COMMAND, headers=headers) == 403
    assert at.deliver(b"{", headers=headers) == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-GitHub-Delivery": None}, 400),
        ({"X-GitHub-Delivery": ""}, 400),
        ({"X-GitHub-Delivery": "a b"}, 400),
        ({"X-GitHub-Event": None}, 400),
        ({"X-GitHub-Event": "x' OR 1=1--"}, 400),
        ({"X-GitHub-Event": "new_event_2030"}, 204),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": None}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "application/json; charset=utf-16"}, 415),
        ({"Content-Type": "application/json; charset=UTF-8"}, 202),
        ({"Content-Encoding": "gzip"}, 415),
    ],
)
def test_headers_are_held_to_what_github_sends(at: DoorUnderTest, headers: dict[str, str | None], status: int) -> None:
    assert at.deliver(COMMAND, headers=headers) == status


def test_a_compressed_bomb_is_not_inflated(at: DoorUnderTest) -> None:
    assert at.deliver(gzip.compress(b"0" * 10_000_000), headers={"Content-Encoding": "gzip"}) == 415


BAD_JSON = {
    "empty": b"",
    "list": b"[]",
    "string": b'"x"',
    "open": b"{",
    "deep": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "nan": b'{"comment":{"id":NaN}}',
    "infinity": b'{"a":-Infinity}',
    "text id": b'{"comment":{"id":"1"}}',
    "real id": b'{"comment":{"id":1.0}}',
    "negative id": b'{"comment":{"id":-1}}',
    "zero id": b'{"repository":{"id":0}}',
    "endless id": b'{"comment":{"id":' + b"9" * 5000 + b"}}",
    "huge id": b'{"comment":{"id":99999999999999999999}}',
    "true id": b'{"comment":{"id":true}}',
    "twice": b'{"sender":{"login":"admin","login":"evil"}}',
    "half pair": b'{"a":"\\ud800"}',
    "latin-1": b'{"a":"\xe9"}',
    "bom": b'\xef\xbb\xbf{"a":1}',
    "trailing": b"{} {}",
}


@pytest.mark.parametrize("body", BAD_JSON.values(), ids=BAD_JSON)
def test_json_that_github_never_sends_is_refused(at: DoorUnderTest, body: bytes) -> None:
    began = time.monotonic()
    assert at.deliver(body) == 400
    assert time.monotonic() - began < 5


def changed(path: str, value: Any) -> dict[str, Any]:
    """A comment's payload with one field, `a.b`, set to this value; None takes it away."""
    payload = json.loads(COMMAND)
    *parents, last = path.split(".")
    place = payload
    for name in parents:
        place = place[name]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return dict(payload)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("action", "edited"),
        ("action", "deleted"),
        ("action", None),
        ("repository", None),
        ("installation", None),
        ("comment", None),
        ("comment.body", "thanks!"),
        ("comment.body", "> /release patch build-115"),
        ("comment.body", "```\n/release patch build-115\n```"),
        ("comment.body", "a\0b"),
        ("comment.user", {"login": "release-bot[bot]", "id": 2, "type": "Bot"}),
        ("comment.performed_via_github_app", {"id": 1}),
        ("sender", {"login": "evil", "id": 66, "type": "User"}),
        ("issue", None),
    ],
)
def test_what_is_no_command_of_a_person_is_nothing_for_us(at: DoorUnderTest, path: str, value: Any) -> None:
    stored = at.stored()
    assert at.deliver(changed(path, value)) == 204
    assert at.stored() == stored


@pytest.mark.parametrize(
    ("path", "value"), [("comment.body", 5), ("comment", "x"), ("issue.number", "40"), ("repository.full_name", [])]
)
def test_a_field_of_a_type_that_github_never_sends_is_refused(at: DoorUnderTest, path: str, value: Any) -> None:
    assert at.deliver(changed(path, value)) == 400


def test_a_payload_of_another_event_than_its_header_says_is_nothing_for_us(at: DoorUnderTest) -> None:
    pull = {"action": "created", "pull_request": {"number": 1}, "repository": {"id": 7, "full_name": "a/b"}}
    assert at.deliver({**pull, "installation": {"id": 9}}) == 204


def test_a_mistake_and_help_do_not_wait_behind_releases(at: DoorUnderTest) -> None:
    for number, body in enumerate(("/release pach build-115", "/release help"), start=200):
        assert at.deliver(comment_payload(body, comment=number)) == 202
        assert json.loads(at.stored()[-1][1])[-1]["kind"] == "AnswerNow"


def pull_payload(action: str, head: str = "release-bot/v115.0.1", repo: int = 7, **changes: Any) -> dict[str, Any]:
    pull = {
        "id": 1,
        "number": 42,
        "merged": False,
        "merge_commit_sha": None,
        "head": {"ref": head, "sha": "a" * 40, "repo": {"id": repo}},
        "updated_at": "2013-10-25T12:00:00Z",
        **changes,
    }
    about = {"repository": {"id": 7, "full_name": "coreos/manifest"}, "installation": {"id": 9}}
    return {"action": action, "pull_request": pull, "sender": {"login": "hubot", "id": 4, "type": "User"}, **about}


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (pull_payload("closed", merged=True, merge_commit_sha="b" * 40), "Publish"),
        (pull_payload("closed"), "Withdraw"),
        (pull_payload("synchronize"), "Check"),
        (pull_payload("opened", head="topic"), "Check"),
    ],
)
def test_a_changed_pull_request_becomes_one_look_at_it(at: DoorUnderTest, payload: Any, kind: str) -> None:
    assert at.deliver(payload, event="pull_request") == 202
    assert [intent["kind"] for intent in json.loads(at.stored()[-1][1])] == [kind]


@pytest.mark.parametrize("payload", [pull_payload("closed", head="topic"), pull_payload("closed", repo=8)])
def test_a_closed_pull_request_that_is_no_release_is_nothing_for_us(at: DoorUnderTest, payload: Any) -> None:
    assert at.deliver(payload, event="pull_request") == 204


def head(*lines: str) -> bytes:
    return "\r\n".join(["POST /webhook HTTP/1.1", "Host: x", "Content-Type: application/json", *lines, "", ""]).encode()


@pytest.mark.parametrize(
    ("data", "statuses"),
    [
        (head(), {411}),
        (head("Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\n\r\n", {411}),
        (head("Content-Length: 2", "Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\n\r\n", {400, 411}),
        (head("Content-Length: 2", "Content-Length: 3") + b"{}", {400}),
        (head("Content-Length: -1"), {400}),
        (head("Content-Length: 0x2") + b"{}", {400}),
        (head("Content-Length: 6000000") + b"{}", {413}),
        (head("Content-Length: 50", f"X-Hub-Signature-256: {sign(b'{}')}") + b"{}", {0, 400, 403}),
        (head("Content-Length: 2", f"X_Hub_Signature_256: {sign(b'{}')}", "X-GitHub-Event: ping") + b"{}", {400, 403}),
        (head("Content-Length: 2", "X-GitHub-Delivery: a\r\n Set-Cookie: x") + b"{}", {400, 403}),
        (b"POST //webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", {308, 404, 415}),
        (b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", {404, 405}),
        (b"\x16\x03\x01\x00\xa5", {0, 400}),
        (b"GET " + b"/" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {0, 400, 414}),
        (head(*[f"X-{n}: y" for n in range(200)]), {0, 400, 431}),
    ],
)
def test_bytes_that_no_browser_sends_are_refused_and_never_a_fault(
    at: DoorUnderTest, data: bytes, statuses: set[int]
) -> None:
    assert at.raw(data) in statuses
    assert at.deliver({"zen": "x"}, event="ping") == 200


def test_a_body_over_five_mebibytes_is_refused_unread(at: DoorUnderTest) -> None:
    assert at.raw(head("Content-Length: 26214401")) == 413


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)
FIELDS = ("action", "issue", "comment", "repository", "installation", "sender", "pull_request", "workflow_run", "ref")


@settings(max_examples=REQUESTS, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    event=st.sampled_from(["issue_comment", "pull_request", "push", "check_run", "workflow_run", "installation"]),
    body=st.binary(max_size=60) | st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6),
    signed=st.booleans(),
    action=st.sampled_from(["created", "closed", "opened", "completed", "rerequested", None]),
)
def test_no_delivery_whatsoever_is_a_fault(
    at: DoorUnderTest, event: str, body: Any, signed: bool, action: str | None
) -> None:
    if isinstance(body, dict) and action:
        body = {**body, "action": action}
    status = at.deliver(body, event=event, secret=SECRET if signed else NOT_USED)
    assert status in ({200, 202, 204, 400} if signed else {403})


def test_a_foreign_installation_is_nothing_for_us(tmp_path: Path) -> None:
    with door(tmp_path, INSTALLATIONS="9") as narrow:
        assert narrow.deliver(comment_payload(installation={"id": 666})) == 204
        assert narrow.deliver(comment_payload()) == 202
