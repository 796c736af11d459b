"""Manifests that are made to deceive, to break out or to cost much: each is refused, or read as what it says."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from bot.core.fetch_policy import FetchPolicy
from bot.core.manifest import BadManifest, Manifest, PinEdit, edit_in_place, objections, read, to_xml
from bot.core.tree import FILE, LINK, Entry, Tree

URL = "https://github.com/coreos/manifest"
HEAD = '<remote name="r" fetch=".."/><default remote="r" revision="main"/>'
PROJECT = '<project name="a"'


def of(data: bytes | str, **beside: str) -> Manifest:
    files = {name.replace("_", "."): Entry(FILE, text.encode()) for name, text in beside.items()}
    return read(Tree(files | {"a.xml": Entry(FILE, data.encode() if isinstance(data, str) else data)}), "a.xml")


def inside(body: str, **beside: str) -> Manifest:
    return of(f"<manifest>{HEAD}{body}</manifest>", **beside)


def said(manifest: Manifest) -> tuple[str, ...]:
    return objections(manifest, URL, FetchPolicy())


def refused(data: bytes | str, **beside: str) -> str:
    with pytest.raises(BadManifest) as bad:
        of(data, **beside)
    assert str(bad.value).isascii()
    assert str(bad.value).isprintable()
    return str(bad.value)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("<manifest/>".encode("utf-16-le"), "not well-formed XML"),
        ("<manifest/>".encode("utf-32"), "not UTF-8"),
        ("<manifest/>".encode("cp037"), "not UTF-8"),
        (b"<manifest a='\xc0\xaf'/>", "not UTF-8"),
        (b"<manifest a='\xed\xa0\x80'/>", "not UTF-8"),
        (b"\xef\xbb\xbf\xef\xbb\xbf<manifest/>", "not well-formed XML"),
        (b"<manifest/>\0", "not well-formed XML"),
        (b"\x1a<manifest/>", "not well-formed XML"),
        (b"\0<!DOCTYPE m><manifest/>", "not well-formed XML"),
        (b"\x0c<!DOCTYPE m><manifest/>", "a DOCTYPE"),
        (b"<!doctype m><manifest/>", "not well-formed XML"),
        (b"<!-- a --><!-- b -->\r\n<!DOCTYPE m [<!ATTLIST project revision CDATA 'evil'>]><manifest/>", "a DOCTYPE"),
        (b"<?a <!-- ?><!DOCTYPE m><manifest/>", "a DOCTYPE"),
        (b"<manifest/><!DOCTYPE m>", "not well-formed XML"),
        (b"<manifest><!DOCTYPE m></manifest>", "not well-formed XML"),
        (b"<manifest/><manifest/>", "not well-formed XML"),
        (b"\n<?xml version='1.0' encoding='UTF-7'?><manifest/>", "not well-formed XML"),
        (b"<?xml version='1.0' encoding = \"utf-7\" ?><manifest/>", "the encoding `utf-7`"),
        (b"<?xml version='1.0' encoding='utf-8 '?><manifest/>", "the encoding `utf-8 `"),
        (b"<?xml encoding='UTF-7' version='1.0'?><manifest/>", "the encoding `UTF-7`"),
        (b"<manifest><!-- a -- b --></manifest>", "not well-formed XML"),
        (b"<manifest><!-- a ---></manifest>", "not well-formed XML"),
        (b"<manifest><![CDATA[</manifest>", "not well-formed XML"),
        (b"<manifest><project name='a' name='b'/></manifest>", "not well-formed XML"),
        (b"<manifest>&nbsp;&#xD800;</manifest>", "not well-formed XML"),
        (b"<manifest a='&#xFFFE;'/>", "not well-formed XML"),
        (b"<manifest xmlns:x='urn:x'/>", "namespaces have no place"),
        (b"<manifest><project xml:base='http://evil.example/' name='a'/></manifest>", "namespaces have no place"),
        (b"<manifest><x:include xmlns:x='http://www.w3.org/2001/XInclude' href='a'/></manifest>", "namespaces have no"),
        (b"<xi:include href='a.xml'/>", "not well-formed XML"),
        (b"<Manifest/>", "the root element is <Manifest>"),
        (b"<manifest>" * 20 + b"</manifest>" * 20, "nested too deeply"),
        (b"<manifest " + b" ".join(b"a%d=''" % i for i in range(65)) + b"/>", "more than 64 attributes"),
        (b"<manifest a='" + b"x" * 4097 + b"'/>", "longer than 4096 characters"),
        (b"<manifest a='" + b"&#120;" * 100_000 + b"'/>", "longer than 4096 characters"),
        (b"<!--" * 200_000 + b"<manifest/>", "not well-formed XML"),
    ],
)
def test_a_file_that_another_reader_could_take_for_something_else_is_refused(data: bytes, sentence: str) -> None:
    assert sentence in refused(data)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (f'{PROJECT} path=".GIT/hooks"/>', "may not be a part of it"),
        (f'{PROJECT} path="x/.repo2"/>', "may not be a part of it"),
        (f'{PROJECT} path="./x"/>', "may not be a part of it"),
        (f'{PROJECT} path="x/&#46;./y"/>', "`..` may not be a part of it"),
        (f'{PROJECT} path="&#47;etc"/>', "it is absolute"),
        (f'{PROJECT} path="x&#13;y"/>', "it has a line end"),
        (f'{PROJECT}><linkfile src="../b" dest="c"/></project>', "`..` may not be a part of it"),
        (f'{PROJECT}><copyfile src="b" dest=".git/config"/></project>', "`.git` may not be a part of it"),
        (f'{PROJECT} clone-depth="1e9"/>', "clone-depth is `1e9`"),
        (f'{PROJECT} clone-depth="-1"/>', "clone-depth is `-1`"),
        (f'{PROJECT} groups="{",".join(f"g{i}" for i in range(257))}"/>', "more than 256 groups"),
        ('<PROJECT name="a"/><extend-project name="a"/>', "there is no project `a` to extend"),
        ('<project NAME="a"/>', "<project> has no name"),
        ('<include name="%2e%2e/b.xml"/>', "is not in this commit"),
        ('<include name="b.xml?x"/>', "is not in this commit"),
        ('<include name="./b.xml"/>', "`.` may not be a part of it"),
        ('<include name="b.xml/"/>', "ends with a slash"),
        ('<include name="B.xml"/>', "is not in this commit"),
        ('<include name="b.xml&#10;"/>', "it has a line end"),
        ('<include name="https://evil.example/b.xml"/>', "is not in this commit"),
        ('<include name="a.xml"/>', "includes itself"),
        ('<include name="b.xml"/><include name="b.xml"/>', "the path `b` is taken"),
        ('<remote name="s" fetch="https://[::1"/>', "which is no address"),
    ],
)
def test_a_path_an_include_or_a_number_that_is_no_plain_one_is_refused(body: str, sentence: str) -> None:
    beside = '<manifest><project name="b"/></manifest>'
    assert sentence in refused(f"<manifest>{HEAD}{body}</manifest>", b_xml=beside)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        *((f'<remote name="s" fetch="{fetch}"/>', "remote `s` is fetched") for fetch in [
            "//evil.example/x", "https:github.com/x", "https:/github.com/x", "https:\\\\github.com", " https://github.com",
            "https://git&#10;hub.com/", "https://github.com/&#9;x", "https://github.com?x", "https://github.com#x",
            "https://github.com%2eevil.example/", "https://github.com%00.evil.example/", "https://g&#x131;thub.com",
            "https://github&#x3002;com", "https://&#xFF47;ithub.com", "https://github.com.evil.example",
            "https://evilgithub.com", "https://googlesource.com", "https://x.googlesource.com.evil.example",
            "https://2130706433/", "https://0x7f000001/", "https://0/", "https://127.1/", "https://[::ffff:7f00:1]/",
            "https://localhost/", "https://[v1.x]/", "https://github.com:443/", "https://github.com:/", "https://@github.com/",
            "https://user:pw@github.com/", "https://github.com/%2e%2e/x", "https://github.com/%252e%252e/x", "%2e%2e/x",
            "/etc/../..", "/../x", "ftp://github.com/", "http://github.com/", "sso://github.com", "rpc://github.com",
            "persistent-https://github.com", "javascript:alert(1)", "fd::17", "github.com:a/b", "root@github.com:a",
            "git@github.com:-x/y/../..", "ssh://git@github.com:22/", "ssh://-oProxyCommand=id/x",
        ]),
        ('<remote name="s" fetch=".." pushurl="ext::sh -c id"/>', "pushurl"),
        ('<remote name="s" fetch=".." pushurl="--receive-pack=id"/>', "pushurl"),
        ('<remote name="s" fetch=".." revision="a..b"/>', "revision `a..b` of the remote"),
        ('<remote name="&#x202e;s" fetch=".."/>', "cannot be seen"),
        ('<superproject name="../x"/>', "superproject"),
        ('<superproject name="x" revision="-x"/>', "revision `-x` of the superproject"),
        (f'{PROJECT}/><extend-project name="a" revision="refs/heads/x:y"/>', "revision `refs/heads/x:y` of `a`"),
        *((f'{PROJECT} revision="{revision}"/>', "The revision") for revision in [
            "refs/pull/1/head", "refs/changes/01/1/1", "refs/remotes/origin/main", "refs/stash", "refs/", "main:evil",
            "main~1", "main^", "v1.0.0^{}", ":/fix", "@{u}", "@", "HEAD", "ORIG_HEAD", "main.lock", "main..", " main",
            "main ", "m&#x430;in", "main\\x", "&#xFF4D;ain",
            "main&#x200b;", "-main", "+main",
            "$(id)", "`id`", "main;id", "main|id", "refs/heads/refs/heads/main", "f" * 64, "A" * 40, "x" * 101,
            "refs//heads/main", "/main", "main/",
        ]),
        (f'{PROJECT} upstream="refs/pull/1/head"/>', "The upstream"),
        (f'{PROJECT} dest-branch="a b"/>', "The dest-branch"),
        *((f'{PROJECT} path="{path}"/>', "The path") for path in [
            "a//b", "a\\..\\b", "x/.git./y", "-rf", "x/-rf", "$HOME", "a b", "a;b", "c:a", "a&#x2024;b",
            "&#x2024;&#x2024;/a",
        ]),
        *((f'<project name="{name}" path="p"/>', "The project") for name in [
            "a%2fb", "a?b", "a#b", "a:b", "a\\b", "a@b/-c", "http://x/y", "a/b..", "&#x430;", "a,b", "a{b",
        ]),
        (f'{PROJECT}><copyfile src="a" dest="x\\y"/></project>', "The file"),
        (f'{PROJECT}><annotation name="n" value="&#x202e;"/></project>', "cannot be seen"),
        (f'{PROJECT} groups="a&#xa0;b"/>', "cannot be seen"),
        (f'{PROJECT} clone-depth="1_0"/>', "no plain number"),
        (f'{PROJECT} clone-depth="&#x661;"/>', "no plain number"),
        (f'{PROJECT} clone-depth="01"/>', "no plain number"),
        (f'{PROJECT} clone-depth="{"9" * 4096}"/>', "no plain number"),
        ("<notice>a&#x2066;b</notice>", "the notice has characters"),
        ("<!-- \u202e --><project name='a'/>", "it holds the character U+202E"),
        ("<notice>\u200b</notice>", "it holds the character U+200B"),
        ("<proj\u0435ct name='a'/>", "<manifest> has no <proj?ct>"),
        ("<manifest><project name='a'/></manifest>", "<manifest> has no <manifest>"),
        (f"{PROJECT}><remote name='s' fetch='..'/></project>", "<project> has no <remote>"),
    ],
)  # fmt: skip
def test_what_would_deceive_a_reviewer_or_reach_elsewhere_is_objected_to(body: str, word: str) -> None:
    found = said(inside(body))
    assert any(word in sentence for sentence in found)
    assert all(sentence.isascii() and sentence.isprintable() for sentence in found)


@pytest.mark.parametrize(
    "fetch",
    [
        "HTTPS://GitHub.com/",
        "https://a.b.googlesource.com",
        "git@github.com:a/b",
        "/other",
        "./x",
        "https://gitlab.com",
    ],
)
def test_other_spellings_of_a_known_host_are_no_fault(fetch: str) -> None:
    assert said(inside(f'<remote name="s" fetch="{fetch}"/>')) == ()


@pytest.mark.parametrize(
    ("body", "remark"),
    [
        ("stray", "the text in <manifest>"),
        ("&lt;project name='evil'/&gt;", "the text in <manifest>"),
        ("<![CDATA[<project name='evil'/>]]>", "the text in <manifest>"),
        (f"{PROJECT}>stray</project>", "the text in <project>"),
        (f"{PROJECT} Revision='x'/>", "no attribute `Revision`"),
    ],
)
def test_what_looks_like_more_and_is_nothing_is_remarked_on(body: str, remark: str) -> None:
    manifest = inside(body)
    assert said(manifest) == ()
    assert [remark in oddity.sentence for oddity in manifest.oddities] == [True]
    assert not any(project.name == "evil" for project in manifest.projects)


def test_instructions_and_comments_are_neither_carried_out_nor_printed() -> None:
    manifest = inside(
        '<?php system("id")?><?xml-stylesheet href="http://evil.example/"?><!-- <project name="evil"/> -->'
    )
    assert manifest.projects == ()
    assert b"evil" not in to_xml(manifest)


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_every_kind_of_line_end_is_read_alike(end: str) -> None:
    lines = ['<?xml version="1.0"?>', "<manifest>", HEAD, PROJECT, 'groups="x', 'y"/>', "</manifest>", ""]
    assert of(end.join(lines)) == of("\n".join(lines))
    assert of(end.join(lines)).projects[0].written_groups == ("x", "y")


def test_a_byte_order_mark_is_not_written_again() -> None:
    data = f"\ufeff<manifest>{HEAD}{PROJECT} revision='{'a' * 40}'/></manifest>".encode()
    edited = edit_in_place(data, {"a": PinEdit("b" * 40)})
    assert edited == data.removeprefix(b"\xef\xbb\xbf").replace(b"a" * 40, b"b" * 40)


def test_what_was_nested_in_a_removed_project_belongs_to_no_other_that_comes_to_its_path() -> None:
    nested = '<project name="a"><project name="b" path="x"/></project><remove-project path="a"/>'
    assert [p.name for p in inside(f'{nested}<project name="c" path="a"/>').projects] == ["c"]
    assert inside(f'{nested}<extend-project name="a/b" dest-path="a"/>').projects == ()


def many(text: str, numbers: Iterable[int]) -> str:
    return "".join(text.replace("#", str(number)) for number in numbers)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (many('<project name="a" path="#"/>', range(1900)) + '<extend-project name="a"/>' * 18_000, "too often"),
        (PROJECT + "/>" + many('<extend-project name="a" groups="g#"/>', range(19_000)), "too often"),
        (many('<project name="a#"/>', range(1900)) + many('<extend-project name="a0" dest-path="x#"/>', range(9)) * 999,
         "too often"),
        (many('<remote name="r#" fetch=".."/>', range(1500)), "more than 1000 <remote>"),
        (f'<include name="b.xml" groups="{"g," * 2100}"/>', "longer than 4096 characters"),
        ('<include name="c.xml"/>' * 60, "larger than 4 MiB together"),
        ('<include name="d.xml"/>' * 60, "more than 20000 elements"),
        ('<include name="e.xml"/>' * 65, "more than 64 files"),
    ],
)  # fmt: skip
def test_a_small_file_that_causes_endless_work_is_refused(body: str, sentence: str) -> None:
    beside = {
        "b_xml": f"<manifest>{many('<project name=~#~/>', range(1900)).replace('~', chr(34))}</manifest>",
        "c_xml": f"<manifest><!--{'x' * 1_000_000}--></manifest>",
        "d_xml": f"<manifest>{'<contactinfo bugurl=~x~/>'.replace('~', chr(34)) * 5000}</manifest>",
        "e_xml": "<manifest/>",
    }
    assert sentence in refused(f"<manifest>{HEAD}{body}</manifest>", **beside)


def test_a_notice_of_a_million_lines_is_read_in_one_go() -> None:
    assert inside(f"<notice>{chr(10) * 900_000}x</notice>").notice == "x"


def test_nested_projects_that_would_be_printed_without_end_are_not_printed() -> None:
    body = many(
        '<project name="p" path="#"><project name="x" path="y"><project name="x" path="y"/></project></project>',
        range(30),
    )
    with pytest.raises(BadManifest, match="more often than can be printed"):
        to_xml(inside(body))


@pytest.mark.parametrize(
    "target",
    ["/etc/passwd", "../b.xml", "../../a/b.xml", "c.xml", "", ".", "..", "b.xml\0", "b.xml\n", "missing.xml", "\udcff"],
)
def test_a_link_leads_to_a_file_of_this_commit_or_nowhere(target: str) -> None:
    tree = Tree(
        {
            "default.xml": Entry(LINK, target.encode("utf-8", "surrogateescape")),
            "b.xml": Entry(FILE, b"<manifest/>"),
            "c.xml": Entry(LINK, b"b.xml"),
        }
    )
    assert tree.resolve("default.xml") is None
    with pytest.raises(BadManifest, match="a link that leads to no file of this commit"):
        read(tree, "default.xml")
