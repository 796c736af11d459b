"""A release by hand from plan to push: commit, tag, one atomic push by leases, then each channel by its own.

It asks before it pushes. Until then nothing but objects is written, and no ref knows of them.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

from bot.core.objects import Commit, commit_payload, tag_payload
from bot.core.plan import Plan
from bot.core.push import RefUpdate
from bot.core.record import ChannelOrder, correlation_id
from bot.core.snapshot import HEADS, TAGS, Snapshot
from bot.core.text.difference import escaped
from bot.core.text.plan import as_diff, as_text
from bot.core.text.pull import commit_message, tag_message
from bot.hand.clone import Clone
from bot.hand.session import Session, session
from bot.hand.status import DECLINED, DONE, FAILED, MISUSED, STAYED, Refused
from bot.outage import Denied, Outage
from bot.release_branch import Tip, ensure_tip


@dataclass(frozen=True)
class Made:
    """The objects of a release: the commit, the tag, and where the release branch goes that it opens."""

    commit: Commit
    tag: str
    tip: Tip | None


@dataclass(frozen=True)
class Step:
    """What becomes of one channel after the push: where it is until then, and why it stays there (None: it moves)."""

    order: ChannelOrder
    now: str | None
    stays: str | None


class Report:
    """What is said from the push on. Nobody may be reading any more; the work goes on, and is told at its end."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._read = True

    def say(self, text: str) -> None:
        """Say it on standard output, as long as that takes it."""
        self._said.append(text)
        self._read = self._read and _written(sys.stdout, text)

    def ended(self, status: int) -> int:
        """The exit status; what standard output did not take is on standard error, all of it, and if not there, 1."""
        return status if self._read or _written(sys.stderr, "".join(self._said)) else FAILED


def release(options: argparse.Namespace) -> int:
    """Plan, show, ask, push, move the channels, and say what is left to do."""
    if not (options.yes or options.dry_run or sys.stdin.isatty()):
        raise Refused("Nobody can be asked here whether to push: say --yes, or --dry-run to only look.", MISUSED)
    if sys.stdout is None:  # so Python has it where the descriptor is closed
        raise Refused("There is no standard output to write to. Nothing was pushed.", FAILED)
    with session(options) as opened:
        snapshot, plan = opened.planned(options.words)
        shown = as_text(plan) + (as_diff(plan, snapshot.tree) if options.diff else "")
        if options.dry_run:
            _show(f"{shown}Nothing was pushed: --dry-run.\n")
            return DONE
        _show(shown)  # where nobody reads, that is found out before the push and not in its middle
        made = make(opened, snapshot, plan, options.sign)
        updates = push_set(snapshot, plan, made)
        steps = channel_steps(opened.clone, snapshot, plan, made)
        if not (options.yes or _confirmed(updates, steps, opened.clone)):
            _show("Nothing was pushed.\n")
            return DECLINED
        return _publish(opened.clone, plan, made, updates, steps)


def _publish(clone: Clone, plan: Plan, made: Made, updates: list[RefUpdate], steps: list[Step]) -> int:
    """Push, move the channels, say so; where the person ends it in the middle, say what may have happened."""
    commit, report = made.commit.sha, Report()
    said = f"Interrupted. Nobody knows whether {plan.record.tag} was pushed. {_again(clone, updates)}\n"
    ahead, left = steps, list[str]()
    try:
        _push(clone, updates)
        said = f"Interrupted. {plan.record.tag} is released: {commit}\n"
        report.say(f"{plan.record.tag} is released: {commit}\n")
        for number, step in enumerate(steps):
            ahead = steps[number:]
            became, command = (step.stays, None) if step.stays else _move(clone, step, commit)
            report.say(f"{step.order.name}: {became}\n")
            left += [command] if command else []
        ahead = []
        report.say(_left([*left, *_others(plan, made)]))
    except Outage as outage:  # of the push: what fails of a channel is said of it
        raise Outage("git", f"{outage.reason}\n{_ahead(clone, plan, made, ahead, left)}".rstrip()) from None
    except KeyboardInterrupt:
        _written(sys.stderr, said + _ahead(clone, plan, made, ahead, left))
        raise
    return report.ended(STAYED if left else DONE)


