"""Rulesets of the stand-in GitHub: one law for pushes, the API of refs and merges, and exactly its actors above it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.person import Denied
from sandbox.ruling import Rule, matches
from tests.sandbox.play import MANIFEST, Play
from tests.sandbox.test_git import Clone, octocats

GONE = "0" * 40
CHECK = "release / plan"


def ruleset(target: str, include: list[str], *rules: Any, bypass: Any = (), **more: Any) -> dict[str, Any]:
    return {
        "name": "guard",
        "target": target,
        "enforcement": more.pop("enforcement", "active"),
        "conditions": {"ref_name": {"include": include, "exclude": more.pop("exclude", [])}},
        "bypass_actors": list(bypass),
        "rules": [each if isinstance(each, dict) else {"type": each} for each in rules],
    }


def app(play: Play, mode: str = "always") -> dict[str, Any]:
    return {"actor_type": "Integration", "actor_id": play.app.id, "bypass_mode": mode}


def required(*checks: tuple[str, int | None], **more: bool) -> dict[str, Any]:
    wanted = [{"context": name, "integration_id": number} for name, number in checks]
    return {"type": "required_status_checks", "parameters": {"required_status_checks": wanted, **more}}


def pull_request(approvals: int = 0, **more: bool) -> dict[str, Any]:
    return {"type": "pull_request", "parameters": {"required_approving_review_count": approvals, **more}}


def check(play: Play, sha: str, conclusion: str | None, name: str = CHECK) -> None:
    body = {"name": name, "head_sha": sha, **({"conclusion": conclusion} if conclusion else {"status": "in_progress"})}
    assert play.ask("POST", f"/repos/{MANIFEST}/check-runs", play.token(), body)[0] == 201


# Pushes


def test_a_tag_that_only_the_app_may_make_is_refused_to_people_in_githubs_words(play: Play, tmp_path: Path) -> None:
    play.github.add_ruleset(MANIFEST, ruleset("tag", ["refs/tags/v*"], "creation", "update", bypass=[app(play)]))
    clone = octocats(play, tmp_path / "clone")
    clone.git("tag", "v115.0.1")
    refused = clone.git("push", "origin", "v115.0.1", "HEAD:refs/heads/topic")
    assert refused.returncode == 1
    assert "remote: error: GH013: Repository rule violations found for refs/tags/v115.0.1." in refused.stderr
    assert "remote: - Cannot create ref due to creations being restricted." in refused.stderr
    assert "/rules?ref=refs%2Ftags%2Fv115.0.1" in refused.stderr
    assert "[remote rejected] v115.0.1 -> v115.0.1 (push declined due to repository rule violations)" in refused.stderr
    refs = play.github.refs(MANIFEST)
    assert ("refs/tags/v115.0.1" in refs, "refs/heads/topic" in refs) == (False, True)
    assert [each["ref"] for each in play.heard("push")] == ["refs/heads/topic"]

    bot = Clone(play, tmp_path / "bot", play.token())
    bot.git("tag", "v115.0.1")
    passed = bot.git("push", "origin", "v115.0.1")
    assert passed.returncode == 0
    assert "remote: Bypassed rule violations for refs/tags/v115.0.1:" in passed.stderr
    assert "refs/tags/v115.0.1" in play.github.refs(MANIFEST)


def test_of_an_atomic_push_one_refused_ref_refuses_all(play: Play, tmp_path: Path) -> None:
    play.github.add_ruleset(MANIFEST, ruleset("tag", ["~ALL"], "creation"))
    clone = octocats(play, tmp_path / "clone")
    clone.git("tag", "v115.0.1")
    before = play.github.refs(MANIFEST)
    refused = clone.git("push", "--atomic", "--porcelain", "origin", "v115.0.1", "HEAD:refs/heads/topic")
    assert refused.returncode == 1
    assert "[remote rejected] (push declined due to repository rule violations)" in refused.stdout
    assert "[remote rejected] (atomic push failure)" in refused.stdout
    assert play.github.refs(MANIFEST) == before
    assert play.heard("push") == []
    assert clone.git("push", "--atomic", "origin", "HEAD:refs/heads/a", "HEAD:refs/heads/b").returncode == 0
    assert {"refs/heads/a", "refs/heads/b"} <= set(play.github.refs(MANIFEST))


MOVES = {
    "creation": ("HEAD:refs/heads/guarded-new", "Cannot create ref due to creations being restricted."),
    "update": ("HEAD:refs/heads/guarded", "Cannot update this protected ref."),
    "deletion": (":refs/heads/guarded", "Cannot delete this branch"),
    "non_fast_forward": ("+HEAD~2:refs/heads/guarded", "Cannot force-push to this branch"),
    "required_linear_history": ("merged:refs/heads/guarded", "This branch must not contain merge commits."),
    "pull_request": ("HEAD:refs/heads/guarded", "Changes must be made through a pull request."),
    "required_status_checks": ("HEAD:refs/heads/guarded", f'Required status check "{CHECK}" is expected.'),
}


@pytest.mark.parametrize("rule", MOVES)
def test_each_rule_forbids_its_move(play: Play, tmp_path: Path, rule: str) -> None:
    play.github.repository(MANIFEST).git.update("refs/heads/guarded", play.github.refs(MANIFEST)["refs/heads/master"])
    clone = octocats(play, tmp_path / "clone")
    clone.git("switch", "--quiet", "-c", "merged")
    clone.commit("SIDE", "x\n")
    clone.git("switch", "--quiet", "-")
    clone.commit("NOTES", "x\n")
    clone.git("switch", "--quiet", "merged")
    clone.git("merge", "--quiet", "--no-edit", "-")
    clone.git("switch", "--quiet", "-")
    described = required((CHECK, play.app.id)) if rule == "required_status_checks" else rule
    number = play.github.add_ruleset(MANIFEST, ruleset("branch", ["refs/heads/guarded*"], described))
    before = play.github.refs(MANIFEST)
    move, words = MOVES[rule]
    refused = clone.git("push", "origin", move)
    assert f"remote: - {words}" in refused.stderr, refused.stderr
    assert play.github.refs(MANIFEST) == before
    play.github.remove_ruleset(MANIFEST, number)
    assert clone.git("push", "origin", move).returncode == 0


def test_rules_forbid_nothing_else(play: Play, tmp_path: Path) -> None:
    guard = ruleset("branch", ["refs/heads/guarded"], "deletion", "non_fast_forward", pull_request())
    play.github.add_ruleset(MANIFEST, guard)
    clone = octocats(play, tmp_path / "clone")
    assert clone.git("push", "origin", "HEAD:refs/heads/guarded").returncode == 0  # made, not changed
    clone.commit("NOTES", "x\n")
    assert clone.git("push", "origin", "HEAD:refs/heads/guarded").returncode == 1
    assert clone.git("push", "origin", "HEAD:refs/heads/guarded-not").returncode == 0


@pytest.mark.parametrize("enforcement", ["evaluate", "disabled"])
def test_a_ruleset_that_is_not_active_binds_nobody(play: Play, tmp_path: Path, enforcement: str) -> None:
    play.github.add_ruleset(MANIFEST, ruleset("branch", ["~ALL"], "creation", enforcement=enforcement))
    assert octocats(play, tmp_path / "clone").git("push", "origin", "HEAD:refs/heads/topic").returncode == 0


@pytest.mark.parametrize(
    ("pattern", "ref", "fits"),
    [
        ("refs/heads/build-*", "refs/heads/build-115", True),
        ("refs/heads/build-*", "refs/heads/build-115/x", False),
        ("refs/heads/**/x", "refs/heads/a/b/x", True),
        ("refs/heads/**/x", "refs/heads/x", True),
        ("refs/heads/*", "refs/heads/a/b", False),
        ("refs/tags/v[0-9]*", "refs/tags/v1.0", True),
        ("refs/tags/v[!0-9]*", "refs/tags/v1.0", False),
        ("refs/tags/v?", "refs/tags/v1", True),
        ("refs/tags/v1.0", "refs/tags/v1x0", False),
    ],
)
def test_patterns_fit_as_githubs_do(pattern: str, ref: str, fits: bool) -> None:
    assert matches(ref, pattern) is fits


def test_the_default_branch_and_what_is_left_out_are_known_by_their_words() -> None:
    rule = Rule(
        "update", "branch", ("~DEFAULT_BRANCH", "refs/heads/build-*"), ("refs/heads/build-1",), "refs/heads/main"
    )
    held = [name for name in ("main", "master", "build-1", "build-2") if rule.holds_for(f"refs/heads/{name}")]
    assert held == ["main", "build-2"]
    assert not rule.holds_for("refs/tags/main")


def test_roles_that_may_bypass_do(play: Play, tmp_path: Path) -> None:
    maintain = {"actor_type": "RepositoryRole", "actor_id": 2, "bypass_mode": "always"}
    play.github.add_ruleset(MANIFEST, ruleset("branch", ["~DEFAULT_BRANCH"], "update", bypass=[maintain]))
    for login, ended in {"octocat": 1, "hubot": 0}.items():
        clone = Clone(play, tmp_path / login, play.github.user(login).token)
        clone.commit("NOTES", f"{login}\n")
        assert clone.git("push", "origin", "HEAD:master").returncode == ended, login


def test_apps_push_workflows_by_a_permission_of_its_own(play: Play, tmp_path: Path) -> None:
    people, bot = octocats(play, tmp_path / "people"), Clone(play, tmp_path / "bot", play.token())
    for clone in (people, bot):
        (clone.folder / ".github/workflows").mkdir(parents=True, exist_ok=True)
    bot.commit(".github/workflows/bots.yml", "on: push\n")
    refused = bot.git("push", "--atomic", "origin", "HEAD:refs/heads/bots", "HEAD~1:refs/heads/other")
    words = "refusing to allow a GitHub App to create or update workflow `.github/workflows/bots.yml`"
    assert f"({words} without `workflows` permission)" in refused.stderr
    assert not {"refs/heads/bots", "refs/heads/other"} & set(play.github.refs(MANIFEST))

    people.commit(".github/workflows/peoples.yml", "on: push\n")
    assert people.git("push", "origin", "HEAD:refs/heads/peoples").returncode == 0
    bot.git("fetch", "--quiet", "origin")
    assert bot.git("push", "origin", "origin/peoples:refs/heads/same").returncode == 0  # it is there already

    play.app.permissions["workflows"] = "write"
    allowed = Clone(play, tmp_path / "allowed", play.token())
    allowed.git("pull", "--quiet", str(tmp_path / "bot"))
    assert allowed.git("push", "origin", "HEAD:refs/heads/bots").returncode == 0


# The API


def test_the_api_of_refs_refuses_what_a_push_may_not(play: Play) -> None:
    head = play.github.refs(MANIFEST)["refs/heads/build-115"]
    topic = play.topic("topic")
    play.github.add_ruleset(MANIFEST, ruleset("branch", ["refs/heads/*"], "creation", "update", "deletion"))
    path = f"/repos/{MANIFEST}/git/refs"
    asked = [
        ("POST", path, {"ref": "refs/heads/new", "sha": head}, "Cannot create ref due to creations being restricted."),
        ("PATCH", f"{path}/heads/build-115", {"sha": topic}, "Cannot update this protected ref."),
        ("DELETE", f"{path}/heads/topic", None, "Cannot delete this branch"),
    ]
    before = play.github.refs(MANIFEST)
    for method, address, body, words in asked:
        status, said = play.ask(method, address, play.token(), body)
        assert (status, said["message"]) == (422, f"Repository rule violations found\n\n{words}\n\n")
    assert play.github.refs(MANIFEST) == before


def test_rulesets_are_read_by_all_and_who_bypasses_them_by_admins(play: Play) -> None:
    play.github.set_role(MANIFEST, "hubot", "admin")
    guard = ruleset("tag", ["refs/tags/v*"], "creation", bypass=[app(play)])
    number = play.github.add_ruleset(MANIFEST, guard)
    path = f"/repos/{MANIFEST}/rulesets"
    (listed,) = play.person("mallory").ask("GET", path)
    assert (listed["id"], listed["enforcement"], listed["target"]) == (number, "active", "tag")
    seen = play.person("mallory").ask("GET", f"{path}/{number}")
    assert (seen["rules"], seen["conditions"]) == (guard["rules"], guard["conditions"])
    assert (seen["current_user_can_bypass"], "bypass_actors" in seen) == ("never", False)
    assert play.person("hubot").ask("GET", f"{path}/{number}")["bypass_actors"] == guard["bypass_actors"]
    own = play.ask("GET", f"{path}/{number}", play.token(permissions={"metadata": "read"}))[1]
    assert (own["current_user_can_bypass"], "bypass_actors" in own) == ("always", False)
    assert play.ask("GET", f"{path}/1", play.token())[0] == 404


def test_the_rules_of_a_branch_are_those_that_are_active(play: Play) -> None:
    number = play.github.add_ruleset(MANIFEST, ruleset("branch", ["refs/heads/build-*"], pull_request(1), "deletion"))
    play.github.add_ruleset(MANIFEST, ruleset("branch", ["~ALL"], "update", enforcement="evaluate"))
    path = f"/repos/{MANIFEST}/rules/branches"
    found = play.person("mallory").ask("GET", f"{path}/build-120")
    assert [(each["type"], each["ruleset_id"]) for each in found] == [("pull_request", number), ("deletion", number)]
    assert found[0]["parameters"]["required_approving_review_count"] == 1
    assert play.person("mallory").ask("GET", f"{path}/master") == []


# Merges


def open_pull(play: Play) -> tuple[int, str]:
    head = play.topic("topic")
    return play.person("octocat").open_pull(MANIFEST, "topic", "build-115", "a note"), head


def state(play: Play, number: int) -> str:
    return str(play.person("hubot").ask("GET", f"/repos/{MANIFEST}/pulls/{number}")["mergeable_state"])


def refusal(play: Play, number: int, login: str = "hubot", method: str = "merge") -> str:
    with pytest.raises(Denied) as refused:
        play.person(login).merge(MANIFEST, number, method)
    assert refused.value.status == 405
    return str(refused.value).removeprefix("405: Repository rule violations found").strip()


def test_a_merge_waits_for_the_check_of_the_app_that_is_asked_for(play: Play) -> None:
    play.github.add_ruleset(MANIFEST, ruleset("branch", ["refs/heads/build-*"], required((CHECK, play.app.id))))
    number, head = open_pull(play)
    assert state(play, number) == "blocked"
    assert refusal(play, number) == f'Required status check "{CHECK}" is expected.'
    other = play.github.create_app("other", "http://127.0.0.1:1/", "s" * 20, {"checks": "write"}, [])
    token = play.token_of(other, play.github.install(other, [MANIFEST]))
    made = {"name": CHECK, "head_sha": head, "conclusion": "success"}
    assert play.ask("POST", f"/repos/{MANIFEST}/check-runs", token, made)[0] == 201
    assert refusal(play, number) == f'Required status check "{CHECK}" is expected.'
    check(play, head, None)
    assert refusal(play, number) == f'Required status check "{CHECK}" is in progress.'
    check(play, head, "failure")
    assert refusal(play, number) == f'Required status check "{CHECK}" is failing.'
    check(play, head, "success")
    assert state(play, number) == "clean"
    assert play.person("hubot").merge(MANIFEST, number)


def test_several_missing_checks_are_counted(play: Play) -> None:
    wanted = required((CHECK, play.app.id), ("lint", None), ("test", None))
    play.github.add_ruleset(MANIFEST, ruleset("branch", ["~ALL"], wanted))
    number, head = open_pull(play)
    assert refusal(play, number) == "3 of 3 required status checks are expected."
    check(play, head, "failure", "lint")
    check(play, head, "success")
    words = "2 of 3 required status checks have not succeeded: 1 failing, 1 expected."
    assert refusal(play, number) == words


def test_a_merge_waits_for_reviews_of_people_who_may_write(play: Play) -> None:
    play.github.add_ruleset(MANIFEST, ruleset("branch", ["~ALL"], pull_request(1, dismiss_stale_reviews_on_push=True)))
    number, _ = open_pull(play)
    words = "At least 1 approving review is required by reviewers with write access."
    play.person("mallory").approve(MANIFEST, number)
    assert refusal(play, number) == words
    play.person("hubot").review(MANIFEST, number, "REQUEST_CHANGES", "no")
    assert refusal(play, number).startswith("Changes have been requested")
    play.person("hubot").approve(MANIFEST, number)
    assert play.person("octocat").merge(MANIFEST, number)


def test_who_may_only_update_by_bypass_merges_only_by_bypass(play: Play) -> None:
    on_pulls = {"actor_type": "RepositoryRole", "actor_id": 2, "bypass_mode": "pull_request"}
    play.github.add_ruleset(
        MANIFEST, ruleset("branch", ["~ALL"], "update", "required_linear_history", bypass=[on_pulls])
    )
    number, _ = open_pull(play)
    assert refusal(play, number, "octocat") == (
        "Cannot update this protected ref.\nThis branch must not contain merge commits."
    )
    assert play.person("hubot").merge(MANIFEST, number)


@pytest.mark.parametrize("broken", [{"rules": [{"type": "code_scanning"}]}, {"target": "push"}, {"enforcement": "on"}])
def test_what_the_sandbox_does_not_enforce_is_not_taken(play: Play, broken: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"sandbox does not|no such target"):
        play.github.add_ruleset(MANIFEST, {**ruleset("branch", ["~ALL"], "update"), **broken})
