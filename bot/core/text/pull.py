"""The release pull request: its commit message, its body, and what the check on it says.

The order is the order of a reviewer's questions: whose machines get this, what changes, what will a merge do,
what should worry me, how do I change my mind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from bot.core.plan import Caution, Plan, ProjectChange
from bot.core.record import ChannelOrder, Record
from bot.core.text.quote import cell, code, link, marker, mention, short
from bot.core.version import Version

LIMIT = 60_000
"""Characters of a body; GitHub takes 65,536."""
ROWS = (60, 20, 5)
"""So many rows a table keeps when everything does not fit; the first number that makes it fit."""
CHECK = "release / plan"
"""Name of the check on every pull request to a release base."""

MERGE_LINK = "this merge"


def commit_message(plan: Plan) -> str:
    """Subject and trailers of the bot's commit."""
    record = plan.record
    return (
        f"{plan.title}\n\n"
        f"Requested-by: {record.requested_by}\n"
        f"Request: {record.request}\n"
        f"Plan: {record.digest}\n"
        f"Config: {record.config}\n"
    )


def tag_message(record: Record, pull: int, merged_by: str, approvals: tuple[tuple[str, str], ...]) -> str:
    """The release record: first line for people, then one trailer a fact. `approvals` are (login, head approved)."""
    approved = "".join(f"Approved-by: {login} at {head}\n" for login, head in sorted(approvals))
    inputs = " ".join(f"{path}={blob}" for path, blob in sorted(record.inputs.items()) if blob)
    return (
        f"{record.subject}\n\n"
        f"Requested-by: {record.requested_by}\n"
        f"Request: {record.request}\n"
        f"{approved}"
        f"Merged-by: {merged_by}\n"
        f"Pull-request: {pull}\n"
        f"Plan: {record.digest}\n"
        f"Config: {record.config}\n"
        f"Group: {record.group}\n"
        f"Official: {int(record.official)}\n"
        f"SDK: {record.sdk}\n"
        f"Inputs: {inputs}\n"
    )


Compare = Callable[[str, str, str], str | None]
"""From a repository's address and two commits to the page that compares them, where there is one."""


def body(plan: Plan, compare: Compare, room: int) -> str:
    """The pull request's text in at most LIMIT less `room` characters (the sealed record follows it).

    What does not fit is dropped in the order of the least loss: commit lists, the unchanged list, long tables.
    """
    text = ""
    for subjects, unchanged, rows in (
        (True, True, 10_000),
        (False, True, 10_000),
        (False, False, 10_000),
        *((False, False, rows) for rows in ROWS),
    ):
        text = "\n\n".join(part for part in _parts(plan, compare, subjects, unchanged, rows) if part)
        if len(text) <= LIMIT - room:
            break
    return text


def _parts(plan: Plan, compare: Compare, subjects: bool, unchanged: bool, rows: int) -> Iterator[str]:
    yield _head(plan)
    yield _versions(plan)
    yield _merging(plan)
    yield _projects(plan, compare, rows)
    if subjects:
        yield _commits(plan)
    yield _waiting(plan, rows)
    if unchanged:
        yield _unchanged(plan)
    # An upstream that changed stands in the table of projects too, so of too many cautions those are left out.
    yield from map(_caution, sorted(plan.cautions, key=lambda caution: caution.kind == "upstream")[:rows])
    if len(plan.cautions) > rows:
        yield f"> [!WARNING]\n> And {len(plan.cautions) - rows} more warnings of this kind; see the changed files."
    yield _change_or_cancel(plan)


def _head(plan: Plan) -> str:
    record = plan.record
    return (
        f"### Release {record.version} (line {record.base})\n"
        f"Asked for by {mention(record.requested_by)} in #{record.issue} with {code(plan.request.text, 300)}. "
        f"Machines built from it follow **{record.group}** ({plan.group_source})."
    )


