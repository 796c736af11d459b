"""One real release, planned again: `python -m tests.replay.planner` reads requests, one JSON a line, and answers each.

A thin adapter: it turns a request into a snapshot, a request of ours and what the servers answered, and writes what
the planner says. It knows no rule of releases; where that repository's habits differ from our defaults, it sets the
options that say so.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.core.command import Override
from bot.core.config import Config, ManifestFiles, Sdk
from bot.core.plan import Plan, Request, look_up, plan, recall
from bot.core.resolve import Answers, Found, Move, Questions, Unknown, Wanted
from bot.core.snapshot import HEADS, TAGS, Snapshot
from bot.core.text.refusals import refused
from bot.core.tree import Entry, Tree
from bot.core.version import BadVersionFile, Dialect, Version, VersionFile
from bot.hand.clone import Clone
from bot.reading import with_past

URL = "https://github.com/coreos/manifest"
KINDS = ("new", "branch", "patch")


def is_main(branch: str) -> bool:
    """Whether it is a main branch: `master`, or a fork's own such as `flatcar-master`."""
    return branch.endswith("master")


def main() -> int:
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()
    return 0


def answer(case: dict[str, Any]) -> dict[str, Any]:
    if case["command"] not in KINDS:
        return {"error": f"there is no command {case['command']}"}
    request = request_of(case)
    snapshot = with_history(case, snapshot_of(case), request)
    questions = look_up(snapshot, request)
    if not isinstance(questions, Questions):
        return {"error": refused(questions)}
    made = plan(snapshot, request, Servers(case).answer(questions))
    if not isinstance(made, Plan):
        return {"error": refused(made)}
    after = snapshot.tree.with_changes(made.changes)
    told = {"tree": written(after)}
    return {**told, "follow_up_tree": written(after.with_changes(made.second))} if made.second else told


def snapshot_of(case: dict[str, Any]) -> Snapshot:
    """The branch before the release. A case has no tags, so the versions that it names count as released."""
    tree = Tree(
        {
            path: Entry(file["mode"], file["text"].encode("utf-8", "surrogateescape"))
            for path, file in case["tree"].items()
        }
    )
    refs = {HEADS + case["base_branch"]: case["before"]}
    refs |= {f"{TAGS}v{version}": case["before"] for version in named_versions(case, tree)}
    return Snapshot(1, URL, case["base_branch"], case["before"], tree, config_of(case), refs, {})


def with_history(case: dict[str, Any], snapshot: Snapshot, request: Request) -> Snapshot:
    """The snapshot with a release manifest of before, read as the product reads it, where the branch has none."""
    if not recall(snapshot, request).manifest:
        return snapshot
    with tempfile.TemporaryDirectory() as scratch, Clone.open(case["repo"], Path(scratch), offline=True) as clone:
        return with_past(clone, snapshot, request)


def named_versions(case: dict[str, Any], tree: Tree) -> list[str]:
    try:
        versions = VersionFile.read(tree, "version.txt")
    except BadVersionFile:
        return []
    named = (versions.sdk, case["sdk"])
    return [sdk.partition("+")[0] for sdk in named if sdk and sdk != "keep"]


def config_of(case: dict[str, Any]) -> Config:
    """The habits of that repository, as its configuration would say them."""
    base = case["base_branch"]
    on_link_line = not is_main(base) and "link" in case["layout"]
    return Config(
        manifest=ManifestFiles(
            main_branch=base if is_main(base) else "master",
            line_branch="build-{build}" if is_main(base) else re.sub("[0-9]+$", "{build}", base),
            layout="link" if "link" in case["layout"] else "tracking",
            old_manifests="remove-oldest",
            default_link="keep" if on_link_line else "switch",
            branch_projects=tuple(case.get("follow_up") or ()),
        ),
        sdk=Sdk(allow_build_id=True),
    )


def request_of(case: dict[str, Any]) -> Request:
    on_main = is_main(case["base_branch"])
    return Request(
        kind=case["command"],
        line=None if on_main else case["base_branch"],
        overrides=tuple(
            Override(override["path"], override.get("revision") or override.get("upstream"), override.get("upstream"))
            for override in case["overrides"]
        ),
        flags=frozenset({"allow-empty", "allow-jump", "allow-rewind"}),
        actor="operator",
        text=case["command"],
        issue=0,
        comment=0,
        asked_at=datetime.fromisoformat(case["date"]),
        version=Version.parse(case["version"]) if case["version"] else None,
        projects="all" if on_main else "none" if "link" in case["layout"] else "branched",
        sdk=case["sdk"],
        renames={each["path"]: each["rename"] for each in case["overrides"] if each.get("rename")},
        old_manifests=None if case["cleanup"] is None else tuple(case["cleanup"]),
        dest_branch=case["dest_branch"] or None,
        dialect=Dialect.NAMES_SDK if case["layout"].startswith("D-") else None,
    )


@dataclass(frozen=True)
class Servers:
    """What an ls-remote would have answered."""

    case: dict[str, Any]

    def answer(self, questions: Questions) -> Answers:
        return Answers(
            followed={want.project.path: self.look(want) for want in questions.followed},
            named={want.project.path: self.look(want) for want in questions.named},
        )

    def look(self, want: Wanted) -> Found:
        new_names = {each["path"]: each.get("rename") for each in self.case["overrides"]}
        name = new_names.get(want.project.path) or want.project.name
        if want.is_commit:
            return Move(want.revision, want.upstream)
        heads = self.case["heads"].get(name, {})
        commit = heads.get(want.revision) or heads.get(want.ref or "")
        return Move(commit, want.upstream) if commit else Unknown(want.revision)


def written(tree: Tree) -> dict[str, dict[str, str]]:
    return {
        path: {"mode": entry.mode, "text": entry.data.decode("utf-8", "surrogateescape")}
        for path, entry in tree.entries.items()
    }


if __name__ == "__main__":
    sys.exit(main())
