"""Routes about pull requests, and merging them in GitHub's three ways with real git."""

from __future__ import annotations

from typing import Any

from sandbox.api import Answer, Call, Page, Route
from sandbox.auth import Refused
from sandbox.bare import GitError
from sandbox.issues import new_issue
from sandbox.repositories import commit_shape
from sandbox.state import Issue, Pull, Repository, Review

HEADS = "refs/heads/"


def _pull(call: Call) -> tuple[Issue, Pull]:
    issue = call.repo.issues.get(call.parameters["number"])
    if issue is None or issue.pull is None:
        raise Refused(404, "Not Found")
    return issue, issue.pull


def _head(call: Call, text: str) -> tuple[Repository, str]:
    """The repository and branch of `branch` or `owner:branch`."""
    owner, colon, branch = text.rpartition(":")
    if not colon or owner.lower() == call.repo.owner.login.lower():
        return call.repo, branch
    fork = call.sandbox.world.repository(f"{owner}/{call.repo.name}")
    if fork is None:
        raise Refused(422, "Validation Failed", [{"resource": "PullRequest", "field": "head", "code": "invalid"}])
    return fork, branch


def _create(call: Call) -> Answer:
    base = call.need("base")
    source, head = _head(call, call.need("head"))
    base_sha = call.repo.git.refs().get(HEADS + base)
    head_sha = source.git.refs().get(HEADS + head)
    if base_sha is None or head_sha is None:
        raise Refused(422, "Validation Failed", [{"field": "base" if base_sha is None else "head", "code": "invalid"}])
    if any(_is(each, base, head, source.id) for each in call.repo.issues.values()):
        raise Refused(
            422,
            "Validation Failed",
            [{"message": f"A pull request already exists for {call.repo.owner.login}:{head}."}],
        )
    if source is not call.repo:
        call.repo.git.run("fetch", "--quiet", str(source.git.path), head_sha)
    commits = call.repo.git.run("rev-list", "--reverse", f"{base_sha}..{head_sha}").split()
    if not commits:
        raise Refused(422, "Validation Failed", [{"message": f"No commits between {base} and {head}"}])
    issue = new_issue(call, call.need("title"), call.body.get("body") or "")
    issue.pull = Pull(call.sandbox.world.next_id(), base, head, source.id, base_sha, head_sha, commits)
    issue.pull.draft = bool(call.body.get("draft"))
    call.repo.git.update(f"refs/pull/{issue.number}/head", head_sha)
    _tell(call, issue, "opened")
    return 201, call.sandbox.shapes.pull(call.repo, issue)


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
        and head in ("", f"{call.repo.owner.login}:{issue.pull.head}")
    ]
    by_update = call.query("sort") == "updated"
    found.sort(key=lambda issue: (issue.updated_at if by_update else issue.created_at, issue.number))
    if call.query("direction", "desc") == "desc":
        found.reverse()
    return Page([call.sandbox.shapes.pull(call.repo, issue, full=False) for issue in found])


def _get(call: Call) -> Answer:
    return call.sandbox.shapes.pull(call.repo, _pull(call)[0])


def _edit(call: Call) -> Answer:
    issue, pull = _pull(call)
    changes: dict[str, Any] = {}
    for field in ("title", "body"):
        if call.body.get(field) is not None and call.body[field] != getattr(issue, field):
            changes[field] = {"from": getattr(issue, field)}
            setattr(issue, field, call.body[field])
    base = call.body.get("base")
    if base and base != pull.base:
        changes["base"] = {"ref": {"from": pull.base}, "sha": {"from": pull.base_sha}}
        pull.base = base
        refresh(call.repo, issue)
    issue.updated_at = call.sandbox.world.now()
    if changes:
        _tell(call, issue, "edited", {"changes": changes})
    state = call.body.get("state")
    if state in ("open", "closed") and state != issue.state:
        if pull.merged_at or (state == "open" and HEADS + pull.head not in call.repo.git.refs()):
            raise Refused(422, "Validation Failed", [{"field": "state", "code": "invalid"}])
        set_state(call, issue, state)
    return call.sandbox.shapes.pull(call.repo, issue)


def set_state(call: Call, issue: Issue, state: str) -> None:
    """Close it or open it again, and tell."""
    issue.state = state
    issue.updated_at = call.sandbox.world.now()
    issue.closed_at = issue.updated_at if state == "closed" else None
    _tell(call, issue, "closed" if state == "closed" else "reopened")


def refresh(repository: Repository, issue: Issue) -> None:
    """Read again where base and head of an open pull request are and which commits are between."""
    pull = issue.pull
    if pull is None:
        return
    refs = repository.git.refs()
    pull.base_sha = refs.get(HEADS + pull.base, pull.base_sha)
    if pull.head_repository == repository.id:
        pull.head_sha = refs.get(HEADS + pull.head, pull.head_sha)
    pull.commits = repository.git.run("rev-list", "--reverse", f"{pull.base_sha}..{pull.head_sha}").split()


def _tell(call: Call, issue: Issue, action: str, more: dict[str, Any] | None = None) -> None:
    shape = call.sandbox.shapes.pull(call.repo, issue)
    parts = {"number": issue.number, "pull_request": shape, **(more or {})}
    call.sandbox.emit(call.repo, call.who, "pull_request", action, parts)


def _commits(call: Call) -> Answer:
    _, pull = _pull(call)
    return Page([commit_shape(call, call.repo, sha) for sha in pull.commits[:250]])


