"""Routes about a repository and its git data: branches, refs, commits, comparisons, people's roles."""

from __future__ import annotations

import re
from typing import Any

from sandbox import rules
from sandbox.api import Answer, Call, Page, Route
from sandbox.auth import Refused
from sandbox.bare import HEADS, TAGS, ZERO, GitError

MOST_COMMITS = 250
MOST_LISTED = 10_000
MOST_FILES = 300
OBJECT_ID = re.compile(r"[0-9a-f]{40}")
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def _repository(call: Call) -> Answer:
    return call.sandbox.shapes.repository(call.repo, full=True)


def _permission(call: Call) -> Answer:
    """GitHub's `permission` knows four words only; `role_name` tells maintain and triage apart."""
    user = call.sandbox.world.users.get(call.parameters["login"].lower())
    if user is None:
        raise Refused(404, f"{call.parameters['login']} is not a user")
    role = call.repo.role(user)
    coarse = {"maintain": "write", "triage": "read"}.get(role, role)
    shape = {**call.sandbox.shapes.user(user), "role_name": role}
    return {"permission": coarse, "role_name": role, "user": shape}


def _collaborators(call: Call) -> Answer:
    users = [call.sandbox.world.users[login.lower()] for login in sorted(call.repo.roles)]
    return Page([{**call.sandbox.shapes.user(user), "role_name": call.repo.role(user)} for user in users])


def _branches(call: Call) -> Answer:
    refs = call.repo.git.refs()
    names = sorted(ref.removeprefix(HEADS) for ref in refs if ref.startswith(HEADS))
    url = f"{call.sandbox.api_url}/repos/{call.repo.full_name}/commits"
    return Page(
        names,
        show=lambda name: {
            "name": name,
            "commit": {"sha": refs[HEADS + name], "url": f"{url}/{refs[HEADS + name]}"},
            "protected": False,
        },
    )


def _branch(call: Call) -> Answer:
    name = call.parameters["branch"]
    sha = call.repo.git.refs().get(HEADS + name)
    if sha is None:
        raise Refused(404, "Branch not found")
    repo = call.repo.full_name
    api, page = f"{call.sandbox.api_url}/repos/{repo}/branches/{name}", f"{call.sandbox.url}/{repo}/tree/{name}"
    return {
        "name": name,
        "commit": call.sandbox.shapes.commit(call.repo, sha),
        "_links": {"self": api, "html": page},
        "protected": False,
        "protection": {"enabled": False},
        "protection_url": f"{api}/protection",
    }


def _ref(call: Call) -> Answer:
    ref = "refs/" + call.parameters["ref"]
    refs = call.repo.git.refs()
    if ref not in refs:
        raise Refused(404, "Not Found")
    return _ref_shape(call, ref, refs)


def _matching_refs(call: Call) -> Answer:
    start = "refs/" + call.parameters["ref"]
    refs = call.repo.git.refs()
    found = sorted(ref for ref in refs if ref.startswith(start) and not ref.endswith("^{}"))
    return Page(found, show=lambda ref: _ref_shape(call, ref, refs))


def _ref_shape(call: Call, ref: str, refs: dict[str, str]) -> dict[str, Any]:
    kind = "tag" if ref + "^{}" in refs else "commit"
    url = f"{call.sandbox.api_url}/repos/{call.repo.full_name}/git"
    thing = {"type": kind, "sha": refs[ref], "url": f"{url}/{kind}s/{refs[ref]}"}
    return {"ref": ref, "node_id": f"REF_{ref}", "url": f"{url}/{ref}", "object": thing}


def _create_ref(call: Call) -> Answer:
    ref, sha = call.need("ref"), call.need("sha")
    if not ref.startswith("refs/") or ref.count("/") < 2 or not _is_allowed(ref):
        raise Refused(422, "Reference name must start with 'refs/' and have at least three parts.")
    refs = call.repo.git.refs()
    if not any(name.startswith(HEADS) for name in refs):
        raise Refused(409, "Git Repository is empty.")
    if ref in refs:
        raise Refused(422, "Reference already exists")
    _move(call, ref, sha, ZERO)
    return 201, _ref_shape(call, ref, call.repo.git.refs())


def _update_ref(call: Call) -> Answer:
    """Fast-forwards only, unless `force` says otherwise."""
    ref, sha = "refs/" + call.parameters["ref"], call.need("sha")
    old = call.repo.git.refs().get(ref)
    if old is None:
        raise Refused(422, "Reference does not exist")
    if not call.body.get("force") and not call.repo.git.is_ancestor(old, sha):
        raise Refused(422, "Update is not a fast forward")
    _move(call, ref, sha, old)
    return _ref_shape(call, ref, call.repo.git.refs())


def _is_allowed(ref: str) -> bool:
    """refs/pull/ belongs to GitHub."""
    return not ref.startswith("refs/pull/")


def _move(call: Call, ref: str, sha: str, old: str) -> None:
    """GitHub takes full ids only; git would take any name of a commit, and options."""
    if not OBJECT_ID.fullmatch(sha) or not sha.strip("0"):
        raise Refused(422, "Object does not exist")
    rules.enforce(call, ref, old, sha)
    try:
        call.sandbox.move_ref(call.repo, ref, sha, call.who.acts_as, old)
    except GitError:
        raise Refused(422, "Object does not exist") from None


