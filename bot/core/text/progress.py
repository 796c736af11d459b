"""The progress comment on a merged release pull request, and the one comment that ends it.

One comment is edited in place while things happen, so that it can be watched; the end is a comment of its own,
so that people are notified.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from bot.core.hub import Job, Run
from bot.core.text.quote import code, codes, link, mention

State = Literal["done", "running", "waiting", "failed", "skipped"]
SIGNS: dict[State, str] = {"done": "✅", "running": "⏳", "waiting": "waiting", "failed": "❌", "skipped": "–"}
JOBS = 60
"""So many jobs are listed; GitHub takes 65,536 characters in a comment."""


@dataclass(frozen=True)
class Row:
    """One line of the progress table. `when` is UTC; `detail` is Markdown of ours."""

    step: str
    state: State
    when: datetime | None = None
    detail: str = ""


def rows_to_json(rows: Sequence[Row]) -> list[list[str]]:
    """Rows as they are stored: step, state, time in ISO 8601 or "", detail."""
    return [[row.step, row.state, row.when.isoformat() if row.when else "", row.detail] for row in rows]


def rows_from_json(data: Sequence[Sequence[str]]) -> list[Row]:
    """The rows that `rows_to_json` wrote."""
    return [
        Row(step, _state(state), datetime.fromisoformat(when) if when else None, detail)
        for step, state, when, detail in data
    ]


def progress(tag: str, state: str, started: datetime, merged_by: str, rows: Sequence[Row]) -> str:
    """The whole progress comment."""
    lines = "\n".join(_line(row.step, SIGNS[row.state], _clock(row.when), row.detail) for row in rows)
    by = f" by the merge of {mention(merged_by)}" if merged_by else ""
    return (
        f"### {tag}: {state} (started {started:%H:%M} UTC{by})\n"
        f"| step | state | when | detail |\n|---|---|---|---|\n{lines}"
    )


def _line(*cells: str) -> str:
    # Even inside a code span a bar would end the cell.
    return f"| {' | '.join(text.replace('|', chr(92) + '|') for text in cells)} |"


def job_rows(jobs: Sequence[Job]) -> list[Row]:
    """One row a job of the run, as far as it is; of a large matrix the first JOBS."""
    rows = [
        Row(code(job.name), _job_state(job), job.completed_at or job.started_at, _job_detail(job))
        for job in jobs[:JOBS]
    ]
    return [*rows, Row(f"and {len(jobs) - JOBS} more jobs", "skipped")] if len(jobs) > JOBS else rows


def built(tag: str, run: Run, jobs: Sequence[Job]) -> str:
    """The end of a good image build."""
    names = [job.name for job in jobs if job.conclusion == "success"]
    ran = f" Jobs: {codes(names, JOBS)}." if names else ""
    return f"**{tag} is built**: {link(f'run {run.id}', run.url)} succeeded{_took(run)}.{ran}"


def build_failed(tag: str, run: Run, jobs: Sequence[Job]) -> str:
    """The end of a bad image build: which job, how long, and where to read on."""
    bad = [job for job in jobs if job.conclusion not in (None, "success", "skipped")]
    rows = "\n".join(
        f"- {code(job.name)}: {code(job.conclusion or '')}{_took(job)}, {link('log', job.url)}" for job in bad[:JOBS]
    )
    if len(bad) > JOBS:
        rows += f"\n- and {len(bad) - JOBS} more"
    what = "was cancelled" if run.conclusion == "cancelled" else "failed"
    return (
        f"**The image build of {tag} {what}**: {link(f'run {run.id}', run.url)}{_took(run)}.\n{rows}\n\n"
        f"The release itself stands: the tag and the branch are published. "
        f"Failed jobs can be re-run on the {link('page of the run', run.url)}; I follow a re-run as well."
    )


def published_without_build(tag: str, why: str) -> str:
    """The end where no image build runs: none is configured, or GitHub refused to start it."""
    if not why:
        return f"**{tag} is published.** No image build is configured for this repository."
    return (
        f"**{tag} is published, and its image build could not be started**: {code(why, 300)}\n\n"
        "The release itself stands. When the cause is put right, comment `/release resume` here to start the build."
    )


def _state(text: str) -> State:
    return next(state for state in SIGNS if state == text)


def _job_state(job: Job) -> State:
    if job.status != "completed":
        return "running" if job.status == "in_progress" else "waiting"
    return "done" if job.conclusion == "success" else "skipped" if job.conclusion == "skipped" else "failed"


def _job_detail(job: Job) -> str:
    if job.status == "queued":
        return ""
    return f"{link('log', job.url)}{_took(job)}"


def _took(thing: Run | Job) -> str:
    start, end = (
        (thing.created_at, thing.updated_at) if isinstance(thing, Run) else (thing.started_at, thing.completed_at)
    )
    return f" after {duration(end - start)}" if start and end else ""


def duration(span: timedelta) -> str:
    """`41 min`, `1 h 5 min` or `12 s`."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _clock(when: datetime | None) -> str:
    return f"{when:%H:%M:%S}" if when else ""
