"""A commit's files as a value: links, changes, object ids."""

import pytest

from bot.core.tree import FILE, LINK, Entry, Tree, object_id

MASTER = Entry(FILE, b"<manifest/>")


def tree(**links: str) -> Tree:
    return Tree({"master.xml": MASTER} | {name + ".xml": Entry(LINK, to.encode()) for name, to in links.items()})


def test_a_link_is_followed_once_inside_the_tree() -> None:
    assert tree(default="master.xml").read("default.xml") == MASTER.data


@pytest.mark.parametrize("target", ["/etc/passwd", "../master.xml", "missing.xml", "", "other.xml", "master.xml/"])
def test_a_link_that_leads_anywhere_else_reads_as_nothing(target: str) -> None:
    assert tree(default=target, other="master.xml").read("default.xml") is None


def test_a_file_is_no_link_and_a_link_tells_its_target() -> None:
    files = tree(default="master.xml")
    assert files.link("master.xml") is None
    assert files.link("default.xml") == "master.xml"


def test_changes_between_two_trees_turn_one_into_the_other() -> None:
    before, after = tree(default="master.xml"), tree(release="master.xml")
    assert before.with_changes(before.changes_to(after)) == after
    assert before.changes_to(before) == {}


def test_a_changed_mode_alone_is_a_change() -> None:
    assert list(tree().changes_to(Tree({"master.xml": Entry("100755", MASTER.data)}))) == ["master.xml"]


def test_object_ids_are_those_of_git() -> None:
    assert object_id("blob", b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert Entry(FILE, b"hello\n").blob == "ce013625030ba8dba906f756967f9e9ca394464a"
