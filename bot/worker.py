"""The worker process: the tools of all flows are put together here, once, and run until told to stop."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import NoReturn
from urllib.parse import urlsplit

from bot.clock import now
from bot.core import keys
from bot.core.fetch_policy import DEFAULT_HOSTS, FetchPolicy
from bot.core.hub import RepositoryId
from bot.core.intent import Intent, Reconcile
from bot.ending import Ending, until_it_answers
from bot.flows.deliveries import redeliver_failed
from bot.flows.desk import Desk
from bot.flows.door import Door
from bot.flows.engine import Engine
from bot.flows.outcome import Outcome, Steps
from bot.flows.table import carry_out, tell_of_bug, tell_of_parking
from bot.gh import Hub
from bot.memory import share_pools
from bot.mirror import Mirrors
from bot.outage import Denied, Outage
from bot.remotes import Remotes
from bot.sdk_check import SdkCheck
from bot.settings import Settings
from bot.signing import Keyring, Signer
from bot.store import Store, engine_for
from handlers import ROUTES

log = logging.getLogger(__name__)

LOOK = 0.5
"""Seconds between two looks whether our place was taken."""
LAST_SECONDS = 9.0
"""How long the end may take. Platforms insist after ten."""
CarryOut = Callable[[Desk, Intent, Steps], Outcome]


class Worker:
    """One worker: the flows' tools, the engine that carries intents out, and the timer that sweeps.

    `carry_out` is the table of flows.
    """

    def __init__(self, settings: Settings, carry_out: CarryOut = carry_out) -> None:
        self._settings = settings
        self._store = Store(engine_for(settings.store_url, settings.data_dir), now)
        self._hub = Hub(settings.github_api_url, settings.app_id, settings.private_key.reveal(), now)
        self._remotes = Remotes(policy(settings), settings.data_dir / "scratch")
        signer = Signer(settings.signing_key) if settings.signing_key else None
        self._desk = Desk(
            settings=settings,
            hub=self._hub,
            mirrors=Mirrors(settings.data_dir / "mirrors", allow_http=settings.sandbox),
            remotes=self._remotes,
            histories=settings.data_dir / "histories",
            policy=policy(settings),
            sdk_check=SdkCheck(settings.sdk_check_url) if settings.sdk_check_url else None,
            store=self._store,
            now=now,
            submit=submitter(Door(self._store)),
            keyring=Keyring(settings.trusted_keys, signer),
            signer=signer,
        )
        self._engine = Engine(
            settings,
            self._store,
            lambda intent, steps: carry_out(self._desk, intent, steps),
            lambda intent, incident: tell_of_bug(self._desk, intent, incident),
            lambda intent, reason: tell_of_parking(self._desk, intent, reason),
        )
        self._ending = Ending()

    def run(self) -> None:
        """Start, sweep by the timer, end when SIGTERM or SIGINT comes.

        Raises AnotherWorker where one is running and must be the only.
        """
        share_pools()  # before the engine starts its threads, which would fill a pool each
        self._ending.listen()
        if not until_it_answers(self._ending, self._engine.start):
            return
        log.info("the worker is ready")
        # A thread of its own, and one that holds up nobody: a sweep waits for GitHub, and SIGTERM must not.
        threading.Thread(target=self._sweep_by_the_timer, name="sweeper", daemon=True).start()
        try:
            while not self._ending.wait(LOOK):
                if self._engine.lost:
                    _end_at_once()
        finally:
            self._stop()

    def _stop(self) -> None:
        """End within LAST_SECONDS, whatever is still under way: another worker carries on from its last record."""
        deadline = time.monotonic() + LAST_SECONDS
        threading.Thread(target=self._engine.stop, args=(LAST_SECONDS - 2,), name="ending", daemon=False).start()
        while (busy := _busy()) and time.monotonic() < deadline:
            time.sleep(0.05)
        if busy:
            log.warning("broken off, to be carried on by another worker or at the next start: %s", ", ".join(busy))
            logging.shutdown()
            os._exit(0)  # threads of the engine would keep this process alive
        self.close()

    def close(self) -> None:
        """Let go of every tool."""
        self._remotes.close()
        self._desk.mirrors.close()
        self._hub.close()
        self._store.engine.dispose()

    def _sweep_by_the_timer(self) -> None:
        while not self._ending.asked:
            try:
                if self._engine.leads():
                    self._sweep()
            except Outage as outage:
                log.warning("no sweep this time: %s", outage)
            except Exception:
                log.exception("a sweep broke; the next one comes by the timer")
            self._ending.wait(self._settings.reconcile_seconds)

    def _sweep(self) -> None:
        """Order a sweep over every repository that we know of, and begin anew what was lost."""
        try:
            self._engine.take_up_lost()
            # A sweep that waits is as good as a new one; where they take longer than the timer, they would pile up.
            asked = self._store.being_swept()
            for repository in self.repositories():
                if repository.id not in asked:
                    self._desk.submit(keys.sweep(repository.id, now().isoformat()), (Reconcile(repository),))
            redeliver_failed(self._desk, ROUTES)
        except (Outage, Denied) as fault:
            log.warning("no sweep this time: %s", fault)

    def repositories(self) -> Sequence[RepositoryId]:
        """The repositories that we serve, as GitHub lists them; when it is away, those that the store knows."""
        try:
            installations = [each for each in self._hub.installations() if self._serves(each)]
        except (Outage, Denied) as fault:
            log.warning("the installations could not be read: %s", fault)
            return self._store.repositories()
        return [each for installation in installations for each in self._repositories_of(installation)]

    def _repositories_of(self, installation: int) -> Sequence[RepositoryId]:
        try:
            return self._hub.repositories(installation)
        except (Outage, Denied) as fault:
            log.warning("the repositories of installation %d could not be read: %s", installation, fault)
            return [each for each in self._store.repositories() if each.installation == installation]

    def _serves(self, installation: int) -> bool:
        return not self._settings.installations or installation in self._settings.installations


def _end_at_once() -> NoReturn:
    """End without a farewell: another worker carries out the step that is under way here, and two must not."""
    log.error("another worker took over what this one did; start it again")
    logging.shutdown()
    os._exit(1)


def _busy() -> list[str]:
    """The threads that keep this process alive."""
    others = (thread for thread in threading.enumerate() if thread is not threading.main_thread())
    return [thread.name for thread in others if not thread.daemon]


def submitter(door: Door) -> Callable[[str, Sequence[Intent]], bool]:
    """How a flow hands in what it found."""
    return lambda key, intents: door.submit(key, intents) == "stored"


def policy(settings: Settings) -> FetchPolicy:
    """The hosts that project repositories may be read from: the well-known ones, our own GitHub, the operator's."""
    own = urlsplit(settings.github_web_url)
    hosts = DEFAULT_HOSTS | {own.hostname or ""} | set(settings.fetch_hosts)
    return FetchPolicy(frozenset(hosts), settings.github_web_url if settings.sandbox else None)
