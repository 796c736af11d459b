"""The store is lost; what was under way goes on, and nothing happens twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.clock import now
from bot.core.intent import Acknowledge, Publish
from bot.flows.rebuild import ensure_known
from bot.flows.reconcile import sweep
from bot.store import Release, Store, engine_for, tables
from tests.flows.conftest import Play
from tests.stage import MANIFEST

BUILDS = "coreos/scripts"


def lose_the_store(play: Play) -> None:
    """An empty store takes the place of the one that knew."""
    play.desk.store.engine.dispose()
    store = Store(engine_for(None, play.stage.root / "another"), now)
    store.create_tables()
    play.desk = replace(play.desk, store=store)


def row(play: Play, version: str = "115.0.1") -> Release:
    found = play.desk.store.release(play.repository.id, version)
    assert found is not None
    return found


def known(play: Play) -> dict[str, str]:
    return {each.version: each.state for each in play.desk.store.releases(play.repository.id)}


def runs(play: Play) -> int:
    shape = play.stage.person("octocat").ask("GET", f"/repos/{BUILDS}/actions/runs")
    return int(shape["total_count"])


def test_an_open_release_is_known_again(play: Play) -> None:
    pull = play.propose()
    before = row(play)
    lose_the_store(play)
    assert ensure_known(play.desk, play.repository)
    after = row(play)
    assert (after.state, after.pull, after.head, after.plan) == ("proposed", pull, before.head, before.plan)
    assert not ensure_known(play.desk, play.repository)


def test_a_withdrawn_release_leaves_its_version_free(play: Play) -> None:
    pull = play.propose()
    play.stage.person("octocat").ask("PATCH", f"/repos/{MANIFEST}/pulls/{pull}", {"state": "closed"})
    play.withdraw(pull)
    lose_the_store(play)
    ensure_known(play.desk, play.repository)
    assert known(play) == {"115.0.1": "withdrawn"}
    again = play.propose()
    assert again != pull
    lose_the_store(play)
    play.desk.store.engine.dispose()


def test_a_merge_that_was_not_published_is_published_once(play: Play) -> None:
    pull = play.propose()
    play.stage.person("hubot").merge(MANIFEST, pull)
    lose_the_store(play)
    play.submitted.clear()
    sweep(play.desk, play.repository)
    assert row(play).state == "merged"
    (publish,) = [intents[0] for _, intents in play.submitted if isinstance(intents[0], Publish)]
    assert play.do(publish).state == "done"
    assert "refs/tags/v115.0.1" in play.stage.refs()
    assert runs(play) == 1


def test_a_published_release_goes_on_with_the_run_that_builds_it(play: Play) -> None:
    pull = play.propose()
    play.stage.person("hubot").merge(MANIFEST, pull)
    play.publish(pull)
    before, refs = row(play), play.stage.refs()
    lose_the_store(play)
    ensure_known(play.desk, play.repository)
    after = row(play)
    assert (after.state, after.run_id, after.tag_object) == ("building", before.run_id, before.tag_object)
    play.publish(pull)
    assert (play.stage.refs(), runs(play)) == (refs, 1)


def test_a_build_that_nobody_finds_is_asked_about_and_not_started(play: Play) -> None:
    pull = play.propose()
    play.stage.person("hubot").merge(MANIFEST, pull)
    play.publish(pull)
    play.stage.sandbox.world.repositories[play.stage.sandbox.repository(BUILDS).id].runs.clear()
    lose_the_store(play)
    play.submitted.clear()
    sweep(play.desk, play.repository)
    sweep(play.desk, play.repository)
    assert row(play).state == "published"
    assert not any(isinstance(intents[0], Publish) and key.startswith("unfinished") for key, intents in play.submitted)
    assert len(play.stage.said(pull, "unknown-build v115.0.1")) == 1
    assert play.publish(pull).state == "done"  # as the delivery of the merge orders it, when it comes again
    assert runs(play) == 0
    play.type("/release resume", "hubot", on=pull)
    assert (runs(play), row(play).state) == (1, "building")


def test_a_reverted_merge_does_not_hold_its_version(play: Play) -> None:
    pull = play.propose()
    before = play.stage.refs()["refs/heads/build-115"]
    play.stage.person("hubot").merge(MANIFEST, pull)
    play.stage.sandbox.repository(MANIFEST).git.update("refs/heads/build-115", before)
    lose_the_store(play)
    ensure_known(play.desk, play.repository)
    assert known(play) == {"115.0.1": "superseded"}


def test_a_command_that_was_answered_is_not_carried_out_again(play: Play) -> None:
    play.propose()
    answered = play.stage.ask("/release help")
    play.answer(*answered, "/release help", "octocat")
    fresh = play.stage.ask("/release help")
    lose_the_store(play)
    play.submitted.clear()
    sweep(play.desk, play.repository)
    found = {key: intents for key, intents in play.submitted if key.startswith("comment/")}
    kinds = {int(key.split("/")[2]): len(intents) for key, intents in found.items()}
    assert kinds[answered[1]] == 1
    assert kinds[fresh[1]] == 2
    assert all(isinstance(intents[0], Acknowledge) for intents in found.values())


@pytest.mark.parametrize("hours", [1, 3])
def test_a_merge_is_published_unattended_for_two_hours(play: Play, hours: int) -> None:
    pull = play.propose()
    play.stage.person("hubot").merge(MANIFEST, pull)
    lose_the_store(play)
    later = timedelta(hours=hours)
    play.stage.sandbox.world.now = lambda: now() + later
    play.desk = replace(play.desk, now=lambda: now() + later)
    play.submitted.clear()
    sweep(play.desk, play.repository)
    publish = next(intents[0] for _, intents in play.submitted if isinstance(intents[0], Publish))
    assert play.do(publish).state == ("done" if hours < 2 else "stopped")
    assert ("refs/tags/v115.0.1" in play.stage.refs()) == (hours < 2)


def test_an_old_copy_of_the_store_starts_no_second_build(play: Play) -> None:
    pull = play.propose()
    with play.desk.store.begin() as connection:
        before = [dict(row) for row in connection.execute(sa.select(tables.releases)).mappings()]
    play.stage.person("hubot").merge(MANIFEST, pull)
    play.publish(pull)
    scripts = play.stage.sandbox.world.repositories[play.stage.seeded.projects["coreos/scripts"].id]
    scripts.runs.clear()
    with play.desk.store.begin() as connection:
        connection.execute(tables.releases.delete())
        connection.execute(tables.releases.insert(), before)
    for _ in range(2):
        assert play.publish(pull).state == "done"
    assert not scripts.runs
    (asked,) = play.stage.said(pull, "unknown-build")
    assert "`/release resume` here starts it" in asked
    play.type("/release resume", on=pull)
    assert len(scripts.runs) == 1
