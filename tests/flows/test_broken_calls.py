"""Releases in which one call is broken, that once came out wrong: each was found by the campaign of faults."""

from __future__ import annotations

import pytest

from sandbox.switch import Rule
from tests.campaign.faults import Result, play_case

ISSUES = "/repos/{repo}/issues"
WORKFLOW = "/repos/{repo}/actions/workflows/<workflow>"
CASES = {
    "a comment that GitHub does not know yet by its number": Rule(f"GET {ISSUES}/comments/<int:comment_id>", "404"),
    "a person whose rights cannot be read now": Rule("GET /repos/{repo}/collaborators/<login>/permission", "404"),
    "an issue that is not found when its answer is posted": Rule(f"POST {ISSUES}/<int:number>/comments", "404"),
    "a list of comments that lacks the one just made": Rule(f"GET {ISSUES}/<int:number>/comments", "stale"),
    "a pull request that is not found when it is proved": Rule("GET /repos/{repo}/pulls/<int:number>/commits", "404"),
    "a workflow that is not found when its runs are listed": Rule(f"GET {WORKFLOW}/runs", "404"),
    "a workflow that is not found when it is started": Rule(f"POST {WORKFLOW}/dispatches", "404"),
    "a run that is not found when it is looked at": Rule("GET /repos/{repo}/actions/runs/<int:run_id>", "404"),
    "a repository that git does not find when the tag is pushed": Rule("git receive-pack refs", "404", nth=2),
}


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("rule", CASES.values(), ids=CASES)
def test_one_release_comes_of_it(rule: Rule) -> None:
    assert play_case((rule,)) == Result((), True)
