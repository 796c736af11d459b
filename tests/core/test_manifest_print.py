"""Printing manifests byte for byte, in today's dialect and in the one of the CoreOS history."""

from __future__ import annotations

import pytest

from bot.core.manifest import Dialect, Manifest, Style, needed, pinned, read, style_of, to_xml
from bot.core.tree import FILE, Entry, Tree

URL = "https://example.org/coreos/manifest"
SHA = "1" * 40
XML = '<?xml version="1.0" encoding="UTF-8"?>\n'

EVERYTHING = """\
<manifest>
  <repo-hooks in-project="tools/hooks" enabled-list="pre-upload, post-sync"/>
  <notice>
    He said "hi" &amp; left.
      Indented.

    Last.
  </notice>
  <project sync-c="true" groups="b a" name="coreos/etcd" path="etcd" upstream="refs/heads/up" dest-branch="dev">
    <annotation name="x" value="1"/><annotation name="y" value="2" keep="false"/>
    <linkfile src="l" dest="m"/><copyfile src="f" dest="g"/>
    <project name="in" path="p" sync-tags="false"/>
  </project>
  <project name="aa" remote="zed" clone-depth="1" sync-s="1" sync-strategy="stateless" path="a/a"/>
  <project name="tools/hooks" revision="1111111111111111111111111111111111111111"/>
  <project name="aa" remote="zed" path="a/0" revision="main"/>
  <remote name="zed" revision="dev" fetch="../zed" pushurl="ssh://p" alias="o" review="r"/>
  <remote name="Abc" fetch=".."><annotation name="n" value="v"/></remote>
  <default remote="Abc" revision="main" sync-j="4" sync-c="yes"/>
  <submanifest name="sub" path="s" groups="b,a" default-groups="d"/>
  <manifest-server url="http://m/"/>
  <superproject name="sup" remote="zed"/>
  <contactinfo bugurl="https://bugs/"/>
</manifest>
"""

TODAY = f"""\
{XML}<manifest>
  <notice>He said &quot;hi&quot; &amp; left.
      Indented.
    
    Last.</notice>
  <remote name="Abc" fetch="..">
    <annotation name="n" value="v"/>
  </remote>
  <remote name="zed" fetch="../zed" pushurl="ssh://p" alias="o" review="r" revision="dev"/>
  
  <default remote="Abc" revision="main" sync-j="4" sync-c="true"/>
  
  <manifest-server url="http://m/"/>
  
  <submanifest name="sub" path="s" groups="a,b" default-groups="d"/>
  
  <project name="aa" path="a/a" remote="zed" revision="{SHA}" upstream="dev" dest-branch="dev" sync-s="true"\
 clone-depth="1" sync-strategy="stateless"/>
  <project name="aa" path="a/0" remote="zed" revision="{SHA}" upstream="main" dest-branch="main"/>
  <project name="coreos/etcd" path="etcd" revision="{SHA}" upstream="refs/heads/up" dest-branch="dev" groups="a,b"\
 sync-c="true">
    <copyfile src="f" dest="g"/>
    <linkfile src="l" dest="m"/>
    <annotation name="x" value="1"/>
    <project name="in" path="p" revision="{SHA}" upstream="main" dest-branch="main" sync-tags="false"/>
  </project>
  <project name="tools/hooks" revision="{SHA}"/>
  
  <repo-hooks in-project="tools/hooks" enabled-list="pre-upload post-sync"/>
  
  <superproject name="sup" remote="zed" revision="dev"/>
  
  <contactinfo bugurl="https://bugs/"/>
</manifest>
"""  # noqa: W293 (a notice's blank line and the lines between blocks hold blanks)

ALPHABETICAL = f"""\
{XML}<manifest>
  <notice>Synced.</notice>
  <remote fetch=".." name="github"/>
  <remote fetch="ssh://git@github.com" name="private"/>
  
  <default remote="github" revision="refs/heads/master" sync-j="4"/>
  
  <project groups="minilayout,a" name="chromite" path="src/chromite" revision="{SHA}" upstream="refs/heads/master">
    <copyfile dest="d" src="s"/>
  </project>
  <project name="coreos/scripts" remote="private" revision="{SHA}" sync-c="true" upstream="coreos/master"/>
</manifest>
"""  # noqa: W293

