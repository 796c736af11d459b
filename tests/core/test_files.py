"""Steps 4 to 6 of the procedure: the files that a release commit writes, byte for byte, and those that it leaves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from bot.core import refusal as no
from bot.core.command import Override
from bot.core.plan.request import Request
from bot.core.snapshot import Past, Snapshot
from bot.core.tree import EXECUTABLE, FILE, LINK, Entry
from sandbox import seed_files
from tests.core import world
from tests.core.world import (
    EMPTY,
    ETCD,
    NEW,
    TIPS,
    made,
    new,
    on_main,
    outcome,
    request,
    snapshot,
    tracking_line,
    tracking_main,
    written,
)

ETCD_MOVES = request(Override("etcd", NEW, "refs/heads/release-0.1"))


def configured(at: Snapshot, **changes: Any) -> Snapshot:
    return replace(at, config=replace(at.config, manifest=replace(at.config.manifest, **changes)))


def changed(at: Snapshot, files: dict[str, Entry | None]) -> Snapshot:
    return replace(at, tree=at.tree.with_changes(files))


# version.txt

DIALECTS = {
    "three": ("BUILD={b}", "BRANCH={r}", "PATCH={p}"),
    "four": ("BUILD={b}", "BRANCH={r}", "PATCH={p}", "SDK_VERSION={s}"),
    "seven": (
        *("BUILD={b}", "BRANCH={r}", "PATCH={p}"),
        *("VERSION={b}.{r}.{p}", "VERSION_ID={b}.{r}.{p}", 'BUILD_ID=""', "SDK_VERSION={s}"),
    ),
    "names": ("VERSION={b}.{r}.{p}", "VERSION_ID={b}.{r}.{p}", 'BUILD_ID=""', "SDK_VERSION={s}"),
    "out of order": ("SDK_VERSION={s}", "VERSION_ID={b}.{r}.{p}", 'BUILD_ID=""', "VERSION={b}.{r}.{p}"),
    "with comments": ("BUILD={b}", "# 115.0.0 is not me", "BRANCH={r}", "", "PATCH={p}", 'SDK_VERSION="{s}"'),
}


def version_txt(dialect: str, prefix: str, version: str, sdk: str) -> bytes:
    build, branch, patch = version.split(".")
    lines = [line.format(b=build, r=branch, p=patch, s=sdk) for line in DIALECTS[dialect]]
    return "".join(f"{'' if not line or line[0] == '#' else prefix}{line}\n" for line in lines).encode()


@pytest.mark.parametrize("prefix", ["COREOS_", "FLATCAR_"])
@pytest.mark.parametrize("dialect", [name for name in DIALECTS if name != "three"])
@pytest.mark.parametrize(
    ("at", "asked", "version", "sdk"),
    [
        (snapshot(), request(flags=EMPTY), "115.0.1", "110.0.0"),
        (snapshot(), request(kind="branch", flags=EMPTY, sdk="109.0.0"), "115.1.0", "109.0.0"),
        (on_main(), new(), "116.0.0", "115.0.0"),
        (tracking_line(), request(kind="branch"), "115.1.0", "115.0.0"),
    ],
)
def test_nothing_but_values_changes_in_the_version_file_of_any_dialect(
    dialect: str, prefix: str, at: Snapshot, asked: Request, version: str, sdk: str
) -> None:
    before = Entry(FILE, version_txt(dialect, prefix, "115.0.0", "110.0.0"))
    whole = made(changed(at, {"version.txt": before}), asked)
    assert whole.changes["version.txt"] == Entry(FILE, version_txt(dialect, prefix, version, sdk))


@pytest.mark.parametrize("prefix", ["COREOS_", "FLATCAR_"])
def test_the_oldest_version_file_gets_the_sdk_that_was_named(prefix: str) -> None:
    before = Entry(FILE, version_txt("three", prefix, "115.0.0", ""))
    whole = made(changed(snapshot(), {"version.txt": before}), request(flags=EMPTY, sdk="109.0.0"))
    assert whole.changes["version.txt"] == Entry(FILE, version_txt("four", prefix, "115.0.1", "109.0.0"))


def test_a_version_file_of_another_name_is_written_where_the_configuration_says() -> None:
    at = changed(snapshot(), {"version.txt": None, "v/os.txt": world.tree().entries["version.txt"]})
    whole = made(configured(at, version_file="v/os.txt"), request(flags=EMPTY))
    assert b"PATCH=1\n" in written(whole, "v/os.txt")
    assert "version.txt" not in whole.changes


# Which files, and their modes


@pytest.mark.parametrize(
    ("at", "asked", "files"),
    [
        (on_main(), new(), "build-109.xml- build-116.xml release.xml version.txt"),
        (on_main(), new(flags=EMPTY, projects="none"), "build-109.xml- build-116.xml release.xml version.txt"),
        (on_main(), new(build=115), "build-115.xml version.txt"),
        (tracking_main(), new(), "build-109.xml- build-116.xml release.xml version.txt"),
        (tracking_main(), new(build=115), "build-115.xml release.xml version.txt"),
        (snapshot(), ETCD_MOVES, "build-115.xml default.xml version.txt"),
        (snapshot(), request(flags=EMPTY, projects="none"), "default.xml version.txt"),
        (tracking_line(), request(), "release.xml version.txt"),
        (tracking_line(), ETCD_MOVES, "build-115.xml release.xml version.txt"),
        (tracking_line(), request(flags=EMPTY, projects="none"), "version.txt"),
    ],
)
def test_a_release_changes_these_files_and_no_others(at: Snapshot, asked: Request, files: str) -> None:
    whole = made(at, asked)
    assert " ".join(f"{path}{'' if entry else '-'}" for path, entry in whole.changes.items()) == files


@pytest.mark.parametrize(
    ("at", "asked"),
    [
        (on_main(), new(build=115)),
        (tracking_main(), new(build=115)),
        (snapshot(), ETCD_MOVES),
        (tracking_line(), ETCD_MOVES),
    ],
)
def test_a_file_that_can_be_run_stays_so_and_no_other_becomes_it(at: Snapshot, asked: Request) -> None:
    runs = {path: replace(e, mode=EXECUTABLE) for path, e in at.tree.entries.items() if e.mode == FILE}
    whole = made(changed(at, dict(runs)), asked)
    tree = at.tree.with_changes(runs).with_changes(whole.changes).with_changes(whole.second)
    assert {path: entry.mode for path, entry in tree.entries.items() if path in runs and entry.mode != EXECUTABLE} == {}
    plain = made(at, asked)
    assert {e.mode for e in (*plain.changes.values(), *plain.second.values()) if e} <= {FILE, LINK}


def test_links_hold_the_name_alone_without_a_line_end() -> None:
    assert made(on_main(), new()).changes["release.xml"] == Entry(LINK, b"build-116.xml")
    assert made(snapshot(), ETCD_MOVES).changes["default.xml"] == Entry(LINK, b"build-115.xml")


def test_off_main_default_xml_stays_at_the_main_manifest() -> None:
    for at in (on_main(), tracking_main()):
        assert "default.xml" not in made(at, new()).changes


@pytest.mark.parametrize("present", [None, Entry(FILE, b"<manifest/>"), Entry(LINK, b"build-115.xml")])
def test_default_xml_is_left_where_it_is_no_link_or_right_already(present: Entry | None) -> None:
    assert "default.xml" not in made(changed(snapshot(), {"default.xml": present}), ETCD_MOVES).changes


@pytest.mark.parametrize("target", [b"master.xml", b"build-109.xml", b"nowhere.xml"])
def test_default_xml_is_turned_from_wherever_it_leads(target: bytes) -> None:
    at = changed(snapshot(), {"default.xml": Entry(LINK, target)})
    assert made(at, ETCD_MOVES).changes["default.xml"] == Entry(LINK, b"build-115.xml")
    assert "default.xml" not in made(configured(at, default_link="keep"), ETCD_MOVES).changes


def test_a_repository_without_release_xml_gets_the_link_with_its_first_release() -> None:
    at = changed(on_main(), {"release.xml": None})
    assert made(at, new()).changes["release.xml"] == Entry(LINK, b"build-116.xml")


def test_the_layout_that_the_configuration_names_is_made_whatever_release_xml_is() -> None:
    tracking = made(configured(on_main(), layout="tracking"), new())
    assert tracking.changes["release.xml"] == Entry(FILE, written(tracking, "build-116.xml"))
    link = made(configured(tracking_main(), layout="link"), new())
    assert link.changes["release.xml"] == Entry(LINK, b"build-116.xml")


# Old manifests


def with_manifests(*names: str) -> Snapshot:
    """The main branch with these release manifests, and release.xml at build-115.xml."""
    old = dict.fromkeys(("build-109.xml", "build-115.xml"))
    data = world.main_tree().entries["build-115.xml"]
    return changed(on_main(), {**old, **dict.fromkeys(names, data), "release.xml": Entry(LINK, names[-1].encode())})


MANY = ("build-98.xml", "build-109.xml", "build-110.xml", "build-1000.xml", "build-115.xml")


@pytest.mark.parametrize(
    ("rule", "names", "removed"),
    [
        ("keep-previous", ("build-115.xml",), []),
        ("keep-previous", ("build-109.xml", "build-115.xml"), ["build-109.xml"]),
        ("keep-previous", MANY, ["build-109.xml", "build-110.xml", "build-115.xml", "build-98.xml"]),
        ("keep-previous", ("build-0001.xml", "build-7.xml", "build-115.xml"), ["build-0001.xml", "build-7.xml"]),
        ("remove-oldest", ("build-115.xml",), ["build-115.xml"]),
        ("remove-oldest", ("build-109.xml", "build-115.xml"), ["build-109.xml"]),
        ("remove-oldest", MANY, ["build-1000.xml"]),
        ("remove-oldest", ("build-98.xml", "build-109.xml"), ["build-109.xml"]),
    ],
)
def test_old_manifests_go_by_the_rule_of_the_configuration(
    rule: str, names: tuple[str, ...], removed: list[str]
) -> None:
    whole = made(configured(with_manifests(*names), old_manifests=rule), new())
    assert [path for path, entry in whole.changes.items() if entry is None] == removed


def test_the_manifest_that_is_written_is_no_old_one_and_release_branches_keep_theirs() -> None:
    again = made(with_manifests("build-98.xml", "build-109.xml", "build-116.xml"), new())
    assert [path for path, entry in again.changes.items() if entry is None] == ["build-98.xml"]
    line = changed(snapshot(), {"build-98.xml": Entry(FILE, b"x"), "build-109.xml": Entry(FILE, b"x")})
    assert None not in made(line, ETCD_MOVES).changes.values()


@pytest.mark.parametrize("named", [(), ("build-98.xml",), ("build-98.xml", "build-115.xml"), ("build-1000.xml",)])
def test_old_manifests_that_are_named_go_and_no_others(named: tuple[str, ...]) -> None:
    whole = made(with_manifests(*MANY), new(old_manifests=named))
    assert {path for path, entry in whole.changes.items() if entry is None} == set(named)


@pytest.mark.parametrize("named", ["build-116.xml", "build-7.xml", "master.xml", "version.txt", "build-x.xml", ""])
def test_nothing_but_an_old_manifest_can_be_removed_by_name(named: str) -> None:
    old = ("build-98.xml", "build-109.xml", "build-110.xml", "build-115.xml", "build-1000.xml")
    assert outcome(with_manifests(*MANY), new(old_manifests=("build-98.xml", named))) == no.NoSuchManifest(named, old)


@given(st.sets(st.integers(1, 130).filter(lambda build: build != 116), min_size=1))
def test_keep_previous_leaves_the_new_manifest_and_the_newest_old_one(builds: set[int]) -> None:
    names = [f"build-{build}.xml" for build in sorted(builds)]
    whole = made(with_manifests(*names), new(flags=EMPTY))
    left = with_manifests(*names).tree.with_changes(whole.changes)
    assert {path for path in left if path.startswith("build-")} == {names[-1], "build-116.xml"}


def test_a_manifest_that_the_main_one_includes_is_never_removed() -> None:
    shared = Entry(FILE, b'<manifest><remote name="more" fetch=".."/></manifest>')
    main = (
        on_main()
        .tree.entries["master.xml"]
        .data.replace(b'<include name="_remotes.xml"/>', b'<include name="_remotes.xml"/><include name="build-1.xml"/>')
    )
    at = changed(on_main(), {"build-1.xml": shared, "master.xml": Entry(FILE, main)})
    for rule in ("keep-previous", "remove-oldest"):
        removed = [p for p, e in made(configured(at, old_manifests=rule), new()).changes.items() if e is None]
        assert removed == ["build-109.xml"]
    assert isinstance(outcome(at, new(old_manifests=("build-1.xml",))), no.NoSuchManifest)


def test_no_manifest_is_removed_on_a_release_branch() -> None:
    assert outcome(snapshot(), request(old_manifests=("build-109.xml",), flags=EMPTY)) == no.NoSuchManifest(
        "build-109.xml", ()
    )


def test_no_link_is_left_that_leads_to_a_removed_manifest() -> None:
    at = changed(on_main(), {"default.xml": Entry(LINK, b"build-109.xml")})
    after = at.tree.with_changes(made(at, new()).changes)
    assert after.resolve("default.xml") is not None


# The manifest that is printed


ALPHABETICAL = (
    f'groups="a" name="coreos/etcd" path="{ETCD}" revision="{TIPS["coreos/etcd"]}" upstream="refs/heads/master"'
)
TODAY = (
    f'name="coreos/etcd" path="{ETCD}" revision="{TIPS["coreos/etcd"]}" upstream="refs/heads/master" '
    'dest-branch="refs/heads/master" groups="a"'
)


def grouped(at: Snapshot) -> Snapshot:
    """etcd is in a group, so that the order of attributes can be told."""
    data = at.tree.entries["master.xml"].data.replace(f'path="{ETCD}"'.encode(), f'path="{ETCD}" groups="a"'.encode())
    return changed(at, {"master.xml": Entry(FILE, data)})


def like(order: str) -> bytes:
    """A release manifest of before in which the order of attributes shows."""
    rows = {
        "alphabetical": '<project groups="g" name="a/b" revision="{}" upstream="refs/heads/x"/>',
        "today": '<project name="a/b" revision="{}" upstream="refs/heads/x" dest-branch="refs/heads/x" groups="g"/>',
        "no upstream": '<project name="a/b" revision="{}" groups="g"/>',
    }
    remote = '<remote fetch=".." name="o"/><default remote="o" revision="x"/>'
    return f"<manifest>{remote}{rows[order].format('ab' * 20)}</manifest>".encode()


BARE = f'name="coreos/etcd" path="{ETCD}" revision="{TIPS["coreos/etcd"]}" groups="a"'


@pytest.mark.parametrize("order", ["alphabetical", "today", "no upstream"])
@pytest.mark.parametrize("at", [on_main(), tracking_main()])
def test_a_new_manifest_is_written_as_the_last_one_is(order: str, at: Snapshot) -> None:
    expected = {"alphabetical": ALPHABETICAL, "today": TODAY, "no upstream": BARE}[order]
    last = {"build-115.xml": Entry(FILE, like(order))}
    if at.tree.link("release.xml") is None:
        last["release.xml"] = Entry(FILE, like(order))
    printed = written(made(changed(grouped(at), dict(last)), new(flags=EMPTY)), "build-116.xml")
    assert f"<project {expected}/>".encode() in printed


def test_where_the_last_manifest_tells_nothing_the_newest_old_one_does_then_the_past_then_today() -> None:
    empty = {"build-115.xml": Entry(FILE, b"")}
    older = changed(grouped(on_main()), {**empty, "build-109.xml": Entry(FILE, like("alphabetical"))})
    assert ALPHABETICAL.encode() in written(made(older, new()), "build-116.xml")
    none = changed(grouped(on_main()), {**empty, "build-109.xml": None})
    past = replace(none, past=Past(manifest=like("no upstream")))
    assert BARE.encode() in written(made(past, new()), "build-116.xml")
    assert TODAY.encode() in written(made(none, new()), "build-116.xml")


@pytest.mark.parametrize(("dest_branch", "there"), [(True, True), (False, False), (None, False)])
def test_a_request_can_say_whether_pins_name_where_changes_go(dest_branch: bool | None, there: bool) -> None:
    printed = written(made(on_main(), new(dest_branch=dest_branch)), "build-116.xml")
    assert (b'dest-branch="refs/heads/master"' in printed) is there


def test_a_new_manifest_of_the_seed_is_what_the_tool_would_print() -> None:
    assert written(made(on_main(), new()), "build-116.xml") == seed_files.release_manifest(TIPS, 0)
    assert written(made(tracking_main(), new()), "release.xml") == seed_files.release_manifest(TIPS, 0)
