"""Walks over every route about builds, rules, installations and the App itself, so that each was taken once."""

from __future__ import annotations

from pathlib import Path

from tests.fidelity.conversations import SCRIPTS, R, checks, labels, pulls, refs, repository, reviews, talk
from tests.fidelity.refusals import refuse
from tests.fidelity.world import Walk

WORKFLOW = f"{SCRIPTS}/actions/workflows/image-build.yml"
PULL = {
    "required_approving_review_count": 1,
    "dismiss_stale_reviews_on_push": True,
    "require_code_owner_review": False,
    "require_last_push_approval": False,
    "required_review_thread_resolution": False,
}
CHECKS = {"strict_required_status_checks_policy": False, "required_status_checks": [{"context": "release / plan"}]}
KINDS = ("creation", "deletion", "non_fast_forward", "required_linear_history")
RULES = [*({"type": kind} for kind in KINDS), {"type": "pull_request", "parameters": PULL}]


def walk(folder: Path) -> Walk:
    """A world in which everything was done once; the caller closes it."""
    made = Walk(folder)
    try:
        for part in PARTS:
            part(made)
        assert made.play.github.wait_idle()
    except BaseException:
        made.close()
        raise
    return made


def builds(walk: Walk) -> None:
    """Workflows, and runs of them that succeed, fail, are cancelled and run again."""
    walk.bot("GET", f"{SCRIPTS}/actions/workflows")
    workflow = walk.bot("GET", WORKFLOW)["id"]
    inputs = {"tag": "v115.0.0", "correlation_id": "first", "formats": "qemu,vmware"}
    asked = {"ref": "master", "inputs": inputs, "return_run_details": True}
    good = f"{SCRIPTS}/actions/runs/{walk.bot('POST', f'{WORKFLOW}/dispatches', asked)['workflow_run_id']}"
    walk.bot("GET", good)
    _ended(walk, good)
    walk.play.github.next_run("failure", "qemu")
    walk.bot("POST", f"{WORKFLOW}/dispatches", {"ref": "master", "inputs": {**inputs, "correlation_id": "second"}})
    found = walk.bot("GET", f"{SCRIPTS}/actions/workflows/{workflow}/runs?event=workflow_dispatch&per_page=1")
    bad = f"{SCRIPTS}/actions/runs/{found['workflow_runs'][0]['id']}"
    _ended(walk, bad)
    for again in ("rerun-failed-jobs", "rerun"):
        walk.bot("POST", f"{bad}/{again}")
        _ended(walk, bad)
    walk.bot("POST", f"{good}/rerun", {"enable_debug_logging": False})
    walk.bot("POST", f"{good}/cancel")
    walk.bot("GET", good)
    jobs = walk.bot("GET", f"{bad}/jobs?per_page=1")["jobs"]
    walk.bot("GET", f"{SCRIPTS}/actions/jobs/{jobs[0]['id']}")
    narrowed = f"branch=master&status=completed&actor=bot[bot]&created=>={walk.play.clock.ago(3600)}"
    walk.bot("GET", f"{SCRIPTS}/actions/runs?{narrowed}")


def _ended(walk: Walk, run: str) -> None:
    walk.play.until(lambda: walk.bot("GET", run)["status"] == "completed")


def rulesets(walk: Walk) -> None:
    """Rulesets, as people see them and as their administrators do."""
    names = {"ref_name": {"include": ["refs/heads/build-*", "~DEFAULT_BRANCH"], "exclude": ["refs/heads/none"]}}
    bypass = [
        {"actor_id": walk.play.app.id, "actor_type": "Integration", "bypass_mode": "always"},
        {"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "pull_request"},
    ]
    checked = {"type": "required_status_checks", "parameters": CHECKS}
    described = {"name": "bases", "target": "branch", "enforcement": "active", "conditions": names}
    number = walk.play.github.add_ruleset(
        "coreos/manifest", {**described, "bypass_actors": bypass, "rules": [*RULES, checked]}
    )
    tags = {"ref_name": {"include": ["refs/tags/v*"], "exclude": []}}
    locked = {"name": "tags", "target": "tag", "enforcement": "evaluate", "conditions": tags}
    walk.play.github.add_ruleset("coreos/manifest", {**locked, "rules": [{"type": "update"}]})
    for login in ("coreos", "mallory"):
        walk.as_(login, "GET", f"{R}/rulesets?per_page=1&includes_parents=true")
        walk.as_(login, "GET", f"{R}/rulesets/{number}")
    walk.bot("GET", f"{R}/rulesets/{number}")
    walk.bot("GET", f"{R}/rules/branches/build-115")


def application(walk: Walk) -> None:
    """The App: its installations, tokens and deliveries."""
    one = f"/app/installations/{walk.play.installation}"
    walk.play.github.ping(walk.play.app)
    assert walk.play.github.wait_idle()
    walk.jwt("GET", "/app")
    walk.jwt("GET", "/app/installations?per_page=1")
    walk.jwt("GET", one)
    walk.jwt("GET", f"{R}/installation")
    walk.jwt("POST", f"{one}/access_tokens", {"repository_ids": [walk.play.seeded.manifest.id]})
    walk.jwt("POST", f"{one}/access_tokens", {"repositories": ["scripts"], "permissions": {"contents": "read"}})
    walk.bot("GET", "/installation/repositories?per_page=1")
    first = walk.jwt("GET", "/app/hook/deliveries?per_page=2")
    walk.jwt("GET", f"/app/hook/deliveries?per_page=2&cursor={first[-1]['id']}")
    oldest = walk.deliveries[0].id
    walk.jwt("GET", f"/app/hook/deliveries/{oldest}")
    walk.jwt("POST", f"/app/hook/deliveries/{oldest}/attempts")
    walk.bot("GET", "/rate_limit")


def moves(walk: Walk) -> None:
    """What owners do with repositories and installations: renamed, archived, added, removed, suspended."""
    github, number = walk.play.github, walk.play.installation
    github.rename_repository("coreos/locksmith", "locks", "coreos")
    walk.as_("octocat", "GET", "/repos/coreos/locksmith")
    github.rename_repository("coreos/scripts", "scripting", "coreos")
    walk.bot("GET", "/repos/coreos/scripts")
    walk.bot("POST", f"{SCRIPTS}/issues", {"title": "moved"})
    github.add_repositories(number, ["coreos/etcd"])
    github.remove_repositories(number, ["coreos/etcd"])
    github.archive("coreos/scripting", "coreos")
    github.unarchive("coreos/scripting", "coreos")
    github.suspend(number)
    github.unsuspend(number)
    github.limits.content_per_minute = 0
    for github.limits.status in (403, 429):
        walk.play.ask("POST", f"{R}/issues", walk.app, {"title": "too soon"})


PARTS = (repository, refs, talk, labels, pulls, reviews, checks, builds, rulesets, application, refuse, moves)
"""In this order: each finds what the ones before it left."""
