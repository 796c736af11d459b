"""The check on an open release pull request: red for whatever would stop its publication, green for nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.core.audit import Foresight, foresee
from bot.core.config import Build, Channel, Line, ManifestFiles
from bot.core.record import Sealed
from bot.core.tree import FILE, LINK, Entry
from bot.core.version import Version
from tests.core import world

OPEN: dict[str, Any] = {"state": "open", "merged": False, "merge_commit": None}


def foresight(**changes: Any) -> Foresight:
    """What is known of the pull request of the story while it is open."""
    whole = Foresight(
        bot=world.BOT,
        pull=world.pull(**OPEN),
        base_tree=world.tree(),
        released=world.snapshot().released,
        config=world.CONFIG,
    )
    return replace(whole, **changes)


def opened(**changes: Any) -> dict[str, Any]:
    return {"pull": world.pull(**OPEN, **changes)}


def configured(**changes: Any) -> dict[str, Any]:
    return {"config": replace(world.CONFIG, **changes)}


def with_file(path: str, entry: Entry | None) -> dict[str, Any]:
    return {"base_tree": world.tree().with_changes({path: entry})}


def test_an_open_release_as_planned_has_a_green_check() -> None:
    assert foresee(world.sealed(), foresight()) == ()


@pytest.mark.parametrize(
    "changes",
    [
        with_file("NOTES", Entry(FILE, b"x\n")),
        with_file("master.xml", Entry(FILE, b"<manifest/>")),
        {"released": {**world.snapshot().released, Version(116, 0, 0): "ab" * 20}},
        {"released": {}},
        configured(lines={109: Line(group="stable")}),
        configured(manifest=ManifestFiles(default_link="keep")),
    ],
)
def test_what_happens_beside_the_plan_keeps_it_green(changes: dict[str, Any]) -> None:
    assert foresee(world.sealed(), foresight(**changes)) == ()


NOT_OURS = "this pull request is not the one that the plan was made for"
CONFIGURED = "the configuration changed what it says about names, channels, the group or the image build"
COMMITS = f"its branch holds other commits than the planned {world.HEAD[:12]}"
RELEASED = "115.0.1 or a higher version of its line is released already"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (opened(number=43), NOT_OURS),
        (opened(author_id=66), NOT_OURS),
        (opened(base="build-109"), "it targets build-109, the plan is for build-115"),
        (opened(head_sha="ee" * 20), COMMITS),
        ({"base_tree": world.tree(version_txt=b"x")}, "version.txt changed on build-115 since the plan was made"),
        ({"base_tree": world.tree(version_txt=None)}, "version.txt changed on build-115 since the plan was made"),
        (
            with_file("release.xml", Entry(LINK, b"build-109.xml")),
            "release.xml changed on build-115 since the plan was made",
        ),
        (with_file("default.xml", None), "default.xml changed on build-115 since the plan was made"),
        ({"released": {Version(115, 0, 1): "ab" * 20}}, RELEASED),
        ({"released": {Version(115, 1, 0): "ab" * 20}}, RELEASED),
        (configured(channels={}), CONFIGURED),
        (configured(channels={"dev-channel": Channel(mode="never")}), CONFIGURED),
        (configured(channels={"dev-channel": Channel(releases=("build-109",))}), CONFIGURED),
        (configured(lines={115: Line(group="stable")}), CONFIGURED),
        (configured(lines={115: Line(formats=("iso",))}), CONFIGURED),
        (configured(build=Build(trigger="none")), CONFIGURED),
        (configured(manifest=ManifestFiles(tag="r{version}")), CONFIGURED),
    ],
)
def test_what_would_stop_publishing_is_told_before_the_merge(changes: dict[str, Any], reason: str) -> None:
    assert foresee(world.sealed(), foresight(**changes)) == (reason,)


def test_a_plan_that_is_bound_to_no_pull_request_yet_makes_none_green() -> None:
    assert foresee(replace(world.sealed(), number=None), foresight()) == (NOT_OURS,)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    wrong = opened(number=43, base="master", head_sha="ee" * 20) | configured(channels={})
    assert foresee(world.sealed(), foresight(**wrong)) == (
        NOT_OURS,
        "it targets master, the plan is for build-115",
        COMMITS,
        CONFIGURED,
    )


def of_new(**changes: Any) -> tuple[Sealed, Foresight]:
    """The same for a release off the main branch."""
    whole = world.made(world.on_main(), world.new())
    seen = foresight(
        pull=world.pull(**OPEN, base="master", head="release-bot/v116.0.0"), base_tree=world.main_tree(), **changes
    )
    return Sealed(whole.record, world.HEAD, 42), seen


def test_an_open_release_off_the_main_branch_has_a_green_check() -> None:
    assert foresee(*of_new()) == ()
    assert foresee(*of_new(released={Version(115, 9, 0): "ab" * 20})) == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (configured(manifest=ManifestFiles(main_branch="main")), CONFIGURED),
        (configured(channels={"alpha": Channel(releases="new"), "dev-channel": Channel()}), CONFIGURED),
        (configured(lines={116: Line(group="stable")}), CONFIGURED),
        (
            {"released": {Version(116, 0, 0): "ab" * 20}},
            "116.0.0 or a higher version of its line is released already",
        ),
    ],
)
def test_what_would_stop_a_release_off_the_main_branch_is_told_before(changes: dict[str, Any], reason: str) -> None:
    assert foresee(*of_new(**changes)) == (reason,)


@pytest.mark.parametrize(("seen", "now", "moved"), [(None, None, False), (None, "16" * 20, True)])
def test_a_release_branch_that_somebody_else_opened_is_told_before(
    seen: str | None, now: str | None, moved: bool
) -> None:
    sealed, at = of_new(line_now=now)
    assert sealed.record.line is not None
    assert sealed.record.line.seen == seen
    told = ("build-116 was opened or moved by somebody else since the plan was made",) if moved else ()
    assert foresee(sealed, at) == told


@pytest.mark.parametrize("path", ["master.xml", "_remotes.xml", "version.txt", "release.xml", "build-115.xml"])
def test_a_file_that_was_read_and_changed_makes_a_release_off_main_stale(path: str) -> None:
    sealed, seen = of_new()
    changed = seen.base_tree.with_changes({path: Entry(FILE, b"x")})
    assert foresee(sealed, replace(seen, base_tree=changed)) == (f"{path} changed on master since the plan was made",)
