"""The plan in words for a terminal, and as the patch that it is: what a person reads who releases by hand."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterator, Mapping

from bot.core.plan import Plan, ProjectChange, RefChange
from bot.core.text.difference import columns, escaped, plain
from bot.core.text.pull import caution_words
from bot.core.tree import LINK, Entry, Tree

_NO_BLOB = "0" * 40
_NEW = {"merge": "the release", "tag": "the tag", "second": "the commit after the release", "same": "stays"}


def as_text(plan: Plan) -> str:
    """The whole plan: version, SDK, group, refs, projects, what waits, warnings, and its digest."""
    return "\n".join(part for part in _parts(plan) if part)


def _parts(plan: Plan) -> Iterator[str]:
    record = plan.record
    where = f"line {plan.line}" + (f", off {record.base}" if record.line else "")
    yield f"{plan.title} ({where})\n"
    rows = [
        ("version", record.previous, record.version),
        ("SDK", plan.sdk.before or "-", plan.sdk.version),
        ("group", "", f"{plain(record.group)} ({plan.group_source})"),
        ("build", "", _build(plan)),
    ]
    yield columns(rows)
    yield "Refs\n" + _indented(columns([_ref(change) for change in plan.refs]))
    yield _projects(plan)
    if plan.waiting:
        yield f"Waiting on {plan.line}, not included\n" + _indented(columns([_row(each) for each in plan.waiting]))
    if record.line and record.line.projects:
        pushes = (
            f"in a clone of {plain(each.name)}: "
            f"git push {escaped(shlex.quote(each.url))} {each.commit}:{record.line.ref}\n"
            for each in record.line.projects
        )
        yield (
            f"Projects that follow {plan.line} from then on; where nobody else makes the branches, type\n"
            + _indented("".join(pushes))
        )
    for row in plan.sensitive:
        yield f"SENSITIVE {row.kind} {plain(row.subject)}: {escaped(row.before) or '-'} -> {escaped(row.after) or '-'}"
    for caution in plan.cautions:
        yield f"WARNING {escaped(caution_words(caution))}"
    yield f"Plan {record.digest}\n"


def _build(plan: Plan) -> str:
    build = plan.record.build
    if build is None:
        return "none"
    return f"{plain(build.workflow)} in {plain(build.repository)}: {plain(build.image)} {','.join(build.formats)}"


def _ref(change: RefChange) -> tuple[str, ...]:
    how = "" if change.how == "none" else f"({change.how})"
    return plain(change.ref), change.old[:12] if change.old else "-", "->", _NEW[change.new], how


def _projects(plan: Plan) -> str:
    total = plan.moves + len(plan.unchanged) - len(plan.removed)
    rows = [_row(change) for change in plan.projects]
    rows += [(plain(name), "-", "->", plain(commit)[:12], "new", "") for name, commit in plan.added]
    rows += [(plain(name), plain(commit)[:12], "->", "-", "removed", "") for name, commit in plan.removed]
    table = _indented(columns(rows)) if rows else ""
    return f"Projects: {plan.moves} of {total} change\n{table}"


def _row(change: ProjectChange) -> tuple[str, ...]:
    upstream = plain(change.new_upstream or "-")
    if change.old_upstream and change.old_upstream != change.new_upstream:
        upstream += f" (was {plain(change.old_upstream)})"
    name = f"{plain(change.old_name)} -> {plain(change.name)}" if change.old_name else plain(change.name)
    commits = (
        ""
        if change.since is None
        else f"+{change.since.ahead}" + (f" -{change.since.behind}" * (change.since.behind > 0))
    )
    return name, plain(change.old)[:12], "->", plain(change.new)[:12], upstream, commits


def _indented(lines: str) -> str:
    return "".join(f"  {line}\n" for line in lines.removesuffix("\n").split("\n"))


def as_diff(plan: Plan, before: Tree) -> str:
    """The release commit as a patch, and after it the commit that only the release branch gets."""
    after = before.with_changes(plan.changes)
    second = _patch(plan.second, after)
    title = f"# The second commit, on {plan.line} only\n" if second else ""
    return _patch(plan.changes, before) + title + second


def _patch(changes: Mapping[str, Entry | None], before: Tree) -> str:
    return "".join(_file(path, before.get(path), entry) for path, entry in changes.items())


def _file(path: str, old: Entry | None, new: Entry | None) -> str:
    """One file as git shows it, so that `git apply` takes it; what is not printable is escaped."""
    if old and new and old.mode != new.mode and LINK in (old.mode, new.mode):
        return _file(path, old, None) + _file(path, None, new)
    name = plain(path)
    lines = difflib.unified_diff(
        _lines(old), _lines(new), f"a/{name}" if old else "/dev/null", f"b/{name}" if new else "/dev/null", lineterm=""
    )
    return f"diff --git a/{name} b/{name}\n" + _modes(old, new) + "".join(f"{line}\n" for line in lines)


def _modes(old: Entry | None, new: Entry | None) -> str:
    """What becomes of the file's mode, and the blobs. Without a mode git takes a link for a file."""
    blobs = f"index {old.blob if old else _NO_BLOB}..{new.blob if new else _NO_BLOB}"
    if old and new and old.mode == new.mode:
        return f"{blobs} {new.mode}\n"
    if old and new:
        return f"old mode {old.mode}\nnew mode {new.mode}\n{blobs}\n"
    return (f"new file mode {new.mode}\n" if new else f"deleted file mode {old.mode}\n" if old else "") + f"{blobs}\n"


def _lines(entry: Entry | None) -> list[str]:
    if entry is None:
        return []
    text = entry.data.decode("utf-8", "replace")
    lines = text.split("\n")
    shown = ["".join(c if c.isprintable() or c == "\t" else escaped(c) for c in line) for line in lines]
    if shown[-1] == "" and entry.mode != LINK:
        return shown[:-1]
    return [*shown[:-1], f"{shown[-1]}\n\\ No newline at end of file"]
