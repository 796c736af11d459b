"""The release pull request: its commit message, its body, and what the check on it says.

The order is the order of a reviewer's questions: whose machines get this, what changes, what will a merge do,
what should worry me, how do I change my mind.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from bot.core.plan import Caution, Plan, ProjectChange, RefChange
from bot.core.record import ChannelOrder, Record
from bot.core.sensitive import Sensitive
from bot.core.signature import Kind
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


def tag_message(record: Record, pull: int | None, merged_by: str, approvals: tuple[tuple[str, str], ...]) -> str:
    """The release record: first line for people, then one trailer a fact. `approvals` are (login, head approved).

    Without a pull request it was released by hand, by `merged_by`.
    """
    approved = "".join(f"Approved-by: {login} at {head}\n" for login, head in sorted(approvals))
    adopted = f"Adopted-by: {record.adoption.by} at {record.adoption.head}\n" if record.adoption else ""
    inputs = " ".join(f"{path}={blob}" for path, blob in sorted(record.inputs.items()) if blob)
    return (
        f"{record.subject}\n\n"
        f"Requested-by: {record.requested_by}\n"
        f"Request: {record.request}\n"
        f"{approved}"
        f"{adopted}"
        f"Merged-by: {merged_by}\n"
        f"Pull-request: {pull or 'none, by hand'}\n"
        f"Plan: {record.digest}\n"
        f"Config: {record.config}\n"
        f"Group: {record.group}\n"
        f"Official: {int(record.official)}\n"
        f"SDK: {record.sdk}\n"
        f"Inputs: {inputs}\n"
    )


def body(plan: Plan, room: int, signed: Kind = "none") -> str:
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
        text = "\n\n".join(part for part in _parts(plan, subjects, unchanged, rows, signed) if part)
        if len(text) <= LIMIT - room:
            break
    return text


def _parts(plan: Plan, subjects: bool, unchanged: bool, rows: int, signed: Kind) -> Iterator[str]:
    yield _head(plan)
    yield _versions(plan)
    yield _merging(plan, signed)
    yield _projects(plan, rows)
    yield sensitive_block(plan.sensitive, rows)
    yield _second_commit(plan)
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
    off = f", off {code(record.base)}" if record.line else ""
    place = f" in #{record.issue}" if record.issue else " by hand"
    return (
        f"### Release {record.version} (line {plan.line}{off})\n"
        f"Asked for by {mention(record.requested_by)}{place} with {code(plan.request.text, 300)}. "
        f"Machines built from it follow **{record.group}** ({plan.group_source})."
    )


_HOW = {"kept": "kept", "previous": "the version before", "asked": "as asked"}


def _versions(plan: Plan) -> str:
    record, sdk = plan.record, plan.sdk
    rows = [
        ("Version", record.previous, f"**{record.version}**"),
        ("SDK", sdk.before or "–", f"{sdk.version} ({_HOW[sdk.how]})"),
    ]
    for name, (before, after) in plan.links.items():
        if before is not None or after is not None:
            opens = name == "default.xml" and not record.line
            changed = f"→ **{_target(after or '–')}**{' (first own release of this branch)' if opens else ''}"
            now = f"→ {_target(before)}" if before else "a file" if name in plan.changes and not record.line else "–"
            rows.append((name, now, "unchanged" if before == after else changed))
    gone = [path for path, entry in plan.changes.items() if entry is None]
    if gone:
        rows.append(("old manifests", ", ".join(map(_target, gone)), "removed"))
    return "| | now | after merge |\n|---|---|---|\n" + "\n".join(f"| {a} | {b} | {c} |" for a, b, c in rows)


def _target(name: str) -> str:
    """Where a link leads: as it is where it is the usual kind of name, else as foreign words."""
    return name if re.fullmatch(r"[a-z]+(?:-[0-9]+)?\.xml|–", name) else cell(name)


def _merging(plan: Plan, signed: Kind) -> str:
    record = plan.record
    channels = {channel.ref: channel for channel in record.channels}
    rows = [_ref(change, channels.get(change.ref), plan.version) for change in plan.refs]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    branch = f" together with {code(plan.line)}, all or nothing" if record.line else ""
    how = "annotated" if signed == "none" else f"annotated, signed with the bot's {signed.upper()} key"
    return (
        "**Merging this PR will**\n"
        f"1. tag the merge commit {code(record.tag)} ({how}) and push it{branch}\n\n"
        f"| ref | now | after | how |\n|---|---|---|---|\n{table}\n\n"
        f"2. then {_channels(plan)}\n3. {_build(plan)}"
    )


_AFTER = {"merge": "merge commit", "tag": "new tag", "second": "“branch projects” commit", "same": "unchanged"}
_REF_HOW = {"merge": MERGE_LINK, "create": "create", "forward": "fast-forward", "none": "–"}


def _ref(change: RefChange, channel: ChannelOrder | None, version: Version) -> tuple[str, str, str, str]:
    name = cell(change.ref.removeprefix("refs/heads/").removeprefix("refs/tags/"))
    now = short(change.old) if change.old else "–"
    if channel is None:
        return name, now, _AFTER[change.new], _REF_HOW[change.how]
    at = now + (f" ({channel.seen})" if channel.seen else "")
    return name, at, *_channel(channel, change.old is not None, version)


def _channel(channel: ChannelOrder, exists: bool, version: Version) -> tuple[str, str]:
    if channel.mode == "never":
        return "unchanged", "moved by hand only"
    if not channel.moves:
        return "unchanged", "is at a newer version: stays" if channel.seen else "its version cannot be read: stays"
    if not exists:
        return "merge commit", "create"
    if channel.mode == "always":
        back = channel.seen is not None and Version.parse(channel.seen) > version
        return "merge commit", "moves always, here BACK to a lower version" if back else "moves always"
    return "merge commit", "newer version: moves" + (", if it is a fast-forward" if channel.mode == "ff" else "")


def _channels(plan: Plan) -> str:
    moving = [code(channel.name) for channel in plan.record.channels if channel.moves]
    return f"move {', '.join(moving)} as shown" if moving else "leave every channel where it is"


def _build(plan: Plan) -> str:
    build = plan.record.build
    if build is None:
        why = "not wanted for this release" if plan.record.choices.build is False else "none is configured"
        return f"start no image build ({why})"
    formats = f", formats {', '.join(build.formats)}" if build.formats else ""
    image = f"image {build.image}, group {plan.record.group}, official{formats}"
    return f"start **{build.workflow}** in {build.repository}: {image}"


def _projects(plan: Plan, most: int) -> str:
    total = plan.moves + len(plan.unchanged) - len(plan.removed)
    title = f"**Projects: {plan.moves} of {total} change{'s' if plan.moves == 1 else ''}**"
    when = f" (heads read {plan.request.asked_at:%Y-%m-%d %H:%M} UTC)"
    rows = [_project(change) for change in plan.projects]
    rows += [f"| {cell(name)} | – | {short(commit)} | new | – |" for name, commit in plan.added]
    rows += [f"| {cell(name)} | {short(commit)} | – | removed | – |" for name, commit in plan.removed]
    if not rows:
        return f"{title}{when}"
    more = [f"| and {len(rows) - most} more | | | | |"] if len(rows) > most else []
    head = "| project | from | to | upstream | commits |\n|---|---|---|---|---|\n"
    return f"{title}{when}\n\n{head}" + "\n".join([*rows[:most], *more])


def _project(change: ProjectChange) -> str:
    to = link(short(change.new), change.page) if change.page else short(change.new)
    upstream = cell(change.new_upstream or "(none)")
    if change.old_upstream and change.old_upstream != change.new_upstream:
        upstream = f"{cell(change.old_upstream)} → **{upstream}**"
    name = f"{cell(change.old_name)} → **{cell(change.name)}**" if change.old_name else cell(change.name)
    return f"| {name} | {short(change.old)} | {to} | {upstream} | {_count(change)} |"


def _count(change: ProjectChange) -> str:
    if change.since is None:
        return "?" if change.old != change.new else "0"
    back = f", {change.since.behind} back" if change.since.behind else ""
    return f"{change.since.ahead}{back}"


_DANGER = ("repo-hooks", "copyfile", "linkfile", "address", "remote")


def sensitive_block(found: Sequence[Sensitive], most: int) -> str:
    """What decides where code comes from and what runs: whoever judges a release must see each such row."""
    if not found:
        return ""
    # What runs on people's machines is told first, and of all of it so much that nobody reads on beyond it.
    order = sorted(found, key=lambda row: _DANGER.index(row.kind) if row.kind in _DANGER else len(_DANGER))
    rows = [
        f"> - {row.kind} {code(row.subject)}: {code(row.before) if row.before else 'new'}"
        f" → {code(row.after) if row.after else 'gone'}"
        for row in order
    ]
    most = max(most, 60)
    more = [f"> - and {len(rows) - most} more; read the changed files"] if len(rows) > most else []
    return "\n".join(["> [!CAUTION]", "> **Sensitive: where code comes from or what runs**", *rows[:most], *more])


def _second_commit(plan: Plan) -> str:
    """The commit that only the release branch gets, and the branches that projects need for it."""
    line = plan.record.line
    if line is None or not line.files:
        return ""
    rows = [f"- {code(each.name)}: {code(line.ref)} at {short(each.commit)}" for each in line.projects]
    pushes = [shlex.join(["git", "push", each.url, f"{each.commit}:{line.ref}"]) for each in line.projects]
    by_hand = ["", "Where I may not write, push them yourself:", "", *(f"    {push}" for push in pushes)]
    summary = f"Second commit “branch projects” on {plan.line}: {len(rows)} projects follow the branch from then on"
    return _details(summary, [*rows, *by_hand])


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
    return _details(f"Waiting on {plan.line}, NOT included ({projects})", [*rows[:most], *more])


def _unchanged(plan: Plan) -> str:
    rows = [f"- {code(name)} {short(commit)}" for name, commit in plan.unchanged]
    return _details(f"{len(rows)} unchanged projects", rows)


def _details(summary: str, rows: list[str]) -> str:
    inner = "\n".join(rows)
    return f"<details><summary>{summary}</summary>\n\n{inner}\n\n</details>" if rows else ""


def _caution(caution: Caution) -> str:
    return f"> [!WARNING]\n> {caution_words(caution)}"


def caution_words(caution: Caution) -> str:
    """A warning as a sentence, foreign words in code spans."""
    name = code(caution.project)
    match caution.kind:
        case "upstream":
            words = f"{name} now follows {code(caution.after)} instead of {code(caution.before)}."
        case "rewind":
            back = f"{code(caution.after[:7])} is no descendant of the released pin"
            words = f"{name} goes BACK {caution.before} commit{'s' * (caution.before != '1')}: {back}."
        case "unread":
            words = f"{name} could not be read ({code(caution.before)}), so what waits there is not shown."
        case "unrelated":
            words = (
                f"How the new pin relates to the old one is not known for {code(caution.after, 300)}; it may go back."
            )
        case "sdk":
            words = f"The SDK version {name} has no release tag; only {code(caution.after[:7])} says it."
        case "pinned":
            words = f"{name} followed {code(caution.before)}, not {code(caution.after)}, so it is pinned from now on."
        case "again":
            words = f"BUILD {caution.project} was released before ({caution.before}), so BRANCH goes up."
    return words


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
