"""What every flow works with: the four outside systems, the clock, and the questions all flows ask of them.

A flow gets a `Desk` and an intent and reads from top to bottom. Nothing here writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.core.fetch_policy import FetchPolicy
from bot.core.hub import Pull, RepositoryId
from bot.core.intent import Intent
from bot.core.objects import Identity
from bot.core.record import Sealed, unseal
from bot.gh import Hub, Repository
from bot.mirror import Mirror, Mirrors
from bot.outage import Denied, Outage
from bot.reading import Home
from bot.remotes import Remotes
from bot.sdk_check import SdkCheck
from bot.settings import Settings
from bot.signing import Keyring, Signer
from bot.store import Store

UNKNOWN = (401, 404)
"""What git is told with a token that was revoked before its time, and with one that not every server knows yet."""
GIT = {"contents": "write", "metadata": "read"}


@dataclass(frozen=True)
class Desk:
    """The tools of one worker. Each class is narrow; a flow uses the few that it names."""

    settings: Settings
    hub: Hub
    mirrors: Mirrors
    remotes: Remotes
    histories: Path
    policy: FetchPolicy
    sdk_check: SdkCheck | None
    store: Store
    now: Callable[[], datetime]
    submit: Callable[[str, Sequence[Intent]], bool]
    """Store intents under a key and start them; False where the key was taken up already."""
    keyring: Keyring
    """Judges the signatures of tags."""
    signer: Signer | None = None
    """Signs ours; None where the operator gave no key."""

    def repository(self, which: RepositoryId) -> Repository:
        """GitHub's side of the manifest repository."""
        return self.hub.repository(which)

    @contextmanager
    def mirror(self, repository: Repository) -> Iterator[Mirror]:
        """Git's side of it, fetched and written with a token for this repository alone.

        A token that git does not accept passes with the next one. A repository that GitHub gives us a token for anew
        is there, whatever git was told of it.
        """
        which = repository.id
        token = self.hub.token(which.installation, (which.id,), GIT)
        try:
            with self.mirrors.open(which.id, repository.clone_url(), token) as mirror:
                yield mirror
        except Denied as refusal:
            if refusal.status not in UNKNOWN:
                raise
            self.hub.forget_token(token)
            self.hub.token(which.installation, (which.id,), GIT)  # refused where the repository is not ours any more
            raise Outage(refusal.system, refusal.reason, retry_after=1) from None

    def sealed(self, which: RepositoryId, pull: Pull) -> Sealed | None:
        """The plan of a pull request: as it is sealed in its text, or as we stored it where somebody edited that."""
        told = unseal(pull.body, self.marker_key)
        opened = told is not None and told.number is None and told.head == pull.head_sha
        if told is not None and opened and pull.author_id == self.hub.bot().user_id:
            # Opened by us and not numbered yet: we were interrupted. Its head binds it, and who opened it.
            told = told.numbered(pull.number)
        if told is not None and told.number == pull.number:
            return told
        known = self.store.release_of_pull(which.id, pull.number)
        return Sealed(known.plan, known.head, known.pull) if known else told

    def time(self) -> datetime:
        """The time by GitHub's clock: how long ago something happened there is told by this, not by `now`."""
        return self.hub.time()

    def home(self, repository: Repository) -> Home:
        """The manifest repository as planning reads it."""
        which = repository.id
        return Home(which.id, repository.clone_url(), which.owner, self.policy, self.settings.github_web_url)

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
