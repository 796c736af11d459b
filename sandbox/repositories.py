"""Routes about a repository and its git data: branches, refs, commits, comparisons, files, people's roles."""

from __future__ import annotations

import base64
from typing import Any

from sandbox.api import Answer, Call, Page, Route
from sandbox.auth import Refused
from sandbox.bare import GitError
from sandbox.state import Repository

MOST_COMMITS = 250


def _repository(call: Call) -> Answer:
    return call.sandbox.shapes.repository(call.repo)


def _permission(call: Call) -> Answer:
    """GitHub's `permission` knows four words only; `role_name` tells maintain and triage apart."""
    user = call.sandbox.world.users.get(call.parameters["login"].lower())
    if user is None:
        raise Refused(404, f"{call.parameters['login']} is not a user")
    role = call.repo.role(user)
    coarse = {"maintain": "write", "triage": "read"}.get(role, role)
    return {"permission": coarse, "role_name": role, "user": call.sandbox.shapes.user(user)}


def _branches(call: Call) -> Answer:
    refs = call.repo.git.refs()
    names = sorted(ref.removeprefix("refs/heads/") for ref in refs if ref.startswith("refs/heads/"))
    return Page([_branch_shape(name, refs[f"refs/heads/{name}"]) for name in names])


def _branch(call: Call) -> Answer:
    name = call.parameters["branch"]
    sha = call.repo.git.refs().get(f"refs/heads/{name}")
    if sha is None:
        raise Refused(404, "Branch not found")
    return _branch_shape(name, sha)


def _branch_shape(name: str, sha: str) -> dict[str, Any]:
    return {"name": name, "commit": {"sha": sha}, "protected": False}


def _ref(call: Call) -> Answer:
    ref = "refs/" + call.parameters["ref"]
    refs = call.repo.git.refs()
    if ref not in refs:
        raise Refused(404, "Not Found")
    return _ref_shape(call, ref, refs)


def _matching_refs(call: Call) -> Answer:
    start = "refs/" + call.parameters.get("ref", "")
    refs = call.repo.git.refs()
    return Page(
        [_ref_shape(call, ref, refs) for ref in sorted(refs) if ref.startswith(start) and not ref.endswith("^{}")]
    )


def _ref_shape(call: Call, ref: str, refs: dict[str, str]) -> dict[str, Any]:
    kind = "tag" if ref + "^{}" in refs else "commit"
    url = f"{call.sandbox.api_url}/repos/{call.repo.full_name}/git/{ref}"
    return {"ref": ref, "node_id": f"REF_{ref}", "url": url, "object": {"type": kind, "sha": refs[ref], "url": url}}


def _delete_ref(call: Call) -> Answer:
    ref = "refs/" + call.parameters["ref"]
    if ref not in call.repo.git.refs():
        raise Refused(422, "Reference does not exist")
    call.sandbox.move_ref(call.repo, ref, None, call.who.acts_as)


def _commit(call: Call) -> Answer:
    sha = call.repo.git.resolve(call.parameters["name"])
    if sha is None:
        raise Refused(422, f"No commit found for SHA: {call.parameters['name']}")
    return commit_shape(call, call.repo, sha)


def commit_shape(call: Call, repository: Repository, sha: str) -> dict[str, Any]:
    """A commit as lists and comparisons show it."""
    text = repository.git.run("show", "-s", "--format=%T%n%P%n%an%n%ae%n%aI%n%cn%n%ce%n%cI%n%B", sha)
    tree, parents, an, ae, ad, cn, ce, cd, *message = text.split("\n")
    url = f"{call.sandbox.api_url}/repos/{repository.full_name}/commits/{sha}"
    page = f"{call.sandbox.url}/{repository.full_name}/commit/{sha}"
    return {
        "sha": sha,
        "node_id": f"C_{sha}",
        "url": url,
        "html_url": page,
        "commit": {
            "author": {"name": an, "email": ae, "date": ad},
            "committer": {"name": cn, "email": ce, "date": cd},
            "message": "\n".join(message).strip(),
            "tree": {"sha": tree, "url": url},
            "url": url,
            "comment_count": 0,
        },
        "author": None,
        "committer": None,
        "parents": [{"sha": parent, "url": url, "html_url": page} for parent in parents.split()],
    }


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
    status = "diverged" if ahead and behind else "ahead" if ahead else "behind" if behind else "identical"
    return {
        "url": f"{call.sandbox.api_url}/repos/{call.repo.full_name}/compare/{call.parameters['basehead']}",
        "html_url": f"{call.sandbox.url}/{call.repo.full_name}/compare/{call.parameters['basehead']}",
        "status": status,
        "ahead_by": ahead,
        "behind_by": behind,
        "total_commits": len(commits),
        "base_commit": commit_shape(call, call.repo, base),
        "merge_base_commit": commit_shape(call, call.repo, middle),
        "commits": _one_page(call, commits),
        "files": [],
    }


def _one_page(call: Call, commits: list[str]) -> list[dict[str, Any]]:
    """GitHub pages the commits of a comparison, oldest first; without `per_page` it shows 250."""
    size = int(call.query("per_page") or MOST_COMMITS)
    page = int(call.query("page") or 1)
    return [commit_shape(call, call.repo, sha) for sha in commits[(page - 1) * size : page * size]]


def _contents(call: Call) -> Answer:
    path, git = call.parameters["path"], call.repo.git
    commit = git.resolve(call.query("ref") or call.repo.default_branch)
    listing = git.run("ls-tree", commit or "HEAD", "--", path) if commit else ""
    if not listing:
        raise Refused(404, "Not Found")
    mode, _, sha = listing.split("\t")[0].split(" ")
    data = git.read("cat-file", "blob", sha)
    shape = {
        "type": "symlink" if mode == "120000" else "file",
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": sha,
        "size": len(data),
        "url": f"{call.sandbox.api_url}/repos/{call.repo.full_name}/contents/{path}",
    }
    if mode == "120000":
        return {**shape, "target": data.decode()}
    return {**shape, "encoding": "base64", "content": base64.b64encode(data).decode()}


def _collaborators(call: Call) -> Answer:
    users = [call.sandbox.world.users[login.lower()] for login in sorted(call.repo.roles)]
    return Page([{**call.sandbox.shapes.user(user), "role_name": call.repo.role(user)} for user in users])


ROUTES = (
    Route("GET", "/repos/{repo}", "metadata:read", _repository),
    Route("GET", "/repos/{repo}/collaborators", "metadata:read", _collaborators),
    Route("GET", "/repos/{repo}/collaborators/<login>/permission", "metadata:read", _permission),
    Route("GET", "/repos/{repo}/branches", "contents:read", _branches),
    Route("GET", "/repos/{repo}/branches/<path:branch>", "contents:read", _branch),
    Route("GET", "/repos/{repo}/git/ref/<path:ref>", "contents:read", _ref),
    Route("GET", "/repos/{repo}/git/matching-refs/<path:ref>", "contents:read", _matching_refs),
    Route("DELETE", "/repos/{repo}/git/refs/<path:ref>", "contents:write", _delete_ref),
    Route("GET", "/repos/{repo}/commits/<name>", "contents:read", _commit),
    Route("GET", "/repos/{repo}/compare/<path:basehead>", "contents:read", _compare),
    Route("GET", "/repos/{repo}/contents/<path:path>", "contents:read", _contents),
)
