"""The bot asks for exactly the rights that its flows use: each passes with these, and none passes with one less."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest

from bot.core.intent import Check
from bot.core.record import LineOrder, ProjectBranch
from bot.core.text.progress import rows_from_json
from bot.flows.branches import ensure_project_branches
from bot.flows.desk import GIT
from bot.gh import Hub
from bot.gh.hub import BRANCH, BUILD, PROJECT, READ, WRITE
from bot.outage import Denied
from sandbox.api import EITHER
from sandbox.demo.main import PERMISSIONS
from sandbox.seed import commit_files
from sandbox.server import ROUTES
from sandbox.state import Repository
from tests.core.world import planned
from tests.flows import conftest
from tests.flows.conftest import Play
from tests.stage import MANIFEST

Rights = Mapping[str, str]
play = conftest.play

TAG, CHANNEL, VERSION = "refs/tags/v115.0.1", "refs/heads/dev-channel", "115.0.1"
BUILDS = "coreos/scripts"
LEVELS = ("", "read", "write")
NOT_GRANTED = "The permissions requested are not granted to this installation."


@contextmanager
def granted(play: Play, rights: Rights) -> Iterator[None]:
    """The installation has these rights, and the bot holds no token from before."""
    settings, full = play.desk.settings, play.desk
    play.stage.sandbox.grant(play.stage.installation, rights)
    hub = Hub(settings.github_api_url, settings.app_id, settings.private_key.reveal(), full.now)
    play.desk = replace(full, hub=hub)
    try:
        yield
    finally:
        hub.close()
        play.desk = full
        play.stage.sandbox.grant(play.stage.installation, PERMISSIONS)


def with_one_less(rights: Rights) -> list[tuple[str, Rights]]:
    """Every way to have one right less, or one that only reads; what GitHub implies cannot be taken away."""
    taken = [name for name in rights if name != "metadata"]
    without = [(f"no {name}", {each: rights[each] for each in rights if each != name}) for name in taken]
    return [*without, *((f"{name} only read", {**rights, name: "read"}) for name in taken)]


@dataclass(frozen=True)
class Flow:
    """One flow: what comes before, the flow itself, the rights that it needs, and how it is seen that it went."""

    prepare: Callable[[Play], int]
    run: Callable[[Play, int], object]
    rights: Rights
    went: Callable[[Play], object]


def nothing(play: Play) -> int:
    return 0


def merged(play: Play) -> int:
    pull = play.propose()
    play.stage.person("hubot").merge(MANIFEST, pull)
    return pull


def built(play: Play) -> int:
    pull = merged(play)
    play.publish(pull)
    return pull


def topic(play: Play) -> int:
    manifest = play.stage.seeded.manifest
    manifest.git.update("refs/heads/topic", manifest.git.refs()["refs/heads/build-115"])
    commit_files(manifest, "topic", {"NOTES": ("100644", b"x\n")}, "docs: a note")
    return play.stage.person("octocat").open_pull(MANIFEST, "topic", "build-115", "a note")


def home(play: Play) -> Repository:
    return play.stage.sandbox.world.repositories[play.repository.id]


def said(play: Play) -> list[str]:
    """What the bot has written anywhere."""
    comments = [comment for issue in home(play).issues.values() for comment in issue.comments]
    return [comment.body for comment in comments if comment.app is not None]


FLOWS = {
    "comment to pull request": Flow(
        nothing,
        lambda play, _: play.propose(),
        WRITE,
        lambda play: play.stage.person("octocat").pulls(MANIFEST),
    ),
    "pull request to check": Flow(
        topic,
        lambda play, pull: play.do(Check(play.repository, pull)),
        WRITE,
        lambda play: [check.conclusion for check in home(play).checks] == ["success"],
    ),
    "merge to tag, channel and build": Flow(
        merged,
        lambda play, pull: play.publish(pull),
        WRITE,
        lambda play: TAG in play.stage.refs() and play.stage.refs()[CHANNEL] == play.stage.refs()[TAG + "^{}"],
    ),
    "pull request closed to branch deleted": Flow(
        lambda play: _closed(play),
        lambda play, pull: play.withdraw(pull),
        WRITE,
        lambda play: "refs/heads/release-bot/v115.0.1" not in play.stage.refs(),
    ),
}


def _closed(play: Play) -> int:
    pull = play.propose()
    play.stage.person("octocat").close(MANIFEST, pull)
    return pull


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_passes_with_its_rights_and_is_denied_with_one_less(play: Play, name: str) -> None:
    flow = FLOWS[name]
    about = flow.prepare(play)
    before = play.stage.refs(), said(play), len(home(play).checks)
    for missing, rights in with_one_less(flow.rights):
        with granted(play, rights), pytest.raises(Denied) as denied:
            flow.run(play, about)
        assert NOT_GRANTED in str(denied.value), missing
        assert (play.stage.refs(), said(play), len(home(play).checks)) == before, missing
        assert not flow.went(play), missing
    with granted(play, flow.rights):
        flow.run(play, about)
    assert flow.went(play)


def test_a_build_needs_its_own_right_and_its_lack_is_told_while_the_release_stands(play: Play) -> None:
    pull = merged(play)
    for _, rights in with_one_less(BUILD):
        with granted(play, {**WRITE, **rights}):
            play.publish(pull)
        assert TAG in play.stage.refs()
        assert _runs(play) == 0
        (told,) = play.stage.said(pull, "end v115.0.1")
        assert "not granted to this installation" in told
    with granted(play, {**WRITE, **BUILD}):
        play.publish(pull)
        assert _runs(play) == 1
        assert play.follow(VERSION).state == "done"
    for missing, rights in with_one_less(BUILD):
        with granted(play, {**WRITE, **rights}), pytest.raises(Denied) as denied:
            play.follow(VERSION)
        assert NOT_GRANTED in str(denied.value), missing


def _runs(play: Play) -> int:
    return len(play.stage.sandbox.world.repositories[play.stage.seeded.projects[BUILDS].id].runs)


def test_a_projects_branch_needs_its_own_right_and_its_lack_is_told_in_the_row(play: Play) -> None:
    line = LineOrder("build-120", "refs/heads/build-120", None, projects=(_order(play),))
    plan = replace(planned().record, line=line)
    play.desk.store.merged(play.repository.id, plan, 1, "ab" * 20, "cd" * 20)
    for missing, rights in with_one_less(BRANCH):
        with granted(play, rights):
            assert ensure_project_branches(play.desk, play.repository, plan.version) is False
        assert "refs/heads/build-120" not in play.stage.sandbox.refs(BUILDS), missing
        release = play.desk.store.release(play.repository.id, plan.version)
        assert release is not None
        (row,) = rows_from_json(release.rows)
        assert (row.state, "not granted" in row.detail, "git push" in row.detail) == ("failed", True, True)
    with granted(play, BRANCH):
        ensure_project_branches(play.desk, play.repository, plan.version)
    assert "refs/heads/build-120" in play.stage.sandbox.refs(BUILDS)


def _order(play: Play) -> ProjectBranch:
    url = f"{play.stage.sandbox.url}/{BUILDS}"
    return ProjectBranch(BUILDS, "src/scripts", url, play.stage.seeded.pins[BUILDS])


# The same from the other side: nothing that is asked for goes unused


NEEDS = {
    **{route.name: route.needs for route in ROUTES if ":" in route.needs},
    "git upload-pack": "contents:read",
    "git receive-pack": "contents:write",
}
PLACE = re.compile(r"/(?:repos|repositories)/(?P<repo>[0-9]+|[^/]+/[^/]+)(?:/issues/(?P<number>[0-9]+))?")


def used(play: Play, begin: int) -> dict[str, dict[str, str]]:
    """The rights that the bot's requests since then needed in each repository of its installation, no higher than it
    takes. What is public elsewhere everybody may read.
    """
    world = play.stage.sandbox.world
    found: dict[str, dict[str, str]] = {}
    for asked in play.stage.sandbox.requests[begin:]:
        needs = NEEDS.get(asked.name.removesuffix(" refs"))
        if asked.by != "installation" or needs is None:
            continue
        place = PLACE.search(asked.path)
        name = place["repo"] if place else "/".join(asked.path.split("/")[1:3]).removesuffix(".git")
        repository = world.repositories[int(name)] if name.isdecimal() else world.repository(name)
        assert repository is not None
        if repository.id not in world.installations[play.stage.installation].repositories:
            continue
        right, level = needs.split(":")
        if right == EITHER:
            issue = repository.issues.get(int((place and place["number"]) or 0))
            right = "issues" if issue is not None and issue.pull is None else "metadata"
            level = level if right == "issues" else "read"  # both permissions do, so neither is needed for this
        held = found.setdefault(repository.full_name, {"metadata": "read"})
        held[right] = max(held.get(right, ""), level, key=LEVELS.index)
    return found


def test_a_release_uses_every_right_that_is_asked_for_and_no_other(play: Play) -> None:
    begin = len(play.stage.sandbox.requests)
    pull = play.propose()
    play.check(pull)
    play.stage.person("hubot").merge(MANIFEST, pull)
    play.publish(pull)
    play.follow(VERSION)
    assert used(play, begin) == {MANIFEST: dict(WRITE), BUILDS: dict(BUILD)}
    assert {**WRITE, **BUILD} == PERMISSIONS


def test_no_token_has_more_than_the_app_and_those_for_projects_only_what_they_are_for() -> None:
    for rights in (READ, WRITE, BUILD, BRANCH, PROJECT, GIT):
        for name, level in rights.items():
            assert LEVELS.index(level) <= LEVELS.index(PERMISSIONS[name])
    assert set(GIT) == set(BRANCH) == set(PROJECT) == {"contents", "metadata"}
    assert set(READ.values()) == {"read"}