def _ahead(clone: Clone, plan: Plan, made: Made, steps: list[Step], left: list[str]) -> str:
    """What a person has to look at and to do where the program ends before these channels are moved."""
    moving = [step for step in steps if not step.stays]
    names = ", ".join(step.order.name for step in moving)
    commands = [_moving(clone, step.order.ref, step.now, made.commit.sha) for step in moving]
    return (
        (f"Channels that may not have moved: {names}\n" if moving else "")
        + f"`verify {plan.record.version}` shows what is there.\n"
        + _left([*left, *commands, *_others(plan, made)])
    )


def _show(text: str) -> None:
    """Say it before anything is pushed. Raises Refused where nobody can read what would be done."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, UnicodeError) as fault:
        _mute(sys.stdout)
        why = fault.strerror if isinstance(fault, OSError) else fault
        raise Refused(f"The output cannot be written: {why}. Nothing was pushed.", FAILED) from None


def _written(stream: TextIO, text: str) -> bool:
    """Whether the stream took the text."""
    try:
        stream.write(text)
        stream.flush()
    except (OSError, UnicodeError):
        _mute(stream)
        return False
    return True


def _mute(stream: TextIO) -> None:
    """Throw away what the stream still holds, so that nothing complains about it at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def make(opened: Session, snapshot: Snapshot, plan: Plan, sign: bool | None) -> Made:
    """Write commit, tag and, in layout *tracking*, the commit after the release. No ref is touched."""
    clone, who = opened.clone, opened.clone.identity()
    tree = clone.write_tree(snapshot.commit, plan.changes)
    payload = commit_payload(tree, [snapshot.commit], who, who, plan.request.asked_at, commit_message(plan))
    commit = clone.commit(clone.write("commit", payload))
    message = tag_message(plan.record, None, who.name, ())
    tag = tag_payload(commit.sha, plan.record.tag, who, commit.committed_at, message)
    if clone.signs_tags if sign is None else sign:
        tag = clone.sign_tag(tag)
    return Made(commit, clone.write("tag", tag), ensure_tip(who, clone, plan.record, commit))


def push_set(snapshot: Snapshot, plan: Plan, made: Made) -> list[RefUpdate]:
    """What is pushed together: the branch, the tag, and the release branch that is opened; each from what it is now."""
    updates = [
        RefUpdate(HEADS + snapshot.base, snapshot.commit, made.commit.sha),
        RefUpdate(TAGS + plan.record.tag, None, made.tag),
    ]
    return [*updates, made.tip.update] if made.tip else updates


def channel_steps(clone: Clone, snapshot: Snapshot, plan: Plan, made: Made) -> list[Step]:
    """Which channels move and which stay, as far as it can be known before the push."""
    steps = []
    for order in plan.record.channels:
        now, stays = snapshot.refs.get(order.ref), None
        if not order.moves:
            stays = f"stays at {order.seen or 'where it is'}"
        elif order.mode == "ff" and now and not clone.is_ancestor(now, made.commit.sha):
            stays = "stays: it would be no fast-forward"
        steps.append(Step(order, now, stays))
    return steps


