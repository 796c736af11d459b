"""Routes about the files of a commit."""

from __future__ import annotations

import base64
import posixpath
from typing import Any

from sandbox.api import Answer, Call, Route
from sandbox.auth import Refused


def _contents(call: Call) -> Answer:
    """A file, a folder, or a link. A link to a file of the repository is answered with that file's content."""
    path, git = call.parameters["path"].strip("/"), call.repo.git
    commit = git.resolve(call.query("ref") or call.repo.default_branch)
    if commit is None:
        raise Refused(404, f"No commit found for the ref {call.query('ref')}")
    if not path:
        return _folder(call, commit, "")
    entry = git.run("ls-tree", "-z", commit, "--", f":(literal){path}").rstrip("\0")
    if not entry:
        raise Refused(404, "Not Found")
    mode, kind, sha = entry.split("\t")[0].split(" ")
    if kind == "tree":
        return _folder(call, commit, path)
    shape = _content_shape(call, path, sha, "file")
    if kind == "commit":
        return {**shape, "type": "submodule", "size": 0}
    data = git.read("cat-file", "blob", sha)
    if mode == "120000":
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), data.decode("utf-8", "replace")))
        aim = git.run("ls-tree", "-z", commit, "--", f":(literal){target}").split("\t")[0].split(" ")
        if aim[0] not in ("100644", "100755"):
            return {**shape, "type": "symlink", "target": data.decode("utf-8", "replace"), "size": len(data)}
        shape = _content_shape(call, path, aim[2], "file")
        data = git.read("cat-file", "blob", aim[2])
    return {**shape, "size": len(data), "encoding": "base64", "content": base64.encodebytes(data).decode()}


def _folder(call: Call, commit: str, path: str) -> Answer:
    start = [f":(literal){path}/"] if path else []
    shapes = []
    for entry in call.repo.git.run("ls-tree", "-z", "-l", commit, "--", *start).rstrip("\0").split("\0"):
        fields, _, name = entry.partition("\t")
        mode, kind, sha, size = fields.split()
        word = {"tree": "dir", "commit": "submodule"}.get(kind, "symlink" if mode == "120000" else "file")
        shapes.append({**_content_shape(call, name, sha, word), "size": int(size) if size.isdigit() else 0})
    return shapes


def _content_shape(call: Call, path: str, sha: str, kind: str) -> dict[str, Any]:
    ref = call.query("ref") or call.repo.default_branch
    repo, name = f"{call.sandbox.api_url}/repos/{call.repo.full_name}", call.repo.full_name
    url, page = f"{repo}/contents/{path}?ref={ref}", f"{call.sandbox.url}/{name}/blob/{ref}/{path}"
    git = f"{repo}/git/{'trees' if kind == 'dir' else 'blobs'}/{sha}"
    return {
        "type": kind,
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": sha,
        "size": 0,
        "url": url,
        "html_url": page,
        "git_url": git,
        "download_url": None if kind == "dir" else f"{call.sandbox.url}/{name}/raw/{ref}/{path}",
        "_links": {"self": url, "git": git, "html": page},
    }


ROUTES = (Route("GET", "/repos/{repo}/contents/<path:path>", "contents:read", _contents),)
