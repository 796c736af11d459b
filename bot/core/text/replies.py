"""The replies to commands: what happened, why, and what to type next, each in one or two sentences."""

from __future__ import annotations

from bot.core.command import COMMANDS
from bot.core.hold import Hold
from bot.core.record import Record
from bot.core.text.quote import code, mention

MAY_RELEASE = "people with write access to this repository"


def opened(number: int, record: Record, moved: int | None) -> str:
    """The reply to an accepted release command; `moved` counts the projects that change (None: told elsewhere)."""
    where = "off" if record.line else "on"
    opening = f"Opened #{number} for **{record.version}** (was {record.previous}) {where} {code(record.base)}."
    return f"{opening} {_moves(moved)}Merging it {merging(record)}."


def _moves(moved: int | None) -> str:
    if moved is None:
        return ""
    if moved == 0:
        return "No project changes. "
    return "1 project changes. " if moved == 1 else f"{moved} projects change. "


def merging(record: Record) -> str:
    """What a merge does, as the end of a sentence: "tags A, moves B and starts the image build"."""
    deeds = [f"tags {code(record.tag)}"]
    if record.line:
        deeds.append(f"{'moves' if record.line.seen else 'opens'} {code(record.line.branch)}")
    deeds += [f"moves {code(channel.name)}" for channel in record.channels if channel.moves]
    if record.build:
        deeds.append("starts the image build")
    return deeds[0] if len(deeds) == 1 else ", ".join(deeds[:-1]) + " and " + deeds[-1]


def resumed(tag: str) -> str:
    """The reply to an accepted `/release resume`."""
    return (
        f"I prove the merge for {code(tag)} again and go on from where it stopped; the progress is in its own comment."
    )


def held(hold: Hold) -> str:
    """The reply to an accepted `/release hold`, also where it was held before."""
    what = "Its merge is not published" if hold.pull else "No release is planned and no merge is published"
    return f"{hold.words}. {what} until somebody comments `/release unhold` {'here' if hold.pull else 'in an issue'}."


def lifted(hold: Hold) -> str:
    """The reply to an accepted `/release unhold`."""
    what = f"#{hold.pull} is" if hold.pull else "Releases are"
    return (
        f"{what} no longer on hold ({mention(hold.by)} held since {hold.since:%Y-%m-%d %H:%M} UTC). "
        "What was merged meanwhile is stopped; `/release resume` there publishes it."
    )


def adopted(tag: str, files: int, tagged: bool, changes: str = "") -> str:
    """The reply to an accepted `/release adopt`; `tagged`: the tag is there, made by hand. `changes` are of ours."""
    how = f"The tag {code(tag)} that stands there is kept." if tagged else f"It will be tagged {code(tag)}."
    return (
        f"Taken for the release: the merged tree, which changes {files} file{'s' * (files != 1)}, is valid. {how} "
        "I prove it again as it is now and go on; the progress is in its own comment."
        + (f"\n\nSince the release before:\n\n{changes}" if changes else "")
    )


def abandoned(tag: str, number: int | None) -> str:
    """The reply to an accepted `/release abandon`; `number` None: there was nothing left to take back."""
    if number is None:
        return f"{code(tag)} is given up: its branch holds nothing of it any more, so the number is free."
    return (
        f"#{number} takes the merge for {code(tag)} back. Merge it to give the release up: then the number is free. "
        "Until then the branch stays blocked; to publish after all, close it and comment `/release resume` here."
    )


def our_fault(incident: str) -> str:
    """The reply when the bot itself failed."""
    return (
        f"Something broke on my side (id {code(incident)}). The request is stored and I try it again; "
        f"if nothing follows, give the id to whoever operates this bot."
    )


def parked(what: str, reason: str) -> str:
    """The reply when retries were used up."""
    why = reason.rstrip(".")
    return f"I gave up on {code(what)} for now: {why}. Nothing was changed. Post the command again to retry."


def help_text(commands: tuple[str, ...], author: str, options: str = "") -> str:
    """The commands that this person has in this place; `commands` are their usages, `options` a table of one's."""
    rows = [
        f"| {code(spec.usage).replace('|', chr(92) + '|')} | {spec.effect} |"
        for spec in COMMANDS
        if spec.usage in commands
    ]
    table = "\n".join(["| command | what it does |", "|---|---|", *rows])
    return "\n\n".join(part for part in (f"What you can use here, {mention(author)}:", table, options.rstrip()) if part)
