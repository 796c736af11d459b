"""Pull requests, their reviews, labels, people and checks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.core.hub import Approval
from bot.outage import Denied, Outage
from tests.gh.world import HOME, MARK, World


def test_a_pull_request_is_opened_once(world: World) -> None:
    branch = world.branch()
    pull = world.repository.open_pull(branch, "master", "Release", "body")
    assert world.requests() == ["POST /pulls"]
    assert (pull.head, pull.base, pull.title, pull.state, pull.commits) == (branch, "master", "Release", "open", 1)
    assert (pull.base_repository, pull.head_repository) == (world.id.id, world.id.id)
    assert pull.author_id == world.app.bot.id
    assert world.repository.open_pull(branch, "master", "Other", "other") == pull
    assert world.requests() == ["POST /pulls", "GET /pulls", "GET /pulls/<number>"]


def test_what_cannot_become_a_pull_request_is_refused(world: World) -> None:
    world.home.git.update("refs/heads/empty", world.start)
    with pytest.raises(Denied, match="No commits between master and empty"):
        world.repository.open_pull("empty", "master", "t", "b")
    with pytest.raises(Denied):
        world.repository.open_pull("missing", "master", "t", "b")


def test_a_merged_pull_request_says_so_read_or_listed(world: World) -> None:
    world.home.git.update("refs/heads/line", world.start)
    branch = world.branch()
    opened = world.repository.open_pull(branch, "line", "t", "b")
    assert world.repository.pull_commits(opened.number) == [opened.head_sha]
    merge = world.sandbox.person("hubot").merge(HOME, opened.number)
    world.requests()
    pull = world.repository.pull(opened.number)
    assert world.requests() == ["GET /pulls/<number>"]
    assert pull is not None
    assert (pull.state, pull.merged, pull.merge_commit, pull.merged_by) == ("closed", True, merge, "hubot")
    assert pull.merged_at is not None
    (listed,) = world.repository.pulls("closed", base="line", head=branch)
    assert world.requests() == ["GET /pulls"]
    assert (listed.number, listed.merged, listed.merge_commit) == (pull.number, True, merge)
    assert (listed.merged_by, listed.commits) == (None, 0)
    assert world.repository.pull(99999) is None


def test_pull_requests_are_listed_last_updated_first_and_no_more_than_asked(world: World) -> None:
    numbers = [world.repository.open_pull(world.branch(), "master", "t", "b").number for _ in range(3)]
    assert [pull.number for pull in world.repository.pulls("open", limit=2)] == numbers[:0:-1]
    assert world.repository.pulls("open", head="missing") == []


def test_a_pull_request_is_edited_and_closed_in_one_request(world: World) -> None:
    pull = world.repository.open_pull(world.branch(), "master", "t", "b")
    world.requests()
    closed = world.repository.edit_pull(pull.number, body="new", state="closed")
    assert world.requests() == ["PATCH /pulls/<number>"]
    assert (closed.title, closed.body, closed.state, closed.merged) == ("t", "new", "closed", False)


def test_an_approval_is_of_the_commit_that_was_seen(world: World) -> None:
    branch = world.branch()
    pull = world.repository.open_pull(branch, "master", "t", "b")
    assert world.repository.approvals(pull.number) == []
    world.sandbox.person("hubot").approve(HOME, pull.number)
    world.requests()
    (approval,) = world.repository.approvals(pull.number)
    assert world.requests() == ["GET /pulls/<number>/reviews"]
    assert approval == Approval("hubot", pull.head_sha, approval.at)
    world.sandbox.person("hubot").ask(
        "POST", f"/repos/{HOME}/pulls/{pull.number}/reviews", {"event": "REQUEST_CHANGES"}
    )
    assert world.repository.approvals(pull.number) == []


def test_labels_are_added_and_removed_and_others_stay(world: World) -> None:
    issue = world.issue()
    world.repository.set_labels(issue, ["release: pending", "theirs"], [])
    world.requests()
    world.repository.set_labels(issue, ["release: pending"], ["release: held"])
    assert world.requests() == ["GET /issues/<number>/labels"]
    world.repository.set_labels(issue, ["release: tagged"], ["release: pending", "release: held"])
    assert world.requests() == [
        "GET /issues/<number>/labels",
        "POST /issues/<number>/labels",
        "DELETE /issues/<number>/labels/<path:label>",
    ]
    labels = world.sandbox.person("octocat").ask("GET", f"/repos/{HOME}/issues/{issue}/labels")
    assert [label["name"] for label in labels] == ["theirs", "release: tagged"]


def test_who_cannot_be_assigned_is_not(world: World) -> None:
    issue = world.issue()
    world.requests()
    world.repository.assign(issue, "octocat")
    assert world.requests() == ["POST /issues/<number>/assignees"]
    world.repository.assign(issue, "reader")
    found = world.sandbox.person("octocat").ask("GET", f"/repos/{HOME}/issues/{issue}")
    assert [each["login"] for each in found["assignees"]] == ["octocat"]


def test_there_is_one_check_of_a_name_and_it_changes(world: World) -> None:
    branch = world.branch()
    head = world.home.git.refs()[f"refs/heads/{branch}"]
    repository = world.repository
    repository.check(head, "release / plan", "in_progress", "Looking", "…", "plan-1")
    assert world.requests() == ["GET /commits/<name>/check-runs", "POST /check-runs"]
    repository.check(head, "release / plan", "failure", "Stale", "The base moved.", "plan-1")
    assert world.requests() == ["GET /commits/<name>/check-runs", "PATCH /check-runs/<check_id>"]
    repository.check(head, "release / plan", "failure", "Stale", "The base moved.", "plan-1")
    assert world.requests() == ["GET /commits/<name>/check-runs"]
    (shown,) = world.sandbox.person("octocat").ask("GET", f"/repos/{HOME}/commits/{head}/check-runs")["check_runs"]
    assert (shown["status"], shown["conclusion"], shown["output"]["title"]) == ("completed", "failure", "Stale")


def test_a_lost_answer_is_an_outage_and_asking_again_does_it_once(world: World) -> None:
    branch, issue = world.branch(), world.issue()
    number = world.sandbox.person("octocat").comment(HOME, issue, "x")
    repository = world.repository
    verbs: dict[str, Callable[[], object]] = {
        "POST /repos/{repo}/pulls": lambda: repository.open_pull(branch, "master", "t", "b"),
        "POST /repos/{repo}/issues/<int:number>/comments": lambda: repository.say(issue, "first", MARK),
        "PATCH /repos/{repo}/issues/comments/<int:comment_id>": lambda: repository.say(issue, "second", MARK),
        "POST /repos/{repo}/issues/comments/<int:comment_id>/reactions": lambda: repository.react(number, "eyes"),
        "POST /repos/{repo}/issues/<int:number>/labels": lambda: repository.set_labels(issue, ["a"], []),
        "DELETE /repos/{repo}/issues/<int:number>/labels/<path:label>": lambda: repository.set_labels(issue, [], ["a"]),
        "POST /repos/{repo}/issues/<int:number>/assignees": lambda: repository.assign(issue, "octocat"),
        "POST /repos/{repo}/check-runs": lambda: repository.check(branch, "c", "in_progress", "t", "s"),
        "PATCH /repos/{repo}/check-runs/<int:check_id>": lambda: repository.check(branch, "c", "success", "t", "s"),
        "PATCH /repos/{repo}/pulls/<int:number>": lambda: repository.edit_pull(
            repository.pulls("open", head=branch)[0].number, title="new"
        ),
    }
    for name, verb in verbs.items():
        world.lost.names.add(name)
        with pytest.raises(Outage):
            verb()
        verb()
    octocat = world.sandbox.person("octocat")
    assert [each["body"] for each in octocat.comments(HOME, issue)] == ["x", f"second\n\n{MARK}"]
    assert octocat.reactions(HOME, number) == ["eyes"]
    assert octocat.ask("GET", f"/repos/{HOME}/issues/{issue}/labels") == []
    assert [pull.title for pull in repository.pulls("open", head=branch)] == ["new"]
    checks = octocat.ask("GET", f"/repos/{HOME}/commits/{branch}/check-runs?filter=all")["check_runs"]
    assert [check["conclusion"] for check in checks] == ["success"]
