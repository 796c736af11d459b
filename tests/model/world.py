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
        return may and same and now - asked <= LATE_COMMAND and not self.blocked(base)

    def opened(self, pull: int, number: Number, base: str) -> None:
        """A release was proposed."""
        self.releases[pull] = Release(pull, number, base)

    def pushed_to_head(self, pull: int) -> None:
        """Somebody pushed to its branch."""
        self.releases[pull].spoiled.add("foreign commits")

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

    def closed(self, pull: int) -> None:
        """A person closed it unmerged."""
        self.releases[pull].fate = "withdrawn"

    def tried(self, pull: int, now: datetime, resumed: bool = False) -> None:
        """The bot came to publish it."""
        each = self.releases[pull]
        if each.fate not in ("merged", "stopped") or each.merged_at is None:
            return
        late = now - each.merged_at > LATE_MERGE and not resumed
        if each.spoiled or late:
            each.fate = "stopped"
        else:
            each.fate = "published"
            self.published[each.number] = each.merge

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
        highest = self.published[max(self.published)]
        if refs.get("refs/heads/dev-channel") != highest:
            wrong.append(f"dev-channel is not at {max(self.published)}")
        return wrong
