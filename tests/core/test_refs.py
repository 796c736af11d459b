"""Names that may reach git are a subset of what git itself takes, and addresses are plain or nothing."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings, strategies as st

from bot.core.refs import RefName, RepositoryUrl, Sha

PIECES = st.sampled_from(
    [
        "a",
        "build-115",
        "v1.0.0",
        ".",
        "..",
        "/",
        "//",
        "-",
        "--",
        "+",
        "@",
        "@{",
        ".lock",
        "~",
        "^",
        ":",
        "?",
        "*",
        "[",
        "\\",
        " ",
        "\n",
        "\0",
        "\x7f",
        "é",
        "\u202e",
        "{",
        "}",
        "x" * 199,
        "HEAD",
        "refs/",
        "refs/heads/",
        "_",
        "%",
    ]
)
NAMES = st.lists(PIECES, max_size=6).map("".join)
SPACES = st.sampled_from(["refs/heads/", "refs/tags/", "refs/manifest-release-bot/", "refs/pull/", "refs/x/", ""])


@settings(max_examples=400, deadline=None)
@given(SPACES, NAMES)
def test_every_name_that_is_taken_is_one_that_git_takes(space: str, name: str) -> None:
    try:
        ref = RefName(space + name)
    except ValueError:
        return
    assert subprocess.run(["git", "check-ref-format", ref], check=False).returncode == 0
    assert not ref.startswith(("-", "+"))


@pytest.mark.parametrize(
    "name",
    [
        "refs/heads/build-115",
        "refs/tags/v115.0.1",
        "refs/heads/release-bot/v115.0.1",
        "refs/pull/7/head",
        "refs/heads/dev-channel",
        "refs/tags/v1+2",
        "refs/heads/user@topic",
        "refs/manifest-release-bot/hold",
    ],
)
def test_the_names_of_real_repositories_are_taken(name: str) -> None:
    assert RefName(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "build-115",
        "refs/heads",
        "refs/heads/",
        "refs/heads//a",
        "refs/heads/a/",
        "refs/heads/-a",
        "refs/heads/+a",
        "refs/heads/a..b",
        "refs/heads/.a",
        "refs/heads/a.",
        "refs/heads/a.lock",
        "refs/heads/a.lock/b",
        "refs/heads/a b",
        "refs/heads/a\n",
        "refs/heads/a\\b",
        "refs/heads/a:b",
        "refs/heads/a*",
        "refs/heads/@{u}",
        "refs/heads/é",
        "HEAD",
        "refs/heads/build-115\u200b",
        "refs/heads/" + "x" * 201,
        "refs/remotes/origin/a",
        "+refs/heads/a:refs/heads/b",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no ref name"):
        RefName(name)


@pytest.mark.parametrize(
    "text", ["", "1" * 39, "1" * 41, "A" * 40, "g" * 40, "1" * 40 + "\n", " " + "1" * 39, "\u0661" * 40]
)
def test_only_a_full_object_id_in_lower_case_is_one(text: str) -> None:
    assert Sha("0123456789abcdef" * 2 + "01234567").startswith("0123")
    with pytest.raises(ValueError, match="no full object id"):
        Sha(text)


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/coreos/manifest.git",
        "https://git.kernel.org/pub/~a/b+c",
        "http://127.0.0.1:8080/o/r.git",
        "http://[::1]:80/o/r",
        "https://github.com",
        "https://chromium.googlesource.com/a%20b",
    ],
)
def test_plain_addresses_are_taken(url: str) -> None:
    assert RepositoryUrl(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "https://user@github.com/a",
        "https://u:secret@github.com/a",
        "https://github.com/a?b",
        "https://github.com/a#b",
        "https://github.com/../a",
        "https://github.com/%2E%2e/a",
        "https://github.com/a%0ab",
        "https://github.com/%zz",
        "ssh://git@github.com/a",
        "file:///a",
        "ext::sh",
        "--upload-pack=x",
        "https://",
        "https:///a",
        "https://-a/b",
        "https://github.com/a b",
        "https://github.com/a\n",
        "HTTPS://github.com/a",
        "https://g\u0131thub.com/a",
        "",
    ],
)
def test_other_addresses_are_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="no plain") as refusal:
        RepositoryUrl(url)
    assert "secret" not in str(refusal.value)
