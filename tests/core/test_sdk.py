"""Step 4 of the procedure, second half: the SDK that a release is built with, by every rule and against every trap."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from bot.core import refusal as no
from bot.core.config import Config, Sdk
from bot.core.plan import Base, Caution, ChosenSdk, read_base, sdk_in_question
from bot.core.plan.request import Request
from bot.core.plan.sdk import choose_sdk, plain_version
from bot.core.snapshot import Earlier, Past, Snapshot
from bot.core.version import Version
from tests.core import world
from tests.core.world import made, new, on_main, outcome, request, snapshot, tracking_line, tracking_main

BUILT_BY_HAND = "110.0.0+2013-10-24-1130"
PLACES = {"main": on_main(), "line": snapshot(), "tracking main": tracking_main(), "tracking line": tracking_line()}


NEXT = Version(115, 9, 0)


def chosen(at: Snapshot, version: Version = NEXT, **changes: Any) -> ChosenSdk | no.Refusal:
    base = read_base(at)
    assert isinstance(base, Base), base
    asked = request(**changes) if base.build else new(**changes)
    return choose_sdk(base, at, asked, version)


def configured(at: Snapshot, **changes: Any) -> Snapshot:
    config: Config = replace(at.config, sdk=Sdk(**changes))
    return replace(at, config=config)


def with_versions(at: Snapshot, *lines: str) -> Snapshot:
    """The branch with another version.txt."""
    entry = replace(at.tree.entries["version.txt"], data="".join(f"COREOS_{line}\n" for line in lines).encode())
    return replace(at, tree=at.tree.with_changes({"version.txt": entry}))


KEPT, PREVIOUS = ChosenSdk("110.0.0", "kept", "110.0.0"), ChosenSdk("115.0.0", "previous", "110.0.0")


@pytest.mark.parametrize(
    ("place", "default", "asked", "expected"),
    [
        ("main", "auto", None, PREVIOUS),
        ("main", "previous", None, PREVIOUS),
        ("main", "keep", None, KEPT),
        ("main", "auto", "keep", KEPT),
        ("main", "keep", "previous", PREVIOUS),
        ("tracking main", "auto", None, PREVIOUS),
        ("tracking main", "keep", None, KEPT),
        ("tracking main", "auto", "keep", KEPT),
        ("line", "auto", None, KEPT),
        ("line", "keep", None, KEPT),
        ("line", "previous", None, PREVIOUS),
        ("line", "auto", "previous", PREVIOUS),
        ("line", "previous", "keep", KEPT),
        ("tracking line", "auto", None, PREVIOUS),
        ("tracking line", "previous", None, PREVIOUS),
        ("tracking line", "keep", None, KEPT),
        ("tracking line", "auto", "keep", KEPT),
        ("tracking line", "keep", "previous", PREVIOUS),
        *((place, default, "109.0.0", ChosenSdk("109.0.0", "asked", "110.0.0"))
          for place in PLACES for default in ("auto", "previous", "keep")),
    ],
)  # fmt: skip
def test_the_sdk_follows_the_request_then_the_configuration_then_the_branch(
    place: str, default: str, asked: str | None, expected: ChosenSdk
) -> None:
    assert chosen(configured(PLACES[place], default=default), sdk=asked) == expected


STRANGE = ["99.0.0", "0110.0.0", "110.0", "110.0.0.0", "x", "", "110.0.0\n", "-1.0.0", "999999999999.0.0"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("sdk", STRANGE)
def test_an_sdk_that_nothing_knows_is_refused_with_releases_that_exist(place: str, sdk: str) -> None:
    assert chosen(PLACES[place], sdk=sdk) == no.UnknownSdk(sdk, ("115.0.0", "110.0.0", "109.0.0"))


def test_a_kept_sdk_is_looked_at_as_closely_as_one_that_is_named() -> None:
    old = with_versions(snapshot(), "BUILD=115", "BRANCH=0", "PATCH=0", "SDK_VERSION=99.0.0")
    assert chosen(old) == no.UnknownSdk("99.0.0", ("115.0.0", "110.0.0", "109.0.0"))
    dirty = with_versions(snapshot(), "BUILD=115", "BRANCH=0", "PATCH=0", f"SDK_VERSION={BUILT_BY_HAND}")
    assert chosen(dirty) == no.SdkBuildId(BUILT_BY_HAND, "110.0.0")
    assert chosen(dirty, sdk="109.0.0") == ChosenSdk("109.0.0", "asked", BUILT_BY_HAND)


@pytest.mark.parametrize(
    ("at", "asked", "version"),
    [
        (snapshot(), request(sdk="115.0.1"), "115.0.1"),
        (snapshot(), request(kind="branch", sdk="115.1.0"), "115.1.0"),
        (on_main(), new(sdk="116.0.0"), "116.0.0"),
        (tracking_line(), request(sdk="115.0.1"), "115.0.1"),
    ],
)
def test_the_sdk_is_never_the_version_that_is_released(at: Snapshot, asked: Request, version: str) -> None:
    assert outcome(at, asked) == no.SdkEqual(version)


def test_the_equal_sdk_is_named_as_such_with_a_build_id_too() -> None:
    allowed = configured(snapshot(), allow_build_id=True)
    assert chosen(allowed, Version(110, 0, 0), sdk=BUILT_BY_HAND) == no.SdkEqual("110.0.0")


@pytest.mark.parametrize("place", PLACES)
def test_a_development_build_is_refused_with_its_release_unless_the_configuration_allows_it(place: str) -> None:
    at = PLACES[place]
    assert chosen(at, sdk=BUILT_BY_HAND) == no.SdkBuildId(BUILT_BY_HAND, "110.0.0")
    assert chosen(configured(at, allow_build_id=True), sdk=BUILT_BY_HAND) == ChosenSdk(
        BUILT_BY_HAND, "asked", "110.0.0"
    )


def test_a_development_build_of_an_unknown_version_is_unknown_where_builds_are_allowed() -> None:
    at = configured(snapshot(), allow_build_id=True)
    assert isinstance(chosen(at, sdk="99.0.0+x"), no.UnknownSdk)


OLDEST = ("BUILD=115", "BRANCH=0", "PATCH=0")


@pytest.mark.parametrize("at", [on_main(), snapshot()])
@pytest.mark.parametrize("default", ["auto", "previous", "keep"])
def test_the_oldest_version_files_name_no_sdk_so_a_person_must_once(at: Snapshot, default: str) -> None:
    oldest = configured(with_versions(at, *OLDEST), default=default)
    assert chosen(oldest) == no.SdkMissing("version.txt", at.base)
    assert chosen(oldest, sdk="keep") == no.SdkMissing("version.txt", at.base)
    assert chosen(oldest, sdk="previous") == ChosenSdk("115.0.0", "previous", None)
    assert chosen(oldest, sdk="109.0.0") == ChosenSdk("109.0.0", "asked", None)


def test_the_first_sdk_is_written_as_a_line_of_its_own() -> None:
    whole = made(with_versions(on_main(), *OLDEST), new(sdk="110.0.0"))
    assert world.written(whole, "version.txt") == (
        b"COREOS_BUILD=116\nCOREOS_BRANCH=0\nCOREOS_PATCH=0\nCOREOS_SDK_VERSION=110.0.0\n"
    )


def test_an_sdk_that_only_an_untagged_commit_says_is_taken_with_a_caution() -> None:
    at = snapshot(past=Past(sdk_said="5d" * 20))
    assert chosen(at, sdk="111.0.0") == ChosenSdk("111.0.0", "asked", "110.0.0", untagged="5d" * 20)
    assert Caution("sdk", "111.0.0", "", "5d" * 20) in made(at, request(sdk="111.0.0", flags=world.EMPTY)).cautions


def test_the_version_before_is_an_sdk_though_its_tag_is_gone() -> None:
    refs = {ref: at for ref, at in snapshot().refs.items() if "v115.0.0" not in ref}
    assert chosen(on_main(refs=refs)) == replace(PREVIOUS, untagged=world.MAIN)


def test_a_released_sdk_is_cautioned_by_nothing() -> None:
    assert chosen(snapshot(past=Past(sdk_said="5d" * 20)), sdk="109.0.0") == ChosenSdk("109.0.0", "asked", "110.0.0")


@pytest.mark.parametrize("asked", [None, "keep", "previous", "109.0.0"])
def test_an_sdk_that_cannot_be_downloaded_is_refused_whichever_rule_chose_it(asked: str | None) -> None:
    refused = chosen(snapshot(past=Past(sdk_problem="HTTP 404")), sdk=asked)
    assert isinstance(refused, no.SdkUnreachable)
    assert refused.why == "HTTP 404"


def earlier(sdk: str | None) -> Past:
    manifest = read_base(snapshot())
    assert isinstance(manifest, Base)
    return Past(releases={Version(109, 0, 0): Earlier(manifest.manifest, sdk)})


@pytest.mark.parametrize("place", PLACES)
def test_the_pins_of_a_release_come_with_its_sdk(place: str) -> None:
    at = replace(PLACES[place], past=earlier("109.0.0"))
    assert chosen(at, pins_of=Version(109, 0, 0)) == ChosenSdk("109.0.0", "asked", "110.0.0")
    assert chosen(at, pins_of=Version(109, 0, 0), sdk="keep") == KEPT
    assert chosen(at, pins_of=Version(109, 0, 0), sdk="previous") == PREVIOUS
    assert chosen(at, pins_of=Version(109, 0, 0), sdk="110.0.0") == ChosenSdk("110.0.0", "asked", "110.0.0")


def test_the_pins_of_a_release_without_an_sdk_leave_it_to_a_person() -> None:
    at, old = snapshot(past=earlier(None)), Version(109, 0, 0)
    assert chosen(at, pins_of=old) == no.SdkMissing("version.txt", "109.0.0")
    assert chosen(at, pins_of=old, sdk="keep") == KEPT


@pytest.mark.parametrize(
    ("sdk", "question"),
    [
        (None, None),
        ("109.0.0", None),
        ("115.0.0", None),
        ("111.0.0", "111.0.0"),
        ("111.0.0+dev", "111.0.0"),
        ("nonsense", None),
    ],
)
def test_only_an_sdk_that_no_tag_has_is_searched_for(sdk: str | None, question: str | None) -> None:
    assert sdk_in_question(snapshot(), request(sdk=sdk)) == question
    assert sdk_in_question(snapshot(commit=""), request(sdk=sdk)) is None


def test_the_version_before_is_not_searched_for_though_its_tag_is_gone() -> None:
    refs = {ref: at for ref, at in snapshot().refs.items() if "v115.0.0" not in ref}
    assert sdk_in_question(snapshot(refs=refs), request(sdk="115.0.0")) is None


@given(st.text(max_size=20) | st.from_regex(r"[0-9]{1,10}(\.[0-9]{1,10}){2}(\+.*)?"))
def test_whatever_is_named_makes_a_choice_or_a_refusal(text: str) -> None:
    plain, build_id = plain_version(text)
    assert plain is None or text == f"{plain}{build_id}"
    found = chosen(configured(snapshot(), allow_build_id=True), sdk=text)
    if isinstance(found, ChosenSdk):
        assert found.how == "asked" if text not in ("keep", "previous") else found.how != "asked"
        assert plain_version(found.version)[0] in snapshot().released
