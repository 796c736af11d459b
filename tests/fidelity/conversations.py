"""Walks over every route about repositories and what people say on them, so that each was taken once."""

from __future__ import annotations

from urllib.parse import quote

from sandbox.seed import MANIFEST
from tests.fidelity.world import Walk

R = f"/repos/{MANIFEST}"
SCRIPTS = "/repos/coreos/scripts"


def repository(walk: Walk) -> None:
    """What there is to read of a repository, by name and by number."""
    tip = walk.play.github.refs(MANIFEST)["refs/heads/build-115"]
    for login in ("octocat", "mallory", "coreos"):
        walk.as_(login, "GET", R)
        walk.as_("octocat", "GET", f"{R}/collaborators/{login}/permission")
        walk.as_("octocat", "GET", f"/users/{login}")
        walk.as_(login, "GET", "/user")
    walk.bot("GET", f"/repositories/{walk.play.seeded.manifest.id}")
    walk.bot("GET", f"/users/{quote('bot[bot]')}")
    walk.bot("GET", f"{R}/collaborators?affiliation=all")
    walk.bot("GET", f"{R}/branches?per_page=2")
    walk.bot("GET", f"{R}/branches/build-115")
    walk.bot("GET", f"{R}/commits?sha=build-115&path=version.txt&per_page=1")
    walk.bot("GET", f"{R}/commits/{tip}")
    walk.bot("GET", f"{R}/compare/v115.0.0...build-115?per_page=2&page=1")
    walk.bot("GET", f"{R}/compare/build-115...master")
    for path in ("version.txt", "release.xml", "default.xml"):
        walk.bot("GET", f"{R}/contents/{path}?ref=build-115")
    walk.bot("GET", f"{SCRIPTS}/contents/.github/workflows")


def refs(walk: Walk) -> None:
    """Refs made, moved and deleted; annotated tags are read."""
    tip = walk.play.github.refs(MANIFEST)["refs/heads/build-115"]
    before = walk.play.seeded.manifest.git.resolve("build-115~1")
    walk.bot("GET", f"{R}/git/ref/heads/build-115")
    walk.bot("GET", f"{R}/git/ref/tags/v115.0.0")
    walk.bot("GET", f"{R}/git/matching-refs/tags/v1")
    walk.bot("POST", f"{R}/git/refs", {"ref": "refs/heads/fresh", "sha": before})
    walk.bot("PATCH", f"{R}/git/refs/heads/fresh", {"sha": tip})
    walk.bot("PATCH", f"{R}/git/refs/heads/fresh", {"sha": before, "force": True})
    walk.as_("octocat", "DELETE", f"{R}/git/refs/heads/fresh")
    walk.bot("POST", f"{R}/git/refs", {"ref": "refs/tags/fresh", "sha": tip})
    walk.bot("DELETE", f"{R}/git/refs/tags/fresh")


def talk(walk: Walk) -> None:
    """Issues and comments: made, changed, closed, read in pages."""
    number = walk.as_("octocat", "POST", f"{R}/issues", {"title": "A question", "body": "Why?", "labels": ["ask"]})
    issue = f"{R}/issues/{number['number']}"
    walk.bot("POST", f"{R}/issues", {"title": "Without words"})
    for state in ("closed", "open", "closed"):
        walk.as_("octocat", "PATCH", issue, {"state": state})
    walk.as_("octocat", "PATCH", issue, {"title": "Two questions", "body": None, "labels": ["ask", "more: of it"]})
    walk.as_("octocat", "PATCH", issue, {"body": "Why, and how?"})
    made = [walk.as_("octocat", "POST", f"{issue}/comments", {"body": f"word {each}"})["id"] for each in range(3)]
    answer = walk.bot("POST", f"{issue}/comments", {"body": "Because."})["id"]
    walk.bot("PATCH", f"{R}/issues/comments/{answer}", {"body": "Because of it."})
    walk.bot("GET", f"{R}/issues/comments/{answer}")
    walk.bot("GET", f"{issue}/comments?per_page=1&page=2&since={walk.play.clock.ago(60)}")
    walk.bot("GET", f"{R}/issues/comments?sort=updated&direction=desc&since={walk.play.clock.ago(60)}")
    walk.bot("GET", f"{R}/issues?state=all&labels=ask&creator=octocat&sort=updated&direction=asc&per_page=1")
    walk.as_("mallory", "GET", issue)
    for content in ("eyes", "eyes", "+1"):
        given = walk.bot("POST", f"{R}/issues/comments/{made[0]}/reactions", {"content": content})
    walk.bot("GET", f"{R}/issues/comments/{made[0]}/reactions?content=eyes")
    walk.bot("GET", f"{R}/issues/comments/{made[0]}")
    walk.bot("DELETE", f"{R}/issues/comments/{made[0]}/reactions/{given['id']}")
    walk.as_("octocat", "DELETE", f"{R}/issues/comments/{made[2]}")


