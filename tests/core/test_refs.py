"""Names that are handed to git: fewer than git takes, and none that it would read as something else."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings, strategies as st

from bot.core.refs import RefName, RepositoryUrl, Sha


@pytest.mark.parametrize(
    "name",
    [
        "refs/heads/build-115",
        "refs/heads/release-bot/v115.0.1",
        "refs/tags/v115.0.1",
        "refs/pull/42/head",
        "refs/manifest-release-bot/keep/7",
        "refs/heads/a+b",
        "refs/heads/a@b",
    ],
)
def test_names_that_this_program_uses_are_taken(name: str) -> None:
    assert RefName(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "HEAD",
        "build-115",
        "refs/heads/",
        "refs/heads/a/",
        "refs/heads//a",
        "refs/remotes/origin/a",
        "refs/heads/-a",
        "refs/heads/a/--upload-pack=x",
        "+refs/heads/a",
        "refs/heads/+a",
        "refs/heads/a:refs/heads/b",
        "refs/heads/a..b",
        "refs/heads/.a",
        "refs/heads/a.",
        "refs/heads/a.lock",
        "refs/heads/a.lock/b",
        "refs/heads/a@{1}",
        "refs/heads/a^{}",
        "refs/heads/a b",
        "refs/heads/a\n",
        "refs/heads/a\0",
        "refs/heads/*",
        "refs/heads/\N{CYRILLIC SMALL LETTER A}",
        "refs/heads/" + "a" * 101,
        "refs/heads/@",
        "refs/heads/HEAD",
        "refs/heads/FETCH_HEAD",
        "refs/heads/refs/heads/a",
        "refs/tags/refs/tags/v1.0.0",
        "refs/heads/" + "0" * 40,
        "refs/heads/" + "aB" * 32,
        "refs/replace/" + "a" * 39,
        "refs/heads/a\u200b",
        "refs/heads/\uff41",
        "refs/tags/v1.0.0\r",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no ref name"):
        RefName(name)


@settings(max_examples=150, deadline=None)
@given(st.text("ab./-+@_{}~^: lock", max_size=14))
def test_git_takes_every_name_that_is_taken(tail: str) -> None:
    try:
        name = RefName(f"refs/heads/{tail}")
    except ValueError:
        return
    subprocess.run(["git", "check-ref-format", name], check=True)


@pytest.mark.parametrize("text", ["", "a" * 39, "a" * 41, "A" * 40, "g" * 40, "a" * 40 + "\n", "-" + "a" * 39])
def test_only_a_full_id_in_lower_case_is_one(text: str) -> None:
    assert Sha("0a" * 20) == "0a" * 20
    with pytest.raises(ValueError, match="no full object id"):
        Sha(text)


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/coreos/manifest",
        "https://github.com/coreos/manifest.git",
        "http://127.0.0.1:8080/a/b",
        "https://[::1]:8443/a",
        "https://example.org",
        "https://example.org/~a/b%20c",
    ],
)
def test_plain_addresses_are_taken(url: str) -> None:
    assert RepositoryUrl(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ssh://git@example.org/a",
        "file:///etc/passwd",
        "ext::sh -c x",
        "-uhttps://example.org/a",
        "https://user:secret@example.org/a",
        "https://example.org/a?b=secret",
        "https://example.org/a#secret",
        "https://example.org/a/../b",
        "https://example.org/./a",
        "https://example.org/%2e%2e/b",
        "https://example.org/a%2Fb",
        "https://example.org/a%00",
        "https://example.org/a%0a",
        "https://example.org/a%zz",
        "https://example.org/a%",
        "https://example.org/a b",
        "https://example.org/a\n",
        "https://example.org:secret/a",
        "https:///a",
        "HTTPS://example.org/a",
        "https://example.org./a",
        "https://example.org%2eevil.example/a",
        "https://example.org\\@evil.example/a",
        "https://example.org/%252e%252e/b",
        "https://example.org/%5c..%5cb",
        "https://example\u3002org/a",
        "https://\u24d4xample.org/a",
        "https://example.org\t/a",
        "https://0x7f.1:99999999/a",
        "https://[::1%25eth0]/a",
        "https://example.org/" + "a" * 2000,
        "https://ex\N{CYRILLIC SMALL LETTER A}mple.org/a",
    ],
)
def test_other_addresses_are_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="no plain http or https address") as refused:
        RepositoryUrl(url)
    assert "secret" not in str(refused.value)


def test_a_host_has_one_spelling_and_a_path_keeps_its_own() -> None:
    assert RepositoryUrl("https://GitHub.COM/CoreOS/Manifest") == "https://github.com/CoreOS/Manifest"