def _confirmed(updates: list[RefUpdate], steps: list[Step], clone: Clone) -> bool:
    """Whether the person at the terminal says yes to the push and to what it means for the channels."""
    place = clone.place
    where = escaped(place.push_url) + ("" if place.url == place.push_url else f" (read at {escaped(place.url)})")
    moving = ", ".join(
        step.order.name + (" (a fast-forward)" if step.order.mode == "ff" and step.now else "")
        for step in steps
        if not step.stays
    )
    staying = "; ".join(f"{step.order.name} {step.stays}" for step in steps if step.stays)
    channels = (f", then move {moving}" if moving else "") + (f" ({staying})" if staying else "")
    refs = ", ".join(each.ref for each in updates)
    _show(f"Push {refs} to {where}, all or nothing{channels}? [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _push(clone: Clone, updates: list[RefUpdate]) -> None:
    """All or nothing. Where nobody knows what became of it, the same objects can be pushed again, and only they."""
    again = _again(clone, updates)
    try:
        result = clone.push(updates)
        done = [each.ref for each in updates if _arrived(clone, each, result.now[each.ref])]
    except Outage as outage:
        raise Outage("git", f"{outage.reason.rstrip('.')}. {again}") from None
    if done and len(done) < len(updates):
        raise Refused(f"The server took only {', '.join(done)}, and somebody moved another ref. {again}")
    if not done:
        raise Refused("Somebody moved one of these refs meanwhile, so nothing was pushed. Plan again.")


def _arrived(clone: Clone, update: RefUpdate, now: str | None) -> bool:
    """Whether a ref was moved as asked for. A branch may have been led on since: what was pushed is in it then."""
    if now is None or update.new is None or now == update.new:
        return now == update.new
    return now != update.expected and update.ref.startswith(HEADS) and clone.led_on(update.new, now)


def _again(clone: Clone, updates: list[RefUpdate]) -> str:
    """What pushes these objects by git alone: it takes no branch back and replaces no tag, so repeating it is safe."""
    words = ["git", "-C", str(clone.place.path), "push", "--atomic", clone.place.push_url]
    command = _typed([*words, *(f"{each.new}:{each.ref}" for each in updates)])
    return f"To push the very same again, type `{command}`."


def _move(clone: Clone, step: Step, commit: str) -> tuple[str, str | None]:
    """Move one channel: what became of it, and where it did not move the command that would move it from there."""
    update = RefUpdate(step.order.ref, step.now, commit)
    try:
        now = clone.push([update]).now[update.ref]
        if _arrived(clone, update, now):
            return f"moved to {commit}" + ("" if now == commit else f", and somebody led it on to {now}"), None
        what = f"moved it to {now}" if now else "deleted it"
        became = f"somebody {what} meanwhile; it was left {'there' if now else 'so'}"
    except (Denied, Outage) as fault:
        now, where = _whereabouts(clone, step)
        became = f"could not be moved: {escaped(fault.reason)}; {where}"
    return became, _moving(clone, step.order.ref, now, commit)


def _whereabouts(clone: Clone, step: Step) -> tuple[str | None, str]:
    """Where a channel is now, as the commit and in words. Where nobody says, it is taken to be where it was."""
    try:
        now = clone.pushed_to(step.order.ref)
    except (Denied, Outage):
        return step.now, f"whether it still is at {step.now} is unknown" if step.now else "nobody says where it is"
    return now, f"it is at {now}" if now else "it does not exist"


def _moving(clone: Clone, ref: str, now: str | None, commit: str) -> str:
    """What moves a channel by git alone, as long as it is where it is now."""
    lease = f"--force-with-lease={ref}:{now or ''}"
    return _typed(["git", "-C", str(clone.place.path), "push", lease, clone.place.push_url, f"{commit}:{ref}"])


def _others(plan: Plan, made: Made) -> Iterator[str]:
    """What a release by hand does not do: the branches of projects, and the image build."""
    record = plan.record
    if record.line:
        for each in record.line.projects:
            command = _typed(["git", "push", each.url, f"{each.commit}:{record.line.ref}"])
            yield f"in a clone of {escaped(each.name)}: {command}"  # only there is the commit
    if record.build:
        build = record.build
        # What names this build is made as the bot makes it, so that the bot finds the run and starts no other.
        inputs = {"tag": record.tag, "correlation_id": correlation_id(made.tag), "formats": ",".join(build.formats)}
        words = ["gh", "workflow", "run", build.workflow, "--repo", build.repository, "--ref", build.ref]
        yield _typed([*words, *(word for name, value in inputs.items() for word in ("-f", f"{name}={value}"))])


def _left(commands: list[str]) -> str:
    """What a person has still to do."""
    return "".join(["Left to do:\n", *(f"  {command}\n" for command in commands)]) if commands else ""


def _typed(words: list[str]) -> str:
    """A command as it is typed in a shell: foreign words stay words."""
    return escaped(shlex.join(words))
