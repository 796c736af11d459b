"""What owners and administrators do on GitHub's settings pages, as tests do it: rules, suspensions, transfers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox import rules
from sandbox.state import Installation, Issue, Repository, User, World

if TYPE_CHECKING:
    from sandbox.shapes import Shapes
    from sandbox.webhooks import Webhooks


class Owners:
    """The part of the sandbox that its people with the most rights command."""

    world: World
    shapes: Shapes
    webhooks: Webhooks

    # Rulesets

    def add_ruleset(self, full_name: str, described: Mapping[str, Any]) -> int:
        """Give a repository a ruleset, described as GitHub's API has it; its id."""
        repository = self._repository(full_name)
        with self.world.lock:
            ruleset = rules.made(self.world, dict(described))
            repository.rulesets.append(ruleset)
        return ruleset.id

    def remove_ruleset(self, full_name: str, ruleset_id: int) -> None:
        """Take a ruleset away."""
        with self.world.lock:
            held = self._repository(full_name).rulesets
            held[:] = [each for each in held if each.id != ruleset_id]

    # Installations

    def grant(self, installation_id: int, permissions: Mapping[str, str]) -> None:
        """Let an installation have exactly these permissions, whatever its App asks for; its tokens feel it at once."""
        with self.world.lock:
            self.world.installations[installation_id].granted = dict(permissions)

    def accept_permissions(self, installation_id: int) -> None:
        """Let an installation have all that its App asks for now, which it is told of."""
        with self.world.lock:
            installation = self.world.installations[installation_id]
            installation.granted = None
            self._tell_installation(installation, "new_permissions_accepted")

    def suspend(self, installation_id: int) -> None:
        """Suspend an installation: its tokens are refused, and it is told of nothing but this."""
        self._set_suspended(installation_id, self.world.now())

    def unsuspend(self, installation_id: int) -> None:
        """Let a suspended installation work again."""
        self._set_suspended(installation_id, None)

    def _set_suspended(self, installation_id: int, at: datetime | None) -> None:
        with self.world.lock:
            installation = self.world.installations[installation_id]
            installation.suspended_at = at
            self._tell_installation(installation, "suspend" if at else "unsuspend")

    def uninstall(self, installation_id: int) -> None:
        """Remove the App: the installation is gone, and its tokens with it."""
        with self.world.lock:
            installation = self.world.installations.pop(installation_id)
            gone = [value for value, token in self.world.tokens.items() if token.installation is installation]
            for value in gone:
                del self.world.tokens[value]
            self._tell_installation(installation, "deleted")

    def _tell_installation(self, installation: Installation, action: str) -> None:
        seen = [self.world.repositories[each] for each in installation.repositories]
        parts = {"installation": self.shapes.installation(installation), "repositories": self._named(seen)}
        self.webhooks.tell(installation, "installation", action, installation.account, parts)

    # Repositories

    def archive(self, full_name: str, login: str) -> None:
        """Make a repository read-only, as this person."""
        self._set_archived(full_name, login, True)

    def unarchive(self, full_name: str, login: str) -> None:
        """Let it be written to again."""
        self._set_archived(full_name, login, False)

    def _set_archived(self, full_name: str, login: str, archived: bool) -> None:
        repository = self._repository(full_name)
        with self.world.lock:
            repository.archived = archived
            self.webhooks.emit("repository", "archived" if archived else "unarchived", repository, self.user(login), {})

    def transfer_repository(self, full_name: str, owner: str, login: str) -> None:
        """Give a repository to another account, as this person. Installations belong to the old one and lose it; its
        name redirects. Installations of the new owner that are to have it are given it with `add_repositories`.
        """
        repository = self._repository(full_name)
        with self.world.lock:
            for installation in self.world.installation_on(repository):
                self.remove_repositories(installation.id, [full_name])
            self.world.former_names[full_name.lower()] = repository.id
            old, repository.owner = repository.owner, self.user(owner)
            kind = "organization" if old.type == "Organization" else "user"
            parts = {"changes": {"owner": {"from": {kind: self.shapes.user(old)}}}}
            self.webhooks.emit("repository", "transferred", repository, self.user(login), parts)

    # Conversations

    def lock_issue(self, full_name: str, number: int) -> None:
        """Let nobody comment who may not write."""
        self._issue(full_name, number).locked = True

    def unlock_issue(self, full_name: str, number: int) -> None:
        """Let everybody comment again."""
        self._issue(full_name, number).locked = False

    def _issue(self, full_name: str, number: int) -> Issue:
        return self._repository(full_name).issues[number]

    # What the sandbox brings

    def user(self, login: str) -> User:
        """A user by login."""
        raise NotImplementedError

    def remove_repositories(self, installation_id: int, full_names: Iterable[str]) -> None:
        """Take repositories from an installation."""
        raise NotImplementedError

    def _repository(self, full_name: str) -> Repository:
        raise NotImplementedError

    def _named(self, repositories: Iterable[Repository]) -> list[dict[str, Any]]:
        raise NotImplementedError
