"""A release branch as read, and the project that a person means by a word."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.core import refusal as no
from bot.core.command import Override
from bot.core.config import ManifestFiles
from bot.core.manifest import Project
from bot.core.plan import Base, Plan, find_project, line_files, look_up, plan, read_base
from bot.core.plan.base import layout_of, release_manifests
from bot.core.resolve import Answers, Questions, Wanted
from bot.core.tree import EXECUTABLE, FILE, LINK, Entry
from bot.core.version import Version
from tests.core import world
from tests.core.world import ETCD, NEW, PINS, project, request, snapshot, tree

SEED = tree().entries["build-115.xml"].data


def line(**changes: Any) -> Base:
    found = read_base(snapshot(**changes))
    assert isinstance(found, Base), found
    return found


def test_the_seeds_branch_reads() -> None:
    found = line()
    assert (found.branch, found.build, found.manifest_file) == ("build-115", 115, "build-115.xml")
    assert (found.versions.version, found.versions.sdk, len(found.manifest.projects)) == (
        Version(115, 0, 0),
        "110.0.0",
        12,
    )


@pytest.mark.parametrize(
    ("base", "commit"),
    [
        ("build-151", ""),
        ("master", ""),
        *((base, world.BASE) for base in ("build-0115", "build-", "refs/heads/build-115", "")),
    ],
)
def test_a_line_that_does_not_exist_is_refused_with_those_that_do(base: str, commit: str) -> None:
    nowhere, refused = snapshot(base=base, commit=commit), no.NoSuchLine(base, ("build-115", "build-109"))
    assert read_base(nowhere) == look_up(nowhere, request()) == plan(nowhere, request(), Answers()) == refused


def test_lines_are_suggested_as_people_type_them_whatever_their_branches_are_called() -> None:
    config = replace(world.CONFIG, manifest=ManifestFiles(line_branch="flatcar-{build}"))
    refs = {f"refs/heads/flatcar-{build}": world.BASE for build in (99, 100, 115, 150)}
    refs |= {"refs/heads/build-114": world.BASE, "refs/heads/flatcar-0114": world.BASE}
    nowhere = snapshot(base="flatcar-114", commit="", config=config, refs=refs)
    assert read_base(nowhere) == no.NoSuchLine("flatcar-114", ("build-115", "build-100", "build-99"))
    assert read_base(replace(nowhere, base="x")) == no.NoSuchLine("x", ("build-150", "build-115", "build-100"))


def pinned_to(revision: str, name: str = "coreos/etcd") -> bytes:
    return SEED.replace(PINS[name].encode(), revision.encode())


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"version_txt": None}, "`version.txt` on `build-115`: There is no `version.txt`"),
        ({"version_txt": b""}, "`version.txt` on `build-115`: "),
        ({"version_txt": b"COREOS_BUILD=115\n"}, "`version.txt` on `build-115`: "),
        ({"version_txt": b"COREOS_BUILD=116\nCOREOS_BRANCH=0\nCOREOS_PATCH=0\n"}, "another line"),
        ({"build_115_xml": None}, "`build-115.xml` on `build-115`: "),
        ({"build_115_xml": b"<manifest>"}, "`build-115.xml` on `build-115`: "),
        ({"build_115_xml": b'<!DOCTYPE x [<!ENTITY a "b">]><manifest/>'}, "DOCTYPE"),
        ({"build_115_xml": pinned_to("refs/heads/master")}, "does not pin `coreos/etcd`"),
        ({"build_115_xml": pinned_to("v1.0", "coreos/init")}, "does not pin `coreos/init`"),
        ({"build_115_xml": pinned_to("abc1234")}, "does not pin `coreos/etcd`"),
        ({"release_xml": b"master.xml"}, "is not a link to `build-115.xml`"),
        ({"release_xml": b"../build-115.xml"}, "is a link that leads to no file of this branch"),
        ({"release_xml": b"/build-115.xml"}, "is a link that leads to no file of this branch"),
        ({"release_xml": b"release.xml"}, "is a link that leads to no file of this branch"),
        ({"release_xml": None}, "There is no `release.xml` on `build-115`"),
    ],
)
def test_a_branch_that_cannot_be_released_from_is_refused_with_the_file(
    files: dict[str, bytes | None], words: str
) -> None:
    refused = read_base(snapshot(tree=tree(**files)))
    assert isinstance(refused, no.BadTree)
    assert words in refused.sentence
    assert look_up(snapshot(tree=tree(**files)), request()) == refused


@pytest.mark.parametrize(
    ("path", "entry"),
    [
        ("version.txt", Entry(LINK, b"elsewhere.txt")),
        ("build-115.xml", Entry(LINK, b"elsewhere.xml")),
    ],
)
def test_a_file_that_is_a_link_is_refused(path: str, entry: Entry) -> None:
    moved_away = {
        "elsewhere.txt": tree().entries["version.txt"],
        "elsewhere.xml": tree().entries["build-115.xml"],
        path: entry,
    }
    assert isinstance(read_base(snapshot(tree=tree().with_changes(moved_away))), no.BadTree)


def test_the_files_are_named_as_the_configuration_says() -> None:
    config = replace(world.CONFIG, manifest=ManifestFiles(line_branch="r{build}", version_file="v.txt"))
    renamed = tree().with_changes({"v.txt": tree().entries["version.txt"], "version.txt": None})
    assert line(base="r115", tree=renamed, config=config).build == 115


@pytest.mark.parametrize("word", ["coreos/etcd", "etcd", ETCD])
def test_a_project_is_found_by_name_path_or_last_part(word: str) -> None:
    questions = look_up(snapshot(), request(Override(word, NEW, "refs/heads/x")))
    assert isinstance(questions, Questions)
    held = PINS["coreos/etcd"]
    assert questions.named == (Wanted(project(ETCD), "https://github.com/coreos/etcd", NEW, "refs/heads/x", held),)


def test_a_project_whose_upstream_alone_is_named_keeps_its_pin() -> None:
    questions = look_up(snapshot(), request(Override("etcd", None, "refs/heads/release-0.1")))
    assert isinstance(questions, Questions)
    assert questions.named[0].revision == PINS["coreos/etcd"]


def test_a_named_project_is_not_asked_about_twice() -> None:
    questions = look_up(snapshot(), request(Override("coreos-overlay", NEW)))
    assert isinstance(questions, Questions)
    assert [want.project.name for want in questions.named] == ["coreos/coreos-overlay"]
    assert questions.followed == ()
    assert [want.project.name for want in questions.waiting] == ["coreos/portage-stable"]


TWINS = SEED.replace(b'name="coreos/init"', b'name="other/etcd"').replace(b'name="coreos/fleet"', b'name="more/etcd"')


@pytest.mark.parametrize(
    ("manifest", "word", "refused"),
    [
        (SEED, "etcdd", no.UnknownProject("etcdd", ("coreos/etcd",), 12)),
        (SEED, "other/etcdd", no.UnknownProject("other/etcdd", ("coreos/etcd",), 12)),
        (SEED, "zzz", no.UnknownProject("zzz", (), 12)),
        (TWINS, "etdc", no.UnknownProject("etdc", ("coreos/etcd", "more/etcd", "other/etcd"), 12)),
        (
            TWINS,
            "etcd",
            no.AmbiguousProject(
                "etcd",
                (
                    ("coreos/etcd", ETCD),
                    ("more/etcd", "src/third_party/fleet"),
                    ("other/etcd", "src/third_party/init"),
                ),
            ),
        ),
    ],
)
def test_an_unknown_or_ambiguous_project_is_refused_with_candidates(
    manifest: bytes, word: str, refused: no.Refusal
) -> None:
    assert look_up(snapshot(tree=tree(build_115_xml=manifest)), request(Override(word, NEW))) == refused


def test_a_full_name_is_no_ambiguity_though_it_ends_like_another() -> None:
    found = find_project(line(tree=tree(build_115_xml=TWINS)).manifest, "coreos/etcd")
    assert isinstance(found, Project)
    assert found.path == ETCD


def test_a_hostile_name_stands_in_code_in_the_sentence_about_it() -> None:
    hostile = pinned_to("master").replace(b'name="coreos/etcd"', b'name="@everyone"')
    refused = read_base(snapshot(tree=tree(build_115_xml=hostile)))
    assert isinstance(refused, no.BadTree)
    assert "`@everyone`" in refused.sentence


def test_what_reads_is_planned() -> None:
    asked = request(flags=frozenset({"allow-empty"}))
    assert isinstance(plan(snapshot(), asked, world.still(snapshot(), asked)), Plan)


# The main branch, and layout tracking


def test_the_main_branch_reads_whole_with_its_includes() -> None:
    found = read_base(world.on_main())
    assert isinstance(found, Base)
    assert (found.branch, found.ref, found.build, found.layout) == ("master", "refs/heads/master", None, "link")
    assert (found.manifest_file, found.edits_in_place) == ("master.xml", False)
    assert found.manifest.inputs == ("master.xml", "_remotes.xml")
    assert {each.revision for each in found.manifest.projects} == {"refs/heads/master"}
    assert found.released is not None
    assert {each.name: each.revision for each in found.released.projects} == PINS


def test_the_main_branch_and_its_manifest_are_named_as_the_configuration_says() -> None:
    files = world.main_tree().with_changes({"main.xml": world.main_tree().entries["master.xml"], "master.xml": None})
    config = replace(world.CONFIG, manifest=ManifestFiles(main_branch="main", main_file="main.xml"))
    found = read_base(world.on_main(base="main", tree=files, config=config))
    assert isinstance(found, Base)
    assert (found.branch, found.manifest_file) == ("main", "main.xml")
    assert isinstance(read_base(world.on_main(config=config)), no.NoSuchLine)


def test_a_release_branch_of_layout_tracking_reads_its_own_manifest_and_keeps_the_pins() -> None:
    found = read_base(world.tracking_line())
    assert isinstance(found, Base)
    assert (found.build, found.layout, found.edits_in_place) == (115, "tracking", False)
    assert {each.name for each in found.manifest.projects if each.revision == "refs/heads/build-115"} == {
        "coreos/coreos-overlay",
        "coreos/portage-stable",
    }
    assert found.released is not None
    assert {each.name: each.revision for each in found.released.projects} == PINS


@pytest.mark.parametrize(
    ("said", "entry", "layout"),
    [
        ("auto", Entry(LINK, b"build-115.xml"), "link"),
        ("auto", Entry(FILE, SEED), "tracking"),
        ("auto", Entry(EXECUTABLE, SEED), "tracking"),
        ("auto", None, "link"),
        ("link", Entry(FILE, SEED), "link"),
        ("tracking", Entry(LINK, b"build-115.xml"), "tracking"),
        ("tracking", None, "tracking"),
    ],
)
def test_the_layout_is_the_configurations_word_or_what_release_xml_is(
    said: Any, entry: Entry | None, layout: str
) -> None:
    at = world.on_main(tree=world.main_tree().with_changes({"release.xml": entry}))
    at = replace(at, config=replace(world.CONFIG, manifest=ManifestFiles(layout=said)))
    assert layout_of(at) == layout
    found = read_base(at)
    assert isinstance(found, Base)
    assert found.layout == layout


def test_a_line_of_layout_link_by_its_configuration_needs_the_link() -> None:
    at = snapshot(tree=tree().with_changes({"release.xml": Entry(FILE, SEED)}))
    refused = read_base(replace(at, config=replace(world.CONFIG, manifest=ManifestFiles(layout="link"))))
    assert isinstance(refused, no.BadTree)
    assert "is not a link to `build-115.xml`" in refused.sentence


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"version_txt": None}, "`version.txt` on `master`: There is no"),
        ({"master_xml": None}, "`master.xml` on `master`: "),
        ({"master_xml": b"<manifest>"}, "`master.xml` on `master`: "),
        ({"master_xml": b'<manifest><include name="nowhere.xml"/></manifest>'}, "`master.xml` on `master`: "),
        ({"release_xml": b"build-7.xml"}, "`release.xml` on `master` is a link that leads to no file"),
        ({"release_xml": b"../x"}, "`release.xml` on `master` is a link that leads to no file"),
    ],
)
def test_a_main_branch_that_cannot_be_released_from_is_refused_with_the_file(
    files: dict[str, bytes | None], words: str
) -> None:
    refused = read_base(world.on_main(tree=world.main_tree(**files)))
    assert isinstance(refused, no.BadTree)
    assert words in refused.sentence
    assert look_up(world.on_main(tree=world.main_tree(**files)), world.new()) == refused


EVIL = b'<remote fetch="https://evil.example/" name="github"/>'


@pytest.mark.parametrize("at", [world.on_main(), world.tracking_main()])
def test_an_address_that_may_not_be_asked_stops_a_release_before_any_server_is(at: Any) -> None:
    remotes = at.tree.entries["_remotes.xml"].data
    evil = remotes.replace(b'<remote fetch=".." name="github" review="gerrit.example"/>', EVIL)
    assert evil != remotes
    at = replace(at, tree=at.tree.with_changes({"_remotes.xml": Entry(FILE, evil)}))
    refused = look_up(at, world.new())
    assert isinstance(refused, no.BadTree)
    assert "https://evil.example/" in refused.sentence


@pytest.mark.parametrize("data", [b"", b"<manifest>", b"<manifest/>", b"\xff"])
def test_a_last_release_that_cannot_be_read_says_nothing_and_stops_nothing(data: bytes) -> None:
    found = read_base(world.on_main(tree=world.main_tree(build_115_xml=data)))
    assert isinstance(found, Base)
    assert found.released is None


def test_release_manifests_are_found_by_number_with_the_last_release_first() -> None:
    other = {f"build-{n}.xml": Entry(FILE, n.encode()) for n in ("0001", "98", "1000", "x", "115a", "1234567")}
    at = world.on_main(tree=world.main_tree().with_changes(other))
    assert line_files(at) == ["build-0001.xml", "build-98.xml", "build-109.xml", "build-115.xml", "build-1000.xml"]
    first, newest, *_, oldest = release_manifests(at)
    assert (first, newest, oldest) == (at.tree.read("build-115.xml"), b"1000", b"0001")
    config = replace(world.CONFIG, manifest=ManifestFiles(line_file="lines/{build}.xml"))
    assert line_files(replace(at, config=config)) == []