def _versions(plan: Plan) -> str:
    record = plan.record
    rows = [
        ("Version", record.previous, f"**{record.version}**"),
        ("SDK", record.sdk or "–", f"{record.sdk} (kept)" if record.sdk else "–"),
    ]
    for name, (before, after) in plan.links.items():
        if before is not None:
            reason = " (first own release of this branch)" if name == "default.xml" else ""
            changed = f"→ **{_target(after or '–')}**{reason}"
            rows.append((name, f"→ {_target(before)}", "unchanged" if before == after else changed))
    return "| | now | after merge |\n|---|---|---|\n" + "\n".join(f"| {a} | {b} | {c} |" for a, b, c in rows)


def _target(name: str) -> str:
    """Where a link leads: as it is where it is the usual kind of name, else as foreign words."""
    return name if re.fullmatch(r"[a-z]+(?:-[0-9]+)?\.xml|–", name) else cell(name)


def _merging(plan: Plan) -> str:
    record = plan.record
    rows = [(code(record.base), _now(plan, f"refs/heads/{record.base}"), "merge commit", MERGE_LINK)]
    rows.append((code(record.tag), "–", "new tag", "create"))
    for channel in record.channels:
        at = _now(plan, channel.ref) + (f" ({channel.seen})" if channel.seen else "")
        rows.append((code(channel.name), at, *_channel(plan, channel)))
    shown = {f"refs/heads/{record.base}", *(channel.ref for channel in record.channels)}
    for ref, commit in plan.refs.items():
        if ref not in shown:
            rows.append((code(ref.removeprefix("refs/heads/")), short(commit), "unchanged", "–"))
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return (
        "**Merging this PR will**\n"
        f"1. tag the merge commit {code(record.tag)} (annotated) and push it\n\n"
        f"| ref | now | after | how |\n|---|---|---|---|\n{table}\n\n"
        f"2. then {_channels(plan)}\n3. {_build(plan)}"
    )


def _channel(plan: Plan, channel: ChannelOrder) -> tuple[str, str]:
    if channel.mode == "never":
        return "unchanged", "moved by hand only"
    if not channel.moves:
        return "unchanged", "is at a newer version: stays"
    if channel.ref not in plan.refs:
        return "merge commit", "create"
    if channel.mode == "always":
        back = channel.seen is not None and Version.parse(channel.seen) > plan.version
        return "merge commit", "moves always, here BACK to a lower version" if back else "moves always"
    return "merge commit", "newer version: moves" + (", if it is a fast-forward" if channel.mode == "ff" else "")


def _channels(plan: Plan) -> str:
    moving = [code(channel.name) for channel in plan.record.channels if channel.moves]
    return f"move {', '.join(moving)} as shown" if moving else "leave every channel where it is"


def _build(plan: Plan) -> str:
    build = plan.record.build
    if build is None:
        return "start no image build (none is configured)"
    formats = f", formats {', '.join(build.formats)}" if build.formats else ""
    image = f"image {build.image}, group {plan.record.group}, official{formats}"
    return f"start **{build.workflow}** in {build.repository}: {image}"


def _now(plan: Plan, ref: str) -> str:
    commit = plan.refs.get(ref)
    return short(commit) if commit else "–"


def _projects(plan: Plan, compare: Compare, most: int) -> str:
    total = len(plan.projects) + len(plan.unchanged)
    title = f"**Projects: {len(plan.projects)} of {total} change{'s' if len(plan.projects) == 1 else ''}**"
    when = f" (heads read {plan.request.asked_at:%Y-%m-%d %H:%M} UTC)"
    if not plan.projects:
        return f"{title}{when}"
    rows = [_project(change, compare) for change in plan.projects[:most]]
    more = [f"| and {len(plan.projects) - most} more | | | | |"] if len(plan.projects) > most else []
    head = "| project | from | to | upstream | commits |\n|---|---|---|---|---|\n"
    return f"{title}{when}\n\n{head}" + "\n".join([*rows, *more])


