"""The difference of two releases in words: columns for a terminal, a table for a comment.

Names, paths, refs and addresses come from manifests, so each is escaped here: for a terminal to printable ASCII,
which also keeps the columns straight, and for Markdown to code spans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from bot.core.difference import Changed, Difference
from bot.core.manifest import Project, is_commit
from bot.core.text.quote import cell, code, link, short

Compare = Callable[[str, str, str], str | None]
"""From a repository's address and two commits to the page that compares them, where there is one."""
LIMIT = 60_000
"""Characters of a comment; GitHub takes 65,536."""
ROWS = (10_000, 60, 20, 5)
"""So many rows a table keeps; the first number that makes everything fit."""
WIDEST = 100
"""Characters of a word in a terminal, before the rest of it is left out."""


def escaped(text: str) -> str:
    """`text` for a terminal: what is not printable ASCII is written as an escape, and so is a backslash."""
    return text.encode("unicode_escape").decode()


def plain(text: str) -> str:
    """One foreign word for a terminal: escaped, and cut where it is too wide for a column."""
    whole = escaped(text)
    return whole if len(whole) <= WIDEST else whole[: WIDEST - 3] + "..."


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows of equal length under each other, two blanks apart, each ended by a line end."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def as_text(difference: Difference) -> str:
    """For a terminal: one line a project, then how many there are of each kind."""
    changed = [(*_where(change), _pin(change.old), _pin(change.new), _notes(change)) for change in difference.changed]
    rows = [
        *(("changed", *words) for words in changed),
        *(("added", *_where(project), "-", _pin(project.revision), "") for project in difference.added),
        *(("removed", *_where(project), _pin(project.revision), "-", "") for project in difference.removed),
    ]
    return f"{columns(rows)}{_count(difference)}.\n"


def _where(project: Changed | Project) -> tuple[str, str]:
    return plain(project.name), plain(project.path)


def _pin(revision: str) -> str:
    """A commit as short as it is told apart, anything else whole."""
    return revision[:12] if is_commit(revision) else plain(revision)


def _notes(change: Changed) -> str:
    notes = []
    if change.renamed:
        notes.append(f"was {plain(change.old_name)}")
    if change.moved:
        notes.append(f"was at {plain(change.old_path)}")
    if change.readdressed and not change.renamed:
        notes.append(f"from {plain(change.url)}, was {plain(change.old_url)}")
    if change.follows_another:
        notes.append(f"follows {plain(change.new_upstream or '-')}, was {plain(change.old_upstream or '-')}")
    return "; ".join(notes)


def _count(difference: Difference) -> str:
    changed, added, removed = len(difference.changed), len(difference.added), len(difference.removed)
    return f"{changed} changed, {added} added, {removed} removed, {difference.unchanged} unchanged"


def as_markdown(difference: Difference, compare: Compare, room: int = 0) -> str:
    """For a comment, in at most `LIMIT` less `room` characters: of long tables the first rows."""
    text = ""
    for most in ROWS:
        text = "\n\n".join(_parts(difference, compare, most))
        if len(text) <= LIMIT - room:
            break
    return text


def _parts(difference: Difference, compare: Compare, most: int) -> Iterator[str]:
    yield f"**Projects: {_count(difference)}**"
    if difference.changed:
        rows = [_row(change, compare) for change in difference.changed[:most]]
        more = len(difference.changed) - most
        rows += [f"| and {more} more | | | |"] if more > 0 else []
        yield "| project | from | to | upstream |\n|---|---|---|---|\n" + "\n".join(rows)
    for title, projects in (("Added", difference.added), ("Removed", difference.removed)):
        if projects:
            yield f"**{title}**\n\n{_list(projects, most)}"


def _row(change: Changed, compare: Compare) -> str:
    page = compare(change.url, change.old, change.new) if _both_commits(change) else None
    to = link(_revision(change.new), page) if page else _revision(change.new)
    words = (_project(change), _revision(change.old), to, _turned(change.old_upstream, change.new_upstream))
    return f"| {' | '.join(words)} |"


def _both_commits(change: Changed) -> bool:
    return change.repinned and is_commit(change.old) and is_commit(change.new)


def _project(change: Changed) -> str:
    notes = [_turned(change.old_name, change.name)]
    if change.moved:
        notes.append(f"at {_turned(change.old_path, change.path)}")
    if change.readdressed and not change.renamed:
        notes.append(f"from {_turned(change.old_url, change.url)}")
    return "<br>".join(notes)


def _turned(old: str | None, new: str | None) -> str:
    """What it is, and before that what it was, where that was something else."""
    now = cell(new) if new else "–"
    return now if old == new else f"{cell(old) if old else '–'} → **{now}**"


def _revision(revision: str) -> str:
    return short(revision) if is_commit(revision) else cell(revision)


def _list(projects: Iterable[Project], most: int) -> str:
    rows = [f"- {code(project.name)} at {code(project.path)}, {_plain_revision(project)}" for project in projects]
    more = [f"- and {len(rows) - most} more"] if len(rows) > most else []
    return "\n".join([*rows[:most], *more])


def _plain_revision(project: Project) -> str:
    return short(project.revision) if is_commit(project.revision) else code(project.revision)
