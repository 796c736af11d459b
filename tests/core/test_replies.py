"""The replies that are no refusals, and two laws for all: none is a command, and each command it names is one."""

from __future__ import annotations

import re
import typing
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st
from markdown_it import MarkdownIt

from bot.core.command import COMMANDS, Command, Mistake, MistakeKind, parse
from bot.core.config import Config, ManifestFiles
from bot.core.plan import Plan, Request
from bot.core.refusal import Refusal
from bot.core.snapshot import Past, Snapshot
from bot.core.text import mistakes, pull, refusals, replies
from bot.core.version import Version
from tests.core import world
from tests.core.test_text import REFUSALS

RECORD = world.planned().record
STAYS = replace(RECORD, channels=(replace(RECORD.channels[0], moves=False),))
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
EVERYTHING = tuple(spec.usage for spec in COMMANDS)
KINDS: tuple[MistakeKind, ...] = typing.get_args(MistakeKind)


def mistake(kind: MistakeKind, word: str = "pach", near: tuple[str, ...] = ("patch",)) -> Mistake:
    return Mistake(kind, word, near, f"/release {word} build-115")


@pytest.mark.parametrize(
    ("moved", "told"), [(0, "No project changes."), (1, "1 project changes."), (2, "2 projects change.")]
)
def test_an_accepted_command_is_told_what_merging_does(moved: int, told: str) -> None:
    assert replies.opened(42, RECORD, moved) == (
        f"Opened #42 for **115.0.1** (was 115.0.0) on `build-115`. {told} "
        "Merging it tags `v115.0.1`, moves `dev-channel` and starts the image build."
    )


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (STAYS, "tags `v115.0.1` and starts the image build"),
        (replace(STAYS, build=None), "tags `v115.0.1`"),
        (replace(RECORD, build=None), "tags `v115.0.1` and moves `dev-channel`"),
    ],
)
def test_only_what_a_merge_does_is_promised(record: typing.Any, told: str) -> None:
    assert replies.merging(record) == told


def test_the_short_replies() -> None:
    assert replies.resumed("v1.0.0").startswith("I prove the merge for `v1.0.0` again")
    assert replies.abandoned("v1.0.0", None).endswith("so the number is free.")
    assert "The tag `v1.0.0` that stands there is kept." in replies.adopted("v1.0.0", 2, tagged=True)
    assert "(id `7f3c`)" in replies.our_fault("7f3c")
    assert replies.parked("/release patch", "GitHub is away.").startswith("I gave up on `/release patch` for now: ")


def test_the_check_says_whether_a_merge_would_publish() -> None:
    assert pull.check("sha256:ab", "115.0.1", "v115.0.1", "build-115") == (
        "115.0.1 can be released from build-115",
        "Merging this pull request releases `v115.0.1`. Plan `sha256:ab`.",
    )
    title, summary = pull.check_red(("x" * 200, "`second`"))
    assert title == "x" * 120
    assert summary.endswith(f"\n\n- `{'x' * 200}`\n- `` `second` ``")
    assert pull.check_not_a_release()[0] == "not a release"


def test_a_withdrawn_release_frees_its_version_and_is_found_again() -> None:
    told = pull.withdrawn("v115.0.1")
    assert "`v115.0.1` is free again" in told
    assert told.endswith("<!-- manifest-release-bot:withdrawn  -->")


def all_replies() -> list[str]:
    return [
        *(refusals.refused(reason) for reason in REFUSALS),
        *(mistakes.mistake(mistake(kind), lines) for kind in KINDS for lines in ((), ("build-115", "build-109"))),
        *(mistakes.mistake(mistake(kind, near=()), ("build-115",)) for kind in KINDS),
        replies.opened(42, RECORD, 1),
        replies.resumed("v1.0.0"),
        replies.adopted("v1.0.0", 1, tagged=False),
        replies.abandoned("v1.0.0", 42),
        replies.our_fault("7f3c"),
        replies.parked("/release patch build-115", "GitHub is away."),
        replies.help_text(EVERYTHING, "octocat"),
        pull.withdrawn("v115.0.1"),
    ]


