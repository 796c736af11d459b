"""Routes about issues and what people write on them: comments, reactions, labels, assignees."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sandbox.api import Answer, Call, Page, Route
from sandbox.auth import Refused, need_author_or, need_role, need_unlocked
from sandbox.shapes_talk import REACTIONS
from sandbox.state import Comment, Issue, Reaction

LONGEST = 65536
READ, WRITE = "issues|pull_requests:read", "issues|pull_requests:write"
"""A pull request is an issue too, so either permission will do for what people say on it."""


def _issue(call: Call) -> Issue:
    found = call.repo.issues.get(call.parameters["number"])
    if found is None:
        raise Refused(404, "Not Found")
    return found


def _comment(call: Call) -> tuple[Issue, Comment]:
    found = call.repo.comment(call.parameters["comment_id"])
    if found is None:
        raise Refused(404, "Not Found")
    return found


def long_text(call: Call, name: str) -> str:
    """A text of the body that may be missing, and may not be longer than GitHub lets it be."""
    text = call.given(name)
    if len(text) > LONGEST:
        raise Refused(422, "Validation Failed", [_too_long(name)])
    return text


def _too_long(name: str) -> dict[str, str]:
    message = f"{name} is too long (maximum is {LONGEST} characters)"
    return {"resource": "IssueComment", "code": "custom", "field": name, "message": message}


def _comment_text(call: Call) -> str:
    call.need("body")
    return long_text(call, "body")


def new_issue(call: Call, title: str, body: str) -> Issue:
    """The next issue of the repository, made by the caller. Pull requests take their number and text from here."""
    world = call.sandbox.world
    now = world.now()
    number = max(call.repo.issues, default=0) + 1
    issue = Issue(world.next_id(), number, call.who.acts_as, title, body, now, now, app=call.who.through)
    call.repo.issues[number] = issue
    return issue


def _create(call: Call) -> Answer:
    issue = new_issue(call, call.need("title"), long_text(call, "body"))
    if call.who.token or call.repo.role(call.who.user) not in ("none", "read"):
        issue.labels.extend(_names(call, "labels"))
        _assign_to(call, issue)
    return 201, _tell_issue(call, issue, "opened")


def _names(call: Call, field: str) -> list[str]:
    """Labels come as texts or as objects with a name."""
    found = call.body.get(field) or []
    return [each["name"] if isinstance(each, dict) else str(each) for each in found]


def _tell_issue(call: Call, issue: Issue, action: str, more: dict[str, Any] | None = None) -> dict[str, Any]:
    """What happens to a pull request is told as an event of pull requests."""
    shapes = call.sandbox.shapes
    shape = shapes.issue(call.repo, issue)
    if issue.pull is None:
        call.sandbox.emit(call.repo, call.who, "issues", action, {"issue": _told(shape), **(more or {})})
    else:
        parts = {"number": issue.number, "pull_request": shapes.pull(call.repo, issue), **(more or {})}
        call.sandbox.emit(call.repo, call.who, "pull_request", action, parts)
    return shape


def _told(shape: dict[str, Any]) -> dict[str, Any]:
    """Webhooks do not say who closed an issue: the sender did."""
    return {name: value for name, value in shape.items() if name != "closed_by"}


def _get(call: Call) -> Answer:
    return call.sandbox.shapes.issue(call.repo, _issue(call))


def _list(call: Call) -> Answer:
    """Pull requests are issues too. Newest first; `state`, `labels`, `creator` and `since` narrow it."""
    state, creator, since = call.query("state", "open"), call.query("creator"), _moment(call, "since")
    labels = {each for each in call.query("labels").split(",") if each}
    found = [
        each
        for each in call.repo.issues.values()
        if state in ("all", each.state)
        and creator.lower() in ("", each.user.login.lower())
        and labels <= set(each.labels)
        and (since is None or each.updated_at >= since)
    ]
    by_update = call.query("sort") == "updated"
    found.sort(key=lambda issue: (issue.updated_at if by_update else issue.created_at, issue.number))
    if call.query("direction", "desc") == "desc":
        found.reverse()
    return Page(found, show=lambda issue: call.sandbox.shapes.issue(call.repo, issue))


def _edit(call: Call) -> Answer:
    issue = _issue(call)
    need_author_or(call.who, call.repo, issue.user, "triage")
    changes = changed_text(call, issue)
    if "labels" in call.body:
        issue.labels[:] = _names(call, "labels")
    issue.updated_at = call.sandbox.world.now()
    if changes:
        _tell_issue(call, issue, "edited", {"changes": changes})
    state = call.body.get("state")
    if state in ("open", "closed") and state != issue.state:
        _set_state(call, issue, state)
    return call.sandbox.shapes.issue(call.repo, issue)


def changed_text(call: Call, issue: Issue) -> dict[str, Any]:
    """Take over title and body; what they were, for those that changed."""
    title, body = call.given("title") or issue.title, long_text(call, "body")
    changes: dict[str, Any] = {}
    if title != issue.title:
        changes["title"] = {"from": issue.title}
        issue.title = title
    if call.body.get("body") is not None and body != issue.body:
        changes["body"] = {"from": issue.body}
        issue.body = body
    return changes


def _set_state(call: Call, issue: Issue, state: str) -> None:
    if issue.pull and issue.pull.merged_at:
        raise Refused(422, "Validation Failed", [{"resource": "Issue", "field": "state", "code": "invalid"}])
    issue.state = state
    issue.closed_at = issue.updated_at if state == "closed" else None
    issue.closed_by = call.who.acts_as if state == "closed" else None
    _tell_issue(call, issue, "closed" if state == "closed" else "reopened")


def _create_comment(call: Call) -> Answer:
    issue, world = _issue(call), call.sandbox.world
    need_unlocked(call.who, call.repo, issue.locked)
    now = world.now()
    comment = Comment(world.next_id(), issue.number, call.who.acts_as, _comment_text(call), now, now, call.who.through)
    issue.comments.append(comment)
    issue.updated_at = now
    return 201, _tell(call, issue, comment, "created")


def _edit_comment(call: Call) -> Answer:
    issue, comment = _comment(call)
    _own(call, comment)
    before = comment.body
    comment.body = _comment_text(call)
    comment.updated_at = call.sandbox.world.now()
    return _tell(call, issue, comment, "edited", {"changes": {"body": {"from": before}}})


def _delete_comment(call: Call) -> Answer:
    issue, comment = _comment(call)
    _own(call, comment)
    issue.comments.remove(comment)
    _tell(call, issue, comment, "deleted")


def _own(call: Call, comment: Comment) -> None:
    """Authors change their comments, and so do people who may write; an App only its own."""
    if call.who.token and comment.user.id != call.who.acts_as.id:
        raise Refused(403, "Resource not accessible by integration")
    need_author_or(call.who, call.repo, comment.user, "write")


def _tell(
    call: Call, issue: Issue, comment: Comment, action: str, more: dict[str, Any] | None = None
) -> dict[str, Any]:
    shape = call.sandbox.shapes.comment(call.repo, issue, comment)
    parts = {"issue": _told(call.sandbox.shapes.issue(call.repo, issue)), "comment": shape, **(more or {})}
    call.sandbox.emit(call.repo, call.who, "issue_comment", action, parts)
    return shape


def _get_comment(call: Call) -> Answer:
    return call.sandbox.shapes.comment(call.repo, *_comment(call))


def _issue_comments(call: Call) -> Answer:
    issue = _issue(call)
    return _comments(call, [(issue, comment) for comment in issue.comments])


def _all_comments(call: Call) -> Answer:
    return _comments(call, [(issue, comment) for issue in call.repo.issues.values() for comment in issue.comments])


def _comments(call: Call, found: list[tuple[Issue, Comment]]) -> Answer:
    """`since` and order as GitHub has them: by creation unless `sort=updated`, oldest first unless `desc`."""
    since = _moment(call, "since")
    if since is not None:
        found = [(issue, comment) for issue, comment in found if comment.updated_at >= since]
    by_update = call.query("sort") == "updated"
    found.sort(key=lambda pair: (pair[1].updated_at if by_update else pair[1].created_at, pair[1].id))
    if call.query("direction") == "desc":
        found.reverse()
    return Page(found, show=lambda pair: call.sandbox.shapes.comment(call.repo, *pair))


def _moment(call: Call, name: str) -> datetime | None:
    """A time of the address. GitHub keeps whole seconds, so one that is asked for holds all of its second."""
    text = call.query(name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise Refused(422, f"Invalid request.\n\n{name} is no time.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).replace(microsecond=0)


def _reactions(call: Call) -> Answer:
    _, comment = _comment(call)
    wanted = call.query("content")
    return Page([call.sandbox.shapes.reaction(each) for each in comment.reactions if wanted in ("", each.content)])


def _react(call: Call) -> Answer:
    """201 for a new reaction, 200 for one that this user has there already."""
    _, comment = _comment(call)
    content, user = call.need("content"), call.who.acts_as
    if content not in REACTIONS:
        raise Refused(422, "Validation Failed", [{"field": "content", "code": "invalid"}])
    for reaction in comment.reactions:
        if reaction.user.id == user.id and reaction.content == content:
            return 200, call.sandbox.shapes.reaction(reaction)
    world = call.sandbox.world
    comment.reactions.append(Reaction(world.next_id(), user, content, world.now()))
    return 201, call.sandbox.shapes.reaction(comment.reactions[-1])


def _unreact(call: Call) -> Answer:
    _, comment = _comment(call)
    found = next((each for each in comment.reactions if each.id == call.parameters["reaction_id"]), None)
    if found is None:
        raise Refused(404, "Not Found")
    if found.user.id != call.who.acts_as.id:
        raise Refused(403, "Only the author of a reaction may delete it")
    comment.reactions.remove(found)


def _labels(call: Call) -> Answer:
    return Page(call.sandbox.shapes.issue(call.repo, _issue(call))["labels"])


def _add_labels(call: Call) -> Answer:
    issue = _issue(call)
    need_role(call.who, call.repo, "triage")
    call.need("labels", list)
    for name in _names(call, "labels"):
        if name not in issue.labels:
            issue.labels.append(name)
            _tell_issue(call, issue, "labeled", {"label": call.sandbox.shapes.label(call.repo, name)})
    return call.sandbox.shapes.issue(call.repo, issue)["labels"]


def _remove_label(call: Call) -> Answer:
    issue, name = _issue(call), call.parameters["label"]
    need_role(call.who, call.repo, "triage")
    if name not in issue.labels:
        raise Refused(404, "Label does not exist")
    issue.labels.remove(name)
    _tell_issue(call, issue, "unlabeled", {"label": call.sandbox.shapes.label(call.repo, name)})
    return call.sandbox.shapes.issue(call.repo, issue)["labels"]


def _assign(call: Call) -> Answer:
    issue = _issue(call)
    need_role(call.who, call.repo, "triage")
    _assign_to(call, issue)
    return 201, call.sandbox.shapes.issue(call.repo, issue)


def _assign_to(call: Call, issue: Issue) -> None:
    """People who cannot be assigned are left out without a word, as on GitHub."""
    for login in call.body.get("assignees") or []:
        user = call.sandbox.world.users.get(str(login).lower())
        if user and user not in issue.assignees and call.repo.role(user) not in ("none", "read"):
            issue.assignees.append(user)


def _unassign(call: Call) -> Answer:
    issue = _issue(call)
    need_role(call.who, call.repo, "triage")
    going = {str(login).lower() for login in call.need("assignees", list)}
    issue.assignees[:] = [user for user in issue.assignees if user.login.lower() not in going]
    return call.sandbox.shapes.issue(call.repo, issue)


ROUTES = (
    Route("GET", "/repos/{repo}/issues", "issues:read", _list),
    Route("POST", "/repos/{repo}/issues", "issues:write", _create),
    Route("GET", "/repos/{repo}/issues/<int:number>", READ, _get),
    Route("PATCH", "/repos/{repo}/issues/<int:number>", WRITE, _edit),
    Route("GET", "/repos/{repo}/issues/comments", READ, _all_comments),
    Route("GET", "/repos/{repo}/issues/<int:number>/comments", READ, _issue_comments),
    Route("POST", "/repos/{repo}/issues/<int:number>/comments", WRITE, _create_comment),
    Route("GET", "/repos/{repo}/issues/comments/<int:comment_id>", READ, _get_comment),
    Route("PATCH", "/repos/{repo}/issues/comments/<int:comment_id>", WRITE, _edit_comment),
    Route("DELETE", "/repos/{repo}/issues/comments/<int:comment_id>", WRITE, _delete_comment),
    Route("GET", "/repos/{repo}/issues/comments/<int:comment_id>/reactions", READ, _reactions),
    Route("POST", "/repos/{repo}/issues/comments/<int:comment_id>/reactions", WRITE, _react),
    Route("DELETE", "/repos/{repo}/issues/comments/<int:comment_id>/reactions/<int:reaction_id>", WRITE, _unreact),
    Route("GET", "/repos/{repo}/issues/<int:number>/labels", READ, _labels),
    Route("POST", "/repos/{repo}/issues/<int:number>/labels", WRITE, _add_labels),
    Route("DELETE", "/repos/{repo}/issues/<int:number>/labels/<path:label>", WRITE, _remove_label),
    Route("POST", "/repos/{repo}/issues/<int:number>/assignees", WRITE, _assign),
    Route("DELETE", "/repos/{repo}/issues/<int:number>/assignees", WRITE, _unassign),
)
