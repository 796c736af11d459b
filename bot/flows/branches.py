"""Make the branches that a new release line needs in its projects' own repositories, where they follow it from then on.

Each is made once, at the commit that the release pinned, and never moved: what people do with it is their work. None
delays or vetoes anything, for the release itself is pinned; only the next one of the line will miss a branch.
"""

from __future__ import annotations

import shlex

from bot.core.hub import RepositoryId, name_on_hub
from bot.core.record import LineOrder, ProjectBranch
from bot.core.text import progress as words
from bot.core.text.quote import code, short
from bot.flows.desk import Desk
from bot.gh import Branch
from bot.outage import Denied, Outage

NAME = 255
"""So many characters of a name or path are shown: all, so that two rows are never about the same step."""
COMMAND = 1000
"""So many of a command to type: one that is cut could not be typed."""


def ensure_project_branches(desk: Desk, which: RepositoryId, version: str) -> bool:
    """Have each branch that the release's line needs in a project's repository, and tell of each in the progress.

    Returns whether one was left because GitHub did not answer: it is tried again later, and nothing waits for it.
    """
    release = desk.store.release(which.id, version)
    if release is None:
        raise LookupError(f"release {version} of {which.name} is not in the store")
    line = release.plan.line
    if line is None or not line.projects:
        return False
    settled = {row.step for row in words.rows_from_json(release.rows) if row.state in ("done", "skipped")}
    wanted = {_step(line, project): project for project in line.projects}
    rows = [_ensure(desk, which, line, step, wanted[step]) for step in wanted if step not in settled]
    desk.store.add_rows(which.id, version, words.rows_to_json(rows))
    return any(row.state == "waiting" for row in rows)


def _step(line: LineOrder, project: ProjectBranch) -> str:
    """What the row is about; its path too where two of that name would start the branch differently."""
    starts = {(each.url, each.commit) for each in line.projects if each.name == project.name}
    place = f" at {code(project.path, NAME)}" if len(starts) > 1 else ""
    return f"{code(line.branch)} of {code(project.name, NAME)}{place}"


def _ensure(desk: Desk, which: RepositoryId, line: LineOrder, step: str, project: ProjectBranch) -> words.Row:
    name = name_on_hub(project.url, desk.settings.github_web_url)
    if name is None:
        return _by_hand(desk, line, step, project, "it is not on this GitHub")
    try:
        found = desk.hub.branches(which, name).ensure(line.branch, project.commit)
    except Outage as outage:
        return words.Row(step, "waiting", desk.now(), code(outage.reason))
    except Denied as refusal:
        return _by_hand(desk, line, step, project, code(refusal.reason, 2 * NAME))
    return _told(desk, step, project, found)


def _told(desk: Desk, step: str, project: ProjectBranch, found: Branch) -> words.Row:
    match found.state:
        case "made":
            return words.Row(step, "done", desk.now(), f"new, at {short(found.commit)}")
        case "there":
            return words.Row(step, "done", desk.now(), f"at {short(found.commit)}")
        case "elsewhere":
            detail = f"stays at {short(found.commit)}; the release has {short(project.commit)}"
            return words.Row(step, "skipped", desk.now(), detail)


def _by_hand(desk: Desk, line: LineOrder, step: str, project: ProjectBranch, why: str) -> words.Row:
    """The row of a branch that a person must make. The address is anybody's text, and this goes into a shell."""
    command = shlex.join(["git", "push", project.url, f"{project.commit}:{line.ref}"])
    detail = f"not made: {why}. In a clone that has the commit, type {code(command, COMMAND)}"
    return words.Row(step, "failed", desk.now(), detail)
