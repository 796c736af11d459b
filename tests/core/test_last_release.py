"""What a release is measured from: the last release as its tag says it, and never another repository's commits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from bot.core import refusal as no
from bot.core.command import Override
from bot.core.hub import Comparison
from bot.core.manifest import read
from bot.core.plan import Caution, Plan, look_up, plan
from bot.core.resolve import Move
from bot.core.sensitive import Sensitive
from bot.core.snapshot import Earlier, Past, Snapshot
from bot.core.text import pull
from bot.core.tree import FILE, Entry
from bot.core.version import Version
from sandbox import seed_files
from tests.core import world
from tests.core.test_pins import MASTER, NAMES, asked, main_file, names, read_release
from tests.core.world import (
    ETCD,
    NEW,
    OVERLAY,
    PINS,
    TIPS,
    made,
    new,
    on_main,
    request,
    snapshot,
    tracking_line,
    tracking_main,
)

V109, V115 = Version(109, 0, 0), Version(115, 0, 0)
BY_HAND = "ee" * 20
OLD = {name: f"{number:02x}" * 20 for number, name in enumerate(NAMES, start=160)}
"""The pins of a release of long ago."""
FREE = frozenset({"allow-empty", "allow-jump", "allow-rewind"})


def release(pins: dict[str, str], build: int = 0, *changes: tuple[str, str]) -> Earlier:
    """What a release with these pins had, words of its manifest replaced."""
    text = changed(seed_files.release_manifest(pins, build).decode(), *changes)
    tree = world.tree().with_changes({"release.xml": Entry(FILE, text.encode())})
    return Earlier(read(tree, "release.xml"), "109.0.0")


def changed(text: str, *changes: tuple[str, str]) -> str:
    for old, with_new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, with_new)
    return text


def known(at: Snapshot, last: Earlier, old: Earlier | None = None) -> Snapshot:
    """The branch, when its last release was read, and one of long ago."""
    return replace(at, past=Past(releases={V115: last, **({V109: old} if old else {})}))


def by_hand(*changes: tuple[str, str]) -> Snapshot:
    """build-115 where somebody edited the manifest after its release."""
    text = changed(world.tree().entries["build-115.xml"].data.decode(), *changes)
    return known(snapshot(tree=world.tree(build_115_xml=text.encode())), release(PINS, 115))


# What was edited by hand since the last release

PIN = (PINS["coreos/fleet"], BY_HAND)
REMOTE = ('name="private"/>', 'name="private"/>\n  <remote fetch="https://gitlab.com/x" name="more"/>')
COPY = ('dest="AUTHORS"', 'dest="bin/tool"')


def test_a_pin_that_was_edited_by_hand_is_a_change_from_the_last_release() -> None:
    whole = made(by_hand(PIN), request(Override("etcd", NEW)))
    assert [(change.name, change.old, change.new) for change in whole.projects] == [
        ("coreos/etcd", PINS["coreos/etcd"], NEW),
        ("coreos/fleet", PINS["coreos/fleet"], BY_HAND),
    ]
    assert "coreos/fleet" not in dict(whole.unchanged)
    assert Caution("unrelated", "coreos/fleet", "1", "coreos/fleet") in whole.cautions


def test_a_pin_that_was_edited_by_hand_is_worth_a_release_by_itself() -> None:
    whole = plan(by_hand(PIN), request(), world.still(by_hand(PIN), request()))
    assert isinstance(whole, Plan)
    assert [change.name for change in whole.projects] == ["coreos/fleet"]


def test_a_remote_and_a_file_that_were_edited_in_by_hand_are_shown_as_sensitive() -> None:
    assert made(by_hand(REMOTE, COPY), request(Override("etcd", NEW))).sensitive == (
        Sensitive("remote", "more", "", "fetch=https://gitlab.com/x"),
        Sensitive("copyfile", "AUTHORS", "chromite/AUTHORS", ""),
        Sensitive("copyfile", "bin/tool", "", "chromite/AUTHORS"),
    )


def test_a_branch_that_was_edited_by_hand_to_follow_another_must_be_meant() -> None:
    overlay = f'revision="{PINS["coreos/coreos-overlay"]}" upstream="refs/heads/build-115"'
    at = by_hand((overlay, overlay.replace("build-115", "master")))
    left = no.Jump("coreos/coreos-overlay", 0, "refs/heads/build-115", MASTER)
    assert world.outcome(at, request(Override("etcd", NEW))) == left
    whole = made(at, request(Override("etcd", NEW), flags=FREE))
    assert Caution("upstream", "coreos/coreos-overlay", "refs/heads/build-115", MASTER) in whole.cautions


def test_where_the_last_release_cannot_be_read_the_branch_itself_is_what_it_is_measured_from() -> None:
    whole = made(replace(by_hand(PIN, REMOTE, COPY), past=Past()), request(Override("etcd", NEW)))
    assert [change.name for change in whole.projects] == ["coreos/etcd"]
    assert whole.sensitive == ()


def test_how_far_a_project_goes_is_counted_from_its_released_pin_and_not_from_one_by_hand() -> None:
    at = by_hand((PINS["coreos/etcd"], BY_HAND), (PINS["coreos/coreos-overlay"], "ed" * 20))
    (etcd,) = asked(at, request(Override("etcd", NEW))).named
    assert etcd.held == PINS["coreos/etcd"]
    assert {want.held for want in asked(at, request()).followed} == {PINS[name] for name in seed_files.BRANCHED}


SOME = st.sets(st.sampled_from(NAMES))


@settings(max_examples=40, deadline=None)
@given(edited=SOME, named=SOME, tracking=st.booleans())
def test_whoever_moved_a_pin_a_plan_shows_exactly_what_differs_from_the_last_release(
    edited: set[str], named: set[str], tracking: bool
) -> None:
    pins = {name: BY_HAND if name in edited else PINS[name] for name in NAMES}
    data = seed_files.release_manifest(pins, 115)
    loose = world.following(seed_files.release_manifest(PINS, 115), *seed_files.BRANCHED)
    for name in edited - {*seed_files.BRANCHED}:
        loose = loose.replace(PINS[name].encode(), BY_HAND.encode())
    files = {"build-115.xml": Entry(FILE, loose), "release.xml": Entry(FILE, data)}
    at = tracking_line() if tracking else snapshot(tree=world.tree(build_115_xml=data))
    at = known(replace(at, tree=at.tree.with_changes(files)) if tracking else at, release(PINS, 115))
    whole = made(at, request(*(Override(name, NEW) for name in sorted(named)), flags=FREE))
    found = {name: pin for name, (pin, _) in read_release(at, whole).items() if pin != PINS[name]}
    assert {change.name: (change.old, change.new) for change in whole.projects if change.old != change.new} == {
        name: (PINS[name], pin) for name, pin in found.items()
    }
    assert {name for name, pin in found.items() if pin == NEW} == named
    assert edited <= found.keys()


# What waits


@pytest.mark.parametrize("at", [snapshot(), tracking_line()])
def test_what_waits_is_compared_with_the_pin_that_is_released(at: Snapshot) -> None:
    wanted = request(Override("etcd", NEW))
    told = world.answered(asked(at, wanted))
    there = Move(PINS["coreos/coreos-overlay"], None, Comparison(0, 0))
    whole = plan(at, wanted, replace(told, waiting={**told.waiting, OVERLAY: there}))
    assert isinstance(whole, Plan)
    stable = "coreos/portage-stable"
    assert [(change.name, change.old, change.new) for change in whole.waiting] == [(stable, PINS[stable], TIPS[stable])]


def test_what_waits_is_counted_from_the_pin_that_is_released_also_where_that_was_set_by_hand() -> None:
    at = by_hand((PINS["coreos/coreos-overlay"], BY_HAND))
    wanted = request(Override("etcd", NEW))
    assert {want.project.name: want.held for want in asked(at, wanted).waiting} == {
        "coreos/coreos-overlay": BY_HAND,
        "coreos/portage-stable": PINS["coreos/portage-stable"],
    }
    shown = {change.name: (change.old, change.new) for change in made(at, wanted).waiting}
    assert shown["coreos/coreos-overlay"] == (BY_HAND, TIPS["coreos/coreos-overlay"])


# Pins of another release are measured from the last one too


@pytest.mark.parametrize("at", [snapshot(), on_main(), tracking_line(), tracking_main()])
def test_a_pin_of_another_release_is_counted_from_the_last_release(at: Snapshot) -> None:
    at = known(at, release(PINS, 0 if at.base == "master" else 115), release(OLD))
    wanted = (new if at.base == "master" else request)(pins_of=V109, flags=FREE)
    questions = asked(at, wanted)
    assert {want.project.name: (want.revision, want.held) for want in questions.followed} == {
        name: (OLD[name], PINS[name]) for name in NAMES
    }


def test_a_pin_by_hand_is_no_place_to_count_another_releases_pin_from() -> None:
    at = by_hand((PINS["coreos/etcd"], BY_HAND))
    at = known(at, release(PINS, 115), release(OLD))
    held = {want.project.name: want.held for want in asked(at, request(pins_of=V109)).followed}
    assert held["coreos/etcd"] == PINS["coreos/etcd"]


@pytest.mark.parametrize("at", [snapshot(), on_main()])
def test_what_goes_back_with_the_pins_of_another_release_is_said_to_go_back(at: Snapshot) -> None:
    at = known(at, release(PINS, 115), release({**PINS, "coreos/etcd": OLD["coreos/etcd"]}, 115))
    wanted = (new if at.base == "master" else request)(pins_of=V109)
    whole = made(at, wanted, Comparison(0, 30))
    assert [(each.name, each.new, each.since) for each in whole.projects] == [
        ("coreos/etcd", OLD["coreos/etcd"], Comparison(0, 30))
    ]
    told = pull.body(whole, 0)
    assert "| 0, 30 back |" in told
    assert "> `coreos/etcd` goes BACK 30 commits" in told


@pytest.mark.parametrize("revision", [NEW, "=released", "=@109.0.0", "next"])
@pytest.mark.parametrize("at", [snapshot(), on_main(), tracking_line()])
def test_what_is_named_beside_the_pins_of_another_release_is_counted_from_the_last_too(
    at: Snapshot, revision: str
) -> None:
    at = known(at, release(PINS, 115), release(OLD))
    (want,) = asked(at, (new if at.base == "master" else request)(Override("etcd", revision), pins_of=V109)).named
    assert want.held == PINS["coreos/etcd"]


# Another repository's commits

ELSEWHERE = ('<remote fetch=".." name="private"/>', '<remote fetch="https://gitlab.com/mirrors" name="private"/>')
TAKEN = (f'path="{ETCD}"', f'path="{ETCD}" remote="private"')
RENAMED = ('name="coreos/etcd"', 'name="etcd-io/etcd"')
THERE = "https://gitlab.com/mirrors/coreos/etcd"


def etcd_of(at: Snapshot, whole: Plan) -> str:
    found = read_release(at, whole)
    return found["coreos/etcd"][0]


def moved_to(at: Snapshot, file: str, *changes: tuple[str, str]) -> Snapshot:
    """The branch where etcd is fetched from another server, by one of its files."""
    entry = at.tree.entries[file]
    return replace(
        at, tree=at.tree.with_changes({file: replace(entry, data=changed(entry.data.decode(), *changes).encode())})
    )


@pytest.mark.parametrize("projects", ["none", "all"])
def test_a_project_at_another_address_than_the_last_release_had_is_looked_up_there(projects: str) -> None:
    at = moved_to(known(main_file(on_main(), TAKEN), release(PINS)), "_remotes.xml", ELSEWHERE)
    wanted = replace(new(), projects=projects)  # type: ignore[arg-type]
    (want,) = (want for want in asked(at, wanted).followed if want.project.path == ETCD)
    assert (want.url, want.revision, want.held, want.trusted) == (THERE, MASTER, None, False)
    assert etcd_of(at, made(at, wanted)) == TIPS["coreos/etcd"]


def test_a_project_of_a_line_at_another_address_than_its_last_release_is_looked_up_there() -> None:
    at = known(tracking_line(), release(PINS, 115))
    path = f'path="{seed_files.PATHS["coreos/coreos-overlay"]}"'
    at = moved_to(at, "build-115.xml", ELSEWHERE, (path, f'{path} remote="private"'))
    wanted = request(Override("etcd", NEW))
    (want,) = asked(at, wanted).followed
    assert (want.project.name, want.held) == ("coreos/coreos-overlay", None)
    assert read_release(at, made(at, wanted))["coreos/coreos-overlay"][0] == TIPS["coreos/coreos-overlay"]


def test_commits_of_two_repositories_are_never_compared() -> None:
    at = known(snapshot(), release(PINS, 115, ELSEWHERE, TAKEN))
    (want,) = asked(at, request(Override("etcd", NEW))).named
    assert want.held is None


OTHERS = [(RENAMED,), (ELSEWHERE, TAKEN)]
"""How the manifest of an old release led elsewhere."""


@pytest.mark.parametrize("changes", OTHERS)
@pytest.mark.parametrize("at", [snapshot(), on_main(), tracking_line()])
def test_no_project_gets_the_pin_that_an_old_release_had_of_another_repository(
    at: Snapshot, changes: tuple[tuple[str, str], ...]
) -> None:
    at = known(at, release(PINS, 115), release(OLD, 0, *changes))
    wanted = (new if at.base == "master" else request)(pins_of=V109, flags=FREE)
    assert "coreos/etcd" not in names(asked(at, wanted).followed)
    found = read_release(at, made(at, wanted))
    assert (found["coreos/etcd"][0], found["coreos/fleet"][0]) == (PINS["coreos/etcd"], OLD["coreos/fleet"])


@pytest.mark.parametrize("changes", OTHERS)
@pytest.mark.parametrize("at", [snapshot(), on_main(), tracking_line()])
def test_a_release_that_had_another_repository_at_the_place_did_not_have_the_project(
    at: Snapshot, changes: tuple[tuple[str, str], ...]
) -> None:
    at = known(at, release(PINS, 115, *changes), release(OLD, 0, *changes))
    for revision, version in (("=@109.0.0", "109.0.0"), ("=released", "115.0.0")):
        wanted = (new if at.base == "master" else request)(Override("etcd", revision))
        assert look_up(at, wanted) == no.NotInRelease("coreos/etcd", version)


def test_the_same_address_written_otherwise_is_the_same_repository_and_keeps_its_pins() -> None:
    at = known(on_main(), release(PINS, 0, ('fetch=".." name="github"', 'fetch="https://github.com/" name="github"')))
    assert {want.project.name: want.held for want in asked(at, new()).followed} == PINS
