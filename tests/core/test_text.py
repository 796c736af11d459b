"""What people read: whole, safe, and never a command to ourselves."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings, strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.core import refusal as no
from bot.core.command import COMMANDS, Mistake, MistakeKind, parse
from bot.core.command.parse import Mistake as ParsedMistake
from bot.core.hold import Hold
from bot.core.objects import Identity, commit_payload
from bot.core.plan import Plan, ProjectChange
from bot.core.text import mistakes, pull, refusals, replies
from tests.core import world

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
REFUSALS: list[no.Refusal] = [
    no.NoSuchLine("build-151", ("build-115",)),
    no.NothingMoved("build-115", "v115.0.0", "coreos/etcd"),
    no.UnknownProject("etcdd", ("coreos/etcd",), 12),
    no.ThereAlready("coreos/etcd", "5c11a2f9" * 5, "v115.0.1"),
    no.NamedTwice("coreos/etcd", "etcd", "src/third_party/etcd"),
    no.AmbiguousProject("scripts", (("coreos/scripts", "src/scripts"), ("other/scripts", "x"))),
    no.UnknownRevision("coreos/etcd", "abc1234"),
    no.AmbiguousRevision("coreos/etcd", "abc1234"),
    no.UnclearUpstream("coreos/etcd", "cd" * 20, ("refs/heads/release-0.1", "refs/heads/next"), ("refs/heads/master",)),
    no.NotOnUpstream("coreos/etcd", "cd" * 20, "refs/heads/next"),
    no.Rewind("coreos/etcd", 12),
    no.Jump("coreos/etcd", 1204, "refs/heads/build-115", "refs/heads/master"),
    no.VersionTaken("v115.0.1", "a3" * 20, "115.0.2"),
    no.VersionTooLow("115.0.0", "115.1.0", "build-115"),
    no.WrongLine("116.0.0", "build-115", "patch"),
    no.WrongLine("116.0.0", "build-115", "new"),
    no.LineHasMore("build-115", 1, "master"),
    no.LineHasMore("build-115", 3, "master"),
    no.BadClock("The clock says 2012-01-01, which is before the first build number."),
    no.BuildOutOfRange(1234567, "build-1234567"),
    no.SdkMissing("version.txt", "build-16"),
    no.SdkEqual("115.0.1"),
    no.SdkBuildId("110.0.0+2013-10-24-1130", "110.0.0"),
    no.UnknownSdk("99.0.0", ("110.0.0", "109.0.0")),
    no.UnknownSdk("99.0.0", ()),
    no.SdkUnreachable("110.0.0", "HTTP 404"),
    no.UnknownRelease("99.0.0", ("110.0.0",)),
    no.UnknownRelease("99.0.0", ()),
    no.NotInRelease("coreos/etcd", "109.0.0"),
    no.NotPinned("coreos/etcd", "109.0.0"),
    no.NothingToFollow("coreos/etcd"),
    no.NoSuchManifest("build-7.xml", ("build-109.xml",)),
    no.NoSuchManifest("build-7.xml", ()),
    no.AlreadyOpen(42, "115.0.1", "build-115", same=True),
    no.AlreadyOpen(42, "115.0.1", "build-115", same=False),
    no.NotPublished(42, "115.0.1", "build-115"),
    no.NothingStopped("resume", "v115.0.1", "built"),
    no.CannotAdopt("v115.0.1", "it also changes `master.xml`"),
    no.CannotAbandon("v115.0.1", "its tag is on the server"),
    no.BeingTakenBack("v115.0.1", 43),
    no.NoSuchChannel("betta", ("beta",)),
    no.NotReleased("115.0.9", ("115.0.0",)),
    no.ChannelThere("beta", "115.0.0"),
    no.ChannelMoved("beta"),
    no.ChannelForbidden("beta", "protected"),
    no.NothingPending(),
    no.Held(Hold(None, "octocat", datetime(2013, 10, 25, 12, 1, tzinfo=UTC), "a broken SDK")),
    no.NotHeld(42),
    no.SamePerson("beta"),
    no.BeingProposed("115.0.1", "build-115"),
    no.BranchTaken("release-bot/v115.0.1"),
    no.NotAllowed("/release patch", replies.MAY_RELEASE, ("/release help",)),
    no.CouldNotCheck("/release patch"),
    no.WrongPlace("/release resume", "a merged release pull request", (42,)),
    no.Unreadable((("coreos/etcd", "timeout, 3 tries"),), 25, datetime(2013, 10, 25, 12, 10, tzinfo=UTC)),
    no.BadTree("`version.txt` on `build-115`: empty."),
    no.BadConfiguration("line 3: what is this."),
    no.Late(edited=False),
    no.Late(edited=True),
]
MISTAKES = [Mistake(kind, "pach", ("patch",), "/release pach build-115") for kind in typing.get_args(MistakeKind)]


def tokens(text: str) -> Iterator[Token]:
    for token in PARSER.parse(text):
        yield token
        yield from token.children or ()


def test_every_reason_has_its_sentence_here() -> None:
    assert {type(reason) for reason in REFUSALS} == set(typing.get_args(no.Refusal))


@pytest.mark.parametrize("reason", REFUSALS, ids=lambda reason: type(reason).__name__)
def test_a_refusal_is_one_paragraph_and_no_command(reason: no.Refusal) -> None:
    told = refusals.refused(reason)
    assert re.fullmatch(r"[^\n]{20,600}", told)
    assert parse(told) is None


@pytest.mark.parametrize("wrong", MISTAKES, ids=lambda wrong: wrong.kind)
def test_a_mistake_is_explained_in_one_paragraph_and_no_command(wrong: ParsedMistake) -> None:
    told = mistakes.mistake(wrong, ("build-115", "build-109"))
    assert re.fullmatch(r"[^\n]{20,600}", told)
    assert parse(told) is None


WORDS: dict[type[no.Refusal], str] = {
    no.NoSuchLine: "There is no release branch `build-151`. Near it: `build-115`.",
    no.NothingMoved: "No project that follows `refs/heads/build-115` moved since `v115.0.0`. Name what to change "
    "(`coreos/etcd=<commit>`), or add `--allow-empty` to re-spin as it is.",
    no.AmbiguousProject: "`scripts` matches 2 projects: `coreos/scripts` (`src/scripts`), `other/scripts` (`x`). "
    "Use the full name or the path.",
    no.UnclearUpstream: "`cdcdcdc` is on `release-0.1`, `next` of `coreos/etcd`, not on `master`. "
    "Say which: `coreos/etcd.upstream=refs/heads/release-0.1`.",
    no.Rewind: "`coreos/etcd` would go BACK 12 commits (not a descendant of the released pin). "
    "If you mean it: `--allow-rewind`.",
    no.Jump: "`coreos/etcd` would leave `refs/heads/build-115` for `refs/heads/master` and take 1,204 commits. "
    "If you mean it: `--allow-jump`.",
    no.VersionTaken: "`v115.0.1` exists (`a3a3a3a`). Next free: 115.0.2. Tags are never moved.",
    no.Unreadable: "1 of 25 projects could not be read (`coreos/etcd`: `timeout, 3 tries`). Nothing was changed; "
    "I try again until 12:10 UTC, or repeat the command.",
    no.VersionTooLow: "115.0.0 is not above 115.1.0, which `build-115` is at. Versions only go up; name a higher one.",
    no.WrongLine: "116.0.0 is no version of `build-115`. `/release new version=116.0.0` opens another line.",
    no.LineHasMore: "`build-115` has 1 commit that `master` lacks, and a release of that build off `master` "
    "would drop it. Release from the branch: `/release branch build-115`.",
    no.BuildOutOfRange: "1234567 cannot be a build number here: `build-1234567` would be no release branch. "
    "Take a smaller one.",
    no.NotPinned: "109.0.0 does not pin `coreos/etcd` to a commit, so its pins cannot be taken. Name another one.",
    no.SdkMissing: "`version.txt` on `build-16` names no SDK version. Say it: `sdk=VERSION`.",
    no.SdkEqual: "The SDK cannot be 115.0.1: that is the version to be released, which does not exist yet. "
    "Name an earlier one: `sdk=VERSION`.",
    no.SdkBuildId: "The SDK `110.0.0+2013-10-24-1130` is a development build, and a release is not built with one. "
    "Take the release: `sdk=110.0.0`.",
    no.UnknownSdk: "No release has the SDK version `99.0.0`, and no version file says it. "
    "There are `110.0.0`, `109.0.0`. Name one: `sdk=`.",
    no.SdkUnreachable: "The SDK `110.0.0` cannot be downloaded (`HTTP 404`). Name another one: `sdk=VERSION`.",
    no.UnknownRelease: "There is no release 99.0.0 whose manifest can be read. Near it: `110.0.0`.",
    no.NotInRelease: "The release 109.0.0 did not have `coreos/etcd`. Name a commit or a branch instead.",
    no.NothingToFollow: "`coreos/etcd` has neither a pin nor a branch to follow. "
    "Name a commit: `coreos/etcd=<commit>`.",
    no.NoSuchManifest: "`build-7.xml` is no old manifest of this branch, so it is not removed. "
    "Old ones: `build-109.xml`.",
}


@pytest.mark.parametrize(("kind", "told"), WORDS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_the_words_of_a_refusal(kind: type[no.Refusal], told: str) -> None:
    assert refusals.refused(next(reason for reason in REFUSALS if type(reason) is kind)) == told


def test_a_version_that_a_new_release_cannot_have_is_answered_with_what_can_be_left_out() -> None:
    assert refusals.refused(no.WrongLine("116.0.0", "build-115", "new")) == (
        "116.0.0 is no version of `build-115`. Leave the build number out, or name one that fits it."
    )


HOSTILE = st.text(max_size=60) | st.sampled_from(
    ["@all", "#1", "<b>", "[x](http://e)", "![x](//e)", "`", "``|`", "\n# x", "\n/release patch build-1", "-->"]
)
OURS = {"needs", "place", "version", "free", "now", "state"}
"""Fields of a refusal that hold nothing but words or versions of ours."""


@pytest.mark.parametrize("reason", REFUSALS, ids=lambda reason: type(reason).__name__)
@settings(max_examples=25)
@given(hostile=HOSTILE)
def test_nothing_that_somebody_typed_is_rendered_in_a_refusal(reason: no.Refusal, hostile: str) -> None:
    if isinstance(reason, no.BadTree | no.BadConfiguration | no.BadClock | no.CannotAdopt | no.CannotAbandon):
        return  # their sentences are ours already
    loud = {field.name for field in fields(reason) if isinstance(getattr(reason, field.name), str)} - OURS
    if isinstance(reason, no.NothingStopped):
        loud.discard("verb")
    told = refusals.refused(replace(reason, **dict.fromkeys(loud, hostile)))  # type: ignore[arg-type]
    kinds = {token.type for token in tokens(told)}
    assert not kinds & {"link_open", "image", "html_inline", "html_block", "heading_open", "fence", "code_block"}
    assert parse(told) is None


def test_the_first_lines_say_who_asked_and_whose_machines_get_it() -> None:
    first, second = pull.body(world.planned(), 0).split("\n")[:2]
    assert first == "### Release 115.0.1 (line build-115)"
    assert second == (
        "Asked for by @octocat in #40 with `/release patch build-115`. "
        "Machines built from it follow **alpha** (default of this repository)."
    )


def test_the_body_shows_versions_refs_and_the_moved_project() -> None:
    body = pull.body(world.planned(), 0)
    new, old = world.NEW, world.PINS["coreos/etcd"]
    for line in (
        "| Version | 115.0.0 | **115.0.1** |",
        "| SDK | 110.0.0 | 110.0.0 (kept) |",
        "| default.xml | → master.xml | → **build-115.xml** (first own release of this branch) |",
        "| release.xml | → build-115.xml | unchanged |",
        "| `build-115` | `bababab` | merge commit | this merge |",
        "| `v115.0.1` | – | new tag | create |",
        "| `dev-channel` | `bababab` (115.0.0) | merge commit | newer version: moves |",
        "| `master` | `aaaaaaa` | unchanged | – |",
        "3. start **image-build.yml** in coreos/scripts: image prod, group alpha, official, formats qemu, vmware",
        (
            f"| `coreos/etcd` | `{old[:7]}` | [`{new[:7]}`](https://github.com/coreos/etcd/compare/{old}...{new}) "
            "| `refs/heads/master` → **`refs/heads/release-0.1`** | 4 |"
        ),
        "> `coreos/etcd` now follows `refs/heads/release-0.1` instead of `refs/heads/master`.",
    ):
        assert line in body.split("\n"), line


def test_a_body_with_thousands_of_projects_fits_what_github_takes() -> None:
    change = world.planned().projects[0]
    many = tuple(replace(change, name=f"a/project-{n}", path=f"src/{n}") for n in range(2000))
    unchanged = tuple((f"b/project-{n}", "ab" * 20) for n in range(2000))
    body = pull.body(replace(world.planned(), projects=many, unchanged=unchanged), 5_000)
    assert len(body) <= pull.LIMIT - 5_000
    assert "and 1940 more" in body


@given(st.text(max_size=80))
def test_nothing_that_a_project_wrote_is_rendered_in_the_body(hostile: str) -> None:
    plan: Plan = world.planned()
    change = plan.projects[0]
    since = replace(change.since, subjects=(hostile,)) if change.since else None
    loud: ProjectChange = replace(change, name=hostile, new_upstream=hostile, since=since, page=None)
    request = replace(plan.request, text=hostile)
    body = pull.body(replace(plan, projects=(loud,), request=request, waiting=(loud,)), 0)
    assert not {token.type for token in tokens(body)} & {"link_open", "image"}
    assert parse(body) is None


def test_the_commit_says_who_asked_and_for_which_plan() -> None:
    plan = world.planned()
    subject, blank, *trailers = pull.commit_message(plan).splitlines()
    assert (subject, blank) == ("build-115: release v115.0.1", "")
    assert trailers == [
        "Requested-by: octocat",
        f"Request: {plan.request.digest}",
        f"Plan: {plan.record.digest}",
        f"Config: {plan.record.config}",
    ]


def test_the_tag_is_the_record_of_the_release() -> None:
    record = world.planned().record
    message = pull.tag_message(record, 42, "hubot", (("octocat", "ab" * 20), ("hubot", "ab" * 20)))
    assert message.startswith("CoreOS v115.0.1\n\nRequested-by: octocat\n")
    trailers = dict(line.split(": ", 1) for line in message.splitlines()[2:])
    assert trailers["Merged-by"] == "hubot"
    assert (trailers["Group"], trailers["Official"], trailers["SDK"]) == ("alpha", "1", "110.0.0")
    assert message.count("Approved-by: ") == 2
    assert f"build-115.xml={record.inputs['build-115.xml']}" in trailers["Inputs"]


def test_a_name_with_line_ends_cannot_forge_a_trailer() -> None:
    evil = commit_payload(
        "a" * 40, [], Identity("x\ncommitter y <z>", "a@b"), Identity("b", "c@d"), world.ASKED_AT, "m"
    )
    assert evil.count(b"\ncommitter ") == 1


def test_help_shows_each_command_with_what_it_does() -> None:
    told = replies.help_text(tuple(spec.usage for spec in COMMANDS), "octocat")
    assert all(spec.effect in told for spec in COMMANDS)
    assert parse(told) is None
