"""Who may do what: the rights of a role, and where a command works."""

from __future__ import annotations

import typing

import pytest

from bot.core.command import COMMANDS, CommandSpec, Place, Who
from bot.core.people import may, right_of, works_in

RIGHTS: tuple[Who, ...] = ("everyone", "releaser", "admin")


@pytest.mark.parametrize(
    ("role", "right"),
    [
        ("none", "everyone"),
        ("read", "everyone"),
        ("triage", "everyone"),
        ("write", "releaser"),
        ("maintain", "admin"),
        ("admin", "admin"),
        ("", "everyone"),
        ("Admin", "everyone"),
        ("owner", "everyone"),
        ("release-team", "everyone"),
    ],
)
def test_a_role_gives_a_right_and_one_that_is_unknown_gives_none(role: str, right: Who) -> None:
    assert right_of(role) == right


@pytest.mark.parametrize(
    ("role", "releaser", "admin", "right"),
    [
        ("write", "maintain", "admin", "everyone"),
        ("maintain", "maintain", "admin", "releaser"),
        ("maintain", "write", "admin", "releaser"),
        ("admin", "maintain", "admin", "admin"),
        ("maintain", "admin", "maintain", "admin"),
        ("write", "admin", "maintain", "everyone"),
    ],
)
def test_the_configuration_says_which_role_gives_a_right(role: str, releaser: str, admin: str, right: Who) -> None:
    assert right_of(role, releaser, admin) == right


@pytest.mark.parametrize("spec", COMMANDS, ids=lambda spec: spec.name)
def test_who_may_more_may_everything_that_others_may(spec: CommandSpec) -> None:
    allowed = [may(spec, right) for right in RIGHTS]
    assert allowed == sorted(allowed)
    assert allowed[-1]
    assert allowed.index(True) == RIGHTS.index(spec.who)


@pytest.mark.parametrize("spec", COMMANDS, ids=lambda spec: spec.name)
def test_a_command_works_in_its_places_and_nowhere_else(spec: CommandSpec) -> None:
    assert {place for place in typing.get_args(Place) if works_in(spec, place)} == set(spec.places)


def test_without_write_access_only_what_changes_nothing_is_allowed() -> None:
    looks = {"/release help", "/release status", "/channel show"}
    assert {spec.name for spec in COMMANDS if may(spec, right_of("triage"))} == looks
