"""Version arithmetic and version.txt: the laws, the four dialects, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import count

import pytest
from hypothesis import given, strategies as st

from bot.core.tree import EXECUTABLE, FILE, LINK, Entry, Tree
from bot.core.version import EPOCH, BadVersionFile, Dialect, Version, VersionFile, build_number

A = b"COREOS_BUILD=109\nCOREOS_BRANCH=0\nCOREOS_PATCH=0\n"
B = b"COREOS_BUILD=115\nCOREOS_BRANCH=0\nCOREOS_PATCH=0\nCOREOS_SDK_VERSION=110.0.0\n"
C = (
    b"COREOS_BUILD=1068\nCOREOS_BRANCH=1\nCOREOS_PATCH=0\nCOREOS_VERSION=1068.1.0\nCOREOS_VERSION_ID=1068.1.0\n"
    b'COREOS_BUILD_ID=""\nCOREOS_SDK_VERSION=1032.0.0\n'
)
D = b'COREOS_VERSION=1081.1.0\nCOREOS_VERSION_ID=1081.1.0\nCOREOS_BUILD_ID=""\nCOREOS_SDK_VERSION=1081.0.0\n'
DIALECTS = {Dialect.NUMBERS: A, Dialect.NUMBERS_SDK: B, Dialect.NUMBERS_NAMES_SDK: C, Dialect.NAMES_SDK: D}

versions = st.builds(Version, *[st.integers(0, 999_999_999)] * 3)
small = st.builds(Version, *[st.integers(0, 99_999)] * 3)


@given(versions)
def test_a_version_reads_back_as_it_is_written_with_and_without_v(version: Version) -> None:
    assert Version.parse(str(version)) == Version.parse(f"v{version}") == version


@given(versions, versions)
def test_versions_are_ordered_as_their_numbers(one: Version, other: Version) -> None:
    numbers = [(v.build, v.branch, v.patch) for v in (one, other)]
    assert (one < other) == (numbers[0] < numbers[1])


@given(versions)
def test_the_next_release_is_higher_and_of_the_same_build(version: Version) -> None:
    branch, patch = version.next_branch(), version.next_patch()
    assert version < patch < branch
    assert branch.build == patch.build == version.build
    assert (branch.branch, branch.patch) == (version.branch + 1, 0)
    assert (patch.branch, patch.patch) == (version.branch, version.patch + 1)


def test_ten_follows_nine() -> None:
    assert str(Version.parse("115.9.0").next_branch()) == "115.10.0"


@pytest.mark.parametrize(
    "text",
    [
        *("", "115", "115.0", "115.0.0.0", "0115.0.0", "115.00.0", "v-1.0.0", "V115.0.0", "v115.0.0\n", " 115.0.0"),
        *("115.0.0+1", "115.0.0-test", "v\u0661.0.0", "115.0.99999999999999999999", "115.0.1234567890", "1_0.0.0"),
    ],
)
def test_anything_but_three_plain_numbers_is_no_version(text: str) -> None:
    with pytest.raises(ValueError, match=r"three numbers.*like 115\.0\.1"):
        Version.parse(text)


def test_the_build_number_counts_every_day_from_2013_to_2100() -> None:
    day = datetime(2013, 7, 1, 12, tzinfo=UTC)
    for number in count():
        assert build_number(day) == number
        if day.year == 2101:
            break
        day += timedelta(days=1)


@given(
    st.datetimes(datetime(2013, 7, 3), datetime(2100, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001 (bounds)
    st.integers(-14 * 60, 14 * 60),
)
def test_the_zone_a_moment_is_written_in_changes_no_build_number(moment: datetime, minutes: int) -> None:
    zone = timezone(timedelta(minutes=minutes))
    assert build_number(moment.astimezone(zone)) == build_number(moment) == (moment.date() - EPOCH).days


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("2013-10-23T23:59:59+00:00", 114),
        ("2013-10-24T00:00:00+00:00", 115),
        ("2013-10-24T01:00:00+02:00", 114),
        ("2026-03-29T01:30:00+00:00", 4654),
        ("2038-01-19T03:14:08+00:00", 8968),
    ],
)
def test_the_day_changes_at_midnight_utc(moment: str, number: int) -> None:
    assert build_number(datetime.fromisoformat(moment)) == number


def test_another_epoch_counts_from_there() -> None:
    assert build_number(datetime(2026, 1, 3, tzinfo=UTC), date(2026, 1, 1)) == 2


@pytest.mark.parametrize("moment", ["2013-06-30T23:59:59+00:00", "1970-01-01T00:00:05+00:00", "2014-01-01T00:00:00"])
def test_a_clock_before_the_epoch_or_without_a_zone_gives_no_number(moment: str) -> None:
    with pytest.raises(ValueError, match=r"set the clock|time zone"):
        build_number(datetime.fromisoformat(moment))


@pytest.mark.parametrize("prefix", ["COREOS_", "FLATCAR_"])
@pytest.mark.parametrize("dialect", Dialect)
def test_every_dialect_is_read_with_either_prefix(dialect: Dialect, prefix: str) -> None:
    data = DIALECTS[dialect].replace(b"COREOS_", prefix.encode())
    file = VersionFile.parse(data)
    assert (file.dialect, file.prefix, file.data, file.build_id) == (dialect, prefix, data, "")
    assert f"VERSION={file.version}\n".encode() in data or f"BUILD={file.version.build}\n".encode() in data
    assert (file.sdk is None) == (dialect is Dialect.NUMBERS)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (B, b"COREOS_BUILD=115\nCOREOS_BRANCH=2\nCOREOS_PATCH=3\nCOREOS_SDK_VERSION=115.0.0\n"),
        (
            C,
            C.replace(b"1068.1.0", b"115.2.3")
            .replace(b"1032.0.0", b"115.0.0")
            .replace(b"=1068\n", b"=115\n")
            .replace(b"BRANCH=1", b"BRANCH=2")
            .replace(b"PATCH=0", b"PATCH=3"),
        ),
        (D, b'COREOS_VERSION=115.2.3\nCOREOS_VERSION_ID=115.2.3\nCOREOS_BUILD_ID=""\nCOREOS_SDK_VERSION=115.0.0\n'),
    ],
)
def test_an_update_writes_every_variable_of_the_dialect(before: bytes, after: bytes) -> None:
    assert VersionFile.parse(before).updated(Version(115, 2, 3), "115.0.0") == after


def test_an_update_keeps_order_comments_blank_lines_and_quotes() -> None:
    before = b'# by hand\nFLATCAR_PATCH="0"\n\nFLATCAR_BUILD=115\nFLATCAR_BRANCH=0\nFLATCAR_SDK_VERSION="1.0.0"\n#\n'
    after = before.replace(b'PATCH="0"', b'PATCH="1"')
    assert VersionFile.parse(before).updated(Version(115, 0, 1), None) == after


@pytest.mark.parametrize(
    "empty", [b"COREOS_BUILD_ID=\n", b'COREOS_BUILD_ID=""\n', b"COREOS_BUILD_ID=2014-05-05-1213\n"]
)
def test_a_release_has_an_empty_quoted_build_id(empty: bytes) -> None:
    file = VersionFile.parse(D.replace(b'COREOS_BUILD_ID=""\n', empty))
    assert b'\nCOREOS_BUILD_ID=""\n' in file.updated(Version(1081, 2, 0), None)


def test_a_missing_line_end_at_the_end_is_added() -> None:
    file = VersionFile.parse(B.removesuffix(b"\n"))
    assert file.updated(file.version, file.sdk) == B


def test_an_sdk_for_the_oldest_dialect_adds_the_line() -> None:
    assert VersionFile.parse(A).updated(Version(109, 0, 0), None) == A
    assert VersionFile.parse(A).updated(Version(109, 0, 0), "100.0.0") == A + b"COREOS_SDK_VERSION=100.0.0\n"


def test_an_sdk_may_carry_a_build_id_or_the_old_leading_zeros() -> None:
    for sdk in ("110.0.0+2013-10-24-1130", "0001.1.0"):
        assert VersionFile.parse(B.replace(b"110.0.0", sdk.encode())).sdk == sdk


@given(st.sampled_from(list(Dialect)), small, small, st.booleans(), st.sampled_from(["COREOS_", "FLATCAR_"]))
def test_an_update_reads_back_and_the_way_back_restores_every_byte(
    dialect: Dialect, version: Version, sdk: Version, quoted: bool, prefix: str
) -> None:
    data = DIALECTS[dialect].replace(b"COREOS_", prefix.encode())
    if quoted:
        data = data.replace(b"BRANCH=0", b'BRANCH="0"')
    before = VersionFile.parse(data)
    after = VersionFile.parse(before.updated(version, str(sdk) if before.sdk else None))
    assert (after.version, after.sdk) == (version, str(sdk) if before.sdk else None)
    assert after.updated(before.version, before.sdk) == data


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused_with_a_sentence(data: bytes) -> None:
    try:
        VersionFile.parse(data)
    except BadVersionFile as bad:
        sentence = str(bad)
    else:
        return
    assert sentence.endswith(".")
    assert sentence.isprintable()
    assert len(sentence) < 300


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"# nothing\n", "sets nothing"),
        (b"#" + b"a" * 10_000_000, "larger than 4096 bytes"),
        (B.replace(b"\n", b"\r\n"), "carriage returns"),
        (B + b"\0", "NUL"),
        (b"\xff\xfeC\0O\0", "NUL"),
        (b"\xff\xfe" + B, "not UTF-8"),
        (b"\xef\xbb\xbf" + B, "byte order mark"),
        (B.replace(b"=115\n", b"=115 \n"), "leading zeros"),
        (B.replace(b"=115\n", b" = 115\n"), "not KEY=value"),
        (B.replace(b"=115\n", b"=115 #note\n"), "COREOS_BUILD is `115 #note`"),
        (B.replace(b"=115\n", b"='115'\n"), "COREOS_BUILD is `'115'`"),
        (B.replace(b"=115\n", b'="115\n'), "not KEY=value"),
        (B.replace(b"=115\n", b"=0115\n"), "leading zeros"),
        (B.replace(b"=115\n", b"=+115\n"), "COREOS_BUILD is `+115`"),
        (B.replace(b"=115\n", b"=0x73\n"), "COREOS_BUILD is `0x73`"),
        (B.replace(b"=115\n", b"=\n"), "COREOS_BUILD is (empty)"),
        (B.replace(b"=115\n", b"=$(id)\n"), "must be a number"),
        (B.replace(b"=115\n", "=\u0661\u0661\u0665\n".encode()), "COREOS_BUILD is `???`"),
        (B.replace(b"=115\n", b"=" + b"9" * 400 + b"\n"), "at most nine digits"),
        (B.replace(b"=115\nC", "=115\u2028C".encode()), "COREOS_BUILD is `115?COREOS_BRANCH=0`"),
        (B.replace(b"COREOS_BUILD", b"coreos_build"), "no variable of a release"),
        (B + b"LD_PRELOAD=/tmp/x.so\n", "`LD_PRELOAD`, which is no variable"),
        (B + b"COREOS_BUILD=115\n", "`COREOS_BUILD` twice"),
        (B.replace(b"COREOS_PATCH", b"FLATCAR_PATCH"), "mixes COREOS_ and FLATCAR_"),
        (B.replace(b"COREOS_PATCH=0\n", b""), "lacks COREOS_PATCH"),
        (D.replace(b'COREOS_BUILD_ID=""\n', b""), "lacks COREOS_BUILD_ID"),
        (B + b'COREOS_BUILD_ID=""\n', "also sets COREOS_BUILD_ID"),
        (C.replace(b"PATCH=0", b"PATCH=1"), "COREOS_PATCH together says 1068.1.1, but COREOS_VERSION says 1068.1.0"),
        (C.replace(b"VERSION_ID=1068.1.0", b"VERSION_ID=1068.1.9"), "COREOS_VERSION_ID says 1068.1.9"),
        (D.replace(b"1081.1.0", b"0.1"), "three numbers like"),
        (D.replace(b"1081.1.0", b"v1081.1.0"), "three numbers like"),
        (B.replace(b"110.0.0", b"../../etc"), "COREOS_SDK_VERSION is `../../etc`"),
        (B.replace(b"110.0.0", b"110.0.0@evil.example/"), "COREOS_SDK_VERSION is"),
        (B.replace(b"110.0.0", b""), "COREOS_SDK_VERSION is (empty)"),
        (D.replace(b'ID=""', b'ID="$(id)"'), "COREOS_BUILD_ID is `$(id)`"),
    ],
)
def test_a_bad_version_file_is_refused_with_a_sentence_that_says_what_to_do(data: bytes, sentence: str) -> None:
    with pytest.raises(BadVersionFile) as bad:
        VersionFile.parse(data)
    assert sentence in str(bad.value)


def test_only_a_regular_file_is_a_version_file() -> None:
    for mode in (FILE, EXECUTABLE):
        assert VersionFile.read(Tree({"version.txt": Entry(mode, B)}), "version.txt").sdk == "110.0.0"
    with pytest.raises(BadVersionFile, match="is a link"):
        VersionFile.read(Tree({"version.txt": Entry(LINK, b"a"), "a": Entry(FILE, B)}), "version.txt")
    with pytest.raises(BadVersionFile, match=r"There is no `version\.txt`"):
        VersionFile.read(Tree({}), "version.txt")


def test_a_bad_sdk_is_never_written() -> None:
    with pytest.raises(BadVersionFile, match=r"SDK_VERSION is `1\.0\.0;id`"):
        VersionFile.parse(B).updated(Version(115, 0, 1), "1.0.0;id")
