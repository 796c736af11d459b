"""The ways out of a stopped release from a shell: ordered by the same door that deliveries come through."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.clock import now
from bot.core.intent import Abandon, Adopt, Intent, Publish
from bot.store import Store, engine_for
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
