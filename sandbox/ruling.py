"""What rulesets say about one move of a ref. Git's own hook asks it too, so it needs nothing but Python itself.

Run as a program it is git's `proc-receive` hook: it reads the moves of a push on standard input, judges them by the
file that `SANDBOX_RULES` names, and lets git carry out those that no rule forbids.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ZERO = "0" * 40
PREFIXES = {"branch": "refs/heads/", "tag": "refs/tags/"}
RULES = "SANDBOX_RULES"
DECLINED = "push declined due to repository rule violations"
NOT_ALONE = "atomic push failure"
WORKFLOWS = ".github/workflows"
NO_WORKFLOWS = "refusing to allow a GitHub App to create or update workflow `{}` without `workflows` permission"
GOOD = ("success", "neutral", "skipped")
"""Conclusions that GitHub takes for a check that has passed."""


@dataclass(frozen=True)
class Rule:
    """One rule of a ruleset, with where it holds. `default` is the full name of the default branch."""

    type: str
    target: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    default: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def holds_for(self, ref: str) -> bool:
        """Whether this ref is one that the rule is about."""
        return ref.startswith(PREFIXES[self.target]) and self._is(ref, self.include) and not self._is(ref, self.exclude)

    def _is(self, ref: str, patterns: Iterable[str]) -> bool:
        return any(
            each == "~ALL" or (each == "~DEFAULT_BRANCH" and ref == self.default) or matches(ref, each)
            for each in patterns
        )


@dataclass(frozen=True)
class Facts:
    """What a rule may need to know of git and of checks. `checks` are the missing ones of a commit, in words."""

    is_ancestor: Callable[[str, str], bool]
    merges: Callable[[str, str], bool]
    conclusion: Callable[[str, str, int | None], str]


def matches(ref: str, pattern: str) -> bool:
    """Whether a ref fits a pattern: `*` stays between slashes, `**/` goes across them, as GitHub's do."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]/]+\])", pattern)
    known = {"**/": "(?:[^/]+/)*", "**": "[^/]*", "*": "[^/]*", "?": "[^/]"}
    return re.fullmatch("".join(known.get(part) or _part(part) for part in parts), ref) is not None


def _part(part: str) -> str:
    if part.startswith("[") and part.endswith("]"):
        return "[" + part[1:-1].replace("\\", "").replace("!", "^", part.startswith("[!")) + "]"
    return re.escape(part)


def judge(rules: Iterable[Rule], facts: Facts, ref: str, old: str, new: str) -> list[str]:
    """The sentences that forbid this move, in GitHub's words; none when it is allowed."""
    said = [_said(rule, facts, ref, old, new) for rule in rules if rule.holds_for(ref)]
    return list(dict.fromkeys(sentence for sentence in said if sentence))


def _said(rule: Rule, facts: Facts, ref: str, old: str, new: str) -> str | None:
    kind = "tag" if ref.startswith(PREFIXES["tag"]) else "branch"
    made, gone = old == ZERO, new == ZERO
    if rule.type == "creation" and made:
        return "Cannot create ref due to creations being restricted."
    if rule.type == "deletion" and gone:
        return f"Cannot delete this {kind}"
    if rule.type == "update" and not made and not gone:
        return "Cannot update this protected ref."
    if rule.type == "non_fast_forward" and not made and not gone and not facts.is_ancestor(old, new):
        return f"Cannot force-push to this {kind}"
    if rule.type == "required_linear_history" and not gone and facts.merges(old, new):
        return f"This {kind} must not contain merge commits."
    if rule.type == "pull_request" and not made and not gone:
        return "Changes must be made through a pull request."
    if rule.type == "required_status_checks" and not gone:
        return None if made and rule.parameters.get("do_not_enforce_on_create") else checks_missing(rule, facts, new)
    return None


def checks_missing(rule: Rule, facts: Facts, commit: str) -> str | None:
    """What the required checks of a commit lack, in words; None when all have passed."""
    wanted = rule.parameters.get("required_status_checks", ())
    found = {each["context"]: facts.conclusion(commit, each["context"], each.get("integration_id")) for each in wanted}
    open_ones = {name: state for name, state in found.items() if state not in GOOD}
    if not open_ones:
        return None
    if len(wanted) == 1:
        (name, state), *_ = open_ones.items()
        return f'Required status check "{name}" is {_word(state)}.'
    states = [_word(state) for state in open_ones.values()]
    if set(states) == {"expected"}:
        return f"{len(states)} of {len(wanted)} required status checks are expected."
    counts = ", ".join(f"{states.count(word)} {word}" for word in dict.fromkeys(states))
    return f"{len(states)} of {len(wanted)} required status checks have not succeeded: {counts}."


