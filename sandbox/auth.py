"""Who calls, and whether they may: App JWTs, installation tokens with their scopes, people with their roles."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime

import jwt
from flask import Request

from sandbox.state import ROLES, App, Repository, Token, User, World

LEVELS = {"read": 1, "write": 2, "admin": 3}
WRITERS = {"contents": "write", "pull_requests": "read", "issues": "read", "checks": "write", "actions": "write"}
"""The role that a person needs to write each kind of thing. Anybody who can read may open issues and pull requests;
changing those of others is asked for where it happens (`need_author_or`)."""
UNREADABLE = "A JSON web token could not be decoded"
BAD_ISSUED = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
BAD_EXPIRY = (
    "'Expiration time' claim ('exp') must be a numeric value representing the future time "
    "at which the assertion expires"
)
SUSPENDED = "This installation has been suspended"
ARCHIVED = "Repository was archived so is read-only."
LOCKED = "Unable to create comment because issue is locked."
TOO_LATE = "'Expiration time' claim ('exp') is too far in the future"


class Refused(Exception):
    """An answer that is no success: status and message, as GitHub words them."""

    def __init__(
        self, status: int, message: str, errors: list[object] | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.headers = headers or {}


@dataclass
class Caller:
    """Who is behind a request; at most one of the three is set. None of them is anonymous."""

    user: User | None = None
    token: Token | None = None
    app: App | None = None

    @property
    def kind(self) -> str:
        """One word for the request log."""
        return "app" if self.app else "installation" if self.token else "user" if self.user else "anonymous"

    @property
    def name(self) -> str:
        """The login, or the App's slug, for the request log."""
        user = self.token.installation.app.bot if self.token else self.user
        return user.login if user else self.app.slug if self.app else ""

    @property
    def acts_as(self) -> User:
        """The user that things are made by."""
        if self.token:
            return self.token.installation.app.bot
        if self.user:
            return self.user
        raise Refused(401, "Requires authentication")

    @property
    def through(self) -> App | None:
        """The App that things are made through."""
        return self.token.installation.app if self.token else None


def caller(world: World, request: Request) -> Caller:
    """Read the Authorization header. Raises Refused(401) for credentials that are none."""
    header = request.headers.get("Authorization", "")
    scheme, _, value = header.partition(" ")
    if not header:
        return Caller()
    if scheme.lower() == "basic":
        value = _password(value)
    if value.count(".") == 2:
        return Caller(app=_app(world, value))
    token = world.tokens.get(value)
    if token and token.expires_at > world.now():
        if token.installation.suspended_at:
            raise Refused(403, SUSPENDED)
        return Caller(token=token)
    user = world.user_by_token(value)
    if user:
        return Caller(user=user)
    raise Refused(401, "Bad credentials")


def _password(value: str) -> str:
    try:
        user, _, password = base64.b64decode(value).decode().partition(":")
    except ValueError:
        return ""
    return password or user


def _app(world: World, value: str) -> App:
    """The App that signed this JWT: RS256, issued at most a minute ahead, living ten minutes at most."""
    try:
        claims = jwt.decode(value, options={"verify_signature": False})
        app = world.apps[int(claims["iss"])]
        jwt.decode(value, app.public_key, algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False})
        issued, expires = int(claims["iat"]), int(claims["exp"])
    except (jwt.PyJWTError, KeyError, ValueError, TypeError):
        raise Refused(401, UNREADABLE) from None
    now = world.now().timestamp()
    if issued > now + 60:
        raise Refused(401, BAD_ISSUED)
    if expires < now:
        raise Refused(401, BAD_EXPIRY)
    if expires > now + 600:
        raise Refused(401, TOO_LATE)
    return app


def require(who: Caller, repository: Repository, permission: str, level: str) -> None:
    """Refuse as GitHub does: 404 for what must stay unseen, 403 for what is seen and not allowed or not any more.

    `permission` may name several with `|` between them, where GitHub takes any of them.
    """
    _require(who, repository, permission, level)
    if level == "write" and repository.archived:
        raise Refused(403, ARCHIVED)


def _held(token: Token, name: str) -> int:
    """The level that a token has: what it was made with, as far as its installation still has that."""
    if name == "metadata":
        return LEVELS["read"]
    return min(LEVELS.get(each.get(name, ""), 0) for each in (token.permissions, token.installation.permissions))


def _require(who: Caller, repository: Repository, permission: str, level: str) -> None:
    names = permission.split("|")
    if who.token:
        if not who.token.sees(repository):
            if level == "read" and not repository.private:
                return
            raise Refused(404, "Not Found")
        if max(_held(who.token, name) for name in names) < LEVELS[level]:
            raise Refused(403, "Resource not accessible by integration")
        return
    if who.app:
        raise Refused(401, "Requires authentication")
    role = repository.role(who.user)
    if role == "none":
        raise Refused(404, "Not Found")
    if level == "write":
        if who.user is None:
            raise Refused(401, "Requires authentication")
        need_role(who, repository, min((WRITERS.get(name, "admin") for name in names), key=ROLES.index))


def need_role(who: Caller, repository: Repository, role: str) -> None:
    """Refuse people whose role here is less. What an App may do is said by its permissions alone."""
    if who.user is not None and ROLES.index(repository.role(who.user)) < ROLES.index(role):
        raise Refused(403, "Must have admin rights to Repository.")


def need_unlocked(who: Caller, repository: Repository, locked: bool) -> None:
    """A locked conversation is open to people who may write. Apps are no collaborators, whatever they may do else."""
    if locked and (who.user is None or ROLES.index(repository.role(who.user)) < ROLES.index("write")):
        raise Refused(403, LOCKED)


def need_author_or(who: Caller, repository: Repository, author: User, role: str) -> None:
    """Authors change what is theirs, others need a role."""
    if who.acts_as.id != author.id:
        need_role(who, repository, role)


def iso(moment: datetime | None) -> str | None:
    """A time as GitHub writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None
