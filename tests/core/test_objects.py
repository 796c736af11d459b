"""Commits and tags made here have the bytes and the names that git itself gives them, and are read again whole."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from bot.core.objects import Identity, commit_payload, read_commit, read_tag, read_tree, tag_payload
from bot.core.tree import object_id

TREE, ONE, TWO = "4b825dc642cb6eb9a060e54bf8d69288fbee4904", "1" * 40, "2" * 40
BOT = Identity("release bot", "bot@example.com")
WHEN = datetime(2013, 10, 24, 1, 2, 3, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.timezones()).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0)
)
PEOPLE = st.builds(Identity, st.text(), st.text())


def git(folder: Path, *arguments: str, data: bytes = b"", **env: str) -> str:
    clean = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **env}
    done = subprocess.run(["git", *arguments], cwd=folder, input=data, capture_output=True, env=clean, check=True)
    return done.stdout.decode().strip()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("objects")
    git(folder, "init", "-q", "--bare", ".")
    git(folder, "hash-object", "-w", "-t", "tree", "--stdin")
    return folder


def who(role: str, moment: str) -> dict[str, str]:
    return {f"GIT_{role}_NAME": "release bot", f"GIT_{role}_EMAIL": "bot@example.com", f"GIT_{role}_DATE": moment}


def test_a_commit_is_the_one_that_git_would_make(repository: Path) -> None:
    moment = f"{int(WHEN.timestamp())} +0000"
    people = who("AUTHOR", moment) | who("COMMITTER", moment)
    first = git(repository, "commit-tree", TREE, data=b"version 115.0.1\n\nTrailer: yes\n", **people)
    assert object_id("commit", commit_payload(TREE, [], BOT, BOT, WHEN, "version 115.0.1\n\nTrailer: yes")) == first
    second = git(repository, "commit-tree", TREE, "-p", first, data="Übermut\n".encode(), **people)
    made = commit_payload(TREE, [first], BOT, BOT, WHEN, "Übermut\n\n\n")
    assert object_id("commit", made) == second
    assert git(repository, "hash-object", "-t", "commit", "--stdin", data=made) == second


def test_a_tag_is_the_one_that_git_would_make(repository: Path) -> None:
    moment = f"{int(WHEN.timestamp())} +0000"
    commit = git(repository, "commit-tree", TREE, data=b"x", **(who("AUTHOR", moment) | who("COMMITTER", moment)))
    words = ("tag", "-f", "-a", "-m", "CoreOS v115.0.1", "v115.0.1", commit)
    git(repository, *words, data=b"", **who("COMMITTER", moment))
    made = tag_payload(commit, "v115.0.1", BOT, WHEN, "CoreOS v115.0.1")
    assert object_id("tag", made) == git(repository, "rev-parse", "refs/tags/v115.0.1")
    assert git(repository, "mktag", data=made) == object_id("tag", made)


@given(PEOPLE, PEOPLE, MOMENTS, st.text())
def test_whatever_people_and_messages_hold_a_commit_is_read_as_it_was_meant(
    author: Identity, committer: Identity, when: datetime, message: str
) -> None:
    made = read_commit(ONE, commit_payload(TREE, [ONE, TWO], author, committer, when, message))
    assert (made.sha, made.tree, made.parents) == (ONE, TREE, (ONE, TWO))
    assert made.committed_at == when
    assert made.message == message.replace("\0", "").rstrip("\n").encode("utf-8", "replace").decode() + "\n"


@given(PEOPLE, MOMENTS, st.text())
def test_whatever_people_and_messages_hold_a_tag_is_read_as_it_was_meant(
    tagger: Identity, when: datetime, message: str
) -> None:
    payload = tag_payload(ONE, "v1.0.0", tagger, when, message)
    tag = read_tag(TWO, payload)
    assert (tag.object, tag.target, tag.type, tag.tag, tag.date) == (TWO, ONE, "commit", "v1.0.0", when)
    assert tag.payload == payload


def test_a_name_cannot_end_its_field_or_add_a_header() -> None:
    bad = Identity("a> 1 +0000\nparent <b", "\x00c>\r\n\x1bd")
    assert bad.at(WHEN) == "a 1 +0000parent b <cd> 1382576523 +0000"
    assert Identity("<>", " ").at(WHEN).startswith("unknown <unknown> ")


def test_half_a_surrogate_pair_is_written_as_a_question_mark() -> None:
    assert read_commit(ONE, commit_payload(TREE, [], BOT, BOT, WHEN, "a\ud800b")).message == "a?b\n"


def test_the_same_moment_in_any_zone_makes_the_same_object() -> None:
    there = WHEN.astimezone(timezone(timedelta(hours=-7)))
    assert commit_payload(TREE, [], BOT, BOT, there, "x") == commit_payload(TREE, [], BOT, BOT, WHEN, "x")


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        BOT.at(WHEN.replace(tzinfo=None))


def test_the_signature_of_a_commit_is_no_header_of_its_own() -> None:
    signed = (
        f"tree {TREE}\nparent {ONE}\nauthor a <a> 1 +0000\ncommitter b <b> 2 -0730\n"
        f"gpgsig -----BEGIN SSH SIGNATURE-----\n parent {TWO}\n tree x\n -----END SSH SIGNATURE-----\n\n"
        "subject\n\nbody\n"
    )
    commit = read_commit(TWO, signed.encode())
    assert (commit.tree, commit.parents, commit.author) == (TREE, (ONE,), "a <a> 1 +0000")
    assert commit.committed_at == datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC)
    assert commit.message == "subject\n\nbody\n"


def test_a_tag_of_old_without_a_tagger_has_no_date() -> None:
    assert read_tag(TWO, f"object {ONE}\ntype commit\ntag v1\n\nx\n".encode()).date is None


@pytest.mark.parametrize(
    "data", [b"", b"tree x\n", b"tree x\ncommitter b\n\nx", b"tree x\ncommitter b <b> x +0000\n\nx"]
)
def test_what_is_no_commit_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"lacks|cannot be read"):
        read_commit(ONE, data)


@given(st.binary(max_size=200))
def test_garbage_is_refused_by_the_one_exception(data: bytes) -> None:
    for read in (lambda: read_commit(ONE, data), lambda: read_tag(ONE, data), lambda: list(read_tree(data))):
        try:
            read()
        except ValueError:
            continue


def test_a_tree_is_read_row_by_row() -> None:
    rows = b"100644 a b\0" + bytes(20) + b"40000 d\xff\0" + b"\x01" * 20
    assert list(read_tree(rows)) == [("100644", "a b", "00" * 20), ("40000", "d\udcff", "01" * 20)]