def labels(walk: Walk) -> None:
    """Labels and people on an issue."""
    issue = f"{R}/issues/1"
    walk.bot("POST", f"{issue}/labels", {"labels": ["release: pending", "second"]})
    walk.bot("GET", f"{issue}/labels")
    walk.bot("DELETE", f"{issue}/labels/{quote('release: pending')}")
    walk.bot("POST", f"{issue}/assignees", {"assignees": ["octocat", "hubot"]})
    walk.bot("DELETE", f"{issue}/assignees", {"assignees": ["hubot"]})


def pulls(walk: Walk) -> None:
    """Pull requests: opened, changed, read, closed, opened again, pushed to."""
    for name in ("topic", "draft", "squashed", "rebased"):
        walk.play.topic(name, path=name.upper())
    asked = {"title": "A topic", "head": "topic", "base": "build-115", "body": "Words"}
    number = walk.as_("octocat", "POST", f"{R}/pulls", asked)["number"]
    pull = f"{R}/pulls/{number}"
    walk.bot("POST", f"{R}/pulls", {"title": "Not yet", "head": "coreos:draft", "base": "build-115", "draft": True})
    walk.as_("octocat", "PATCH", pull, {"title": "The topic", "body": "More words", "base": "master"})
    walk.as_("octocat", "PATCH", pull, {"base": "build-115"})
    for state in ("closed", "open"):
        walk.bot("PATCH", pull, {"state": state})
    walk.as_("octocat", "PATCH", f"{R}/issues/{number}", {"title": "The topic itself", "state": "closed"})
    walk.as_("octocat", "PATCH", f"{R}/issues/{number}", {"state": "open"})
    walk.bot("POST", f"{R}/issues/{number}/labels", {"labels": ["reviewed: not"]})
    walk.bot("DELETE", f"{R}/issues/{number}/labels/{quote('reviewed: not')}")
    walk.bot("POST", f"{R}/issues/{number}/assignees", {"assignees": ["octocat"]})
    comment = walk.as_("mallory", "POST", f"{R}/issues/{number}/comments", {"body": "I wonder"})["id"]
    walk.as_("mallory", "PATCH", f"{R}/issues/comments/{comment}", {"body": "I do not wonder"})
    walk.as_("octocat", "DELETE", f"{R}/issues/comments/{comment}")
    walk.bot("GET", pull)
    walk.bot("GET", f"{R}/issues/{number}")
    walk.bot("GET", f"{R}/pulls?state=all&base=build-115&head=coreos:topic&sort=updated&direction=desc&per_page=1")
    walk.bot("GET", f"{R}/pulls?state=open&per_page=1")
    walk.bot("GET", f"{pull}/commits?per_page=1")
    walk.bot("GET", f"{pull}/files")


def reviews(walk: Walk) -> None:
    """Reviews of all kinds, and the three ways to merge."""
    (number,) = (each["number"] for each in walk.bot("GET", f"{R}/pulls?head=coreos:topic"))
    pull = f"{R}/pulls/{number}"
    for event in ("COMMENT", "REQUEST_CHANGES", "APPROVE"):
        walk.as_("hubot", "POST", f"{pull}/reviews", {"event": event, "body": f"I {event.lower()}"})
    walk.bot("GET", f"{pull}/reviews")
    head = walk.bot("GET", pull)["head"]["sha"]
    words = {"commit_title": "Merge it", "commit_message": "At last.", "sha": head, "merge_method": "merge"}
    walk.as_("hubot", "PUT", f"{pull}/merge", words)
    walk.bot("GET", f"{pull}/merge")
    walk.bot("GET", pull)
    for name, method in (("squashed", "squash"), ("rebased", "rebase")):
        opened = walk.as_("octocat", "POST", f"{R}/pulls", {"title": name, "head": name, "base": "build-115"})
        walk.as_("hubot", "PUT", f"{R}/pulls/{opened['number']}/merge", {"merge_method": method})
    walk.bot("GET", f"{R}/issues?state=closed")


def checks(walk: Walk) -> None:
    """Check runs through their states, on the head of an open pull request."""
    (pull,) = walk.bot("GET", f"{R}/pulls?head=coreos:draft")
    head = pull["head"]["sha"]
    asked = {"name": "release / plan", "head_sha": head, "status": "in_progress", "external_id": "7"}
    made = f"{R}/check-runs/{walk.bot('POST', f'{R}/check-runs', asked)['id']}"
    output = {"title": "Good", "summary": "All of it", "text": "at length"}
    ended = {"status": "completed", "conclusion": "success", "output": output, "details_url": "https://bot.example/1"}
    walk.bot("PATCH", made, ended)
    walk.bot("POST", f"{R}/check-runs", {"name": "queued", "head_sha": head})
    failed = {"title": "Bad", "summary": "None of it"}
    walk.bot("POST", f"{R}/check-runs", {"name": "bad", "head_sha": head, "conclusion": "failure", "output": failed})
    walk.bot("GET", made)
    walk.as_("octocat", "POST", f"{made}/rerequest")
    walk.bot("GET", f"{R}/commits/{head}/check-runs?filter=all&status=completed&check_name=bad&per_page=1")
    walk.bot("GET", f"{R}/commits/draft/check-runs?filter=latest&app_id={walk.play.app.id}")
