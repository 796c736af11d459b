"""The progress comment of a release, made anew from what the store knows each time something happened."""

from __future__ import annotations

from collections.abc import Callable

from bot.core.hub import Job, RepositoryId, Run
from bot.core.record import sha256
from bot.core.text import progress as words
from bot.core.text.quote import link, marker
from bot.flows.desk import Desk
from bot.flows.display import show
from bot.gh import Repository

LABELS = {
    "published": "release: tagged",
    "building": "release: building",
    "built": "release: built",
    "failed": "release: failed",
}
ALL = ("release: pending", "release: stopped", *LABELS.values())


def tell_progress(
    desk: Desk, which: RepositoryId, version: str, run: Run | None = None, jobs: tuple[Job, ...] = ()
) -> None:
    """Have the progress comment show what is known now, and the label too. Display: it delays nothing."""
    release = desk.store.release(which.id, version)
    if release is None or release.pull is None:
        return
    rows = list(words.rows_from_json(release.rows))
    if release.run_id:
        detail = link(f"run {release.run_id}", release.run_url or "")
        rows.append(words.Row("start build", "done", release.dispatched_at, detail))
    rows += words.job_rows(jobs)
    number, tag = release.pull, release.plan.tag
    text = words.progress(tag, release.state, release.merged_at or desk.now(), release.merged_by or "", rows)
    repository = desk.repository(which)
    _once(
        desk,
        f"told/{which.id}/{version}/progress",
        text,
        lambda: repository.say(number, text, marker("progress", tag), since=release.merged_at),
    )
    label = LABELS.get(release.state)
    if label:
        others = [other for other in ALL if other != label]
        _once(
            desk,
            f"told/{which.id}/{version}/label",
            label,
            lambda: _set_label(repository, number, label, others),
        )


def _set_label(repository: Repository, number: int, label: str, others: list[str]) -> str:
    repository.set_labels(number, add=[label], remove=others)
    return label


def _once(desk: Desk, key: str, what: str, write: Callable[[], object]) -> None:
    """Write it unless it is what was written last: most looks at a build find nothing new."""
    digest = sha256(what.encode())
    if desk.store.fact(key) != digest and show(write) is not None:
        desk.store.remember(key, digest)
