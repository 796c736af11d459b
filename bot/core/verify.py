"""Whether a published release still is what it should be: tag, files, links, pins and refs, long after the merge.

Publishing proves a merge before it exists; this looks at what exists, whoever made it, with this program or by hand
ten years ago. So what is merely unusual is a warning: *wrong* is kept for what a user of the release would trip over.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from bot.core.manifest import full_ref, is_commit, objections
from bot.core.plan import DEFAULT, RELEASE
from bot.core.published import Published
from bot.core.shown import shown
from bot.core.signature import UNSIGNED, due, unchecked
from bot.core.snapshot import HEADS, TAGS, released
from bot.core.tree import Tree
from bot.core.version import Version

__all__ = ["RULES", "Finding", "Published", "Severity", "ok", "verify"]

Severity = Literal["wrong", "warning", "fine"]
Verdict = tuple[Severity, str]
Rule = Callable[[Published], Verdict]


@dataclass(frozen=True)
class Finding:
    """What came of one rule. Foreign words in the sentence are in code spans already."""

    severity: Severity
    what: str
    sentence: str


def verify(published: Published) -> tuple[Finding, ...]:
    """One finding a rule, always of all rules, in the order of the table."""
    if published.tag_ref not in published.refs:
        return _without_tag(published)
    verdicts = [(what, *rule(published)) for what, rule in RULES]
    return tuple(Finding(severity, what, sentence) for what, severity, sentence in verdicts)


def ok(findings: Iterable[Finding]) -> bool:
    """Whether nothing is wrong; there may be warnings."""
    return all(finding.severity != "wrong" for finding in findings)


def _without_tag(published: Published) -> tuple[Finding, ...]:
    (first, _), *others = RULES
    missing = f"There is no tag {shown(published.tag_ref.removeprefix(TAGS))}: {published.version} is not released."
    unseen = [Finding("warning", what, "Not looked at, for the tag is missing.") for what, _ in others]
    return Finding("wrong", first, missing), *unseen


def tagged(p: Published) -> Verdict:
    """The tag is an annotated one, the very object that was read, and stands for the commit that was looked at."""
    there = p.refs[p.tag_ref]
    commit = p.refs.get(p.tag_ref + "^{}", there)
    if commit != p.commit:
        return "wrong", f"The tag stands for {shown(commit[:12])}, not for {shown(p.commit[:12])}."
    if p.tag is None and there != commit:
        return "wrong", f"The tag's object {shown(there[:12])} was not read."
    if p.tag is None:
        return "warning", "The tag is lightweight: it says neither who released nor when."
    if p.tag.object != there:
        return "wrong", f"The tag is the object {shown(there[:12])}, not {shown(p.tag.object[:12])}: it was replaced."
    if (p.tag.type, p.tag.target) != ("commit", commit):
        return "wrong", f"The tag's object is of the {shown(p.tag.type)} {shown(p.tag.target[:12])}, not of the commit."
    return "fine", f"It is annotated and stands for {shown(commit[:12])}."


def tag_name(p: Published) -> Verdict:
    """The name inside the tag's object is that of the ref: an object under another ref claims another release."""
    name = p.tag_ref.removeprefix(TAGS)
    if p.tag is None:
        return "fine", "A lightweight tag holds no name of its own."
    if p.tag.tag != name:
        return "wrong", f"The object under {shown(name)} calls itself {shown(p.tag.tag)}."
    return "fine", f"The object calls itself {shown(name)} too."


def tag_subject(p: Published) -> Verdict:
    """The message begins as configured. Typed by hand it had many forms: a warning, if the version is right."""
    if p.tag is None:
        return "fine", "A lightweight tag has no message."
    name = p.tag_ref.removeprefix(TAGS)
    first = p.tag.message.partition("\n")[0]
    wanted = p.config.tag.subject.replace("{tag}", name)
    if first == wanted:
        return "fine", f"The message begins with {shown(first)}."
    if first.lower().removeprefix("coreos").strip() in (name.lower(), str(p.version)):
        return "warning", f"The message begins with {shown(first)}, an old form; now it would be {shown(wanted)}."
    return "wrong", f"The message begins with {shown(first)}, not with {shown(wanted)}."


def signature(p: Published) -> Verdict:
    """A trusted key signed the tag. Where keys are trusted, a tag that one of them could have signed must be."""
    found = p.signature or (unchecked(p.tag.payload) if p.tag else UNSIGNED)
    if found.state == "unsigned" and p.trusted:
        if due(p.trusted, p.tag.date if p.tag else None):
            return "wrong", "The tag is not signed, though at its date a trusted key could have signed it."
        return "warning", "The tag is not signed; at its date no key was trusted."
    return _SIGNED.get(found.state, "wrong"), found.sentence


_SIGNED: dict[str, Severity] = {"good": "fine", "unsigned": "fine", "not checked": "warning"}


def version_file(p: Published) -> Verdict:
    """version.txt can be read and says this version: image builds take their number from it."""
    if isinstance(p.versions, str):
        return "wrong", p.versions
    name = shown(p.config.manifest.version_file)
    if p.versions.version != p.version:
        return "wrong", f"{name} says {p.versions.version}, not {p.version}."
    return "fine", f"{name} says {p.version}."