def _word(state: str) -> str:
    return {"": "expected", "queued": "queued", "in_progress": "in progress"}.get(state, "failing")


# The hook


def _read() -> list[bytes]:
    """The lines of one pkt-line group, up to the flush."""
    lines = []
    while (size := int(sys.stdin.buffer.read(4) or b"0000", 16)) > 0:
        lines.append(sys.stdin.buffer.read(size - 4).rstrip(b"\n"))
    return lines


def _write(*lines: str) -> None:
    for line in lines:
        data = line.encode()
        sys.stdout.buffer.write(b"%04x" % (len(data) + 4) + data)
    sys.stdout.buffer.write(b"0000")
    sys.stdout.buffer.flush()


def _git(*arguments: str) -> tuple[bool, str]:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout


def is_merged_in(old: str, new: str) -> bool:
    """Whether there are merges between the two, asked of the git repository where this runs."""
    span = [new, "--not", "--branches"] if old == ZERO else [f"{old}..{new}"]
    return bool(_git("rev-list", "--merges", "-1", *span)[1])


def workflow_in(new: str) -> str:
    """A workflow file that commits change which no branch or tag has yet; "" where there is none."""
    if new == ZERO:
        return ""
    span = [new, "--not", "--branches", "--tags", "--", WORKFLOWS]
    return next(iter(_git("log", "--format=", "--name-only", *span)[1].split()), "")


def bypassed(ref: str, sentences: Sequence[str]) -> str:
    """What somebody reads who pushed against rules that do not bind them."""
    return "\n".join([f"Bypassed rule violations for {ref}:", "", *(f"- {each}\n" for each in sentences)]) + "\n"


def words_of(ref: str, page: str, sentences: Sequence[str]) -> str:
    """What a person reads who pushed against the rules."""
    link = f"{page}?ref={ref.replace('/', '%2F')}"
    rows = [f"error: GH013: Repository rule violations found for {ref}.", f"Review all repository rules at {link}", ""]
    return "\n".join([*rows, *(f"- {sentence}\n" for sentence in sentences)]) + "\n"


def main() -> None:
    """Speak git's proc-receive protocol: answer for each ref, and leave to git what may be done."""
    given = json.loads(Path(os.environ[RULES]).read_text(encoding="utf-8"))
    rules, others = ([Rule(**each) for each in given[name]] for name in ("rules", "bypassed"))
    checks = {(each[0], each[1]): each[2] for each in given["checks"]}
    facts = Facts(
        is_ancestor=lambda old, new: _git("merge-base", "--is-ancestor", old, new)[0],
        merges=is_merged_in,
        conclusion=lambda commit, name, app: checks.get((commit, f"{name}\n{app or ''}"), ""),
    )
    atomic = b"atomic" in b" ".join(_read()).split(b"\0")[-1].split()
    _write("version=1\n" if not atomic else "version=1\0atomic\n")
    moves = [line.decode().split(" ", 2) for line in _read()]
    found = {ref: judge(rules, facts, ref, old, new) for old, new, ref in moves}
    reasons = {ref: _reason(found[ref], "" if given["workflows"] else workflow_in(new)) for _, new, ref in moves}
    refused = atomic and any(reasons.values())
    for old, new, ref in moves:
        if found[ref]:
            sys.stderr.write(words_of(ref, given["page"], found[ref]))
        elif not reasons[ref] and not refused and (said := judge(others, facts, ref, old, new)):
            sys.stderr.write(bypassed(ref, said))
    sys.stderr.flush()
    answers = []
    for ref, reason in reasons.items():
        if reason or refused:
            answers.append(f"ng {ref} {reason or NOT_ALONE}\n")
        else:
            answers += [f"ok {ref}\n", "option fall-through\n"]
    _write(*answers)


def _reason(sentences: Sequence[str], workflow: str) -> str:
    """Why git is told to refuse a ref; "" where it may be moved."""
    return DECLINED if sentences else NO_WORKFLOWS.format(workflow) if workflow else ""


if __name__ == "__main__":
    main()
