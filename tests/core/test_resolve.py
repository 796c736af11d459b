"""Which branch is recorded as the upstream of a commit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from bot.core.resolve import Scattered, Unknown, Wanted, choose_upstream, likely_branches
from tests.core import world

MASTER, LINE, A, B = "refs/heads/master", "refs/heads/build-115", "refs/heads/a", "refs/heads/b"
LIKELY = (MASTER, LINE)
COMMIT = world.NEW


@pytest.mark.parametrize(
    ("holding", "choice"),
    [
        ({MASTER: True, LINE: True}, MASTER),
        ({MASTER: False, LINE: True}, LINE),
        ({MASTER: False, LINE: False}, None),
        ({MASTER: False, LINE: False, A: True, B: False}, A),
        ({MASTER: False, LINE: False, A: False, B: False}, Unknown(COMMIT)),
        ({MASTER: False, LINE: False, A: True, B: True}, Scattered(COMMIT, (A, B), LIKELY)),
        ({MASTER: True, A: True, B: True}, MASTER),
        ({LINE: True, MASTER: True}, MASTER),
        ({B: True, MASTER: False, LINE: False, A: True}, Scattered(COMMIT, (A, B), LIKELY)),
        ({B: True}, B),
        ({}, None),
    ],
)
def test_a_likely_branch_wins_then_the_only_other_one(holding: dict[str, bool], choice: object) -> None:
    assert choose_upstream(LIKELY, holding, COMMIT) == choice


def test_the_present_upstream_is_tried_before_the_line_and_the_default_branch() -> None:
    project = world.project(world.ETCD)
    assert likely_branches(project, "build-115", "master") == (MASTER, LINE)
    assert likely_branches(project, "build-115", "trunk") == (MASTER, LINE, "refs/heads/trunk")
    assert likely_branches(project, "build-115", None) == (MASTER, LINE)


@pytest.mark.parametrize("upstream", [None, "refs/tags/v1", LINE])
def test_only_branches_are_likely_and_each_once(upstream: str | None) -> None:
    project = replace(world.project(world.ETCD), upstream=upstream)
    assert likely_branches(project, "build-115", "master") == (LINE, MASTER)


@given(st.dictionaries(st.sampled_from([MASTER, LINE, A, B, "refs/heads/c"]), st.booleans()))
def test_a_chosen_branch_always_holds_the_commit(holding: dict[str, bool]) -> None:
    choice = choose_upstream(LIKELY, holding, COMMIT)
    if isinstance(choice, str):
        assert holding[choice]
    elif isinstance(choice, Scattered):
        assert len(choice.holders) > 1
        assert all(holding[ref] for ref in choice.holders)
    else:
        assert not any(holding.values())


@pytest.mark.parametrize(
    ("typed", "ref", "commit", "short"),
    [
        ("cd" * 20, None, True, False),
        ("cdcdcdc", "refs/heads/cdcdcdc", False, True),
        ("release-0.1", "refs/heads/release-0.1", False, False),
        ("release_0.1", "refs/heads/release_0.1", False, False),
        ("refs/tags/v1", "refs/tags/v1", False, False),
        ("--upload-pack=x", None, False, False),
        ("a..b", None, False, False),
        ("CD" * 20, None, False, False),
        ("cd" * 19 + "c", "refs/heads/" + "cd" * 19 + "c", False, True),
        ("cdcdcd", "refs/heads/cdcdcd", False, False),
        ("HEAD", None, False, False),
        ("", None, False, False),
    ],
)
def test_a_revision_is_a_commit_or_a_ref_or_nothing(typed: str, ref: str | None, commit: bool, short: bool) -> None:
    wanted = Wanted(world.project(world.ETCD), "https://github.com/coreos/etcd", typed)
    assert (wanted.ref, wanted.is_commit, wanted.is_short) == (ref, commit, short)
