"""Who we are to GitHub: the App's short-lived JWT, and installation tokens that can do no more than one job needs.

PyGithub can mint installation tokens, but not for chosen repositories only; so that one POST is written out here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from github import Github
from github.Auth import AppAuth

from bot.core.hub import RepositoryId
from bot.gh.line import Lines
from bot.outage import Denied

T = TypeVar("T")
Work = Callable[[Github], T]

SPARE = timedelta(minutes=5)  # a token with less left than this is not used any more
CLOCK_JUMP = timedelta(seconds=30)
"""Clocks that turn out to differ by so much more than they did are why GitHub refused who we say we are."""


@dataclass(frozen=True)
class Grant:
    """What a token is for. Repositories are given by id or, where no id is known, by name without owner.

    Neither means every repository of the installation: for listing them and for nothing else.
    """

    installation: int
    permissions: tuple[tuple[str, str], ...]
    ids: tuple[int, ...] = ()
    names: tuple[str, ...] = ()

    @staticmethod
    def on(installation: int, ids: tuple[int, ...], permissions: Mapping[str, str]) -> Grant:
        """These permissions on these repositories."""
        return Grant(installation, tuple(sorted(permissions.items())), ids=tuple(sorted(ids)))

    @staticmethod
    def named(installation: int, name: str, permissions: Mapping[str, str]) -> Grant:
        """These permissions on the installation's repository of that name."""
        return Grant(installation, tuple(sorted(permissions.items())), names=(name,))

    def body(self) -> dict[str, Any]:
        """The request for it."""
        asked: dict[str, Any] = {"permissions": dict(self.permissions)}
        if self.ids:
            asked["repository_ids"] = list(self.ids)
        if self.names:
            asked["repositories"] = list(self.names)
        return asked


@dataclass(frozen=True)
class Token:
    """An installation token; its value is kept out of every repr. `repositories` is empty when it is for all."""

    value: str = field(repr=False)
    expires_at: datetime
    repositories: tuple[RepositoryId, ...]


class Tokens:
    """Mints tokens as the App and keeps each until shortly before it expires. Safe to share between threads."""

    def __init__(self, lines: Lines, app_id: int, private_key: str, clock: Callable[[], datetime]) -> None:
        self._lines = lines
        self._app_id = app_id
        self._sign = AppAuth.create_jwt_sign(private_key, "RS256")
        self._clock = clock
        self._held: dict[Grant, Token] = {}

    def ask_as_app(self, doing: str, work: Work[T]) -> T:
        """What the App itself may ask for. Refused with our clock, it is asked once more with GitHub's."""
        before = self._lines.skew or timedelta(0)
        try:
            return self._lines.ask(doing, self._jwt(), work)
        except Denied as refusal:
            now = before if self._lines.skew is None else self._lines.skew
            if refusal.status != 401 or abs(now - before) < CLOCK_JUMP:
                raise
        return self._lines.ask(doing, self._jwt(), work)

    def ask(self, grant: Grant, doing: str, work: Callable[[Github, Token], T]) -> T:
        """What a token of this grant may ask for. A token that GitHub no longer knows is replaced, once."""
        token = self.get(grant)
        try:
            return self._lines.ask(doing, token.value, lambda github: work(github, token))
        except Denied as refusal:
            if refusal.status != 401:
                raise
        if self._held.get(grant) is token:
            self._held.pop(grant, None)  # another thread may have been as quick
        token = self.get(grant)
        return self._lines.ask(doing, token.value, lambda github: work(github, token))

    def get(self, grant: Grant) -> Token:
        """A token of this grant with at least five minutes left.

        Raises Denied(403) where GitHub gives none: installation, repository or permission is not ours (any more).
        Its 404 and 422 for that must not be taken for the absence of what the token was wanted for.
        """
        held = self._held.get(grant)
        if held is None or held.expires_at - SPARE <= self._clock():
            self._forget_expired()
            try:
                held = self._held[grant] = self.ask_as_app("get a token", lambda github: _mint(github, grant))
            except Denied as refusal:
                raise Denied("github", refusal.reason, 401 if refusal.status == 401 else 403) from None
        return held

    def forget(self, value: str) -> None:
        """Mint anew instead of this token: it was refused where we do not see the answers, by git."""
        for grant, token in list(self._held.items()):
            if token.value == value:
                self._held.pop(grant, None)

    def _forget_expired(self) -> None:
        """Nobody may ever ask again with their grants, and all would be kept."""
        now = self._clock()
        for grant, token in list(self._held.items()):
            if token.expires_at <= now:
                self._held.pop(grant, None)

    def holds(self, grant: Grant) -> bool:
        """Whether such a token was already minted, so that asking with it costs nothing more."""
        return grant in self._held

    def _jwt(self) -> str:
        """Proof for nine minutes that we hold the App's key, dated back by one for clocks that differ."""
        now = int(self._clock().timestamp())
        signed = self._sign({"iat": now - 60, "exp": now + 480, "iss": str(self._app_id)})
        return signed if isinstance(signed, str) else signed.decode()


def _mint(github: Github, grant: Grant) -> Token:
    _, data = github.requester.requestJsonAndCheck(
        "POST", f"/app/installations/{grant.installation}/access_tokens", input=grant.body()
    )
    return Token(
        value=str(data["token"]),
        expires_at=datetime.fromisoformat(data["expires_at"]),
        repositories=tuple(
            RepositoryId(item["id"], grant.installation, item["full_name"]) for item in data.get("repositories") or ()
        ),
    )
