"""What earlier releases say: their pins taken again, and which of it must be read before a release can be planned."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.core import refusal as no
from bot.core.command import Override
from bot.core.config import Config, ManifestFiles
from bot.core.hub import Comparison
from bot.core.manifest import read
from bot.core.plan import Plan, Recall, Request, earlier, look_up, plan, recall
from bot.core.resolve import Move
from bot.core.snapshot import Earlier, Past, Snapshot
from bot.core.tree import FILE, Entry, Tree
from bot.core.version import Version
from sandbox import seed_files
from tests.core import world
from tests.core.test_pins import MASTER, NAMES, asked, names, read_release, released
from tests.core.world import (
    EMPTY,
    ETCD,
    NEW,
    PINS,
    TIPS,
    made,
    new,
    on_main,
    outcome,
    request,
    snapshot,
    tracking_line,
    tracking_main,
)

OLD = Version(109, 0, 0)


def past(pins: dict[str, str], version: Version = OLD, upstream: str = MASTER) -> Past:
    """A release whose pins were these."""
    data = seed_files.release_manifest({**PINS, **pins}, 0).replace(MASTER.encode(), upstream.encode())
    tree = world.tree().with_changes({"release.xml": Entry(FILE, data)})
    return Past(releases={version: Earlier(read(tree, "release.xml"), "109.0.0")})


def test_the_pin_of_the_last_release_is_taken_on_main_though_main_moved_on() -> None:
    last = replace(past({}), releases={Version(115, 0, 0): past({}).releases[OLD]})
    whole = made(on_main(past=last), new(Override("etcd", "=released")))
    assert released(whole)["coreos/etcd"] == (PINS["coreos/etcd"], MASTER)
    assert released(whole)["coreos/fleet"] == (TIPS["coreos/fleet"], MASTER)


def test_the_last_release_is_the_branchs_own_where_its_tag_is_gone() -> None:
    refs = {ref: at for ref, at in snapshot().refs.items() if "v115" not in ref}
    whole = made(on_main(refs=refs), new(Override("etcd", "=released")))
    assert released(whole)["coreos/etcd"] == (PINS["coreos/etcd"], MASTER)


@pytest.mark.parametrize("at", [snapshot(), on_main(), tracking_line()])
def test_the_pin_of_a_named_release_is_taken_with_its_upstream_and_believed(at: Snapshot) -> None:
    at = replace(at, past=past({"coreos/etcd": NEW}, upstream="refs/heads/next"))
    override = Override("etcd", "=@109.0.0")
    wanted = new(override) if at.base == "master" else request(override)
    (want,) = asked(at, wanted).named
    assert (want.revision, want.upstream, want.held, want.trusted) == (
        NEW,
        "refs/heads/next",
        PINS["coreos/etcd"],
        True,
    )
    assert read_release(at, made(at, wanted))["coreos/etcd"] == (NEW, "refs/heads/next")


def test_an_upstream_named_beside_a_released_pin_is_asked_about() -> None:
    at = snapshot(past=past({"coreos/etcd": NEW}))
    (want,) = asked(at, request(Override("etcd", "=@109.0.0", "refs/heads/next"))).named
    assert (want.revision, want.upstream, want.trusted) == (NEW, "refs/heads/next", False)


def without(name: str) -> Past:
    """The old release without one of the projects."""
    whole = past({}).releases[OLD]
    kept = tuple(project for project in whole.manifest.projects if project.name != name)
    return Past(releases={OLD: replace(whole, manifest=replace(whole.manifest, projects=kept))})


def test_a_release_that_did_not_have_the_project_has_no_pin_for_it() -> None:
    at = snapshot(past=without("coreos/etcd"))
    assert look_up(at, request(Override("etcd", "=@109.0.0"))) == no.NotInRelease("coreos/etcd", "109.0.0")


def test_a_release_that_did_not_pin_the_project_has_no_pin_for_it() -> None:
    whole = past({"coreos/etcd": NEW}).releases[OLD]
    loose = tuple(replace(p, revision="refs/tags/v1") if p.path == ETCD else p for p in whole.manifest.projects)
    at = snapshot(past=Past(releases={OLD: replace(whole, manifest=replace(whole.manifest, projects=loose))}))
    assert look_up(at, request(Override("etcd", "=@109.0.0"))) == no.NotInRelease("coreos/etcd", "109.0.0")


@pytest.mark.parametrize("wanted", [request(Override("etcd", "=@112.0.0")), request(pins_of=Version(112, 0, 0))])
def test_a_release_that_does_not_exist_is_refused_with_those_nearest_to_it(wanted: Request) -> None:
    assert look_up(snapshot(), wanted) == no.UnknownRelease("112.0.0", ("110.0.0", "109.0.0", "115.0.0"))


@pytest.mark.parametrize("at", [snapshot(), on_main(), tracking_line(), tracking_main()])
def test_from_a_release_every_pin_is_taken_and_only_its_relation_is_asked(at: Snapshot) -> None:
    pins = {name: f"{number:02x}" * 20 for number, name in enumerate(NAMES, start=160)}
    at = replace(at, past=past(pins))
    wanted = new(pins_of=OLD) if at.base == "master" else request(pins_of=OLD, flags=frozenset({"allow-jump"}))
    questions = asked(at, wanted)
    assert all(want.trusted and want.revision == pins[want.project.name] for want in questions.followed)
    assert (names(questions.followed), questions.named, questions.waiting) == (NAMES, (), ())
    whole = made(at, wanted, Comparison(0, 30))
    assert read_release(at, whole) == {name: (pins[name], MASTER) for name in NAMES}
    assert whole.record.sdk == "109.0.0"
    assert sum(caution.kind == "rewind" for caution in whole.cautions) == len(NAMES)


def test_from_a_release_what_is_named_goes_its_own_way() -> None:
    at = snapshot(past=past({"coreos/fleet": "f1" * 20}))
    wanted = request(Override("etcd", NEW, "refs/heads/x"), pins_of=OLD, flags=frozenset({"allow-jump"}))
    found = read_release(at, made(at, wanted))
    assert (found["coreos/etcd"], found["coreos/fleet"]) == ((NEW, "refs/heads/x"), ("f1" * 20, MASTER))


@pytest.mark.parametrize("at", [snapshot(), on_main()])
def test_from_a_release_what_it_did_not_have_keeps_the_pin_of_the_last(at: Snapshot) -> None:
    at = replace(at, past=without("coreos/etcd"))
    wanted = (
        new(pins_of=OLD, flags=EMPTY) if at.base == "master" else request(pins_of=OLD, flags=EMPTY | {"allow-jump"})
    )
    assert "coreos/etcd" not in names(asked(at, wanted).followed)
    assert read_release(at, made(at, wanted))["coreos/etcd"] == (PINS["coreos/etcd"], MASTER)


def test_an_answer_about_another_commit_says_nothing_of_how_far_a_project_goes() -> None:
    at = snapshot(past=past({"coreos/etcd": "e7" * 20}))
    wanted = request(pins_of=OLD, flags=frozenset({"allow-jump"}))
    told = world.answered(asked(at, wanted))
    answers = replace(told, followed={**told.followed, ETCD: Move(NEW, None, Comparison(0, 999))})
    whole = plan(at, wanted, answers)
    assert isinstance(whole, Plan)
    assert {change.name: change.since for change in whole.projects}["coreos/etcd"] is None


def loose(name: str) -> Past:
    """The old release where one of the projects had a tag instead of a commit."""
    whole = past({}).releases[OLD]
    projects = tuple(replace(p, revision="refs/tags/v1") if p.name == name else p for p in whole.manifest.projects)
    return Past(releases={OLD: replace(whole, manifest=replace(whole.manifest, projects=projects))})


@pytest.mark.parametrize("at", [snapshot(), on_main(), tracking_line(), tracking_main()])
def test_a_release_that_does_not_pin_everything_lends_no_pins(at: Snapshot) -> None:
    at = replace(at, past=loose("coreos/etcd"))
    wanted = (new if at.base == "master" else request)(pins_of=OLD)
    assert look_up(at, wanted) == no.NotPinned("coreos/etcd", "109.0.0")


@pytest.mark.parametrize("at", [snapshot(), tracking_line()])
def test_from_a_release_not_even_what_follows_the_line_moves_by_itself(at: Snapshot) -> None:
    at = replace(at, past=without("coreos/coreos-overlay"))
    wanted = request(pins_of=OLD, flags=EMPTY | {"allow-jump"})
    questions = asked(at, wanted)
    assert "coreos/coreos-overlay" not in names(questions.followed)
    assert names(questions.waiting) == ("coreos/coreos-overlay",)
    assert read_release(at, made(at, wanted))["coreos/coreos-overlay"][0] == PINS["coreos/coreos-overlay"]


@pytest.mark.parametrize(
    ("at", "projects", "moved"),
    [
        (on_main(), "all", NAMES),
        (snapshot(), "all", NAMES),
        (snapshot(), "branched", seed_files.BRANCHED),
        (tracking_line(), "branched", seed_files.BRANCHED),
        (on_main(), "branched", ()),
        (snapshot(), "none", ()),
        (tracking_line(), "none", ()),
    ],
)
def test_from_a_release_what_a_selection_names_moves_on_from_there(
    at: Snapshot, projects: Any, moved: tuple[str, ...]
) -> None:
    pins = {name: f"{number:02x}" * 20 for number, name in enumerate(NAMES, start=160)}
    at = replace(at, past=past(pins))
    wanted = (new if at.base == "master" else request)(
        pins_of=OLD, flags=EMPTY | {"allow-jump", "allow-rewind"}, projects=projects
    )
    found = {name: commit for name, (commit, _) in read_release(at, made(at, wanted)).items()}
    assert found == {name: TIPS[name] if name in moved else pins[name] for name in NAMES}


def test_a_last_release_that_pinned_nothing_keeps_nothing() -> None:
    data = seed_files.release_manifest({**PINS, "coreos/etcd": "refs/tags/v1"}, 0)
    at = on_main(tree=world.main_tree(build_115_xml=data))
    wanted = new(projects="none")
    (want,) = asked(at, wanted).followed
    assert (want.project.name, want.held) == ("coreos/etcd", None)
    (change,) = made(at, wanted).projects
    assert (change.old, change.new) == ("refs/tags/v1", TIPS["coreos/etcd"])


def test_a_project_without_an_upstream_stays_though_everything_is_to_move() -> None:
    pin = f'revision="{PINS["coreos/etcd"]}"'
    data = world.tree().entries["build-115.xml"].data.replace(f'{pin} upstream="{MASTER}"'.encode(), pin.encode())
    at = snapshot(tree=world.tree(build_115_xml=data))
    assert names(asked(at, request(projects="all")).followed) == tuple(name for name in NAMES if name != "coreos/etcd")
    assert read_release(at, made(at, request(projects="all")))["coreos/etcd"] == (PINS["coreos/etcd"], None)


@pytest.mark.parametrize("at", [snapshot(), on_main(), tracking_line(), tracking_main()])
def test_an_old_release_that_could_not_be_released_from_today_refuses_the_plan_with_its_pins(at: Snapshot) -> None:
    at = replace(at, past=past({}, upstream="refs/pull/1/head"))
    refused = outcome(at, (new if at.base == "master" else request)(pins_of=OLD, flags=EMPTY | {"allow-jump"}))
    assert isinstance(refused, no.BadTree)
    assert refused.sentence.startswith("What would be released cannot be released from again: ")
    assert "refs/pull/1/head" in refused.sentence


# What must be read


V109, V110, V115, V116 = Version(109, 0, 0), Version(110, 0, 0), Version(115, 0, 0), Version(116, 0, 0)
LAST = Recall(releases=(V115,), record=V115)
WITH_LINE = {**snapshot().refs, "refs/heads/build-116": "16" * 20, "refs/tags/v116.0.0": "17" * 20}
OF_116 = ("refs/heads/build-116", "refs/tags/v116.0.0")
OF_115 = ("refs/heads/build-115", "refs/tags/v115.0.0")


@pytest.mark.parametrize(
    ("at", "wanted", "needed"),
    [
        (on_main(), new(), Recall(releases=(V115,))),
        (on_main(refs=WITH_LINE), new(), Recall(releases=(V115,), line=OF_116, record=V116)),
        (on_main(refs=WITH_LINE), new(build=117), Recall(releases=(V115,))),
        (on_main(), new(build=115), replace(LAST, line=OF_115)),
        (on_main(), new(version=Version(115, 3, 0)), replace(LAST, line=OF_115)),
        (snapshot(), request(), LAST),
        (tracking_line(), request(kind="branch"), LAST),
        (snapshot(), request(pins_of=V109), replace(LAST, releases=(V109, V115))),
        (snapshot(), request(Override("etcd", "=@110.0.0")), replace(LAST, releases=(V110, V115))),
        (snapshot(), request(Override("etcd", "=released")), LAST),
        (on_main(), new(Override("etcd", "=released")), Recall(releases=(V115,))),
        (
            snapshot(refs={**snapshot().refs, "refs/tags/v115.2.0": "52" * 20}),
            request(Override("etcd", "=released")),
            Recall(releases=(Version(115, 2, 0),), record=Version(115, 2, 0)),
        ),
        (
            snapshot(),
            request(Override("etcd", "=@110.0.0"), Override("fleet", "=@110.0.0"), pins_of=V109),
            replace(LAST, releases=(V109, V110, V115)),
        ),
        (snapshot(), request(pins_of=Version(112, 0, 0)), LAST),
        (snapshot(), request(Override("etcd", "=@112.0.0")), LAST),
        (snapshot(), request(Override("etcd", NEW), Override("fleet", None, MASTER)), LAST),
        (on_main(refs={"refs/heads/master": world.MAIN}), new(), Recall()),
        (snapshot(commit=""), request(pins_of=V109), Recall()),
        (snapshot(tree=Tree()), request(pins_of=V109), Recall()),
    ],
)
def test_only_what_a_request_needs_of_the_past_is_read(at: Snapshot, wanted: Request, needed: Recall) -> None:
    assert recall(at, wanted) == needed


def test_a_clock_before_the_first_day_has_no_line_to_look_at() -> None:
    config = Config(manifest=ManifestFiles(epoch=world.ASKED_AT.date().replace(year=2020)))
    found = recall(on_main(config=config, refs=WITH_LINE), new())
    assert (found.line, found.record) == ((), None)


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({}, False),
        ({"release.xml": None}, False),
        ({"release.xml": None, "build-115.xml": None}, False),
        ({"release.xml": None, "build-115.xml": None, "build-109.xml": None}, True),
        ({"build-115.xml": Entry(FILE, b""), "build-109.xml": None}, True),
        ({"build-115.xml": Entry(FILE, b"<manifest/>"), "build-109.xml": None}, True),
        ({"build-115.xml": Entry(FILE, b""), "build-109.xml": world.main_tree().entries["build-109.xml"]}, False),
    ],
)
def test_a_pattern_is_wanted_where_no_release_manifest_tells_how_one_is_written(
    files: dict[str, Entry | None], wanted: bool
) -> None:
    tree = world.main_tree().with_changes(files)
    assert recall(on_main(tree=tree), new()).manifest is wanted


def test_a_manifest_that_is_edited_in_place_needs_no_pattern() -> None:
    bare = b'<manifest><remote name="github" fetch=".."/><default remote="github" revision="master"/></manifest>'
    assert recall(snapshot(tree=world.tree(build_115_xml=bare)), request()).manifest is False


def test_a_release_is_remembered_by_its_manifest_and_its_sdk() -> None:
    found = earlier(world.tree(), world.CONFIG)
    assert found == Earlier(read(world.tree(), "release.xml"), "110.0.0")


@pytest.mark.parametrize(
    "files",
    [
        {"release.xml": None},
        {"release.xml": Entry(FILE, b"")},
        {"version.txt": None},
        {"version.txt": Entry(FILE, b"x")},
        {"build-115.xml": None},
    ],
)
def test_a_release_whose_files_do_not_read_is_not_remembered(files: dict[str, Any]) -> None:
    assert earlier(world.tree().with_changes(files), world.CONFIG) is None


def test_the_group_of_the_last_release_goes_on_where_nobody_says_another() -> None:
    whole = made(snapshot(past=Past(group="beta")), request())
    assert (whole.record.group, whole.group_source) == ("beta", "as the last release of build-115")
    assert whole.record.last_group == "beta"
