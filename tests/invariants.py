"""What must hold of every run of the bot, one function an invariant: I1 to I8 as the threat model numbers them.

Those of `ALWAYS` hold at every moment, whatever people, GitHub and the bot's processes do. Those of `IN_THE_END` hold
once all that was asked for has been worked off.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator

from sandbox.bare import HEADS, TAGS
from tests.scene import BRANCH, COMMAND, LINE, REVERT, Proposed, Scene, name_of, number_of
from tests.timeline import Change

Invariant = Callable[[Scene], Iterator[str]]
ASKING = ("new", "branch", "patch")
MAY_WRITE = ("write", "maintain", "admin")
MAY_ADOPT = ("maintain", "admin")


def tags_stay(scene: Scene) -> Iterator[str]:
    """I1: the set of tags only grows, and a tag never names another object, not even after somebody deleted it."""
    first: dict[str, str] = {ref: name for ref, name in scene.before.items() if ref.startswith(TAGS)}
    for each in scene.changes:
        if not each.ref.startswith(TAGS):
            continue
        if scene.ours(each) and each.gone:
            yield f"I1 {each.ref} was deleted"
        elif scene.ours(each) and not each.made:
            yield f"I1 {each.ref} was moved from {each.old[:7]} to {each.new[:7]}"
        elif scene.ours(each) and first.get(each.ref, each.new) != each.new:
            yield f"I1 {each.ref} was made again as another object"
        if not each.gone:
            first.setdefault(each.ref, each.new)


def tags_are_of_merged_plans(scene: Scene) -> Iterator[str]:
    """I2: a tag of the bot's stands for a plan that was merged with all proofs, which are made here again."""
    for change, pull in scene.releases():
        tag = name_of(change.ref)
        if pull is None:
            yield f"I2 {tag} is at {change.new[:7]}, which is the merge of no pull request for it"
            continue
        yield from (f"I2 {tag}: {why}" for why in _unproved(scene, change, pull))
        ranks = [number_of(name_of(ref)) for ref in _refs_before(scene, change) if ref.startswith(TAGS)]
        number = number_of(tag)
        if any(rank[:1] == number[:1] and rank >= number for rank in ranks):
            yield f"I2 {tag}: its line had a version as high already"


def _unproved(scene: Scene, change: Change, pull: Proposed) -> Iterator[str]:
    git, merge = scene.git, pull.merge or ""
    if git.commit(change.new) == change.new:
        yield "it is no annotated tag"
    if scene.marked("adopted", pull.number) or _said_to_adopt(scene, pull):
        return  # an admin took what was merged for what was planned
    pushed = {each.new for each in scene.changes if each.ref == f"{HEADS}{BRANCH}{pull.tag}" and scene.ours(each)}
    if pull.head not in pushed:
        yield f"{pull.head[:7]} was merged, which the bot did not propose"
    if git.change(pull.head) != git.change(merge):
        yield "the merge changed other things than the proposal"
    told = git.trailers(change.new)
    if told.get("Plan") != git.trailers(pull.head).get("Plan"):
        yield "it names another plan than the proposal"
    for path, _, blob in (row.partition("=") for row in told.get("Inputs", "").split()):
        if git.blob(f"{merge}^1", path) != blob:
            yield f"{path} was another before the merge"


def _said_to_adopt(scene: Scene, pull: Proposed) -> bool:
    said = (each for each in scene.commands if each.issue == pull.number and each.body.startswith("/release adopt"))
    return any(scene.roles.get(each.login) in MAY_ADOPT for each in said)


def refs_move_by_the_rules(scene: Scene) -> Iterator[str]:
    """I3: the bot moves release branches and channels alone, forward or by version, and only to what it released."""
    for each in scene.changes:
        if not scene.ours(each) or each.ref.startswith((TAGS, HEADS + BRANCH, HEADS + REVERT)):
            continue
        name = name_of(each.ref)
        if each.gone:
            yield f"I3 {name} was deleted"
        elif LINE.fullmatch(name):
            yield from _line_moved(scene, each)
        elif each.ref in scene.channels.values():
            yield from _channel_moved(scene, each)
        else:
            yield f"I3 {name} is no branch for the bot to move"


