"""The eight proofs: what must be true of a merge before anything is published, one small function each.

Every fact is read again from GitHub and git when publishing starts; nothing is believed because the bot once
wrote it. A proof returns None when it holds, or the sentence that says why it does not. All eight are always
tried, so that a person sees everything that is wrong at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from bot.core.config import Config
from bot.core.hub import Bot, Pull, RepositoryId
from bot.core.plan.orders import build_order, channels_for, group_for
from bot.core.record import Blob, Record, Sealed
from bot.core.tree import Tree
from bot.core.version import BadVersionFile, Version, VersionFile


@dataclass(frozen=True)
class Facts:
    """What GitHub and git say now about one merged pull request.

    `parent` is the base before the merge: the first parent of the merge commit, or of an adopted release's first
    commit. `base_head` and `base_tree` are
    the base now. `expected_tag` is the id of the tag object that we would push, `tag_now` what the server has.
    `line_now` and `expected_line` are the same for the release branch of a release off the main branch. `weaker` says
    why our tag would be worth less than that of the release before, where it would.
    """

    repository: RepositoryId
    admitted: bool
    bot: Bot
    pull: Pull
    commits: tuple[str, ...]
    parent: str
    parent_tree: Tree
    merged_tree: Tree
    base_head: str
    base_tree: Tree
    merge_in_base: bool
    planned_base_in_parent: bool
    released: Mapping[Version, str]
    tag_now: str | None
    expected_tag: str | None
    config: Config
    line_now: str | None = None
    expected_line: str | None = None
    weaker: str | None = None


@dataclass(frozen=True)
class Foresight:
    """What is known of a release pull request that is still open. `base_tree` is its base now.

    `line_now` is the commit of the release branch that it would open, None where there is none. `weaker`: as in Facts.
    `held` says who holds releases and why, where somebody does.
    """

    bot: Bot
    pull: Pull
    base_tree: Tree
    released: Mapping[Version, str]
    config: Config
    line_now: str | None = None
    weaker: str | None = None
    held: str | None = None


@dataclass(frozen=True)
class Proof:
    """One proof as it came out: `why` is None where it holds."""

    number: int
    name: str
    why: str | None

    @property
    def holds(self) -> bool:
        """Whether it holds."""
        return self.why is None


def prove(sealed: Sealed, facts: Facts) -> tuple[Proof, ...]:
    """All eight proofs, in order."""
    return tuple(Proof(number, name, proof(sealed, facts)) for number, (name, proof) in enumerate(PROOFS, start=1))


def foresee(sealed: Sealed, facts: Foresight) -> tuple[str, ...]:
    """Why merging this open pull request, as it is now, would publish nothing; empty when it would publish."""
    pull, record = facts.pull, sealed.record
    reasons = []
    if sealed.number != pull.number or facts.pull.author_id != facts.bot.user_id:
        reasons.append("this pull request is not the one that the plan was made for")
    if pull.base != record.base:
        reasons.append(f"it targets {pull.base}, the plan is for {record.base}")
    if pull.head_sha != sealed.head:
        reasons.append(f"its branch holds other commits than the planned {sealed.head[:12]}")
    for path, blob in record.inputs.items():
        entry = facts.base_tree.get(path)
        if (entry.blob if entry else None) != blob:
            reasons.append(f"{path} changed on {record.base} since the plan was made")
    if decisions(facts.config, record) != planned_decisions(record):
        reasons.append("the configuration changed what it says about names, channels, the group or the image build")
    if record.line and facts.line_now != record.line.seen:
        reasons.append(f"{record.line.branch} was opened or moved by somebody else since the plan was made")
    version = Version.parse(record.version)
    if any(other.build == version.build and other >= version for other in facts.released):
        reasons.append(f"{record.version} or a higher version of its line is released already")
    reasons += [reason for reason in (facts.weaker, facts.held) if reason]
    return tuple(reasons)


def admitted(sealed: Sealed, facts: Facts) -> str | None:
    """P1: repository and installation are ones the operator admits, and the plan was made for this repository."""
    if not facts.admitted:
        return f"installation {facts.repository.installation} is not one that this bot serves"
    if sealed.record.repository != facts.repository.id:
        return "the plan was made for another repository"
    return None


def ours(sealed: Sealed, facts: Facts) -> str | None:
    """P2: our App opened this pull request for this release."""
    if facts.pull.author_id != facts.bot.user_id:
        return f"the pull request was not opened by {facts.bot.login}"
    if sealed.number != facts.pull.number:
        return f"the plan belongs to pull request {sealed.number}, not to this one"
    return None


def head_as_planned(sealed: Sealed, facts: Facts) -> str | None:
    """P3: the head is the planned branch of this repository and holds exactly the one planned commit.

    Of an adopted release it is the head that the admin saw, whatever commits led to it.
    """
    pull = facts.pull
    if pull.head_repository != facts.repository.id or pull.base_repository != facts.repository.id:
        return "the merged branch is in another repository"
    if pull.head != sealed.record.branch:
        return f"the merged branch is not release-bot/{sealed.record.tag}"
    as_adopted = sealed.record.adoption is not None and pull.head_sha == sealed.head
    if not as_adopted and (facts.commits != (sealed.head,) or pull.head_sha != sealed.head):
        return f"the merged branch holds other commits than the planned {sealed.head[:12]}"
    return None


def merged_into_base(sealed: Sealed, facts: Facts) -> str | None:
    """P4: it was merged into the planned base, the merge commit is there now, and nobody has reverted it."""
    if not facts.pull.merged or facts.pull.merge_commit is None:
        return "the pull request is not merged"
    if facts.pull.base != sealed.record.base:
        return f"it was merged into {facts.pull.base}, not into {sealed.record.base}"
    adoption = sealed.record.adoption
    if adoption and adoption.merge != facts.pull.merge_commit:
        return f"the merge that was adopted is {adoption.merge[:12]}"
    if not facts.merge_in_base:
        return f"the merge commit is not on {sealed.record.base} any more"
    changed = [path for path in sealed.record.files if facts.base_tree.get(path) != facts.merged_tree.get(path)]
    if changed:
        return f"{sealed.record.base} no longer holds the merged {changed[0]} (reverted or changed since)"
    return None


def only_planned_changes(sealed: Sealed, facts: Facts) -> str | None:
    """P5: between the base before the merge and the merge, the planned files differ, as planned, and no others."""
    record = sealed.record
    foreign = [path for path in facts.parent_tree.changes_to(facts.merged_tree) if path not in record.files]
    if foreign:
        return f"the merge also changes {foreign[0]}"
    wrong = _differing(record.files, facts.merged_tree)
    if wrong:
        return f"the merged {wrong[0]} is not the planned one"
    return None


def version_is_next(sealed: Sealed, facts: Facts) -> str | None:
    """P6: the version is higher than every release of its line, and its tag is absent or exactly ours.

    One that we are to make is not weaker than that of the release before.
    """
    version = Version.parse(sealed.record.version)
    if facts.tag_now is not None:
        return None if facts.tag_now == facts.expected_tag else f"the tag {sealed.record.tag} exists and is not ours"
    higher = [other for other in facts.released if other.build == version.build and other >= version]
    return f"{max(higher)} was released on this line meanwhile" if higher else facts.weaker


def branch_moved_forward(sealed: Sealed, facts: Facts) -> str | None:
    """P7: the base has only moved forward since the plan, and the release branch it opens is as the plan saw it."""
    line = sealed.record.line
    if not facts.planned_base_in_parent:
        return f"{sealed.record.base} was rewound since the plan ({sealed.record.base_commit[:12]} is not in it)"
    if line and facts.line_now not in (line.seen, facts.expected_line):
        now = f"is at {facts.line_now[:12]}" if facts.line_now else "is gone"
        return f"{line.branch} {now}, the plan saw {line.seen[:12] if line.seen else 'no such branch'}"
    return None


def inputs_unchanged(sealed: Sealed, facts: Facts) -> str | None:
    """P8: what the plan was computed from is the same at the base before the merge, and so is the configuration."""
    record = sealed.record
    for path, blob in record.inputs.items():
        entry = facts.parent_tree.get(path)
        if (entry.blob if entry else None) != blob:
            return f"{path} changed on {record.base} after the plan was made"
    if decisions(facts.config, record) != planned_decisions(record):
        return "the configuration now says something else about names, channels, the group or the image build"
    return None


PROOFS: tuple[tuple[str, Callable[[Sealed, Facts], str | None]], ...] = (
    ("repository and installation are admitted", admitted),
    ("the pull request is ours", ours),
    ("its head is the planned commit", head_as_planned),
    ("it is merged into the planned base", merged_into_base),
    ("only the planned files changed, as planned", only_planned_changes),
    ("the version is higher than all of its line", version_is_next),
    ("the release branch only moved forward", branch_moved_forward),
    ("the inputs of the plan are unchanged", inputs_unchanged),
)


LASTING = frozenset({1, 2, 3, 5})
"""The proofs of what cannot change after a merge: they must hold for a release that is published already, too."""


ADOPTABLE = frozenset({3, 5, 8})
"""The proofs that say no more than that it is not what was planned: an admin's word may stand for them."""

