"""What every flow works with: the four outside systems, the clock, and the questions all flows ask of them.

A flow gets a `Desk` and an intent and reads from top to bottom. Nothing here writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from bot.core.config import CONFIG_FILE, BadConfig, Config, read as read_config
from bot.core.hub import Pull, RepositoryId
from bot.core.intent import Intent
from bot.core.objects import Identity
from bot.core.record import Sealed, unseal
from bot.core.refusal import BadConfiguration
from bot.core.snapshot import HEADS, Snapshot
from bot.core.tree import Tree
from bot.core.version import BadVersionFile, Version, VersionFile
from bot.gh import Hub, Repository
from bot.mirror import Mirror, Mirrors
from bot.remotes import Remotes
from bot.settings import Settings
from bot.store import Store

GIT = {"contents": "write", "metadata": "read"}


@dataclass(frozen=True)
class Desk:
    """The tools of one worker. Each class is narrow; a flow uses the few that it names."""

    settings: Settings
    hub: Hub
    mirrors: Mirrors
    remotes: Remotes
    store: Store
    now: Callable[[], datetime]
    submit: Callable[[str, Sequence[Intent]], bool]
    """Store intents under a key and start them; False where the key was taken up already."""

    def repository(self, which: RepositoryId) -> Repository:
        """GitHub's side of the manifest repository."""
        return self.hub.repository(which)

    def mirror(self, repository: Repository) -> AbstractContextManager[Mirror]:
        """Git's side of it, fetched and written with a token for this repository alone."""
        which = repository.id
        token = self.hub.token(which.installation, (which.id,), GIT)
        return self.mirrors.open(which.id, repository.clone_url(), token)

    def sealed(self, which: RepositoryId, pull: Pull) -> Sealed | None:
        """The plan of a pull request: as it is sealed in its text, or as we stored it where somebody edited that."""
        told = unseal(pull.body, self.marker_key)
        if told is not None and told.number is None and pull.author_id == self.hub.bot().user_id:
            # Opened by us and not numbered yet: we were interrupted. Its head binds it, and who opened it.
            told = told.numbered(pull.number)
        if told is not None:
            return told
        known = self.store.release_of_pull(which.id, pull.number)
        return Sealed(known.plan, known.head, known.pull) if known else None

    @property
    def identity(self) -> Identity:
        """Who commits and tags."""
        return Identity(self.settings.bot_name, self.settings.bot_email)

    @property
    def marker_key(self) -> bytes:
        """The key that seals plans."""
        return self.settings.marker_key.reveal().encode()

    def admits(self, which: RepositoryId) -> bool:
        """Whether the operator lets this bot serve the repository's installation."""
        return not self.settings.installations or which.installation in self.settings.installations


def read_configuration(mirror: Mirror, refs: Mapping[str, str], default_branch: str) -> Config | BadConfiguration:
    """The repository's configuration, from its default branch only."""
    commit = refs.get(HEADS + default_branch)
    data = mirror.tree(commit).read(CONFIG_FILE) if commit else None
    try:
        return read_config(data)
    except BadConfig as bad:
        return BadConfiguration(str(bad))


def read_snapshot(
    mirror: Mirror, which: RepositoryId, url: str, base: str, default_branch: str
) -> Snapshot | BadConfiguration:
    """The release branch `base` as the server has it now, ready to plan from."""
    refs = mirror.refs()
    mirror.fetch(refs)
    config = read_configuration(mirror, refs, default_branch)
    if isinstance(config, BadConfiguration):
        return config
    commit = refs.get(HEADS + base, "")
    return Snapshot(
        repository=which.id,
        url=url,
        base=base,
        commit=commit,
        tree=mirror.tree(commit) if commit else Tree(),
        config=config,
        refs=refs,
        channel_files=_channel_files(mirror, refs, config),
        owner=which.owner,
    )


def _channel_files(mirror: Mirror, refs: dict[str, str], config: Config) -> dict[str, Version]:
    """What version.txt says at each channel ref that is no tagged release."""
    tagged = {commit for ref, commit in refs.items() if ref.startswith("refs/tags/")}
    found = {}
    for name in config.channels:
        commit = refs.get(HEADS + name)
        if commit and commit not in tagged:
            version = version_at(mirror, commit, config)
            if version:
                found[HEADS + name] = version
    return found


def version_at(mirror: Mirror, commit: str, config: Config) -> Version | None:
    """The version that a commit's version.txt says, or None where there is none to read."""
    data = mirror.tree(commit).read(config.manifest.version_file)
    try:
        return VersionFile.parse(data).version if data else None
    except BadVersionFile:
        return None
