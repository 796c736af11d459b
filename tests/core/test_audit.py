"""The eight proofs: all hold for an honest merge, and each of them catches what no other does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from bot.core.audit import PROOFS, Facts, exits, is_held, prove
from bot.core.config import Build, Channel, Config, Line, ManifestFiles
from bot.core.hub import Bot, RepositoryId
from bot.core.record import Adoption, Choices, Sealed
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


def merged_as(tree: Any) -> dict[str, Any]:
    """What was merged, and what the base still holds of it."""
    return {"merged_tree": tree, "base_tree": tree}


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


ELSEWHERE = {
    "repository": RepositoryId(8, 9, "mallory/manifest"),
    "pull": world.pull(head_repository=8, base_repository=8),
}
TURNED = {"release.xml": Entry(LINK, b"build-109.xml")}
TAMPERED: dict[str, tuple[list[int], dict[str, Any]]] = {
    "an installation that is not served": ([1], {"admitted": False}),
    "a plan for another repository": ([1], ELSEWHERE),
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
    "a planned file with other bytes": ([5], merged_as(with_file("version.txt", b"COREOS_BUILD=115\n"))),
    "a planned link as a file": ([5], merged_as(with_file("default.xml", b"build-115.xml"))),
    "a planned link elsewhere": ([5], merged_as(with_file("default.xml", b"/etc/passwd", LINK))),
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
    "other formats of the image": (
        [8],
        {"config": replace(world.CONFIG, build=replace(world.CONFIG.build, formats=("qemu",)))},
    ),
    "no image build any more": ([8], {"config": replace(world.CONFIG, build=Build(trigger="none"))}),
    "tags are named otherwise": ([8], {"config": replace(world.CONFIG, manifest=ManifestFiles(tag="r{version}"))}),
    "release branches are named otherwise": (
        [8],
        {"config": replace(world.CONFIG, manifest=ManifestFiles(line_branch="r{build}"))},
    ),
    "the version file changed before the merge": ([8], {"parent_tree": world.tree(version_txt=b"COREOS_BUILD=115\n")}),
    "a link changed before the merge": (
        [8],
        {
            "parent_tree": world.tree().with_changes(TURNED),
            "merged_tree": world.after().with_changes(TURNED),
            "base_tree": world.after().with_changes(TURNED),
        },
    ),
    "an input went before the merge": ([8], {"parent_tree": world.tree(version_txt=None)}),
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


def test_an_input_that_changed_between_plan_and_merge_is_seen() -> None:
    changed = world.tree(build_115_xml=b"<manifest/>")
    assert 8 in failing(world.sealed(), facts(parent_tree=changed))


@pytest.mark.parametrize("number", range(1, 9))
def test_without_this_proof_some_deceit_would_be_published(number: int) -> None:
    others = [proof for at, (_, proof) in enumerate(PROOFS, start=1) if at != number]
    assert any(
        all(proof(world.sealed(), facts(**changes)) is None for proof in others) for _, changes in TAMPERED.values()
    )


HUMAN: dict[str, Any] = {"author": "mallory", "author_id": 66}
IMITATIONS: dict[str, dict[str, Any]] = {
    "a person's own, the text copied": {"number": 43, **HUMAN},
    "a person's own under our number": HUMAN,
    "a person with our name": {"author_id": 66},
    "another App's bot": {"author": "manifest-release-b0t[bot]", "author_id": 98},
    "a fork's branch of the same name": {"number": 43, **HUMAN, "head_repository": 8},
    "a fork that is gone": {"number": 43, **HUMAN, "head_repository": None},
    "our old pull request, the text pasted over": {"number": 41},
    "ours for another version, the text pasted over": {"number": 41, "head": "release-bot/v115.0.2"},
    "ours with a person's commit": {"head_sha": "ee" * 20},
    "ours on another base": {"base": "master"},
    "ours, closed unmerged": {"merged": False, "merge_commit": None},
    "ours with a branch outside our prefix": {"head": "v115.0.1"},
}


@pytest.mark.parametrize("changes", IMITATIONS.values(), ids=IMITATIONS)
def test_an_imitation_of_our_pull_request_publishes_nothing(changes: dict[str, Any]) -> None:
    assert failing(world.sealed(), facts(pull=world.pull(**changes)))


PATHS = st.sampled_from([*world.after(), "new", "build-116.xml"])
ENTRIES = st.none() | st.builds(Entry, st.sampled_from([FILE, LINK, "100755"]), st.binary(max_size=3))


@given(st.dictionaries(PATHS, ENTRIES, min_size=1))
def test_no_change_that_slips_into_a_merge_is_published(slipped: dict[str, Entry | None]) -> None:
    merged = world.after().with_changes(slipped)
    holds = failing(world.sealed(), facts(merged_tree=merged, base_tree=merged)) == []
    assert holds == (merged == world.after())


def test_a_failed_proof_names_what_is_wrong() -> None:
    (why,) = [proof.why for proof in prove(world.sealed(), facts(tag_now="ab" * 20)) if not proof.holds]
    assert why == "the tag v115.0.1 exists and is not ours"


# A release off the main branch

LINE = "refs/heads/build-116"
SEEN, OURS = "16" * 20, "5e" * 20


def opened(seen: str | None = None, tracking: bool = False, **changes: Any) -> tuple[Sealed, Facts]:
    """The sealed plan of a new release, and what GitHub and git say after an honest merge of it."""
    at = world.tracking_main() if tracking else world.on_main()
    at = replace(at, refs={**at.refs, LINE: seen} if seen else at.refs, config=changes.pop("planned", at.config))
    whole = world.made(at, world.new(**changes.pop("asked", {})))
    after = at.tree.with_changes(whole.changes)
    merged = world.pull(base="master", head="release-bot/v116.0.0", base_sha=world.MAIN)
    told = facts(
        pull=merged,
        parent=world.MAIN,
        parent_tree=at.tree,
        merged_tree=after,
        base_tree=after,
        config=at.config,
        line_now=seen,
        expected_line=OURS,
    )
    return Sealed(whole.record, world.HEAD, 42), replace(told, **changes)


@pytest.mark.parametrize("tracking", [False, True])
@pytest.mark.parametrize(("seen", "now"), [(None, None), (None, OURS), (SEEN, SEEN), (SEEN, OURS)])
def test_all_eight_hold_for_an_honest_merge_into_the_main_branch(
    tracking: bool, seen: str | None, now: str | None
) -> None:
    assert failing(*opened(seen, tracking, line_now=now)) == []


@pytest.mark.parametrize(
    ("seen", "now", "why"),
    [
        (None, SEEN, "build-116 is at 161616161616, the plan saw no such branch"),
        (SEEN, None, "build-116 is gone, the plan saw 161616161616"),
        (SEEN, "17" * 20, "build-116 is at 171717171717, the plan saw 161616161616"),
    ],
)
def test_a_release_branch_that_moved_under_a_new_release_stops_it(seen: str | None, now: str | None, why: str) -> None:
    told = [(proof.number, proof.why) for proof in prove(*opened(seen, line_now=now)) if not proof.holds]
    assert told == [(7, why)]


@pytest.mark.parametrize(
    ("numbers", "changes"),
    [
        ([4], {"pull": world.pull(base="build-116", head="release-bot/v116.0.0")}),
        ([5], merged_as(world.main_tree())),
        ([6], {"tag_now": "ab" * 20}),
        ([6], {"released": {Version(116, 0, 0): "ab" * 20}}),
        ([6], {"released": {Version(116, 4, 0): "ab" * 20}}),
        ([7], {"planned_base_in_parent": False}),
        ([8], {"config": replace(world.CONFIG, manifest=ManifestFiles(main_branch="main"))}),
        ([8], {"config": replace(world.CONFIG, manifest=ManifestFiles(line_branch="r{build}"))}),
        ([8], {"config": replace(world.CONFIG, channels={"dev-channel": Channel(), "alpha": Channel(releases="new")})}),
        ([8], {"config": replace(world.CONFIG, lines={116: Line(group="stable")})}),
        ([5, 8], {"parent_tree": world.main_tree(master_xml=b"<manifest/>")}),
    ],
)
def test_each_deceit_on_the_main_branch_fails_its_proof(numbers: list[int], changes: dict[str, Any]) -> None:
    assert failing(*opened(**changes)) == numbers


@pytest.mark.parametrize(
    "config",
    [
        replace(world.CONFIG, lines={115: Line(group="stable")}),
        replace(world.CONFIG, channels={"dev-channel": Channel(), "stable": Channel(releases=("build-115",))}),
        replace(world.CONFIG, manifest=ManifestFiles(old_manifests="remove-oldest", default_link="keep")),
    ],
)
def test_what_the_configuration_says_of_other_lines_does_not_stop_a_new_release(config: Config) -> None:
    assert failing(*opened(config=config)) == []


def test_what_a_person_chose_for_this_release_is_not_undone_by_the_configuration() -> None:
    chosen: dict[str, Any] = {"asked": {"choices": Choices(group="beta", formats=("iso",), channel="keep")}}
    others = replace(world.CONFIG, lines={116: Line(group="stable", formats=("pxe",))})
    assert failing(*opened(**chosen, config=others)) == []
    always = replace(world.CONFIG, channels={"dev-channel": Channel(mode="always")})
    assert failing(*opened(**chosen, config=always)) == []
    unbuilt: dict[str, Any] = {"asked": {"choices": Choices(build=False)}}
    elsewhere = replace(world.CONFIG, build=Build(repository="coreos/other"))
    assert failing(*opened(**unbuilt, config=elsewhere)) == []


def as_adopted(**changes: Any) -> Sealed:
    word = Adoption("hubot", "2013-10-26T12:00:00+00:00", "ee" * 20, world.MERGE, world.BASE, **changes)
    return replace(world.sealed(), head="ee" * 20, record=replace(world.sealed().record, adoption=word))


BY_A_REVIEWER: dict[str, Any] = {"commits": (world.HEAD, "ee" * 20), "pull": world.pull(head_sha="ee" * 20)}


def test_an_adopted_merge_holds_with_the_commits_that_led_to_it() -> None:
    assert failing(as_adopted(), facts(**BY_A_REVIEWER)) == []


def test_an_adoption_is_of_one_head_and_one_merge() -> None:
    assert failing(as_adopted(), facts()) == [3]
    elsewhere = replace(BY_A_REVIEWER["pull"], merge_commit="dd" * 20)
    assert failing(as_adopted(), facts(**{**BY_A_REVIEWER, "pull": elsewhere})) == [4]


def test_an_adopted_tag_is_the_expected_one() -> None:
    by_hand = "ab" * 20
    assert failing(as_adopted(tag=by_hand), facts(**BY_A_REVIEWER, tag_now=by_hand, expected_tag=by_hand)) == []


@pytest.mark.parametrize(
    ("failed", "at_merge", "ways"),
    [
        ((), False, ("resume", "abandon")),
        ((3, 5), False, ("resume", "adopt", "abandon")),
        ((7,), False, ("resume", "abandon")),
        ((8,), False, ("resume", "adopt", "abandon")),
        ((4,), False, ("resume", "abandon")),
        ((6,), False, ("resume", "abandon")),
        ((6,), True, ("resume", "adopt")),
        ((1,), False, ()),
        ((2, 3, 5), False, ()),
    ],
)
def test_the_ways_out_fit_what_failed(failed: tuple[int, ...], at_merge: bool, ways: tuple[str, ...]) -> None:
    assert exits(failed, at_merge) == ways


def test_nobody_adopts_or_abandons_what_is_on_the_server() -> None:
    assert exits((), False, pushed=True) == ("resume",)


def test_a_release_is_held_until_both_its_own_files_are_others() -> None:
    record = world.sealed().record
    line = with_file("build-115.xml", b"<manifest/>")
    both = line.with_changes({"version.txt": Entry(FILE, b"COREOS_BUILD=1\n")})
    assert is_held(record, world.after(), world.CONFIG)
    assert is_held(record, line, world.CONFIG)
    assert not is_held(record, both, world.CONFIG)
    assert not is_held(record, world.tree(), world.CONFIG)
    reviewed = Entry(FILE, world.after().entries["version.txt"].data + b"# reviewed\n")
    assert is_held(record, line.with_changes({"version.txt": reviewed}), world.CONFIG)
