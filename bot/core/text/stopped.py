"""What is said of a release that was merged and not published: why, which ways out there are, and how it went."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.audit import Exit, Proof
from bot.core.text.quote import code, mention

EXITS: dict[Exit, str] = {
    "resume": "`/release resume` proves everything again and publishes if all proofs hold: "
    "for when what is named above was put right.",
    "adopt": "`/release adopt` (admins) takes what was merged for the release, if it is a valid one.",
    "abandon": "`/release abandon` opens the pull request that takes the merge back; "
    "once that is merged, the number is free.",
}


def stopped(tag: str, why: str, proofs: Sequence[Proof], ways: Sequence[Exit]) -> str:
    """Why nothing was published, every failed proof by number and name, and the commands that work here."""
    failed = [proof for proof in proofs if not proof.holds]
    if failed:
        rows = "\n".join(f"- proof {proof.number}, {proof.name}: {code(proof.why or '', 300)}" for proof in failed)
        reason = f"{len(proofs) - len(failed)} of {len(proofs)} proofs hold. What does not:\n\n{rows}"
    else:
        reason = code(why, 300)
    return f"### {tag}: stopped, nothing was published\n{reason}\n\n{_ways(ways)}"


def _ways(ways: Sequence[Exit]) -> str:
    if not ways:
        return (
            "I touched no tag and no ref. This is none of my pull requests, so no command of mine helps here: "
            "revert the merge, and ask for the release with `/release patch build-N`."
        )
    rows = "\n".join(f"- {EXITS[way]}" for way in ways)
    return (
        "I touched no tag and no ref, and plan no other release of this branch until this is settled. "
        f"The ways out:\n\n{rows}"
    )


def resumed(tag: str) -> str:
    """What the comment that said why it stopped says once it is published after all."""
    return f"### {tag}: was stopped, and is published now\nThe progress is in its own comment."


def stopped_without_plan(reason: str) -> str:
    """Why a merged pull request that looks like a release was not taken for one."""
    return (
        f"This looks like a release and is none of mine: {reason} Nothing was published. "
        "Releases are asked for with `/release patch build-N`."
    )


def revert_title(tag: str) -> str:
    """Title of the pull request that takes a merge back."""
    return f"Take back release {tag}"


def revert_message(subject: str, commit: str, number: int) -> str:
    """Subject and body of the commit that takes a merge back."""
    return f'Revert "{subject}"\n\nThis takes back {commit} (#{number}), which was never published.\n'


def revert_body(tag: str, number: int, by: str) -> str:
    """What the pull request that takes a merge back says."""
    return (
        f"{mention(by)} gives {code(tag)} up: #{number} was merged and is not published. "
        f"Merging this restores the files that it changed; then the number is free, and the branch for another "
        f"release. Closing it leaves {code(tag)} stopped, as it is."
    )
