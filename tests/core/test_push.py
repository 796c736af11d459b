"""What became of a push is told from what the server holds, and only then from what git printed."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from bot.core.push import RefUpdate, Rejection, Verdict, compare, forbidden_words, rejections, verdict

OLD, NEW, ELSE = "1" * 40, "2" * 40, "3" * 40
MASTER, TAG = "refs/heads/master", "refs/tags/v1"
BOTH = [RefUpdate(MASTER, OLD, NEW), RefUpdate(TAG, None, NEW)]
PRINTED = (
    "To http://127.0.0.1/o/r.git\n"
    f"=\t{NEW}:refs/heads/same\t[up to date]\n"
    f"!\t{NEW}:refs/heads/master\t[rejected] (stale info)\n"
    f"!\t{NEW}:refs/tags/v1\t[rejected] (atomic push failed)\n"
    "!\t:refs/heads/gone\t[remote rejected] (deletion prohibited)\n"
    f"!\t{NEW}:refs/heads/w\t[remote rejected] (refusing (for now) to touch a workflow)\n"
    f"*\t{NEW}:refs/heads/new\t[new branch]\n"
    "Done\n"
)


@pytest.mark.parametrize(("expected", "new"), [(OLD, "0" * 40), ("0" * 40, NEW)])
def test_an_id_of_zeros_is_refused_because_git_would_delete_the_ref(expected: str, new: str) -> None:
    with pytest.raises(ValueError, match="an id of zeros names no object"):
        RefUpdate(MASTER, expected, new)


def test_each_refused_ref_is_read_with_its_reason() -> None:
    assert rejections(PRINTED) == [
        Rejection("refs/heads/master", by_server=False, reason="stale info"),
        Rejection("refs/tags/v1", by_server=False, reason="atomic push failed"),
        Rejection("refs/heads/gone", by_server=True, reason="deletion prohibited"),
        Rejection("refs/heads/w", by_server=True, reason="refusing (for now) to touch a workflow"),
    ]


@given(st.text())
def test_anything_may_be_printed(text: str) -> None:
    rejections(text)


@pytest.mark.parametrize(
    ("now", "states", "ok"),
    [
        ({MASTER: NEW, TAG: NEW}, ["done", "done"], True),
        ({MASTER: OLD}, ["unchanged", "unchanged"], False),
        ({MASTER: NEW}, ["done", "unchanged"], False),
        ({MASTER: ELSE, TAG: NEW}, ["other", "done"], False),
        ({TAG: ELSE}, ["other", "other"], False),
    ],
)
def test_each_ref_is_done_unchanged_or_somebody_elses(now: dict[str, str | None], states: list[str], ok: bool) -> None:
    result = compare(BOTH, now)
    assert list(result.states.values()) == states
    assert result.ok is ok


def by_server(reason: str) -> list[Rejection]:
    return [Rejection(MASTER, True, reason), Rejection(TAG, False, "atomic push failed")]


@pytest.mark.parametrize(
    ("now", "refused", "expected"),
    [
        ({MASTER: NEW, TAG: NEW}, by_server("pre-receive hook declined"), "accepted"),
        ({MASTER: ELSE}, by_server("pre-receive hook declined"), "rejected"),
        ({MASTER: OLD}, [Rejection(MASTER, False, "stale info")], "rejected"),
        ({MASTER: OLD}, by_server("protected branch hook declined"), "forbidden"),
        ({MASTER: OLD}, by_server("push declined due to repository rule violations"), "forbidden"),
        ({MASTER: OLD}, by_server("refusing to allow a GitHub App to create or update workflow `a`"), "forbidden"),
        ({MASTER: OLD}, by_server("this branch is blocked"), "forbidden"),
        ({MASTER: OLD}, by_server("cannot lock ref 'refs/heads/master': is at 3 but expected 1"), "unknown"),
        ({MASTER: OLD}, by_server("failed to update ref"), "unknown"),
        ({MASTER: OLD}, by_server("unpacker error"), "unknown"),
        ({MASTER: OLD}, by_server("Internal Server Error"), "unknown"),
        ({MASTER: OLD}, [Rejection(MASTER, False, "remote failed to report status")], "unknown"),
        ({MASTER: OLD}, [], "unknown"),
        ({MASTER: NEW}, [], "unknown"),
    ],
)
def test_the_verdict_follows_the_refs_first_and_the_words_second(
    now: dict[str, str | None], refused: list[Rejection], expected: Verdict
) -> None:
    assert verdict(compare(BOTH, now), refused) == expected


def test_the_servers_words_are_one_short_line_without_addresses() -> None:
    said = (
        "remote: error: GH013: Rule\x1b[31m violations\nremote: see https://github.com/x?y\nother\nremote: " + "x" * 500
    )
    words = forbidden_words(by_server("push declined"), said)
    assert words.startswith("push declined GH013: Rule [31m violations see xxx")
    assert len(words) == 300
    assert words.isprintable()
