"""What a manifest may not have if a release is made from it, though pinning would follow the repo tool."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings, strategies as st

from bot.core.fetch_policy import FetchPolicy
from bot.core.manifest import Manifest, objections, read, ref_problem, revision_problem
from bot.core.tree import FILE, Entry, Tree

URL = "https://github.com/coreos/manifest"


def of(body: str, fetch: str = "..") -> Manifest:
    text = f'<manifest><remote name="r" fetch="{fetch}"/><default remote="r" revision="main"/>{body}</manifest>'
    return read(Tree({"a.xml": Entry(FILE, text.encode())}), "a.xml")


def said(manifest: Manifest) -> tuple[str, ...]:
    return objections(manifest, URL, FetchPolicy())


@pytest.mark.parametrize("fetch", ["..", ".", "https://github.com/", "https://GITLAB.com/x", "ssh://git@github.com"])
def test_a_remote_on_a_known_host_is_taken(fetch: str) -> None:
    assert said(of("", fetch)) == ()


@pytest.mark.parametrize(
    ("fetch", "problem"),
    [
        ("file:///etc", "only plain https addresses on known hosts are asked"),
        ("--upload-pack=touch /tmp/x", "it starts with a dash, as an option does"),
        ("-oProxyCommand=id:x", "it starts with a dash, as an option does"),
        ("http://169.254.169.254/", "only plain https"),
        ("http://127.0.0.1:5432/", "only plain https"),
        ("https://[::1]/", "only plain https"),
        ("https://github.com@evil.example/", "only plain https"),
        ("https://github.com./", "only plain https"),
        ("https://github.com:22/", "only plain https"),
        ("https://github.com/\\evil", "only plain https"),
        ("https://github.com/a/../b", "only plain https"),
        ("git://github.com/", "only plain https"),
        ("ext::sh -c id", "it has blanks or other characters"),
        ("../../../..", "it climbs above its host"),
        ("x/../../..", "it climbs above its host"),
    ],
)
def test_a_remote_that_must_not_be_asked_is_objected_to_though_nothing_uses_it(fetch: str, problem: str) -> None:
    (sentence,) = said(of("", fetch))
    assert sentence.startswith(f"The remote `r` is fetched from `{fetch}`, which is refused: {problem}")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ('<project name="-x"/>', "The project `-x` is refused"),
        ('<project name="a b"/>', "The project `a b` is refused"),
        ('<project name="a/-b"/>', "The project `a/-b` is refused"),
        ('<project name="a" revision="refs/heads/a..b"/>', "The revision `refs/heads/a..b` of `a` is refused"),
        ('<project name="a" revision="refs/heads/*"/>', "characters that no name of a release may have"),
        ('<project name="a" revision="refs/heads/a&#10;b"/>', "The revision `refs/heads/a?b` of `a` is refused"),
        (f'<project name="a" revision="{"0" * 40}"/>', "it is the id that means nothing"),
        (f'<project name="a" revision="{"A" * 40}"/>', "it looks like a commit id but is none"),
        ('<project name="a" upstream="refs/heads/"/>', "The upstream `refs/heads/` of `a` is refused: it is empty"),
        ('<project name="a" dest-branch="-d"/>', "The dest-branch `-d` of `a` is refused"),
        (
            '<project name="a"><project name="b"/></project><project name="a/b"/>',
            "another project has the same full name",
        ),
        ('<project name="a"><project name="b" path="b"/></project>', "its path must differ from its short name"),
        ('<submanifest name="s"/>', "a release is made from one manifest only"),
        ('<Project name="a"/>', "<manifest> has no <Project>"),
    ],
)
def test_what_would_make_a_release_unclear_or_dangerous_is_objected_to(body: str, sentence: str) -> None:
    assert any(sentence in found for found in said(of(body)))


def test_a_misspelt_attribute_alone_does_not_stop_a_release() -> None:
    manifest = of('<project name="a" revison="x"/>')
    assert said(manifest) == ()
    assert len(manifest.oddities) == 1


@pytest.mark.parametrize("ref", ["build-1", "refs/heads/build-115", "refs/tags/v1.0.0", "coreos/v229", "N.N-release"])
def test_plain_names_are_refs(ref: str) -> None:
    assert ref_problem(ref) is None


@pytest.mark.parametrize(
    "ref",
    [
        *(
            "",
            "build-115.",
            "-x",
            "--all",
            "+x",
            "a..b",
            "a b",
            "a\nb",
            "a\x7fb",
            "a\\b",
            "a:b",
            "a*b",
            "a~b",
            "^x",
            "a@{b",
        ),
        *("FETCH_HEAD", "HEAD", "@", "refs/heads/refs/heads/x", "refs/tags/refs/tags/v1", "0" * 40, "aB" * 20, "`id`"),
        *("<b>", "build-115\u200b", "build\u2011115", "e\u0301", "a\u202eb", "x" * 101, "a.lock", "a/.b", "a//b", "a/"),
    ],
)
def test_a_name_that_git_a_shell_or_an_eye_takes_for_another_is_no_ref(ref: str) -> None:
    assert ref_problem(ref) is not None
    assert revision_problem(ref) is not None


def test_a_whole_commit_id_is_a_revision() -> None:
    assert revision_problem("0a" * 20) is None
    assert revision_problem("0A" * 20) is not None


@settings(deadline=None, max_examples=60)
@given(st.text("aaabbbABCD01.-/@+=_{~ ", min_size=1, max_size=8) | st.sampled_from(["a.lock", "a.lock/b", "@"]))
def test_every_name_taken_is_one_that_git_takes(name: str) -> None:
    if ref_problem(name) is None:
        ref = name if name.startswith("refs/") else f"refs/heads/{name}"
        subprocess.run(["git", "check-ref-format", ref], check=True)