Exit = Literal["resume", "adopt", "abandon"]


def exits(failed: Iterable[int], tag_at_merge: bool, pushed: bool = False) -> tuple[Exit, ...]:
    """What can be done about a stopped release, given the numbers of the proofs that fail.

    `tag_at_merge`: its tag was made by hand, at the merge itself. `pushed`: something of it is on the server.
    """
    numbers = set(failed)
    if numbers & {1, 2}:
        return ()
    taken = ADOPTABLE | {6} if tag_at_merge else ADOPTABLE
    works: dict[Exit, bool] = {
        "resume": True,
        "adopt": bool(numbers) and numbers <= taken,
        "abandon": not (pushed or tag_at_merge),
    }
    return tuple(way for way, does in works.items() if does)


def is_held(record: Record, tree: Tree, config: Config) -> bool:
    """Whether its base still holds a release that was merged: not when the merge was reverted, or another came since.

    What tells are the two files that every release has of its own: the version file, whoever wrote it, while it says
    this version, and the line's manifest as it was planned.
    """
    try:
        said = str(VersionFile.read(tree, config.manifest.version_file).version)
    except BadVersionFile:
        said = ""
    line = config.line_file(Version.parse(record.version).build)
    return said == record.version or (line in record.files and _blob(tree, line) == record.files[line])


def decisions(config: Config, record: Record) -> object:
    """What the configuration says about names, channels, group and build for this release."""
    version = Version.parse(record.version)
    line = config.line_branch(version.build)
    base = config.manifest.main_branch if record.line else line
    channels = channels_for(config, line, record.line is not None, record.choices)
    group = group_for(config, version.build, record.last_group, record.choices)[0]
    otherwise = record.build.repository if record.build else None
    build = build_order(config, version.build, otherwise, record.choices)
    return (config.tag_name(version), base, line), channels, group, build


def planned_decisions(record: Record) -> object:
    """The same, as the plan recorded it."""
    channels = tuple((order.name, order.mode) for order in record.channels)
    line = record.line.branch if record.line else record.base
    return (record.tag, record.base, line), channels, record.group, record.build


def _differing(files: Mapping[str, Blob | None], tree: Tree) -> list[str]:
    """The planned files that this tree does not hold as planned."""
    return [path for path, blob in files.items() if _blob(tree, path) != blob]


def _blob(tree: Tree, path: str) -> Blob | None:
    entry = tree.get(path)
    return (entry.mode, entry.blob) if entry else None
