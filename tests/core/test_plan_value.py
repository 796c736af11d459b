"""The plan as a value: what it says of refs, groups, channels and images, and that equal inputs make equal bytes."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from bot.core.command import Command, Override, parse
from bot.core.config import Build, Channel, Line
from bot.core.plan import Plan, RefChange, Request, digest, look_up, plan, request_of, to_json
from bot.core.record import BuildOrder, ChannelOrder, Choices
from bot.core.resolve import Silent
from bot.core.snapshot import Past, Snapshot
from bot.core.tree import FILE, Entry
from bot.core.version import Version
from tests.core import world
from tests.core.world import (
    BASE,
    CHANNEL,
    ETCD,
    MAIN,
    NEW,
    OVERLAY,
    answered,
    made,
    new,
    on_main,
    request,
    snapshot,
    tracking_line,
    tracking_main,
)

FLAGS = frozenset({"allow-empty", "allow-jump", "allow-rewind"})
STORIES: dict[str, tuple[Snapshot, Request]] = {
    "new": (on_main(), new(flags=FLAGS)),
    "new, tracking": (tracking_main(), new(flags=FLAGS)),
    "branch": (snapshot(), request(kind="branch", flags=FLAGS)),
    "branch, tracking": (tracking_line(), request(kind="branch", flags=FLAGS)),
    "patch": (snapshot(), request(Override("etcd", NEW), flags=FLAGS)),
}


def configured(at: Snapshot, **changes: Any) -> Snapshot:
    return replace(at, config=replace(at.config, **changes))


# JSON and digest


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_equal_inputs_make_equal_plans_and_equal_bytes(story: tuple[Snapshot, Request]) -> None:
    one, two = made(*story), made(*story)
    assert one == two
    assert json.dumps(to_json(one)) == json.dumps(to_json(two))
    assert digest(one) == digest(two)


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_the_json_of_a_plan_is_plain_and_whole(story: tuple[Snapshot, Request]) -> None:
    whole = made(*story)
    told = to_json(whole)
    assert json.loads(json.dumps(told)) == told
    assert {key: told[key] for key in ("version", "previous", "line", "inputs")} == {
        "version": str(whole.version),
        "previous": "115.0.0",
        "line": whole.line,
        "inputs": whole.inputs,
    }
    assert told["base"] == {"branch": story[0].base, "commit": story[0].commit}
    assert told["record"] == whole.record.to_json()
    assert told["files"] == {p: [e.mode, e.blob] if e else None for p, e in whole.changes.items()}
    assert told["second"] == {p: [e.mode, e.blob] if e else None for p, e in whole.second.items()}
    assert [each["name"] for each in told["projects"]] == [change.name for change in whole.projects]  # type: ignore[attr-defined]
    assert told["group"] == {"name": "alpha", "source": "default of this repository"}


def test_the_order_in_which_servers_answer_changes_nothing() -> None:
    questions = look_up(on_main(), new())
    answers = answered(questions)
    backwards = replace(answers, followed=dict(reversed(list(answers.followed.items()))))
    one, two = plan(on_main(), new(), answers), plan(on_main(), new(), backwards)
    assert isinstance(one, Plan)
    assert isinstance(two, Plan)
    assert digest(one) == digest(two)


TELL = """
from tests.core.test_plan_value import STORIES
from tests.core.world import made
from bot.core.plan import digest
print([digest(made(*story)) for story in STORIES.values()])
"""


def test_every_process_gives_a_plan_the_same_digest() -> None:
    """A set of strings has another order in every process."""
    told = set()
    for seed in ("1", "2", "3"):
        ran = subprocess.run([sys.executable, "-c", TELL], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        told.add(ran.stdout)
    assert told == {f"{[digest(made(*story)) for story in STORIES.values()]}\n"}


def inputs(at: Snapshot, asked: Request, **changes: Any) -> str:
    questions = look_up(at, asked)
    whole = plan(at, asked, replace(answered(questions), **changes))
    assert isinstance(whole, Plan), whole
    return whole.inputs


OTHER_INPUTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "another commit of the base": ({"commit": "de" * 20}, {}),
    "another ref": ({"refs": {**snapshot().refs, "refs/heads/x": BASE}}, {}),
    "another past": ({"past": Past(group="beta")}, {}),
    "another configuration": ({"config": replace(world.CONFIG, lines={7: Line(group="x")})}, {}),
    "another asker": ({}, {"actor": "hubot"}),
    "another text": ({}, {"text": "/release patch build-115 --allow-empty"}),
    "another flag": ({}, {"flags": frozenset({"allow-jump"})}),
    "another choice": ({}, {"choices": Choices(group="beta")}),
    "another moment": ({}, {"asked_at": world.ASKED_AT.replace(minute=2)}),
    "another comment": ({}, {"comment": 4001}),
}


@pytest.mark.parametrize(("at", "asked"), OTHER_INPUTS.values(), ids=OTHER_INPUTS)
def test_whatever_a_plan_is_a_function_of_has_a_part_in_its_name(at: dict[str, Any], asked: dict[str, Any]) -> None:
    story = request(Override("etcd", NEW))
    assert inputs(snapshot(**at), replace(story, **asked)) != inputs(snapshot(), story)


def test_another_answer_makes_another_name_though_nothing_else_differs() -> None:
    story = request(Override("etcd", NEW))
    usual = inputs(snapshot(), story)
    assert inputs(snapshot(), story, waiting={}) != usual
    assert inputs(snapshot(), story, waiting={OVERLAY: Silent("timeout")}) != usual
    assert inputs(snapshot(), story) == usual


def test_the_inputs_of_a_release_off_main_are_all_files_that_were_read() -> None:
    tree = on_main().tree
    paths = ("_remotes.xml", "build-115.xml", "default.xml", "master.xml", "release.xml", "version.txt")
    assert made(on_main(), new()).record.inputs == {path: tree.entries[path].blob for path in paths}
    bare = tree.with_changes({"release.xml": None, "default.xml": None})
    assert made(on_main(tree=bare), new()).record.inputs["release.xml"] is None


# Refs

TAG = RefChange("refs/tags/v116.0.0", None, "tag", "create")
MOVES = RefChange(CHANNEL, BASE, "merge", "channel newer")
ON_MASTER = RefChange("refs/heads/master", MAIN, "merge", "merge")
THERE = {**snapshot().refs, "refs/heads/build-116": "16" * 20}


@pytest.mark.parametrize(
    ("at", "asked", "rows"),
    [
        (on_main(), new(), (ON_MASTER, RefChange("refs/heads/build-116", None, "merge", "create"), TAG, MOVES)),
        (
            on_main(refs=THERE),
            new(),
            (ON_MASTER, RefChange("refs/heads/build-116", "16" * 20, "merge", "forward"), TAG, MOVES),
        ),
        (tracking_main(), new(), (ON_MASTER, RefChange("refs/heads/build-116", None, "second", "create"), TAG, MOVES)),
        (
            tracking_main(refs=THERE),
            new(),
            (ON_MASTER, RefChange("refs/heads/build-116", "16" * 20, "second", "forward"), TAG, MOVES),
        ),
        (
            tracking_line(),
            request(),
            (
                RefChange("refs/heads/build-115", BASE, "merge", "merge"),
                RefChange("refs/tags/v115.0.1", None, "tag", "create"),
                MOVES,
                RefChange("refs/heads/master", MAIN, "same", "none"),
            ),
        ),
        (
            configured(snapshot(), channels={"dev-channel": Channel(mode="never")}),
            request(kind="branch"),
            (
                RefChange("refs/heads/build-115", BASE, "merge", "merge"),
                RefChange("refs/tags/v115.1.0", None, "tag", "create"),
                RefChange(CHANNEL, BASE, "same", "channel never"),
                RefChange("refs/heads/master", MAIN, "same", "none"),
            ),
        ),
    ],
)
def test_every_ref_that_publishing_moves_has_a_row(at: Snapshot, asked: Request, rows: tuple[RefChange, ...]) -> None:
    assert made(at, asked).refs == rows


# Group, channels, image


@pytest.mark.parametrize(
    ("command", "line", "last", "group", "source"),
    [
        ("beta", "stable", "lts", "beta", "the command"),
        (None, "stable", "lts", "stable", "line build-115"),
        (None, None, "lts", "lts", "as the last release of build-115"),
        (None, None, None, "alpha", "default of this repository"),
        ("beta", None, None, "beta", "the command"),
        (None, "stable", None, "stable", "line build-115"),
    ],
)
def test_the_group_is_the_commands_the_lines_the_last_releases_or_the_default(
    command: str | None, line: str | None, last: str | None, group: str, source: str
) -> None:
    at = replace(configured(snapshot(), lines={115: Line(group=line)}), past=Past(group=last))
    whole = made(at, request(choices=Choices(group=command)))
    assert (whole.record.group, whole.group_source) == (group, source)


def test_a_new_line_has_its_own_entry_and_not_that_of_the_branch_it_comes_from() -> None:
    lines = {115: Line(group="stable"), 116: Line(group="lts", formats=("iso",))}
    whole = made(configured(on_main(), lines=lines), new())
    assert (whole.record.group, whole.group_source) == ("lts", "line build-116")
    assert whole.record.build is not None
    assert whole.record.build.formats == ("iso",)


CHANNELS = {
    "all": Channel(releases="all"),
    "alpha": Channel(releases="new"),
    "stable": Channel(releases=("build-115",)),
    "lts": Channel(releases=("build-116", "build-109")),
}


@pytest.mark.parametrize(
    ("at", "asked", "names"),
    [
        (on_main(), new(), ["all", "alpha", "lts"]),
        (tracking_main(), new(), ["all", "alpha", "lts"]),
        (on_main(), new(build=115), ["all", "alpha", "stable"]),
        (snapshot(), request(), ["all", "stable"]),
        (tracking_line(), request(kind="branch"), ["all", "stable"]),
    ],
)
def test_a_channel_is_concerned_by_the_releases_that_it_names(at: Snapshot, asked: Request, names: list[str]) -> None:
    whole = made(configured(at, channels=CHANNELS), asked)
    assert [channel.name for channel in whole.record.channels] == names


HIGH, LOW = Version(120, 0, 0), Version(100, 0, 0)


@pytest.mark.parametrize(
    ("mode", "seen", "choice", "order"),
    [
        ("newer", LOW, None, ("newer", True)),
        ("newer", HIGH, None, ("newer", False)),
        ("newer", HIGH, "move", ("always", True)),
        ("never", LOW, "move", ("never", False)),
        ("ff", LOW, "move", ("always", True)),
        ("newer", LOW, "keep", ("never", False)),
        ("always", HIGH, "keep", ("never", False)),
        ("always", HIGH, None, ("always", True)),
    ],
)
def test_a_person_can_move_a_channel_or_keep_it_for_one_release(
    mode: Any, seen: Version, choice: str | None, order: tuple[str, bool]
) -> None:
    at = replace(
        configured(snapshot(), channels={"dev-channel": Channel(mode=mode)}),
        refs={**snapshot().refs, CHANNEL: "ce" * 20},
        channel_files={CHANNEL: seen},
    )
    (found,) = made(at, request(choices=Choices(channel=choice))).record.channels
    assert found == ChannelOrder("dev-channel", CHANNEL, order[0], str(seen), order[1])


@pytest.mark.parametrize(
    ("choices", "formats"),
    [
        (Choices(), ("qemu", "vmware")),
        (Choices(build=True), ("qemu", "vmware")),
        (Choices(formats=("iso",)), ("iso",)),
        (Choices(formats=("iso", "pxe"), build=True), ("iso", "pxe")),
    ],
)
def test_the_image_is_built_in_the_formats_that_were_asked_for(choices: Choices, formats: tuple[str, ...]) -> None:
    for at, asked in ((on_main(), new(choices=choices)), (snapshot(), request(choices=choices))):
        whole = made(at, asked)
        assert whole.record.build == BuildOrder("coreos/scripts", "image-build.yml", "master", "prod", formats)
        assert whole.record.choices == choices


def test_no_image_is_built_where_nobody_wants_one_or_none_is_configured() -> None:
    assert made(on_main(), new(choices=Choices(build=False))).record.build is None
    none = configured(on_main(), build=Build(trigger="none", repository="a/b"))
    assert made(none, new(choices=Choices(build=True))).record.build is None


# From the words typed to the plan


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("/release new", {}),
        ("/release new 120", {"build": 120}),
        ("/release new version=120.1.0", {"version": Version(120, 1, 0)}),
        ("/release new from=109.0.0", {"pins_of": Version(109, 0, 0)}),
        ("/release new sdk=v110.0.0", {"sdk": "110.0.0"}),
        ("/release new sdk=keep", {"sdk": "keep"}),
        ("/release new projects=none", {"projects": "none"}),
        (
            "/release new group=beta formats=iso,pxe channel=keep build=no",
            {"choices": Choices("beta", ("iso", "pxe"), "keep", False)},
        ),
        ("/release new build=yes", {"choices": Choices(build=True)}),
        ("/release new --allow-empty --allow-rewind", {"flags": frozenset({"allow-empty", "allow-rewind"})}),
        ("/release new etcd==released", {"overrides": (Override("etcd", "=released"),)}),
    ],
)
def test_every_option_of_a_command_reaches_the_request(typed: str, said: dict[str, Any]) -> None:
    command = parse(typed)
    assert isinstance(command, Command), command
    asked = request_of(command, "octocat", 40, 4000, world.ASKED_AT)
    assert asked == replace(new(text=typed), **said)


@given(st.permutations(["allow-empty", "allow-jump", "allow-rewind"]))
def test_the_order_of_flags_does_not_matter(flags: list[str]) -> None:
    assert digest(made(snapshot(), request(flags=frozenset(flags)))) == digest(made(snapshot(), request(flags=FLAGS)))


def test_the_plan_of_a_release_says_what_is_new_and_what_is_gone() -> None:
    at = on_main()
    row = f'<project name="coreos/etcd"\n           path="{ETCD}"/>'
    data = at.tree.entries["master.xml"].data.decode()
    swapped = data.replace(row, '<project name="coreos/ignition" path="src/ignition"/>')
    assert swapped != data
    whole = made(replace(at, tree=at.tree.with_changes({"master.xml": Entry(FILE, swapped.encode())})), new())
    assert whole.added == (("coreos/ignition", NEW),)
    assert whole.removed == (("coreos/etcd", world.PINS["coreos/etcd"]),)
    assert (whole.moves, len(whole.projects), whole.unchanged) == (13, 11, ())
