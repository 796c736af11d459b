"""Manifests from the file, read, objected to, pinned and printed again: area "manifest"."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.core.fetch_policy import FetchPolicy
from bot.core.manifest import BadManifest, Manifest, needed, objections, pinned, read, to_xml
from bot.core.tree import FILE, LINK, Entry, Tree
from tests.bad_inputs.rows import BadRow, Check, Kind, Outcome, Row

URL = "https://github.com/coreos/manifest"
COMMIT = "0a" * 20
GONE = "refs/heads/deleted"
"""The one ref that no project repository has here."""
HEAD = '<remote name="github" fetch=".."/><default remote="github" revision="refs/heads/master"/>'


def work(row: Row) -> Callable[[], Outcome]:
    """Do what a release does with the manifest: read, object, pin."""
    path, tree = tree_of(row)
    return lambda: outcome(path, tree)


def tree_of(row: Row) -> tuple[str, Tree]:
    """A commit with this manifest, and the path of it: a text, bytes, a link or something big."""
    beside = {"_remotes.xml": Entry(FILE, f"<manifest>{HEAD}</manifest>".encode())}
    given = row.input
    if isinstance(given, dict) and "symlink" in given:
        return given["path"], Tree(beside | {given["path"]: Entry(LINK, given["symlink"].encode())})
    if row.id in DESCRIBED:
        beside |= {name: Entry(FILE, data) for name, data in DESCRIBED[row.id]().items()}
    else:
        beside["default.xml"] = Entry(FILE, row.data())
    if "default.xml" not in beside:
        raise BadRow("its description makes no default.xml")
    return "default.xml", Tree(beside)


def outcome(path: str, tree: Tree) -> Outcome:
    """What a release makes of it: the reader's refusal, the first objection, a ref that is gone, or its manifest."""
    try:
        manifest = read(tree, path)
        objected = objections(manifest, URL, FetchPolicy())
        if objected:
            return Outcome("refuse", objected[0], manifest)
        answers = {(query.url, ref): COMMIT for query in needed(manifest, URL) for ref in query.refs if ref != GONE}
        return Outcome("accept", value=pinned(manifest, URL, answers))
    except BadManifest as bad:
        return Outcome("refuse", str(bad))


def is_kept(came: Outcome) -> bool:
    """What is taken and printed says the same when it is read again; what is refused is told in a plain sentence."""
    if came.kind != "accept":
        return came.said.isascii() and came.said.isprintable() and came.said.endswith(".")
    printed = to_xml(came.value)
    again = printed_manifest(printed)
    return to_xml(again) == printed and [p.revision for p in again.projects] == [p.pin for p in came.value.projects]


def printed_manifest(printed: bytes) -> Manifest:
    """A printed manifest, read and pinned as it stands."""
    return pinned(read(Tree({"a.xml": Entry(FILE, printed)}), "a.xml"), URL, {})


def laughs(levels: int) -> bytes:
    """Entities that hold ten times the one before, so many levels deep."""
    entities = "".join(
        f'<!ENTITY l{level} "{f"&l{level - 1};" * 10 if level else "lol"}">' for level in range(levels + 1)
    )
    return f"<!DOCTYPE m [{entities}]><manifest>{HEAD}<notice>&l{levels};</notice></manifest>".encode()


def quadratic() -> bytes:
    """One large entity, used very often."""
    body = f"<notice>{'&x;' * 2000}</notice>"
    return f'<!DOCTYPE m [<!ENTITY x "{"x" * 50_000}">]><manifest>{HEAD}{body}</manifest>'.encode()


def chain(length: int) -> dict[str, bytes]:
    """Files of which each includes the next."""
    files = {f"{number}.xml": f'<include name="{number + 1}.xml"/>' for number in range(1, length)}
    files |= {"default.xml": f'{HEAD}<include name="1.xml"/>', f"{length}.xml": ""}
    return {name: f"<manifest>{body}</manifest>".encode() for name, body in files.items()}


def only(data: bytes) -> dict[str, bytes]:
    """One file."""
    return {"default.xml": data}


DESCRIBED: Mapping[str, Callable[[], dict[str, bytes]]] = {
    "mani-008": lambda: only(laughs(9)),
    "mani-009": lambda: only(laughs(4)),
    "mani-010": lambda: only(quadratic()),
    "mani-013": lambda: only(f'<manifest>{HEAD}<project name="{"x" * 9_000_000}"/></manifest>'.encode()),
    "mani-015": lambda: only(f"<manifest>{HEAD}</manifest>".encode() + b" " * 10_000_000),
    "mani-024": lambda: chain(50),
    "mani-098": lambda: only(f'<?xml version="1.0" encoding="UTF-16"?><manifest>{HEAD}</manifest>'.encode("utf-16")),
}


def says(*words: str) -> Check:
    """The sentence holds these words."""
    return lambda came: all(word in came.said for word in words)


def warns(word: str) -> Check:
    """It is taken, with a remark that holds this word."""
    return lambda came: any(word in oddity.sentence and not oddity.serious for oddity in came.value.oddities)


WANTED: Mapping[str, Kind] = {
    "mani-017": "accept",
    "mani-044": "refuse",
    "mani-060": "accept",
    "mani-090": "accept",
    "mani-097": "accept",
}
CHECKS: Mapping[str, Check] = {
    "mani-002": says("DOCTYPE"),
    "mani-004": says("DOCTYPE"),
    "mani-006": says("DOCTYPE"),
    "mani-009": says("DOCTYPE"),
    "mani-017": lambda came: b"stylesheet" not in to_xml(came.value),
    "mani-022": says("default.xml", "missing.xml"),
    "mani-024": says("8 deep"),
    "mani-044": lambda came: FetchPolicy().address("https://GITHUB.com/a") == "https://github.com/a",
    "mani-050": lambda came: FetchPolicy().address("ssh://git@github.com/a") == "https://github.com/a",
    "mani-055": says("nope"),
    "mani-060": lambda came: came.value.projects[0].revision == "refs/heads/master" and warns("is empty")(came),
    "mani-066": says("coreos/scripts", GONE),
    "mani-086": says("submanifest"),
    "mani-089": says("<Project>"),
    "mani-090": warns("revison"),
    "mani-093": says("line 1, column"),
    "mani-097": lambda came: to_xml(came.value).startswith(b"<?xml"),
    "mani-102": lambda came: came.value.notice == printed_manifest(to_xml(came.value)).notice == "</notice>",
}
