"""GitHub as our App sees it: which installations and repositories there are, and who we are there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from github import Github
from github.Installation import Installation
from github.PaginatedList import PaginatedList
from github.Repository import Repository as RawRepository

from bot.core.hub import Bot, RepositoryId
from bot.gh.auth import Grant, Tokens
from bot.gh.branches import Branches
from bot.gh.builds import Builds
from bot.gh.deliveries import Deliveries
from bot.gh.issues import Made
from bot.gh.line import Lines
from bot.gh.reading import given, maybe
from bot.gh.repository import Repository
from bot.outage import Denied

READ: Mapping[str, str] = {
    "checks": "read",
    "contents": "read",
    "issues": "read",
    "metadata": "read",
    "pull_requests": "read",
}
WRITE: Mapping[str, str] = {
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "metadata": "read",
    "pull_requests": "write",
}
BUILD: Mapping[str, str] = {"actions": "write", "metadata": "read"}
BRANCH: Mapping[str, str] = {"contents": "write", "metadata": "read"}
LIST: Mapping[str, str] = {"metadata": "read"}
PROJECT: Mapping[str, str] = {"contents": "read", "metadata": "read"}


def _now() -> datetime:
    return datetime.now(UTC)


class Hub:
    """One App on one GitHub. Safe to share between threads; what it hands out is too.

    `calls` counts the requests made so far, by what they were for.
    """

    def __init__(
        self, api_url: str, app_id: int, private_key: str, clock: Callable[[], datetime] = _now, timeout: int = 20
    ) -> None:
        self._lines = Lines(api_url, timeout, clock)
        self._tokens = Tokens(self._lines, app_id, private_key, self._lines.time)
        self._app_id = app_id
        self._bot: Bot | None = None
        self._made = Made()

    @property
    def calls(self) -> Counter[str]:
        """How many requests were made so far, and what for."""
        return self._lines.calls

    @property
    def skew(self) -> timedelta | None:
        """How far GitHub's clock is ahead of ours, by its last answer; None until one came. No call."""
        return self._lines.skew

    def time(self) -> datetime:
        """The time by GitHub's clock, as far as an answer told it: what GitHub's own times are compared with."""
        return self._lines.time()

    def close(self) -> None:
        """Close the connections."""
        self._lines.close()

    def bot(self, grant: Grant | None = None) -> Bot:
        """Who we are. 2 calls, once; without a grant, 2 more.

        Everybody may look up a user, but GitHub lets one address do so 60 times an hour. So a token asks: of the
        grant, or of any installation.
        """
        if self._bot is None:
            login = self._tokens.ask_as_app("read the App", _slug) + "[bot]"
            doing = "read the App's user"
            grant = grant or next((Grant.on(each, (), LIST) for each in self.installations()), None)
            user = (
                self._tokens.ask(grant, doing, lambda github, _: _user_id(github, login))
                if grant
                else self._lines.ask(doing, None, lambda github: _user_id(github, login))
            )
            self._bot = Bot(app_id=self._app_id, user_id=user, login=login)
        return self._bot

    def installations(self) -> list[int]:
        """The installations of the App that are not suspended."""
        return self._tokens.ask_as_app("list the installations", _installations)

    def repositories(self, installation: int) -> list[RepositoryId]:
        """The repositories that this installation lets us see."""
        return self._tokens.ask(
            Grant.on(installation, (), LIST),
            "list the repositories",
            lambda github, _: _repositories(github, installation),
        )

    def repository(self, repository: RepositoryId, permissions: Mapping[str, str] = WRITE) -> Repository:
        """A manifest repository, with the rights that the flows need there (or READ). No call is made yet."""
        return Repository(repository, self._tokens, permissions, self.bot, self._made)

    def builds(self, manifest: RepositoryId, name: str) -> Builds:
        """The repository ("owner/name") where images of this manifest repository are built. No call is made yet.

        Raises Denied unless it has the same owner; the token is of the same installation, or there is none.
        """
        short = _sibling(manifest, name, "no build is started there")
        return Builds(self._tokens, Grant.named(manifest.installation, short, BUILD))

    def branches(self, manifest: RepositoryId, name: str) -> Branches:
        """The branches of a project ("owner/name") that this manifest repository pins. No call is made yet.

        Raises Denied unless it has the same owner; the token is of the same installation, or there is none.
        """
        short = _sibling(manifest, name, "no branch is made there")
        return Branches(self._tokens, Grant.named(manifest.installation, short, BRANCH))

    def deliveries(self) -> Deliveries:
        """What GitHub delivered to our webhook. No call is made yet."""
        return Deliveries(self._tokens)

    def token(self, installation: int, repository_ids: tuple[int, ...], permissions: Mapping[str, str]) -> str:
        """A token for git on just these repositories, good for five minutes or more. Keep it out of logs and argv."""
        if not repository_ids:
            raise ValueError("a token for no repository in particular would reach all of them")
        return self._tokens.get(Grant.on(installation, repository_ids, permissions)).value

    def forget_token(self, value: str) -> None:
        """Git did not accept this token: have the next one minted anew."""
        self._tokens.forget(value)

    def project_tokens(self, manifest: RepositoryId, urls: Sequence[str]) -> dict[str, str]:
        """Tokens to read private projects of the manifest repository's own installation, by address.

        Public ones need none, and of others we have none. 1 call where there are addresses, 1 more for the token.
        """
        if not urls:
            return {}
        listing = Grant.on(manifest.installation, (), LIST)
        private = self._tokens.ask(listing, "list the repositories", lambda github, _: _private(github))
        wanted = {url: private[name] for url in urls if (name := _name(url)) in private}
        if not wanted:
            return {}
        token = self.token(manifest.installation, tuple(sorted(set(wanted.values()))), PROJECT)
        return dict.fromkeys(wanted, token)


def _sibling(manifest: RepositoryId, name: str, so: str) -> str:
    """The name without its owner. Raises Denied where that is not the manifest repository's; `so` says what follows."""
    owner, _, short = name.partition("/")
    if owner.lower() != manifest.owner.lower() or not short:
        raise Denied("github", f"{name} has another owner than {manifest.name}, so {so}")
    return short


def _private(github: Github) -> dict[str, int]:
    """The private repositories that this token lets us see, by their names in lower case."""
    every = PaginatedList(RawRepository, github.requester, "/installation/repositories", list_item="repositories")
    return {given(each.full_name).lower(): given(each.id) for each in every if given(each.private)}


def _name(url: str) -> str:
    """`owner/name` of an address on our GitHub, in lower case as GitHub compares them."""
    return urlsplit(url).path.strip("/").removesuffix(".git").lower()


def _slug(github: Github) -> str:
    _, data = github.requester.requestJsonAndCheck("GET", "/app")
    return str(data["slug"])


def _user_id(github: Github, login: str) -> int:
    return given(github.get_user(login).complete().id)


def _installations(github: Github) -> list[int]:
    every = PaginatedList(Installation, github.requester, "/app/installations")
    return [given(each.id) for each in every if maybe(each.suspended_at) is None]


def _repositories(github: Github, installation: int) -> list[RepositoryId]:
    every = PaginatedList(RawRepository, github.requester, "/installation/repositories", list_item="repositories")
    return [RepositoryId(given(each.id), installation, given(each.full_name)) for each in every]
