"""The random life of one repository: people, GitHub and the bot's process do as they like, and nothing goes wrong."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import note, strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from bot.core.intent import Answer, Intent, Publish
from bot.flows.outcome import Outcome
from sandbox.bare import HEADS, GitError
from sandbox.person import Denied
from sandbox.seed import MANIFEST, commit_files
from sandbox.seed_files import FILE
from tests.model.house import ADMIN, House
from tests.model.orders import PEOPLE, RELEASERS, Orders
from tests.model.worker import Worker
from tests.model.world import Release, World
from tests.oracle import Oracle

WORDS = (
    "/release help",
    "/release pach build-115",
    "/release patch",
    "thank you",
    "/release resume",
)
PATCH, NEW = "/release patch build-115 --allow-empty", "/release new"
EDITED = "never mind"
LOSS = ("lost", "once", "once", "twice", "late")


class Life(Orders):
    """One example. `house` is set by whoever runs it."""

    house: House

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="life-"))
        self.house.furnish()
        refs = self.house.refs()
        seeded = {(build, 0, 0): refs[f"refs/tags/v{build}.0.0^{{}}"] for build in (109, 110, 115)}
        self.world = World(seeded)
        self.asked: dict[int, str] = {}
        self.bodies: dict[int, str] = {}
        self.told = 0
        self.kept: list[Any] = []
        self.line = 115
        self.changes = 0
        self.before: dict[int, str] = {}

    @initialize(
        kind=st.sampled_from(("patch", "patch", "new")),
        until=st.sampled_from(("open", "published", "edited", "edited", "held")),
    )
    def begin(self, kind: str, until: str) -> None:
        """The bot starts, and sweeps; a first release is asked for and proposed, for most of a life is about one. It
        may be published already, or have stopped because a person edited it or because it is held.
        """
        self.worker = Worker(self.house, self.folder, self.heard)
        self.oracle = Oracle(self.house.sandbox, MANIFEST).watch()
        self.issue = self.house.person("octocat").open_issue(MANIFEST, "releases")
        self.ask_for_a_release("octocat", kind)
        self.told = len(self.house.deliveries)
        self.sweep()
        if until != "open":
            self.come_to(until, next(iter(self.world.releases.values())))

    def come_to(self, until: str, release: Release) -> None:
        """Let the first release be merged and told of."""
        if until == "held":
            self.comment("hubot", release.pull, "/release hold it does not boot", "hold")
            self.tell_all()
        if until == "edited":
            self.commit(f"release-bot/{release.tag}", "version.txt")
            self.world.pushed_to_head(release.pull, "version.txt")
        self.merge_as(release, "merge")
        self.tell_all()

    def tell_all(self) -> None:
        """Everything that has happened is told, and worked off."""
        self.house.rest()
        fresh = self.house.deliveries[self.told :]
        self.told += len(fresh)
        for delivery in fresh:
            self.worker.hand(delivery.event, delivery.action, delivery.guid, delivery.payload)
        self.worker.work()

    # What the bot did, as the model takes it

    def heard(self, intent: Intent, outcome: Outcome | None) -> None:
        """An intent has come to its end."""
        assert outcome is not None, f"{intent} was parked although GitHub is well"
        now = self.house.clock.github()
        if isinstance(intent, Publish) and intent.pull in self.world.releases:
            self.world.tried(intent.pull, now, intent.reason == "resume")
        if isinstance(intent, Answer) and intent.comment in self.asked:
            kind = self.asked[intent.comment]
            if kind in ("patch", "new"):
                self.answered(intent, now)
            elif kind != "other":
                self.ordered(self.asked.pop(intent.comment), intent, now)

    def answered(self, intent: Answer, now: datetime) -> None:
        """A command for a release was answered: the model says whether it had to be carried out."""
        kind = self.asked.pop(intent.comment)
        base = "build-115" if kind == "patch" else "master"
        same = self.bodies.get(intent.comment) == intent.body
        may = intent.author in RELEASERS
        takes = self.world.takes(may, same, datetime.fromisoformat(intent.created_at), now, base)
        known = self.world.releases
        issues = self.house.manifest.issues.values()
        ours = [each for each in issues if each.pull and each.pull.head.startswith("release-bot/v")]
        fresh = [each for each in ours if each.number not in known]
        assert bool(fresh) == takes, f"{intent.body} of {intent.author}: {len(fresh)} opened, the model says {takes}"
        if fresh:
            number = self.world.next_patch(115) if kind == "patch" else (int(intent.body.split()[2]), 0, 0)
            pull = fresh[0].pull
            assert pull is not None
            assert pull.head == f"release-bot/v{'.'.join(map(str, number))}"
            self.world.opened(fresh[0].number, number, base)

    # People

    @rule(login=st.sampled_from(PEOPLE), kind=st.sampled_from(("patch", "patch", "new")))
    def ask_for_a_release(self, login: str, kind: str) -> None:
        """Somebody comments a command that makes a release."""
        self.line += kind == "new"
        body = PATCH if kind == "patch" else f"{NEW} {self.line}"
        self.comment(login, self.issue, body, kind)

    @rule(login=st.sampled_from(PEOPLE), body=st.sampled_from(WORDS), on_pull=st.booleans())
    def say(self, login: str, body: str, on_pull: bool) -> None:
        """Somebody comments something else, on an issue or a pull request."""
        self.comment(login, max(self.world.releases, default=self.issue) if on_pull else self.issue, body, "other")

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), delete=st.booleans())
    def edit_a_comment(self, data: st.DataObject, delete: bool) -> None:
        """A comment is edited or deleted, perhaps before the bot has read it."""
        comment = data.draw(st.sampled_from(sorted(self.asked)))
        author = ADMIN
        with suppress(Denied):
            if delete:
                self.house.person(author).delete_comment(MANIFEST, comment)
                del self.bodies[comment], self.asked[comment]
            else:
                self.house.person(author).edit_comment(MANIFEST, comment, EDITED)
                self.bodies[comment] = EDITED

    @precondition(lambda self: self.in_state("open"))
    @rule(data=st.data(), path=st.sampled_from(("version.txt", "NOTES")))
    def push_to_the_pull_request(self, data: st.DataObject, path: str) -> None:
        """Somebody pushes a commit to the branch of a release."""
        release = self.one(data, "open")
        self.commit(f"release-bot/{release.tag}", path)
        self.world.pushed_to_head(release.pull, path)

    @rule(base=st.sampled_from(("build-115", "master")), path=st.sampled_from(("README", "README", "version.txt")))
    def push_to_a_base(self, base: str, path: str) -> None:
        """Somebody pushes to a branch that releases are made from."""
        self.commit(base, path)
        self.world.base_changed(base, path)

    def commit(self, branch: str, path: str) -> None:
        """A commit that adds a line to a file, pushed by a person."""
        self.changes += 1
        git, handle = self.house.manifest.git, self.house.sandbox.repository(MANIFEST)
        before = git.refs()
        try:
            text = git.read("cat-file", "blob", f"{branch}:{path}")
        except GitError:
            text = b""
        commit_files(handle, branch, {path: (FILE, text + b"# %d\n" % self.changes)}, f"change {self.changes}")
        self.house.sandbox.pushed(self.house.manifest, before, self.house.sandbox.user("hubot"))

    @precondition(lambda self: self.in_state("open"))
    @rule(data=st.data(), how=st.sampled_from(("merge", "squash", "rebase", "push")))
    def merge(self, data: st.DataObject, how: str) -> None:
        """A release is merged in one of four ways; the fourth is an admin's push past the pull request."""
        self.merge_as(self.one(data, "open"), how)

    def merge_as(self, release: Release, how: str) -> None:
        """Merge it, if it can be."""
        self.before[release.pull] = self.house.refs()[HEADS + release.base]
        merged = self.pushed_through(release) if how == "push" else self.pressed(release, how)
        if merged:
            self.world.merged(release.pull, merged, self.house.clock.github())
            note(f"#{release.pull} was merged by {how}")

    def pressed(self, release: Release, how: str) -> str:
        """The green button; "" where it is grey."""
        with suppress(Denied):
            return self.house.person("hubot").merge(MANIFEST, release.pull, how)
        return ""

    def pushed_through(self, release: Release) -> str:
        """The base is moved to the head of the release by hand, where that goes forward."""
        git, refs = self.house.manifest.git, self.house.refs()
        head, base = refs[f"{HEADS}release-bot/{release.tag}"], refs[HEADS + release.base]
        if not git.is_ancestor(base, head):
            return ""
        self.house.sandbox.move_ref(self.house.manifest, HEADS + release.base, head, self.house.sandbox.user(ADMIN))
        return head

    @precondition(lambda self: self.in_state("open"))
    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        """A release is given up."""
        release = self.one(data, "open")
        self.house.person("octocat").close(MANIFEST, release.pull)
        self.world.closed(release.pull)

    @precondition(lambda self: self.in_state("merged", "stopped", "published"))
    @rule(data=st.data())
    def revert(self, data: st.DataObject) -> None:
        """The files of a merged release are put back as they were before."""
        release = self.one(data, "merged", "stopped", "published")
        git, ref = self.house.manifest.git, HEADS + release.base
        tip = self.house.refs()[ref]
        if tip != release.merge:
            return  # more came on top; GitHub's button would make a pull request
        tree = git.run("rev-parse", f"{self.before[release.pull]}^{{tree}}")
        who, now = "Margaret <m@example.org>", self.house.clock.github()
        made = git.commit_tree(tree, [tip], f"Revert {release.tag}", who, now)
        self.house.sandbox.move_ref(self.house.manifest, ref, made, self.house.sandbox.user(ADMIN))
        self.world.reverted(release.pull)

    # GitHub and the machine

    @rule(fates=st.lists(st.sampled_from(LOSS), min_size=1, max_size=8), shuffle=st.randoms(use_true_random=False))
    def deliver(self, fates: list[str], shuffle: Any) -> None:
        """What happened since is told: each event lost, once, twice or late, in any order."""
        self.house.rest()
        fresh = self.house.deliveries[self.told :]
        self.told += len(fresh)
        handed = [*self.kept]
        self.kept = []
        for position, delivery in enumerate(fresh):
            fate = fates[position % len(fates)]
            handed += {"lost": 0, "late": 0, "once": 1, "twice": 2}[fate] * [delivery]
            self.kept += [delivery] if fate == "late" else []
        shuffle.shuffle(handed)
        for delivery in handed:
            self.worker.hand(delivery.event, delivery.action, delivery.guid, delivery.payload)
        self.worker.work()

    @rule(minutes=st.sampled_from((1, 10, 50, 130)))
    def time_passes(self, minutes: int) -> None:
        """Nobody does anything for a while; the worker does what is due."""
        self.house.clock.go(minutes * 60)
        self.worker.work()

    @rule(hours=st.sampled_from((-30, -1, 0, 0, 1, 30)))
    def the_clock_jumps(self, hours: int) -> None:
        """The clock of the bot's machine is set."""
        self.house.clock.off = timedelta(hours=hours)

    @rule(boundary=st.integers(0, 14))
    def will_die(self, boundary: int) -> None:
        """The process will be killed at a step boundary to come."""
        self.worker.fuse.left = boundary

    @rule()
    def restart(self) -> None:
        """The process is killed now, and started again."""
        self.worker.restart()

    @rule()
    def sweep(self) -> None:
        """The timer's sweep."""
        self.house.clock.go(60)
        self.worker.sweep()
        self.worker.work()

    # What must hold

    @invariant()
    def nothing_forbidden_has_happened(self) -> None:
        """The invariants that hold at every moment."""
        if hasattr(self, "oracle"):
            assert self.faults() == []

    def faults(self, final: bool = False) -> list[str]:
        """What the oracle finds. It reads who asked from the head, which is a person's where one pushed there; and it
        does not know that a merge can be taken back by a push, nor that an edited comment is a command no more.
        """
        known = [f"I6 {each.tag} has " for each in self.world.releases.values() if each.reverted]
        known += [f"I7 comment {comment} (" for comment, body in self.bodies.items() if body == EDITED]
        faults = [each for each in self.oracle.faults(final) if "proposed for nobody," not in each]
        return [each for each in faults if not each.startswith(tuple(known))]

    def teardown(self) -> None:
        """All is delivered and swept in the end, and the state is the model's."""
        try:
            if hasattr(self, "oracle"):
                self.converge()
        finally:
            if hasattr(self, "worker"):
                self.worker.end()
            shutil.rmtree(self.folder, ignore_errors=True)

    def converge(self) -> None:
        """Two sweeps after the clock is right again, and all work done, nothing is wrong; mostly after one."""
        self.worker.fuse.left = -1
        self.house.clock.off = timedelta()
        for last in (False, True):
            self.house.clock.go(60)
            self.worker.sweep()
            self.worker.work(patient=True)
            wrong = [*self.world.faults(self.house.refs()), *self.faults(final=True)]
            if not wrong:
                return
            assert not last, "\n".join(wrong)

    def in_state(self, *fates: str) -> list[Release]:
        """The releases that stand so in the model."""
        return [each for each in self.world.releases.values() if each.fate in fates]

    def one(self, data: st.DataObject, *fates: str) -> Release:
        """One of them."""
        every = {each.pull: each for each in self.in_state(*fates)}
        return every[data.draw(st.sampled_from(sorted(every)))]
