"""Names, versions, version files and comments that look like something else: none is taken for it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.core.command import Mistake, parse
from bot.core.config import Config
from bot.core.refs import RefName, name_problem, ref_problem, revision_problem
from bot.core.snapshot import release_lines, released, version_of_tag
from bot.core.tree import LINK, Entry, Tree
from bot.core.version import BadVersionFile, Version, VersionFile, build_number

COMMIT = "0a" * 20
GOOD = "COREOS_BUILD=115\nCOREOS_BRANCH=0\nCOREOS_PATCH=0\nCOREOS_SDK_VERSION=110.0.0\n"


@pytest.mark.parametrize(
    "name",
    [
        *("build-", "build-0", "build-00", "build-0115", "Build-115", "BUILD-115", "build_115", "build--115"),
        *("build-+1", "build-1.0", "build-1e2", "build-0x73", "build-115\n", "build-115\r", " build-115", "build-115 "),
        *("build-\u0661\u0661\u0665", "build-\uff11\uff11\uff15", "build-\u00b9", "build-115\u200b", "build\u2013115"),
        *(
            "build-115/",
            "build-115\ufeff",
            "bu\u0131ld-115",
            "build-115\0",
            "xbuild-115",
            "build-115-115",
        ),
        *("build-1_1_5", "origin/build-115"),
    ],
)
def test_what_only_looks_like_a_release_line_is_none(name: str) -> None:
    assert Config().build_number_of(name) is None
    assert release_lines([name], Config()) == ()


@pytest.mark.parametrize(
    "name",
    [
        *("v115.0", "v115", "v115.0.0.0", "vv115.0.0", "v 115.0.0", "v115.0.0 ", "v115.0.0\n", "v115.0.0\r\n"),
        *(
            "v115.0.0\0",
            "v115,0,0",
            "v115.0.0-rc1",
            "v115.0.0+build",
            "v115.0.0^{}",
            "v115.0.00",
            "v1_1_5.0.0",
            "v+115.0.0",
        ),
        *(
            "v-0.0.0",
            "v\uff11\uff11\uff15.0.0",
            "v115\u2024 0.0",
            "v115.0.0\u200b",
            "\u2170115.0.0",
        ),
        *("v115.0.1234567890", "v1e3.0.0"),
        *("refs/tags/v115.0.0", "V115.0.0", "115.0.0", "v0x73.0.0", "v115.0.\u0663", "v115.0.0/x", "release-115.0.0"),
    ],
)
def test_what_only_looks_like_a_release_tag_is_left_out_of_the_releases(name: str) -> None:
    assert version_of_tag(name, Config()) is None
    assert released({f"refs/tags/{name}": COMMIT}, Config()) == {}


@pytest.mark.parametrize(
    "name",
    [
        *(
            "HEAD",
            "MERGE_HEAD",
            "@",
            "@{u}",
            "a@{1}",
            "a^",
            "a^{}",
            "a~1",
            "a:b",
            "a?",
            "a[b",
            "a\\b",
            "a\tb",
            "a\x85b",
        ),
        *("a.lock/b", "a/.b", "./a", "a/./b", "a/../b", "..", "a//b", "/a", "a/", "-a", "a/-b", "+a", "^a", "!a", "#a"),
        *(
            "a b",
            "a\u00a0b",
            "a\u2028b",
            "a\ufe0fb",
            "\u0430",
            "a\u0301",
            "\u212a",
            "\ud800",
            "a|b",
            "a;b",
            "a&b",
            "$a",
        ),
        *("'a'", '"a"', "`a`", "(a)", "{a}", "<a>", "a,b", "a%2fb", "f" * 40, "F" * 64, "a" * 101, ""),
    ],
)
def test_no_name_with_another_meaning_reaches_git(name: str) -> None:
    assert name_problem(name)
    assert ref_problem(f"refs/heads/{name}")
    assert revision_problem(f"refs/tags/{name}")
    for place in ("refs/heads/", "refs/tags/", "refs/pull/"):
        with pytest.raises(ValueError, match="no ref name"):
            RefName(place + name)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (GOOD.encode("utf-16"), ""),
        (GOOD.encode("utf-8-sig"), "byte order mark"),
        (GOOD.replace("115", "115\u00a0").encode(), "COREOS_BUILD is `115?`"),
        (GOOD.replace("=", " = ").encode(), "is not KEY=value"),
        (GOOD.replace("COREOS_BUILD", "export COREOS_BUILD").encode(), "is not KEY=value"),
        (GOOD.replace("COREOS_BUILD", " COREOS_BUILD").encode(), "is not KEY=value"),
        (GOOD.replace("COREOS_BUILD", "COREOS_BU\u0399LD").encode(), "is not KEY=value"),
        (GOOD.replace("115", "'115'").encode(), "COREOS_BUILD is `'115'`"),
        (GOOD.replace("115", '"115').encode(), "is not KEY=value"),
        (GOOD.replace("115", '115"').encode(), "is not KEY=value"),
        (GOOD.replace("115", '""115""').encode(), "is not KEY=value"),
        (GOOD.replace("115", "1\\\n15").encode(), "is not KEY=value"),
        (GOOD.replace("115", "${COREOS_BRANCH}").encode(), "COREOS_BUILD is"),
        (GOOD.replace("115", "`id`").encode(), "COREOS_BUILD is"),
        (GOOD.replace("115", "115&&id").encode(), "COREOS_BUILD is"),
        (GOOD.replace("115", "1e3").encode(), "COREOS_BUILD is"),
        (GOOD.replace("115", "115.0").encode(), "COREOS_BUILD is"),
        (GOOD.replace("115", "\uff11\uff11\uff15").encode(), "COREOS_BUILD is"),
        (GOOD.replace("115", "1_1_5").encode(), "COREOS_BUILD is"),
        (GOOD.replace("115", "9" * 3000).encode(), "COREOS_BUILD is"),
        (GOOD.replace("\n", "\r").encode(), "carriage returns"),
        (GOOD.replace("\n", "\x0b").encode(), "COREOS_BUILD is"),
        (GOOD.replace("\n", "\x85").encode(), "COREOS_BUILD is"),
        (GOOD.replace("\n", ";").encode(), "COREOS_BUILD is"),
        (GOOD.replace("\n", " \\\n").encode(), "COREOS_BUILD is"),
        ((GOOD + "\x1a").encode(), "is not KEY=value"),
        ((GOOD + "COREOS_BUILD=116\n").encode(), "sets `COREOS_BUILD` twice"),
        ((GOOD + "COREOS_BUILD=115\n").encode(), "sets `COREOS_BUILD` twice"),
        ((GOOD + "FLATCAR_BUILD=115\n").encode(), "mixes"),
        ((GOOD + "COREOS_COREOS_BUILD=1\n").encode(), "no variable of a release"),
        ((GOOD + "PATH=/tmp\n").encode(), "no variable of a release"),
        ((GOOD + "IFS=x\n").encode(), "no variable of a release"),
        ((GOOD + "source /tmp/x\n").encode(), "is not KEY=value"),
        ((GOOD + ". /tmp/x\n").encode(), "is not KEY=value"),
        ((GOOD + "# \u202e reversed\n").encode(), "cannot be seen"),
        ((GOOD + "# \x1b[2J\n").encode(), "cannot be seen"),
        ((GOOD + "# a\u2028COREOS_BUILD=116\n").encode(), "cannot be seen"),
        ((GOOD + "#" * 4096).encode(), "larger than 4096 bytes"),
        (GOOD.replace("110.0.0", "110.0.0/../x").encode(), "SDK_VERSION is"),
        (GOOD.replace("110.0.0", "110.0.0?x").encode(), "SDK_VERSION is"),
        (GOOD.replace("110.0.0", "110.0.0%2f").encode(), "SDK_VERSION is"),
        (GOOD.replace("110.0.0", "110.0.0#x").encode(), "SDK_VERSION is"),
        (GOOD.replace("110.0.0", "//evil.example").encode(), "SDK_VERSION is"),
        (GOOD.replace("110.0.0", "110.0.0+").encode(), "SDK_VERSION is"),
        (GOOD.replace("110.0.0", "110.0.0+-x").encode(), "SDK_VERSION is"),
        (GOOD.replace("110.0.0", "110.0.0+a/b").encode(), "SDK_VERSION is"),
        (GOOD.replace("110.0.0", "").encode(), "SDK_VERSION is"),
        (b"\n\n#\n", "sets nothing"),
        (b" \t\n", "empty"),
    ],
)
def test_a_version_file_that_a_shell_could_read_otherwise_is_refused(data: bytes, sentence: str) -> None:
    with pytest.raises(BadVersionFile) as bad:
        VersionFile.parse(data)
    assert sentence in str(bad.value)
    assert str(bad.value).isascii()
    assert str(bad.value).isprintable()


@pytest.mark.parametrize("mode", [LINK, "160000", "040000", "", "100666"])
def test_only_a_regular_file_is_a_version_file(mode: str) -> None:
    with pytest.raises(BadVersionFile, match="make it a regular file"):
        VersionFile.read(Tree({"version.txt": Entry(mode, GOOD.encode())}), "version.txt")


def test_the_number_after_the_highest_cannot_be_written() -> None:
    highest = VersionFile.parse(GOOD.replace("=0", f"={'9' * 9}").encode())
    for version in (highest.version.next_branch(), highest.version.next_patch()):
        with pytest.raises(BadVersionFile, match="at most nine digits"):
            highest.updated(version, None)


@pytest.mark.parametrize("sdk", ["", "v110.0.0", "110.0", "../x", "110.0.0\nLD_PRELOAD=x", '110.0.0"', "110.0.0 "])
def test_no_sdk_is_written_that_is_no_version(sdk: str) -> None:
    with pytest.raises(BadVersionFile, match="must be a version"):
        VersionFile.parse(GOOD.encode()).updated(Version(115, 0, 1), sdk)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2013-07-01T00:00:00Z", 0),
        ("2013-07-01T00:00:00-12:00", 0),
        ("2013-07-02T13:59:59+14:00", 0),
        ("2016-12-31T23:59:59Z", 1279),
        ("2100-03-01T00:00:00Z", 31654),
        ("9999-12-31T23:59:59Z", 2917009),
    ],
)
def test_a_day_is_a_day_of_utc(text: str, number: int) -> None:
    assert build_number(datetime.fromisoformat(text)) == number


@pytest.mark.parametrize("text", ["2013-06-30T23:59:59Z", "2013-07-01T13:59:59+14:00", "1970-01-01T00:00:00Z"])
def test_a_clock_before_the_first_day_is_not_believed(text: str) -> None:
    with pytest.raises(ValueError, match="set the clock"):
        build_number(datetime.fromisoformat(text))
    assert build_number(datetime(2013, 7, 1, tzinfo=UTC)) == 0


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("/release patch build\u2013115", "U+2013"),
        ("/release patch build-\uff11\uff11\uff15", "U+FF11"),
        ("/release patch build-115\u00a0", "U+00A0"),
        ("/release\u00a0patch build-115", "U+00A0"),
        ("/release patch\u3000build-115", "U+3000"),
        ("/release patch build-115\u200d", "U+200D"),
        ("/release patch build-115\u2028/release resume", "U+2028"),
        ("/release patch build-115\x0c", "U+000C"),
        ("/release patch build-115 \U0001f600", "U+1F600"),
        ("/release patch build-115 \u201ca=b\u201d", "U+201C"),
        ("/release patch build-115 \u2013\u2013allow-empty", "U+2013"),
        ("/release patch build-115 a=refs/pull/1/head", "a=refs/pull/1/head"),
        ("/release patch build-115 a=b:c", "a=b:c"),
        ("/release patch build-115 a=-x", "a=-x"),
        ("/release patch build-115 a=b..c", "a=b..c"),
        ("/release patch build-115 a=@{u}", "a=@{u}"),
        ("/release patch build-115 a=HEAD~1", "a=HEAD~1"),
        ("/release patch build-115 a.upstream=refs/heads/../x", "a.upstream=refs/heads/../x"),
        ("/release patch https://github.com/a/b/tree/build-115", "https://github.com/a/b/tree/build-115"),
        ("/release patch origin/build-115", "origin/build-115"),
        ("/release patch build-115^{}", "build-115^{}"),
        ("/release patch build-1000000", "build-1000000"),
        ("/release patch %62uild-115", "%62uild-115"),
        ("/release patch ../build-115", "../build-115"),
    ],
)
def test_a_comment_that_does_not_say_it_plainly_is_a_mistake_with_the_word_named(line: str, word: str) -> None:
    read = parse(line)
    assert isinstance(read, Mistake)
    assert read.word == word


@pytest.mark.parametrize(
    "body",
    [
        "/rel\u00adease patch build-115",
        "\u200b/release patch build-115",
        "\ufeff/release patch build-115",
        "\uff0frelease patch build-115",
        "/relea\u017fe patch build-115",
        "/RELEA\u017fE patch build-115",
        "&#47;release patch build-115",
        "\\/release patch build-115",
        "* /release patch build-115",
        "1. /release patch build-115",
        "\t/release patch build-115",
        "| a |\n|---|\n| /release patch build-115 |",
        "# /release patch build-115",
        "<b>\n/release patch build-115\n</b",
        "<details><summary>x</summary>\n\n/release patch build-115\n\n</details>",
        "<!-- x\n\n/release patch build-115\n",
        "> a\n/release patch build-115",
        "- a\n/release patch build-115",
        "~~~\n/release patch build-115\n```",
        "`a\n/release patch build-115`",
        "[a\n/release patch build-115](https://x.example)",
        "[a]: https://x.example '\n/release patch build-115'",
        "<a title='\n/release patch build-115'>",
    ],
)
def test_what_is_not_shown_as_a_line_of_its_own_is_not_for_us(body: str) -> None:
    assert parse(body) is None
