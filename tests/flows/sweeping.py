"""Sweeps and deliveries with the inbox between them and the flows, so that what is known is taken up once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from bot.clock import now
from bot.core import keys
from bot.core.intent import Acknowledge, Answer, Intent, Publish, Reconcile
from bot.gh import Hub
from bot.store import Delivery, Release, Store, engine_for
from tests.flows.conftest import Play
from tests.stage import MANIFEST

COMMAND = "/release patch build-115 coreos/etcd={}"
BUILDS = "coreos/scripts"


@dataclass
class Clerk:
    """Hands what is delivered and found to the flows, by the key of the inbox."""

    play: Play
    queue: list[tuple[int, Sequence[Intent]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.play.desk = replace(self.play.desk, submit=self.submit)

    # What comes in

    def submit(self, key: str, intents: Sequence[Intent]) -> bool:
        store, which = self.play.desk.store, self.play.repository
        with store.begin() as connection:
            seq = store.add(connection, Delivery(key, "test", "", which.id, which.installation), intents)
        if seq is None:
            parked = store.parked(key)
            if parked is None:
                return False
            seq = parked.seq
        self.queue.append((seq, intents))
        return True

    def deliver_comment(self, issue: int, comment: int, body: str, login: str = "octocat") -> None:
        which, author = self.play.repository, self.play.stage.sandbox.user(login).id
        answer = Answer(which, issue, False, comment, login, author, body, now().isoformat())
        self.submit(keys.comment(which.id, comment), (Acknowledge(which, comment), answer))
        self.work()

    def deliver_merge(self, pull: int, merge_commit: str) -> None:
        which = self.play.repository
        self.submit(keys.merged(which.id, pull, merge_commit), (Publish(which, pull),))
        self.work()

    def sweep(self) -> None:
        """What the timer orders, and everything that it finds."""
        self.play.do(Reconcile(self.play.repository))
        self.work()

    def work(self) -> None:
        """Carry out what waits, in order."""
        while self.queue:
            seq, intents = self.queue.pop(0)
            outcomes = [self.play.do(intent) for intent in intents]
            with self.play.desk.store.begin() as connection:
                self.play.desk.store.finish(connection, seq, outcomes[-1].state, outcomes[-1].detail)

    # What goes wrong

    def lose_the_store(self) -> None:
        """An empty store takes the place of the one that knew."""
        self.play.desk.store.engine.dispose()
        store = Store(engine_for(None, self.play.stage.root / "another"), self.play.desk.now)
        store.create_tables()
        self.play.desk = replace(self.play.desk, store=store)

    def later(self, span: timedelta) -> None:
        """So much time passes, here and there."""
        self.play.stage.sandbox.world.now = lambda: now() + span
        self.set_our_clock(span)

    def set_our_clock(self, off: timedelta) -> None:
        """Our own clock differs from the machine's by this."""
        settings = self.play.desk.settings
        hub = Hub(settings.github_api_url, settings.app_id, settings.private_key.reveal(), lambda: now() + off)
        self.play.desk.hub.close()
        self.play.desk.store.now = lambda: now() + off
        self.play.desk = replace(self.play.desk, hub=hub, now=lambda: now() + off)

    # What came of it

    @property
    def command(self) -> str:
        return COMMAND.format(self.play.stage.seeded.etcd_release_head)

    def pulls(self) -> list[int]:
        return [each["number"] for each in self.play.stage.person("octocat").pulls(MANIFEST, "all")]

    def row(self, version: str = "115.0.1") -> Release:
        found = self.play.desk.store.release(self.play.repository.id, version)
        assert found is not None
        return found

    def runs(self) -> int:
        world = self.play.stage.sandbox.world
        return len(world.repositories[self.play.stage.sandbox.repository(BUILDS).id].runs)

    def replies(self, issue: int, comment: int) -> list[str]:
        return [each.split("\n\n<!--")[0] for each in self.play.stage.said(issue, f"reply {comment} ")]
