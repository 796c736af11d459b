"""Manifests of the repo tool: read them hardened, pin them without a clone, edit them in place, print them.

This is the package's public face; the files behind it hold one rule each.
"""

from bot.core.manifest.edit import PinEdit, edit_in_place
from bot.core.manifest.groups import select
from bot.core.manifest.model import (
    Annotation,
    BadManifest,
    Default,
    FileCopy,
    Hooks,
    Manifest,
    Oddity,
    Project,
    Remote,
    Submanifest,
    Superproject,
)
from bot.core.manifest.pin import Query, RefNotFound, full_ref, is_commit, needed, pinned
from bot.core.manifest.read import read
from bot.core.manifest.refs import ref_problem, revision_problem
from bot.core.manifest.release import objections
from bot.core.manifest.style import Style, style_in, style_of
from bot.core.manifest.xml_print import Dialect, to_xml

__all__ = [
    "Annotation",
    "BadManifest",
    "Default",
    "Dialect",
    "FileCopy",
    "Hooks",
    "Manifest",
    "Oddity",
    "PinEdit",
    "Project",
    "Query",
    "RefNotFound",
    "Remote",
    "Style",
    "Submanifest",
    "Superproject",
    "edit_in_place",
    "full_ref",
    "is_commit",
    "needed",
    "objections",
    "pinned",
    "read",
    "ref_problem",
    "revision_problem",
    "select",
    "style_in",
    "style_of",
    "to_xml",
]
