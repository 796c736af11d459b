"""Whatever bytes come: the readers take them or refuse them in the documented way, and never break."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from hypothesis import given, settings, strategies as st

from bot.core.command import Command, Mistake, parse
from bot.core.fetch_policy import FetchPolicy
from bot.core.manifest import BadManifest, needed, objections, read, to_xml
from bot.core.pktline import BadPackets, listed, rows
from bot.core.tree import EXECUTABLE, FILE, LINK, Entry, Tree
from bot.core.version import BadVersionFile, Version, VersionFile

URL = "https://github.com/coreos/manifest"
EXAMPLES = 150
PIECES = [
    *(
        "<",
        ">",
        "/>",
        "</",
        '"',
        "'",
        "=",
        " ",
        "\n",
        "\r\n",
        "\t",
        "&",
        ";",
        "&amp;",
        "&#10;",
        "&#x202e;",
        "&x;",
        "..",
    ),
    *("<!--", "-->", "--", "<?", "?>", "<![CDATA[", "]]>", "<!DOCTYPE m [", "]>", "<!ENTITY x 'y'>", "xmlns:x='u' x:"),
    *("<manifest>", "</manifest>", "<project ", "</project>", "<include ", "<notice>", "</notice>", "name='a' ", "/"),
    *("\u202e", "\ud800", "\0", "\ufeff", "\U000e0041", "9" * 30, "x" * 300),
]
TAGS = (
    *("project",) * 8,
    *("extend-project", "remove-project", "include", "remote", "default", "submanifest", "repo-hooks", "superproject"),
    *("copyfile", "linkfile", "annotation", "notice", "manifest-server", "contactinfo", "unknown"),
)
VALUES = {
    "name": ["a", "b", "a/b", "r", "b.xml", "a b", "-x"],
    "path": ["a", "b/", ".", "a/b", "c", "../x"],
    "dest-path": ["a", "c", "a/b"],
    "remote": ["r", "s"],
    "fetch": ["..", "../..", "https://github.com", "https://[", "a:b@c:d/../..", "//x"],
    "revision": ["m", "", "a" * 40, "refs/tags/v1", "a..b"],
    "upstream": ["m", "refs/heads/n"],
    "groups": ["a,b", "notdefault", "x y"],
    "src": ["a", "."],
    "dest": ["b", "c/d"],
    "base-rev": ["m", "n"],
    "clone-depth": ["1", "0", "01"],
    "optional": ["true", "x"],
    "in-project": ["a", "b"],
    "enabled-list": ["x"],
    "value": ["v", "&#10;"],
    "url": ["https://x"],
    "bugurl": ["https://x"],
}
attributes = st.fixed_dictionaries(
    {"name": st.sampled_from(VALUES["name"])},
    optional={name: st.sampled_from(values) for name, values in VALUES.items() if name != "name"},
)


def element(tag: str, attributes: Mapping[str, str], children: list[str]) -> str:
    said = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f"<{tag}{said}>{''.join(children)}</{tag}>"


def manifest(inner: list[str]) -> str:
    return "".join(["<manifest><remote name='r' fetch='..'/><default remote='r' revision='m'/>", *inner, "</manifest>"])


tags = st.sampled_from(TAGS)
leaves = st.builds(element, tags, attributes, st.just([]))
elements = st.recursive(
    leaves, lambda inner: st.builds(element, tags, attributes, st.lists(inner, max_size=3)), max_leaves=5
)
soup = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
texts = st.lists(elements, max_size=5).map(manifest) | soup | st.lists(elements | soup, max_size=4).map(manifest)
documents = texts.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=200)

lines = st.sampled_from(
    ["COREOS_BUILD=115", "COREOS_BRANCH=0", "COREOS_PATCH=0", "COREOS_SDK_VERSION=110.0.0", "COREOS_VERSION=115.0.0"]
)
odd_lines = st.text("COREOS_BUILD=0129\"'.+# \t\r\0\u0661\u2028$", max_size=30)
version_files = st.lists(lines | odd_lines, max_size=8).map(lambda found: "\n".join(found).encode())

ROWS = [b"a" * 40 + b" refs/heads/x\n", b"b" * 40 + b" refs/tags/v1 peeled:" + b"a" * 40]
packets = (st.binary(max_size=40) | st.sampled_from(ROWS)).map(lambda body: b"%04x%s" % (len(body) + 4, body))
answers = st.lists(packets, max_size=6).map(lambda found: b"".join([*found, b"0000"]))

WORDS = [
    *(
        "/release ",
        "patch ",
        "build-115",
        " a=b",
        "\n",
        "\r",
        "`",
        "```",
        "> ",
        "- ",
        "<details>",
        "</details>",
        "<!--",
    ),
    *("-->", "[", "](", "|", "\t", "    ", "\u202e", "\0", "\ud800", "<a ", "'", '"', "--allow-empty", "=", "&#47;"),
]
comments = st.lists(st.sampled_from(WORDS), max_size=40).map("".join)


@settings(max_examples=EXAMPLES, deadline=None)
@given(documents, documents, st.sampled_from([FILE, EXECUTABLE, LINK, "160000"]))
def test_a_manifest_of_any_bytes_is_read_or_refused(data: bytes, beside: bytes, mode: str) -> None:
    tree = Tree({"a.xml": Entry(FILE, data), "b.xml": Entry(mode, beside)})
    with suppress(BadManifest):
        found = read(tree, "a.xml")
        said = objections(found, URL, FetchPolicy())
        assert all(sentence.isascii() and sentence.isprintable() for sentence in said)
        if not said:
            needed(found, URL)
            printed = to_xml(found)
            again = read(Tree({"a.xml": Entry(FILE, printed)}), "a.xml")
            assert to_xml(again) == printed
            assert len(again.projects) == len(found.projects)


@settings(max_examples=EXAMPLES, deadline=None)
@given(version_files | st.binary(max_size=200))
def test_a_version_file_of_any_bytes_is_read_or_refused(data: bytes) -> None:
    with suppress(BadVersionFile):
        read_file = VersionFile.parse(data)
        written = read_file.updated(Version(116, 0, 0), "115.0.0")
        assert VersionFile.parse(written).version == Version(116, 0, 0)
        assert written.endswith(b"\n")


@settings(max_examples=EXAMPLES, deadline=None)
@given(answers | st.binary(max_size=200))
def test_an_answer_of_any_bytes_is_rows_or_refused(data: bytes) -> None:
    with suppress(BadPackets):
        assert all(len(row.commit) == 40 for row in rows(data))
    with suppress(BadPackets):
        assert all(len(row.commit) == 40 for row in listed(data))


@settings(max_examples=EXAMPLES, deadline=None)
@given(comments | st.text(max_size=100))
def test_a_comment_of_any_text_is_a_command_a_mistake_or_nothing(body: str) -> None:
    assert isinstance(parse(body), Command | Mistake | None)
