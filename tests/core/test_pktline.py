"""Packet lines: what is written can be read again, and no answer of a server does more than be refused."""

from __future__ import annotations

import pytest
from hypothesis import example, given, strategies as st

from bot.core import pktline
from bot.core.pktline import DELIMITER, FLUSH, BadPackets, asked_for, line, ls_refs

ONE, TWO = "1" * 40, "2" * 40
SHAS = st.text("0123456789abcdef", min_size=40, max_size=40)
NAMES = st.text("abcXYZ019-_.+@é", min_size=1, max_size=30).map("refs/heads/".__add__)


def answer(*rows: str) -> bytes:
    return b"".join(line(row.encode()) for row in rows) + FLUSH


@given(st.dictionaries(NAMES, SHAS, max_size=20))
def test_every_ref_that_a_server_writes_is_read_again(refs: dict[str, str]) -> None:
    assert pktline.refs(answer(*(f"{commit} {ref}\n" for ref, commit in refs.items()))) == refs


@given(st.binary(max_size=200))
@example(b"0000")
@example(b"00000000")
@example(b"+1230000")
@example(b"0x100000")
def test_garbage_is_read_as_refs_or_refused_and_never_anything_else(data: bytes) -> None:
    try:
        pktline.refs(data)
    except BadPackets:
        return
    assert data.startswith(FLUSH)


@given(st.dictionaries(NAMES, SHAS, min_size=1, max_size=5), st.data())
def test_an_answer_that_was_cut_anywhere_is_refused(refs: dict[str, str], data: st.DataObject) -> None:
    whole = answer(*(f"{commit} {ref}\n" for ref, commit in refs.items()))
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(BadPackets):
        pktline.refs(whole[:cut])


def test_a_packet_holds_so_much_and_no_more() -> None:
    assert line(b"x" * pktline.LONGEST)[:4] == b"fff0"
    with pytest.raises(ValueError, match="65,516"):
        line(b"x" * (pktline.LONGEST + 1))


def test_the_request_asks_for_each_prefix_and_ends_with_a_flush() -> None:
    asked = ls_refs(("refs/heads/", "HEAD"))
    assert asked.startswith(b"0014command=ls-refs\n")
    assert asked.endswith(FLUSH)
    head, _, arguments = asked.partition(DELIMITER + b"0009peel\n")
    assert b"object-format=sha1" in head
    assert arguments == line(b"ref-prefix refs/heads/\n") + line(b"ref-prefix HEAD\n") + FLUSH


def test_an_annotated_tag_counts_by_its_commit_and_a_symref_attribute_is_passed_over() -> None:
    rows = (f"{ONE} refs/tags/v1 peeled:{TWO}\n", f"{ONE} HEAD symref-target:refs/heads/main\n")
    assert pktline.refs(answer(*rows)) == {"refs/tags/v1": TWO, "HEAD": ONE}


@pytest.mark.parametrize(
    "row",
    [
        f"{ONE[:39]} refs/heads/a\n",
        f"{'1' * 64} refs/heads/a\n",
        f"{ONE.replace('1', 'A')} refs/heads/a\n",
        f"{ONE}  refs/heads/a\n",
        f"{ONE}\n",
        f"{ONE} refs/heads/\x07\n",
        f"{ONE} refs/heads/a\n{TWO} refs/heads/b\n",
        "# service=git-upload-pack\n",
        "ERR access denied\n",
        "version 2\n",
    ],
)
def test_a_line_that_is_no_ref_is_refused(row: str) -> None:
    with pytest.raises(BadPackets):
        pktline.refs(answer(row))


@pytest.mark.parametrize("data", [b"", b"0001", b"0002", b"0003", b"0004", b"FFFF", b"ffff0000", b"001e# service"])
def test_what_is_no_packet_is_refused(data: bytes) -> None:
    with pytest.raises(BadPackets):
        pktline.refs(data)


def test_a_full_name_counts_exactly_and_a_prefix_by_its_slash() -> None:
    found = {"refs/heads/main": ONE, "refs/heads/main-2": TWO, "refs/tags/v1": ONE, "HEAD": ONE}
    assert asked_for(found, ("refs/heads/main",)) == {"refs/heads/main": ONE}
    assert set(asked_for(found, ("refs/heads/", "HEAD"))) == {"refs/heads/main", "refs/heads/main-2", "HEAD"}
    assert asked_for(found, ("refs/heads/mai",)) == {}


def test_only_a_line_feed_ends_a_row_of_the_list() -> None:
    name = "refs/heads/a\u2028b\x85c\x0bd"
    printed = f"{'a' * 40}\t{name}\n{'b' * 40}\trefs/heads/master\n"
    assert [row.ref for row in pktline.listed(printed.encode())] == [name, "refs/heads/master"]
    assert pktline.listed(b"") == []
