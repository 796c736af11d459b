"""Follow an image build to its end: look at its run, show what is new, say once how it ended.

Following holds no place in the release lane: each look is a short flow of its own that orders the next look.
GitHub's events only make a look happen sooner; when they are lost, the next look sees the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.core.hub import RepositoryId
from bot.core.intent import Follow, RunChanged
from bot.core.text import progress as words
from bot.core.text.quote import marker
from bot.flows.desk import Desk
from bot.flows.outcome import Outcome, Steps
from bot.flows.telling import tell_progress
from bot.store import Release


def follow(desk: Desk, intent: Follow, steps: Steps) -> Outcome:
    """One look at the image build of a release; another look is ordered while it runs."""
    which, version = intent.repository, intent.version
    seen = steps.run("look at the run", look, desk, which, version)
    if seen["state"] == "running":
        later = ((desk.settings.poll_seconds, Follow(which, version)),) if intent.again else ()
        return Outcome("done", f"run {seen['run']} is {seen['status']}", later=later)
    return Outcome("done", seen["why"])


def run_changed(desk: Desk, intent: RunChanged, steps: Steps) -> Outcome:
    """GitHub told of a run: where it is one of ours, order a look now instead of at the next turn.

    The look itself is the manifest repository's work, so that two looks at one release never happen at once.
    """
    release = desk.store.release_of_run(intent.run)
    if release is None:
        return Outcome("ignored", f"run {intent.run} builds no release of ours")
    if release.state == "built":
        return Outcome("ignored", f"run {intent.run} has built {release.version}")  # late events: nothing is new
    look_now = Follow(_manifest(desk, release, intent.repository), release.version, again=False)
    return Outcome("done", f"run {intent.run} changed", later=((0.0, look_now),))


def _manifest(desk: Desk, release: Release, builder: RepositoryId) -> RepositoryId:
    """The manifest repository of a release; the event named the repository where it is built."""
    known = (each for each in desk.store.repositories() if each.id == release.repository)
    return next(known, replace(builder, id=release.repository))


def look(desk: Desk, which: RepositoryId, version: str) -> dict[str, Any]:
    """Read the run and its jobs, show them, and when the run has ended say so once."""
    release = desk.store.release(which.id, version)
    if release is None or release.run_id is None or release.plan.build is None or release.pull is None:
        return {"state": "ended", "why": f"{version} has no run to follow"}
    builds = desk.hub.builds(which, release.plan.build.repository)
    # Now and then GitHub does not find what is there: that it is deleted is believed when it is said twice.
    run = builds.run(release.run_id) or builds.run(release.run_id)
    if run is None:
        desk.store.build_ended(which.id, version, "failed", "the run was deleted on GitHub")
        tell_progress(desk, which, version)
        return {"state": "ended", "why": f"run {release.run_id} is gone"}
    jobs = tuple(builds.jobs(run.id))
    if not run.ended:
        tell_progress(desk, which, version, run, jobs)
        return {"state": "running", "run": run.id, "status": run.status}
    good = run.conclusion == "success"
    desk.store.build_ended(which.id, version, "built" if good else "failed", run.conclusion or "")
    tell_progress(desk, which, version, run, jobs)
    text = (words.built if good else words.build_failed)(release.plan.tag, run, jobs)
    desk.repository(which).say(release.pull, text, marker("end", release.plan.tag, run.id, run.attempt))
    return {"state": "ended", "why": f"run {run.id} ended: {run.conclusion}"}
