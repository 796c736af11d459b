"""Start the image build of a published release: looked for before it is asked for, at least once asked, once built."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.core.hub import RepositoryId, Run
from bot.core.record import BuildOrder, correlation_id
from bot.core.text import progress as words
from bot.core.text.found import LOST_BUILD, OLD_BUILD, build_unknown
from bot.core.text.quote import marker
from bot.flows.desk import Desk
from bot.outage import Denied, Outage, twice
from bot.store import Release


def ensure_build(desk: Desk, which: RepositoryId, version: str, asked: bool = True) -> dict[str, str]:
    """Have exactly one run of the image build for this tag: `{"state": "running" | "none" | "unknown", "why": …}`.

    Looked for before every dispatch; after a dispatch whose answer was lost, looked for until a run of it would
    have appeared. The workflow itself ends a twin, so that a build is started at least once and happens once.
    A build that a lost store may have started is "unknown", and started only where a person `asked` for it.
    """
    release = desk.store.release(which.id, version)
    if release is None:
        raise LookupError(f"release {version} of {which.name} is not in the store")
    order = release.plan.build
    if order is None:
        return {"state": "none", "why": ""}
    if release.run_id is None:
        try:
            unasked = not asked and _is_unknown(release)
            run = _find(desk, which, release, order) if unasked else _find_or_dispatch(desk, which, release, order)
            if run is None:
                return {"state": "unknown", "why": release.reason or LOST_BUILD}
        except Denied as refusal:
            desk.store.not_dispatched(which.id, version)
            desk.store.build_ended(which.id, version, "failed", refusal.reason)
            return {"state": "none", "why": refusal.reason}
        desk.store.building(which.id, version, run.id, run.url)
    return {"state": "running", "why": ""}


def _is_unknown(release: Release) -> bool:
    """Whether another store than this, or an earlier state of this one, may have started the image build."""
    by_hand = release.plan.adoption is not None and release.plan.adoption.tag is not None
    pushed_here = release.tag_payload is not None or by_hand
    return release.state == "published" and (bool(release.reason) or not pushed_here)


def ask_about_build(desk: Desk, which: RepositoryId, version: str) -> None:
    """Ask, once, whether the image build is to be started; of one that lies long back nothing is asked."""
    release = desk.store.release(which.id, version)
    if release is None or release.pull is None or release.reason == OLD_BUILD:
        return
    tag = release.plan.tag
    desk.repository(which).say(release.pull, build_unknown(tag), marker("unknown-build", tag))


def _find(desk: Desk, which: RepositoryId, release: Release, order: BuildOrder) -> Run | None:
    since = (release.merged_at or desk.now()) - timedelta(minutes=10)
    builds, wanted = desk.hub.builds(which, order.repository), correlation_id(release.tag_object)
    return twice(lambda: builds.find_run(order.workflow, wanted, since))


def _find_or_dispatch(desk: Desk, which: RepositoryId, release: Release, order: BuildOrder) -> Run:
    run = _find(desk, which, release, order)
    if run is None:
        wanted = correlation_id(release.tag_object)
        _wait_for_earlier_dispatch(desk, release.dispatched_at)
        desk.store.dispatching(which.id, release.version, wanted, desk.now())
        inputs = {"tag": release.plan.tag, "correlation_id": wanted, "formats": ",".join(order.formats)}
        builds = desk.hub.builds(which, order.repository)
        started = twice(lambda: builds.dispatch(order.workflow, order.ref, inputs))
        run = started or _find(desk, which, release, order)
    if run is None:
        raise Outage("github", "the run that was dispatched has not appeared yet", retry_after=2)
    return run


def _wait_for_earlier_dispatch(desk: Desk, dispatched_at: datetime | None) -> None:
    if dispatched_at is None:
        return
    patience = timedelta(seconds=desk.settings.dispatch_lookup_seconds)
    left = dispatched_at + patience - desk.now()
    if timedelta(0) < left <= patience:  # more is left only where the clock was wrong, then or now
        raise Outage("github", "looking for the run of an earlier dispatch", retry_after=min(5.0, left.total_seconds()))


def tell_no_build(desk: Desk, which: RepositoryId, version: str, why: str) -> None:
    """The final comment where publishing is the end."""
    release = desk.store.release(which.id, version)
    if release is None or release.pull is None:
        return
    number, tag = release.pull, release.plan.tag
    desk.repository(which).say(number, words.published_without_build(tag, why), marker("end", tag))
