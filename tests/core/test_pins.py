"""Step 5 of the procedure, first half: at which commit every project is released, and which servers are asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.core import refusal as no
from bot.core.command import Override
from bot.core.hub import Comparison
from bot.core.manifest import Manifest, is_commit, read
from bot.core.plan import Plan, look_up, plan
from bot.core.plan.request import Request
from bot.core.resolve import Answers, Found, Questions, Silent, Unknown
from bot.core.snapshot import Snapshot
from bot.core.tree import Entry
from bot.core.version import Version
from sandbox import seed_files
from tests.core import world
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

NAMES = tuple(PINS)
FOLLOWERS = ("coreos/coreos-overlay", "coreos/portage-stable")
LINE, MASTER = "refs/heads/build-115", "refs/heads/master"
OLD = Version(109, 0, 0)


def asked(at: Snapshot, wanted: Request) -> Questions:
    questions = look_up(at, wanted)
    assert isinstance(questions, Questions), questions
    return questions


def names(wants: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(want.project.name for want in wants)


def released(whole: Plan) -> dict[str, tuple[str, str | None]]:
    """Name to (commit, upstream) as release.xml has them after a release off the main branch."""
    return read_release(on_main(), whole)


def read_release(at: Snapshot, whole: Plan) -> dict[str, tuple[str, str | None]]:
    """The same after a release from any branch."""
    manifest = read(at.tree.with_changes(whole.changes), "release.xml")
    return {project.name: (project.revision, project.upstream) for project in manifest.projects}


def main_file(at: Snapshot, *changes: tuple[str, str]) -> Snapshot:
    """The main branch with words of master.xml replaced."""
    entry = at.tree.entries["master.xml"]
    text = entry.data.decode()
    for old, with_new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, with_new)
    return replace(at, tree=at.tree.with_changes({"master.xml": Entry(entry.mode, text.encode())}))


def revised(name: str, *attributes: str) -> tuple[str, str]:
    """A project of master.xml with attributes more."""
    path = f'path="{seed_files.PATHS[name]}"'
    return path, " ".join((path, *attributes))


# Which projects are asked about


@pytest.mark.parametrize(
    ("at", "wanted", "followed", "waiting"),
    [
        (on_main(), new(), NAMES, ()),
        (on_main(), new(projects="all"), NAMES, ()),
        (on_main(), new(projects="branched"), (), ()),
        (on_main(), new(projects="none"), (), ()),
        (on_main(), new(Override("etcd", NEW)), tuple(n for n in NAMES if n != "coreos/etcd"), ()),
        (tracking_main(), new(), NAMES, ()),
        (tracking_main(), new(projects="none"), (), ()),
        (snapshot(), request(), FOLLOWERS, ()),
        (snapshot(), request(projects="branched"), FOLLOWERS, ()),
        (snapshot(), request(projects="none"), (), FOLLOWERS),
        (snapshot(), request(projects="all"), NAMES, ()),
        (snapshot(), request(Override("etcd", NEW)), (), FOLLOWERS),
        (snapshot(), request(Override("etcd", NEW), projects="branched"), FOLLOWERS, ()),
        (snapshot(), request(Override("coreos-overlay", NEW)), (), FOLLOWERS[1:]),
        (tracking_line(), request(), FOLLOWERS, ()),
        (tracking_line(), request(projects="none"), (), FOLLOWERS),
        (tracking_line(), request(projects="all"), NAMES, ()),
        (tracking_line(), request(Override("etcd", NEW)), (), FOLLOWERS),
        (tracking_line(), request(Override("etcd", NEW), projects="branched"), FOLLOWERS, ()),
    ],
)
def test_what_moves_unnamed_is_what_the_selection_says_and_what_waits_is_only_shown(
    at: Snapshot, wanted: Request, followed: tuple[str, ...], waiting: tuple[str, ...]
) -> None:
    questions = asked(at, wanted)
    assert (names(questions.followed), names(questions.waiting)) == (followed, waiting)


def test_a_question_says_the_address_the_ref_and_the_pin_that_is_held() -> None:
    (overlay, stable), etcd = asked(snapshot(), request()).followed, asked(on_main(), new()).followed[4]
    assert (overlay.url, overlay.revision, overlay.held) == (
        "https://github.com/coreos/coreos-overlay",
        LINE,
        PINS["coreos/coreos-overlay"],
    )
    assert stable.revision == LINE
    assert (etcd.project.name, etcd.revision, etcd.held) == ("coreos/etcd", MASTER, PINS["coreos/etcd"])


def test_a_project_of_the_optional_groups_is_not_released_off_main() -> None:
    at = main_file(on_main(), revised("coreos/fleet", 'groups="notdefault"'))
    assert "coreos/fleet" not in names(asked(at, new()).followed)
    assert made(at, new()).removed == (("coreos/fleet", PINS["coreos/fleet"]),)


def test_a_short_branch_name_is_looked_up_as_a_branch_and_recorded_as_it_is_written() -> None:
    at = main_file(on_main(), revised("coreos/etcd", 'revision="release-0.1"'))
    (etcd,) = (want for want in asked(at, new()).followed if want.project.path == ETCD)
    assert etcd.revision == "refs/heads/release-0.1"
    assert released(made(at, new()))["coreos/etcd"] == (TIPS["coreos/etcd"], "release-0.1")


# Where every project ends


def test_off_main_every_project_is_at_the_tip_of_what_it_follows() -> None:
    assert released(made(on_main(), new())) == {name: (TIPS[name], MASTER) for name in NAMES}


def test_a_commit_that_main_names_itself_stays_and_nobody_is_asked() -> None:
    at = main_file(on_main(), revised("coreos/etcd", f'revision="{NEW}"', 'upstream="refs/heads/release-0.1"'))
    for projects in (None, "all", "none"):
        wanted = new(projects=projects)
        assert "coreos/etcd" not in names(asked(at, wanted).followed)
        assert released(made(at, wanted))["coreos/etcd"] == (NEW, "refs/heads/release-0.1")


def test_without_any_project_moving_main_keeps_the_pins_of_the_last_release() -> None:
    assert released(made(on_main(), new(projects="none", flags=EMPTY))) == {n: (PINS[n], MASTER) for n in NAMES}


def test_a_project_that_the_last_release_did_not_have_is_looked_up_all_the_same() -> None:
    extra = '<project name="coreos/ignition" path="src/ignition"/>\n</manifest>'
    at = main_file(on_main(), ("</manifest>", extra))
    for projects in (None, "none"):
        assert "coreos/ignition" in names(asked(at, new(projects=projects)).followed)
    whole = made(at, new(projects="none"))
    assert released(whole)["coreos/ignition"] == (NEW, MASTER)
    assert (whole.added, whole.projects) == ((("coreos/ignition", NEW),), ())


def test_without_a_last_release_that_can_be_read_everything_is_new_and_looked_up() -> None:
    tree = world.main_tree().with_changes({"release.xml": None, "build-115.xml": None})
    whole = made(on_main(tree=tree), new(projects="none"))
    assert whole.added == tuple((name, TIPS[name]) for name in NAMES)
    assert (whole.projects, whole.unchanged) == ((), ())


def test_an_empty_last_release_is_repaired_by_the_next() -> None:
    whole = made(on_main(tree=world.main_tree(build_115_xml=b"")), new())
    assert len(whole.added) == len(NAMES)


@pytest.mark.parametrize(("projects", "moved"), [(None, FOLLOWERS), ("branched", FOLLOWERS), ("all", NAMES)])
def test_on_a_release_branch_only_what_is_selected_moves(projects: Any, moved: tuple[str, ...]) -> None:
    upstream = {name: LINE if name in FOLLOWERS else MASTER for name in NAMES}
    expected = {name: (TIPS[name] if name in moved else PINS[name], upstream[name]) for name in NAMES}
    for at in (snapshot(), tracking_line()):
        whole = made(at, request(projects=projects))
        assert read_release(at, whole) == expected


@pytest.mark.parametrize("at", [snapshot(), tracking_line()])
def test_a_named_project_moves_alone_and_brings_its_branch(at: Snapshot) -> None:
    whole = made(at, request(Override("etcd", NEW, "refs/heads/release-0.1")))
    assert read_release(at, whole)["coreos/etcd"] == (NEW, "refs/heads/release-0.1")
    assert [change.name for change in whole.projects] == ["coreos/etcd"]
    assert [change.name for change in whole.waiting] == list(FOLLOWERS)


def test_a_named_project_goes_before_what_its_branch_is_at() -> None:
    whole = made(on_main(), new(Override("etcd", NEW, MASTER)))
    assert released(whole)["coreos/etcd"] == (NEW, MASTER)
    assert released(whole)["coreos/fleet"] == (TIPS["coreos/fleet"], MASTER)


@pytest.mark.parametrize("word", ["coreos/etcd", ETCD, "etcd"])
@pytest.mark.parametrize("at", [snapshot(), on_main(), tracking_line()])
def test_a_project_is_named_by_its_name_its_path_or_its_last_part(word: str, at: Snapshot) -> None:
    wanted = request(Override(word, NEW)) if at.base != "master" else new(Override(word, NEW))
    assert names(asked(at, wanted).named) == ("coreos/etcd",)


def test_an_unknown_project_is_refused_before_any_server_is_asked() -> None:
    assert look_up(on_main(), new(Override("etcdd", NEW))) == no.UnknownProject("etcdd", ("coreos/etcd",), 12)
    assert look_up(on_main(), new(renames={"etcdd": "x"})) == no.UnknownProject("etcdd", ("coreos/etcd",), 12)


def test_a_word_that_fits_two_projects_is_refused_with_both() -> None:
    at = main_file(on_main(), ('name="coreos/init"', 'name="other/etcd"'))
    assert look_up(at, new(Override("etcd", NEW))) == no.AmbiguousProject(
        "etcd", (("coreos/etcd", ETCD), ("other/etcd", "src/third_party/init"))
    )


def test_two_words_for_one_project_are_refused_for_only_one_can_be_meant() -> None:
    twice = (Override("etcd", NEW), Override("coreos/fleet", NEW), Override(ETCD, "ef" * 20))
    refused = no.NamedTwice("coreos/etcd", "etcd", ETCD)
    assert look_up(snapshot(), request(*twice)) == look_up(on_main(), new(*twice)) == refused


# Renames, and projects that were renamed or moved


@pytest.mark.parametrize("at", [snapshot(), tracking_line()])
def test_a_renamed_project_keeps_its_place_and_is_shown_under_both_names(at: Snapshot) -> None:
    whole = made(at, request(renames={"etcd": "etcd-io/etcd"}, projects="none"))
    (change,) = whole.projects
    assert (change.old_name, change.name, change.path) == ("coreos/etcd", "etcd-io/etcd", ETCD)
    assert (change.old, change.new, change.url) == (PINS["coreos/etcd"],) * 2 + ("https://github.com/etcd-io/etcd",)
    assert "coreos/etcd" not in read_release(at, whole)


def test_a_renamed_project_keeps_the_groups_that_were_written() -> None:
    at = main_file(on_main(), revised("coreos/etcd", 'groups="a,b"'))
    text = world.written(made(at, new(renames={"etcd": "etcd-io/etcd"})), "build-116.xml").decode()
    assert f'groups="a,b" name="etcd-io/etcd" path="{ETCD}"' in text


def test_another_name_at_the_same_path_is_another_repository_and_is_looked_up_there() -> None:
    at = main_file(on_main(), ('name="coreos/etcd"', 'name="etcd-io/etcd"'))
    (want,) = asked(at, new(projects="none")).followed
    assert (want.project.path, want.url, want.held) == (ETCD, "https://github.com/etcd-io/etcd", None)
    (change,) = made(at, new(projects="none")).projects
    assert (change.old_name, change.name, change.new) == ("coreos/etcd", "etcd-io/etcd", NEW)


def test_the_last_pin_is_found_by_name_where_the_path_changed() -> None:
    at = main_file(on_main(), (f'path="{ETCD}"', 'path="src/etcd"'))
    (want,) = (want for want in asked(at, new()).followed if want.project.name == "coreos/etcd")
    assert want.held == PINS["coreos/etcd"]
    whole = made(at, new(projects="none"))
    assert (whole.added, whole.removed, [change.path for change in whole.projects]) == ((), (), ["src/etcd"])


def test_two_projects_that_swapped_places_never_get_each_others_pins() -> None:
    fleet = "src/third_party/fleet"
    etcd_out, fleet_over = (f'path="{ETCD}"', 'path="x"'), (f'path="{fleet}"', f'path="{ETCD}"')
    at = main_file(on_main(), etcd_out, fleet_over, ('path="x"', f'path="{fleet}"'))
    for projects in (None, "none"):
        held = {want.project.name: want.held for want in asked(at, new(projects=projects)).followed}
        assert held["coreos/etcd"] in (None, PINS["coreos/etcd"])
        assert held["coreos/fleet"] in (None, PINS["coreos/fleet"])


# Refusals


@pytest.mark.parametrize(
    ("at", "wanted", "refused"),
    [
        (on_main(), new(), no.Unreadable((("coreos/etcd", "timeout"),), 12, None)),
        (snapshot(), request(Override("etcd", NEW)), no.Unreadable((("coreos/etcd", "timeout"),), 1, None)),
    ],
)
def test_a_server_that_is_silent_about_what_moves_stops_the_release(
    at: Snapshot, wanted: Request, refused: no.Refusal
) -> None:
    answers = world.answered(asked(at, wanted))
    silent: dict[str, Found] = {ETCD: Silent("timeout")}
    named = answers.named | silent if answers.named else {}  # type: ignore[operator]
    followed = answers.followed if answers.named else {**answers.followed, **silent}
    assert plan(at, wanted, Answers(followed, named, answers.waiting)) == refused


def test_a_branch_that_is_gone_is_refused_by_its_name() -> None:
    answers = world.answered(asked(on_main(), new()))
    gone = replace(answers, followed={**answers.followed, ETCD: Unknown(MASTER)})
    assert plan(on_main(), new(), gone) == no.UnknownRevision("coreos/etcd", MASTER)


def test_a_project_that_nobody_answered_for_is_never_left_out() -> None:
    tree = world.main_tree().with_changes({"release.xml": None, "build-115.xml": None})
    with pytest.raises(ValueError, match="nobody answered what was asked of src/third_party/baselayout"):
        plan(on_main(tree=tree), new(), Answers())
    with pytest.raises(ValueError, match="nobody answered what was asked of src/third_party/etcd"):
        plan(snapshot(), request(Override("etcd", NEW), flags=frozenset({"allow-empty"})), Answers())


def test_a_project_with_neither_pin_nor_branch_must_be_told_where_to_go() -> None:
    tree = world.main_tree().with_changes({"release.xml": None, "build-115.xml": None})
    assert look_up(on_main(tree=tree), new(Override("etcd"))) == no.NothingToFollow("coreos/etcd")


@pytest.mark.parametrize(
    ("since", "flags", "main", "line"),
    [
        (Comparison(200, 0), (), Plan, Plan),
        (Comparison(201, 0), (), Plan, no.Jump),
        (Comparison(5000, 0), ("allow-jump",), Plan, Plan),
        (Comparison(0, 1), (), no.Rewind, no.Rewind),
        (Comparison(3, 1), ("allow-jump",), no.Rewind, no.Rewind),
        (Comparison(3, 1), ("allow-rewind",), Plan, Plan),
        (Comparison(300, 1), ("allow-rewind",), Plan, no.Jump),
        (None, (), Plan, Plan),
    ],
)
def test_going_back_must_be_meant_everywhere_and_going_far_only_on_a_release_branch(
    since: Comparison | None, flags: tuple[str, ...], main: type, line: type
) -> None:
    meant = frozenset(flags)
    assert type(outcome(on_main(), new(flags=meant), since)) is main
    assert type(outcome(tracking_main(), new(flags=meant), since)) is main
    assert type(outcome(snapshot(), request(flags=meant), since)) is line
    assert type(outcome(tracking_line(), request(flags=meant), since)) is line


@pytest.mark.parametrize("at", [snapshot(), tracking_line()])
def test_leaving_the_release_branch_must_be_meant_though_it_is_one_commit(at: Snapshot) -> None:
    override = Override("coreos-overlay", NEW, MASTER)
    assert outcome(at, request(override)) == no.Jump("coreos/coreos-overlay", 1, LINE, MASTER)
    whole = made(at, request(override, flags=frozenset({"allow-jump"})))
    assert read_release(at, whole)["coreos/coreos-overlay"] == (NEW, MASTER)


@pytest.mark.parametrize(
    ("at", "wanted"),
    [(on_main(), new()), (tracking_main(), new()), (snapshot(), request()), (tracking_line(), request())],
)
def test_every_manifest_that_is_released_pins_every_project(at: Snapshot, wanted: Request) -> None:
    manifest: Manifest = read(at.tree.with_changes(made(at, wanted).changes), "release.xml")
    assert all(is_commit(project.revision) for project in manifest.projects)
    assert {project.path for project in manifest.projects} == set(seed_files.PATHS.values())
