"""Branches that a release needs in other repositories than its own: made where they are missing, never moved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from github import Github
from github.Repository import Repository as RawRepository

from bot.core.refs import RefName, Sha
from bot.core.snapshot import HEADS
from bot.gh.auth import Grant, Token, Tokens
from bot.gh.reading import given
from bot.outage import Denied, Outage

T = TypeVar("T")


@dataclass(frozen=True)
class Branch:
    """How a branch was found or left: at the commit that was asked for (there, made) or at another (elsewhere)."""

    state: Literal["there", "made", "elsewhere"]
    commit: str


class Branches:
    """The branches of one repository, with a token that can write its contents and do nothing else."""

    def __init__(self, tokens: Tokens, grant: Grant) -> None:
        self._tokens = tokens
        self._grant = grant

    def ensure(self, branch: str, commit: str) -> Branch:
        """Have this branch: made at the commit where there is none, else left where it is.

        1 call where it exists, 2 to make it, 3 where the answer to that leaves open what happened. Raises ValueError
        for what is no name of a branch or no full commit id.
        """
        ref, wanted = RefName(HEADS + branch), Sha(commit)
        at = self._at(ref)
        if at is None:
            try:
                self._ask("make a branch", lambda repository: repository.create_git_ref(ref, wanted))
            except (Outage, Denied) as fault:
                at = self._at(ref) if _is_open(fault) else None
                if at is None:
                    raise
                if at == wanted and isinstance(fault, Outage):
                    return Branch("made", at)
            else:
                return Branch("made", wanted)
        return Branch("there" if at == wanted else "elsewhere", at)

    def _at(self, ref: RefName) -> str | None:
        """The commit that the branch is at; None where there is no such branch, or no such repository for us."""

        def work(repository: RawRepository) -> str:
            return given(repository.get_git_ref(ref.removeprefix("refs/")).complete().object.sha)

        try:
            return self._ask("read a branch", work)
        except Denied as refusal:
            if refusal.status == 404:
                return None
            raise

    def _ask(self, doing: str, work: Callable[[RawRepository], T]) -> T:
        def with_token(github: Github, token: Token) -> T:
            (repository,) = token.repositories  # by id: a rename between two calls changes nothing
            return work(github.get_repo(repository.id))

        return self._tokens.ask(self._grant, doing, with_token)


def _is_open(fault: Outage | Denied) -> bool:
    """Whether the branch may be there in spite of this: the answer was lost, or somebody else was quicker.

    GitHub says 422 to a branch that exists, and to much else. Who was told to wait does not look at once.
    """
    if isinstance(fault, Outage):
        return fault.retry_after is None
    return fault.status in (409, 422)
