"""The log: one line of ASCII JSON whatever is logged, and no secret in it."""

from __future__ import annotations

import io
import json
import logging
import sys
from typing import Any

import pytest
from hypothesis import given, strategies as st

from bot.logs import JsonFormatter, bound, mask

TOKEN = "ghs_" + "a1B2" * 9


def line(message: object, *args: object, **extra: Any) -> dict[str, Any]:
    record = logging.getLogger("bot.test").makeRecord("bot.test", 20, "f", 1, message, args, None, extra=extra)
    text = JsonFormatter().format(record)
    assert text.isascii()
    assert "\n" not in text
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@given(st.text(), st.dictionaries(st.sampled_from(["repository", "actor"]), st.text()))
def test_any_text_becomes_one_line(text: str, extra: dict[str, str]) -> None:
    assert line("%s", text, **extra)["level"] == "INFO"


@pytest.mark.parametrize("value", [float("nan"), object(), {1: {2: b"x"}}, ["\ud800"], {"a": float("inf")}])
def test_what_has_no_json_form_is_shown_all_the_same(value: object) -> None:
    assert line("x", thing=value)["thing"]


@pytest.mark.parametrize(
    "text",
    [
        f"token {TOKEN}",
        f"https://x-access-token:{TOKEN}@github.com/a/b",
        "https://user:hunter2hunter2@github.com/a/b",
        "github_pat_" + "a1B2" * 10,
        "Authorization: Basic eC1hY2Nlc3MtdG9rZW46Z2hz",
        "Authorization: bearer abcdefabcdefabcdef",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nMIIEow (cut",
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxIn0x.c2lnbmF0dXJl",
    ],
)
def test_what_looks_like_a_credential_is_masked_wherever_it_stands(text: str) -> None:
    for secret in (TOKEN, "hunter2", "a1B2a1B2", "eC1hY2Nlc3", "abcdefabcdef", "MIIEow", "c2lnbmF0dXJl"):
        assert secret not in mask(text)
        assert secret not in json.dumps(line("said: %s", text, more=[{"deep": text}]))


def test_a_traceback_is_masked_too() -> None:
    try:
        raise ValueError(f"bad token {TOKEN}")
    except ValueError:
        record = logging.getLogger("x").makeRecord("x", 40, "f", 1, "broke", (), sys.exc_info())
    text = JsonFormatter().format(record)
    assert TOKEN not in text
    assert "ValueError" in json.loads(text)["traceback"]


def test_every_line_inside_carries_the_delivery_and_no_line_after() -> None:
    with bound(delivery="g1", repository="a/b"):
        with bound(repository="c/d"):
            assert (line("x")["delivery"], line("x")["repository"]) == ("g1", "c/d")
        assert line("x")["repository"] == "a/b"
    assert "delivery" not in line("x")


def test_commit_ids_and_plain_words_are_left_alone() -> None:
    plain = "pushed 5c11a2f95c11a2f95c11a2f95c11a2f95c11a2f9 to https://github.com/coreos/etcd"
    assert mask(plain) == plain


def test_lines_go_to_the_given_stream() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.Logger("own")
    logger.addHandler(handler)
    logger.warning("one\ntwo")
    assert json.loads(stream.getvalue())["message"] == "one\ntwo"
