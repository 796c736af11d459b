"""The stand-in GitHub speaks as GitHub does, wherever GitHub's description is at hand."""

from __future__ import annotations

import pytest

from sandbox.server import ROUTES
from tests.fidelity.report import Report, judge
from tests.fidelity.schemas import OPENAPI, Description, converted

pytestmark = pytest.mark.skipif(
    not OPENAPI.kept.exists(), reason="GitHub's description is not in .cache; `python -m tests.fidelity` fetches it"
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return judge(tmp_path_factory.mktemp("fidelity"))


@pytest.mark.parametrize("route", sorted({route.name for route in ROUTES}))
def test_github_has_every_operation_of_the_sandbox(route: str) -> None:
    assert Description.load().operation(route) is not None


def test_every_request_answer_and_webhook_fits_what_github_publishes(report: Report) -> None:
    assert sorted(report.wrong) == []
    assert report.webhooks > 100


def test_every_route_was_taken_with_success(report: Report) -> None:
    assert report.unseen == []


def test_every_exception_is_still_needed(report: Report) -> None:
    assert report.unused == set()


def test_the_bot_was_among_those_who_asked(report: Report) -> None:
    assert {"POST /repos/{repo}/pulls", "POST /repos/{repo}/check-runs"} <= set(report.bots)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"message": "Not Found"}, []),
        ({"message": 7}, ['message: 7 is not of type "string"']),
        ({"massage": ""}, ["the whole: Additional properties are not allowed ('massage' was unexpected)"]),
    ],
)
def test_what_does_not_fit_is_told(value: object, said: list[str]) -> None:
    assert Description.load().errors({"$ref": "#/components/schemas/basic-error"}, value) == said


def test_null_is_allowed_where_openapi_says_nullable_and_nowhere_else() -> None:
    assert converted({"type": "string", "nullable": True}) == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert converted({"type": "string"}) == {"type": "string"}
