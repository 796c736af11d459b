"""Every element and attribute of the manifest format, to notice what the repo tool would silently read over.

An unknown element may be a change to the release that nobody sees, so it stops a release; so do characters that
are not seen themselves, and those that make a text look different from what it says. A misspelt attribute and a
yes-or-no value that is neither are only said: real manifests carry attributes for other tools.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from bot.core.manifest.elements import FALSE, TRUE
from bot.core.manifest.model import Oddity
from bot.core.manifest.xml_read import Element, hides
from bot.core.shown import shown

_ATTRIBUTES: Mapping[str, frozenset[str]] = {
    tag: frozenset(names.split())
    for tag, names in {
        "notice": "",
        "remote": "name alias fetch pushurl review revision",
        "default": "remote revision dest-branch upstream sync-j sync-j-max sync-c sync-s sync-tags",
        "manifest-server": "url helper",
        "submanifest": "name remote project manifest-name revision path groups default-groups",
        "project": "name path remote revision dest-branch groups rebase sync-c sync-s sync-tags upstream clone-depth"
        " force-path sync-strategy",
        "annotation": "name value keep",
        "copyfile": "src dest",
        "linkfile": "src dest",
        "extend-project": "name path dest-path groups revision remote dest-branch upstream base-rev",
        "remove-project": "name path optional base-rev",
        "repo-hooks": "in-project enabled-list",
        "superproject": "name remote revision",
        "contactinfo": "bugurl",
        "include": "name groups revision",
    }.items()
}
_CHILDREN: Mapping[str, frozenset[str]] = {
    "manifest": frozenset(_ATTRIBUTES) - {"annotation", "copyfile", "linkfile"},
    "remote": frozenset({"annotation"}),
    "submanifest": frozenset({"annotation"}),
    "project": frozenset({"annotation", "copyfile", "linkfile", "project"}),
    "extend-project": frozenset({"annotation", "copyfile", "linkfile"}),
}
_NUMBERS = frozenset({"sync-j", "sync-j-max", "clone-depth"})
_PLAIN_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_YES_OR_NO = frozenset({"sync-c", "sync-s", "sync-tags", "rebase", "force-path", "optional"})


def oddities(elements: Iterable[Element], inside: str = "manifest") -> Iterator[Oddity]:
    """What these elements, children of an <inside>, have that the tool does not read."""
    for element in elements:
        if element.tag not in _CHILDREN.get(inside, frozenset()):
            yield Oddity(f"{element.place}: <{inside}> has no <{shown(element.tag).strip('`')}>: it is ignored.", True)
            continue
        if element.text.strip() and element.tag != "notice":
            yield Oddity(f"{element.place}: the text in <{element.tag}> is ignored.", False)
        if element.tag == "notice" and hides(element.text):
            yield Oddity(f"{element.place}: the notice has characters that cannot be seen.", True)
        for name, value in element.attributes.items():
            yield from _attribute(element, name, value)
        yield from oddities(element.children, element.tag)


def root_oddities(root: Element) -> Iterator[Oddity]:
    """The same for a <manifest> itself, which says nothing but through its children."""
    if root.text.strip():
        yield Oddity(f"{root.place}: the text in <manifest> is ignored.", False)
    for name in root.attributes:
        yield Oddity(f"{root.place}: <manifest> has no attribute {shown(name)}: it is ignored.", False)


def _attribute(element: Element, name: str, value: str) -> Iterator[Oddity]:
    if not value.isprintable():
        yield Oddity(f"{element.place}: {shown(name)} is {shown(value)}: it has characters that cannot be seen.", True)
    if name not in _ATTRIBUTES[element.tag]:
        yield Oddity(f"{element.place}: <{element.tag}> has no attribute {shown(name)}: it is ignored.", False)
    elif name in _YES_OR_NO and value.lower() not in TRUE | FALSE | {""}:
        yield Oddity(f"{element.place}: {name} is {shown(value)}, neither true nor false: it is ignored.", False)
    elif name in _NUMBERS and not _PLAIN_NUMBER.fullmatch(value):
        yield Oddity(f"{element.place}: {name} is {shown(value)}, which is no plain number.", True)
    elif name == "revision" and not value and element.tag == "project":
        yield Oddity(f"{element.place}: the revision is empty: the default is used.", False)
