"""Bodies of requests: what may stand in a field, and what the sandbox says to the rest."""

from __future__ import annotations

import pytest

from sandbox.auth import Refused
from sandbox.bodies import check

ISSUE = "POST /repos/{repo}/issues"


@pytest.mark.parametrize(
    ("route", "body"),
    [
        (ISSUE, {"title": 7, "labels": ["a", {"name": "b"}], "assignees": ["octocat"]}),
        ("PATCH /repos/{repo}/issues/<int:number>", {"title": None, "body": None, "state": "closed"}),
        ("PUT /repos/{repo}/pulls/<int:number>/merge", {"merge_method": "rebase"}),
        (ISSUE, {"a field that nobody knows": 7}),
    ],
)
def test_what_github_takes_is_taken(route: str, body: dict[str, object]) -> None:
    check(route, body)


@pytest.mark.parametrize(
    ("route", "body"),
    [
        (ISSUE, {"title": True}),
        (ISSUE, {"title": None}),
        (ISSUE, {"labels": "a"}),
        (ISSUE, {"labels": [7]}),
        (ISSUE, {"labels": [{"title": "b"}]}),
        ("POST /repos/{repo}/pulls", {"title": 7}),
        ("POST /repos/{repo}/pulls", {"draft": "yes"}),
        ("PATCH /repos/{repo}/git/refs/<path:ref>", {"force": 1}),
        ("PUT /repos/{repo}/pulls/<int:number>/merge", {"merge_method": "octopus"}),
        ("PATCH /repos/{repo}/check-runs/<int:check_id>", {"output": {"title": 7, "summary": ""}}),
    ],
)
def test_another_type_is_refused_by_the_name_of_its_field(route: str, body: dict[str, object]) -> None:
    with pytest.raises(Refused) as refused:
        check(route, body)
    assert refused.value.status == 422
    assert f"properties/{next(iter(body))}" in refused.value.message
