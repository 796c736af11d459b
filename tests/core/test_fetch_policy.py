"""Which addresses are asked, and in which spelling: one host has one."""

from __future__ import annotations

import pytest

from bot.core.fetch_policy import FetchPolicy
from bot.core.refs import RepositoryUrl

ASKED = RepositoryUrl("https://github.com/a")


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://GITHUB.com/A", "https://github.com/A"),
        ("ssh://git@GitHub.com/A", "https://github.com/A"),
        ("git@Chromium.GoogleSource.com:A", "https://chromium.googlesource.com/A"),
        ("https://github.com./A", None),
        ("https://github.com.evil.example/A", None),
        ("https://.googlesource.com/A", None),
        ("https://googlesource.com/A", None),
        ("http://github.com/A", None),
        ("https://github.com:443/A", None),
        ("git@github.com:22/A", None),
        ("git@github.com:/A", None),
        ("git@github.com:a/../../b", None),
    ],
)
def test_a_host_is_known_in_any_case_and_asked_in_lower_case(url: str, asked: str | None) -> None:
    assert FetchPolicy().address(url) == asked


def test_a_sandbox_is_one_more_address_with_its_scheme_and_port() -> None:
    policy = FetchPolicy(frozenset(), "http://LocalHost:8080")
    assert policy.address("http://localhost:8080/a") == "http://localhost:8080/a"
    assert policy.address("http://localhost:8081/a") is None
    assert policy.address("https://localhost:8080/a") is None
    assert policy.address("https://github.com/a") is None


@pytest.mark.parametrize(
    ("location", "follows"),
    [
        ("https://github.com/b", True),
        ("https://GitHub.com/b", True),
        ("https://gitlab.com/b", False),
        ("http://github.com/b", False),
        ("https://github.com/../b", False),
        ("https://github.com@evil.example/b", False),
        ("//evil.example/b", False),
        ("/b", False),
        ("", False),
    ],
)
def test_a_redirect_is_followed_on_the_same_host_only(location: str, follows: bool) -> None:
    assert FetchPolicy().follows(ASKED, location) is follows
