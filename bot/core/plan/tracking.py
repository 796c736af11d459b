"""Layout *tracking*: build-N.xml is release.xml with some projects following the release branch instead of a commit.

Both files are printed by us, one project a line, so this edits lines. What stands between revision and upstream
goes with them, as it did in the script that the layout comes from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from bot.core.manifest import BadManifest
from bot.core.shown import shown
from bot.core.snapshot import HEADS

_PINNED = re.compile(r' revision="[^"]*"(?:.* upstream="[^"]*")?')


def unpinned(printed: bytes, ref: str) -> bytes:
    """The manifest of the release branch: every project whose upstream is `ref` follows it again."""
    lines = printed.decode().split("\n")
    return "\n".join(_following(line, ref) if _is_from(line, ref) else line for line in lines).encode()


def follow(printed: bytes, paths: Iterable[str], ref: str) -> bytes:
    """The manifest with the projects at these paths following `ref`; BadManifest where one is not there."""
    missing = set(paths)
    text = printed.decode()
    lines = text.split("\n")
    for number, line in enumerate(lines):
        path = _path(line)
        if path in missing:
            lines[number] = _following(line, ref)
            missing.discard(path)
    if missing:
        raise BadManifest(
            f"No project at {shown(min(missing))} can be made to follow {ref}: it is not in the manifest."
        )
    return "\n".join(lines).encode()


def _is_from(line: str, ref: str) -> bool:
    short = ref.removeprefix(HEADS)
    return line.lstrip().startswith("<project ") and any(f' upstream="{name}"' in line for name in (ref, short))


def _following(line: str, ref: str) -> str:
    return _PINNED.sub(f' revision="{ref}"', line, count=1)


def _path(line: str) -> str | None:
    """The path of the project that this line starts, as the manifest writes it."""
    if not line.lstrip().startswith("<project "):
        return None
    found = dict(re.findall(r' ([a-z-]+)="([^"]*)"', line))
    return found.get("path") or found.get("name")
