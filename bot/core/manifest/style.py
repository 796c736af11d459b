"""How a repository writes its release manifests, read off the last one, so that the next one looks the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.core.manifest.model import BadManifest
from bot.core.manifest.xml_print import Dialect
from bot.core.manifest.xml_read import Element, parse

_TODAY = [
    *("name", "fetch", "pushurl", "alias", "review", "path", "src", "remote", "revision", "upstream", "dest-branch"),
    *(
        "dest",
        "groups",
        "sync-j",
        "sync-j-max",
        "sync-c",
        "sync-s",
        "sync-tags",
        "clone-depth",
        "sync-strategy",
        "value",
    ),
]


@dataclass(frozen=True)
class Style:
    """The dialect, and whether pinned projects say which branch they came from and where changes to them go."""

    dialect: Dialect = Dialect.TODAY
    upstream: bool = True
    dest_branch: bool = True


def style_in(*release_manifests: bytes | None) -> Style | None:
    """The style of the first of these that tells one, the last release's first; None where none does.

    One that is missing, empty or broken tells nothing: such were released, and the next release must not fail by it.
    """
    for data in release_manifests:
        try:
            elements = list(_all(parse(data or b"", "a release manifest")))
        except BadManifest:
            continue
        projects = [element for element in elements if element.tag == "project"]
        if projects:
            return Style(
                _dialect(elements),
                upstream=any(project.get("upstream") for project in projects),
                dest_branch=any(project.get("dest-branch") for project in projects),
            )
    return None


def style_of(*release_manifests: bytes | None) -> Style:
    """The same, and today's style where none tells one."""
    return style_in(*release_manifests) or Style()


def _all(element: Element) -> Iterator[Element]:
    yield element
    for child in element.children:
        yield from _all(child)


def _dialect(elements: list[Element]) -> Dialect:
    """The dialect that more elements can only have been written in; hand-made lines do not decide."""
    alphabetical = today = 0
    for element in elements:
        names = [name for name in element.attributes if name in _TODAY]
        if sorted(names) != sorted(names, key=_TODAY.index):
            alphabetical += names == sorted(names)
            today += names == sorted(names, key=_TODAY.index)
    return Dialect.ALPHABETICAL if alphabetical > today else Dialect.TODAY
