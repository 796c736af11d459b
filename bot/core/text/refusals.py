"""Why a request is refused: one sentence a reason, with what to type next. A reason without one fails type checks."""

from __future__ import annotations

from typing import assert_never

from bot.core import refusal as no
from bot.core.text.quote import code, codes, short


def refused(reason: no.Refusal) -> str:
    """Why a request is refused and what to type next."""
    match reason:
        case no.NoSuchLine(line, near):
            return f"There is no release branch {code(line)}." + (f" Near it: {codes(near)}." if near else "")
        case no.NothingMoved(line, tag, example):
            return (
                f"No project that follows {code('refs/heads/' + line)} moved since {code(tag)}. "
                f"Name what to change ({code(example + '=<commit>')}), or add `--allow-empty` to re-spin as it is."
            )
        case no.VersionTaken(tag, commit, free):
            return f"{code(tag)} exists ({code(commit[:7])}). Next free: {free}. Tags are never moved."
        case no.VersionTooLow() | no.WrongLine() | no.LineHasMore() | no.BadClock() | no.BuildOutOfRange():
            return _about_versions(reason)
        case no.SdkMissing() | no.SdkEqual() | no.SdkBuildId() | no.UnknownSdk() | no.SdkUnreachable():
            return _about_sdk(reason)
        case no.UnknownRelease() | no.NotInRelease() | no.NotPinned() | no.NothingToFollow() | no.NoSuchManifest():
            return _about_releases(reason)
        case no.BadTree(sentence) | no.BadConfiguration(sentence):
            return f"This branch cannot be released from as it is: {sentence}"
        case no.Late(edited):
            why = "it was edited since" if edited else "I was away when this was posted"
            return f"Nothing was done: {why}. Please post it again as a new comment."
        case no.UnknownProject() | no.AmbiguousProject() | no.NamedTwice() | no.ThereAlready() | no.Unreadable():
            return _about_projects(reason)
        case no.AlreadyOpen() | no.NotPublished() | no.BeingProposed() | no.BranchTaken():
            return _another_release(reason)
        case no.NothingStopped() | no.CannotAdopt() | no.CannotAbandon() | no.BeingTakenBack():
            return _about_stopped(reason)
        case no.NoSuchChannel() | no.NotReleased() | no.ChannelThere() | no.ChannelMoved() | no.ChannelForbidden():
            return _about_channels(reason)
        case no.Held(hold):
            return f"{hold.words}. Nothing was changed. `/release unhold` in an issue lifts it."
        case no.NotHeld(pull):
            what = f"#{pull} is" if pull else "Releases of this repository are"
            return f"{what} not on hold, so there is nothing to lift."
        case no.NothingPending():
            return "No move of a channel waits for a second person in this issue. Ask with `/channel set` first."
        case no.SamePerson(name):
            return f"You asked for {code(name)} to be moved yourself; another admin comments `/channel confirm`."
        case no.NotAllowed() | no.CouldNotCheck() | no.WrongPlace():
            return _about_people(reason)
        case _:
            return _about_revisions(reason)


def _about_versions(
    reason: no.VersionTooLow | no.WrongLine | no.LineHasMore | no.BadClock | no.BuildOutOfRange,
) -> str:
    match reason:
        case no.VersionTooLow(version, now, branch):
            return f"{version} is not above {now}, which {code(branch)} is at. Versions only go up; name a higher one."
        case no.WrongLine(version, line, "new"):
            return f"{version} is no version of {code(line)}. Leave the build number out, or name one that fits it."
        case no.WrongLine(version, line, _):
            return f"{version} is no version of {code(line)}. `/release new version={version}` opens another line."
        case no.LineHasMore(line, commits, main):
            those, them = ("commit", "it") if commits == 1 else ("commits", "them")
            return (
                f"{code(line)} has {commits} {those} that {code(main)} lacks, and a release of that build off "
                f"{code(main)} would drop {them}. Release from the branch: {code(f'/release branch {line}')}."
            )
        case no.BuildOutOfRange(build, branch):
            return (
                f"{build} cannot be a build number here: {code(branch)} would be no release branch. Take a smaller one."
            )
        case no.BadClock(sentence):
            return f"The build number cannot be told: {sentence} `/release new BUILD` names it."
        case never:
            assert_never(never)


