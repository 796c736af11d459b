"""Reading manifests: what the parser never gets to see, includes inside one commit, and what overrides what."""

from __future__ import annotations

import tracemalloc

import pytest

from bot.core.manifest import BadManifest, Hooks, Manifest, Superproject, read
from bot.core.tree import FILE, LINK, Entry, Tree

HEAD = '<remote name="r" fetch=".."/><default remote="r" revision="main"/>'


def tree(**files: str | bytes) -> Tree:
    """Files by name, `_` for `.`; a str that starts with `->` is a link."""
    entries = {}
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        entries[name.replace("_", ".")] = Entry(LINK, data[2:]) if data.startswith(b"->") else Entry(FILE, data)
    return Tree(entries)


def of(body: str, **more: str) -> Manifest:
    return read(tree(a_xml=f"<manifest>{HEAD}{body}</manifest>", **more), "a.xml")


def refused(body: str, **more: str) -> str:
    with pytest.raises(BadManifest) as bad:
        of(body, **more)
    return str(bad.value)


def refused_bytes(data: bytes) -> str:
    with pytest.raises(BadManifest) as bad:
        read(tree(a_xml=data), "a.xml")
    return str(bad.value)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "`a.xml` is empty."),
        (b"\xef\xbb\xbf \n", "`a.xml` is empty."),
        (b'<!DOCTYPE m [<!ENTITY x "coreos/evil">]><manifest/>', "has a DOCTYPE"),
        (
            b'<?xml version="1.0"?>\n<!-- c --><?p?>\n<!DOCTYPE m SYSTEM "http://evil.example/e.dtd"><manifest/>',
            "a DOCTYPE",
        ),
        (b'\xef\xbb\xbf<!DOCTYPE m SYSTEM "file:///etc/passwd"><manifest/>', "has a DOCTYPE"),
        ('<?xml version="1.0"?><manifest/>'.encode("utf-16"), "not UTF-8"),
        (b"<manifest>\xe9</manifest>", "not UTF-8"),
        (b'<?xml version="1.0" encoding="UTF-7"?><manifest>+ADw-</manifest>', "the encoding `UTF-7`"),
        (b"<?xml version='1.0' encoding='ISO-8859-1'?><manifest/>", "the encoding `ISO-8859-1`"),
        (b"<manifest/>" + b" " * (1 << 20), "larger than 1 MiB"),
        (b"<manifest>", "line 1, column 11: not well-formed XML"),
        (b"<manifest>&x;</manifest>", "not well-formed XML (`Entity 'x' not defined`)"),
        (b'<manifest a="&#0;"/>', "not well-formed XML"),
        (b"<html/>", "the root element is <html>, not <manifest>"),
        (b'<manifest xmlns="urn:x"/>', "namespaces have no place"),
        (b'<manifest><project xmlns="urn:x" name="a"/></manifest>', "namespaces have no place"),
        (b"<manifest>" + b"<a>" * 300 + b"</a>" * 300 + b"</manifest>", "depth"),
        (b"<manifest>" + b"<a>" * 20 + b"</a>" * 20 + b"</manifest>", "nested too deeply"),
        (b"<manifest>" + b"<a/>" * 25_000 + b"</manifest>", "more than 20000 elements"),
    ],
)
def test_what_is_no_plain_xml_file_is_refused(data: bytes, sentence: str) -> None:
    assert sentence in refused_bytes(data)


def test_entity_bombs_are_refused_before_they_cost_memory() -> None:
    entities = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "lol"}">' for i in range(9))
    bomb = f"<!DOCTYPE m [{entities}]><manifest><notice>&l8;</notice></manifest>".encode()
    tracemalloc.start()
    assert "DOCTYPE" in refused_bytes(bomb)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_a_byte_order_mark_comments_and_instructions_are_read_over() -> None:
    data = (
        b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?><!-- <!DOCTYPE x> --><?x <!DOCTYPE?><manifest/><!-- end -->'
    )
    assert read(tree(a_xml=data), "a.xml") == Manifest()


