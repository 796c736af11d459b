"""Merging a pull request in GitHub's three ways, with real git on the bare repository."""

from __future__ import annotations

from sandbox import rules
from sandbox.api import Answer, Call, Route
from sandbox.auth import Refused, need_role
from sandbox.bare import HEADS, GitError
from sandbox.pulls import closed, find, refresh
from sandbox.state import Issue, Pull

GONE = "Base branch was modified. Review and try the merge again."


def _is_merged(call: Call) -> Answer:
    """204 when it is merged, 404 when not."""
    if find(call)[1].merged_at is None:
        raise Refused(404, "Not Found")


def _merge(call: Call) -> Answer:
    """Merge in the way that was asked for. 405 where it cannot be merged, 409 where the head is another one now."""
    need_role(call.who, call.repo, "write")
    issue, pull = find(call)
    expected, method = call.body.get("sha"), call.body.get("merge_method", "merge")
    if pull.merged_at or issue.state != "open" or pull.draft:
        raise Refused(405, "Pull Request is not mergeable")
    if method not in METHODS:
        raise Refused(422, f"Invalid request.\n\n{method} is not a merge method.")
    if expected and expected != pull.head_sha:
        raise Refused(409, "Head branch was modified. Review and try the merge again.")
    refresh(call.repo, issue)
    rules.enforce_merge(call, pull, issue.user.id, method)
    try:
        result = METHODS[method](call, issue, pull)
    except GitError:
        raise Refused(405, "Pull Request is not mergeable") from None
    before = call.repo.git.refs()
    try:
        call.repo.git.update(HEADS + pull.base, result, pull.base_sha)
    except GitError:  # a push came in between
        raise Refused(409, GONE) from None
    pull.merged_at, pull.merged_by, pull.merge_commit = call.sandbox.world.now(), call.who.acts_as, result
    issue.state = "closed"
    call.sandbox.pushed(call.repo, before, call.who.acts_as)
    closed(call.sandbox, call.repo, issue, call.who.acts_as)
    return {"sha": result, "merged": True, "message": "Pull Request successfully merged"}


def _who(call: Call) -> str:
    user = call.who.acts_as
    return f"{user.login} <{user.id}+{user.login}@users.noreply.example>"


def _message(call: Call, title: str, text: str) -> str:
    title, text = call.body.get("commit_title") or title, call.body.get("commit_message", text)
    return f"{title}\n\n{text}".rstrip()


def _merge_commit(call: Call, issue: Issue, pull: Pull) -> str:
    tree = call.repo.git.run("merge-tree", "--write-tree", pull.base_sha, pull.head_sha).split("\n")[0]
    home = call.sandbox.world.repositories.get(pull.head_repository or 0, call.repo)
    text = _message(call, f"Merge pull request #{issue.number} from {home.owner.login}/{pull.head}", issue.title)
    return call.repo.git.commit_tree(tree, [pull.base_sha, pull.head_sha], text, _who(call), call.sandbox.world.now())


def _squash(call: Call, issue: Issue, pull: Pull) -> str:
    tree = call.repo.git.run("merge-tree", "--write-tree", pull.base_sha, pull.head_sha).split("\n")[0]
    text = _message(call, f"{issue.title} (#{issue.number})", "")
    return call.repo.git.commit_tree(tree, [pull.base_sha], text, _who(call), call.sandbox.world.now())


def _rebase(call: Call, issue: Issue, pull: Pull) -> str:
    """Each commit again on top of the base, with its author and a new committer: never the same commits."""
    git, tip = call.repo.git, pull.base_sha
    for commit in pull.commits:
        parents = git.run("rev-list", "--parents", "-1", commit).split()[1:]
        if len(parents) > 1:  # merges are left out of a rebase
            continue
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


METHODS = {"merge": _merge_commit, "squash": _squash, "rebase": _rebase}

ROUTES = (
    Route("GET", "/repos/{repo}/pulls/<int:number>/merge", "pull_requests:read", _is_merged),
    Route("PUT", "/repos/{repo}/pulls/<int:number>/merge", "contents:write", _merge),
)
