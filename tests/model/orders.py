"""What people order beside releases themselves: adopt, abandon, hold, a channel moved by hand, and how things stand.

Each rule only writes a comment down; what the model takes from it is decided when the bot has answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime

from hypothesis import note, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from bot.core.intent import Answer
from sandbox.person import Denied
from sandbox.seed import MANIFEST
from tests.model.house import ADMIN, House
from tests.model.world import Release, World

PEOPLE = ("octocat", "hubot", ADMIN, "mallory")
RELEASERS = ("octocat", "hubot", ADMIN)
ADMINS = ("hubot", ADMIN)
JUDGED = (*ADMINS, "mallory")
"""Who types commands for admins: releasers who are none are refused once an hour, which no oracle can foresee."""
REVERT = "release-bot-revert/"


class Orders(RuleBasedStateMachine):
    """The half of a life that is about what becomes of releases."""

    house: House
    world: World
    issue: int
    asked: dict[int, str]
    bodies: dict[int, str]

    def comment(self, login: str, place: int, body: str, kind: str) -> None:
        """Write it down and remember what it asks for."""
        comment = self.house.person(login).comment(MANIFEST, place, body)
        self.asked[comment], self.bodies[comment] = kind, body
        note(f"{login} on #{place}: {body}")

    def tell_all(self) -> None:
        """Everything that has happened is told, and worked off."""
        raise NotImplementedError

    def place(self, which: int) -> int:
        """The pull request of some release, or the issue: it decides what a command is about."""
        places = [*sorted(self.world.releases), self.issue]
        return places[which % len(places)]

    # What people type

    @rule(login=st.sampled_from(PEOPLE), lift=st.booleans(), which=st.integers(0, 3))
    def hold_or_lift(self, login: str, lift: bool, which: int) -> None:
        """Somebody holds a release, or all of them in the issue; or lifts that."""
        body, kind = ("/release unhold", "unhold") if lift else ("/release hold it does not boot", "hold")
        self.comment(login, self.place(which), body, kind)

    @rule(login=st.sampled_from(JUDGED), kind=st.sampled_from(("adopt", "abandon")), which=st.integers(0, 2))
    def adopt_or_abandon(self, login: str, kind: str, which: int) -> None:
        """Somebody orders one of the ways out of stopped, wherever it works or not; it is told at once."""
        self.comment(login, self.place(which), f"/release {kind}", kind)
        self.tell_all()

    @rule(login=st.sampled_from(JUDGED), which=st.integers(0, 5), on_pull=st.booleans())
    def set_the_channel(self, login: str, which: int, on_pull: bool) -> None:
        """Somebody moves the channel by hand; the version may be one that was never released."""
        versions = [*sorted(self.world.published), (115, 7, 7)]
        version = ".".join(map(str, versions[which % len(versions)]))
        place = max(self.world.releases, default=self.issue) if on_pull else self.issue
        self.comment(login, place, f"/channel set dev-channel {version} it does not boot", "set")
        self.tell_all()

    @rule(login=st.sampled_from(RELEASERS), which=st.integers(0, 2))
    def ask_how_things_stand(self, login: str, which: int) -> None:
        """The answer is compared with the model."""
        self.comment(login, self.place(which), "/release status", "status")

    @precondition(lambda self: any(self.revert_of(each) for each in self.world.releases.values()))
    @rule(how=st.sampled_from(("merge", "squash", "close")))
    def end_a_revert(self, how: str) -> None:
        """The pull request that takes a release back is merged or closed."""
        release = next(each for each in self.world.releases.values() if self.revert_of(each))
        number = self.revert_of(release)
        if how == "close":
            self.house.person("octocat").close(MANIFEST, number)
            return
        with suppress(Denied):
            self.house.person("hubot").merge(MANIFEST, number, how)
            note(f"#{number}, which takes #{release.pull} back, was merged by {how}")
            self.world.reverted(release.pull)

    def revert_of(self, release: Release) -> int:
        """The number of the open pull request that takes this release back; 0 for none."""
        with self.house.sandbox.world.lock:
            issues = list(self.house.manifest.issues.values())
        opened = (each for each in issues if each.pull and each.pull.head == REVERT + release.tag)
        return next((each.number for each in opened if each.state == "open"), 0)

    # What the model takes from the bot's answer

    def ordered(self, kind: str, intent: Answer, now: datetime) -> None:
        """A command was answered: the model follows it where it had to be carried out.

        One for admins that no delivery told of comes without its words: then it is to be posted again.
        """
        who = ADMINS if kind in ("adopt", "set") else PEOPLE if kind == "status" else RELEASERS
        same = self.bodies.get(intent.comment) == intent.body
        takes = self.world.hears(intent.author in who, same, datetime.fromisoformat(intent.created_at), now)
        table: Mapping[str, Callable[[Answer, bool], None]] = {
            "adopt": self._adopted,
            "abandon": self._abandoned,
            "hold": self._held,
            "unhold": self._held,
            "set": self._set,
            "status": self._told,
        }
        table[kind](intent, takes)

    def _adopted(self, intent: Answer, takes: bool) -> None:
        if takes and intent.issue in self.world.releases:
            self.world.adopted(intent.issue)

    def _abandoned(self, intent: Answer, takes: bool) -> None:
        release = self.world.releases.get(intent.issue)
        if release is None:
            return
        if takes and release.can_be_taken_back:
            assert self.revert_of(release), f"#{release.pull} was abandoned, and nothing takes it back"
            release.abandoned = True
        elif not release.abandoned:
            assert not self.revert_of(release), f"#{release.pull} is to be taken back, which nobody could order"

    def _held(self, intent: Answer, takes: bool) -> None:
        release = self.world.releases.get(intent.issue)
        if not takes or (release is not None and release.fate == "withdrawn"):
            return
        what = release.pull if release else None
        if intent.body == "/release unhold":
            self.world.holds.discard(what)
        else:
            self.world.holds.add(what)

    def _set(self, intent: Answer, takes: bool) -> None:
        if not takes or intent.issue != self.issue:
            return
        major, minor, patch = map(int, intent.body.split()[3].split("."))
        if (major, minor, patch) in self.world.published:
            self.world.channel = (major, minor, patch)

    def _told(self, intent: Answer, takes: bool) -> None:
        mark = f"<!-- manifest-release-bot:reply {intent.comment} -->"
        with self.house.sandbox.world.lock:
            said = [each.body for each in self.house.manifest.issues[intent.issue].comments if mark in each.body]
        if not takes:
            return
        assert len(said) == 1, f"{len(said)} answers to {intent.body}"
        missing = [words for words in self.world.status() if words not in said[0]]
        assert not missing, f"{missing} is not in the status: {said[0]}"