FLATCAR = replace(world.CONFIG, manifest=ManifestFiles(line_branch="flatcar-{build}"))
OTHERS = {"refs/heads/flatcar-115": world.BASE, "refs/heads/flatcar-109": world.BASE, "refs/heads/master": world.MAIN}
LEADS = Past(lead=1)


@pytest.mark.parametrize("config", [world.CONFIG, FLATCAR])
@pytest.mark.parametrize(
    ("at", "wanted"),
    [
        (world.snapshot(base="build-151", commit=""), world.request(line="build-151")),
        (world.on_main(past=LEADS), world.new()),
        (world.on_main(), world.new(version=Version(117, 0, 0), build=116)),
        (world.snapshot(), world.request(version=Version(117, 0, 0))),
    ],
)
def test_every_line_and_command_that_a_refusal_suggests_can_be_typed_whatever_branches_are_called(
    config: Config, at: Snapshot, wanted: Request
) -> None:
    at = replace(at, config=config, refs=at.refs if config is world.CONFIG else {**at.refs, **OTHERS})
    base = at.base.replace("build-", "flatcar-") if config is FLATCAR else at.base
    told = refusals.refused(refusal(world.outcome(replace(at, base=base), wanted)))
    lines = [] if "Near it: " not in told else re.findall(r"`(.+?)`", told.partition("Near it: ")[2])
    commands = [*re.findall(r"`(/[^`]+)`", told), *(f"/release patch {line}" for line in lines)]
    assert commands or "name one that fits it" in told
    for command in commands:
        assert isinstance(parse(command), Command), command


def refusal(found: Plan | Refusal) -> Refusal:
    assert not isinstance(found, Plan)
    return found


NAMED_AS_IT_IS = ("unknown-verb", "not-yet", "missing-line", "missing-word")
"""What a reply quotes because it was not understood, or names without what follows."""


@pytest.mark.parametrize("told", all_replies())
def test_no_reply_is_a_command_and_each_command_in_it_is_understood(told: str) -> None:
    assert parse(told) is None
    for command in re.findall(r"`(/[a-z]+ [a-z][^`]*)`", told):
        understood = parse(command.replace("build-N", "build-115").replace("BUILD", "115"))
        assert understood is not None
        assert command in EVERYTHING or not isinstance(understood, Mistake) or understood.kind in NAMED_AS_IT_IS


@pytest.mark.parametrize("line", ["build-115", "build-109", "build-7"])
def test_a_slip_is_answered_with_the_whole_command_as_it_was_meant(line: str) -> None:
    wrong = parse(f"/release pach {line}")
    assert isinstance(wrong, Mistake)
    meant = line if line != "build-7" else "build-115"
    assert f"**`/release patch {meant}`**" in mistakes.mistake(wrong, ("build-115", "build-109"))


HOSTILE = st.text(max_size=60) | st.sampled_from(
    ["@all", "<b>", "[x](http://e)", "`", "a|b", "\n/release patch build-1"]
)


@given(HOSTILE, st.sampled_from(KINDS))
def test_nothing_that_somebody_mistyped_is_rendered(word: str, kind: MistakeKind) -> None:
    told = mistakes.mistake(mistake(kind, word, (word,)), (word,))
    kinds = {inner.type for token in PARSER.parse(told) for inner in (token, *(token.children or ()))}
    assert not kinds & {"link_open", "image", "html_inline", "html_block", "heading_open", "fence", "code_block"}
    assert "\n" not in told
    assert parse(told) is None


@given(HOSTILE)
def test_help_mentions_only_a_login(author: str) -> None:
    told = replies.help_text(EVERYTHING, author)
    assert told.startswith("What you can use here, ")
    assert parse(told) is None
    kinds = {inner.type for token in PARSER.parse(told) for inner in (token, *(token.children or ()))}
    assert not kinds & {"link_open", "image", "html_inline", "html_block", "heading_open"}
    assert sum(token.type == "tr_open" for token in PARSER.parse(told)) == len(COMMANDS) + 1
