"""Which elements a manifest consists of once its includes are followed: a flat list, in the order they take effect.

Included files are looked up from the root of the repository, in one commit, whatever folder the including file
is in. What stands on an <include> is handed on: its groups to every project below it, its revision to the
projects and includes directly in the included file that name none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from bot.core.manifest.model import BadManifest, Oddity
from bot.core.manifest.paths import check_path
from bot.core.manifest.xml_read import Allowance, Element, hidden, parse
from bot.core.shown import shown
from bot.core.tree import Tree

MAX_INCLUDES_DEEP = 8
MAX_FILES = 64
MAX_GROUPS = 256


@dataclass
class Collector:
    """Follows includes inside one tree. `inputs`, `roots`, `elements`, `oddities` grow with each file that is read."""

    tree: Tree
    elements: list[Element] = field(default_factory=list)
    inputs: dict[str, None] = field(default_factory=dict)
    roots: list[Element] = field(default_factory=list)
    oddities: list[Oddity] = field(default_factory=list)
    allowance: Allowance = field(default_factory=Allowance)
    files_read: int = 0

    def add_file(self, path: str, groups: frozenset[str]) -> None:
        """Add the elements of the manifest at `path` in the tree; all its projects join `groups`."""
        self._add(self._parsed(self._load(path, None), path), groups, None, (path,))

    def add_local(self, name: str, data: bytes, groups: frozenset[str]) -> None:
        """Add the elements of a local manifest, which is no file of the tree."""
        self._add(self._parsed(data, name), groups, None, (name,))

    def _parsed(self, data: bytes, name: str) -> Element:
        self.files_read += 1
        if self.files_read > MAX_FILES:
            raise BadManifest(f"{shown(name)}: the manifest includes more than {MAX_FILES} files.")
        root = parse(data, name, self.allowance)
        self.roots.append(root)
        self.oddities += hidden(data, name)
        return root

    def _add(self, root: Element, groups: frozenset[str], revision: str | None, chain: tuple[str, ...]) -> None:
        if root.tag != "manifest":
            raise BadManifest(f"{root.place}: the root element is <{root.tag}>, not <manifest>.")
        for element in root.children:
            self.elements.append(_joined(_revised(element, revision), groups))
            if element.tag == "include":
                self._include(element, groups, revision, chain)

    def _include(self, element: Element, groups: frozenset[str], revision: str | None, chain: tuple[str, ...]) -> None:
        name = check_path(element, "name", element.need("name"))
        if name in chain:
            raise BadManifest(f"{element.place}: {shown(name)} includes itself through {len(chain)} files.")
        if len(chain) > MAX_INCLUDES_DEEP:
            raise BadManifest(f"{element.place}: includes are nested more than {MAX_INCLUDES_DEEP} deep.")
        root = self._parsed(self._load(name, element), name)
        handed_on = revision if "revision" not in element.attributes else element.get("revision")
        self._add(root, groups | set(split_list(element.get("groups"))), handed_on, (*chain, name))

    def _load(self, path: str, included_by: Element | None) -> bytes:
        """The bytes of a regular file of the tree, one relative link followed."""
        landed = self.tree.resolve(path)
        if landed is None:
            raise BadManifest(_missing(self.tree, path, included_by))
        self.inputs |= {path: None, landed: None}
        return self.tree.entries[landed].data


def split_list(text: str | None) -> list[str]:
    """The items of a list written with commas, blanks or both."""
    return [item for item in re.split(r"[,\s]+", text or "") if item]


def _missing(tree: Tree, path: str, included_by: Element | None) -> str:
    where = f"{included_by.place}: the included file" if included_by else "The manifest"
    if path in tree:
        return f"{where} {shown(path)} is a link that leads to no file of this commit."
    return f"{where} {shown(path)} is not in this commit."


def _revised(element: Element, revision: str | None) -> Element:
    if not revision or element.tag != "project" or "revision" in element.attributes:
        return element
    return replace(element, attributes={**element.attributes, "revision": revision})


def _joined(element: Element, groups: Iterable[str]) -> Element:
    if not groups or element.tag not in ("project", "extend-project"):
        return element
    joined = {*groups, *split_list(element.get("groups"))}
    if len(joined) > MAX_GROUPS:
        raise BadManifest(f"{element.place}: <{element.tag}> is in more than {MAX_GROUPS} groups.")
    return replace(element, attributes={**element.attributes, "groups": ",".join(sorted(joined))})
