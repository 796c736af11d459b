"""Pull requests and comments of the stand-in GitHub: how they come to their end, and who may change them."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from flask import Response

from sandbox.faults import Faults
from sandbox.person import Denied
from sandbox.seed import commit_files
from tests.sandbox.play import MANIFEST, Play

HEADS = "refs/heads/"


def status_of(denied: pytest.ExceptionInfo[Denied]) -> int:
    return denied.value.status


def test_one_pull_request_for_a_branch_and_none_without_commits(play: Play) -> None:
    play.topic("topic")
    octocat = play.person("octocat")
    octocat.open_pull(MANIFEST, "topic", "build-115", "a note")
    with pytest.raises(Denied, match="Validation Failed") as twice:
        octocat.open_pull(MANIFEST, "topic", "build-115", "a note")
    play.seeded.manifest.git.update(f"{HEADS}empty", play.github.refs(MANIFEST)[f"{HEADS}build-115"])
    with pytest.raises(Denied) as empty:
        octocat.open_pull(MANIFEST, "empty", "build-115", "nothing")
    with pytest.raises(Denied) as nowhere:
        octocat.open_pull(MANIFEST, "nowhere", "build-115", "nothing")
    assert [status_of(each) for each in (twice, empty, nowhere)] == [422, 422, 422]


def test_a_conflict_cannot_be_merged(play: Play) -> None:
    play.topic("topic", path="version.txt")
    number = play.person("octocat").open_pull(MANIFEST, "topic", "build-115", "a note")
    commit_files(play.seeded.manifest, "build-115", {"version.txt": ("100644", b"y\n")}, "another")
    shape = play.person("octocat").ask("GET", f"/repos/{MANIFEST}/pulls/{number}")
    assert (shape["mergeable"], shape["mergeable_state"]) == (False, "dirty")
    with pytest.raises(Denied) as denied:
        play.person("hubot").merge(MANIFEST, number)
    assert status_of(denied) == 405


def test_a_merge_of_another_head_than_expected_is_refused(play: Play) -> None:
    play.topic("topic")
    number = play.person("octocat").open_pull(MANIFEST, "topic", "build-115", "a note")
    path = f"/repos/{MANIFEST}/pulls/{number}/merge"
    assert play.ask("PUT", path, play.token(), {"sha": "0" * 40})[0] == 409
    assert play.ask("PUT", path, play.token(), {"merge_method": "octopus"})[0] == 422
    assert play.ask("GET", path, play.token())[0] == 404
    assert play.ask("PUT", path, play.token(), {})[0] == 200
    assert play.ask("GET", path, play.token())[0] == 204
    assert play.ask("PUT", path, play.token(), {})[0] == 405


def test_a_push_of_its_commits_to_the_base_merges_it(play: Play) -> None:
    head = play.topic("topic")
    number = play.person("octocat").open_pull(MANIFEST, "topic", "build-115", "a note")
    path = f"/repos/{MANIFEST}/git/refs/heads/build-115"
    assert play.ask("PATCH", path, play.token(), {"sha": head})[0] == 200
    shape = play.person("octocat").ask("GET", f"/repos/{MANIFEST}/pulls/{number}")
    assert (shape["merged"], shape["merged_by"]["login"], shape["merge_commit_sha"]) == (True, "bot[bot]", head)
    assert [each["action"] for each in play.heard("pull_request")] == ["opened", "closed"]


def test_deleting_the_branch_closes_it_and_it_cannot_be_opened_again(play: Play) -> None:
    play.topic("topic")
    number = play.person("octocat").open_pull(MANIFEST, "topic", "build-115", "a note")
    assert play.ask("DELETE", f"/repos/{MANIFEST}/git/refs/heads/topic", play.token())[0] == 204
    assert [each["number"] for each in play.person("octocat").pulls(MANIFEST, "closed")] == [number]
    with pytest.raises(Denied) as denied:
        play.person("octocat").ask("PATCH", f"/repos/{MANIFEST}/pulls/{number}", {"state": "open"})
    assert status_of(denied) == 422


def test_a_moved_head_is_told_and_the_review_stays_with_the_old_one(play: Play) -> None:
    first = play.topic("topic")
    number = play.person("octocat").open_pull(MANIFEST, "topic", "build-115", "a note")
    play.person("hubot").approve(MANIFEST, number)
    before = play.github.refs(MANIFEST)
    second = commit_files(play.seeded.manifest, "topic", {"MORE": ("100644", b"x\n")}, "more")
    play.github.pushed(play.github.world.repositories[play.seeded.manifest.id], before, play.github.user("octocat"))
    synchronized = play.heard("pull_request")[-1]
    assert (synchronized["action"], synchronized["before"], synchronized["after"]) == ("synchronize", first, second)
    (review,) = play.person("octocat").ask("GET", f"/repos/{MANIFEST}/pulls/{number}/reviews")
    assert (review["state"], review["commit_id"]) == ("APPROVED", first)
    assert [each["review"]["state"] for each in play.heard("pull_request_review")] == ["approved"]
    assert play.github.refs(MANIFEST)[f"refs/pull/{number}/head"] == second


def test_readers_change_nothing_that_others_wrote(play: Play) -> None:
    play.topic("topic")
    octocat, mallory = play.person("octocat"), play.person("mallory")
    pull = octocat.open_pull(MANIFEST, "topic", "build-115", "a note")
    issue = octocat.open_issue(MANIFEST, "x")
    comment = octocat.comment(MANIFEST, issue, "hers")
    tries: list[tuple[str, str, dict[str, Any]]] = [
        ("PATCH", f"/repos/{MANIFEST}/pulls/{pull}", {"base": "master"}),
        ("PATCH", f"/repos/{MANIFEST}/issues/{issue}", {"state": "closed"}),
        ("PATCH", f"/repos/{MANIFEST}/issues/comments/{comment}", {"body": "mine"}),
        ("POST", f"/repos/{MANIFEST}/issues/{issue}/labels", {"labels": ["mine"]}),
        ("PUT", f"/repos/{MANIFEST}/pulls/{pull}/merge", {}),
        ("POST", f"/repos/{MANIFEST}/git/refs", {"ref": "refs/heads/x", "sha": "0" * 40}),
    ]
    for method, path, body in tries:
        with pytest.raises(Denied) as denied:
            mallory.ask(method, path, body)
        assert status_of(denied) == 403, path
    mallory.close(MANIFEST, mallory.open_issue(MANIFEST, "my own"))


def test_comments_are_found_by_time_and_page(play: Play) -> None:
    octocat = play.person("octocat")
    issue = octocat.open_issue(MANIFEST, "x")
    for number in range(5):
        octocat.comment(MANIFEST, issue, str(number))
        play.clock.forward(10)
    since = play.clock.ago(30)
    path = f"/repos/{MANIFEST}/issues/comments"
    assert [each["body"] for each in octocat.ask("GET", f"{path}?since={since}")] == ["2", "3", "4"]
    newest = octocat.ask("GET", f"{path}?sort=created&direction=desc&per_page=2&page=2")
    assert [each["body"] for each in newest] == ["2", "1"]


def test_a_comment_has_a_longest_length_and_a_reaction_is_there_once(play: Play) -> None:
    issue = play.person("octocat").open_issue(MANIFEST, "x")
    path = f"/repos/{MANIFEST}/issues/{issue}/comments"
    assert play.ask("POST", path, play.token(), {"body": "x" * 65537})[0] == 422
    made = play.ask("POST", path, play.token(), {"body": "x" * 65536})[1]
    assert (made["user"]["login"], made["performed_via_github_app"]["id"]) == ("bot[bot]", play.app.id)
    reactions = f"/repos/{MANIFEST}/issues/comments/{made['id']}/reactions"
    assert [play.ask("POST", reactions, play.token(), {"content": "eyes"})[0] for _ in range(2)] == [201, 200]


def test_either_permission_will_do_to_comment_on_a_pull_request(play: Play) -> None:
    play.topic("topic")
    path = f"/repos/{MANIFEST}/issues/{play.person('octocat').open_pull(MANIFEST, 'topic', 'build-115', 'x')}/comments"
    for name in ("issues", "pull_requests"):
        assert play.ask("POST", path, play.token(permissions={name: "write"}), {"body": "x"})[0] == 201
    assert play.ask("POST", path, play.token(permissions={"contents": "write"}), {"body": "x"})[0] == 403


class OneRefused(Faults):
    """Fails the first call of each name."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.lock = threading.Lock()

    def before(self, call: str) -> Response | None:
        with self.lock:
            first = call not in self.seen
            self.seen.add(call)
        return Response(status=503) if first else None


