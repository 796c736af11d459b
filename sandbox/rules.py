"""Repository rulesets: who may not do what to which refs, asked by git pushes, the API of refs and merges alike."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox import ruling
from sandbox.api import Answer, Call, Page, Route
from sandbox.auth import LEVELS, Caller, Refused, iso
from sandbox.bare import HEADS, JUDGE, ZERO, GitError
from sandbox.ruling import PREFIXES, Facts, Rule, checks_missing, judge
from sandbox.state import ROLES, Pull, Repository, Ruleset, Token, World

if TYPE_CHECKING:
    from sandbox.server import Sandbox

ROLE_IDS = {1: "read", 2: "maintain", 3: "triage", 4: "write", 5: "admin"}
"""GitHub's numbers for the roles that it comes with."""
ENFORCED = ("active", "evaluate", "disabled")
KINDS = (
    "creation",
    "update",
    "deletion",
    "non_fast_forward",
    "required_linear_history",
    "pull_request",
    "required_status_checks",
)
VIOLATION = "Repository rule violations found\n\n{}\n\n"


def made(world: World, described: dict[str, Any]) -> Ruleset:
    """A ruleset as GitHub's API describes it. Raises ValueError for what the sandbox does not know."""
    target, enforcement = described.get("target", "branch"), described["enforcement"]
    names = described.get("conditions", {}).get("ref_name", {})
    include, exclude = tuple(names.get("include", ())), tuple(names.get("exclude", ()))
    if target not in PREFIXES or enforcement not in ENFORCED:
        raise ValueError(f"{target}, {enforcement}: no such target or enforcement")
    if any(not each.startswith(("~ALL", "~DEFAULT_BRANCH", PREFIXES[target])) for each in include + exclude):
        raise ValueError(f"patterns of a {target} ruleset begin with {PREFIXES[target]} or are ~ALL, ~DEFAULT_BRANCH")
    unknown = [each["type"] for each in described["rules"] if each["type"] not in KINDS]
    if unknown:
        raise ValueError(f"rules that the sandbox does not enforce: {', '.join(unknown)}")
    bypass, now = list(described.get("bypass_actors", ())), world.now()
    number, name, rules = world.next_id(), described["name"], list(described["rules"])
    return Ruleset(number, name, target, enforcement, include, exclude, rules, bypass, now, now)


def rules_for(repository: Repository, who: Caller, merging: bool = False) -> list[Rule]:
    """The active rules that bind this caller here."""
    modes = ("always", "exempt", "pull_request") if merging else ("always", "exempt")
    return _rules(repository, lambda ruleset: not _modes(ruleset, repository, who) & set(modes))


def _rules(repository: Repository, wanted: Callable[[Ruleset], bool]) -> list[Rule]:
    return [
        Rule(each["type"], ruleset.target, ruleset.include, ruleset.exclude, _default(repository), _parameters(each))
        for ruleset in repository.rulesets
        if ruleset.enforcement == "active" and wanted(ruleset)
        for each in ruleset.rules
    ]


def _default(repository: Repository) -> str:
    return HEADS + repository.default_branch


def _parameters(rule: dict[str, Any]) -> dict[str, Any]:
    return dict(rule.get("parameters") or {})


def _modes(ruleset: Ruleset, repository: Repository, who: Caller) -> set[str]:
    """The ways in which this caller may bypass a ruleset."""
    return {each.get("bypass_mode", "always") for each in ruleset.bypass if _is(each, repository, who)}


def _is(actor: dict[str, Any], repository: Repository, who: Caller) -> bool:
    """Whether the caller is this actor. An App is one by its id only, a person by at least the role named."""
    kind, number = actor["actor_type"], actor.get("actor_id")
    if who.token is not None:
        return kind == "Integration" and number == who.token.installation.app.id
    if who.user is None:
        return False
    if kind == "RepositoryRole":
        return ROLES.index(repository.role(who.user)) >= ROLES.index(ROLE_IDS[int(number or 0)])
    return (kind == "User" and number == who.user.id) or (
        kind == "OrganizationAdmin" and repository.is_organization and repository.role(who.user) == "admin"
    )


