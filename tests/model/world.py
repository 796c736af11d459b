"""The model: what people did to releases, and so what must have become of each. Pure, and without the bot's code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

Fate = Literal["open", "withdrawn", "merged", "published", "stopped"]
Number = tuple[int, int, int]
LATE_COMMAND = timedelta(hours=1)
LATE_MERGE = timedelta(hours=2)
INPUTS = ("build-115.xml", "version.txt", "release.xml")
"""Files of the base that a plan is made from, and that a release changes."""
HOLDS = "refs/manifest-release-bot/holds/"
OLDEST = 115
"""The oldest line that has a branch of its own here."""
ADOPTABLE = {"edited", "inputs"}
"""What an admin's word can stand for: it is a release, though not the planned one."""


@dataclass
class Release:
    """One release pull request. `spoiled`: why its merge publishes nothing, in words of the model."""

    pull: int
    number: Number
    base: str
    fate: Fate = "open"
    spoiled: set[str] = field(default_factory=set)
    merge: str = ""
    merged_at: datetime | None = None
    reverted: bool = False
    abandoned: bool = False

    @property
    def can_be_taken_back(self) -> bool:
        """Whether a pull request can be made that takes it back: its files are still on the base as it merged them."""
        return self.fate == "stopped" and not self.spoiled & {"overwritten", "reverted"}

    @property
    def tag(self) -> str:
        """Its tag."""
        return "v" + ".".join(map(str, self.number))

    @property
    def line(self) -> str:
        """The release branch of its line."""
        return f"build-{self.number[0]}"


@dataclass
class World:
    """All releases so far. Tell it what was done in the order in which it happened."""

    published: dict[Number, str] = field(default_factory=dict)
    """Each released version with its commit."""
    releases: dict[int, Release] = field(default_factory=dict)
    holds: set[int | None] = field(default_factory=set)
    """The pull requests that are held; None: the whole repository is."""
    channel: Number = (0, 0, 0)
    """The version that dev-channel is at."""

    def __post_init__(self) -> None:
        self.channel = max(self.published)

    def next_patch(self, line: int) -> Number:
        """The number that the next patch of a line has."""
        build, branch, patch = max(number for number in self.published if number[0] == line)
        return build, branch, patch + 1

    def blocked(self, base: str) -> bool:
        """Whether a release of this base is under way, so that no other may begin."""
        return any(
            each.base == base and (each.fate in ("open", "merged") or (each.fate == "stopped" and not each.reverted))
            for each in self.releases.values()
        )

    def takes(self, may: bool, same: bool, asked: datetime, now: datetime, base: str) -> bool:
        """Whether a command for a release is carried out when the bot comes to it."""
        return self.hears(may, same, asked, now) and not self.blocked(base) and None not in self.holds

    def hears(self, may: bool, same: bool, asked: datetime, now: datetime) -> bool:
        """Whether a command is one that may be carried out when the bot comes to it."""
        return may and same and now - asked <= LATE_COMMAND

    def opened(self, pull: int, number: Number, base: str) -> None:
        """A release was proposed."""
        self.releases[pull] = Release(pull, number, base)

    def pushed_to_head(self, pull: int, path: str) -> None:
        """Somebody pushed to its branch: to a file of the release's own, or to another."""
        self.releases[pull].spoiled.add("edited" if path in INPUTS else "foreign commits")

    def base_changed(self, base: str, path: str) -> None:
        """A commit on a base changed a file."""
        for each in self.releases.values():
            if each.base != base or path not in INPUTS or each.fate not in ("open", "merged", "stopped"):
                continue
            # What lies under an open release is what was planned from; what lies over a merged one takes it back.
            each.spoiled.add("inputs" if each.fate == "open" else "overwritten")

    def merged(self, pull: int, merge: str, at: datetime) -> None:
        """A person merged it."""
        each = self.releases[pull]
        each.fate, each.merge, each.merged_at = "merged", merge, at

    def reverted(self, pull: int) -> None:
        """A person took the merge back."""
        each = self.releases[pull]
        if each.fate != "published":
            each.reverted = True
            each.spoiled.add("reverted")
        for other in self.releases.values():
            if other.base == each.base and other.fate == "open":
                other.spoiled.add("inputs")

    def adopted(self, pull: int) -> None:
        """An admin took what was merged for the release, if it can be one; before it stopped there is no need to."""
        each = self.releases[pull]
        if each.fate == "stopped" and each.spoiled <= ADOPTABLE:
            each.spoiled.clear()

    def closed(self, pull: int) -> None:
        """A person closed it unmerged."""
        self.releases[pull].fate = "withdrawn"

    def tried(self, pull: int, now: datetime, resumed: bool = False) -> None:
        """The bot came to publish it."""
        each = self.releases[pull]
        if each.fate not in ("merged", "stopped") or each.merged_at is None:
            return
        late = now - each.merged_at > LATE_MERGE and not resumed
        if each.spoiled or late or self.holds & {None, pull}:
            each.fate = "stopped"
        else:
            each.fate = "published"
            self.published[each.number] = each.merge
            self.channel = max(self.channel, each.number)

    def status(self) -> list[str]:
        """What an answer to `/release status` must hold."""
        lines = {number[0]: number for number in sorted(self.published)}
        latest = [f"| {'.'.join(map(str, number))} | " for build, number in lines.items() if build >= OLDEST]
        opened = [f"#{each.pull} proposes" for each in self.releases.values() if each.fate == "open"]
        stopped = [each for each in self.releases.values() if each.fate == "stopped" and not each.reverted]
        waiting = [f"Merged and not published:** #{each.pull} " for each in stopped]
        held = ["Releases are on hold since"] if None in self.holds else []
        return [*latest, *opened, *waiting, *held, f"| `dev-channel` | {'.'.join(map(str, self.channel))} |"]

    def faults(self, refs: Mapping[str, str]) -> list[str]:
        """What the refs show that this model says otherwise."""
        wrong = []
        for each in self.releases.values():
            tagged = refs.get(f"refs/tags/{each.tag}^{{}}")
            mine = each.merge if each.fate == "published" else None
            others = {other.merge for other in self.releases.values() if other.tag == each.tag and other is not each}
            if tagged != mine and tagged not in others - {""}:
                wrong.append(f"#{each.pull} is {each.fate} ({sorted(each.spoiled)}), and {each.tag} is at {tagged}")
            if each.fate == "published" and each.line not in {ref.rpartition("/")[2] for ref in refs}:
                wrong.append(f"{each.tag} is published, and there is no {each.line}")
        if refs.get("refs/heads/dev-channel") != self.published[self.channel]:
            wrong.append(f"dev-channel is not at {self.channel}")
        held = {ref.removeprefix(HOLDS) for ref in refs if ref.startswith(HOLDS)}
        if held != {f"pull-{what}" if what else "repository" for what in self.holds}:
            wrong.append(f"{sorted(held)} are held, the model says {self.holds}")
        return wrong