def test_every_call_passes_the_faults_and_stands_in_the_log(play: Play) -> None:
    token = play.token()
    play.github.faults = OneRefused()
    path = f"/repos/{MANIFEST}/issues"
    assert [play.ask("GET", path, play.github.user("octocat").token)[0] for _ in range(2)] == [503, 200]
    assert play.ask("GET", f"/repos/{MANIFEST}/nothing", token)[0] == 404
    asked = [(each.name, each.status, each.by, each.actor) for each in play.github.requests]
    assert ("GET /repos/{repo}/issues", 503, "anonymous", "") in asked
    assert ("GET /repos/{repo}/issues", 200, "user", "octocat") in asked
    assert ("GET (unknown)", 404, "anonymous", "") in asked


def test_what_is_refused_changes_nothing(play: Play) -> None:
    play.topic("topic")
    number = play.person("octocat").open_pull(MANIFEST, "topic", "build-115", "a note", "as it was")
    path = f"/repos/{MANIFEST}/pulls/{number}"
    for body in ({"title": "new", "base": "nowhere"}, {"title": "new", "body": "x" * 65537}, {"title": 7}):
        assert play.ask("PATCH", path, play.token(), body)[0] == 422
    shape = play.ask("GET", path, play.token())[1]
    assert (shape["title"], shape["body"], shape["base"]["ref"]) == ("a note", "as it was", "build-115")