def _files(call: Call) -> Answer:
    _, pull = _pull(call)
    words = {"A": "added", "D": "removed", "M": "modified", "T": "changed"}
    rows = call.repo.git.run("diff", "--name-status", "--no-renames", f"{pull.base_sha}...{pull.head_sha}").splitlines()
    split = [row.split("\t") for row in rows]
    return Page([{"filename": path, "status": words[kind], "sha": pull.head_sha, "changes": 1} for kind, path in split])


def _reviews(call: Call) -> Answer:
    return Page([call.sandbox.shapes.review(review) for review in _pull(call)[1].reviews])


def _review(call: Call) -> Answer:
    issue, pull = _pull(call)
    state = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED"}.get(call.body.get("event", ""), "COMMENTED")
    if call.who.acts_as.id == issue.user.id and state != "COMMENTED":
        raise Refused(422, "Unprocessable Entity", ["Can not approve your own pull request"])
    world = call.sandbox.world
    review = Review(world.next_id(), call.who.acts_as, state, call.body.get("commit_id") or pull.head_sha, world.now())
    pull.reviews.append(review)
    return 200, call.sandbox.shapes.review(review)


def _merge(call: Call) -> Answer:
    """Merge in the way that was asked for. 405 where it cannot be merged, 409 where the head is another one now."""
    issue, pull = _pull(call)
    expected, method = call.body.get("sha"), call.body.get("merge_method", "merge")
    if pull.merged_at or issue.state != "open" or pull.draft:
        raise Refused(405, "Pull Request is not mergeable")
    if expected and expected != pull.head_sha:
        raise Refused(409, "Head branch was modified. Review and try the merge again.")
    refresh(call.repo, issue)
    base = pull.base_sha
    try:
        result = {"merge": _merge_commit, "squash": _squash, "rebase": _rebase}[method](call, issue, pull)
    except (GitError, KeyError):
        raise Refused(405, "Pull Request is not mergeable") from None
    now = call.sandbox.world.now()
    pull.merged_at, pull.merged_by, pull.merge_commit = now, call.who.acts_as, result
    issue.state, issue.closed_at, issue.updated_at = "closed", now, now
    call.sandbox.move_ref(call.repo, HEADS + pull.base, result, call.who.acts_as, old=base)
    _tell(call, issue, "closed")
    return {"sha": result, "merged": True, "message": "Pull Request successfully merged"}


def _who(call: Call) -> str:
    user = call.who.acts_as
    return f"{user.login} <{user.id}+{user.login}@users.noreply.example>"


def _merge_commit(call: Call, issue: Issue, pull: Pull) -> str:
    tree = call.repo.git.run("merge-tree", "--write-tree", pull.base_sha, pull.head_sha).split("\n")[0]
    title = f"Merge pull request #{issue.number} from {call.repo.owner.login}/{pull.head}\n\n{issue.title}"
    return call.repo.git.commit_tree(tree, [pull.base_sha, pull.head_sha], title, _who(call), call.sandbox.world.now())


def _squash(call: Call, issue: Issue, pull: Pull) -> str:
    tree = call.repo.git.run("merge-tree", "--write-tree", pull.base_sha, pull.head_sha).split("\n")[0]
    title = f"{issue.title} (#{issue.number})"
    return call.repo.git.commit_tree(tree, [pull.base_sha], title, _who(call), call.sandbox.world.now())


def _rebase(call: Call, issue: Issue, pull: Pull) -> str:
    """Each commit again on top of the base, with its author and a new committer: never the same commits."""
    git, tip = call.repo.git, pull.base_sha
    for commit in pull.commits:
        tree = _picked(call, tip, commit)
        author = next(row for row in git.run("cat-file", "commit", commit).splitlines() if row.startswith("author "))
        message = git.run("show", "-s", "--format=%B", commit)
        tip = git.commit_tree(tree, [tip], message, _who(call), call.sandbox.world.now(), author)
    return tip


def _picked(call: Call, tip: str, commit: str) -> str:
    """The tree of `commit` picked onto `tip`: a merge of the two on a common root that holds the commit's parent."""
    git, now = call.repo.git, call.sandbox.world.now()
    trees = git.run("rev-parse", f"{commit}^^{{tree}}", f"{tip}^{{tree}}", f"{commit}^{{tree}}").split()
    root = git.commit_tree(trees[0], [], "root", _who(call), now)
    sides = [git.commit_tree(tree, [root], "side", _who(call), now) for tree in trees[1:]]
    return git.run("merge-tree", "--write-tree", *sides).split("\n")[0]


ROUTES = (
    Route("GET", "/repos/{repo}/pulls", "pull_requests:read", _list),
    Route("POST", "/repos/{repo}/pulls", "pull_requests:write", _create),
    Route("GET", "/repos/{repo}/pulls/<int:number>", "pull_requests:read", _get),
    Route("PATCH", "/repos/{repo}/pulls/<int:number>", "pull_requests:write", _edit),
    Route("GET", "/repos/{repo}/pulls/<int:number>/commits", "pull_requests:read", _commits),
    Route("GET", "/repos/{repo}/pulls/<int:number>/files", "pull_requests:read", _files),
    Route("GET", "/repos/{repo}/pulls/<int:number>/reviews", "pull_requests:read", _reviews),
    Route("POST", "/repos/{repo}/pulls/<int:number>/reviews", "pull_requests:write", _review),
    Route("PUT", "/repos/{repo}/pulls/<int:number>/merge", "contents:write", _merge),
)
