"""Routes about issues and what people write on them: comments, reactions, labels, assignees."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sandbox.api import Answer, Call, Page, Route
from sandbox.auth import Refused
from sandbox.state import ROLES, Comment, Issue

LONGEST = 65536
REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")


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


def _text(call: Call, name: str = "body") -> str:
    text: str = call.need(name)
    if len(text) > LONGEST:
        raise Refused(422, "Validation Failed", [f"{name} is too long (maximum is {LONGEST} characters)"])
    return text


def new_issue(call: Call, title: str, body: str) -> Issue:
    """The next issue of the repository, made by the caller. Pull requests take their number and text from here."""
    world = call.sandbox.world
    now = world.now()
    number = max(call.repo.issues, default=0) + 1
    issue = Issue(world.next_id(), number, call.who.acts_as, title, body, now, now, app=call.who.through)
    call.repo.issues[number] = issue
    return issue


def _create(call: Call) -> Answer:
    issue = new_issue(call, call.need("title"), call.body.get("body") or "")
    shape = call.sandbox.shapes.issue(call.repo, issue)
    call.sandbox.emit(call.repo, call.who, "issues", "opened", {"issue": shape})
    return 201, shape


def _get(call: Call) -> Answer:
    return call.sandbox.shapes.issue(call.repo, _issue(call))


def _list(call: Call) -> Answer:
    state = call.query("state", "open")
    issues = [each for each in call.repo.issues.values() if state in ("all", each.state)]
    return Page([call.sandbox.shapes.issue(call.repo, each) for each in reversed(issues)])


def _edit(call: Call) -> Answer:
    issue = _issue(call)
    if call.body.get("state") in ("open", "closed"):
        issue.state = call.body["state"]
    issue.title = call.body.get("title") or issue.title
    issue.body = call.body.get("body", issue.body)
    issue.updated_at = call.sandbox.world.now()
    return call.sandbox.shapes.issue(call.repo, issue)


def _create_comment(call: Call) -> Answer:
    issue, world = _issue(call), call.sandbox.world
    now = world.now()
    comment = Comment(world.next_id(), issue.number, call.who.acts_as, _text(call), now, now, call.who.through)
    issue.comments.append(comment)
    issue.updated_at = now
    return 201, _tell(call, issue, comment, "created")


def _edit_comment(call: Call) -> Answer:
    issue, comment = _comment(call)
    _own(call, comment)
    before = comment.body
    comment.body = _text(call)
    comment.updated_at = call.sandbox.world.now()
    return _tell(call, issue, comment, "edited", {"changes": {"body": {"from": before}}})


def _delete_comment(call: Call) -> Answer:
    issue, comment = _comment(call)
    _own(call, comment)
    issue.comments.remove(comment)
    _tell(call, issue, comment, "deleted")


def _own(call: Call, comment: Comment) -> None:
    """Authors change their comments, and so do people who may write; an App only its own."""
    if comment.user.id == call.who.acts_as.id:
        return
    if call.who.token or ROLES.index(call.repo.role(call.who.user)) < ROLES.index("write"):
        raise Refused(403, "Must have admin rights to Repository.")


def _tell(
    call: Call, issue: Issue, comment: Comment, action: str, more: dict[str, Any] | None = None
) -> dict[str, Any]:
    shape = call.sandbox.shapes.comment(call.repo, issue, comment)
    parts = {"issue": call.sandbox.shapes.issue(call.repo, issue), "comment": shape, **(more or {})}
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
    since = call.query("since")
    if since:
        moment = datetime.fromisoformat(since.replace("Z", "+00:00"))
        found = [(issue, comment) for issue, comment in found if comment.updated_at >= moment]
    by_update = call.query("sort") == "updated"
    found.sort(key=lambda pair: (pair[1].updated_at if by_update else pair[1].created_at, pair[1].id))
    if call.query("direction") == "desc":
        found.reverse()
    return Page([call.sandbox.shapes.comment(call.repo, issue, comment) for issue, comment in found])


def _reactions(call: Call) -> Answer:
    _, comment = _comment(call)
    wanted = call.query("content")
    return Page([call.sandbox.shapes.reaction(each) for each in comment.reactions if wanted in ("", each[2])])


def _react(call: Call) -> Answer:
    """201 for a new reaction, 200 for one that this user has there already."""
    _, comment = _comment(call)
    content, user = call.need("content"), call.who.acts_as
    if content not in REACTIONS:
        raise Refused(422, "Validation Failed", [{"field": "content", "code": "invalid"}])
    for reaction in comment.reactions:
        if reaction[1].id == user.id and reaction[2] == content:
            return 200, call.sandbox.shapes.reaction(reaction)
    reaction = (call.sandbox.world.next_id(), user, content)
    comment.reactions.append(reaction)
    return 201, call.sandbox.shapes.reaction(reaction)


def _unreact(call: Call) -> Answer:
    _, comment = _comment(call)
    kept = [each for each in comment.reactions if each[0] != call.parameters["reaction_id"]]
    if len(kept) == len(comment.reactions):
        raise Refused(404, "Not Found")
    comment.reactions[:] = kept


def _labels(call: Call) -> Answer:
    return Page(call.sandbox.shapes.issue(call.repo, _issue(call))["labels"])


def _add_labels(call: Call) -> Answer:
    issue = _issue(call)
    issue.labels.extend(name for name in call.need("labels", list) if name not in issue.labels)
    return call.sandbox.shapes.issue(call.repo, issue)["labels"]


def _remove_label(call: Call) -> Answer:
    issue = _issue(call)
    if call.parameters["label"] not in issue.labels:
        raise Refused(404, "Label does not exist")
    issue.labels.remove(call.parameters["label"])
    return call.sandbox.shapes.issue(call.repo, issue)["labels"]


def _assign(call: Call) -> Answer:
    """People who cannot be assigned are left out without a word, as on GitHub."""
    issue = _issue(call)
    for login in call.need("assignees", list):
        user = call.sandbox.world.users.get(login.lower())
        if user and user not in issue.assignees and call.repo.role(user) not in ("none", "read"):
            issue.assignees.append(user)
    return 201, call.sandbox.shapes.issue(call.repo, issue)


ROUTES = (
    Route("GET", "/repos/{repo}/issues", "issues:read", _list),
    Route("POST", "/repos/{repo}/issues", "issues:write", _create),
    Route("GET", "/repos/{repo}/issues/<int:number>", "issues:read", _get),
    Route("PATCH", "/repos/{repo}/issues/<int:number>", "issues:write", _edit),
    Route("GET", "/repos/{repo}/issues/comments", "issues:read", _all_comments),
    Route("GET", "/repos/{repo}/issues/<int:number>/comments", "issues:read", _issue_comments),
    Route("POST", "/repos/{repo}/issues/<int:number>/comments", "issues:write", _create_comment),
    Route("GET", "/repos/{repo}/issues/comments/<int:comment_id>", "issues:read", _get_comment),
    Route("PATCH", "/repos/{repo}/issues/comments/<int:comment_id>", "issues:write", _edit_comment),
    Route("DELETE", "/repos/{repo}/issues/comments/<int:comment_id>", "issues:write", _delete_comment),
    Route("GET", "/repos/{repo}/issues/comments/<int:comment_id>/reactions", "issues:read", _reactions),
    Route("POST", "/repos/{repo}/issues/comments/<int:comment_id>/reactions", "issues:write", _react),
    Route(
        "DELETE", "/repos/{repo}/issues/comments/<int:comment_id>/reactions/<int:reaction_id>", "issues:write", _unreact
    ),
    Route("GET", "/repos/{repo}/issues/<int:number>/labels", "issues:read", _labels),
    Route("POST", "/repos/{repo}/issues/<int:number>/labels", "issues:write", _add_labels),
    Route("DELETE", "/repos/{repo}/issues/<int:number>/labels/<path:label>", "issues:write", _remove_label),
    Route("POST", "/repos/{repo}/issues/<int:number>/assignees", "issues:write", _assign),
)
