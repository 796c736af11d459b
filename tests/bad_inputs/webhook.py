"""Bad deliveries from the file, sent to the real receiver: area "webhook".

Each row says in words what to send and what may come back. What its words leave open (which
payload, which replay) is spelled out here by the row's id; everything else is read from the row.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot.settings import BadSettings, Settings
from tests.door import OLD_SECRET, DoorUnderTest, comment_payload, door, environment, sign
from tests.test_receiver import changed, head, pull_payload

STRANGER = "a secret that nobody configured here"
BOT = {"login": "release-bot[bot]", "id": 2, "type": "Bot"}
PAYLOADS: dict[str, dict[str, Any]] = {
    "webh-066": comment_payload(comment=66, repository={"id": 7, "full_name": "CoreOS/Manifest"}),
    "webh-068": changed("comment.user", BOT),
    "webh-069": changed("comment.user", {**BOT, "login": "dependabot[bot]"}),
    "webh-070": changed("comment.performed_via_github_app", {"id": 1}),
    "webh-071": changed("sender", {"login": "evil", "id": 66, "type": "User"}),
    "webh-073": changed("action", "edited"),
    "webh-075": changed("action", None),
    "webh-077": comment_payload(comment=77),
    "webh-078": comment_payload(comment=78, issue={"id": 3, "number": 40, "state": "closed", "locked": True}),
    "webh-079": pull_payload("closed"),
    "webh-080": pull_payload("closed", merged=True, merge_commit_sha="b" * 40),
    "webh-082": pull_payload("closed", merged=True, merge_commit_sha="c" * 40),
}
TAKEN = {200, 202, 204}


def allowed(expected: str) -> set[int]:
    """The statuses that a row's words allow."""
    named = {int(number) for number in re.findall(r"\b[245]\d\d\b", expected)}
    return named | TAKEN if not named or re.search(r"accept|same|no special|by rule", expected) else named


def send(at: DoorUnderTest, row: dict[str, Any]) -> int | None:
    """Send it; the status, or None where the row is about more than one delivery (proven by tests of their own)."""
    given = row["input"]
    for key, way in WAYS.items():
        if key in given:
            return way(at, row["id"], given)
    return None


def by_headers(at: DoorUnderTest, name: str, given: dict[str, Any]) -> int:
    """Headers as the row has them; `<valid>` stands for the right signature."""
    body = json.dumps(comment_payload(comment=int(name[-3:]))).encode()
    if "body_event" in given:
        return at.deliver({**pull_payload("created"), "action": "created"}, headers=given["headers"])
    valid = sign(body).removeprefix("sha256=")
    headers = {header: value if value is None else fill(value, valid) for header, value in given["headers"].items()}
    if "X-Hub-Signature" in headers:
        headers["X-Hub-Signature-256"] = None
    if "\r\n" in "".join(value or "" for value in headers.values()):
        lines = [f"{header}: {value}" for header, value in headers.items()]
        return at.raw(head("Content-Length: 2", f"X-Hub-Signature-256: {sign(b'{}')}", *lines) + b"{}")
    return at.deliver(body, headers=headers)


def fill(value: str, valid: str) -> str:
    """The header with its placeholders filled, in bytes that HTTP can carry."""
    text = value.replace("<valid, upper-case hex>", valid.upper()).replace("<valid>", valid).replace("<bad>", "0" * 64)
    return text.encode().decode("latin-1")


def by_signature(at: DoorUnderTest, name: str, given: dict[str, Any]) -> int:
    """Signed with another secret, or over other bytes."""
    if "previous" in given["sign"]:
        secret = OLD_SECRET if "during" in given["sign"] else STRANGER
        return at.deliver(comment_payload(comment=int(name[-3:])), secret=secret)
    body = json.dumps(comment_payload(), indent=1).encode()
    return at.deliver(body, headers={"X-Hub-Signature-256": sign(json.dumps(json.loads(body)).encode())})


def by_body(at: DoorUnderTest, name: str, given: dict[str, Any]) -> int:
    """A body as it stands, or made by a Python expression of literals."""
    body = given["body"]
    if isinstance(body, dict):
        body = '{"a":' * 50_000 + "1" + "}" * 50_000
    if name == "webh-062":
        return at.deliver(comment_payload("/release help\n\na\0b", comment=62))
    return at.deliver(body.encode())


def by_encoding(at: DoorUnderTest, name: str, given: dict[str, Any]) -> int:
    """A compressed body."""
    return at.deliver(gzip.compress(b"0" * 10_000_000), headers={"Content-Encoding": given["content-encoding"]})


def by_secret(at: DoorUnderTest, name: str, given: dict[str, Any]) -> int:
    """No delivery: the program must refuse to start. 0 where it does."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            Settings.from_env(environment(Path(folder), 1, WEBHOOK_SECRET=given["secret"]))
        except BadSettings:
            return 0
    return 202


def by_payload(at: DoorUnderTest, name: str, given: dict[str, Any]) -> int | None:
    """A payload that is described in words."""
    if name == "webh-064":
        with tempfile.TemporaryDirectory() as folder, door(Path(folder), INSTALLATIONS="9") as narrow:
            return narrow.deliver(comment_payload(installation={"id": 666}))
    event = "pull_request" if "pull_request" in PAYLOADS[name] else "issue_comment"
    return at.deliver(PAYLOADS[name], event=event)


def by_transfer(at: DoorUnderTest, name: str, given: dict[str, Any]) -> int | None:
    """Lengths that contradict each other."""
    if "trickling" in given["transfer"]:
        return None
    return at.raw(head("Content-Length: 2", "Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\n\r\n")


def by_path(at: DoorUnderTest, name: str, given: dict[str, Any]) -> int:
    """A signed ping to another address."""
    lines = ["Content-Length: 2", f"X-Hub-Signature-256: {sign(b'{}')}", "X-GitHub-Event: ping", "X-GitHub-Delivery: 1"]
    return at.raw(head(*lines).replace(b" /webhook ", f" {given['path']} ".encode()) + b"{}")


WAYS: dict[str, Callable[[DoorUnderTest, str, dict[str, Any]], int | None]] = {
    "headers": by_headers,
    "method": lambda at, name, given: at.deliver(comment_payload(), method=given["method"]),
    "sign": by_signature,
    "secret": by_secret,
    "content-encoding": by_encoding,
    "content-type": lambda at, name, given: at.deliver(
        comment_payload(comment=38), headers={"Content-Type": given["content-type"]}
    ),
    "body_bytes": lambda at, name, given: at.raw(head(f"Content-Length: {given['body_bytes']}")),
    "transfer": by_transfer,
    "body": by_body,
    "payload": by_payload,
    "path": by_path,
}


def main(path: str) -> int:
    """Send every row and print those that went wrong; exit status 1 when there are any."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["area"] == "webhook"]
    wrong = elsewhere = 0
    with tempfile.TemporaryDirectory() as folder, door(Path(folder)) as at:
        for row in rows:
            status = send(at, row)
            if status is None:
                elsewhere += 1
            elif status and status not in allowed(row["expected"]):
                wrong += 1
                sys.stdout.write(f"{row['id']}: {status}, expected {row['expected']}\n")
    sys.stdout.write(
        f"webhook rows: {len(rows) - wrong - elsewhere} right, {wrong} wrong, {elsewhere} proven elsewhere\n"
    )
    return 1 if wrong else 0
