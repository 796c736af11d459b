"""The eight proofs: all hold for an honest merge, and each of them catches what no other does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.core.audit import PROOFS, Facts, Foresight, foresee, prove
from bot.core.config import Build, Channel, Line
from bot.core.hub import Bot, RepositoryId
from bot.core.record import Sealed
from bot.core.tree import FILE, LINK, Entry
from bot.core.version import Version
from tests.core import world


def facts(**changes: Any) -> Facts:
    """What GitHub and git say after an honest merge."""
    whole = Facts(
        repository=world.REPOSITORY,
        admitted=True,
        bot=world.BOT,
        pull=world.pull(),
        commits=(world.HEAD,),
        parent=world.BASE,
        parent_tree=world.tree(),
        merged_tree=world.after(),
        base_head=world.NOW,
        base_tree=world.after(),
        merge_in_base=True,
        planned_base_in_parent=True,
        released=world.snapshot().released,
        tag_now=None,
        expected_tag="7a" * 20,
        config=world.CONFIG,
    )
    return replace(whole, **changes)


def failing(sealed: Sealed, seen: Facts) -> list[int]:
    return [proof.number for proof in prove(sealed, seen) if not proof.holds]


def with_file(path: str, data: bytes, mode: str = FILE) -> Any:
    return world.after().with_changes({path: Entry(mode, data)})


def test_all_eight_hold_for_an_honest_merge() -> None:
    assert failing(world.sealed(), facts()) == []
    assert len(PROOFS) == 8


def test_an_honest_merge_on_a_base_that_moved_on_elsewhere_holds_too() -> None:
    notes = {"NOTES": Entry(FILE, b"x\n")}
    assert (
        failing(
            world.sealed(),
            facts(
                parent="de" * 20,
                parent_tree=world.tree().with_changes(notes),
                merged_tree=world.after().with_changes(notes),
                base_tree=world.after().with_changes(notes | {"later": Entry(FILE, b"y\n")}),
            ),
        )
        == []
    )


MINE_ELSEWHERE = RepositoryId(8, 9, "mallory/manifest")
SAME = world.planned().changes["version.txt"]
TAMPERED: dict[str, tuple[list[int], dict[str, Any]]] = {
    "an installation that is not served": ([1], {"admitted": False}),
    "opened by a person": ([2], {"pull": world.pull(author="mallory", author_id=66)}),
    "opened by a bot of the same name": ([2], {"bot": Bot(2, 98, world.BOT.login)}),
    "another pull request with our text": ([2], {"pull": world.pull(number=43)}),
    "from a fork": ([3], {"pull": world.pull(head_repository=8)}),
    "from a fork that is gone": ([3], {"pull": world.pull(head_repository=None)}),
    "from another branch": ([3], {"pull": world.pull(head="release-bot/v115.0.2")}),
    "from a look-alike branch": ([3], {"pull": world.pull(head="release-bot/v115.0.1.")}),
    "a commit on top": ([3], {"commits": (world.HEAD, "ee" * 20), "pull": world.pull(head_sha="ee" * 20)}),
    "a commit below": ([3], {"commits": ("ee" * 20, world.HEAD)}),
    "another commit instead": ([3], {"commits": ("ee" * 20,), "pull": world.pull(head_sha="ee" * 20)}),
    "an Update-branch merge": ([3], {"commits": (world.HEAD, "ff" * 20), "pull": world.pull(head_sha="ff" * 20)}),
    "not merged": ([4], {"pull": world.pull(merged=False)}),
    "merged into another branch": ([4], {"pull": world.pull(base="build-109")}),
    "the merge was forced away": ([4], {"merge_in_base": False}),
    "reverted since": ([4], {"base_tree": world.tree()}),
    "the version file changed since": ([4], {"base_tree": with_file("version.txt", b"COREOS_BUILD=1\n")}),
    "another file in the merge": ([5], {"merged_tree": with_file("master.xml", b"<manifest/>")}),
    "a file added in the merge": ([5], {"merged_tree": with_file("evil.xml", b"<manifest/>")}),
    "a file removed in the merge": ([5], {"merged_tree": world.after().with_changes({"master.xml": None})}),
    "a mode changed in the merge": (
        [5],
        {
            "merged_tree": world.after().with_changes(
                {"_remotes.xml": replace(world.after().entries["_remotes.xml"], mode="100755")}
            )
        },
    ),
    "a planned file with other bytes": ([5], {"merged_tree": with_file("version.txt", b"COREOS_BUILD=115\n")}),
    "a planned link as a file": ([5], {"merged_tree": with_file("default.xml", b"build-115.xml")}),
    "a planned link elsewhere": ([5], {"merged_tree": with_file("default.xml", b"/etc/passwd", LINK)}),
    "the tag exists by hand": ([6], {"tag_now": "ab" * 20}),
    "a higher version of the line": ([6], {"released": {Version(115, 0, 2): "ab" * 20}}),
    "the version itself, its tag gone": ([6], {"released": {Version(115, 0, 1): "ab" * 20}}),
    "a higher branch of the line": ([6], {"released": {Version(115, 1, 0): "ab" * 20}}),
    "the base was rewound": ([7], {"planned_base_in_parent": False}),
    "a channel's rule changed": (
        [8],
        {"config": replace(world.CONFIG, channels={"dev-channel": Channel(mode="always")})},
    ),
    "a channel more": ([8], {"config": replace(world.CONFIG, channels={"dev-channel": Channel(), "beta": Channel()})}),
    "no channel any more": ([8], {"config": replace(world.CONFIG, channels={})}),
    "another group": ([8], {"config": replace(world.CONFIG, lines={115: Line(group="stable")})}),
    "another place to build": ([8], {"config": replace(world.CONFIG, build=Build(repository="coreos/other"))}),
    "an input changed on the base": (
        [8],
        {"parent_tree": world.tree(), "config": replace(world.CONFIG, build=Build())},
    ),
}


@pytest.mark.parametrize(("numbers", "changes"), TAMPERED.values(), ids=TAMPERED)
def test_each_deceit_fails_the_proof_that_is_made_for_it_and_no_other(
    numbers: list[int], changes: dict[str, Any]
) -> None:
    assert failing(world.sealed(), facts(**changes)) == numbers


def test_a_higher_version_of_another_line_does_not_matter() -> None:
    assert failing(world.sealed(), facts(released={Version(116, 0, 0): "ab" * 20})) == []


def test_our_own_tag_from_an_earlier_try_is_no_obstacle() -> None:
    ours = {"tag_now": "7a" * 20, "released": {Version(115, 0, 1): world.MERGE}}
    assert failing(world.sealed(), facts(**ours)) == []


def test_a_plan_for_another_repository_proves_nothing_here() -> None:
    elsewhere = facts(repository=MINE_ELSEWHERE)
    assert 1 in failing(world.sealed(), elsewhere)
    other = Sealed(replace(world.sealed().record, repository=8), world.HEAD, 42)
    assert failing(other, facts()) == [1]


def test_an_input_that_changed_between_plan_and_merge_is_seen() -> None:
    changed = world.tree(build_115_xml=b"<manifest/>")
    assert 8 in failing(world.sealed(), facts(parent_tree=changed))


@pytest.mark.parametrize("number", range(1, 9))
def test_without_this_proof_some_deceit_would_be_published(number: int) -> None:
    caught_by_this_alone = [name for name, (numbers, _) in TAMPERED.items() if numbers == [number]]
    assert caught_by_this_alone


def foresight(**changes: Any) -> Foresight:
    whole = Foresight(
        bot=world.BOT,
        pull=world.pull(state="open", merged=False, merge_commit=None),
        base_tree=world.tree(),
        released=world.snapshot().released,
        config=world.CONFIG,
    )
    return replace(whole, **changes)


def test_an_open_release_as_planned_has_a_green_check() -> None:
    assert foresee(world.sealed(), foresight()) == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"pull": world.pull(number=43)}, "not the one that the plan was made for"),
        ({"pull": world.pull(author_id=66)}, "not the one that the plan was made for"),
        ({"pull": world.pull(base="build-109")}, "targets build-109"),
        ({"pull": world.pull(head_sha="ee" * 20)}, "holds other commits"),
        ({"base_tree": world.tree(version_txt=b"x")}, "version.txt changed on build-115"),
        ({"config": replace(world.CONFIG, channels={})}, "configuration changed"),
        ({"released": {Version(115, 0, 1): "ab" * 20}}, "released already"),
    ],
)
def test_what_would_stop_publishing_is_told_before_the_merge(changes: dict[str, Any], reason: str) -> None:
    (why,) = foresee(world.sealed(), foresight(**changes))
    assert reason in why