def _line_moved(scene: Scene, change: Change) -> Iterator[str]:
    git, name = scene.git, name_of(change.ref)
    if not change.made and not git.is_ancestor(change.old, change.new):
        yield f"I3 {name} went back from {change.old[:7]} to {change.new[:7]}"
    # In layout tracking a line that is opened off the main branch has one commit more than its release.
    opening = {pull.merge for _, pull in scene.releases() if pull is not None and pull.base != name}
    released = _tagged(scene, change)
    parents = git.parents(change.new)
    if change.new not in released and not (len(parents) == 1 and parents[0] in opening):
        yield f"I3 {name} was moved to {change.new[:7]}, which is not released"


def _channel_moved(scene: Scene, change: Change) -> Iterator[str]:
    name, released = name_of(change.ref), _tagged(scene, change)
    if change.new not in released:
        yield f"I3 {name} was moved to {change.new[:7]}, which is not released"
        return
    chosen = any(each.body.split()[1:3] == ["set", name] for each in scene.commands)
    if not chosen and released.get(change.old, ()) > released[change.new]:
        yield f"I3 {name} went back to a lower version"


def _tagged(scene: Scene, change: Change) -> dict[str, tuple[int, ...]]:
    """The released commits once this change was made, each with its highest version."""
    refs = _refs_before(scene, change)
    # Of what a killed git did nobody knows when: it may have been before this.
    together = {each.ref: each.new for each in scene.changes if each.moment == change.moment or each.found}
    found: dict[str, tuple[int, ...]] = {}
    for ref, name in {**refs, **together}.items():
        commit = scene.git.commit(name) if ref.startswith(TAGS) and number_of(name_of(ref)) else None
        if commit:
            found[commit] = max(found.get(commit, ()), number_of(name_of(ref)))
    return found


def _refs_before(scene: Scene, change: Change) -> dict[str, str]:
    refs = dict(scene.before)
    for each in scene.changes:
        if each is change:
            break
        refs[each.ref] = each.new
    return {ref: name for ref, name in refs.items() if set(name) != {"0"}}


def one_build_a_tag(scene: Scene) -> Iterator[str]:
    """I5: one official image a tag: its runs are twins, told by one correlation id, of which the workflow ends all
    but the first. None is started for a tag that is not there.
    """
    names: dict[str, set[str]] = {}
    for run in scene.runs:
        names.setdefault(run.tag, set()).add(run.correlation)
    for tag, found in sorted(names.items()):
        if len(found) > 1:
            yield f"I5 {tag} was built {len(found)} times"


def one_pull_a_version(scene: Scene) -> Iterator[str]:
    """I6: one pull request a version, and one a proposal. A version that was given up is free again."""
    alive = Counter(
        pull.tag
        for pull in scene.pulls
        if pull.state == "open" or (pull.merge and not (pull.tag in scene.reverted and not _is_released(scene, pull)))
    )
    yield from (f"I6 {tag} has {count} pull requests" for tag, count in alive.items() if count > 1)
    heads = Counter(pull.head for pull in scene.pulls)
    yield from (f"I6 {head[:7]} was proposed {count} times" for head, count in heads.items() if count > 1)


def _is_released(scene: Scene, pull: Proposed) -> bool:
    name = scene.refs.get(TAGS + pull.tag)
    return name is not None and scene.git.commit(name) == pull.merge


def nothing_is_said_twice(scene: Scene) -> Iterator[str]:
    """I7: one comment a hidden marker: one answer a command, one progress and one end a release."""
    said = Counter((each.issue, *each.marker) for each in scene.comments if each.login == scene.bot and each.marker[0])
    for (issue, kind, about), count in said.items():
        if count > 1:
            yield f"I7 #{issue} has {count} comments of {kind} {about}"


def somebody_asked(scene: Scene) -> Iterator[str]:
    """I8: nothing happens that nobody asked for who may: each proposal has a command, each merge a person."""
    asked: Counter[str] = Counter()
    for each in scene.commands:
        found = COMMAND.match(each.body)
        if found and found[1] == "release" and found[2].lower() in ASKING and scene.roles.get(each.login) in MAY_WRITE:
            asked[each.login] += 1
    proposed = Counter(scene.git.trailers(pull.head).get("Requested-by", "nobody") for pull in scene.pulls)
    for login, count in proposed.items():
        if count > asked[login]:
            yield f"I8 {count} releases were proposed for {login}, who asked for {asked[login]}"
    yield from (f"I8 the bot merged #{pull.number} itself" for pull in scene.pulls if pull.merged_by == scene.bot)


