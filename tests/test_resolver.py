"""Which commit a person means, and which branch holds it: asked of a real server, with the history that it has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.core.hub import Comparison
from bot.core.resolve import Elsewhere, Move, Questions, Scattered, Unknown
from tests.core import world
from tests.core.world import ETCD
from tests.histories.test_questions import twins
from tests.resolving import (
    LINE,
    MASTER,
    NEXT,
    NOWHERE,
    OTHER,
    Etcd,
    etcd as etcd,
    histories as histories,
    remotes as remotes,
    server as server,
)


def subject(*refs: str) -> tuple[str, ...]:
    return (f"for {' '.join(refs)}",)


# Which commit a person means


@pytest.mark.parametrize("length", [7, 12, 39, 40])
def test_a_commit_is_known_by_its_first_digits_and_by_all_of_them(etcd: Etcd, length: int) -> None:
    below = etcd.commit(MASTER)
    etcd.commit(MASTER, after=below)
    found = Move(below, MASTER, Comparison(1, 0, subject(MASTER)))
    assert etcd.named(below[:length]) == found


def test_digits_that_two_commits_begin_with_are_ambiguous(etcd: Etcd) -> None:
    one, two = twins(etcd.project)
    etcd.project.git("update-ref", MASTER, one)
    etcd.project.git("update-ref", NEXT, two)
    assert etcd.named(one[:7]) == Unknown(one[:7], ambiguous=True)
    assert etcd.named(one[:39]) == Move(one, MASTER, None)


@pytest.mark.parametrize("revision", [NOWHERE[:7], NOWHERE[:39], NOWHERE, "nowhere", "refs/heads/no", "refs/tags/no"])
def test_what_is_nowhere_is_unknown_as_it_was_typed(etcd: Etcd, revision: str) -> None:
    assert etcd.named(revision) == Unknown(revision)


@pytest.mark.parametrize("revision", ["a..b", "--upload-pack=x", "HEAD", "refs/pull/1/head", "", "CD" * 20])
def test_what_is_no_revision_of_a_branch_or_a_tag_is_unknown_though_the_server_has_it(
    etcd: Etcd, revision: str
) -> None:
    etcd.project.git("update-ref", "refs/pull/1/head", etcd.commit())
    assert etcd.named(revision) == Unknown(revision)


@pytest.mark.parametrize("revision", ["next", NEXT])
def test_a_branch_is_known_by_its_short_and_its_full_name_and_is_the_upstream(etcd: Etcd, revision: str) -> None:
    tip = etcd.commit(NEXT, MASTER)
    assert etcd.named(revision) == Move(tip, NEXT, Comparison(1, 0, subject(NEXT, MASTER)))


@pytest.mark.parametrize("revision", ["v1", "refs/tags/v1"])
@pytest.mark.parametrize("annotated", [True, False])
def test_a_tag_is_the_commit_that_it_stands_for_on_the_branch_that_holds_it(
    etcd: Etcd, revision: str, annotated: bool
) -> None:
    commit = etcd.commit(MASTER)
    etcd.commit(MASTER, after=commit)
    if annotated:
        etcd.project.tag("v1", commit)
    else:
        etcd.project.git("tag", "v1", commit)
    assert etcd.named(revision) == Move(commit, MASTER, Comparison(1, 0, subject(MASTER)))


def test_a_branch_goes_before_a_tag_of_its_name(etcd: Etcd) -> None:
    tip = etcd.commit("refs/heads/v1")
    etcd.project.git("tag", "v1", etcd.first)
    assert etcd.named("v1") == Move(tip, "refs/heads/v1", Comparison(1, 0, subject("refs/heads/v1")))


def test_a_branch_whose_name_looks_like_a_short_id_is_that_branch(etcd: Etcd) -> None:
    name = f"refs/heads/{etcd.first[:7]}"
    tip = etcd.commit(name)
    assert etcd.named(etcd.first[:7]) == Move(tip, name, Comparison(1, 0, subject(name)))


def test_forty_digits_are_a_commit_though_a_branch_is_called_so(etcd: Etcd) -> None:
    etcd.commit(f"refs/heads/{etcd.first}")
    assert etcd.named(etcd.first) == Move(etcd.first, MASTER, Comparison(0, 1))
    etcd.project.git("update-ref", f"refs/heads/{NOWHERE}", etcd.released)
    assert etcd.named(NOWHERE) == Unknown(NOWHERE)


# Which branch holds it


@pytest.mark.parametrize("revision", ["full", "short"])
def test_a_commit_on_several_branches_that_nobody_expects_is_not_taken_unasked(etcd: Etcd, revision: str) -> None:
    commit = etcd.commit(OTHER, NEXT, "refs/heads/a")
    etcd.commit("refs/heads/a", after=commit)
    typed = commit if revision == "full" else commit[:9]
    assert etcd.named(typed) == Scattered(commit, ("refs/heads/a", NEXT, OTHER), (MASTER,))
    assert etcd.named(typed, NEXT) == Move(commit, NEXT, Comparison(1, 0, subject(OTHER, NEXT, "refs/heads/a")))


@pytest.mark.parametrize(
    ("branches", "upstream"),
    [((OTHER,), OTHER), ((OTHER, MASTER), MASTER), ((OTHER, LINE), LINE), ((LINE, MASTER), MASTER)],
)
def test_the_branch_that_is_expected_is_taken_before_others_and_else_the_only_one(
    etcd: Etcd, branches: tuple[str, ...], upstream: str
) -> None:
    commit = etcd.commit(*branches)
    assert etcd.named(commit) == Move(commit, upstream, Comparison(1, 0, subject(*branches)))


def test_the_present_upstream_is_expected_also_by_its_short_name(etcd: Etcd) -> None:
    commit = etcd.commit(NEXT, MASTER)
    short = replace(etcd.wanted(commit), project=replace(world.project(ETCD), upstream="next"))
    found = etcd.resolver.answer(Questions(named=(short,))).named[ETCD]
    assert found == Move(commit, NEXT, Comparison(1, 0, subject(NEXT, MASTER)))


@pytest.mark.parametrize("length", [9, 40])
def test_a_commit_that_only_a_fork_has_does_not_exist(etcd: Etcd, length: int) -> None:
    fork = etcd.commit()
    etcd.project.git("update-ref", "refs/pull/7/head", fork)
    etcd.commit(OTHER)
    found = etcd.named(fork[:length])
    assert isinstance(found, Unknown)
    assert not found.ambiguous
    assert etcd.named(fork[:length], MASTER) == (Elsewhere(fork, MASTER) if length == 40 else Unknown(fork[:length]))


def test_a_commit_that_only_a_tag_stands_for_has_that_tag_for_its_upstream(etcd: Etcd) -> None:
    commit = etcd.commit()
    etcd.project.tag("v1", commit)
    etcd.commit(OTHER)
    for revision in ("v1", "refs/tags/v1", commit, commit[:12]):
        found = etcd.named(revision)
        assert isinstance(found, Move)
        assert (found.commit, found.upstream) == (commit, "refs/tags/v1")
    etcd.project.tag("v2", commit)
    assert etcd.named(commit) == Scattered(commit, ("refs/tags/v1", "refs/tags/v2"), ())
    assert isinstance(etcd.named(commit, "refs/tags/v2"), Move)


@pytest.mark.parametrize(("upstream", "recorded"), [("next", NEXT), (NEXT, NEXT), ("no", "refs/heads/no")])
def test_an_upstream_that_was_named_must_hold_the_commit(etcd: Etcd, upstream: str, recorded: str) -> None:
    commit = etcd.commit(MASTER)
    assert etcd.named(commit, upstream) == Elsewhere(commit, recorded)
    etcd.project.git("update-ref", recorded, commit)
    assert etcd.named(commit, upstream) == Move(commit, recorded, Comparison(1, 0, subject(MASTER)))


def test_how_far_a_named_commit_goes_is_counted_in_both_directions(etcd: Etcd) -> None:
    etcd.project.git("update-ref", OTHER, etcd.released)
    aside = etcd.commit(MASTER, after=etcd.first)
    assert etcd.named(aside) == Move(aside, MASTER, Comparison(1, 1, subject(MASTER)))
    assert etcd.named(aside, held=aside) == Move(aside, MASTER, Comparison(0, 0))
    assert etcd.named(aside, held=None) == Move(aside, MASTER, None)
    assert etcd.named(aside, held=NOWHERE) == Move(aside, MASTER, None)


def test_a_branch_whose_upstream_was_named_too_must_be_on_that(etcd: Etcd) -> None:
    tip = etcd.commit(NEXT)
    assert etcd.named("next", "other") == Elsewhere(tip, OTHER)
    etcd.project.git("update-ref", OTHER, tip)
    assert etcd.named("next", "other") == Move(tip, OTHER, Comparison(1, 0, subject(NEXT)))


@pytest.mark.parametrize("default", ["master", "main"])
def test_where_no_upstream_is_written_the_default_branch_is_expected(etcd: Etcd, default: str) -> None:
    etcd.project.git("update-ref", "-d", MASTER)
    refs = (f"refs/heads/{default}", OTHER)
    want = etcd.wanted(etcd.commit(*refs), project=replace(world.project(ETCD), upstream=None))
    (found,) = etcd.resolver.answer(Questions(named=(want,))).named.values()
    assert found == Move(want.revision, refs[0], Comparison(1, 0, subject(*refs)))