def _about_sdk(
    reason: no.SdkMissing | no.SdkEqual | no.SdkBuildId | no.UnknownSdk | no.SdkUnreachable,
) -> str:
    match reason:
        case no.SdkMissing(file, branch):
            return f"{code(file)} on {code(branch)} names no SDK version. Say it: `sdk=VERSION`."
        case no.SdkEqual(version):
            return (
                f"The SDK cannot be {version}: that is the version to be released, which does not exist yet. "
                "Name an earlier one: `sdk=VERSION`."
            )
        case no.SdkBuildId(sdk, plain):
            return (
                f"The SDK {code(sdk)} is a development build, and a release is not built with one. "
                f"Take the release: {code(f'sdk={plain}')}."
            )
        case no.UnknownSdk(sdk, near):
            there = f" There are {codes(near)}." if near else ""
            return f"No release has the SDK version {code(sdk)}, and no version file says it.{there} Name one: `sdk=`."
        case no.SdkUnreachable(sdk, why):
            return f"The SDK {code(sdk)} cannot be downloaded ({code(why)}). Name another one: `sdk=VERSION`."
        case never:
            assert_never(never)


def _about_releases(
    reason: no.UnknownRelease | no.NotInRelease | no.NotPinned | no.NothingToFollow | no.NoSuchManifest,
) -> str:
    match reason:
        case no.UnknownRelease(version, near):
            there = f" Near it: {codes(near)}." if near else ""
            return f"There is no release {version} whose manifest can be read.{there}"
        case no.NotInRelease(project, version):
            return f"The release {version} did not have {code(project)}. Name a commit or a branch instead."
        case no.NotPinned(project, version):
            return f"{version} does not pin {code(project)} to a commit, so its pins cannot be taken. Name another one."
        case no.NothingToFollow(project):
            say = code(f"{project}=<commit>")
            return f"{code(project)} has neither a pin nor a branch to follow. Name a commit: {say}."
        case no.NoSuchManifest(file, old):
            there = f" Old ones: {codes(old)}." if old else " There are none."
            return f"{code(file)} is no old manifest of this branch, so it is not removed.{there}"
        case never:
            assert_never(never)


def _about_projects(
    reason: no.UnknownProject | no.AmbiguousProject | no.NamedTwice | no.ThereAlready | no.Unreadable,
) -> str:
    match reason:
        case no.UnknownProject(word, near, total):
            hint = f" Near it: {codes(near)}." if near else " Use the name or the path that the manifest gives it."
            return f"None of the {total} projects is called {code(word)}.{hint}"
        case no.AmbiguousProject(word, matches):
            rows = ", ".join(f"{code(name)} ({code(path)})" for name, path in matches[:5])
            return f"{code(word)} matches {len(matches)} projects: {rows}. Use the full name or the path."
        case no.NamedTwice(project, first, second):
            return f"{code(first)} and {code(second)} are both {code(project)}, so nothing was done. Name it once."
        case no.ThereAlready(project, commit, tag):
            return (
                f"{code(project)} is at {short(commit)} already, as {code(tag)} had it, and nothing else would change. "
                "Name another revision, or add `--allow-empty` to re-spin as it is."
            )
        case no.Unreadable(projects, total, until):
            rows = "; ".join(f"{code(name)}: {code(why)}" for name, why in projects[:5])
            again = (
                f"I try again until {until:%H:%M} UTC, or repeat the command." if until else "Repeat the command later."
            )
            return (
                f"{len(projects)} of {total} projects could not be read ({rows}). Nothing was changed; {_lower(again)}"
            )
        case never:
            assert_never(never)


def _about_revisions(
    reason: no.UnknownRevision | no.AmbiguousRevision | no.UnclearUpstream | no.NotOnUpstream | no.Rewind | no.Jump,
) -> str:
    match reason:
        case no.UnknownRevision(project, revision):
            return (
                f"{code(revision)} is on no branch or tag of {code(project)}. "
                "(A commit that only a fork has does not count.) Push it to a branch there and post the command again."
            )
        case no.AmbiguousRevision(project, revision):
            return f"{code(revision)} fits more than one commit of {code(project)}. Give all 40 characters."
        case no.UnclearUpstream(project, commit, holders, not_on):
            away = f", not on {codes(map(_branch, not_on))}" if not_on else ""
            say = code(f"{project}.upstream={holders[0]}", 300)
            return (
                f"{code(commit[:7])} is on {codes(map(_branch, holders))} of {code(project)}{away}. Say which: {say}."
            )
        case no.NotOnUpstream(project, commit, upstream):
            return f"{code(commit[:7])} is not on {code(upstream)} of {code(project)}. Name a branch that holds it."
        case no.Rewind(project, commits):
            return (
                f"{code(project)} would go BACK {commits} commit{'s' * (commits != 1)} "
                "(not a descendant of the released pin). If you mean it: `--allow-rewind`."
            )
        case no.Jump(project, commits, leaves, takes):
            leaving = f"leave {code(leaves)} for {code(takes)} and " if leaves else ""
            return f"{code(project)} would {leaving}take {commits:,} commits. If you mean it: `--allow-jump`."
        case never:
            assert_never(never)


