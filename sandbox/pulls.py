"""Routes about pull requests: open, read, change, review. Merging is a matter of its own (`merges.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox import rules
from sandbox.api import Answer, Call, Page, Route
from sandbox.auth import Refused, need_author_or
from sandbox.bare import HEADS, GitError
from sandbox.issues import changed_text, long_text, new_issue
from sandbox.state import Issue, Pull, Repository, Review, User

if TYPE_CHECKING:
    from sandbox.server import Sandbox

MOST_COMMITS = 250
"""How many commits of a pull request GitHub lists at all."""
REVIEWS = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}


def find(call: Call) -> tuple[Issue, Pull]:
    """The pull request of the address."""
    issue = call.repo.issues.get(call.parameters["number"])
    if issue is None or issue.pull is None:
        raise Refused(404, "Not Found")
    return issue, issue.pull


def _invalid(field: str, code: str = "invalid", message: str | None = None) -> Refused:
    error = {"resource": "PullRequest", "field": field, "code": code}
    return Refused(422, "Validation Failed", [error if message is None else {**error, "message": message}])


def _head(call: Call, text: str) -> tuple[Repository, str]:
    """The repository and branch of `branch` or `owner:branch`."""
    owner, colon, branch = text.rpartition(":")
    if not colon or owner.lower() == call.repo.owner.login.lower():
        return call.repo, branch
    fork = call.sandbox.world.repository(f"{owner}/{call.repo.name}")
    if fork is None:
        raise _invalid("head")
    return fork, branch


def _create(call: Call) -> Answer:
    base = call.need("base")
    source, head = _head(call, call.need("head"))
    base_sha = call.repo.git.refs().get(HEADS + base)
    head_sha = source.git.refs().get(HEADS + head)
    if base_sha is None or head_sha is None:
        raise _invalid("base" if base_sha is None else "head")
    if any(_is(each, base, head, source.id) for each in call.repo.issues.values()):
        raise _invalid("head", "custom", f"A pull request already exists for {source.owner.login}:{head}.")
    if source is not call.repo:
        call.repo.git.run("fetch", "--quiet", str(source.git.path), head_sha)
    commits = _between(call.repo, base_sha, head_sha)
    if not commits:
        raise _invalid("head", "custom", f"No commits between {base} and {head}")
    issue = new_issue(call, call.need("title"), long_text(call, "body"))
    issue.pull = Pull(call.sandbox.world.next_id(), base, head, source.id, base_sha, head_sha, commits)
    issue.pull.draft = bool(call.body.get("draft"))
    call.repo.git.update(f"refs/pull/{issue.number}/head", head_sha)
    tell(call.sandbox, call.repo, issue, "opened", call.who.acts_as)
    return 201, call.sandbox.shapes.pull(call.repo, issue)


def _between(repository: Repository, base: str, head: str) -> list[str]:
    return repository.git.run("rev-list", "--reverse", "--topo-order", f"{base}..{head}").split()


def _is(issue: Issue, base: str, head: str, source: int) -> bool:
    pull = issue.pull
    return bool(pull and issue.state == "open" and (pull.base, pull.head, pull.head_repository) == (base, head, source))


def _list(call: Call) -> Answer:
    state, base, head = call.query("state", "open"), call.query("base"), call.query("head")
    found = [
        issue
        for issue in call.repo.issues.values()
        if issue.pull
        and state in ("all", issue.state)
        and base in ("", issue.pull.base)
        and (":" not in head or head == _label(call, issue.pull))
    ]
    by_update = call.query("sort") == "updated"
    found.sort(key=lambda issue: (issue.updated_at if by_update else issue.created_at, issue.number))
    if call.query("direction", "asc" if call.query("sort", "created") != "created" else "desc") == "desc":
        found.reverse()
    return Page([call.sandbox.shapes.pull(call.repo, issue, full=False) for issue in found])


def _label(call: Call, pull: Pull) -> str:
    source = call.sandbox.world.repositories.get(pull.head_repository or 0)
    return f"{source.owner.login if source else 'unknown'}:{pull.head}"


def _get(call: Call) -> Answer:
    return _shape(call, find(call)[0])


def _shape(call: Call, issue: Issue) -> dict[str, Any]:
    """As one is read: whether it can be merged is found out now, as on GitHub some time after it was asked first."""
    shape = call.sandbox.shapes.pull(call.repo, issue)
    pull = issue.pull
    if pull is not None and issue.state == "open":
        clean = _is_mergeable(call.repo, pull)
        shape["mergeable"] = clean
        blocked = clean and rules.missing_for_merge(call.repo, call.who, pull, issue.user.id)
        shape["mergeable_state"] = (
            "draft" if pull.draft else "dirty" if not clean else "blocked" if blocked else "clean"
        )
    return shape


def _is_mergeable(repository: Repository, pull: Pull) -> bool:
    try:
        repository.git.run("merge-tree", "--write-tree", HEADS + pull.base, pull.head_sha)
    except GitError:
        return False
    return True


def _edit(call: Call) -> Answer:
    issue, pull = find(call)
    need_author_or(call.who, call.repo, issue.user, "write")
    base = call.given("base")
    if base and HEADS + base not in call.repo.git.refs():
        raise _invalid("base")
    changes = changed_text(call, issue)
    if base and base != pull.base:
        changes["base"] = {"ref": {"from": pull.base}, "sha": {"from": pull.base_sha}}
        pull.base = base
        refresh(call.repo, issue)
    issue.updated_at = call.sandbox.world.now()
    if changes:
        tell(call.sandbox, call.repo, issue, "edited", call.who.acts_as, {"changes": changes})
    state = call.body.get("state")
    if state in ("open", "closed") and state != issue.state:
        _set_state(call, issue, pull, state)
    return _shape(call, issue)


def _set_state(call: Call, issue: Issue, pull: Pull, state: str) -> None:
    if state == "closed":
        closed(call.sandbox, call.repo, issue, call.who.acts_as)
        return
    source = call.sandbox.world.repositories.get(pull.head_repository or 0)
    if pull.merged_at or source is None or HEADS + pull.head not in source.git.refs():
        raise _invalid("state", message="state cannot be changed. The branch was force-pushed, deleted or merged.")
    reopened(call.sandbox, call.repo, issue, call.who.acts_as)


def closed(sandbox: Sandbox, repository: Repository, issue: Issue, sender: User) -> None:
    """Close it, merged or not, and tell."""
    issue.state = "closed"
    issue.closed_at = issue.updated_at = sandbox.world.now()
    issue.closed_by = sender
    tell(sandbox, repository, issue, "closed", sender)


def reopened(sandbox: Sandbox, repository: Repository, issue: Issue, sender: User) -> None:
    """Open it again, and tell."""
    issue.state, issue.closed_at, issue.closed_by = "open", None, None
    issue.updated_at = sandbox.world.now()
    refresh(repository, issue)
    tell(sandbox, repository, issue, "reopened", sender)


def refresh(repository: Repository, issue: Issue) -> None:
    """Read again where base and head of an open pull request are and which commits are between."""
    pull = issue.pull
    if pull is None:
        return
    refs = repository.git.refs()
    pull.base_sha = refs.get(HEADS + pull.base, pull.base_sha)
    if pull.head_repository == repository.id:
        pull.head_sha = refs.get(HEADS + pull.head, pull.head_sha)
    pull.commits = _between(repository, pull.base_sha, pull.head_sha)


def tell(
    sandbox: Sandbox,
    repository: Repository,
    issue: Issue,
    action: str,
    sender: User,
    more: dict[str, Any] | None = None,
) -> None:
    """Send a pull_request event."""
    parts = {"number": issue.number, "pull_request": sandbox.shapes.pull(repository, issue), **(more or {})}
    sandbox.webhooks.emit("pull_request", action, repository, sender, parts)


def _commits(call: Call) -> Answer:
    _, pull = find(call)
    return Page(pull.commits[:MOST_COMMITS], show=lambda sha: call.sandbox.shapes.commit(call.repo, sha))


def _files(call: Call) -> Answer:
    _, pull = find(call)
    return Page(call.sandbox.shapes.files(call.repo, f"{pull.base_sha}...{pull.head_sha}", pull.head_sha))


def _reviews(call: Call) -> Answer:
    issue, pull = find(call)
    return Page([call.sandbox.shapes.review(call.repo, issue, review) for review in pull.reviews])


def _review(call: Call) -> Answer:
    issue, pull = find(call)
    event = call.body.get("event", "")
    if event not in REVIEWS:
        raise Refused(422, "Unprocessable Entity", ["Variable $event is not a review event"])
    if call.who.acts_as.id == issue.user.id and event != "COMMENT":
        raise Refused(422, "Unprocessable Entity", ["Can not approve your own pull request"])
    world = call.sandbox.world
    commit = call.body.get("commit_id") or pull.head_sha
    review = Review(world.next_id(), call.who.acts_as, REVIEWS[event], commit, world.now(), call.body.get("body") or "")
    pull.reviews.append(review)
    shape = call.sandbox.shapes.review(call.repo, issue, review)
    pull_shape = call.sandbox.shapes.pull(call.repo, issue, full=False)
    hook = {**shape, "state": shape["state"].lower()}
    call.sandbox.emit(
        call.repo, call.who, "pull_request_review", "submitted", {"review": hook, "pull_request": pull_shape}
    )
    return 200, shape


ROUTES = (
    Route("GET", "/repos/{repo}/pulls", "pull_requests:read", _list),
    Route("POST", "/repos/{repo}/pulls", "pull_requests:write", _create),
    Route("GET", "/repos/{repo}/pulls/<int:number>", "pull_requests:read", _get),
    Route("PATCH", "/repos/{repo}/pulls/<int:number>", "pull_requests:write", _edit),
    Route("GET", "/repos/{repo}/pulls/<int:number>/commits", "pull_requests:read", _commits),
    Route("GET", "/repos/{repo}/pulls/<int:number>/files", "pull_requests:read", _files),
    Route("GET", "/repos/{repo}/pulls/<int:number>/reviews", "pull_requests:read", _reviews),
    Route("POST", "/repos/{repo}/pulls/<int:number>/reviews", "pull_requests:write", _review),
)
