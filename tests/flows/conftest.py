"""One flow at a time: what a person types goes through the same functions that the worker calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from bot.clock import now
from bot.core.hub import RepositoryId
from bot.core.intent import Answer, Check, Follow, Intent, Publish, Withdraw
from bot.flows.desk import Desk
from bot.flows.outcome import Outcome, Straight
from bot.flows.table import carry_out
from bot.gh import Hub
from bot.mirror import Mirrors
from bot.remotes import Remotes
from bot.settings import Settings
from bot.signing import Keyring
from bot.store import Store, engine_for
from bot.worker import policy
from tests.stage import MANIFEST, Stage, stage


@dataclass
class Play:
    """The people, the flows, and what was handed in by sweeps."""

    stage: Stage
    desk: Desk
    repository: RepositoryId
    submitted: list[tuple[str, Sequence[Intent]]] = field(default_factory=list)

    def type(self, command: str, login: str = "octocat", on: int | None = None, at: datetime | None = None) -> str:
        """Comment a command and let the bot answer; what it replied, or "" where it said nothing."""
        issue, comment = self.stage.ask(command, login, on)
        self.answer(issue, comment, command, login, on_pull=on is not None, at=at)
        return next(iter(self.stage.said(issue, f"reply {comment} ")), "").split("\n\n<!--")[0]

    def answer(
        self, issue: int, comment: int, body: str, login: str, on_pull: bool = False, at: datetime | None = None
    ) -> Outcome:
        """What the worker does about a delivered comment."""
        author = self.stage.sandbox.user(login).id
        created = (at or now()).isoformat()
        return self.do(Answer(self.repository, issue, on_pull, comment, login, author, body, created))

    def do(self, intent: Intent) -> Outcome:
        """Carry out one intent, and what it orders for now."""
        outcome = carry_out(self.desk, intent, Straight())
        for seconds, later in outcome.later:
            if seconds == 0:
                self.do(later)
        return outcome

    def publish(self, pull: int) -> Outcome:
        """What the worker does about a merge."""
        return self.do(Publish(self.repository, pull))

    def withdraw(self, pull: int) -> Outcome:
        """What the worker does about a pull request that was closed unmerged."""
        return self.do(Withdraw(self.repository, pull))

    def check(self, pull: int) -> str:
        """The check on a pull request's head after it was looked at: conclusion and title."""
        self.do(Check(self.repository, pull))
        shape = self.stage.person("octocat").ask("GET", f"/repos/{MANIFEST}/pulls/{pull}")
        runs = self.stage.person("octocat").ask("GET", f"/repos/{MANIFEST}/commits/{shape['head']['sha']}/check-runs")
        return "; ".join(f"{run['conclusion']}: {run['output']['title']}" for run in runs["check_runs"])

    def follow(self, version: str) -> Outcome:
        """One look at a build."""
        return self.do(Follow(self.repository, version))

    def propose(self, command: str = "") -> int:
        """An open release pull request; its number."""
        told = self.type(command or f"/release patch build-115 coreos/etcd={self.stage.seeded.etcd_release_head}")
        assert told.startswith("Opened #"), told
        return int(told.split("#")[1].split(" ")[0])


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    with stage(tmp_path) as made:
        settings = Settings.from_env(made.environment())
        store = Store(engine_for(None, settings.data_dir), now)
        store.create_tables()
        hub = Hub(settings.github_api_url, settings.app_id, settings.private_key.reveal(), now)
        remotes = Remotes(policy(settings), tmp_path / "scratch")
        submitted: list[tuple[str, Sequence[Intent]]] = []

        def submit(key: str, intents: Sequence[Intent]) -> bool:
            submitted.append((key, intents))
            return True

        desk = Desk(
            settings=settings,
            hub=hub,
            mirrors=Mirrors(tmp_path / "mirrors", allow_http=True),
            remotes=remotes,
            histories=tmp_path / "histories",
            policy=policy(settings),
            sdk_check=None,
            store=store,
            now=now,
            submit=submit,
            keyring=Keyring(settings.trusted_keys),
        )
        yield Play(made, desk, RepositoryId(made.seeded.manifest.id, made.installation, MANIFEST), submitted)
        remotes.close()
        hub.close()
        store.engine.dispose()
