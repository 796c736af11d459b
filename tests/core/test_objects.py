"""Commits and tags as bytes: git gives them the names that we computed, and reads in them what we wrote."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings, strategies as st

from bot.core.objects import Identity, commit_payload, read_commit, read_tag, read_tree, tag_payload
from bot.core.tree import object_id

TREE, ONE, TWO = "4b825dc642cb6eb9a060e54bf8d69288fbee4904", "aa" * 20, "bb" * 20
WHEN = datetime(2013, 10, 25, 12, 1, 30, tzinfo=UTC)
BOT, CAT = Identity("release bot", "bot@example.org"), Identity("Ö. Cat", "cat@example.org")
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
PEOPLE = st.builds(Identity, st.text(max_size=12), st.text(max_size=12))


def named_by_git(kind: str, payload: bytes) -> str:
    ran = subprocess.run(["git", "hash-object", "--stdin", "-t", kind], input=payload, capture_output=True, check=True)
    return ran.stdout.decode().strip()


def test_a_commit_is_these_bytes() -> None:
    assert (
        commit_payload(TREE, [ONE, TWO], CAT, BOT, WHEN, "subject\n\nbody")
        == (
            f"tree {TREE}\nparent {ONE}\nparent {TWO}\n"
            "author Ö. Cat <cat@example.org> 1382702490 +0000\n"
            "committer release bot <bot@example.org> 1382702490 +0000\n"
            "\nsubject\n\nbody\n"
        ).encode()
    )


def test_a_tag_is_these_bytes() -> None:
    assert (
        tag_payload(ONE, "v115.0.1", BOT, WHEN, "CoreOS v115.0.1\n\n")
        == (
            f"object {ONE}\ntype commit\ntag v115.0.1\n"
            "tagger release bot <bot@example.org> 1382702490 +0000\n"
            "\nCoreOS v115.0.1\n"
        ).encode()
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([ONE, TWO]), max_size=2, unique=True), PEOPLE, MOMENTS, st.text(max_size=40))
def test_git_takes_every_commit_and_names_it_as_we_do(
    parents: list[str], person: Identity, when: datetime, message: str
) -> None:
    payload = commit_payload(TREE, parents, person, BOT, when, message)
    sha = object_id("commit", payload)
    assert named_by_git("commit", payload) == sha
    read = read_commit(sha, payload)
    assert (read.tree, read.parents, read.committed_at) == (TREE, tuple(parents), when.replace(microsecond=0))


@settings(max_examples=60, deadline=None)
@given(PEOPLE, MOMENTS, st.text(max_size=40))
def test_git_takes_every_tag_and_names_it_as_we_do(person: Identity, when: datetime, message: str) -> None:
    payload = tag_payload(ONE, "v115.0.1", person, when, message)
    sha = object_id("tag", payload)
    assert named_by_git("tag", payload) == sha
    read = read_tag(sha, payload)
    assert (read.target, read.type, read.tag, read.date) == (ONE, "commit", "v115.0.1", when.replace(microsecond=0))
    assert read.payload == payload


@pytest.mark.parametrize("name", ["x\ncommitter y <z@example.org> 0 +0000", "a <b> c", "\0", "", " \t ", "a\x7fb"])
def test_no_name_breaks_out_of_its_line(name: str) -> None:
    payload = commit_payload(TREE, [], Identity(name, name), BOT, WHEN, "m")
    head = payload.partition(b"\n\n")[0].split(b"\n")
    assert [row.split(b" ")[0] for row in head] == [b"tree", b"author", b"committer"]
    assert head[1].count(b"<") == head[1].count(b">") == 1


def test_the_same_moment_in_another_zone_makes_the_same_commit() -> None:
    there = WHEN.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert CAT.at(there) == CAT.at(WHEN)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no moment"):
        CAT.at(WHEN.replace(tzinfo=None))


def test_half_a_character_and_a_nul_are_written_all_the_same() -> None:
    payload = commit_payload(TREE, [], CAT, BOT, WHEN, "a\ud800b\0c")
    assert payload.endswith(b"\n\na?bc\n")


SIGNED = (
    f"tree {TREE}\nparent {ONE}\nauthor A <a@b> 1 +0000\ncommitter C <c@d> 1382702490 +0200\n"
    f"gpgsig -----BEGIN PGP SIGNATURE-----\n \n tree {TWO}\n committer X <x@y> 5 +0000\n"
    f" -----END PGP SIGNATURE-----\n\nsubject\n\ntree {TWO}\nparent {TWO}\n"
).encode()


def test_only_the_headers_of_a_signed_commit_are_read() -> None:
    read = read_commit(TWO, SIGNED)
    assert (read.sha, read.tree, read.parents, read.committed_at) == (TWO, TREE, (ONE,), WHEN)
    assert (read.author, read.message) == ("A <a@b> 1 +0000", f"subject\n\ntree {TWO}\nparent {TWO}\n")


def test_of_a_header_given_twice_the_first_counts_as_for_git() -> None:
    assert read_commit(TWO, SIGNED.replace(b"\nparent", f"\ntree {TWO}\nparent".encode(), 1)).tree == TREE


def test_a_tag_of_old_may_lack_its_tagger() -> None:
    read = read_tag(TWO, f"object {ONE}\ntype commit\ntag v1\n\nm\n".encode())
    assert (read.tagger, read.date, read.message) == ("", None, "m\n")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"tree x\n\nm",
        b"committer C <c@d> 1 +0000\n\nm",
        b"tree x\ncommitter C <c@d>\n\nm",
        b"tree x\ncommitter C <c@d> soon +0000\n\nm",
        b"tree x\ncommitter C <c@d> -99999999999 +0000\n\nm",
        b"\n\ntree x\ncommitter C <c@d> 1 +0000\n",
        b"\xff\xfe",
    ],
)
def test_what_is_no_commit_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"commit lacks|date|range"):
        read_commit(ONE, payload)


@pytest.mark.parametrize("payload", [b"", b"object x\ntype commit\n\nm", b"type commit\ntag v1\n\nm"])
def test_what_is_no_tag_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match="the tag lacks"):
        read_tag(ONE, payload)


ROWS = b"100644 a b\0" + b"\xaa" * 20 + b"120000 \xff\0" + b"\xbb" * 20


def test_a_tree_is_read_row_by_row() -> None:
    assert list(read_tree(ROWS)) == [("100644", "a b", ONE), ("120000", "\udcff", TWO)]
    assert list(read_tree(b"")) == []


@pytest.mark.parametrize("length", [*range(1, 31), *range(32, len(ROWS))])
def test_a_tree_that_breaks_off_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=r"not found|breaks off"):
        list(read_tree(ROWS[:length]))
