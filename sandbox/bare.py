"""Git on the sandbox's bare repositories: constant commands, a clean environment, bytes in and out."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

CLEAN = {
    "PATH": os.environ.get("PATH", os.defpath),
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
    "HOME": os.devnull,
}
ZERO = "0" * 40
HEADS, TAGS = "refs/heads/", "refs/tags/"
REPORT = "SANDBOX_PUSH_REPORT"
"""Names the file to which a repository's hook writes the refs that a push moved: `OLD NEW REF`, one a line."""
JUDGE = "SANDBOX_JUDGE"
"""Names the command that judges the moves of a push by the repository's rulesets."""
HOOK = f'#!/bin/sh\n[ -z "${REPORT}" ] || cat > "${REPORT}"\n'
RULING = f"#!/bin/sh\nexec ${JUDGE}\n"
SETTINGS = """\
[http]
\treceivepack = true
[uploadpack]
\tallowFilter = true
\tallowAnySHA1InWant = true
[receive]
\tfsckObjects = true
\thideRefs = refs/pull
\tautogc = false
[gc]
\tauto = 0
"""
"""As GitHub serves repositories: partial fetches, any commit may be asked for, pushes checked, pull/* its own."""


class GitError(Exception):
    """A git command said no; the message is its last words."""


class Git:
    """One bare repository."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def init(self, default_branch: str) -> None:
        """Make it, set up as GitHub serves repositories."""
        self.path.mkdir(parents=True)
        self.run("init", "--quiet", "--bare", "--template=", f"--initial-branch={default_branch}", ".")
        with (self.path / "config").open("a") as file:
            file.write(SETTINGS)
        hooks = self.path / "hooks"
        hooks.mkdir()
        for name, script in (("post-receive", HOOK), ("proc-receive", RULING)):
            (hooks / name).write_text(script)
            (hooks / name).chmod(0o755)

    def run(self, *arguments: str, data: bytes | None = None, env: Mapping[str, str] | None = None) -> str:
        """What the command prints, without the last line end. Raises GitError when it fails."""
        return self.read(*arguments, data=data, env=env).decode("utf-8", "replace").removesuffix("\n")

    def read(self, *arguments: str, data: bytes | None = None, env: Mapping[str, str] | None = None) -> bytes:
        """The same, as bytes."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            input=data,
            capture_output=True,
            env={**CLEAN, **(env or {})},
            check=False,
        )
        if done.returncode:
            raise GitError(done.stderr.decode("utf-8", "replace").strip()[-500:])
        return done.stdout

    def refs(self) -> dict[str, str]:
        """Every ref with its object, annotated tags also peeled as `ref^{}`."""
        found = {}
        for line in self.run("for-each-ref", "--format=%(refname) %(objectname) %(*objectname)").splitlines():
            ref, object_id, *peeled = line.split(" ")
            found[ref] = object_id
            if peeled and peeled[0]:
                found[ref + "^{}"] = peeled[0]
        return found

    def resolve(self, name: str) -> str | None:
        """The commit that a branch, ref or (abbreviated) id stands for, or None."""
        if not name or "\n" in name or name.startswith("-"):
            return None
        names = (f"refs/heads/{name}", f"refs/tags/{name}", name)
        asked = "".join(f"{each}^{{commit}}\n" for each in names).encode()
        for line in self.run("cat-file", "--batch-check=%(objectname) %(objecttype)", data=asked).splitlines():
            found, _, kind = line.rpartition(" ")
            if kind == "commit":
                return found
        return None

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether `old` is reachable from `new`."""
        try:
            self.read("merge-base", "--is-ancestor", old, new)
        except GitError:
            return False
        return True

    def commit_tree(
        self, tree: str, parents: list[str], message: str, who: str, when: datetime, author: str = ""
    ) -> str:
        """A commit of this tree. `who` and `author` are "Name <email>"."""
        stamp = f"{int(when.timestamp())} +0000"
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
        lines += [author or f"author {who} {stamp}", f"committer {who} {stamp}"]
        payload = "\n".join(lines) + f"\n\n{message.rstrip()}\n"
        return self.run("hash-object", "-t", "commit", "-w", "--stdin", data=payload.encode())

    def update(self, ref: str, new: str | None, old: str | None = None) -> None:
        """Move, create or (None) delete a ref, where it still is `old` if that is given."""
        expected = [old] if old else []
        self.run("update-ref", *(["-d", ref, *expected] if new is None else [ref, new, *expected]))