def test_a_manifest_has_defaults_applied_to_its_projects() -> None:
    manifest = read(
        tree(
            a_xml='<manifest><remote name="r" fetch=".."/><remote name="s" fetch="../s" revision="dev"/>'
            '<default remote="r" revision="main" upstream="up" dest-branch="db" sync-s="yes" sync-tags="0"/>'
            '<project name="x"/><project name="y" path="p/y/" remote="s" upstream="u" dest-branch="d" sync-s="no"'
            ' sync-tags="TRUE" sync-c="1" clone-depth="2" groups="b, a"/></manifest>'
        ),
        "a.xml",
    )
    x, y = manifest.projects
    assert (x.path, x.remote, x.revision, x.upstream, x.dest_branch) == ("x", "r", "main", "up", "db")
    assert (x.sync_c, x.sync_s, x.sync_tags, x.clone_depth) == (False, True, False, None)
    assert (y.path, y.remote, y.revision, y.upstream, y.dest_branch) == ("p/y", "s", "dev", "u", "d")
    assert (y.sync_c, y.sync_s, y.sync_tags, y.clone_depth) == (True, False, True, 2)
    assert y.groups == ("b", "a", "all", "name:y", "path:p/y")
    assert y.written_groups == ("b", "a")


def test_includes_are_found_from_the_root_and_hand_on_groups_and_revision() -> None:
    files = tree(
        a_xml=f'<manifest>{HEAD}<include name="sub/b.xml" groups="g1 g2" revision="dev"/><project name="z"/></manifest>'
    ).with_changes(
        {
            "sub/b.xml": Entry(
                FILE,
                b'<manifest><project name="x" groups="own"><project name="in"/></project><include name="c.xml"/>'
                b'<include name="d.xml" revision=""/></manifest>',
            ),
            "c.xml": Entry(FILE, b'<manifest><project name="y" revision="kept"/><project name="w"/></manifest>'),
            "d.xml": Entry(LINK, b"e.xml"),
            "e.xml": Entry(FILE, b'<manifest><project name="v"/></manifest>'),
        }
    )
    manifest = read(files, "a.xml")
    assert [(p.name, p.revision, p.written_groups) for p in manifest.projects] == [
        ("x", "dev", ("g1", "g2", "own")),
        ("x/in", "main", ()),
        ("y", "kept", ("g1", "g2")),
        ("w", "dev", ("g1", "g2")),
        ("v", "main", ("g1", "g2")),
        ("z", "main", ()),
    ]
    assert manifest.inputs == ("a.xml", "sub/b.xml", "c.xml", "d.xml", "e.xml")


def test_the_manifest_may_be_a_link_and_both_files_are_inputs() -> None:
    manifest = read(tree(default_xml="->master.xml", master_xml="<manifest/>"), "default.xml")
    assert manifest.inputs == ("default.xml", "master.xml")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("../../etc/passwd", "`..` may not be a part of it"),
        ("a/../b.xml", "`..` may not be a part of it"),
        ("/etc/passwd", "it is absolute"),
        ("file:///etc/passwd", "the included file `file:///etc/passwd` is not in this commit"),
        ("missing.xml", "`a.xml`, line 1: the included file `missing.xml` is not in this commit"),
        ("dangling.xml", "is a link that leads to no file"),
        ("out.xml", "is a link that leads to no file"),
        ("loop.xml", "is a link that leads to no file"),
        ("a.xml", "`a.xml` includes itself"),
        ("b.xml", "`b.xml`, line 1: `a.xml` includes itself through 2 files"),
        (".git/config", "`.git` may not be a part of it"),
        ("", "<include> has no name"),
    ],
)
def test_an_include_stays_inside_the_commit(name: str, sentence: str) -> None:
    links = {"dangling_xml": "->gone.xml", "out_xml": "->../../../etc/passwd", "loop_xml": "->loop.xml"}
    back = '<manifest><include name="a.xml"/></manifest>'
    assert sentence in refused(f'<include name="{name}"/>', b_xml=back, **links)