def sdk(p: Published) -> Verdict:
    """The SDK is that of another release made here. Some repositories name their own version: a warning."""
    if isinstance(p.versions, str):
        return "warning", "Not looked at, for the version file cannot be read."
    if p.versions.sdk is None:
        return "fine", "No SDK is named, as in the oldest releases."
    named = shown(p.versions.sdk)
    try:
        version = Version.parse(p.versions.sdk)
    except ValueError:
        return "warning", f"The SDK {named} is no version of a release."
    if version == p.version:
        return "warning", f"The SDK {named} is this very version: it can be fetched only once this is built."
    if version not in released(p.refs, p.config):
        return "warning", f"The SDK {named} has no release tag here."
    return "fine", f"The SDK {named} was released here."


def release_file(p: Published) -> Verdict:
    """release.xml leads to the manifest of the line (layout link) or holds it with all pins (layout tracking).

    The layout is read from the tree, since lines of different layouts lived side by side; that it is not the
    configured one is a warning. So is the oldest layout, which had no release.xml and turned default.xml instead; but
    where the commit before had one, it was lost.
    """
    line = p.line_file
    if p.tree.resolve(line) != line:
        return "wrong", f"There is no {shown(line)}, or it is no file of its own."
    layout: str = p.config.manifest.layout
    if RELEASE not in p.tree:
        if p.parent_tree is not None and RELEASE in p.parent_tree:
            return "wrong", f"There is no {RELEASE}, though the commit before had one."
        if p.tree.resolve(DEFAULT) == line:
            return "warning", f"There is no {RELEASE}; {DEFAULT} leads to {shown(line)}, as in the oldest releases."
        return "wrong", f"There is no {RELEASE}."
    target = p.tree.link(RELEASE)
    if target is None:
        problem = p.contradiction()
        if problem:
            return "wrong", problem
    elif p.tree.resolve(RELEASE) != line:
        return "wrong", f"{RELEASE} leads to {shown(target)}, not to {shown(line)}."
    found = "link" if target is not None else "tracking"
    if layout not in ("auto", found):
        return "warning", f"{RELEASE} lies as in the layout {found}; the configured one is {layout}."
    what = f"leads to {shown(line)}" if target is not None else f"says the same as {shown(line)}, with pins"
    return "fine", f"{RELEASE} {what}."


def manifest(p: Published) -> Verdict:
    """The manifest can be read, has projects, and nothing speaks against a release that is made from it.

    A host that is asked no more, or not by this bot, is a warning only: when it was released it may have been known.
    """
    if isinstance(p.manifest, str):
        return "wrong", p.manifest
    if not p.manifest.projects:
        return "wrong", "The manifest names no project."
    reasons = objections(p.manifest, p.url, replace(p.policy, hosts=frozenset({"*"})))
    if reasons:
        return "wrong", f"{reasons[0]}{_and_more(len(reasons) - 1)}"
    unknown = objections(p.manifest, p.url, p.policy)
    if unknown:
        return "warning", f"{unknown[0]}{_and_more(len(unknown) - 1)}"
    return "fine", f"It has {len(p.manifest.projects)} projects, and nothing speaks against any."


def pins(p: Published) -> Verdict:
    """Every project is at a full commit.

    A project at a branch is wrong whatever the custom of the repository was: nobody can build that release again.
    One at a tag is a warning, for the tag says what was meant and stays, though somebody could move it.
    """
    if isinstance(p.manifest, str):
        return "warning", "Not looked at, for the manifest cannot be read."
    loose = [project for project in p.manifest.projects if not is_commit(project.revision)]
    moving = [project for project in loose if not full_ref(project.revision).startswith(TAGS)]
    if loose:
        first, kind = (moving or loose)[0], "branch" if moving else "tag"
        sentence = f"{shown(first.name)} is at the {kind} {shown(first.revision)}, not at a commit"
        return "wrong" if moving else "warning", f"{sentence}{_and_more(len(loose) - 1)}."
    return "fine", f"All {len(p.manifest.projects)} projects are at full commits."


def links(p: Published) -> Verdict:
    """Every link leads to a file or folder of this commit."""
    found = [path for path in p.tree if p.tree.link(path) is not None]
    astray = sorted(path for path in found if p.tree.resolve(path) is None and not _leads_to_folder(p.tree, path))
    if astray:
        target = p.tree.link(astray[0]) or ""
        return "wrong", (
            f"{shown(astray[0])} leads to {shown(target)}, which is no file here{_and_more(len(astray) - 1)}."
        )
    return "fine", f"{len(found)} link{'s' * (len(found) != 1)}, none of them astray."


def _leads_to_folder(tree: Tree, path: str) -> bool:
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), tree.link(path) or ""))
    return any(other.startswith(target + "/") for other in tree)


