"""Releases where GitHub guards the refs: by the rulesets that are recommended, and by those that leave the bot out."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bot.outage import Denied
from sandbox import Denied as Refused
from sandbox.seed import commit_files
from tests.flows.conftest import Play
from tests.stage import MANIFEST

CHECK = "release / plan"
TAG, CHANNEL, LINE = "refs/tags/v115.0.1", "refs/heads/dev-channel", "refs/heads/build-116"
HEAD = "release-bot/v115.0.1"
GIT = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}


def guard(play: Play, target: str, names: list[str], rules: list[Any], bot: bool = True) -> int:
    """A ruleset on these refs, above which stands the App, or nobody."""
    app = {"actor_type": "Integration", "actor_id": play.stage.app.id, "bypass_mode": "always"}
    described = {
        "name": f"guard {names[0]}",
        "target": target,
        "enforcement": "active",
        "conditions": {"ref_name": {"include": names, "exclude": []}},
        "bypass_actors": [app] if bot else [],
        "rules": [each if isinstance(each, dict) else {"type": each} for each in rules],
    }
    return play.stage.sandbox.add_ruleset(MANIFEST, described)


def guard_tags(play: Play, bot: bool = True) -> int:
    return guard(play, "tag", ["refs/tags/v*"], ["creation"], bot)


def guard_channels(play: Play, bot: bool = True) -> int:
    return guard(play, "branch", [CHANNEL], ["creation", "update", "deletion", "non_fast_forward"], bot)


def guard_bases(play: Play, bot: bool = True) -> int:
    check = [{"context": CHECK, "integration_id": play.stage.app.id}]
    rules = [
        {"type": "pull_request", "parameters": {"required_approving_review_count": 0}},
        {"type": "required_status_checks", "parameters": {"required_status_checks": check}},
        "deletion",
        "non_fast_forward",
    ]
    return guard(play, "branch", ["refs/heads/master", "refs/heads/build-*"], rules, bot)


def recommended(play: Play) -> None:
    guard_tags(play)
    guard(play, "tag", ["refs/tags/v*"], ["update", "deletion"], bot=False)  # a tag stays what it was, for all
    guard_channels(play)
    guard_bases(play)


def merge(play: Play, pull: int) -> str:
    return play.stage.person("hubot").merge(MANIFEST, pull)


def refused_merge(play: Play, pull: int) -> str:
    with pytest.raises(Refused) as refused:
        merge(play, pull)
    assert refused.value.status == 405
    return str(refused.value)


def push(play: Play, folder: Path, login: str, *refs: str) -> subprocess.CompletedProcess[str]:
    """A person's own `git push`, over HTTP."""
    token, host = play.stage.sandbox.user(login).token, play.stage.sandbox.url.removeprefix("http://")
    url = f"http://x-access-token:{token}@{host}/{MANIFEST}.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", url, str(folder)], env=GIT, check=True, capture_output=True)
    command = ["git", "-C", str(folder), "push", url, *refs]
    return subprocess.run(command, env=GIT, capture_output=True, text=True, check=False)


def test_a_whole_release_passes_the_recommended_rulesets(play: Play, tmp_path: Path) -> None:
    recommended(play)
    pull = play.propose()
    refused = push(play, tmp_path / "clone", "hubot", f"build-115:{TAG}", f"+build-109:{CHANNEL}", "master:build-115")
    assert refused.stderr.count("(push declined due to repository rule violations)") == 3
    assert TAG not in play.stage.refs()

    commit_files(play.stage.seeded.manifest, HEAD, {"NOTES": ("100644", b"x\n")}, "sneak this in")
    assert f'Required status check "{CHECK}" is expected.' in refused_merge(play, pull)
    assert play.check(pull).startswith("failure: ")
    assert f'Required status check "{CHECK}" is failing.' in refused_merge(play, pull)

    planned = play.stage.seeded.manifest.git.run("rev-parse", f"refs/heads/{HEAD}~1")
    play.stage.seeded.manifest.git.update(f"refs/heads/{HEAD}", planned)
    merged = merge(play, pull)
    assert play.publish(pull).state == "done"
    refs = play.stage.refs()
    assert refs[TAG + "^{}"] == refs[CHANNEL] == merged


def test_what_is_no_release_passes_by_the_bots_check_too(play: Play) -> None:
    recommended(play)
    play.stage.seeded.manifest.git.update("refs/heads/topic", play.stage.refs()["refs/heads/build-115"])
    commit_files(play.stage.seeded.manifest, "topic", {"NOTES": ("100644", b"x\n")}, "docs: a note")
    pull = play.stage.person("octocat").open_pull(MANIFEST, "topic", "build-115", "a note")
    assert "is expected" in refused_merge(play, pull)
    assert play.check(pull).startswith("success: ")
    assert merge(play, pull)


