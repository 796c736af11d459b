"""How releases look in one repository, as `.github/manifest-release.yml` on its default branch says.

A repository shaped like the seed's needs no file: every value has its default here. Secrets, addresses and who may
be served are the operator's matter and have no key in this file.
"""

from __future__ import annotations

from bot.core.config.document import CONFIG_FILE, BadConfig
from bot.core.config.model import (
    Build,
    Channel,
    Commands,
    Config,
    Line,
    ManifestFiles,
    Notes,
    People,
    Permissions,
    Sdk,
    Tag,
)
from bot.core.config.schema import read

__all__ = [
    "CONFIG_FILE",
    "BadConfig",
    "Build",
    "Channel",
    "Commands",
    "Config",
    "Line",
    "ManifestFiles",
    "Notes",
    "People",
    "Permissions",
    "Sdk",
    "Tag",
    "read",
]
