"""From the bytes of one XML file to plain elements: the only place that knows the XML parser.

The parser resolves no entities, loads nothing and asks no network, and it never sees what could make it: a file
with a DOCTYPE, in another encoding than UTF-8, or larger than any manifest is refused before it is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from bot.core.manifest.model import BadManifest, Oddity
from bot.core.shown import shown

MAX_BYTES = 1 << 20
MAX_ELEMENTS = 20_000
MAX_DEPTH = 16
MAX_ATTRIBUTES = 64
MAX_VALUE = 4096
BOM = b"\xef\xbb\xbf"
_DECLARATION = re.compile(rb"<\?xml(\s.*?)\?>", re.DOTALL)
_ENCODING = re.compile(rb"\sencoding\s*=\s*[\"']([^\"']*)[\"']")
_PROLOG_PART = re.compile(rb"\s+|<\?.*?\?>|<!--.*?-->", re.DOTALL)
# Marks and overrides of writing direction, joiners, blanks of no width, other line ends, the marks of a "tag".
_HIDDEN = re.compile(
    "[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_NO_DOCTYPE = "{} has a DOCTYPE: remove it, a manifest must not define entities."


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its tag, its attributes in order, its child elements, and all text directly inside it."""

    tag: str
    attributes: Mapping[str, str]
    children: tuple[Element, ...]
    text: str
    file: str
    line: int

    @property
    def place(self) -> str:
        """Where it stands, to begin a sentence with."""
        return f"{shown(self.file)}, line {self.line}"

    def get(self, name: str) -> str | None:
        """The value of an attribute; None where it is missing or empty, which the format does not tell apart."""
        return self.attributes.get(name) or None

    def need(self, name: str) -> str:
        """The value of an attribute that must be there."""
        value = self.get(name)
        if value is None:
            raise BadManifest(f"{self.place}: <{self.tag}> has no {name}.")
        return value


@dataclass
class Allowance:
    """What may still be read: a manifest's files share one, so that many includes cost no more than one large file."""

    elements: int = MAX_ELEMENTS
    size: int = 4 * MAX_BYTES


def parse(data: bytes, file: str, allowance: Allowance | None = None) -> Element:
    """The root element of `data`; `file` is its name for the sentences."""
    allowance = allowance or Allowance()
    allowance.size -= len(data)
    if allowance.size < 0:
        raise BadManifest(f"{shown(file)}: the manifest and its includes are larger than 4 MiB together.")
    _refuse_by_bytes(data, file)
    parser: Any = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        encoding="utf-8",
    )
    try:
        root: Any = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise BadManifest(_syntax_sentence(error, file)) from None
    if root.getroottree().docinfo.doctype:
        raise BadManifest(_NO_DOCTYPE.format(shown(file)))
    return _Converter(file, allowance).element(root, 1)


def hides(text: str) -> re.Match[str] | None:
    """The first character that a reviewer cannot see or that turns others around."""
    return _HIDDEN.search(text)


def hidden(data: bytes, file: str) -> Iterator[Oddity]:
    """The same for a file as it stands, comments included."""
    text = data.decode().removeprefix("\ufeff")
    found = hides(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        yield Oddity(f"{shown(file)}, line {line}: it holds the character U+{ord(found[0]):04X}, which hides.", True)


def _refuse_by_bytes(data: bytes, file: str) -> None:
    """Refuse what the parser must not see."""
    name = shown(file)
    if len(data) > MAX_BYTES:
        raise BadManifest(f"{name} is larger than 1 MiB: no manifest is that large.")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        raise BadManifest(f"{name} is not UTF-8: save it as UTF-8.") from None
    markup = data.removeprefix(BOM)
    if not markup.strip():
        raise BadManifest(f"{name} is empty.")
    declaration = _DECLARATION.match(markup)
    encoding = _ENCODING.search(declaration[1]) if declaration else None
    if encoding and encoding[1].lower() not in (b"utf-8", b"utf8"):
        raise BadManifest(f"{name} declares the encoding {shown(encoding[1].decode())}: only UTF-8 is read.")
    if markup.startswith(b"<!DOCTYPE", _after_prolog(markup)):
        raise BadManifest(_NO_DOCTYPE.format(name))


def _after_prolog(markup: bytes) -> int:
    """Where the blanks, comments and instructions at the start end: only there can a DOCTYPE stand."""
    at = 0
    while match := _PROLOG_PART.match(markup, at):
        at = match.end()
    return at


def _syntax_sentence(error: Any, file: str) -> str:
    """What is wrong, with line and column; the parser's own words quote the file, so they are cut and cleaned."""
    line, column = error.position
    reason = str(error.msg or "").partition(", line ")[0]
    return f"{shown(file)}, line {line}, column {column}: not well-formed XML ({shown(reason)})."


class _Converter:
    """Turns the parser's elements into ours and counts them."""

    def __init__(self, file: str, allowance: Allowance) -> None:
        self.file = file
        self.allowance = allowance

    def element(self, node: Any, depth: int) -> Element:
        self.allowance.elements -= 1
        place = f"{shown(self.file)}, line {node.sourceline}"
        if self.allowance.elements < 0:
            raise BadManifest(f"{place}: the manifest has more than {MAX_ELEMENTS} elements.")
        if depth > MAX_DEPTH:
            raise BadManifest(f"{place}: elements are nested too deeply.")
        if len(node.attrib) > MAX_ATTRIBUTES:
            raise BadManifest(f"{place}: an element has more than {MAX_ATTRIBUTES} attributes.")
        attributes = dict(node.attrib)
        if node.nsmap or any(name.startswith("{") for name in (node.tag, *attributes)):
            raise BadManifest(f"{place}: namespaces have no place in a manifest.")
        if any(len(value) > MAX_VALUE for value in attributes.values()):
            raise BadManifest(f"{place}: an attribute is longer than {MAX_VALUE} characters.")
        children = tuple(self.element(child, depth + 1) for child in node)
        text = (node.text or "") + "".join(child.tail or "" for child in node)
        return Element(node.tag, attributes, children, text, self.file, node.sourceline)