MASTER = """\
<manifest>
  <remote name="github" fetch=".."/><remote name="private" fetch="ssh://git@github.com"/>
  <default remote="github" revision="refs/heads/master" sync-j="4"/>
  <notice>
Synced.
  </notice>
  <project name="coreos/scripts" remote="private" revision="coreos/master" sync-c="true"/>
  <project name="chromite" path="src/chromite" groups="minilayout,a"><copyfile src="s" dest="d"/></project>
</manifest>
"""


def of(text: str) -> Manifest:
    return read(Tree({"a.xml": Entry(FILE, text.encode())}), "a.xml")


def all_pinned(manifest: Manifest) -> Manifest:
    answers = {(query.url, ref): SHA for query in needed(manifest, URL) for ref in query.refs}
    return pinned(manifest, URL, answers)


def test_a_pinned_manifest_is_printed_as_the_repo_tool_prints_it_today() -> None:
    assert to_xml(all_pinned(of(EVERYTHING))).decode() == TODAY


def test_the_coreos_dialect_sorts_attributes_and_keeps_the_order_of_groups() -> None:
    printed = to_xml(all_pinned(of(MASTER)), Dialect.ALPHABETICAL, suppress_dest_branch=True)
    assert printed.decode() == ALPHABETICAL


def test_where_a_pin_came_from_can_be_left_out_but_not_a_dest_branch_of_its_own() -> None:
    printed = to_xml(all_pinned(of(EVERYTHING)), suppress_upstream=True, suppress_dest_branch=True).decode()
    assert "upstream" not in printed
    assert printed.count("dest-branch") == 1
    assert f'<project name="coreos/etcd" path="etcd" revision="{SHA}" dest-branch="dev" groups="a,b"' in printed


def test_an_unpinned_manifest_says_only_what_the_default_does_not() -> None:
    printed = to_xml(
        of(
            '<manifest><remote name="r" fetch=".."/><default remote="r" revision="main" upstream="main"/>'
            '<project name="a"/><project name="b" revision="dev" upstream="up"/>'
            '<project name="c" revision="dev" upstream="dev"/></manifest>'
        )
    ).decode()
    assert '  <project name="a"/>\n' in printed
    assert '  <project name="b" revision="dev" upstream="up"/>\n' in printed
    assert '  <project name="c" revision="dev" upstream="dev"/>\n' in printed


def test_a_manifest_without_anything_is_one_empty_element() -> None:
    assert to_xml(Manifest()).decode() == f"{XML}<manifest/>\n"
    assert to_xml(Manifest(prefix="sub")).decode() == f'{XML}<manifest path="sub"/>\n'


def test_the_tools_own_bug_address_is_not_printed() -> None:
    own = "https://issues.gerritcodereview.com/issues/new?component=1370071"
    assert to_xml(of(f'<manifest><contactinfo bugurl="{own}"/></manifest>')).decode() == f"{XML}<manifest/>\n"


@pytest.mark.parametrize(
    ("release_manifests", "style"),
    [
        ([], Style()),
        ([None, b"", b"<manifest", b"<manifest/>"], Style()),
        ([TODAY.encode()], Style(Dialect.TODAY, upstream=True, dest_branch=True)),
        ([ALPHABETICAL.encode(), TODAY.encode()], Style(Dialect.ALPHABETICAL, upstream=True, dest_branch=False)),
        ([b"", ALPHABETICAL.encode()], Style(Dialect.ALPHABETICAL, upstream=True, dest_branch=False)),
        ([TODAY.replace(' upstream="', ' x="').encode()], Style(Dialect.TODAY, upstream=False, dest_branch=True)),
    ],
)
def test_the_style_is_read_off_the_last_release_manifest_that_tells_one(
    release_manifests: list[bytes | None], style: Style
) -> None:
    assert style_of(*release_manifests) == style


def test_one_line_written_by_hand_does_not_change_the_dialect() -> None:
    by_hand = ALPHABETICAL.replace('<remote fetch=".." name="github"/>', '<remote name="github" fetch=".."/>')
    assert style_of(by_hand.encode()).dialect is Dialect.ALPHABETICAL
