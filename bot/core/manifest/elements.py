"""What single elements say: a remote, the default, a notice, the children of projects."""

from __future__ import annotations

from bot.core.manifest.address import is_address
from bot.core.manifest.include import split_list
from bot.core.manifest.model import Annotation, BadManifest, Default, FileCopy, Remote, Submanifest
from bot.core.manifest.paths import check_path
from bot.core.manifest.xml_read import Element
from bot.core.shown import shown

TRUE, FALSE = frozenset({"yes", "true", "1"}), frozenset({"no", "false", "0"})


def remote(element: Element) -> Remote:
    """A <remote>."""
    fetch = element.need("fetch")
    if not is_address(fetch):
        raise BadManifest(f"{element.place}: fetch is {shown(fetch)}, which is no address.")
    return Remote(
        name=element.need("name"),
        fetch=fetch,
        pushurl=element.get("pushurl"),
        alias=element.get("alias"),
        review=element.get("review"),
        revision=element.get("revision"),
        annotations=annotations_in(element),
    )


def default(element: Element) -> Default:
    """A <default>; whether its remote exists is for the caller to see."""
    return Default(
        remote=element.get("remote"),
        revision=element.get("revision"),
        dest_branch=element.get("dest-branch"),
        upstream=element.get("upstream"),
        sync_j=positive(element, "sync-j"),
        sync_j_max=positive(element, "sync-j-max"),
        sync_c=truth(element, "sync-c", False),
        sync_s=truth(element, "sync-s", False),
        sync_tags=truth(element, "sync-tags", True),
    )


def submanifest(element: Element) -> Submanifest:
    """A <submanifest>; the folder it goes to must be a harmless path."""
    found = Submanifest(
        name=element.need("name"),
        remote=element.get("remote"),
        project=element.get("project"),
        manifest_name=element.get("manifest-name"),
        revision=element.get("revision"),
        path=element.get("path"),
        groups=frozenset(split_list(element.get("groups"))),
        default_groups=tuple(split_list(element.get("default-groups"))),
        annotations=annotations_in(element),
    )
    if found.path:
        check_path(element, "path", found.path)
    elif found.revision:
        check_path(element, "revision", found.place)
    else:
        check_path(element, "name", found.name)
    if found.remote and not found.project:
        raise BadManifest(f"{element.place}: the submanifest {shown(found.name)} names a remote but no project.")
    return found


def notice(element: Element) -> str:
    """The text of a <notice>: indentation common to all lines but the first goes, blank lines at both ends too."""
    if not element.text:
        raise BadManifest(f"{element.place}: the notice is empty.")
    first, *rest = element.text.splitlines()
    common = min((len(line) - len(line.lstrip()) for line in rest if line.strip()), default=None)
    lines = [first.strip(), *(line[common:].rstrip() for line in rest)]
    full = [number for number, line in enumerate(lines) if line]
    return "\n".join(lines[full[0] : full[-1] + 1]) if full else ""


def annotations_in(element: Element) -> tuple[Annotation, ...]:
    """The <annotation> children, in order."""
    found = []
    for child in element.children:
        if child.tag == "annotation":
            keep = (child.get("keep") or "true").lower()
            if keep not in ("true", "false"):
                raise BadManifest(f"{child.place}: keep is {shown(keep)}: it must be true or false.")
            found.append(Annotation(child.need("name"), child.need("value"), keep == "true"))
    return tuple(found)


def file_copies(element: Element, tag: str) -> tuple[FileCopy, ...]:
    """The <copyfile> or <linkfile> children, in order: both ends must stay where they belong."""
    found = []
    for child in element.children:
        if child.tag == tag:
            source, target = child.need("src"), child.need("dest")
            check_path(child, "dest", target)
            check_path(child, "src", source, folder=tag == "linkfile", here=tag == "linkfile")
            found.append(FileCopy(source, target))
    return tuple(found)


def truth(element: Element, name: str, default: bool) -> bool:
    """A yes-or-no attribute; what is neither counts as not said, as in the repo tool."""
    value = (element.get(name) or "").lower()
    return True if value in TRUE else False if value in FALSE else default


def positive(element: Element, name: str) -> int | None:
    """A whole number above zero, or None where the attribute is missing."""
    text = element.get(name)
    if text is None:
        return None
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number <= 0:
        raise BadManifest(f"{element.place}: {name} is {shown(text)}: it must be a whole number above zero.")
    return number
