"""What a release consists of, and why it is refused: the planner on a seed-shaped branch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from bot.core import refusal as no
from bot.core.command import Override
from bot.core.config import ManifestFiles
from bot.core.hub import Comparison
from bot.core.plan import Plan, RefChange, look_up, plan
from bot.core.refusal import Refusal
from bot.core.resolve import Answers, Elsewhere, Found, Move, Questions, Scattered, Silent, Unknown
from bot.core.snapshot import HEADS, Snapshot
from bot.core.text.pull import body
from bot.core.tree import FILE, LINK, Entry
from bot.core.version import Version
from sandbox import seed_files
from tests.core import world
from tests.core.world import ETCD, NEW, OVERLAY, PINS, moved, planned, request, snapshot, tree

ETCD_OVERRIDE = Override("coreos/etcd", NEW)


def made(answers: Answers = Answers(named=moved()), **changes: Any) -> Plan | Refusal:  # noqa: B008 - frozen
    return plan(snapshot(**changes), request(ETCD_OVERRIDE), answers)


def asked(**changes: Any) -> Questions | Refusal:
    return look_up(snapshot(**changes), request())


# Files


def test_only_the_named_pin_and_its_upstream_change_in_the_manifest() -> None:
    before, after = tree().entries["build-115.xml"].data, planned().changes["build-115.xml"]
    assert after is not None
    old = f'revision="{PINS["coreos/etcd"]}" upstream="refs/heads/master"'
    assert after.data == before.replace(old.encode(), f'revision="{NEW}" upstream="refs/heads/release-0.1"'.encode())


def test_the_version_goes_up_by_one_patch_and_the_sdk_stays() -> None:
    changed = planned().changes["version.txt"]
    assert changed == Entry(FILE, b"COREOS_BUILD=115\nCOREOS_BRANCH=0\nCOREOS_PATCH=1\nCOREOS_SDK_VERSION=110.0.0\n")
    assert planned().record.sdk == "110.0.0"


def test_the_first_own_release_of_a_branch_turns_default_xml_to_it() -> None:
    assert planned().changes["default.xml"] == Entry(LINK, b"build-115.xml")
    assert sorted(planned().changes) == ["build-115.xml", "default.xml", "version.txt"]


@pytest.mark.parametrize(
    "changes",
    [
        {"tree": tree(default_xml=b"build-115.xml")},
        {"config": replace(world.CONFIG, manifest=ManifestFiles(default_link="keep"))},
        {"tree": tree(default_xml=None)},
    ],
)
def test_default_xml_stays_where_it_is_right_or_meant_to_stay(changes: dict[str, Any]) -> None:
    assert "default.xml" not in planned(**changes).changes


def test_a_normal_release_raises_the_branch_number() -> None:
    normal = plan(snapshot(), request(ETCD_OVERRIDE, kind="branch"), Answers(named=moved()))
    assert isinstance(normal, Plan)
    assert normal.version == Version(115, 1, 0)


# What moves


def test_without_names_what_follows_the_line_moves() -> None:
    questions = asked()
    assert isinstance(questions, Questions)
    assert [want.project.path for want in questions.followed] == [OVERLAY, "src/third_party/portage-stable"]
    told = world.still(snapshot(), request()).followed
    followed = {**told, **moved(OVERLAY, upstream="refs/heads/build-115")}
    by_line = plan(snapshot(), request(), Answers(followed=followed))
    assert isinstance(by_line, Plan)
    assert [change.name for change in by_line.projects] == ["coreos/coreos-overlay"]


def test_what_waits_on_the_line_is_shown_and_not_taken() -> None:
    waiting = moved(OVERLAY, upstream="refs/heads/build-115")
    shown = made(Answers(named=moved(), waiting=waiting))
    assert isinstance(shown, Plan)
    assert [change.name for change in shown.waiting] == ["coreos/coreos-overlay"]
    assert OVERLAY not in {change.path for change in shown.projects}


def test_an_unreadable_project_that_only_waits_is_a_caution() -> None:
    shown = made(Answers(named=moved(), waiting={OVERLAY: Silent("timeout")}))
    assert isinstance(shown, Plan)
    assert [(caution.kind, caution.project) for caution in shown.cautions] == [
        ("upstream", "coreos/etcd"),
        ("unread", "coreos/coreos-overlay"),
    ]


# Refusals

AHEAD, BACK = Comparison(201, 0), Comparison(0, 12)


@pytest.mark.parametrize(
    ("found", "refused"),
    [
        (Unknown("abc1234"), no.UnknownRevision("coreos/etcd", "abc1234")),
        (Unknown("abc1234", ambiguous=True), no.AmbiguousRevision("coreos/etcd", "abc1234")),
        (Scattered(NEW, ("refs/heads/a",), ()), no.UnclearUpstream("coreos/etcd", NEW, ("refs/heads/a",), ())),
        (Elsewhere(NEW, "refs/heads/a"), no.NotOnUpstream("coreos/etcd", NEW, "refs/heads/a")),
        (Silent("timeout"), no.Unreadable((("coreos/etcd", "timeout"),), 1, None)),
        (Move(NEW, "refs/heads/master", BACK), no.Rewind("coreos/etcd", 12)),
        (Move(NEW, "refs/heads/master", AHEAD), no.Jump("coreos/etcd", 201, None, "refs/heads/master")),
    ],
)
def test_what_a_server_said_can_refuse_the_plan(found: Found, refused: Refusal) -> None:
    assert made(Answers(named={ETCD: found})) == refused


def test_leaving_the_line_for_another_branch_needs_to_be_meant() -> None:
    leaving = Answers(named=moved(OVERLAY, upstream="refs/heads/master"))
    override = Override("coreos/coreos-overlay", NEW)
    assert plan(snapshot(), request(override), leaving) == no.Jump(
        "coreos/coreos-overlay", 4, "refs/heads/build-115", "refs/heads/master"
    )
    meant = plan(snapshot(), request(override, flags=frozenset({"allow-jump"})), leaving)
    assert isinstance(meant, Plan)


def test_going_back_is_allowed_when_it_is_meant_and_cautioned() -> None:
    back = Answers(named=moved(upstream="refs/heads/master", since=BACK))
    meant = plan(snapshot(), request(ETCD_OVERRIDE, flags=frozenset({"allow-rewind"})), back)
    assert isinstance(meant, Plan)
    assert [(caution.kind, caution.before) for caution in meant.cautions] == [("rewind", "12")]


def test_nothing_moved_is_refused_unless_a_re_spin_is_meant() -> None:
    still = world.still(snapshot(), request())
    assert plan(snapshot(), request(), still) == no.NothingMoved("build-115", "v115.0.0", "coreos/baselayout")
    spun = plan(snapshot(), request(flags=frozenset({"allow-empty"})), still)
    assert isinstance(spun, Plan)
    assert sorted(spun.changes) == ["default.xml", "version.txt"]


def test_a_project_that_is_where_it_was_asked_to_be_is_said_to_be_there() -> None:
    pin = PINS["coreos/etcd"]
    there = Answers(named={ETCD: Move(pin, "refs/heads/master", Comparison(0, 0))})
    assert plan(snapshot(), request(Override("etcd", pin)), there) == no.ThereAlready("coreos/etcd", pin, "v115.0.0")


def test_a_version_that_has_its_tag_is_refused_with_the_next_free_one() -> None:
    refs = {**snapshot().refs, "refs/tags/v115.0.1": "7b" * 20, "refs/tags/v115.0.1^{}": "7c" * 20}
    assert made(refs=refs) == no.VersionTaken("v115.0.1", "7c" * 20, "115.0.2")


def test_tags_that_only_look_like_releases_do_not_count() -> None:
    odd = ("v115.0.1-rc1", "x115.0.1", "v115.0.01", "115.0.1", "v115.0.1.2")
    assert isinstance(made(refs={**snapshot().refs, **{f"refs/tags/{tag}": "7b" * 20 for tag in odd}}), Plan)


def test_the_same_inputs_make_the_same_plan() -> None:
    assert planned() == planned()
    assert planned().record.digest == planned().record.digest


def test_a_plan_has_its_branch_title_links_and_refs() -> None:
    whole = planned()
    assert (whole.branch, whole.title) == ("release-bot/v115.0.1", "build-115: release v115.0.1")
    assert whole.links == {
        "default.xml": ("master.xml", "build-115.xml"),
        "release.xml": ("build-115.xml", "build-115.xml"),
    }
    assert whole.refs == (
        RefChange(HEADS + "build-115", world.BASE, "merge", "merge"),
        RefChange("refs/tags/v115.0.1", None, "tag", "create"),
        RefChange(world.CHANNEL, world.BASE, "merge", "channel newer"),
        RefChange(HEADS + "master", "aa" * 20, "same", "none"),
    )
    assert len(whole.unchanged) == 11


def test_the_record_names_what_was_read_and_what_is_written() -> None:
    whole = planned()
    entries = tree().entries
    assert whole.record.inputs == {
        path: entries[path].blob for path in ("build-115.xml", "default.xml", "release.xml", "version.txt")
    }
    assert whole.record.files == {path: (e.mode, e.blob) for path, e in whole.changes.items() if e}
    assert tree().changes_to(tree().with_changes(whole.changes)) == whole.changes


HEX = st.text("0123456789abcdef", min_size=40, max_size=40).filter(lambda text: text.strip("0"))


@given(st.dictionaries(st.sampled_from(list(PINS)), HEX))
def test_any_pins_that_move_change_in_place_and_nothing_else_does(pins: dict[str, str]) -> None:
    projects = [world.project(seed_files.PATHS[name]) for name in pins]
    found: dict[str, Found] = {p.path: Move(pins[p.name], str(p.upstream)) for p in projects}
    overrides = [Override(p.name, pins[p.name]) for p in projects]
    flags = frozenset({"allow-empty"})
    for answers in (Answers(named=found), Answers(named=dict(reversed(found.items())))):
        whole = plan(snapshot(), request(*overrides, flags=flags, projects="none"), answers)
        assert isinstance(whole, Plan)
        after = tree().with_changes(whole.changes).read("build-115.xml")
        assert after == seed_files.release_manifest({**PINS, **pins}, 115)
        assert [change.name for change in whole.projects] == [n for n in PINS if pins.get(n, PINS[n]) != PINS[n]]


@pytest.mark.parametrize(
    ("since", "flags", "refused"),
    [
        (Comparison(200, 0), (), None),
        (Comparison(201, 0), (), no.Jump),
        (Comparison(201, 0), ("allow-rewind",), no.Jump),
        (Comparison(201, 0), ("allow-jump",), None),
        (Comparison(3, 1), (), no.Rewind),
        (Comparison(0, 1), ("allow-jump",), no.Rewind),
        (Comparison(201, 1), ("allow-rewind",), no.Jump),
        (Comparison(201, 1), ("allow-jump", "allow-rewind"), None),
        (None, (), None),
    ],
)
def test_far_and_back_each_need_their_own_flag(
    since: Comparison | None, flags: tuple[str, ...], refused: type[Refusal] | None
) -> None:
    found = Answers(named=moved(upstream="refs/heads/master", since=since))
    assert type(plan(snapshot(), request(ETCD_OVERRIDE, flags=frozenset(flags)), found)) is (refused or Plan)


def test_an_upstream_alone_can_change() -> None:
    same = Answers(named={ETCD: Move(PINS["coreos/etcd"], "refs/heads/next", Comparison(0, 0))})
    whole = plan(snapshot(), request(Override("etcd", None, "refs/heads/next")), same)
    assert isinstance(whole, Plan)
    assert [(change.old, change.new) for change in whole.projects] == [(PINS["coreos/etcd"],) * 2]
    assert [(each.before, each.after) for each in whole.cautions] == [("refs/heads/master", "refs/heads/next")]


def test_a_release_of_the_whole_line_needs_every_follower_read() -> None:
    answers = Answers(followed={OVERLAY: Silent("timeout"), **moved("src/third_party/portage-stable")})
    assert plan(snapshot(), request(), answers) == no.Unreadable((("coreos/coreos-overlay", "timeout"),), 2, None)


@pytest.mark.parametrize(
    ("tags", "refused"),
    [
        (("115.0.2",), no.VersionTaken("v115.0.2", "7b" * 20, "115.0.3")),
        (("115.0.1", "115.0.2"), no.VersionTaken("v115.0.1", "7b" * 20, "115.0.3")),
        (("115.1.0",), no.VersionTaken("v115.1.0", "7b" * 20, "115.1.1")),
        (("116.0.0", "114.9.9"), None),
    ],
)
def test_a_version_below_the_lines_newest_is_refused(tags: tuple[str, ...], refused: Refusal | None) -> None:
    whole = made(refs={**snapshot().refs, **{f"refs/tags/v{tag}": "7b" * 20 for tag in tags}})
    assert whole == refused if refused else isinstance(whole, Plan)


def test_who_types_the_same_again_asks_for_the_same() -> None:
    one, two = (request(text=text).digest for text in ("/release  patch build-115 ", "/release patch build-115"))
    assert one == two != request(text="/release patch build-116").digest


def test_a_pin_that_stands_in_an_included_file_is_refused_not_lost() -> None:
    whole = tree().entries["build-115.xml"].data
    row = next(line for line in whole.splitlines(keepends=True) if b'name="coreos/etcd"' in line)
    rest = tree(build_115_xml=whole.replace(row, b'  <include name="more.xml"/>\n'))
    included = Entry(FILE, b"<manifest>\n" + row + b"</manifest>\n")
    refused = made(tree=rest.with_changes({"more.xml": included}))
    assert isinstance(refused, no.BadTree)
    assert refused.sentence.startswith("`build-115.xml` on `build-115`: The manifest has 0 projects at")


def test_a_body_shows_a_move_whose_commits_could_not_be_counted() -> None:
    uncounted = made(Answers(named=moved(upstream="refs/heads/master", since=None)))
    assert isinstance(uncounted, Plan)
    assert "| `refs/heads/master` | ? |" in body(uncounted, 0)


FIRST = world.on_main(tree=world.main_tree().with_changes({"release.xml": None, "build-115.xml": None}))


@pytest.mark.parametrize(
    ("at", "override", "revision", "upstream"),
    [
        (FIRST, Override("etcd", NEW), NEW, None),
        (FIRST, Override("etcd", NEW, "refs/heads/x"), NEW, "refs/heads/x"),
        (FIRST, Override("etcd", None, "refs/heads/x"), "refs/heads/x", "refs/heads/x"),
        (world.on_main(), Override("etcd", None, "refs/heads/x"), "refs/heads/x", "refs/heads/x"),
        (snapshot(), Override("etcd", None, "refs/heads/x"), PINS["coreos/etcd"], "refs/heads/x"),
        (world.on_main(), Override("etcd"), PINS["coreos/etcd"], None),
    ],
)
def test_a_named_project_is_asked_about_by_its_revision_else_its_pin_else_its_branch(
    at: Snapshot, override: Override, revision: str, upstream: str | None
) -> None:
    questions = look_up(at, world.new(override) if at.base == "master" else request(override))
    assert isinstance(questions, Questions)
    (want,) = questions.named
    assert (want.revision, want.upstream) == (revision, upstream)