def test_includes_may_be_eight_deep_and_sixty_four_files() -> None:
    def chain(length: int) -> Tree:
        files = {f"{i}.xml": f'<manifest><include name="{i + 1}.xml"/></manifest>' for i in range(length)}
        files[f"{length}.xml"] = "<manifest/>"
        return Tree({name: Entry(FILE, text.encode()) for name, text in files.items()})

    assert len(read(chain(8), "0.xml").inputs) == 9
    with pytest.raises(BadManifest, match="nested more than 8 deep"):
        read(chain(9), "0.xml")
    assert of('<include name="b.xml"/>' * 63, b_xml="<manifest/>").projects == ()
    assert "more than 64 files" in refused('<include name="b.xml"/>' * 64, b_xml="<manifest/>")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ('<project path="p"/>', "<project> has no name"),
        ('<project name="x" remote="nope"/>', "the remote `nope` is not defined"),
        ('<project name="../x"/>', "the name `../x` of <project> is refused"),
        ('<project name="/abs"/>', "it is absolute"),
        ('<project name="a" path=".git/hooks"/>', "`.git` may not be a part of it"),
        ('<project name="a" path=".Repository"/>', "`.repository` may not be a part of it"),
        ('<project name="a" path="x~1"/>', "it has a ~"),
        ('<project name="a&#x200d;"/>', "characters that cannot be seen"),
        ('<project name="a" path="x&#10;y"/>', "it has a line end"),
        (f'<project name="{"a" * 256}"/>', "longer than 255 characters"),
        ('<project name="a" path="p"/><project name="b" path="p"/>', "the path `p` is taken by another project"),
        ('<project name="a" clone-depth="0"/>', "clone-depth is `0`: it must be a whole number above zero"),
        ('<project name="a"><copyfile src="../../x" dest="y"/></project>', "the src `../../x` of <copyfile>"),
        ('<project name="a"><copyfile src="x/" dest="y"/></project>', "it ends with a slash"),
        ('<project name="a"><linkfile src="x" dest="/y"/></project>', "the dest `/y` of <linkfile>"),
        ('<project name="a"><annotation name="n" value="v" keep="perhaps"/></project>', "keep is `perhaps`"),
        ('<project name="a"><annotation name="n"/></project>', "<annotation> has no value"),
        ('<remote name="r" fetch="elsewhere"/>', "a second <remote> `r` with other attributes"),
        ('<remote name="s"/>', "<remote> has no fetch"),
        ('<remote name="s" fetch="https://[::1/"/>', "fetch is `https://[::1/`, which is no address"),
        ('<default remote="r" revision="other"/>', "a second <default> that says something else"),
        ('<default remote="nope"/>', "the remote `nope` is not defined"),
        ('<default sync-j="many"/>', "sync-j is `many`"),
        ("<notice>a</notice><notice>b</notice>", "a second <notice>"),
        ("<notice/>", "the notice is empty"),
        ('<manifest-server url="a"/><manifest-server url="a"/>', "a second <manifest-server>"),
        ('<repo-hooks in-project="h" enabled-list="a"/>', "<repo-hooks> needs exactly one project `h`"),
        (
            '<project name="h"/><project name="h" path="2"/><repo-hooks in-project="h" enabled-list="a"/>',
            "<repo-hooks> needs exactly one project `h`",
        ),
        ('<extend-project name="a" revision="x"/>', "there is no project `a` to extend"),
        ('<extend-project name="a"/><project name="a"/>', "there is no project `a` to extend"),
        ("<remove-project/>", "<remove-project> needs a name or a path"),
        ('<remove-project name="a"/>', "there is no project `a` to remove"),
        ('<project name="a"/><extend-project name="a" revision="x" base-rev="y"/>', "base-rev is `y`"),
        ('<project name="a"/><remove-project name="a" base-rev="y"/>', "base-rev is `y`, but the project is at `main`"),
        ('<project name="a"/><project name="a" path="b"/><extend-project name="a" dest-path="c"/>', "at several paths"),
        ('<project name="a"/><project name="b"/><extend-project name="a" dest-path="b"/>', "the path `b` is taken"),
        ('<project name="a"/><extend-project name="a" dest-path="../b"/>', "the dest-path `../b`"),
        ('<project name="a"><project name="b"/></project><remove-project name="a/b"/>', "can go by its path only"),
        ('<submanifest name="x" remote="r"/>', "names a remote but no project"),
        ('<submanifest name="x" path="../x"/>', "the path `../x` of <submanifest>"),
        ('<submanifest name="x" revision="refs/heads/.."/>', "the revision `..` of <submanifest>"),
        ('<submanifest name="x" path="p"/><project name="p/q"/>', "lies in a submanifest's folder"),
        ('<superproject name="a"/><superproject name="a"/>', "a second <superproject>"),
    ],
)
def test_a_contradiction_or_a_dangerous_path_is_refused_with_its_place(body: str, sentence: str) -> None:
    said = refused(body)
    assert sentence in said
    assert said.startswith("`a.xml`, line 1: ")


