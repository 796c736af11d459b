"""Which projects a checkout has: the repo tool's rule for `-g`, applied in order from left to right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.core.manifest.include import split_list
from bot.core.manifest.model import Manifest, Project

PLATFORM = "platform-linux"


def select(manifest: Manifest, groups: str | None = None) -> Manifest:
    """The manifest without the projects that `-g groups` leaves out, and without what is nested in those.

    Without groups, the projects marked `notdefault` are left out. With groups, those for Linux are added.
    """
    wanted: Sequence[str] = manifest.default_groups or ("default",)
    if groups and split_list(groups):
        wanted = (*split_list(groups), PLATFORM)
    kept: dict[str, Project] = {}
    for project in manifest.projects:
        if matches(project, wanted) and (project.parent is None or project.parent in kept):
            kept[project.path] = project
    return replace(manifest, projects=tuple(kept.values()))


def matches(project: Project, wanted: Sequence[str]) -> bool:
    """Whether the last word about this project's groups is yes: `-GROUP` says no."""
    groups = {"all", *project.groups}
    if "notdefault" not in groups:
        groups.add("default")
    matched = False
    for group in wanted:
        if group.startswith("-") and group[1:] in groups:
            matched = False
        elif group in groups:
            matched = True
    return matched