def test_a_new_line_is_opened_and_moved_by_the_bot_where_people_need_pull_requests(play: Play) -> None:
    recommended(play)
    for command, version, pull in (
        ("/release new 116", "116.0.0", 2),
        ("/release new 116 --allow-empty", "116.1.0", 4),
    ):
        assert play.type(command).startswith(f"Opened #{pull}")
        merged = merge(play, pull)
        assert play.publish(pull).state == "done"
        refs = play.stage.refs()
        assert refs[f"refs/tags/v{version}^{{}}"] == refs[LINE] == refs[CHANNEL] == merged


def test_a_release_stops_whole_where_its_branch_is_not_the_bots_to_make(play: Play) -> None:
    rules = guard_bases(play, bot=False)
    play.type("/release new 116")
    merge(play, 2)
    outcome = play.publish(2)
    assert (outcome.state, "Required status check" in outcome.detail) == ("stopped", True)
    assert not {"refs/tags/v116.0.0", LINE} & set(play.stage.refs())
    play.stage.sandbox.remove_ruleset(MANIFEST, rules)
    guard_bases(play)
    assert "again" in play.type("/release resume", on=2)
    assert {"refs/tags/v116.0.0", LINE} <= set(play.stage.refs())


def test_a_forbidden_tag_stops_the_release_and_says_why_until_the_rules_are_mended(play: Play) -> None:
    rules = guard_tags(play, bot=False)
    pull = play.propose()
    merged = merge(play, pull)
    before = play.stage.refs()
    assert play.publish(pull).state == "stopped"
    assert play.stage.refs() == before
    (told,) = play.stage.said(pull, "stopped")
    assert "GH013: Repository rule violations found for refs/tags/v115.0.1" in told
    assert "Cannot create ref due to creations being restricted." in told
    assert "`/release resume`" in told

    play.stage.sandbox.remove_ruleset(MANIFEST, rules)
    guard_tags(play)
    assert play.type("/release resume", on=pull).startswith("I prove the merge for `v115.0.1` again")
    refs = play.stage.refs()
    assert refs[TAG + "^{}"] == refs[CHANNEL] == merged


def test_a_forbidden_channel_leaves_the_release_published_and_is_told_in_its_row(play: Play) -> None:
    guard_channels(play, bot=False)
    pull = play.propose()
    merged = merge(play, pull)
    before = play.stage.refs()[CHANNEL]
    assert play.publish(pull).state == "done"
    refs = play.stage.refs()
    assert (refs[TAG + "^{}"], refs[CHANNEL]) == (merged, before)
    (told,) = play.stage.said(pull, "progress")
    (row,) = [line for line in told.splitlines() if line.startswith("| dev-channel | ❌")]
    assert "not allowed: " in row
    assert "GH013: Repository rule violations found" in row


def test_a_locked_pull_request_is_published_though_nothing_can_be_said_there(play: Play) -> None:
    pull = play.propose()
    merged = merge(play, pull)
    play.stage.sandbox.lock_issue(MANIFEST, pull)
    assert play.publish(pull).state == "done"
    assert play.stage.refs()[TAG + "^{}"] == merged
    assert play.stage.said(pull, "progress") == []


def test_a_command_on_a_locked_issue_is_carried_out_though_no_reply_is_taken(play: Play) -> None:
    number = play.stage.person("octocat").open_issue(MANIFEST, "a release")
    play.stage.sandbox.lock_issue(MANIFEST, number)
    command = f"/release patch build-115 coreos/etcd={play.stage.seeded.etcd_release_head}"
    comment = play.stage.person("octocat").comment(MANIFEST, number, command)
    assert play.answer(number, comment, command, "octocat").state == "done"
    assert len(play.stage.person("octocat").pulls(MANIFEST)) == 1


@pytest.mark.parametrize("taken", ["suspended", "removed", "archived", "transferred"])
def test_a_merge_that_the_bot_may_not_publish_any_more_is_refused_and_nothing_is_written(
    play: Play, taken: str
) -> None:
    pull = play.propose()
    merge(play, pull)
    sandbox, installation = play.stage.sandbox, play.stage.installation
    sandbox.create_organization("elsewhere")
    {
        "suspended": lambda: sandbox.suspend(installation),
        "removed": lambda: sandbox.uninstall(installation),
        "archived": lambda: sandbox.archive(MANIFEST, "hubot"),
        "transferred": lambda: sandbox.transfer_repository(MANIFEST, "elsewhere", "hubot"),
    }[taken]()
    git = play.stage.seeded.manifest.git
    before = git.refs()
    if taken == "archived":  # it can still be read, and the push is refused
        assert play.publish(pull).state == "stopped"
    else:
        with pytest.raises(Denied):
            play.publish(pull)
    assert git.refs() == before


def test_what_waited_for_a_suspended_installation_is_published_when_it_works_again(play: Play) -> None:
    pull = play.propose()
    merged = merge(play, pull)
    play.stage.sandbox.suspend(play.stage.installation)
    with pytest.raises(Denied, match="suspended"):
        play.publish(pull)
    assert play.desk.hub.installations() == []
    play.stage.sandbox.unsuspend(play.stage.installation)
    assert play.desk.hub.installations() == [play.stage.installation]
    assert play.publish(pull).state == "done"
    assert play.stage.refs()[TAG + "^{}"] == merged
