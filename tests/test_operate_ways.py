"""The ways out of a stopped release from a shell: ordered by the same door that deliveries come through."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.clock import now
from bot.core import keys
from bot.core.hub import RepositoryId
from bot.core.intent import Abandon, Adopt, Intent, Publish
from bot.flows.door import Door
from bot.store import Store, engine_for
from sandbox.switch import Rule, Switch
from tests.stage import MANIFEST, Stage, stage


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Stage]:
    with stage(tmp_path) as made:
        made.migrate()
        yield made


def bot(play: Stage, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot", *words]
    return subprocess.run(command, env=play.environment(), capture_output=True, text=True, check=False)


def ordered(play: Stage) -> list[Intent]:
    store = Store(engine_for(None, play.root / "data"), now)
    found = [intent for row in store.deliveries() for intent in row.intents]
    store.engine.dispose()
    return found


def test_each_way_out_is_ordered_for_the_worker(play: Stage) -> None:
    for words in (("resume", MANIFEST, "2"), ("adopt", MANIFEST, "2"), ("abandon", MANIFEST, "2", "--by", "octocat")):
        done = bot(play, *words)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"ordered; what becomes of it is told on pull request 2 of {MANIFEST}\n"
    last, middle, first = ordered(play)
    assert isinstance(first, Publish)
    assert (first.pull, first.reason) == (2, "resume")
    assert isinstance(middle, Adopt)
    assert (middle.pull, middle.by) == (2, "the operator")
    assert isinstance(last, Abandon)
    assert (last.pull, last.by) == (2, "octocat")


@pytest.mark.parametrize(
    ("repository", "pull", "why"),
    [
        ("coreos/nothing", "2", "`coreos/nothing` is no repository that this bot is installed on."),
        (MANIFEST, "two", "`two` is no number of a pull request."),
        (MANIFEST, "0", "`0` is no number of a pull request."),
    ],
)
def test_what_is_mistyped_orders_nothing(play: Stage, repository: str, pull: str, why: str) -> None:
    done = bot(play, "adopt", repository, pull)
    assert (done.returncode, done.stderr.strip()) == (1, why)
    assert ordered(play) == []


@pytest.mark.parametrize("words", [("reconcile",), ("adopt", MANIFEST, "2")])
def test_what_github_denies_is_told_in_one_sentence(play: Stage, words: tuple[str, ...]) -> None:
    play.sandbox.faults = Switch(Rule("GET /installation/repositories", "404", times=None))
    done = bot(play, *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("github: could not list the repositories")
    assert done.stderr.count("\n") == 1
    assert ordered(play) == []


def test_where_no_store_is_none_is_made(tmp_path: Path) -> None:
    with stage(tmp_path) as made:
        for words in (("status",), ("retry", "all"), ("reconcile",), ("resume", MANIFEST, "2")):
            done = bot(made, *words)
            assert (done.returncode, done.stdout) == (1, "")
            assert done.stderr.startswith("There is no store in ")
        assert not (made.root / "data").exists()


def test_what_a_newer_version_stored_is_named_and_holds_up_nothing_else(play: Stage) -> None:
    which = RepositoryId(play.seeded.manifest.id, play.installation, MANIFEST)
    store = Store(engine_for(None, play.root / "data"), now)
    door = Door(store)
    for number in (1, 2):
        door.submit(keys.ordered(which.id, number, "adopt", "x"), (Adopt(which, number, "octocat"),))
    with store.begin() as connection:
        connection.execute(sa.text("UPDATE inbox SET outcome = 'parked'"))
        connection.execute(sa.text("UPDATE inbox SET intents = replace(intents, 'Adopt', 'Foresee') WHERE seq = 1"))
    told = bot(play, "status").stdout.splitlines()
    key = keys.ordered(which.id, 1, "adopt", "x")
    assert told[0] == "0 under way or waiting, 1 parked"
    assert told[2] == f"waits for a newer version 1: `{key}` asks for Foresee, which this version does not know"
    refused = bot(play, "retry", "1")
    assert refused.returncode == 1
    assert (
        refused.stderr
        == f"`{key}` asks for Foresee, which this version does not know. Start the version that stored it.\n"
    )
    assert bot(play, "retry", "all").stdout == "begun anew: 2\n"
    assert [each.delivery.key for each in store.open_deliveries(now())] == [keys.ordered(which.id, 2, "adopt", "x")]
    store.engine.dispose()
