"""What is said of a release that was merged and not published, and of channels and how things stand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from bot.core.audit import Proof
from bot.core.channel_log import ChannelMove, move_message, read_move
from bot.core.command import parse
from bot.core.text import channel, status, stopped as words
from tests.core.test_progress import HARMFUL, kinds

PROOFS = [Proof(number, f"name {number}", None) for number in range(1, 9)]
WRONG = [*PROOFS[:6], Proof(7, "the release branch only moved forward", "`build-115` was rewound"), PROOFS[7]]


def test_what_stopped_a_release_is_told_by_number_with_the_cure() -> None:
    told = words.stopped("v115.0.1", "proof 7", WRONG, ("resume", "adopt", "abandon"))
    assert told.startswith("### v115.0.1: stopped, nothing was published\n7 of 8 proofs hold. What does not:\n\n")
    assert "\n- proof 7, the release branch only moved forward: `` `build-115` was rewound ``\n" in told
    assert "`/release resume`" in told


@pytest.mark.parametrize("proofs", [[], PROOFS])
def test_without_a_failed_proof_the_reason_is_told(proofs: list[Proof]) -> None:
    told = words.stopped("v115.0.1", "the server refused", proofs, ("resume",))
    assert told.startswith("### v115.0.1: stopped, nothing was published\n`the server refused`\n")


def test_only_the_ways_that_work_are_offered() -> None:
    told = words.stopped("v115.0.1", "late", [], ("resume", "abandon"))
    assert "`/release adopt`" not in told
    assert "no command of mine helps here" in words.stopped("v115.0.1", "proof 2", WRONG, ())


MOMENT = datetime(2013, 10, 26, 12, 3, tzinfo=UTC)


def test_channels_are_told_with_version_commit_time_person_and_rule() -> None:
    shown = channel.Shown("dev-channel", "newer", "ab" * 20, "115.0.0", MOMENT, "octocat", "does not boot")
    assert channel.table([shown]).split("\n")[2] == (
        "| `dev-channel` | 115.0.0 | `abababa` | 2013-10-26 12:03 UTC "
        "| @octocat: `does not boot` | of a higher version |"
    )
    assert channel.table([]) == "No channel is configured."


def test_a_move_back_is_said_loudly() -> None:
    told = channel.moved("dev-channel", "115.0.1", "115.0.0", "ab" * 20, "cd" * 20, "newer")
    assert told == (
        "`dev-channel`: `abababa` → `cdcdcdc`. Its users go BACK from 115.0.1 to 115.0.0. "
        "A release moves it on when it is one of a higher version."
    )
    assert "/channel confirm" in channel.pending("dev-channel", "115.0.1", "115.0.0", "octocat")


def test_the_record_of_a_move_reads_back_whatever_its_reason_says() -> None:
    move = ChannelMove(
        "dev-channel", "ab" * 20, "cd" * 20, "115.0.1", "115.0.0", "octocat", "Comment: 1 To: x", 7, "hubot"
    )
    assert read_move(move_message(move)) == move
    first = replace(move, came_from=None, before=None, confirmed_by=None)
    assert read_move(move_message(first)) == first
    assert read_move("anything else\n") is None


WAITING = status.Waiting(42, "v115.0.1", "build-115", "stopped", "proof 3: its branch")
NOW = status.Status(
    lines=[status.LineNow("build-115", "115.0.0", "built")],
    more=3,
    waiting=[WAITING],
    proposed=[status.Proposed(43, "v116.0.0", "master", "octocat")],
    channels=[],
)


def test_what_is_merged_and_not_published_is_told_first() -> None:
    told = status.status(NOW)
    assert told.startswith(
        "**Merged and not published:** #42 (v115.0.1 on `build-115`) stopped: `proof 3: its branch`."
    )
    assert "| `build-115` | 115.0.0 | built |" in told
    assert "and 3 older lines" in told
    assert "Open: #43 proposes `v116.0.0` for `master`, asked for by @octocat." in told


def test_one_release_is_told_in_a_line() -> None:
    release = status.OneRelease(
        "v115.0.1", "ab" * 20, "2013-10-26 12:03 UTC", "hubot", 42, "built", "", (7, "http://h/7")
    )
    assert status.one(release) == (
        "`v115.0.1` is at `abababababab`, 2013-10-26 12:03 UTC, merged by @hubot (#42). It is built. "
        "Image build: [run 7](http://h/7)."
    )
    unknown = status.OneRelease("v1.0.0", None, "", "", None, "", "", None)
    assert status.one(unknown) == "`v1.0.0` was never released, and nothing proposes it."


@given(st.text(max_size=60) | st.sampled_from(["a|b", "`", "[x](http://e)", "<img src=x>", "@all", "\\|", "![](//e)"]))
def test_nothing_foreign_is_rendered_in_any_of_it(hostile: str) -> None:
    texts = [
        words.stopped("v1.0.0", hostile, [], ("resume",)),
        words.stopped("v1.0.0", "", [Proof(1, "name", hostile)], ("resume",)),
        words.revert_body(hostile, 1, hostile),
        channel.table([channel.Shown(hostile, hostile, "ab" * 20, None, None, hostile, hostile)]),
        status.status(status.Status([status.LineNow(hostile, None, "–")], 0, [WAITING], [], [])),
    ]
    for text in texts:
        assert not kinds(text) & HARMFUL
        assert parse(text) is None