def facts_of(repository: Repository) -> Facts:
    """What rules ask of git and checks."""
    return Facts(
        is_ancestor=repository.git.is_ancestor,
        merges=lambda old, new: _has_merges(repository, old, new),
        conclusion=lambda commit, name, app: _conclusion(repository, commit, name, app),
    )


def _has_merges(repository: Repository, old: str, new: str) -> bool:
    span = [new, "--not", "--branches"] if old == ZERO else [f"{old}..{new}"]
    try:
        return bool(repository.git.run("rev-list", "--merges", "-1", *span))
    except GitError:  # the object is missing; that is refused elsewhere
        return False


def _conclusion(repository: Repository, commit: str, name: str, app: int | None) -> str:
    """How the latest check of this name stands, of this App where one is asked for; "" where there is none."""
    found = [each for each in repository.checks if (each.head, each.name) == (commit, name)]
    latest = [each for each in found if app in (None, each.app.id)][-1:]
    return next((each.conclusion or each.status for each in latest), "")


def enforce(call: Call, ref: str, old: str, new: str) -> None:
    """Refuse, as the API of refs does, a move that a rule forbids."""
    said = judge(rules_for(call.repo, call.who), facts_of(call.repo), ref, old, new)
    if said:
        raise Refused(422, VIOLATION.format("\n".join(said)))


def enforce_merge(call: Call, pull: Pull, author: int, method: str) -> None:
    """Refuse, as merging does, while a check or a review is missing that a rule asks for."""
    said = missing_for_merge(call.repo, call.who, pull, author, method)
    if said:
        raise Refused(405, VIOLATION.format("\n".join(said)))


def missing_for_merge(repository: Repository, who: Caller, pull: Pull, author: int, method: str = "") -> list[str]:
    """What the rules say against merging this pull request now."""
    ref, facts, said = HEADS + pull.base, facts_of(repository), []
    for rule in rules_for(repository, who, merging=True):
        if not rule.holds_for(ref):
            continue
        if rule.type == "update":
            said.append("Cannot update this protected ref.")
        elif rule.type == "required_linear_history" and method == "merge":
            said.append("This branch must not contain merge commits.")
        elif rule.type == "required_status_checks":
            said.append(checks_missing(rule, facts, pull.head_sha) or "")
        elif rule.type == "pull_request":
            said.append(_reviews_missing(repository, rule, pull, author))
    return list(dict.fromkeys(each for each in said if each))


def _reviews_missing(repository: Repository, rule: Rule, pull: Pull, author: int) -> str:
    wanted = int(rule.parameters.get("required_approving_review_count", 0))
    fresh = rule.parameters.get("dismiss_stale_reviews_on_push", False)
    latest = {
        each.user.id: each
        for each in pull.reviews
        if each.state != "COMMENTED" and each.user.id != author and _may_write(repository, each.user.login)
    }
    if wanted and any(each.state == "CHANGES_REQUESTED" for each in latest.values()):
        return "Changes have been requested by a reviewer with write access."
    good = [
        each for each in latest.values() if each.state == "APPROVED" and (not fresh or each.commit == pull.head_sha)
    ]
    if len(good) >= wanted:
        return ""
    verb = "review is" if wanted == 1 else "reviews are"
    return f"At least {wanted} approving {verb} required by reviewers with write access."


def _may_write(repository: Repository, login: str) -> bool:
    return ROLES.index(repository.roles.get(login, "none")) >= ROLES.index("write")


def _may_write_workflows(token: Token) -> bool:
    held = (token.permissions, token.installation.permissions)
    return all(each.get("workflows") == "write" for each in held)


