"""The stand-in GitHub speaks as GitHub does, wherever GitHub's description is at hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.server import ROUTES
from tests.fidelity.judge import Judge
from tests.fidelity.report import judge
from tests.fidelity.schemas import OPENAPI, Description, converted
from tests.fidelity.wire import Exchange

pytestmark = pytest.mark.skipif(
    not OPENAPI.kept.exists(), reason="GitHub's description is not in .cache; `python -m tests.fidelity` fetches it"
)
LIMITS = dict.fromkeys((f"X-RateLimit-{name}" for name in ("Limit", "Used", "Remaining", "Reset", "Resource")), "1")
REF = "refs/heads/x"
THING = {"type": "commit", "sha": "0" * 40, "url": "https://api.example/commits/0"}
GOOD = Exchange(
    route="POST /repos/{repo}/git/refs",
    url="/api/v3/repos/a/b/git/refs",
    path={},
    query=(),
    body={"ref": REF, "sha": "0" * 40},
    status=201,
    answer={"ref": REF, "node_id": "R", "url": "https://api.example/x", "object": THING},
    headers={"Content-Type": "application/json", **LIMITS},
    by="App",
)


def test_github_has_every_operation_of_the_sandbox() -> None:
    assert [route.name for route in ROUTES if Description.load().operation(route.name) is None] == []


def test_all_traffic_on_every_route_fits_what_github_publishes_with_no_exception_too_many(tmp_path: Path) -> None:
    report = judge(tmp_path)
    assert sorted(report.wrong) == []
    assert report.unseen == []
    assert report.unused == set()
    assert report.webhooks > 100
    assert {"POST /repos/{repo}/pulls", "POST /repos/{repo}/check-runs"} <= set(report.bots)


def test_what_fits_is_let_pass() -> None:
    assert Judge(Description.load()).exchange(GOOD) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"body": {"ref": REF}}, 'asked with the whole: "sha" is a required property'),
        ({"body": {"ref": REF, "sha": 7}}, 'asked with sha: 7 is not of type "string"'),
        ({"body": {"ref": REF, "sha": "0", "push": True}}, "'push' was unexpected"),
        ({"body": None}, "asked without a body"),
        ({"query": (("dry_run", "1"),)}, "asked with ?dry_run=, which GitHub does not know"),
        ({"status": 200}, "answered 200, which GitHub does not document here"),
        ({"answer": {"ref": REF}}, 'answered the whole: "node_id" is a required property'),
        ({"answer": {**GOOD.answer, "hidden": 1}}, "'hidden' was unexpected"),
        ({"answer": {**GOOD.answer, "url": "no address"}}, 'answered url: "no address" is not a "uri"'),
        ({"headers": {**GOOD.headers, "Content-Type": "text/html"}}, "answered as text/html"),
        ({"headers": {**GOOD.headers, "Link": "<x>"}}, "answered with Link <x>"),
        ({"headers": {"Content-Type": "application/json"}}, "answered without X-RateLimit-Limit"),
        ({"route": "POST /repos/{repo}/git/wishes"}, "GitHub has no such operation"),
    ],
)
def test_what_does_not_fit_is_told(change: dict[str, object], said: str) -> None:
    found = Judge(Description.load()).exchange(replace(GOOD, **change))  # type: ignore[arg-type]
    assert any(each.endswith(said) or said in each for each in found), found


def test_a_spoiled_request_is_judged_only_where_it_was_accepted_or_meant() -> None:
    refused = {"message": "Validation Failed", "documentation_url": "https://docs.example"}
    seen = replace(GOOD, body={}, status=422, answer=refused)
    assert Judge(Description.load()).exchange(seen) == []
    assert Judge(Description.load()).exchange(seen, was_meant=True) != []


def test_null_is_allowed_where_openapi_says_nullable_and_nowhere_else() -> None:
    assert converted({"type": "string", "nullable": True}) == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert converted({"type": "string"}) == {"type": "string"}