def _about_channels(
    reason: no.NoSuchChannel | no.NotReleased | no.ChannelThere | no.ChannelMoved | no.ChannelForbidden,
) -> str:
    match reason:
        case no.NoSuchChannel(name, channels):
            known = f"Configured: {codes(channels)}." if channels else "None is configured."
            return f"There is no channel {code(name)}. {known}"
        case no.NotReleased(version, near):
            newest = f" The newest: {codes(near)}." if near else ""
            return f"{version} is no published release, and a channel leads to nothing else.{newest}"
        case no.ChannelThere(name, version):
            return f"{code(name)} is at {version} already."
        case no.ChannelMoved(name):
            return f"{code(name)} was moved by somebody else just now. Look with `/channel show`, then post it again."
        case no.ChannelForbidden(name, why):
            return f"The server does not let me move {code(name)}: {code(why, 200)}. Let the App bypass its rules."
        case never:
            assert_never(never)


def _about_stopped(reason: no.NothingStopped | no.CannotAdopt | no.CannotAbandon | no.BeingTakenBack) -> str:
    match reason:
        case no.NothingStopped(verb, tag, state):
            return f"There is nothing to {verb}: {code(tag)} is {state}."
        case no.CannotAdopt(tag, why):
            return (
                f"{code(tag)} cannot be adopted: {why}. Nothing was changed. "
                "Put that right and post the command again, or give the release up with `/release abandon`."
            )
        case no.CannotAbandon(tag, why):
            return (
                f"{code(tag)} cannot be taken back by me: {why}. Nothing was changed. "
                "To go on with it comment `/release resume`; to change what is published, release the next version."
            )
        case no.BeingTakenBack(tag, number):
            return f"#{number} would take {code(tag)} back. Close it first, then comment `/release resume` again."
        case never:
            assert_never(never)


def _another_release(reason: no.AlreadyOpen | no.NotPublished | no.BeingProposed | no.BranchTaken) -> str:
    match reason:
        case no.AlreadyOpen(number, version, base, same=True):
            return f"#{number} already proposes {version} for {code(base)}. Review it there; close it to drop it."
        case no.AlreadyOpen(number, version, base):
            return f"#{number} ({version}) is open on {code(base)}; one release a branch at a time. Merge or close it."
        case no.BeingProposed(version, base):
            return (
                f"Another command is on its way to propose {version} for {code(base)}. "
                "Wait for its answer, then post this one again if it is still wanted."
            )
        case no.BranchTaken(branch):
            return (
                f"The branch {code(branch)} holds commits that are not mine, and I overwrite nobody's work. "
                "Delete or rename that branch, then post the command again."
            )
        case no.NotPublished(number, version, base):
            return (
                f"#{number} ({version}) was merged into {code(base)} and is not published yet: "
                "`/release resume`, `/release adopt` or `/release abandon` there, as its comment says."
            )
        case never:
            assert_never(never)


def _about_people(reason: no.NotAllowed | no.CouldNotCheck | no.WrongPlace) -> str:
    match reason:
        case no.NotAllowed(verb, needs, may):
            return f"{code(verb)} is for {needs}. You can use: {codes(may)}."
        case no.CouldNotCheck(verb):
            return (
                f"GitHub did not tell me whether you may use {code(verb)}, so nothing was done. Please post it again."
            )
        case no.WrongPlace(verb, place, pulls):
            here = f" There now: {', '.join(f'#{number}' for number in pulls[:5])}." if pulls else " There is none now."
            return f"{code(verb)} works on {place}.{here}"
        case never:
            assert_never(never)


def _branch(ref: str) -> str:
    return ref.removeprefix("refs/heads/")


def _lower(sentence: str) -> str:
    return sentence if sentence.startswith("I ") else sentence[0].lower() + sentence[1:]
