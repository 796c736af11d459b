"""Whether there is anything to release: what moved, what only says so, and what a person named all the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.core import refusal as no
from bot.core.command import Override
from bot.core.hub import Comparison
from bot.core.plan import Plan, Request, look_up, plan
from bot.core.refusal import Refusal
from bot.core.resolve import Answers, Move, Questions
from bot.core.snapshot import Snapshot
from bot.core.tree import FILE, Entry
from sandbox import seed_files
from tests.core import world
from tests.core.world import ETCD, NEW, PINS, request


def upstream_only(at: Snapshot, asked: Request) -> Plan | Refusal:
    """Every branch is at the very commit that was released."""
    questions = look_up(at, asked)
    assert isinstance(questions, Questions)
    still = {want.project.path: Move(str(want.held), want.upstream, Comparison(0, 0)) for want in questions.followed}
    named = {want.project.path: Move(str(want.held), want.upstream, Comparison(0, 0)) for want in questions.named}
    return plan(at, asked, Answers(dict(still), dict(named)))


def freshly_branched() -> Snapshot:
    """A tracking line just after its first release, whose pins still say that they come from master."""
    at = world.tracking_line()
    return replace(at, tree=at.tree.with_changes({"release.xml": Entry(FILE, seed_files.release_manifest(PINS, 0))}))


def test_another_upstream_alone_is_nothing_to_release_where_nobody_named_it() -> None:
    at = freshly_branched()
    assert upstream_only(at, request()) == no.NothingMoved("build-115", "v115.0.0", "coreos/baselayout")
    assert isinstance(upstream_only(at, request(flags=world.EMPTY)), Plan)
    named = upstream_only(at, request(Override("coreos-overlay", None, "refs/heads/build-115")))
    assert isinstance(named, Plan)
    assert [(change.name, change.new_upstream) for change in named.projects] == [
        ("coreos/coreos-overlay", "refs/heads/build-115"),
        ("coreos/portage-stable", "refs/heads/build-115"),
    ]


def test_a_project_that_follows_its_own_line_from_now_on_is_no_reason_for_caution() -> None:
    whole = world.made(freshly_branched(), request())
    assert [change.old_upstream for change in whole.projects] == ["refs/heads/master"] * 2
    assert whole.cautions == ()
    named = world.made(freshly_branched(), request(Override("etcd", NEW, "refs/heads/build-115"), projects="branched"))
    assert [caution.project for caution in named.cautions] == ["coreos/etcd"]


@pytest.mark.parametrize(
    ("old", "changed", "worth"),
    [
        (b'name="coreos/etcd"', b'name="etcd-io/etcd"', True),
        (ETCD.encode(), b"src/etcd", True),
        (b'path="src/scripts"', b'path="src/scripts" remote="private"', False),
    ],
)
def test_another_name_or_place_alone_is_worth_a_release_and_another_remote_at_the_same_address_is_not(
    old: bytes, changed: bytes, worth: bool
) -> None:
    at = world.on_main()
    data = at.tree.entries["master.xml"].data
    assert data.count(old) == 1
    at = replace(at, tree=at.tree.with_changes({"master.xml": Entry(FILE, data.replace(old, changed))}))
    whole = upstream_only(at, world.new(projects="none"))
    assert isinstance(whole, Plan) is worth


@pytest.mark.parametrize(
    ("sdk", "worth"), [("109.0.0", True), ("110.0.0", False), ("keep", False), ("previous", False)]
)
def test_an_sdk_that_a_person_named_is_worth_a_release_by_itself(sdk: str, worth: bool) -> None:
    assert isinstance(upstream_only(world.snapshot(), request(sdk=sdk)), Plan) is worth
    assert isinstance(upstream_only(world.on_main(), world.new(sdk=sdk)), Plan) is worth


def test_nothing_moved_off_main_is_refused_too_and_a_re_spin_can_be_meant() -> None:
    at = world.on_main()
    assert upstream_only(at, world.new()) == no.NothingMoved("master", "v115.0.0", "coreos/baselayout")
    whole = upstream_only(at, world.new(flags=world.EMPTY))
    assert isinstance(whole, Plan)
    assert whole.moves == 0
