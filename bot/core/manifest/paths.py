"""Which paths and names a manifest may use: the repo tool's own rules, so that nothing lands outside a checkout."""

from __future__ import annotations

import posixpath
import re

from bot.core.manifest.model import BadManifest
from bot.core.manifest.xml_read import Element
from bot.core.shown import shown

MAX_LENGTH = 255
# Characters that some file systems drop, so that another name could become ".git" there.
_INVISIBLE = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


def path_problem(path: str, folder: bool = False, here: bool = False) -> str | None:
    """Why this path must not be used, or None. `folder` allows a slash at the end, `here` allows just "."."""
    parts = path.lower().rstrip("/").split("/")
    if not path:
        return "it is empty"
    if len(path) > MAX_LENGTH:
        return f"it is longer than {MAX_LENGTH} characters"
    if "~" in path:
        return "it has a ~"
    if _INVISIBLE.search(path):
        return "it has characters that cannot be seen"
    if "\n" in path or "\r" in path:
        return "it has a line end"
    if path.startswith("/"):
        return "it is absolute"
    if here and parts == ["."]:
        return None
    for part in parts:
        if part in (".", "..", ".git") or part.startswith(".repo"):
            return f"{shown(part)} may not be a part of it"
    if path.endswith("/") and not folder:
        return "it ends with a slash"
    return None


def check_path(element: Element, attribute: str, path: str, folder: bool = False, here: bool = False) -> str:
    """The path itself, or BadManifest with the sentence that says what is wrong with it."""
    problem = path_problem(path, folder, here)
    if problem:
        raise BadManifest(f"{element.place}: the {attribute} {shown(path)} of <{element.tag}> is refused: {problem}.")
    return path


def placed(name: str, path: str | None, outer: tuple[str, str] | None) -> tuple[str, str]:
    """Name and path of a project, joined to those of the project around it where it is nested.

    Without a path of its own it goes to where its name says; a nested one's name is joined before that.
    """
    if outer is None:
        return name, (path or name).rstrip("/")
    joined = posixpath.join(outer[0], name)
    return joined, posixpath.join(outer[1], (path or joined).rstrip("/"))
