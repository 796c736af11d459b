"""Change pins in a manifest file by hand, as it were: attribute values only, every other byte stays as it is.

A release branch's manifest is edited and never printed anew, because people keep comments, order and spacing in
it. The edited file is read again: it must say what the original says, but for the wanted changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from bot.core.manifest.model import BadManifest
from bot.core.manifest.paths import placed
from bot.core.manifest.scan import StartTag, start_tags
from bot.core.manifest.xml_read import BOM, Element, parse
from bot.core.shown import shown

_FILE = "the manifest"


@dataclass(frozen=True)
class PinEdit:
    """What one project's element is to say. None leaves `upstream` or `name` as it is."""

    revision: str
    upstream: str | None = None
    name: str | None = None

    @property
    def values(self) -> dict[str, str]:
        """The attributes to set."""
        wanted = {"name": self.name, "revision": self.revision, "upstream": self.upstream}
        return {attribute: value for attribute, value in wanted.items() if value is not None}


@dataclass(frozen=True)
class _Found:
    """A <project> of the file: its number among all elements, its tag, its joined name and path."""

    number: int
    element: Element
    tag: StartTag
    name: str
    path: str


def edit_in_place(data: bytes, edits: Mapping[str, PinEdit]) -> bytes:
    """The file with the projects at these paths changed. An `upstream` that is missing is put after the revision.

    A byte order mark at the start is left out.
    """
    root = parse(data, _FILE)
    projects: dict[str, list[_Found]] = {}
    for found in _projects(root, start_tags(data)):
        projects.setdefault(found.path, []).append(found)
    extended = {element.get("name"): element for element in root.children if element.tag == "extend-project"}
    pieces: list[tuple[int, int, bytes]] = []
    wanted: dict[int, Mapping[str, str]] = {}
    for path, edit in edits.items():
        project = _the_one(projects.get(path, []), path, extended)
        wanted[project.number] = edit.values
        pieces += _replacements(project, edit)
    edited = _spliced(data, pieces).removeprefix(BOM)
    if parse(edited, _FILE) != _changed(root, wanted):
        raise BadManifest("Editing the manifest in place would change more than the pins: edit it by hand.")
    return edited


def _projects(root: Element, tags: list[StartTag]) -> Iterator[_Found]:
    """Every project that counts, with its start tag: parser and scan see the elements in the same order."""
    elements = list(_in_order(root))
    if [element.tag for element in elements] != [tag.name for tag in tags]:
        raise BadManifest("The manifest cannot be edited in place: its tags are not where they should be.")
    numbers = {id(element): number for number, element in enumerate(elements)}
    waiting: list[tuple[Element, tuple[str, str] | None]] = [(child, None) for child in reversed(root.children)]
    while waiting:
        element, outer = waiting.pop()
        if element.tag == "project":
            place = placed(element.need("name"), element.get("path"), outer)
            number = numbers[id(element)]
            yield _Found(number, element, tags[number], *place)
            waiting += [(child, place) for child in reversed(element.children)]


def _in_order(element: Element) -> Iterator[Element]:
    yield element
    for child in element.children:
        yield from _in_order(child)


def _the_one(found: list[_Found], path: str, extended: Mapping[str | None, Element]) -> _Found:
    """The one project at this path whose revision is decided by its own element."""
    if len(found) != 1:
        raise BadManifest(f"The manifest has {len(found)} projects at {shown(path)} where one is to be changed.")
    project = found[0]
    if "revision" not in project.tag.attributes:
        raise BadManifest(f"{project.element.place}: {shown(project.name)} has no revision of its own to change.")
    again = extended.get(project.name)
    if again:
        raise BadManifest(f"{again.place}: <extend-project> changes {shown(project.name)} again: edit it by hand.")
    return project


def _replacements(project: _Found, edit: PinEdit) -> Iterator[tuple[int, int, bytes]]:
    """The places to write to, as (start, end, new bytes)."""
    revision = project.tag.attributes["revision"]
    for attribute, value in edit.values.items():
        if not value or not value.isprintable():
            raise BadManifest(f"{shown(value)} cannot be the {attribute} of {shown(project.name)}.")
        span = project.tag.attributes.get(attribute)
        if span is None:
            text = f" {attribute}={revision.quote}{_escaped(value, revision.quote)}{revision.quote}"
            yield revision.end + 1, revision.end + 1, text.encode()
        elif project.element.attributes[attribute] != value:
            yield span.start, span.end, _escaped(value, span.quote).encode()


def _escaped(value: str, quote: str) -> str:
    text = value.replace("&", "&amp;").replace("<", "&lt;")
    return text.replace(quote, "&quot;" if quote == '"' else "&apos;")


def _spliced(data: bytes, pieces: list[tuple[int, int, bytes]]) -> bytes:
    parts, at = [], 0
    for start, end, new in sorted(pieces):
        parts += [data[at:start], new]
        at = end
    return b"".join([*parts, data[at:]])


def _changed(root: Element, wanted: Mapping[int, Mapping[str, str]]) -> Element:
    """The elements with the wanted attributes, to compare with."""
    numbers = iter(range(1 << 30))

    def change(element: Element) -> Element:
        number = next(numbers)
        children = tuple(change(child) for child in element.children)
        return replace(element, attributes={**element.attributes, **wanted.get(number, {})}, children=children)

    return change(root)