def test_without_remote_or_revision_anywhere_a_project_is_refused() -> None:
    for body, sentence in (
        ('<project name="a"/>', "has no remote, and no default gives one"),
        ('<remote name="r" fetch="."/><project name="a" remote="r"/>', "has no revision, and no default gives one"),
        ('<superproject name="a"/>', "the superproject has no remote"),
        ('<remote name="r" fetch="."/><superproject name="a" remote="r"/>', "the superproject has no revision"),
    ):
        assert sentence in refused_bytes(f"<manifest>{body}</manifest>".encode())


def test_at_most_two_thousand_projects_are_read() -> None:
    projects = [f'<project name="p{i}"/>' for i in range(2001)]
    assert len(of("".join(projects[:2000])).projects) == 2000
    assert "more than 2000 projects" in refused("".join(projects))


def test_a_project_may_stand_at_two_paths() -> None:
    assert [p.path for p in of('<project name="a" path="p"/><project name="a" path="q"/>').projects] == ["p", "q"]


def test_repeated_remotes_and_defaults_that_say_the_same_are_one() -> None:
    assert of(HEAD + "<default/>") == of("")


def test_nested_projects_have_joined_names_and_paths() -> None:
    manifest = of('<project name="a" path="src/a"><project name="b" path="x"/><project name="c"/></project>')
    assert [(p.name, p.path, p.parent) for p in manifest.projects] == [
        ("a", "src/a", None),
        ("a/b", "src/a/x", "src/a"),
        ("a/c", "src/a/a/c", "src/a"),
    ]


def test_extend_project_changes_what_it_names() -> None:
    manifest = of(
        '<remote name="s" fetch="../s"/>'
        '<project name="a" path="1" groups="x"><project name="n"/></project><project name="a" path="2"/>'
        '<extend-project name="a" path="1" revision="dev" remote="s" groups="y" upstream="u" dest-branch="d"'
        ' dest-path="3"><copyfile src="f" dest="g"/><linkfile src="." dest="l"/><annotation name="k" value="v"/>'
        "</extend-project>"
        '<extend-project name="a" base-rev="dev" groups="z"/>'
    )
    first, nested, second = manifest.projects
    assert (first.path, first.revision, first.remote, first.upstream, first.dest_branch) == ("3", "dev", "s", "u", "d")
    assert first.written_groups == ("x", "path:1", "y", "z")
    assert len(first.copyfiles + first.linkfiles + first.annotations) == 3
    assert (nested.path, nested.parent) == ("1/a/n", "3")
    assert (second.path, second.revision, second.remote, second.written_groups) == ("2", "main", "r", ("z",))


def test_projects_are_removed_by_name_by_path_and_with_what_is_nested_in_them() -> None:
    projects = '<project name="a" path="1"/><project name="a" path="2"/><project name="b"><project name="n"/></project>'

    def left(removal: str) -> list[str]:
        return [project.path for project in of(projects + removal).projects]

    assert left('<remove-project name="a"/>') == ["b", "b/b/n"]
    assert left('<remove-project path="2"/>') == ["1", "b", "b/b/n"]
    assert left('<remove-project name="a" path="1"/>') == ["2", "b", "b/b/n"]
    assert left('<remove-project name="b"/>') == ["1", "2"]
    assert left('<remove-project path="b/b/n"/>') == ["1", "2", "b"]
    assert left('<remove-project name="none" optional="true"/>') == ["1", "2", "b", "b/b/n"]
    assert left('<remove-project name="a"/><project name="a" path="1"/>') == ["b", "b/b/n", "1"]


def test_hooks_go_with_their_project() -> None:
    hooks = '<project name="h"/><repo-hooks in-project="h" enabled-list="a, b"/>'
    assert of(hooks).hooks == Hooks("h", ("a", "b"))
    assert of(hooks + '<remove-project name="h"/>').hooks is None
    assert "a second <repo-hooks>" in refused(hooks + '<repo-hooks in-project="h" enabled-list="a"/>')