def _delete_ref(call: Call) -> Answer:
    ref = "refs/" + call.parameters["ref"]
    refs = call.repo.git.refs()
    if ref not in refs or not ref.startswith((HEADS, TAGS)):
        raise Refused(422, "Reference does not exist")
    if ref == HEADS + call.repo.default_branch:
        raise Refused(422, "Cannot delete the default branch")
    rules.enforce(call, ref, refs[ref], ZERO)
    call.sandbox.move_ref(call.repo, ref, None, call.who.acts_as)


def _commits(call: Call) -> Answer:
    """From a branch or commit back, newest first; with `path`, those that touched it."""
    start = call.repo.git.resolve(call.query("sha") or call.repo.default_branch)
    if start is None:
        raise Refused(404, "Not Found")
    path = call.query("path")
    found = call.repo.git.run("rev-list", f"-{MOST_LISTED}", start, "--", *([path] if path else [])).split()
    return Page(found, show=lambda sha: call.sandbox.shapes.commit(call.repo, sha))


def _commit(call: Call) -> Answer:
    """One commit, with the files that it changed from its first parent."""
    sha = call.repo.git.resolve(call.parameters["name"])
    if sha is None:
        raise Refused(422, f"No commit found for SHA: {call.parameters['name']}")
    shape = call.sandbox.shapes.commit(call.repo, sha)
    before = shape["parents"][0]["sha"] if shape["parents"] else EMPTY_TREE
    files = call.sandbox.shapes.files(call.repo, f"{before} {sha}", sha)
    added, removed = sum(each["additions"] for each in files), sum(each["deletions"] for each in files)
    return {**shape, "stats": {"additions": added, "deletions": removed, "total": added + removed}, "files": files}


def _compare(call: Call) -> Answer:
    """Two commits: 404 for what is unknown here or has no common ancestor."""
    base_name, dots, head_name = call.parameters["basehead"].partition("...")
    git = call.repo.git
    base, head = git.resolve(base_name), git.resolve(head_name)
    if not dots or base is None or head is None:
        raise Refused(404, "Not Found")
    try:
        middle = git.run("merge-base", base, head)
    except GitError:
        raise Refused(404, f"No common ancestor between {base_name} and {head_name}.") from None
    behind, ahead = (int(count) for count in git.run("rev-list", "--left-right", "--count", f"{base}...{head}").split())
    commits = git.run("rev-list", "--reverse", f"{base}..{head}").split()
    span = f"{call.repo.full_name}/compare/{call.parameters['basehead']}"
    page = f"{call.sandbox.url}/{span}"
    first = call.query("page", "1") == "1"
    return {
        "url": f"{call.sandbox.api_url}/repos/{span}",
        "html_url": page,
        "permalink_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "status": "diverged" if ahead and behind else "ahead" if ahead else "behind" if behind else "identical",
        "ahead_by": ahead,
        "behind_by": behind,
        "total_commits": len(commits),
        "base_commit": call.sandbox.shapes.commit(call.repo, base),
        "merge_base_commit": call.sandbox.shapes.commit(call.repo, middle),
        "commits": _one_page(call, commits),
        "files": call.sandbox.shapes.files(call.repo, f"{middle} {head}", head)[:MOST_FILES] if first else [],
    }


def _one_page(call: Call, commits: list[str]) -> list[dict[str, Any]]:
    """GitHub pages the commits of a comparison, oldest first; without `per_page` it shows 250."""
    size = int(call.query("per_page") or MOST_COMMITS)
    page = int(call.query("page") or 1)
    return [call.sandbox.shapes.commit(call.repo, sha) for sha in commits[(page - 1) * size : page * size]]


ROUTES = (
    Route("GET", "/repos/{repo}", "metadata:read", _repository),
    Route("GET", "/repos/{repo}/collaborators", "metadata:read", _collaborators),
    Route("GET", "/repos/{repo}/collaborators/<login>/permission", "metadata:read", _permission),
    Route("GET", "/repos/{repo}/branches", "contents:read", _branches),
    Route("GET", "/repos/{repo}/branches/<path:branch>", "contents:read", _branch),
    Route("GET", "/repos/{repo}/git/ref/<path:ref>", "contents:read", _ref),
    Route("GET", "/repos/{repo}/git/matching-refs/<path:ref>", "contents:read", _matching_refs),
    Route("POST", "/repos/{repo}/git/refs", "contents:write", _create_ref),
    Route("PATCH", "/repos/{repo}/git/refs/<path:ref>", "contents:write", _update_ref),
    Route("DELETE", "/repos/{repo}/git/refs/<path:ref>", "contents:write", _delete_ref),
    Route("GET", "/repos/{repo}/commits", "contents:read", _commits),
    Route("GET", "/repos/{repo}/commits/<name>", "contents:read", _commit),
    Route("GET", "/repos/{repo}/compare/<path:basehead>", "contents:read", _compare),
)