def default_file(p: Published) -> Verdict:
    """default.xml is there and can be read: it is what the repo tool takes when nobody names a manifest."""
    landed = p.tree.resolve(DEFAULT)
    if landed is None:
        return "wrong", f"{DEFAULT} is missing or leads to no file: the repo tool finds no manifest."
    if isinstance(p.default, str):
        return "wrong", p.default
    return "fine", f"{DEFAULT} leads to {shown(landed)}." if landed != DEFAULT else f"{DEFAULT} is a file."


def release_branch(p: Published) -> Verdict:
    """The release branch exists and has the tagged commit: both were pushed together."""
    name = shown(p.branch.removeprefix(HEADS))
    if p.branch not in p.refs:
        return "wrong", f"There is no branch {name}: push the tagged commit to it."
    if p.branch not in p.on_branches:
        where = "another branch does" if p.on_branches else "only the tag holds it"
        return "wrong", f"The branch {name} does not contain the tagged commit; {where}."
    return "fine", f"The branch {name} contains the tagged commit."


def branch_version(p: Published) -> Verdict:
    """The release branch is at this version or a higher one; a lower one would be released again by the next."""
    name, tip = shown(p.branch.removeprefix(HEADS)), p.branch_version
    if p.branch not in p.refs:
        return "warning", f"Not looked at, for there is no branch {name}."
    if tip is None:
        return "warning", f"The version at the tip of {name} cannot be read."
    if tip.build != p.version.build or tip < p.version:
        return "warning", f"The tip of {name} says {tip}, so the next release would not count on from {p.version}."
    return "fine", f"The tip of {name} says {tip}."


def channels(p: Published) -> Verdict:
    """A channel at this version is at this commit: its users get what was released and nothing beside it."""
    refs = {name: HEADS + name for name in p.config.channels}
    here = [name for name, ref in refs.items() if ref in p.refs and p.channel_versions.get(ref) == p.version]
    astray = [name for name in here if p.refs[refs[name]] != p.commit]
    if astray:
        commit = p.refs[refs[astray[0]]]
        return "wrong", f"The channel {shown(astray[0])} says {p.version} but is at {shown(commit[:12])}."
    if not here:
        return "fine", "No channel stands at this version."
    return "fine", f"{', '.join(shown(name) for name in here)} at this version and commit."


def old_manifests(p: Published) -> Verdict:
    """At most one manifest of another line was left beside this one."""
    old = sorted(path for path in p.tree if p.line_files.fullmatch(path) and path != p.line_file)
    if len(old) > 1:
        return "warning", f"{len(old)} manifests of other lines were left, {shown(old[0])} the first of them."
    return "fine", f"{shown(old[0])} was left of the lines before." if old else "No manifest of another line was left."


def changes(p: Published) -> Verdict:
    """The tagged commit is the one that made the release, and it changed nothing but what a release consists of."""
    if p.parent_tree is None:
        return "fine", "There is nothing before this commit to compare it with."
    changed = p.parent_tree.changes_to(p.tree)
    if p.config.manifest.version_file not in changed:
        return "warning", "The tagged commit did not change the version: another commit made this release."
    own = {p.config.manifest.version_file, RELEASE, DEFAULT}
    foreign = [path for path in changed if path not in own and not p.line_files.fullmatch(path)]
    if foreign:
        return "warning", f"The tagged commit also changed {shown(foreign[0])}{_and_more(len(foreign) - 1)}."
    return "fine", f"The tagged commit changed {len(changed)} file{'s' * (len(changed) != 1)}, all of the release."


def record(p: Published) -> Verdict:
    """What the tag's message records is what the files say; releases made by hand of old record nothing."""
    if p.recorded is None:
        return "fine", "The tag's message holds no record: it has none to contradict."
    if not isinstance(p.versions, str) and p.recorded.sdk != (p.versions.sdk or ""):
        return "wrong", f"The tag records the SDK {shown(p.recorded.sdk)}, the files {shown(p.versions.sdk or '')}."
    before = p.parent_tree
    if before is None:
        return "fine", "The record and the files agree; there is nothing before this commit to compare it with."
    blobs = {path: entry.blob for path in p.recorded.inputs if (entry := before.get(path))}
    astray = [path for path, blob in p.recorded.inputs.items() if blobs.get(path) != blob]
    if astray:
        more = _and_more(len(astray) - 1)
        return "wrong", f"The tag records another {shown(astray[0])} than the commit before has{more}."
    if isinstance(p.versions, str):
        return "warning", "The SDK was not looked at, for the version file cannot be read."
    return "fine", f"The record and the files agree on the SDK and on {len(blobs)} files of the commit before."


def _and_more(count: int) -> str:
    return f" (and {count} more)" if count > 0 else ""


RULES: tuple[tuple[str, Rule], ...] = (
    ("tag", tagged),
    ("tag name", tag_name),
    ("tag subject", tag_subject),
    ("signature", signature),
    ("version file", version_file),
    ("SDK", sdk),
    ("release file", release_file),
    ("manifest", manifest),
    ("pins", pins),
    ("links", links),
    ("default file", default_file),
    ("release branch", release_branch),
    ("branch version", branch_version),
    ("channels", channels),
    ("old manifests", old_manifests),
    ("changes", changes),
    ("record", record),
)
