"""New code takes up what old code wrote: a ticket with fields it does not know, and one that lacks those it has."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from dbos import DBOSClient, EnqueueOptions

from bot.core.hub import RepositoryId
from bot.core.intent import Publish
from bot.flows.door import APPLICATION, JSON, VERSION, WORKFLOW
from bot.flows.ticket import Ticket
from bot.store import Delivery
from tests.engine.company import Company
from tests.engine.test_workers import ALL, FOR_GOOD, steps

RELEASE = Publish(RepositoryId(7, 9, "coreos/manifest"), 1)
SINCE = datetime(2013, 10, 25, tzinfo=UTC)
FIRST_FIELDS = ("intent", "seq", "part", "matter", "since")
"""What every ticket has had from the beginning."""


def written(*, newer: bool) -> str:
    """A ticket as another version writes it."""
    data = json.loads(Ticket(RELEASE, 1, 0, True, SINCE).to_json())
    if newer:
        return json.dumps({**data, "mood": "sunny", "intent": {**data["intent"], "colour": ["red"]}})
    return json.dumps({name: data[name] for name in FIRST_FIELDS})


@pytest.mark.parametrize("newer", [True, False], ids=["newer", "older"])
def test_a_ticket_of_another_version_is_read(newer: bool) -> None:
    assert Ticket.from_json(written(newer=newer)) == Ticket(RELEASE, 1, 0, True, SINCE)


@pytest.mark.parametrize("newer", [True, False], ids=["newer", "older"])
def test_what_another_version_queued_is_carried_out(company: Company, newer: bool) -> None:
    options: EnqueueOptions = {
        "workflow_name": WORKFLOW,
        "queue_name": "release",
        "workflow_id": "000000000001.0",
        "app_version": VERSION,
        "queue_partition_key": "7",
    }
    client = DBOSClient(
        system_database_engine=company.store.engine, lazy=True, serializer=JSON, application_name=APPLICATION
    )
    with company.store.begin() as connection:
        company.store.add(connection, Delivery("k1", "sweep", "", 7, 9), (RELEASE,))
        client.enqueue_in_transaction(connection, options, written(newer=newer))
    company.start("ann")
    company.until("the end", lambda: company.outcome(1))
    assert steps(company, 1) == ALL


def test_a_deploy_in_the_middle_of_a_release_repeats_no_recorded_step(company: Company) -> None:
    company.env["LEASE_SECONDS"] = FOR_GOOD
    old = company.start("old")
    company.hold("two")
    company.publish(1)
    company.until("the step", lambda: steps(company, 1)[-1:] == ["two begins"])
    company.start("new")
    old.terminate()
    company.let_go("two")
    assert old.wait(20) == 0
    company.until("the end", lambda: company.outcome(1))
    assert steps(company, 1) == ALL
    assert {line.split()[0] for line in company.told()} <= {"old", "new"}


def test_the_version_that_pending_work_is_pinned_to_does_not_change_by_accident() -> None:
    assert VERSION == "1"
