"""The judge of every campaign: it watches the stand-in GitHub and says which invariant a run of the bot has broken.

It sees what people could see: refs as they change, pull requests, comments, runs, the request log; and of the bot only
the files it leaves behind. An oracle that shared the bot's code would share its mistakes.
"""

from __future__ import annotations

import base64
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from sandbox import Sandbox
from sandbox.bare import HEADS
from sandbox.state import Repository
from tests.invariants import ALWAYS, IN_THE_END
from tests.scene import Facts, Said, Scene, command_of, comments_of, pulls_of, runs_of
from tests.timeline import Timeline

CONFIGURATION = ".github/manifest-release.yml"
SHORTEST = 16
"""A secret shorter than this is no canary: it may stand somewhere by chance."""
ACCEPTED = 202
SOON = timedelta(seconds=5)
"""A row of the store that is younger may be under way."""
SWEEPING = timedelta(seconds=20)
"""So may a sweep that is younger than this: the timer asks for the next as soon as one has ended."""


class Oracle:
    """Judges what happens to one repository from `watch` on.

    `data` are the DATA_DIRs of the bots and `logs` what they print; both are searched for secrets (I9), and the stores
    under `data` are asked what became of each delivery (I10). `secrets` are those beside the ones GitHub knows.
    `may_stop`: whether a merge may end in being stopped; where nobody interferes it may not.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        repository: str,
        data: Sequence[Path] = (),
        logs: Sequence[Path] = (),
        secrets: Iterable[str] = (),
        may_stop: bool = True,
    ) -> None:
        found = sandbox.world.repository(repository)
        if found is None:
            raise LookupError(f"there is no repository {repository}")
        self._sandbox = sandbox
        self._repository: Repository = found
        self._data, self._logs = data, logs
        self._secrets = tuple(secrets)
        self._may_stop = may_stop
        self._facts = Facts(found.git)
        self._timeline: Timeline | None = None
        self._heard = 0
        self._ran: frozenset[int] = frozenset()
        self._commands: list[Said] = []

    def watch(self) -> Oracle:
        """Begin. What happened before is taken as it is.

        Where several repositories are built in one, they must release different versions while they are watched.
        """
        self._timeline = Timeline(self._repository.git)
        self._heard = len(self._sandbox.deliveries)
        with self._sandbox.world.lock:
            repositories = list(self._sandbox.world.repositories.values())
            self._ran = frozenset(run.id for repository in repositories for run in repository.runs)
        return self

    def faults(self, final: bool = False) -> list[str]:
        """What is wrong, in sentences that begin with the invariant's name; `final`: all work should be done now."""
        scene = self.scene()
        found = [fault for invariant in ALWAYS for fault in invariant(scene)]
        if not final:
            return found
        found += [fault for invariant in IN_THE_END for fault in invariant(scene)]
        if not self._may_stop:
            found += [f"I2 #{each.issue} is stopped" for each in scene.marked("stopped")]
        # Files are read last, and only where all else is right: who waits for the end looks again and again.
        return found or [*self._leaks(), *self._open_deliveries()]

    def settled(self, timeout: float = 60.0) -> list[str]:
        """What is still wrong of a converged run after so many seconds; [] as soon as nothing is.

        What may never be is told at once: waiting does not heal it.
        """
        end = time.monotonic() + timeout
        while True:
            found = self.faults()
            if found:
                return found
            found = self.faults(final=True)
            if not found or time.monotonic() > end:
                return found
            time.sleep(0.1)

    def dispatches(self) -> dict[str, int]:
        """How many runs each tag was given, twins too: what was sent, not what counts."""
        sent: dict[str, int] = {}
        for run in self.scene().runs:
            sent[run.tag] = sent.get(run.tag, 0) + 1
        return sent

    def scene(self) -> Scene:
        """Everything that can be seen now."""
        if self._timeline is None:
            raise RuntimeError("nothing was watched")
        world, repository = self._sandbox.world, self._repository
        with world.lock:
            app = world.installation_on(repository)[0].app
            pulls, reverted = pulls_of(repository, app)
            comments = comments_of(repository)
            runs = runs_of(self._sandbox, repository.owner.id, {pull.tag for pull in pulls}, self._ran)
            self._hear()
            # Refs last: whatever was seen before them has its refs by now, and git's own report is complete.
            self._timeline.look()
        return Scene(
            bot=app.bot.login,
            git=self._facts,
            changes=list(self._timeline.changes),
            before=self._timeline.before,
            refs=dict(self._timeline.refs),
            pulls=pulls,
            reverted=reverted,
            comments=comments,
            commands=list(self._commands),
            runs=runs,
            channels=self._channels(),
            roles=dict(repository.roles),
        )

    def _hear(self) -> None:
        for delivery in self._sandbox.deliveries[self._heard :]:
            self._heard += 1
            if delivery.event != "issue_comment" or delivery.redelivery:
                continue
            payload = delivery.payload
            found = command_of(payload) if payload["repository"]["id"] == self._repository.id else None
            if found is not None:
                self._commands.append(found)

    def _channels(self) -> dict[str, str]:
        """The channels that go by version, each with its ref, as the default branch says it."""
        head = (self._timeline.refs if self._timeline else {}).get(HEADS + self._repository.default_branch, "")
        text = self._facts.ask("cat-file", "blob", f"{head}:{CONFIGURATION}")
        read: Any = yaml.safe_load(text) if text else None
        said = (read or {}).get("channels", {"dev-channel": {}}) or {}
        newer = (name for name, how in said.items() if (how or {}).get("mode", "newer") == "newer")
        return {name: (said[name] or {}).get("ref") or HEADS + name for name in newer}

    # I9

    def _canaries(self) -> set[str]:
        """Every secret of this world, and what a git client or an HTTP header would make of it."""
        world = self._sandbox.world
        with world.lock:
            tokens = [*world.tokens, *(user.token for user in world.users.values())]
            apps = list(world.apps.values())
        keys = [line for app in apps for line in app.private_key.splitlines() if not line.startswith("-")]
        plain = [*self._secrets, *tokens, *keys, *(app.webhook_secret for app in apps)]
        long = {each for each in plain if len(each) >= SHORTEST}
        return long | {base64.b64encode(f"x-access-token:{each}".encode()).decode() for each in tokens if each}

    def _leaks(self) -> Iterator[str]:
        canaries = sorted(self._canaries())
        if not canaries:
            return
        pattern = re.compile("|".join(map(re.escape, canaries)).encode())
        for path in self._files():
            try:
                data = path.read_bytes()
            except OSError:
                continue  # a file of the moment, gone by now
            if pattern.search(data):
                yield f"I9 {path.name} holds a secret"
        with self._sandbox.world.lock:
            issues = list(self._repository.issues.values())
            texts = [(issue.number, text) for issue in issues for text in (issue.body, *_bodies(issue.comments))]
        for number, text in texts:
            if pattern.search(text.encode()):
                yield f"I9 #{number} tells a secret"

    def _files(self) -> Iterator[Path]:
        for folder in self._data:
            yield from (path for path in sorted(folder.rglob("*")) if path.is_file())
        yield from self._logs

    # I10

    def _open_deliveries(self) -> Iterator[str]:
        stores = [path for folder in self._data for path in sorted(folder.glob("*.sqlite*")) if _is_store(path)]
        if not stores:
            return
        known: dict[str, str | None] = {}
        for store in stores:
            known.update(_inbox(store))
        for key, outcome in known.items():
            if outcome is None and not key.startswith("guid "):
                yield f"I10 {key} is still open"
        for delivery in self._sandbox.deliveries:
            stored = delivery.answer.strip() == "stored" and delivery.status_code == ACCEPTED
            if stored and f"guid {delivery.guid}" not in known:
                yield f"I10 the {delivery.event} {delivery.guid} was taken and is not in the store"


def _bodies(comments: Iterable[Any]) -> Iterator[str]:
    return (comment.body for comment in comments)


def _is_store(path: Path) -> bool:
    return not path.name.endswith(("-wal", "-shm", "-journal"))


def _inbox(store: Path) -> dict[str, str | None]:
    """What became of each row, by its key, and once more by the GUID that came with it."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=10)) as connection:
        rows = connection.execute("SELECT key, guid, outcome, received_at FROM inbox").fetchall()
    now = datetime.now(UTC)
    young = {False: (now - SOON).isoformat(), True: (now - SWEEPING).isoformat()}
    found: dict[str, str | None] = {
        key: outcome for key, _, outcome, received in rows if outcome or received < young[key.startswith("sweep/")]
    }
    return {**found, **{f"guid {guid}": outcome for _, guid, outcome, _ in rows if guid}}
