"""From a flat list of elements to a Manifest: what may be said twice, what only once, and in which order it counts.

Remotes and the default are read first, wherever they stand. Then projects are added, extended and removed in the
order of the files, so a later element sees what the earlier ones did.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from bot.core.manifest import elements as read
from bot.core.manifest.include import split_list
from bot.core.manifest.model import BadManifest, Default, Hooks, Manifest, Remote, Superproject
from bot.core.manifest.registry import Registry, known_remote
from bot.core.manifest.xml_read import Element
from bot.core.shown import shown

T = TypeVar("T")
MAX_NAMED = 1000
"""More remotes, or submanifests, than anybody has."""


def build(elements: Sequence[Element]) -> Manifest:
    """The manifest that these elements make together."""
    remotes = _named(elements, "remote", read.remote, lambda remote: remote.name)
    default = _default(_tagged(elements, "default"), remotes)
    submanifests = _named(elements, "submanifest", read.submanifest, lambda submanifest: submanifest.name)
    registry = Registry(remotes, default, tuple(submanifest.place for submanifest in submanifests.values()))
    hooks = _change_projects(registry, elements)
    bug_urls = [element.need("bugurl") for element in _tagged(elements, "contactinfo")]
    return Manifest(
        projects=registry.projects(),
        remotes=remotes,
        default=default,
        notice=_only(elements, "notice", read.notice),
        server=_only(elements, "manifest-server", lambda element: element.need("url")),
        submanifests=tuple(submanifests.values()),
        hooks=hooks,
        superproject=_only(elements, "superproject", lambda element: _superproject(element, remotes, default)),
        bug_url=bug_urls[-1] if bug_urls else None,
    )


def _tagged(elements: Sequence[Element], tag: str) -> list[Element]:
    return [element for element in elements if element.tag == tag]


def _only(elements: Sequence[Element], tag: str, reading: Callable[[Element], T]) -> T | None:
    """What an element says that may stand only once, or None where it stands nowhere."""
    found = _tagged(elements, tag)
    if len(found) > 1:
        raise BadManifest(f"{found[1].place}: a second <{tag}>; the first is in {found[0].place}.")
    return reading(found[0]) if found else None


def _named(
    elements: Sequence[Element], tag: str, reading: Callable[[Element], T], name_of: Callable[[T], str]
) -> dict[str, T]:
    """Elements by name; one may be repeated, but not with other attributes."""
    found: dict[str, T] = {}
    for element in _tagged(elements, tag):
        value = reading(element)
        if found.setdefault(name_of(value), value) != value:
            raise BadManifest(f"{element.place}: a second <{tag}> {shown(name_of(value))} with other attributes.")
        if len(found) > MAX_NAMED:
            raise BadManifest(f"{element.place}: the manifest has more than {MAX_NAMED} <{tag}>.")
    return found


def _default(elements: Sequence[Element], remotes: Mapping[str, Remote]) -> Default:
    """The first <default>; a later one must be empty or say the same."""
    found: Default | None = None
    for element in elements:
        value = read.default(element)
        if value.remote:
            known_remote(element, value.remote, remotes)
        empty = not element.attributes and not element.children and not element.text
        if found is None:
            found = value
        elif not empty and value != found:
            raise BadManifest(f"{element.place}: a second <default> that says something else.")
    return found or Default()


def _superproject(element: Element, remotes: Mapping[str, Remote], default: Default) -> Superproject:
    name, remote_name = element.need("name"), element.get("remote") or default.remote
    if remote_name is None:
        raise BadManifest(f"{element.place}: the superproject has no remote, and no default gives one.")
    remote = known_remote(element, remote_name, remotes)
    revision = element.get("revision") or remote.revision or default.revision
    if not revision:
        raise BadManifest(f"{element.place}: the superproject has no revision, and no default gives one.")
    return Superproject(name, remote.name, revision)


def _change_projects(registry: Registry, elements: Sequence[Element]) -> Hooks | None:
    """Add, extend and remove projects in order; the hooks go with the project that they are in."""
    said: tuple[Element, Hooks] | None = None
    for element in elements:
        if element.tag == "project":
            registry.add(element)
        elif element.tag == "extend-project":
            registry.extend(element)
        elif element.tag == "remove-project":
            gone = registry.remove(element)
            if said and said[1].project == gone:
                said = None
        elif element.tag == "repo-hooks":
            if said:
                raise BadManifest(f"{element.place}: a second <repo-hooks>; the first is in {said[0].place}.")
            said = element, Hooks(element.need("in-project"), tuple(split_list(element.need("enabled-list"))))
    if not said:
        return None
    element, hooks = said
    if len(registry.names.get(hooks.project, ())) != 1:
        raise BadManifest(f"{element.place}: <repo-hooks> needs exactly one project {shown(hooks.project)}.")
    return hooks
