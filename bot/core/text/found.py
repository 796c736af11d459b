"""What is told of things that were found and not done here: builds nobody knows of, tags that somebody made."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.text.quote import code

LOST_BUILD = "the store was lost, and no run of its image build was found"
"""Why the build of a published release is not started unasked."""
OLD_BUILD = "the store was lost, and its image build, which lies long back, was not looked for"


def build_unknown(tag: str) -> str:
    """The question that is asked where a release is published and no run of its image build can be found."""
    return (
        f"{code(tag)} was published before what my store remembers, and I find no run of its image build. "
        "The release itself stands. I start no image build that nobody asked for: "
        "`/release resume` here starts it."
    )


HAND_TITLE = "Releases that were made by hand"


def by_hand(tags: Sequence[tuple[str, str, str]]) -> str:
    """The one page about release tags that somebody else made: (tag, commit, day) each, in the order they were found.

    It is edited in place when more are found.
    """
    rows = "\n".join(f"| {code(tag)} | {code(commit[:7])} | {day} |" for tag, commit, day in tags)
    return (
        "These release tags were not made by me. I leave them as they are: a tag is never moved, deleted or made "
        "again. The next release of their line gets a higher version. An open release pull request that one of "
        "them supersedes is red: close it and ask anew.\n\n"
        f"| tag | commit | found |\n|---|---|---|\n{rows}\n\n"
        "What a release made by hand may lack (a channel, the branch, the image build) is up to whoever made it."
    )