def test_the_elements_around_projects_are_read() -> None:
    manifest = of(
        "<notice>\n  First\n    second\n\n  last\n</notice>"
        '<manifest-server url="http://m/"/><contactinfo bugurl="one"/><contactinfo bugurl="two"/>'
        '<superproject name="s" revision="v"/>'
        '<submanifest name="sub" path="s" groups="g" default-groups="d"><annotation name="k" value="v"/></submanifest>'
    )
    assert manifest.notice == "First\n  second\n\nlast"
    assert (manifest.server, manifest.bug_url) == ("http://m/", "two")
    assert manifest.superproject == Superproject("s", "r", "v")
    assert (manifest.submanifests[0].place, manifest.submanifests[0].ref) == ("s", "sub")


def test_a_notice_keeps_the_text_of_a_literal_section() -> None:
    assert of("<notice><![CDATA[</notice>]]></notice>").notice == "</notice>"


def test_local_manifests_come_last_in_the_order_of_their_names() -> None:
    local = {
        "2.xml": b'<manifest><remove-project name="b"/></manifest>',
        "1.xml": b'<manifest><project name="l"/><extend-project name="a" revision="dev"/></manifest>',
        "notes.txt": b"not read",
    }
    files = tree(a_xml=f'<manifest>{HEAD}<project name="a"/><project name="b"/></manifest>')
    manifest = read(files, "a.xml", local)
    assert [(p.name, p.revision, p.written_groups) for p in manifest.projects] == [
        ("a", "dev", ()),
        ("l", "main", ("local::1",)),
    ]


def test_a_submanifests_projects_join_its_groups() -> None:
    outer = of('<submanifest name="b-7" path="s" groups="g" default-groups="d,e"/>').submanifests[0]
    inner = read(tree(a_xml=f'<manifest>{HEAD}<project name="x" groups="own"/></manifest>'), "a.xml", inside=outer)
    assert inner.projects[0].written_groups == ("g", "own", "submanifest::path:s")
    assert (inner.prefix, inner.default_groups) == ("s", ("d", "e"))


def test_what_the_tool_reads_over_is_said() -> None:
    manifest = of(
        '<Project name="a"/><future><project name="hidden"/></future>'
        '<project name="b" revison="x" sync-c="maybe" revision=""><nested/></project><include name="b.xml" x="y"/>',
        b_xml="<manifest/>",
    )
    assert [project.name for project in manifest.projects] == ["b"]
    assert [(oddity.sentence.removeprefix("`a.xml`, line 1: "), oddity.serious) for oddity in manifest.oddities] == [
        ("<manifest> has no <Project>: it is ignored.", True),
        ("<manifest> has no <future>: it is ignored.", True),
        ("<project> has no attribute `revison`: it is ignored.", False),
        ("sync-c is `maybe`, neither true nor false: it is ignored.", False),
        ("the revision is empty: the default is used.", False),
        ("<project> has no <nested>: it is ignored.", True),
        ("<include> has no attribute `x`: it is ignored.", False),
    ]


@pytest.mark.parametrize(
    ("selector", "paths"),
    [
        ("coreos/etcd", ["p/etcd"]),
        ("p/etcd", ["p/etcd"]),
        ("etcd", ["p/etcd"]),
        ("tcd", []),
        ("scripts", ["a", "b"]),
        ("coreos/scripts", ["a"]),
        ("twice", ["twice"]),
        ("other", ["other"]),
        ("", []),
        ("/", []),
    ],
)
def test_a_project_is_found_by_name_by_path_or_by_the_last_parts_of_its_name(selector: str, paths: list[str]) -> None:
    manifest = of(
        '<project name="coreos/etcd" path="p/etcd"/><project name="coreos/scripts" path="a"/>'
        '<project name="fork/scripts" path="b"/><project name="x/other" path="twice"/>'
        '<project name="y/other" path="other"/>'
    )
    assert [project.path for project in manifest.find(selector)] == paths


def test_of_several_paths_of_one_name_the_one_that_is_spelt_out_is_meant() -> None:
    manifest = of('<project name="a/b" path="a/b"/><project name="a/b" path="q"/>')
    assert [project.path for project in manifest.find("a/b")] == ["a/b"]
    assert [project.path for project in manifest.find("b")] == ["a/b", "q"]
    assert [project.path for project in manifest.find("q")] == ["q"]
