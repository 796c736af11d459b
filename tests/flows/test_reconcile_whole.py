"""The running bot after nobody listened, and the operator who looks at what stands still."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.clock import now
from bot.core.hub import RepositoryId
from bot.core.intent import Check, Reconcile
from bot.flows.door import Door, prepare
from bot.store import Delivery, Store, engine_for
from tests.stage import MANIFEST, Stage, stage


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Stage]:
    with stage(tmp_path) as made:
        made.migrate()
        yield made


def bot(play: Stage, *words: str) -> str:
    command = [sys.executable, "-m", "bot", *words]
    done = subprocess.run(command, env=play.environment(), capture_output=True, text=True, check=False)
    return done.stdout or done.stderr


@pytest.fixture
def store(play: Stage) -> Iterator[Store]:
    made = Store(engine_for(None, play.root / "data"), now)
    prepare(made)
    yield made
    made.engine.dispose()


@pytest.fixture
def parked(play: Stage, store: Store) -> int:
    """A row that an outage ended."""
    which = RepositoryId(play.seeded.manifest.id, play.installation, MANIFEST)
    delivery = Delivery("changed/1/2/opened/3/4", "pull_request", "opened", which.id, which.installation)
    Door(store).accept(delivery, (Check(which, 2),))
    (row,) = store.deliveries()
    Door(store).park(row, "github: could not read a pull request: GitHub answered 502")
    return row.seq


def test_what_was_sent_while_nobody_listened_is_sent_again_and_happens_once(play: Stage) -> None:
    play.start("web")
    play.sandbox.webhooks_paused = True
    issue, comment = play.ask(f"/release patch build-115 coreos/etcd={play.seeded.etcd_release_head}")
    assert play.sandbox.wait_idle(20)
    play.sandbox.webhooks_paused = False
    play.start("worker")
    pull = play.pull()["number"]
    play.reply(issue, comment)
    play.kill("worker")
    play.sandbox.webhooks_paused = True
    play.person("hubot").merge(MANIFEST, pull)
    assert play.sandbox.wait_idle(20)
    play.sandbox.webhooks_paused = False
    play.start("worker")

    def all_arrived() -> bool:
        sent = [each for each in play.sandbox.deliveries if each.event in ("issue_comment", "pull_request")]
        arrived = {each.guid for each in sent if 200 <= each.status_code < 300}
        wanted = {each.guid for each in sent if each.action in ("created", "closed")}
        return wanted <= arrived

    play.until("the deliveries", all_arrived)
    play.until("the end of the build", lambda: play.said(pull, "end"))
    assert [len(play.said(issue, f"reply {comment} ")), len(play.person("octocat").pulls(MANIFEST, "all"))] == [1, 1]
    assert len(play.sandbox.world.repositories[play.seeded.projects["coreos/scripts"].id].runs) == 1


def test_the_operator_sees_what_is_parked_and_why(play: Stage, parked: int) -> None:
    told = bot(play, "status")
    assert told.startswith("0 under way or waiting, 1 parked\n")
    assert f"parked {parked}: Check (`changed/1/2/opened/3/4`) of {MANIFEST}" in told
    assert "GitHub answered 502" in told


@pytest.mark.parametrize("which", ["one", "all"])
def test_the_operator_begins_it_anew(play: Stage, store: Store, parked: int, which: str) -> None:
    assert bot(play, "retry", str(parked) if which == "one" else "all") == f"begun anew: {parked}\n"
    row = store.delivery(parked)
    assert row is not None
    assert (row.outcome, row.attempts) == (None, 1)
    assert bot(play, "retry", "all") == "nothing is parked\n"
    assert "is no parked row" in bot(play, "retry", str(parked))


@pytest.mark.parametrize("row", ["99", "x", "-1", "1" * 40])
def test_what_is_no_parked_row_is_not_begun(play: Stage, store: Store, row: str) -> None:
    assert "is no parked row" in bot(play, "retry", "--", row)
    assert store.deliveries() == []


def test_the_operator_orders_a_sweep_of_one_repository_or_all(play: Stage, store: Store) -> None:
    assert bot(play, "reconcile", MANIFEST) == f"ordered a sweep of {MANIFEST}\n"
    assert "coreos/scripts" in bot(play, "reconcile")
    intents = [row.intents[0] for row in store.deliveries()]
    assert len(intents) == 3
    assert all(isinstance(each, Reconcile) for each in intents)
    assert "is no repository that this bot is installed on" in bot(play, "reconcile", "coreos/nothing")
