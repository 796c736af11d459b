"""Several manifest repositories on one stage, each releasing the next version again and again, each with its oracle.

The bot works on all of them at once, so that one killed process interrupts several releases at several places.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.faults import Faults
from sandbox.seed import commit_files
from sandbox.seed_files import Files
from tests.oracle import Oracle
from tests.stage import MANIFEST, MARKER_KEY, QUICK, Stage, stage

TRACKING = b"""version: 1
manifest:
  branch_projects: [scripts, portage-stable]
build:
  repository: coreos/scripts
"""


@dataclass(frozen=True)
class Kind:
    """What is released: the command and the tag of the n-th release."""

    name: str
    command: Callable[[int], str]
    tag: Callable[[int], str]


PATCH = Kind("patch", lambda n: "/release patch build-115 --allow-empty", lambda n: f"v115.0.{n}")
BRANCH = Kind("branch", lambda n: "/release branch build-115 --allow-empty", lambda n: f"v115.{n}.0")
LINK = Kind("new", lambda n: f"/release new {115 + n} --allow-empty", lambda n: f"v{115 + n}.0.0")
TRACK = Kind("new-tracking", lambda n: f"/release new {315 + n} --allow-empty", lambda n: f"v{315 + n}.0.0")

AGAIN = ("repeat the command later", "Please post it again", "Repeat the command later")
"""What the bot says where the same command, posted again, may do."""


class Team:
    """One repository and its releases."""

    def __init__(self, play: Stage, name: str, kind: Kind, oracle: Oracle) -> None:
        self.play = play
        self.name = name
        self.kind = kind
        self.oracle = oracle
        self._numbers = itertools.count(1)
        self.tag = ""
        self._command = ""
        self._comment = 0
        self.issue = play.person("octocat").open_issue(name, "releases")

    def ask(self) -> int:
        """Ask for the next release; the comment."""
        number = next(self._numbers)
        self.tag = self.kind.tag(number)
        self._command = self.kind.command(number)
        return self._post()

    def _post(self) -> int:
        self._comment = self.play.person("octocat").comment(self.name, self.issue, self._command)
        return self._comment

    def _do_as_told(self) -> None:
        """Post it again where the bot asks for that: a role or a project could not be read just then."""
        mark = f"<!-- manifest-release-bot:reply {self._comment} -->"
        said = [each["body"] for each in self.play.person("octocat").comments(self.name, self.issue)]
        if any(mark in body and any(words in body for words in AGAIN) for body in said):
            self._post()

    def pull(self, timeout: float) -> int:
        """The number of the open pull request for it, when it is there."""

        def look() -> int | None:
            pulls = self.play.person("octocat").pulls(self.name)
            found = next((each for each in pulls if each["head"]["ref"] == f"release-bot/{self.tag}"), None)
            if found is None:
                self._do_as_told()
            return int(found["number"]) if found else None

        return self.play.until(f"the pull request for {self.tag} of {self.name}", look, timeout)

    def merge(self, number: int, method: str = "merge") -> str:
        """Merge it."""
        return self.play.person("hubot").merge(self.name, number, method)

    def faults(self, timeout: float) -> list[str]:
        """What is still wrong after so many seconds."""
        return [f"{self.name}: {fault}" for fault in self.oracle.settled(timeout)]


@contextmanager
def league(
    root: Path, kinds: tuple[Kind, ...], faults: Faults | None = None, speed: float = 0.05
) -> Iterator[list[Team]]:
    """A stage with one team a kind, its store made, the bot's processes not started yet."""
    with stage(root, speed=speed, faults=faults) as play:
        play.changes.update(QUICK)
        names = [MANIFEST, *(f"coreos/manifest-{number}" for number in range(1, len(kinds)))]
        for name in names[1:]:
            copy(play, name)
        play.sandbox.add_repositories(play.installation, names[1:])
        for name, kind in zip(names, kinds, strict=True):
            if kind is TRACK:
                _make_tracking(play, name)
        assert play.sandbox.wait_idle()
        play.migrate()
        yield [_team(play, name, kind) for name, kind in zip(names, kinds, strict=True)]


def _team(play: Stage, name: str, kind: Kind) -> Team:
    # One of them reads the bot's files for all: they are the same files.
    data, logs = [play.root / "data"], [play.root / "web.log", play.root / "worker.log"]
    found = (data, logs) if name == MANIFEST else ([], [])
    return Team(play, name, kind, Oracle(play.sandbox, name, *found, secrets=[MARKER_KEY], may_stop=False).watch())


def copy(play: Stage, name: str) -> None:
    """Another manifest repository with the history of the seeded one, and its people."""
    handle = play.sandbox.create_repository(name, default_branch="master")
    handle.git.run(
        "fetch", "--quiet", str(play.seeded.manifest.path), "refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"
    )
    for login, role in (("octocat", "write"), ("hubot", "maintain"), ("mallory", "read")):
        play.sandbox.set_role(name, login, role)


def _make_tracking(play: Stage, name: str) -> None:
    """Layout tracking: release.xml is a file of its own, and lines follow branches of their projects."""
    handle = play.sandbox.repository(name)
    released = handle.git.read("cat-file", "blob", "master:build-115.xml")
    changes: Files = {"release.xml": ("100644", released), ".github/manifest-release.yml": ("100644", TRACKING)}
    commit_files(handle, "master", changes, "layout: follow branches")