def _project(change: ProjectChange, compare: Compare) -> str:
    page = compare(change.url, change.old, change.new)
    to = link(short(change.new), page) if page else short(change.new)
    upstream = cell(change.new_upstream)
    if change.old_upstream and change.old_upstream != change.new_upstream:
        upstream = f"{cell(change.old_upstream)} → **{cell(change.new_upstream)}**"
    return f"| {cell(change.name)} | {short(change.old)} | {to} | {upstream} | {_count(change)} |"


def _count(change: ProjectChange) -> str:
    if change.since is None:
        return "?"
    back = f", {change.since.behind} back" if change.since.behind else ""
    return f"{change.since.ahead}{back}"


def _commits(plan: Plan) -> str:
    rows = [
        f"- {code(change.name)}: {code(subject)}"
        for change in plan.projects
        if change.since
        for subject in change.since.subjects
    ]
    total = sum(change.since.ahead for change in plan.projects if change.since)
    return _details(f"Commits ({len(rows)}{f' of {total}' if total > len(rows) else ''})", rows)


def _waiting(plan: Plan, most: int) -> str:
    commits = sum(change.since.ahead for change in plan.waiting if change.since)
    rows = [f"- {code(change.name)} {short(change.old)} → {short(change.new)}" for change in plan.waiting]
    more = [f"- and {len(rows) - most} more"] if len(rows) > most else []
    projects = f"{len(rows)} project{'s' * (len(rows) != 1)}, {commits} commit{'s' * (commits != 1)}"
    return _details(f"Waiting on {plan.record.base}, NOT included ({projects})", [*rows[:most], *more])


def _unchanged(plan: Plan) -> str:
    rows = [f"- {code(name)} {short(commit)}" for name, commit in plan.unchanged]
    return _details(f"{len(rows)} unchanged projects", rows)


def _details(summary: str, rows: list[str]) -> str:
    inner = "\n".join(rows)
    return f"<details><summary>{summary}</summary>\n\n{inner}\n\n</details>" if rows else ""


def _caution(caution: Caution) -> str:
    name = code(caution.project)
    match caution.kind:
        case "upstream":
            words = f"{name} now follows {code(caution.after)} instead of {code(caution.before)}."
        case "rewind":
            back = f"{code(caution.after[:7])} is no descendant of the released pin"
            words = f"{name} goes BACK {caution.before} commit{'s' * (caution.before != '1')}: {back}."
        case "unread":
            words = f"{name} could not be read ({code(caution.before)}), so what waits there is not shown."
    return f"> [!WARNING]\n> {words}"


def _change_or_cancel(plan: Plan) -> str:
    rows = [
        "- Any merge method is fine: merge, squash or rebase. Merging is the release; nothing more is needed.",
        "- To change it: close this pull request and post a new command.",
        "- To drop it: close this pull request. The branch goes and the version is free again.",
        "- Commits pushed to this branch by others stop the publication: only the planned commit is released.",
    ]
    return _details("Change or cancel", rows)


def check(plan_digest: str, version: str, tag: str, base: str) -> tuple[str, str]:
    """Title and summary of a green `release / plan`."""
    title = f"{version} can be released from {base}"
    return title, f"Merging this pull request releases {code(tag)}. Plan {code(plan_digest)}."


def check_red(why: tuple[str, ...]) -> tuple[str, str]:
    """Title and summary of a red `release / plan`: the first reason, then all of them."""
    rows = "\n".join(f"- {code(reason, 300)}" for reason in why)
    return why[0][:120], f"Merging this pull request as it is would publish nothing:\n\n{rows}"


def check_not_a_release() -> tuple[str, str]:
    """Title and summary where the pull request has nothing to do with a release."""
    return "not a release", "This pull request is no release pull request; merging it publishes nothing."


def withdrawn(tag: str) -> str:
    """What is said on a release pull request that was closed unmerged."""
    return f"Closed without a merge: nothing was tagged, {code(tag)} is free again.\n\n{marker('withdrawn')}"
