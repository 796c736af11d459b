"""What travels from the door to the worker: every kind of intent survives its journey through the store."""

from __future__ import annotations

import json
import typing
from dataclasses import fields

import pytest
from hypothesis import given, strategies as st

from bot.core.intent import (
    KINDS,
    Abandon,
    Acknowledge,
    Adopt,
    Answer,
    AnswerNow,
    Check,
    Follow,
    Intent,
    Lane,
    Publish,
    Reconcile,
    RunChanged,
    Withdraw,
    dumps,
    from_json,
)
from tests.core.world import REPOSITORY

COMMENT = (40, False, 4000, "octocat", 5, "/release patch build-115", "2013-10-25T12:01:00+00:00")
INTENTS: list[Intent] = [
    Acknowledge(REPOSITORY, 4000),
    Answer(REPOSITORY, *COMMENT),
    AnswerNow(REPOSITORY, *COMMENT),
    Publish(REPOSITORY, 42, "sweep"),
    Adopt(REPOSITORY, 42, "hubot"),
    Abandon(REPOSITORY, 42, "the operator"),
    Withdraw(REPOSITORY, 42),
    Check(REPOSITORY, 42),
    Follow(REPOSITORY, "115.0.1", again=False),
    RunChanged(REPOSITORY, 77),
    Reconcile(REPOSITORY),
]


def test_every_kind_is_tried_here() -> None:
    assert [type(intent) for intent in INTENTS] == list(KINDS.values())


@pytest.mark.parametrize("intent", INTENTS, ids=lambda intent: type(intent).__name__)
def test_an_intent_survives_its_json(intent: Intent) -> None:
    back = from_json(json.loads(dumps(intent)))
    assert back == intent
    assert type(back) is type(intent)
    assert hash(back) == hash(intent)
    assert back.lane in typing.get_args(Lane)


@pytest.mark.parametrize("intent", INTENTS, ids=lambda intent: type(intent).__name__)
def test_a_field_of_a_newer_version_is_ignored(intent: Intent) -> None:
    assert from_json({**intent.to_json(), "mood": "good", "lane": "control"}) == intent


@pytest.mark.parametrize("intent", INTENTS, ids=lambda intent: type(intent).__name__)
def test_the_lane_is_the_kinds_and_does_not_travel(intent: Intent) -> None:
    assert "lane" not in {field.name for field in fields(intent)} | intent.to_json().keys()


@pytest.mark.parametrize(("kind", "missing"), [("Publish", "reason"), ("Follow", "again")])
def test_a_field_that_an_older_version_did_not_write_has_its_default(kind: str, missing: str) -> None:
    intent = next(each for each in INTENTS if type(each).__name__ == kind)
    older = {name: value for name, value in intent.to_json().items() if name != missing}
    assert getattr(from_json(older), missing) in ("merge", True)


@pytest.mark.parametrize("kind", ["", "publish", "Intent", "Evil"])
def test_an_unknown_kind_is_refused(kind: str) -> None:
    with pytest.raises(KeyError):
        from_json({**INTENTS[0].to_json(), "kind": kind})


@given(st.text() | st.sampled_from(["\0", "\ud800", "\N{LINE SEPARATOR}", "a\nb", '"']))
def test_whatever_a_comment_holds_is_one_line_of_ascii(body: str) -> None:
    intent = Answer(REPOSITORY, 40, True, 4000, "octocat", 5, body, "2013-10-25T12:01:00+00:00")
    line = dumps(intent)
    assert line.isascii()
    assert line.isprintable()
    assert from_json(json.loads(line)) == intent


def test_the_same_intent_is_written_the_same() -> None:
    assert (
        dumps(Withdraw(REPOSITORY, 42))
        == '{"kind":"Withdraw","pull":42,"repository":{"id":7,"installation":9,"name":"coreos/manifest"}}'
    )


def test_help_does_not_wait_behind_a_release() -> None:
    assert (Answer.lane, AnswerNow.lane) == ("release", "control")