def hook_environment(sandbox: Sandbox, repository: Repository, who: Caller, folder: Path) -> dict[str, str]:
    """What git's own hook is told, so that it judges the push; nothing where nothing could be refused."""
    with sandbox.world.lock:
        rules = rules_for(repository, who)
        bypassed = _rules(repository, lambda ruleset: "always" in _modes(ruleset, repository, who))
        workflows = who.token is None or _may_write_workflows(who.token)
        if workflows and not rules and not bypassed:
            return {}
        checks: dict[tuple[str, str], str] = {}
        for each in repository.checks:
            for app in ("", each.app.id):
                checks[each.head, f"{each.name}\n{app}"] = each.conclusion or each.status
    given = {
        "workflows": workflows,
        "page": f"{sandbox.url}/{repository.full_name}/rules",
        "rules": [vars(rule) for rule in rules],
        "bypassed": [vars(rule) for rule in bypassed],
        "checks": [[*key, state] for key, state in checks.items()],
    }
    file = folder / "rules.json"
    file.write_text(json.dumps(given, default=dict), encoding="utf-8")
    return {
        ruling.RULES: str(file),
        JUDGE: f"{sys.executable} -I -S {ruling.__file__}",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "receive.procReceiveRefs",
        "GIT_CONFIG_VALUE_0": "refs",
    }


# The API


def _list(call: Call) -> Answer:
    return Page([_shape(call, each) for each in call.repo.rulesets])


def _get(call: Call) -> Answer:
    found = next((each for each in call.repo.rulesets if each.id == call.parameters["ruleset_id"]), None)
    if found is None:
        raise Refused(404, "Not Found")
    shape = {
        **_shape(call, found),
        "conditions": {"ref_name": {"include": list(found.include), "exclude": list(found.exclude)}},
        "rules": found.rules,
        "current_user_can_bypass": _can_bypass(call, found),
    }
    return {**shape, "bypass_actors": found.bypass} if _is_admin(call) else shape


def _can_bypass(call: Call, ruleset: Ruleset) -> str:
    modes = _modes(ruleset, call.repo, call.who)
    known = {"always": "always", "exempt": "exempt", "pull_request": "pull_requests_only"}
    return next((word for mode, word in known.items() if mode in modes), "never")


def _is_admin(call: Call) -> bool:
    """Who may change a ruleset is shown whom it does not bind."""
    if call.who.token:
        return LEVELS.get(call.who.token.permissions.get("administration", ""), 0) >= LEVELS["write"]
    return call.who.user is not None and call.repo.role(call.who.user) == "admin"


def _shape(call: Call, ruleset: Ruleset) -> dict[str, Any]:
    repo = call.repo.full_name
    api, page = f"{call.sandbox.api_url}/repos/{repo}", f"{call.sandbox.url}/{repo}"
    return {
        "id": ruleset.id,
        "node_id": f"RRS_{ruleset.id}",
        "name": ruleset.name,
        "target": ruleset.target,
        "source_type": "Repository",
        "source": repo,
        "enforcement": ruleset.enforcement,
        "created_at": iso(ruleset.created_at),
        "updated_at": iso(ruleset.updated_at),
        "_links": {
            "self": {"href": f"{api}/rulesets/{ruleset.id}"},
            "html": {"href": f"{page}/rules/{ruleset.id}"},
        },
    }


def _of_branch(call: Call) -> Answer:
    """The active rules for a branch of this name, there or not; whom they bind makes no difference."""
    ref, found = HEADS + call.parameters["branch"], []
    source = {"ruleset_source_type": "Repository", "ruleset_source": call.repo.full_name}
    for ruleset in call.repo.rulesets:
        if ruleset.enforcement != "active":
            continue
        for each in ruleset.rules:
            rule = Rule(each["type"], ruleset.target, ruleset.include, ruleset.exclude, _default(call.repo))
            if rule.holds_for(ref):
                found.append({**each, **source, "ruleset_id": ruleset.id})
    return Page(found)


ROUTES = (
    Route("GET", "/repos/{repo}/rulesets", "metadata:read", _list),
    Route("GET", "/repos/{repo}/rulesets/<int:ruleset_id>", "metadata:read", _get),
    Route("GET", "/repos/{repo}/rules/branches/<path:branch>", "metadata:read", _of_branch),
)
