"""The log of what was delivered to our webhook, against the stand-in: what did not arrive, and asking for it again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.gh import Hub
from bot.gh.deliveries import HookDelivery
from sandbox import App, Sandbox
from tests.gh.world import ALL, HOME, commit

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass
class Scene:
    sandbox: Sandbox
    hub: Hub
    app: App

    def comments(self, count: int) -> None:
        person = self.sandbox.person("octocat")
        issue = person.open_issue(HOME, "title")
        for number in range(count):
            person.comment(HOME, issue, f"comment {number}")
        assert self.sandbox.wait_idle(20)

    def listed(self, since: datetime = LONG_AGO) -> list[HookDelivery]:
        return [each for each in self.hub.deliveries().since(since) if each.name == "issue_comment.created"]

    def pings(self, count: int) -> None:
        for _ in range(count):
            self.sandbox.ping(self.app)
        assert self.sandbox.wait_idle(20)

    def calls(self, name: str) -> int:
        return sum(each.name == name for each in self.sandbox.requests)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    sandbox = Sandbox(tmp_path, speed=0.1)
    sandbox.start()
    sandbox.create_organization("coreos")
    sandbox.create_user("octocat")
    commit(sandbox.create_repository(HOME, default_branch="master"), "master", "start")
    # Nobody listens there, so that nothing arrives.
    app = sandbox.create_app("release-bot", "http://127.0.0.1:1/", "s", ALL, ["issue_comment"])
    sandbox.install(app, [HOME])
    hub = Hub(sandbox.api_url, app.id, app.private_key)
    yield Scene(sandbox, hub, app)
    hub.close()
    sandbox.stop()


def test_what_did_not_arrive_is_listed_oldest_first(scene: Scene) -> None:
    scene.comments(3)
    listed = scene.listed()
    assert [each.arrived for each in listed] == [False] * 3
    assert [each.id for each in listed] == sorted(each.id for each in listed)
    assert scene.calls("GET /app/hook/deliveries") == 1


def test_a_hundred_deliveries_are_a_page_and_all_pages_are_read(scene: Scene) -> None:
    scene.pings(205)
    assert len(scene.hub.deliveries().since(LONG_AGO)) == 206  # and one of the installation
    assert scene.calls("GET /app/hook/deliveries") == 3


def test_no_page_is_read_beyond_the_time_asked_for(scene: Scene) -> None:
    scene.pings(120)
    assert scene.listed(datetime.now(UTC) + timedelta(minutes=1)) == []
    assert scene.calls("GET /app/hook/deliveries") == 1


def test_a_delivery_is_sent_again_under_its_guid(scene: Scene) -> None:
    scene.comments(1)
    (first,) = scene.listed()
    assert scene.hub.deliveries().redeliver(first.id)
    assert scene.sandbox.wait_idle(10)
    again = scene.listed()
    assert [each.guid for each in again] == [first.guid, first.guid]
    assert again[1].id != first.id


def test_what_cannot_be_sent_again_is_no_fault(scene: Scene) -> None:
    assert not scene.hub.deliveries().redeliver(999_999)
