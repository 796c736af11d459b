"""Which repositories the timer sweeps: what GitHub lists, and where it does not answer, what the store knows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Response, request

from bot.core import keys
from bot.core.hub import RepositoryId
from bot.core.intent import Intent, Reconcile
from bot.flows.door import Door, prepare
from bot.worker import Worker
from sandbox.faults import Faults
from tests.flows.conftest import Play
from tests.stage import MANIFEST

FAR = 999_999


class Denies(Faults):
    """Denies every call to this path of the API."""

    def __init__(self, path: str) -> None:
        self._path = path

    def before(self, call: str) -> Response | None:
        if not request.path.endswith(self._path):
            return None
        return Response('{"message": "This installation has been suspended"}', 403, content_type="application/json")


@pytest.fixture
def worker(play: Play) -> Iterator[Worker]:
    made = Worker(play.desk.settings)
    yield made
    made.close()


def second(play: Play) -> RepositoryId:
    """A repository of another account that the App is installed on, too."""
    sandbox = play.stage.sandbox
    sandbox.create_organization("flatcar")
    handle = sandbox.create_repository("flatcar/manifest")
    return RepositoryId(handle.id, sandbox.install(play.stage.app, ["flatcar/manifest"]), "flatcar/manifest")


def known(play: Play, which: RepositoryId) -> None:
    """Have the store know a repository, as any intent for it does."""
    intents: tuple[Intent, ...] = (Reconcile(which),)
    prepare(play.desk.store)
    Door(play.desk.store).submit(keys.sweep(which.id, "once"), intents)


def names(worker: Worker) -> list[str]:
    return sorted(each.name for each in worker.repositories())


def test_where_one_installation_is_denied_the_store_answers_for_it_alone(play: Play, worker: Worker) -> None:
    other = second(play)
    known(play, RepositoryId(FAR, play.stage.installation, "coreos/given-back"))
    known(play, other)
    everything = ["coreos/scripts", "flatcar/manifest", MANIFEST]
    assert names(worker) == sorted(everything)
    play.stage.sandbox.faults = Denies(f"/app/installations/{other.installation}/access_tokens")
    worker.close()
    again = Worker(play.desk.settings)  # without the token that was given before
    assert names(again) == sorted(everything)
    again.close()


def test_where_no_installation_is_listed_the_store_answers_for_all(play: Play, worker: Worker) -> None:
    known(play, play.repository)
    play.stage.sandbox.faults = Denies("/app/installations")
    assert names(worker) == [MANIFEST]
