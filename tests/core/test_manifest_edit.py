"""Editing a manifest in place: the values change, and not one byte besides."""

from __future__ import annotations

import pytest

from bot.core.manifest import BadManifest, PinEdit, edit_in_place

OLD, NEW = "a" * 40, "b" * 40
FILE = f"""\
<?xml version="1.0" encoding="UTF-8"?>\r
<manifest><!-- <project name="coreos/etcd" path="etcd" revision="{OLD}"/> -->
  <remote fetch=".."  name='r' />
  <default remote="r" revision="refs/heads/master"/>
  <?note <project path="etcd" revision="x"/> ?>
  <notice><![CDATA[<project path="etcd" revision="x"/>]]></notice>
  <project groups="a,b"
           name="coreos/etcd" path="etcd/"
           revision = '{OLD}'
           upstream="refs/heads/master" sync-c="true"   />
  <project name="coreos/init" revision="{OLD}">
    text = "v" > here <copyfile src="a" dest="b > c"/>
    <project name="in" path="x" revision="{OLD}"/>
  </project>\t
</manifest>
<!-- end -->"""


def edited(edits: dict[str, PinEdit], text: str = FILE) -> str:
    return edit_in_place(text.encode(), edits).decode()


def test_only_the_values_of_the_named_project_change() -> None:
    assert edited({"etcd": PinEdit(NEW, "refs/heads/build-1")}) == FILE.replace(
        f"revision = '{OLD}'\n           upstream=\"refs/heads/master\"",
        f"revision = '{NEW}'\n           upstream=\"refs/heads/build-1\"",
    )


def test_without_a_path_the_name_is_the_path_and_nested_paths_are_joined() -> None:
    after = FILE.replace(f'"coreos/init" revision="{OLD}"', f'"coreos/init" revision="{NEW}"')
    assert edited({"coreos/init": PinEdit(NEW)}) == after
    after = FILE.replace(f'path="x" revision="{OLD}"', f'path="x" revision="{NEW}"')
    assert edited({"coreos/init/x": PinEdit(NEW)}) == after


def test_a_missing_upstream_is_put_right_after_the_revision_in_its_quotes() -> None:
    after = FILE.replace(f'init" revision="{OLD}"', f'init" revision="{NEW}" upstream="refs/heads/dev"')
    assert edited({"coreos/init": PinEdit(NEW, "refs/heads/dev")}) == after
    single = f"<manifest><project name='a' revision='{OLD}'/></manifest>"
    assert edited({"a": PinEdit(OLD, "it's")}, single) == single.replace("/>", " upstream='it&apos;s'/>")


def test_several_projects_are_changed_at_once() -> None:
    edits = {"coreos/init/x": PinEdit(NEW, "u"), "etcd": PinEdit(NEW), "coreos/init": PinEdit(NEW)}
    one_by_one = FILE
    for path, edit in edits.items():
        one_by_one = edited({path: edit}, one_by_one)
    assert edited(edits) == one_by_one
    assert one_by_one.count(NEW) == 3


def test_what_is_said_already_is_left_alone() -> None:
    assert edited({}) == edited({"etcd": PinEdit(OLD, "refs/heads/master", "coreos/etcd")}) == FILE
    escaped = '<manifest><project name="a" revision="r&#x31;" upstream="x&gt;y"/></manifest>'
    assert edited({"a": PinEdit("r1", "x>y")}, escaped) == escaped


def test_a_project_can_be_renamed_where_it_stands() -> None:
    after = FILE.replace(f'"coreos/init" revision="{OLD}"', f'"kinvolk/init" revision="{NEW}"')
    assert edited({"coreos/init": PinEdit(NEW, name="kinvolk/init")}) == after


def test_values_are_escaped() -> None:
    before = '<manifest><project name="a" revision="r"/></manifest>'
    assert edited({"a": PinEdit("x&y<\"'")}, before) == before.replace('"r"', '"x&amp;y&lt;&quot;\'"')


@pytest.mark.parametrize(
    ("before", "edits", "sentence"),
    [
        (FILE, {"none": PinEdit(NEW)}, "has 0 projects at `none`"),
        (FILE, {"in": PinEdit(NEW)}, "has 0 projects at `in`"),
        ('<manifest><project name="a"/></manifest>', {"a": PinEdit(NEW)}, "has no revision of its own"),
        (
            '<manifest><project name="a" revision="x"/><x/><project name="a" revision="y"/></manifest>',
            {"a": PinEdit(NEW)},
            "has 2 projects at `a`",
        ),
        (
            '<manifest><project name="a" revision="x"/><extend-project name="a" revision="y"/></manifest>',
            {"a": PinEdit(NEW)},
            "<extend-project> changes `a` again",
        ),
        ('<manifest><project revision="x"/></manifest>', {"a": PinEdit(NEW)}, "<project> has no name"),
        ('<manifest><project name="a" revision="x"/></manifest>', {"a": PinEdit("a\nb")}, "cannot be the revision"),
        ('<manifest><project name="a" revision="x"/></manifest>', {"a": PinEdit("")}, "(empty) cannot be the revision"),
        ("<manifest>", {}, "not well-formed XML"),
        ("<!DOCTYPE m><manifest/>", {}, "has a DOCTYPE"),
    ],
)
def test_what_cannot_be_edited_safely_is_refused(before: str, edits: dict[str, PinEdit], sentence: str) -> None:
    with pytest.raises(BadManifest) as bad:
        edited(edits, before)
    assert sentence in str(bad.value)
