"""What publishing sets in motion, by the configuration's rules: which channels move, whose group, which image build."""

from __future__ import annotations

from bot.core.config import Config
from bot.core.manifest import Manifest
from bot.core.record import NO_CHOICES, BuildOrder, ChannelOrder, Choices
from bot.core.snapshot import HEADS, Snapshot
from bot.core.version import Version


def group_for(config: Config, build: int, last: str | None = None, choices: Choices = NO_CHOICES) -> tuple[str, str]:
    """Whose machines follow the image, and where that is said.

    The command goes before the line's entry in the configuration, that before what the line's last release record
    names, and that before the repository's default.
    """
    line = config.lines.get(build)
    if choices.group is not None:
        return choices.group, "the command"
    if line is not None and line.group:
        return line.group, f"line {config.line_branch(build)}"
    if last is not None:
        return last, f"as the last release of {config.line_branch(build)}"
    return config.build.group, "default of this repository"


def channel_orders(
    snapshot: Snapshot, version: Version, line: str, off_main: bool, choices: Choices = NO_CHOICES
) -> tuple[ChannelOrder, ...]:
    """What publishing `version` does to each channel (design.md, "Channels move by VERSION")."""
    orders = []
    for name, mode in channels_for(snapshot.config, line, off_main, choices):
        seen = channel_version(snapshot, HEADS + name)
        unreadable = seen is None and HEADS + name in snapshot.refs
        moves = channel_moves(mode, seen, version) and not (unreadable and mode == "newer")
        orders.append(ChannelOrder(name, HEADS + name, mode, str(seen) if seen else None, moves))
    return tuple(orders)


def channels_for(
    config: Config, line: str, off_main: bool, choices: Choices = NO_CHOICES
) -> tuple[tuple[str, str], ...]:
    """The channels that a release of this line concerns, with their modes, by name.

    `off_main`: it is made off the main branch. `channel=keep` moves none. `channel=move` moves each to any version,
    but for one that is moved by hand only.
    """
    forced = {"keep": "never", "move": "always"}.get(choices.channel or "")
    return tuple(
        (name, channel.mode if channel.mode == "never" else forced or channel.mode)
        for name, channel in sorted(config.channels.items())
        if channel.releases == "all"
        or (channel.releases == "new" and off_main)
        or (isinstance(channel.releases, tuple) and line in channel.releases)
    )


def channel_version(snapshot: Snapshot, ref: str) -> Version | None:
    """The version that a channel ref is at: by release tag, else by what its version.txt says."""
    commit = snapshot.refs.get(ref)
    by_tag = [version for version, target in snapshot.released.items() if target == commit]
    return max(by_tag, default=None) or snapshot.channel_files.get(ref)


def channel_moves(mode: str, seen: Version | None, version: Version) -> bool:
    """Whether a channel that is at `seen` moves to `version`. (Mode `ff` is decided at the push as well.)"""
    if mode == "never":
        return False
    return mode == "always" or seen is None or version > seen


def scripts_project(manifest: Manifest, owner: str) -> str | None:
    """Where images are built when nobody says so: the project `scripts` of the manifest repository's own owner."""
    return next((project.name for project in manifest.projects if project.name == f"{owner}/scripts"), None)


def build_order(
    config: Config, build: int, otherwise: str | None = None, choices: Choices = NO_CHOICES
) -> BuildOrder | None:
    """The image build that publishing a release of this line starts, or None where there is none.

    `otherwise` is the repository to build in where the configuration names none.
    """
    wanted = config.build
    repository = wanted.repository or otherwise
    if wanted.trigger != "dispatch" or not repository or choices.build is False:
        return None
    line = config.lines.get(build)
    formats = choices.formats or (tuple(line.formats) if line and line.formats else tuple(wanted.formats))
    return BuildOrder(repository, wanted.workflow, wanted.ref, wanted.image, formats)