ALWAYS: tuple[Invariant, ...] = (
    tags_stay,
    tags_are_of_merged_plans,
    refs_move_by_the_rules,
    one_build_a_tag,
    one_pull_a_version,
    nothing_is_said_twice,
    somebody_asked,
)


def merges_are_released_or_stopped(scene: Scene) -> Iterator[str]:
    """I2 the other way round: what was merged is released, unless people were told that and why it is not."""
    for pull in scene.pulls:
        told = scene.marked("stopped", pull.number) or pull.tag in scene.reverted
        if pull.merge and not _is_released(scene, pull) and not told:
            yield f"I2 #{pull.number} was merged, and {pull.tag} is neither released nor stopped"


def lines_hold_their_releases(scene: Scene) -> Iterator[str]:
    """I4: a tag and the release branch that the bot makes with it are both there, or neither is."""
    branches = {name_of(ref) for ref in scene.refs if ref.startswith(HEADS)}
    for change, pull in scene.releases():
        line = f"build-{number_of(name_of(change.ref))[0]}"
        by_people = any(each.ref == HEADS + line and not scene.ours(each) and each.by for each in scene.changes)
        if pull is None or change.ref not in scene.refs or by_people:
            continue
        if line not in branches or not scene.git.is_ancestor(pull.merge or "", scene.refs[HEADS + line]):
            yield f"I4 {pull.tag} is there, and {line} does not hold it"
    tags = {number_of(name_of(ref))[:1] for ref in scene.refs if ref.startswith(TAGS)}
    made = (each for each in scene.changes if each.made and scene.ours(each) and each.ref.startswith(HEADS))
    for each in made:
        name = name_of(each.ref)
        if LINE.fullmatch(name) and name in branches and (int(name.partition("-")[2]),) not in tags:
            yield f"I4 {name} is there without a release"


def channels_follow(scene: Scene) -> Iterator[str]:
    """I3 in the end: a channel that goes by version is at the highest that was released, unless a person moved it."""
    released = {number_of(name_of(change.ref)): pull for change, pull in scene.releases() if pull is not None}
    for name, ref in scene.channels.items():
        moved = [each for each in scene.changes if each.ref == ref and not scene.ours(each)]
        row = re.compile(rf"^\| `{re.escape(name)}` \|.*: moves \|$", re.MULTILINE)
        moving = {number: pull for number, pull in released.items() if row.search(pull.body)}
        chosen = any(each.body.split()[1:3] == ["set", name] for each in scene.commands)
        if moved or chosen or not moving:
            continue
        highest, now = max(moving), scene.refs.get(ref)
        floor = max((number_of(name_of(tag)) for tag in _tags_at(scene, scene.before.get(ref))), default=())
        if highest > floor and now != moving[highest].merge:
            yield f"I3 {name} is not at {moving[highest].tag}"


def _tags_at(scene: Scene, commit: str | None) -> list[str]:
    tags = (ref for ref in scene.refs if ref.startswith(TAGS))
    return [ref for ref in tags if commit and scene.git.commit(scene.refs[ref]) == commit]


def releases_are_built(scene: Scene) -> Iterator[str]:
    """I5 in the end: a release that is to be built was built, and people were told how it ended, once."""
    built = {run.tag for run in scene.runs}
    for _, pull in scene.releases():
        if pull is None:
            continue
        if "start **" in pull.body and pull.tag not in built:
            yield f"I5 {pull.tag} was not built"
        for kind in ("progress", "end"):
            told = [each for each in scene.marked(kind, pull.number) if each.marker[1].split()[0] == pull.tag]
            if len(told) != 1:
                yield f"I7 {pull.tag} has {len(told)} comments of {kind}"


def commands_are_answered(scene: Scene) -> Iterator[str]:
    """I7 in the end: one answer under every command of somebody who may give commands, as long as it stands."""
    answered = {each.marker[1] for each in scene.marked("reply")}
    standing = {each.id: each for each in scene.comments}
    for command in scene.commands:
        now = standing.get(command.id)
        if now is not None and scene.roles.get(command.login) in MAY_WRITE and str(command.id) not in answered:
            yield f"I7 comment {command.id} ({command.body.splitlines()[0]}) has no answer"


IN_THE_END: tuple[Invariant, ...] = (
    merges_are_released_or_stopped,
    lines_hold_their_releases,
    channels_follow,
    releases_are_built,
    commands_are_answered,
)
