"""Step 4 of the procedure: which version a release gets, and which it can never have."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, strategies as st

from bot.core import refusal as no
from bot.core.config import ManifestFiles
from bot.core.plan import Base, Caution, line_of, read_base
from bot.core.plan.number import Number, choose_number
from bot.core.plan.request import Request
from bot.core.snapshot import Past, Snapshot
from bot.core.version import Version
from tests.core import world
from tests.core.world import made, new, on_main, outcome, request, snapshot


def chosen(at: Snapshot, asked: Request) -> Number | no.Refusal:
    base = read_base(at)
    assert isinstance(base, Base), base
    return choose_number(base, at, asked)


def tagged(*versions: str) -> dict[str, str]:
    """The refs of the story with releases more."""
    return {**snapshot().refs, **{f"refs/tags/v{version}": "7b" * 20 for version in versions}}


def says(version: str, at: Snapshot | None = None, **changes: Any) -> Snapshot:
    """The main branch or build-115 with another version in its version.txt."""
    build, branch, patch = version.split(".")
    words = f"COREOS_BUILD={build}\nCOREOS_BRANCH={branch}\nCOREOS_PATCH={patch}\nCOREOS_SDK_VERSION=110.0.0\n"
    at = at or on_main()
    entry = replace(at.tree.entries["version.txt"], data=words.encode())
    return replace(at, tree=at.tree.with_changes({"version.txt": entry}), **changes)


EAST = timezone(timedelta(hours=14))


@pytest.mark.parametrize(
    ("moment", "version"),
    [
        (datetime(2013, 10, 25, 0, 0, tzinfo=UTC), "116.0.0"),
        (datetime(2013, 10, 25, 23, 59, 59, tzinfo=UTC), "116.0.0"),
        (datetime(2013, 10, 26, 0, 0, tzinfo=UTC), "117.0.0"),
        (datetime(2013, 10, 26, 13, 59, tzinfo=EAST), "116.0.0"),
        (datetime(2013, 10, 26, 14, 0, tzinfo=EAST), "117.0.0"),
        (datetime(2016, 2, 29, 12, 0, tzinfo=UTC), "973.0.0"),
    ],
)
def test_a_new_release_has_the_number_of_days_since_july_2013_in_utc(moment: datetime, version: str) -> None:
    assert chosen(on_main(), new(asked_at=moment)) == Number(Version.parse(version))


def test_the_days_are_counted_from_the_day_that_the_configuration_names() -> None:
    config = replace(world.CONFIG, manifest=ManifestFiles(epoch=date(2013, 6, 1)))
    assert chosen(on_main(config=config), new()) == Number(Version(146, 0, 0))


def test_a_clock_before_the_first_day_is_refused_and_a_number_given_by_hand_is_not() -> None:
    config = replace(world.CONFIG, manifest=ManifestFiles(epoch=date(2020, 1, 1)))
    early = on_main(config=config)
    refused = chosen(early, new())
    assert isinstance(refused, no.BadClock)
    assert "before 2020-01-01" in refused.sentence
    assert chosen(early, new(build=116)) == Number(Version(116, 0, 0))
    assert chosen(early, new(version=Version(116, 0, 0))) == Number(Version(116, 0, 0))


@pytest.mark.parametrize(
    ("asked", "version"),
    [
        (new(build=117), "117.0.0"),
        (new(build=120), "120.0.0"),
        (new(version=Version(118, 0, 0)), "118.0.0"),
        (new(version=Version(118, 2, 1)), "118.2.1"),
        (new(build=118, version=Version(118, 1, 0)), "118.1.0"),
        (request(kind="branch"), "115.1.0"),
        (request(kind="patch"), "115.0.1"),
        (request(kind="branch", version=Version(115, 4, 0)), "115.4.0"),
        (request(kind="patch", version=Version(115, 0, 3)), "115.0.3"),
        (request(kind="patch", version=Version(115, 3, 1)), "115.3.1"),
    ],
)
def test_what_was_named_is_taken_and_the_rest_follows_the_rules(asked: Request, version: str) -> None:
    at = snapshot() if asked.line else on_main()
    assert chosen(at, asked) == Number(Version.parse(version))


@pytest.mark.parametrize(
    ("now", "kind", "version"),
    [
        ("115.0.0", "branch", "115.1.0"),
        ("115.0.4", "branch", "115.1.0"),
        ("115.3.4", "branch", "115.4.0"),
        ("115.0.4", "patch", "115.0.5"),
        ("115.3.4", "patch", "115.3.5"),
        ("115.9.9", "branch", "115.10.0"),
        ("115.9.9", "patch", "115.9.10"),
    ],
)
def test_a_normal_release_raises_branch_and_an_emergency_raises_patch(now: str, kind: str, version: str) -> None:
    assert chosen(says(now, at=snapshot()), request(kind=kind)) == Number(Version.parse(version))


@pytest.mark.parametrize(
    ("now", "tags", "build", "version"),
    [
        ("116.0.0", (), None, "116.1.0"),
        ("116.0.0", ("116.0.0",), None, "116.1.0"),
        ("116.1.0", ("116.0.0", "116.1.0"), None, "116.2.0"),
        ("115.0.0", ("116.0.0",), None, "116.1.0"),
        ("116.0.2", ("116.0.0", "116.0.2"), None, "116.1.0"),
        ("116.1.0", ("116.0.0", "116.9.0"), None, "116.10.0"),
        ("115.0.0", (), 115, "115.1.0"),
    ],
)
def test_a_build_that_was_released_already_goes_on_with_branch(
    now: str, tags: tuple[str, ...], build: int | None, version: str
) -> None:
    found = chosen(says(now, refs=tagged(*tags)), new(build=build))
    assert isinstance(found, Number)
    assert (found.version, bool(found.again)) == (Version.parse(version), True)


@pytest.mark.parametrize(
    ("now", "tags", "before"), [("116.0.0", (), "116.0.0"), ("115.0.0", ("116.0.0", "116.3.0"), "116.3.0")]
)
def test_a_second_release_of_a_build_is_cautioned_with_the_release_before(
    now: str, tags: tuple[str, ...], before: str
) -> None:
    whole = made(says(now, refs=tagged(*tags)), new())
    assert [each for each in whole.cautions if each.kind == "again"] == [
        Caution("again", "116", before, str(whole.version))
    ]


def test_the_first_release_of_a_build_is_not_cautioned() -> None:
    assert made(on_main(), new()).cautions == ()


@pytest.mark.parametrize("asked", [new(), new(version=Version(116, 7, 0))])
def test_a_second_release_is_refused_while_the_release_branch_has_more(asked: Request) -> None:
    at = says("116.0.0", refs=tagged("116.0.0"), past=Past(lead=3))
    assert chosen(at, asked) == no.LineHasMore("build-116", 3, "master")


def test_the_command_that_goes_on_from_the_release_branch_names_it_as_people_type_it() -> None:
    config = replace(world.CONFIG, manifest=ManifestFiles(line_branch="flatcar-{build}"))
    assert chosen(on_main(config=config, past=Past(lead=1)), new()) == no.LineHasMore("build-116", 1, "master")


def test_a_first_release_is_refused_too_where_a_branch_of_its_name_has_other_commits() -> None:
    assert chosen(on_main(past=Past(lead=1)), new()) == no.LineHasMore("build-116", 1, "master")


def test_what_the_release_branch_leads_by_does_not_stop_a_release_from_it() -> None:
    assert chosen(snapshot(past=Past(lead=3)), request(kind="branch")) == Number(Version(115, 1, 0))


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        (new(build=114), no.VersionTooLow("114.0.0", "115.0.0", "master")),
        (new(version=Version(114, 9, 0)), no.VersionTooLow("114.9.0", "115.0.0", "master")),
        (new(asked_at=datetime(2013, 10, 23, tzinfo=UTC)), no.VersionTooLow("114.0.0", "115.0.0", "master")),
        (new(build=116, version=Version(117, 0, 0)), no.WrongLine("117.0.0", "build-116", "new")),
        (new(build=117, version=Version(116, 0, 0)), no.WrongLine("116.0.0", "build-117", "new")),
    ],
)
def test_a_release_off_main_cannot_go_below_main_or_contradict_itself(asked: Request, refused: no.Refusal) -> None:
    assert chosen(on_main(), asked) == outcome(on_main(), asked) == refused


@pytest.mark.parametrize("build", [1_000_000, 123_456_789])
def test_a_build_whose_branch_would_be_no_release_branch_is_refused(build: int) -> None:
    refused = no.BuildOutOfRange(build, f"build-{build}")
    assert chosen(on_main(), new(build=build)) == chosen(on_main(), new(version=Version(build, 0, 0))) == refused
    assert chosen(on_main(), new(build=999_999)) == Number(Version(999_999, 0, 0))
    assert outcome(on_main(), new(build=build)) == refused


@pytest.mark.parametrize("kind", ["branch", "patch"])
def test_a_release_branch_is_never_out_of_range(kind: str) -> None:
    at = snapshot(config=replace(world.CONFIG, manifest=ManifestFiles(line_branch="flatcar-{build}")))
    assert isinstance(chosen(replace(at, base="flatcar-115"), request(kind=kind)), Number)


@pytest.mark.parametrize("kind", ["branch", "patch"])
@pytest.mark.parametrize("version", ["114.0.0", "116.0.0", "115115.0.0"])
def test_a_release_branch_never_gets_a_version_of_another_line(kind: str, version: str) -> None:
    asked = request(kind=kind, version=Version.parse(version))
    assert chosen(snapshot(), asked) == no.WrongLine(version, "build-115", kind)


TAKEN = "7b" * 20


@pytest.mark.parametrize(
    ("now", "tags", "kind", "version", "refused"),
    [
        ("115.0.0", (), "patch", "115.0.0", no.VersionTaken("v115.0.0", world.BASE, "115.0.1")),
        ("115.0.0", (), "branch", "115.0.0", no.VersionTaken("v115.0.0", world.BASE, "115.1.0")),
        ("115.2.0", ("115.2.0",), "branch", "115.1.0", no.VersionTaken("v115.2.0", TAKEN, "115.3.0")),
        ("115.2.0", ("115.2.0",), "patch", "115.1.7", no.VersionTaken("v115.2.0", TAKEN, "115.2.1")),
        ("115.2.0", (), "branch", "115.1.0", no.VersionTooLow("115.1.0", "115.2.0", "build-115")),
        ("115.2.0", (), "branch", "115.2.0", no.VersionTooLow("115.2.0", "115.2.0", "build-115")),
        ("115.0.0", ("115.1.0",), "branch", None, no.VersionTaken("v115.1.0", TAKEN, "115.2.0")),
        ("115.0.0", ("115.0.1",), "patch", None, no.VersionTaken("v115.0.1", TAKEN, "115.0.2")),
        ("115.0.0", ("115.0.1", "115.0.2"), "patch", None, no.VersionTaken("v115.0.1", TAKEN, "115.0.3")),
        ("115.0.0", ("115.3.0",), "patch", None, no.VersionTaken("v115.3.0", TAKEN, "115.3.1")),
    ],
)
def test_a_version_is_never_used_twice_and_never_goes_down_on_its_line(
    now: str, tags: tuple[str, ...], kind: str, version: str | None, refused: no.Refusal
) -> None:
    asked = request(kind=kind, version=Version.parse(version) if version else None)
    assert chosen(says(now, at=snapshot(), refs=tagged(*tags)), asked) == refused


@pytest.mark.parametrize("tag", ["v116.0.0-rc1", "116.0.0", "v116.0.00", "w116.0.0", "v116.0.0^{}"])
def test_a_tag_that_is_no_release_counts_for_nothing(tag: str) -> None:
    refs = {**snapshot().refs, f"refs/tags/{tag}": TAKEN}
    assert chosen(on_main(refs=refs), new()) == Number(Version(116, 0, 0))


def test_the_release_branch_of_a_new_release_is_named_by_its_build() -> None:
    assert line_of(on_main(), new()) == "build-116"
    assert line_of(on_main(), new(build=120)) == "build-120"
    assert line_of(snapshot(), request()) == "build-115"
    config = replace(world.CONFIG, manifest=ManifestFiles(line_branch="r{build}"))
    assert line_of(on_main(config=config), new()) == "r116"


SMALL = st.integers(0, 4)
VERSIONS = st.builds(Version, st.integers(114, 118), SMALL, SMALL)


@given(
    released=st.sets(VERSIONS, max_size=8),
    now=st.builds(Version, st.just(115), SMALL, SMALL),
    kind=st.sampled_from(["new", "branch", "patch"]),
    version=st.none() | VERSIONS,
    build=st.none() | st.integers(113, 118),
    main=st.booleans(),
)
def test_a_planned_version_is_above_all_of_its_line_and_was_never_tagged(
    released: set[Version], now: Version, kind: Any, version: Version | None, build: int | None, main: bool
) -> None:
    main = main or kind == "new"
    at = says(str(now), at=on_main() if main else snapshot(), refs=tagged(*map(str, released)))
    found = chosen(at, request(kind=kind, line=None if main else "build-115", version=version, build=build))
    if isinstance(found, Number):
        of_line = [other for other in at.released if other.build == found.version.build]
        assert found.version not in at.released
        assert all(found.version > other for other in of_line)
        assert found.version > now
        assert version in (None, found.version)
        if kind == "new":
            assert build in (None, found.version.build)
        else:
            assert found.version.build == now.build


@given(released=st.sets(VERSIONS, max_size=8), kind=st.sampled_from(["branch", "patch"]))
def test_the_version_that_a_refusal_calls_free_is_free(released: set[Version], kind: Any) -> None:
    at = snapshot(refs=tagged(*map(str, released)))
    found = chosen(at, request(kind=kind))
    if isinstance(found, no.VersionTaken):
        free = Version.parse(found.free)
        assert chosen(at, request(kind=kind, version=free)) == Number(free)


@given(days=st.integers(0, 40_000), seconds=st.integers(0, 86_399), hours=st.integers(-12, 14))
def test_a_build_number_is_the_day_whatever_the_hour_and_zone(days: int, seconds: int, hours: int) -> None:
    moment = datetime(2013, 7, 1, tzinfo=UTC) + timedelta(days=days + 115, seconds=seconds)
    found = chosen(on_main(refs={}), new(asked_at=moment.astimezone(timezone(timedelta(hours=hours)))))
    assert isinstance(found, Number)
    assert found.version.build == days + 115


def test_the_first_release_of_a_repository_needs_no_release_before() -> None:
    first = says("0.0.0", refs={"refs/heads/master": world.MAIN}, at=on_main())
    assert chosen(first, new()) == Number(Version(116, 0, 0))
