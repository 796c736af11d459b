"""What moves by itself, whole plans and private projects: real servers for heads, and a GitHub that can fail."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from bot.core import refusal as no
from bot.core.fetch_policy import FetchPolicy
from bot.core.hub import Comparison
from bot.core.manifest import read
from bot.core.plan import Plan, Request, look_up, plan
from bot.core.refusal import Refusal
from bot.core.resolve import Move, Questions, Silent, Unknown
from bot.core.snapshot import Earlier, Past, Snapshot
from bot.core.version import Version
from bot.outage import Denied, Outage
from bot.remotes import Remotes
from bot.resolver import MOST_RELATED, OnHub, Resolver
from sandbox import seed_files
from tests.core import world
from tests.core.world import ETCD, PINS, request
from tests.git_server import FILES, GitServer, Reply
from tests.resolving import (
    LINE,
    MASTER,
    NEXT,
    Etcd,
    Hub,
    etcd as etcd,
    histories as histories,
    remotes as remotes,
    server as server,
)


def of(fault: Exception) -> Callable[[], Comparison | None]:
    def fails() -> Comparison | None:
        raise fault

    return fails


FAULTS = [Outage("compare commits", "GitHub is away"), Denied("compare commits", "no rights", 403)]
FAR = Comparison(3, 1, ("a subject",))


def on_hub(remotes: Remotes, hub: Hub) -> Resolver:
    """A resolver for which every project is on our GitHub, and that is told so by the hub."""
    return Resolver(remotes, "build-115", Hub(of(AssertionError("it is on GitHub"))), cast(OnHub, hub))


def test_what_follows_a_branch_is_at_its_tip_or_the_branch_is_unknown(etcd: Etcd) -> None:
    tip = etcd.commit(LINE)
    gone = replace(etcd.wanted(NEXT), project=world.project(world.OVERLAY))
    found = etcd.resolver.answer(Questions(followed=(etcd.wanted(LINE), gone))).followed
    assert found == {ETCD: Move(tip, LINE, None), world.OVERLAY: Unknown(NEXT)}


def test_what_moves_by_itself_is_counted_where_that_costs_one_question_and_not_elsewhere(
    etcd: Etcd, remotes: Remotes
) -> None:
    tip, hub, elsewhere = etcd.commit(LINE), Hub(lambda: FAR), Hub(lambda: FAR)
    asked = Questions(followed=(etcd.wanted(LINE),))
    assert on_hub(remotes, hub).answer(asked).followed == {ETCD: Move(tip, LINE, FAR)}
    assert hub.asked == [(etcd.released, tip)]
    assert Resolver(remotes, "build-115", elsewhere).answer(asked).followed == {ETCD: Move(tip, LINE, None)}
    assert elsewhere.asked == []


def test_what_did_not_move_is_asked_of_nobody(etcd: Etcd, remotes: Remotes) -> None:
    hub = Hub(of(AssertionError("nothing was to be asked")))
    asked = Questions(followed=(etcd.wanted(MASTER),))
    assert on_hub(remotes, hub).answer(asked).followed == {ETCD: Move(etcd.released, MASTER, Comparison(0, 0))}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", ["followed", "waiting", "recalled"])
def test_what_moves_by_itself_is_taken_though_nobody_can_say_how_far_it_goes(
    etcd: Etcd, remotes: Remotes, fault: Exception, kind: str
) -> None:
    tip = etcd.commit(LINE)
    want = etcd.wanted(tip, LINE, trusted=True) if kind == "recalled" else etcd.wanted(LINE)
    asked = Questions(waiting=(want,)) if kind == "waiting" else Questions(followed=(want,))
    answers = on_hub(remotes, Hub(of(fault))).answer(asked)
    assert (answers.waiting if kind == "waiting" else answers.followed) == {ETCD: Move(tip, LINE, None)}


def test_what_a_release_had_is_believed_and_its_server_not_asked(etcd: Etcd, server: GitServer) -> None:
    want = etcd.wanted("a0" * 20, NEXT, trusted=True)
    assert etcd.resolver.answer(Questions(followed=(want,))).followed == {ETCD: Move("a0" * 20, NEXT, None)}
    assert server.asked == []


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("trusted", [True, False])
def test_how_far_a_named_project_goes_must_be_known(
    etcd: Etcd, remotes: Remotes, fault: Denied | Outage, trusted: bool
) -> None:
    want = etcd.wanted(etcd.commit(LINE), LINE, trusted=trusted)
    found = on_hub(remotes, Hub(of(fault))).answer(Questions(named=(want,))).named
    assert found == {ETCD: Silent(fault.reason)}


def test_of_very_many_projects_only_the_first_are_counted_and_the_named_ones_always(
    etcd: Etcd, remotes: Remotes
) -> None:
    tip, hub = etcd.commit(LINE), Hub(lambda: FAR)
    projects = [replace(world.project(ETCD), path=f"src/{number}") for number in range(MOST_RELATED + 5)]
    still = replace(etcd.wanted(MASTER), project=replace(projects[0], path="still"))
    many = tuple(replace(etcd.wanted(LINE), project=project) for project in projects)
    answers = on_hub(remotes, hub).answer(Questions(followed=(still, *many), named=(etcd.wanted(tip),)))
    moves = [found for path, found in answers.followed.items() if path != "still"]
    assert moves == [Move(tip, LINE, FAR)] * MOST_RELATED + [Move(tip, LINE, None)] * 5
    assert answers.named == {ETCD: Move(tip, LINE, FAR)}
    assert len(hub.asked) == MOST_RELATED + 1


# Whole plans


@pytest.fixture
def line(server: GitServer) -> Snapshot:
    """build-115, whose two followers each have a new commit on the server."""
    for name in seed_files.BRANCHED:
        project = server.project(name)
        project.commit(FILES, ref=LINE, message=name)
    policy = FetchPolicy(origin=server.origin)
    return world.snapshot(url=f"{server.origin}/coreos/manifest", policy=policy, web=server.origin)


def planned(line: Snapshot, resolver: Resolver, wanted: Request) -> Plan | Refusal:
    questions = look_up(line, wanted)
    assert isinstance(questions, Questions), questions
    return plan(line, wanted, resolver.answer(questions))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_plan_is_made_though_nobody_can_say_how_far_its_projects_go_and_says_so(
    line: Snapshot, remotes: Remotes, fault: Exception
) -> None:
    whole = planned(line, on_hub(remotes, Hub(of(fault))), request())
    assert isinstance(whole, Plan)
    assert [(change.name, change.since) for change in whole.projects] == [(name, None) for name in seed_files.BRANCHED]
    assert [(each.kind, each.before) for each in whole.cautions] == [("unrelated", "2")]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_pins_of_another_release_are_taken_though_nobody_can_say_how_far_they_go(
    line: Snapshot, remotes: Remotes, fault: Exception
) -> None:
    old = Version(109, 0, 0)
    tree = world.tree(build_115_xml=seed_files.release_manifest(dict.fromkeys(PINS, "a0" * 20), 115))
    line = replace(line, past=Past(releases={old: Earlier(read(tree, "release.xml"), "109.0.0")}))
    whole = planned(line, on_hub(remotes, Hub(of(fault))), request(pins_of=old))
    assert isinstance(whole, Plan)
    assert {change.new for change in whole.projects} == {"a0" * 20}


def test_a_project_that_cannot_be_read_is_named_in_the_refusal(
    line: Snapshot, server: GitServer, remotes: Remotes
) -> None:
    server.rules.append(lambda asked: Reply(404) if "portage" in asked.path else None)
    refused = planned(line, Resolver(remotes, "build-115", Hub(lambda: None)), request())
    assert isinstance(refused, no.Unreadable)
    assert [name for name, _ in refused.projects] == ["coreos/portage-stable"]


# Private projects


def test_a_token_goes_with_the_questions_about_its_own_project_and_with_no_others(
    line: Snapshot, server: GitServer, remotes: Remotes
) -> None:
    private, public = (f"{server.origin}/{name}" for name in seed_files.BRANCHED)
    resolver = Resolver(remotes, "build-115", Hub(lambda: None), tokens={private: "t0ken"})
    assert isinstance(planned(line, resolver, request()), Plan)
    said = {asked.path: asked.headers.get("authorization") for asked in server.asked}
    basic = f"Basic {base64.b64encode(b'x-access-token:t0ken').decode()}"
    mine = [path for path in said if path.startswith(private.removeprefix(server.origin))]
    assert {path: words for path, words in said.items() if words} == dict.fromkeys(mine, basic)
    assert mine
    assert [path for path in said if path.startswith(public.removeprefix(server.origin))]
